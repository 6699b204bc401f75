//! The trained networks of an experiment as a checkpoint holds them, and how they come back.

use crate::Snapshot;
use semrel_nn::checkpoint::{CheckpointError, Extras, StateDict, copy_into};
use semrel_nn::image_pool::ImagePool;
use semrel_nn::{Adam, Trained};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tch::Tensor;

/// File of Adam's moments, `<network>.<m|v>`, flat.
const OPTIMISERS: &str = "optimisers";

/// A network of an experiment: its name, its state dict (which shares storage with it), and its optimiser.
pub struct Part<'a> {
    /// The published name: `G`, `D_A`, `F`.
    pub name: &'static str,
    /// State dict under published keys.
    pub state: StateDict,
    parameters: i64,
    /// Its optimiser.
    pub adam: &'a mut Adam,
}

impl<'a> Part<'a> {
    /// The part that a trained network is.
    pub fn new<T>(name: &'static str, trained: &'a mut Trained<T>) -> Self {
        Self { name, state: trained.net.state(), parameters: trained.net.numel(), adam: &mut trained.adam }
    }

    /// Number of trained numbers.
    pub fn parameters(&self) -> i64 {
        self.parameters
    }
}

/// Trained numbers of each part, for a summary.
pub fn parameters(parts: &[Part<'_>]) -> BTreeMap<String, i64> {
    parts.iter().map(|part| (part.name.to_owned(), part.parameters())).collect()
}

/// Stem of the file that holds a network: `net_G`, with published keys, as the published code names its files.
pub fn file_of(name: &str) -> String {
    format!("net_{name}")
}

/// What `state.json` says of the parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartsState {
    /// Completed steps.
    pub step: u64,
    /// Step and score of the best checkpoint so far.
    pub best: Option<(u64, f64)>,
    /// Steps that each optimiser has taken.
    pub adam_steps: BTreeMap<String, i64>,
}

/// Parts that cannot be saved or restored.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    /// A non-finite tensor, which is of no use.
    #[error(
        "step {step}: `{key}` of network {network} is not finite; the run has diverged (lower the learning rate, or check \
         the data); the checkpoints of earlier steps are kept"
    )]
    NotFinite {
        /// The step.
        step: u64,
        /// The network.
        network: &'static str,
        /// The state-dict key.
        key: String,
    },
    /// `state.json` does not say what it should.
    #[error("state.json: {0}")]
    State(String),
    /// A file that the checkpoint lacks.
    #[error("the checkpoint has no {0}.safetensors")]
    NoFile(String),
    /// Weights that do not fit.
    #[error("network {network}")]
    Weights {
        /// The network.
        network: String,
        /// What does not fit.
        source: CheckpointError,
    },
    /// Non-finite weights.
    #[error("`{key}` holds NaN or infinity: the file is damaged, or from a run that diverged")]
    Damaged {
        /// The state-dict key.
        key: String,
    },
    /// Moments that do not fit.
    #[error("optimiser of network {network}: {what}")]
    Moments {
        /// The network.
        network: &'static str,
        /// What does not fit.
        what: String,
    },
}

/// The checkpoint of networks that have completed `step` steps: a file for each network, one for all optimisers, and those of
/// `more` (image buffers).
///
/// # Errors
/// Names the first tensor that holds NaN or an infinity: such a checkpoint would be of no use.
pub fn save_parts(
    parts: Vec<Part<'_>>,
    step: u64,
    best: Option<(u64, f64)>,
    more: BTreeMap<String, StateDict>,
) -> Result<Snapshot, PartsError> {
    let (mut files, mut optimisers, mut adam_steps) = (more, StateDict::new(), BTreeMap::new());
    for Part { name, state, adam, .. } in parts {
        for (key, tensor) in &state {
            if tensor.isfinite().all().int64_value(&[]) != 1 {
                return Err(PartsError::NotFinite { step, network: name, key: key.clone() });
            }
        }
        optimisers.extend(adam.moments().into_iter().map(|(m, t)| (format!("{name}.{m}"), t.shallow_clone())));
        adam_steps.insert(name.to_owned(), adam.steps());
        files.insert(file_of(name), state.into_iter().map(|(key, t)| (key, t.detach())).collect());
    }
    files.insert(OPTIMISERS.to_owned(), optimisers);
    let state = serde_json::to_value(PartsState { step, best, adam_steps }).expect("plain numbers");
    Ok(Snapshot { files, state })
}

