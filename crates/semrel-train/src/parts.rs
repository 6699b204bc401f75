//! The trained networks of an experiment as a checkpoint holds them, and how they come back.

use crate::Snapshot;
use semrel_nn::checkpoint::{CheckpointError, Extras, StateDict, copy_into};
use semrel_nn::image_pool::ImagePool;
use semrel_nn::{Adam, Net, Trained, TrainedPart};
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

    /// The part that a trained part of a network is.
    pub fn of<T>(name: &'static str, part: &'a mut TrainedPart, net: &Net<T>) -> Self {
        Self { name, state: part.state(net), parameters: part.numel(), adam: &mut part.adam }
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

/// How networks lie in the files of a checkpoint: as the published code of the experiment has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A file for each network, `net_<network>`, with published keys.
    FilePerNetwork,
    /// One file for all of them, [`NETWORKS`], with keys `<network>.<published key>`.
    OneFile,
}

/// Stem of the file that holds all networks of [`Layout::OneFile`].
pub const NETWORKS: &str = "networks";

impl Layout {
    /// Stem of the file that holds a network, and what its keys begin with there.
    fn place(self, name: &str) -> (String, String) {
        match self {
            Self::FilePerNetwork => (file_of(name), String::new()),
            Self::OneFile => (NETWORKS.to_owned(), format!("{name}.")),
        }
    }
}

/// Stem of the file that holds a network in [`Layout::FilePerNetwork`]: `net_G`, as the published code names its files.
pub fn file_of(name: &str) -> String {
    format!("net_{name}")
}

/// The tensors of a network as a file holds them that has several: under `<network>.<published key>`, without their graph.
pub fn under_name(name: &str, state: StateDict) -> impl Iterator<Item = (String, Tensor)> {
    under_prefix(format!("{name}."), state)
}

/// What [`under_name`] gave of a network, taken out of `all`: empty where that has no such network.
pub fn of_name(name: &str, all: &StateDict) -> StateDict {
    of_prefix(&format!("{name}."), all)
}

fn under_prefix(prefix: String, state: StateDict) -> impl Iterator<Item = (String, Tensor)> {
    state.into_iter().map(move |(key, tensor)| (format!("{prefix}{key}"), tensor.detach()))
}