/// Puts a checkpoint back into networks of the same configuration.
///
/// # Errors
/// [`PartsError`] names the network and what does not fit; networks before it already have their new weights.
pub fn restore_parts(parts: Vec<Part<'_>>, snapshot: &Snapshot) -> Result<PartsState, PartsError> {
    let state: PartsState =
        serde_json::from_value(snapshot.state.clone()).map_err(|e| PartsError::State(e.to_string()))?;
    let file = |stem: String| snapshot.files.get(&stem).ok_or(PartsError::NoFile(stem));
    let moments = file(OPTIMISERS.to_owned())?;
    for Part { name, state: own, adam, .. } in parts {
        load_network(name, &own, file(file_of(name))?)?;
        let absent = || PartsError::State(format!("no steps of the optimiser of network {name}"));
        let steps = *state.adam_steps.get(name).ok_or_else(absent)?;
        if !(0..=state.step.saturating_mul(4) as i64).contains(&steps) {
            let most = state.step.saturating_mul(4);
            let what = format!("{steps} steps of the optimiser of network {name}; expected 0 to {most}");
            return Err(PartsError::State(what));
        }
        adam.restore(steps, |moment| moments.get(&format!("{name}.{moment}")).map(Tensor::shallow_clone))
            .map_err(|what| PartsError::Moments { network: name, what })?;
    }
    Ok(state)
}

/// Copies `given` into the network whose state dict is `own`.
///
/// # Errors
/// [`PartsError::Weights`] lists keys and shapes that do not fit; [`PartsError::Damaged`] where a tensor holds NaN.
pub fn load_network(name: &str, own: &StateDict, given: &StateDict) -> Result<(), PartsError> {
    for (key, tensor) in given {
        if tensor.is_floating_point() && tensor.isfinite().all().int64_value(&[]) != 1 {
            return Err(PartsError::Damaged { key: key.clone() });
        }
    }
    let weights = |source| PartsError::Weights { network: name.to_owned(), source };
    copy_into(own, given, Extras::Refuse).map(|_| ()).map_err(weights)
}

/// Key of the images in the file of a buffer.
const IMAGES: &str = "images";

/// Stem of the file of an image buffer.
fn pool_file(name: &str) -> String {
    format!("pool_{name}")
}

/// Image buffers as files of a checkpoint, beside those of [`save_parts`].
pub fn pool_files(pools: Vec<(&str, &mut ImagePool)>) -> BTreeMap<String, StateDict> {
    let images = pools.into_iter().filter_map(|(name, pool)| Some((pool_file(name), pool.images()?)));
    images.map(|(file, images)| (file, StateDict::from([(IMAGES.to_owned(), images)]))).collect()
}

/// Puts back what [`pool_files`] gave.
pub fn restore_pools(pools: Vec<(&str, &mut ImagePool)>, files: &BTreeMap<String, StateDict>) {
    for (name, pool) in pools {
        pool.restore(files.get(&pool_file(name)).and_then(|file| file.get(IMAGES)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use semrel_nn::{AdamConfig, Net};
    use tch::{Device, Kind, nn};

    fn trained() -> Trained<nn::Linear> {
        let config = AdamConfig { lr: 0.1, beta1: 0.5, beta2: 0.9, eps: 1e-8, weight_decay: 0.0 };
        Trained::new(Net::new(Device::Cpu, |p| nn::linear(p / "fc", 3, 2, Default::default())), config)
    }

    fn step(t: &mut Trained<nn::Linear>) {
        use tch::nn::Module;
        let loss = t.net.forward(&Tensor::ones([1, 3], (Kind::Float, Device::Cpu))).square().sum(Kind::Float);
        t.backward_step(&loss);
    }

    #[test]
    fn what_is_saved_continues_alike() {
        let (mut a, mut b) = (trained(), trained());
        step(&mut a);
        let snapshot = save_parts(vec![Part::new("G", &mut a)], 1, Some((1, 0.5)), BTreeMap::new()).unwrap();
        assert_eq!(snapshot.files.keys().collect::<Vec<_>>(), ["net_G", "optimisers"]);
        let state = restore_parts(vec![Part::new("G", &mut b)], &snapshot).unwrap();
        assert_eq!((state.step, state.best), (1, Some((1, 0.5))));
        step(&mut a);
        step(&mut b);
        assert_eq!((a.flat() - b.flat()).abs().max().double_value(&[]), 0.0);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let (mut a, mut b) = (trained(), trained());
        let mut snapshot = save_parts(vec![Part::new("G", &mut a)], 0, None, BTreeMap::new()).unwrap();
        let text = restore_parts(vec![Part::new("D", &mut b)], &snapshot).unwrap_err().to_string();
        assert!(text.contains("net_D"), "{text}");
        snapshot.state["adam_steps"]["G"] = 9.into();
        let text = restore_parts(vec![Part::new("G", &mut b)], &snapshot).unwrap_err().to_string();
        assert!(text.contains("state.json: 9 steps"), "{text}");
        let _ = tch::no_grad(|| a.flat().shallow_clone().fill_(f64::NAN));
        let text = save_parts(vec![Part::new("G", &mut a)], 7, None, BTreeMap::new()).unwrap_err().to_string();
        assert!(text.contains("step 7") && text.contains("fc.bias"), "{text}");
    }
}