fn of_prefix(prefix: &str, all: &StateDict) -> StateDict {
    all.iter().filter_map(|(key, t)| Some((key.strip_prefix(prefix)?.to_owned(), t.shallow_clone()))).collect()
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
        "step {step}: `{key}` in {file}.safetensors is not finite; the run has diverged (lower the learning rate, or \
         check the data); the checkpoints of earlier steps are kept"
    )]
    NotFinite {
        /// The step.
        step: u64,
        /// Stem of the file.
        file: String,
        /// The key in it.
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
    #[error("network {network}: `{key}` holds NaN or infinity: the file is damaged, or from a run that diverged")]
    Damaged {
        /// The network.
        network: String,
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

/// The checkpoint of networks that have completed `step` steps: their files in `layout`, one for all optimisers, and those of
/// `more` (image buffers, averages).
///
/// # Errors
/// [`PartsError::NotFinite`] names the first tensor that holds NaN or an infinity: such a checkpoint would be of no use.
pub fn save_parts(
    layout: Layout,
    parts: Vec<Part<'_>>,
    step: u64,
    best: Option<(u64, f64)>,
    more: BTreeMap<String, StateDict>,
) -> Result<Snapshot, PartsError> {
    let (mut files, mut optimisers, mut adam_steps) = (more, StateDict::new(), BTreeMap::new());
    for Part { name, state, adam, .. } in parts {
        optimisers.extend(adam.moments().into_iter().map(|(m, t)| (format!("{name}.{m}"), t.shallow_clone())));
        adam_steps.insert(name.to_owned(), adam.steps());
        let (file, prefix) = layout.place(name);
        files.entry(file).or_default().extend(under_prefix(prefix, state));
    }
    files.insert(OPTIMISERS.to_owned(), optimisers);
    for (file, tensors) in &files {
        if let Some(key) = not_finite(tensors) {
            return Err(PartsError::NotFinite { step, file: file.clone(), key: key.clone() });
        }
    }
    let state = serde_json::to_value(PartsState { step, best, adam_steps }).expect("plain numbers");
    Ok(Snapshot { files, state })
}

/// The first tensor that holds NaN or an infinity.
fn not_finite(tensors: &StateDict) -> Option<&String> {
    let finite = |t: &Tensor| !t.is_floating_point() || t.isfinite().all().int64_value(&[]) == 1;
    tensors.iter().find(|(_, tensor)| !finite(tensor)).map(|(key, _)| key)
}

/// Puts a checkpoint, saved in the same `layout`, back into networks of the same configuration.
///
/// # Errors
/// [`PartsError`] names the network and what does not fit; networks before it already have their new weights.
pub fn restore_parts(layout: Layout, parts: Vec<Part<'_>>, snapshot: &Snapshot) -> Result<PartsState, PartsError> {
    let state: PartsState =
        serde_json::from_value(snapshot.state.clone()).map_err(|e| PartsError::State(e.to_string()))?;
    let file = |stem: &str| snapshot.files.get(stem).ok_or_else(|| PartsError::NoFile(stem.to_owned()));
    let moments = file(OPTIMISERS)?;
    for Part { name, state: own, adam, .. } in parts {
        let (stem, prefix) = layout.place(name);
        load_network(name, &own, &of_prefix(&prefix, file(&stem)?))?;
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
    if let Some(key) = not_finite(given) {
        return Err(PartsError::Damaged { network: name.to_owned(), key: key.clone() });
    }
    let weights = |source| PartsError::Weights { network: name.to_owned(), source };
    copy_into(own, given, Extras::Refuse).map(|_| ()).map_err(weights)
}

/// Networks that no optimiser trains, such as averages, as files of a checkpoint beside those of [`save_parts`].
pub fn follower_files(followers: Vec<(&str, StateDict)>) -> BTreeMap<String, StateDict> {
    let constant = |state: StateDict| state.into_iter().map(|(key, tensor)| (key, tensor.detach())).collect();
    followers.into_iter().map(|(name, state)| (file_of(name), constant(state))).collect()
}

/// Puts back what [`follower_files`] gave.
///
/// # Errors
/// [`PartsError::NoFile`], and those of [`load_network`].
pub fn restore_followers(
    followers: Vec<(&str, StateDict)>,
    files: &BTreeMap<String, StateDict>,
) -> Result<(), PartsError> {
    for (name, own) in followers {
        let stem = file_of(name);
        load_network(name, &own, files.get(&stem).ok_or(PartsError::NoFile(stem))?)?;
    }
    Ok(())
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
        let layouts = [(Layout::FilePerNetwork, "net_G", "fc.bias"), (Layout::OneFile, "networks", "G.fc.bias")];
        for (layout, file, key) in layouts {
            let (mut a, mut b) = (trained(), trained());
            step(&mut a);
            let snapshot =
                save_parts(layout, vec![Part::new("G", &mut a)], 1, Some((1, 0.5)), BTreeMap::new()).unwrap();
            assert_eq!(snapshot.files.keys().collect::<Vec<_>>(), [file, "optimisers"]);
            assert_eq!(snapshot.files[file].keys().next().unwrap(), key);
            assert_eq!(snapshot.files["optimisers"].keys().collect::<Vec<_>>(), ["G.m", "G.v"]);
            let state = restore_parts(layout, vec![Part::new("G", &mut b)], &snapshot).unwrap();
            assert_eq!((state.step, state.best), (1, Some((1, 0.5))));
            step(&mut a);
            step(&mut b);
            assert_eq!((a.flat() - b.flat()).abs().max().double_value(&[]), 0.0);
        }
    }

    #[test]
    fn networks_in_one_file_are_told_apart() {
        let (mut a, mut b) = (trained(), trained());
        let parts = vec![Part::new("net", &mut a), Part::new("net_2", &mut b)];
        let snapshot = save_parts(Layout::OneFile, parts, 0, None, BTreeMap::new()).unwrap();
        let all = &snapshot.files[NETWORKS];
        assert_eq!(
            all.keys().collect::<Vec<_>>(),
            ["net.fc.bias", "net.fc.weight", "net_2.fc.bias", "net_2.fc.weight"]
        );
        let (mut c, mut d) = (trained(), trained());
        let parts = vec![Part::new("net_2", &mut d), Part::new("net", &mut c)];
        restore_parts(Layout::OneFile, parts, &snapshot).unwrap();
        for (from, to) in [(&a, &c), (&b, &d)] {
            assert_eq!((from.flat() - to.flat()).abs().max().double_value(&[]), 0.0);
        }
        assert!(of_name("net_3", all).is_empty());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let (mut a, mut b) = (trained(), trained());
        let layout = Layout::FilePerNetwork;
        let mut snapshot = save_parts(layout, vec![Part::new("G", &mut a)], 0, None, BTreeMap::new()).unwrap();
        let text = restore_parts(layout, vec![Part::new("D", &mut b)], &snapshot).unwrap_err().to_string();
        assert!(text.contains("net_D"), "{text}");
        let text = restore_parts(Layout::OneFile, vec![Part::new("G", &mut b)], &snapshot).unwrap_err().to_string();
        assert!(text.contains("networks.safetensors"), "{text}");
        snapshot.state["adam_steps"]["G"] = 9.into();
        let text = restore_parts(layout, vec![Part::new("G", &mut b)], &snapshot).unwrap_err().to_string();
        assert!(text.contains("state.json: 9 steps"), "{text}");
        let _ = tch::no_grad(|| a.flat().shallow_clone().fill_(f64::NAN));
        let text = save_parts(layout, vec![Part::new("G", &mut a)], 7, None, BTreeMap::new()).unwrap_err().to_string();
        assert!(text.contains("step 7: `fc.bias` in net_G.safetensors is not finite"), "{text}");
    }

    #[test]
    fn moments_that_overflowed_are_not_saved() {
        let mut a = trained();
        let huge = a.flat().ones_like() * 1e30;
        a.step(huge);
        let text = save_parts(Layout::OneFile, vec![Part::new("G", &mut a)], 1, None, BTreeMap::new());
        let text = text.unwrap_err().to_string();
        assert!(text.contains("`G.v` in optimisers.safetensors is not finite"), "{text}");
    }
}
