//! What a checkpoint of a run holds, and how it comes back.

use crate::networks::{Networks, Translator};
use crate::step::Trainer;
use anyhow::{Context, Result, anyhow, bail, ensure};
use semrel_nn::checkpoint::{Extras, StateDict, copy_into};
use semrel_nn::{Adam, Net};
use semrel_train::Snapshot;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tch::Tensor;

/// File of the trained networks, `<network>.<published key>`.
pub const NETWORKS: &str = "networks";
/// File of the averaged networks, which translate.
pub const AVERAGE: &str = "networks_ema";
/// File of Adam's moments, `<network>.<m|v>`, flat.
const OPTIMISERS: &str = "optimisers";

/// What a checkpoint says besides its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Completed steps, the warm-up's included.
    pub step: u64,
    /// Names of the domains, by index.
    pub domains: Vec<String>,
    /// Steps that each optimiser has taken.
    pub adam_steps: BTreeMap<String, i64>,
    /// Step and score of the best checkpoint so far.
    pub best: Option<(u64, f64)>,
}

/// A view of every optimised network: name, state dict, optimiser.
type Part<'a> = (&'static str, BTreeMap<String, Tensor>, &'a mut Adam);

fn parts(trainer: &mut Trainer) -> Vec<Part<'_>> {
    let (n, o) = (&trainer.networks, &mut trainer.optimisers);
    let t = &n.translator;
    let mut parts = vec![
        ("generator", t.generator.state(), &mut o.generator),
        ("mapping_network", t.mapping_network.state(), &mut o.mapping_network),
        ("style_encoder", t.style_encoder.state(), &mut o.style_encoder),
        ("discriminator", n.discriminator.state(), &mut o.discriminator),
    ];
    if let (Some(heads), Some(adam)) = (&n.patch_sample, &mut o.patch_sample) {
        parts.push(("patch_sample", heads.state(), adam));
    }
    if let Some(heads) = trainer.correlative.as_mut().and_then(|c| c.term.heads.as_mut()) {
        parts.push(("lsesim_heads", heads.net.state(), &mut heads.adam));
    }
    parts
}

fn average_parts(t: &Translator) -> [(&'static str, BTreeMap<String, Tensor>); 3] {
    [
        ("generator", t.generator.state()),
        ("mapping_network", t.mapping_network.state()),
        ("style_encoder", t.style_encoder.state()),
    ]
}

fn prefixed(name: &str, state: BTreeMap<String, Tensor>) -> impl Iterator<Item = (String, Tensor)> {
    let name = name.to_owned();
    state.into_iter().map(move |(key, tensor)| (format!("{name}.{key}"), tensor.detach()))
}

fn without_prefix(name: &str, all: &StateDict) -> StateDict {
    let prefix = format!("{name}.");
    all.iter().filter_map(|(k, t)| Some((k.strip_prefix(&prefix)?.to_owned(), t.shallow_clone()))).collect()
}

/// The checkpoint of a trainer that has completed `step` steps.
///
/// # Errors
/// Names the first tensor that holds NaN or an infinity: such a checkpoint would be of no use.
pub fn take(trainer: &mut Trainer, step: u64, domains: &[String], best: Option<(u64, f64)>) -> Result<Snapshot> {
    let (mut networks, mut optimisers, mut adam_steps) = (StateDict::new(), StateDict::new(), BTreeMap::new());
    let average =
        average_parts(&trainer.networks.average).into_iter().flat_map(|(name, state)| prefixed(name, state)).collect();
    for (name, state, adam) in parts(trainer) {
        networks.extend(prefixed(name, state));
        optimisers.extend(adam.moments().into_iter().map(|(m, t)| (format!("{name}.{m}"), t.shallow_clone())));
        adam_steps.insert(name.to_owned(), adam.steps());
    }
    let state = State { step, domains: domains.to_vec(), adam_steps, best };
    let files = [(NETWORKS, networks), (AVERAGE, average), (OPTIMISERS, optimisers)];
    for (stem, tensors) in &files {
        ensure_finite(step, stem, tensors)?;
    }
    let files = files.map(|(stem, tensors)| (stem.to_owned(), tensors)).into();
    Ok(Snapshot { files, state: serde_json::to_value(state)? })
}

fn ensure_finite(step: u64, stem: &str, tensors: &StateDict) -> Result<()> {
    for (key, tensor) in tensors {
        ensure!(
            tensor.isfinite().all().int64_value(&[]) == 1,
            "step {step}: `{key}` of {stem} is not finite; the run has diverged (lower the learning rate, or check the \
             data); the checkpoints of earlier steps are kept"
        );
    }
    Ok(())
}

/// Puts a checkpoint back into a trainer of the same configuration.
pub fn restore(trainer: &mut Trainer, snapshot: &Snapshot, domains: &[String]) -> Result<State> {
    let state: State = serde_json::from_value(snapshot.state.clone()).context("state.json")?;
    ensure!(
        state.domains == domains,
        "the checkpoint was trained on the domains {}, the data has {}",
        state.domains.join(", "),
        domains.join(", ")
    );
    let file = |stem: &str| snapshot.files.get(stem).ok_or_else(|| anyhow!("the checkpoint has no {stem}.safetensors"));
    load_translator(&trainer.networks.average, file(AVERAGE)?)?;
    let (networks, moments) = (file(NETWORKS)?, file(OPTIMISERS)?);
    for (name, own, adam) in parts(trainer) {
        copy_into(&own, &without_prefix(name, networks), Extras::Refuse).with_context(|| format!("network {name}"))?;
        let steps =
            *state.adam_steps.get(name).ok_or_else(|| anyhow!("state.json has no steps of {name}'s optimiser"))?;
        let most = i64::try_from(state.step)?.saturating_mul(4);
        ensure!((0..=most).contains(&steps), "state.json: {steps} steps of {name}'s optimiser; expected 0 to {most}");
        adam.restore(steps, |moment| moments.get(&format!("{name}.{moment}")).map(Tensor::shallow_clone))
            .map_err(|e| anyhow!("optimiser of {name}: {e}"))?;
    }
    Ok(state)
}

/// Loads generator, mapping network and style encoder from tensors under `<network>.<published key>`: our averaged
/// networks, or a published `*_nets_ema.ckpt`.
pub fn load_translator(translator: &Translator, tensors: &StateDict) -> Result<()> {
    for (name, own) in average_parts(translator) {
        let given = without_prefix(name, tensors);
        if given.is_empty() {
            let first: Vec<&str> = tensors.keys().take(3).map(String::as_str).collect();
            bail!("the file has no network `{name}`; its keys start with {}", first.join(", "));
        }
        copy_into(&own, &given, Extras::Refuse).with_context(|| format!("network {name}"))?;
        for (key, tensor) in &given {
            let finite = !tensor.is_floating_point() || tensor.isfinite().all().int64_value(&[]) == 1;
            ensure!(finite, "`{name}.{key}` holds NaN or infinity: the file is damaged, or of a run that diverged");
        }
    }
    Ok(())
}

/// Number of trained numbers of each network.
pub fn parameters(networks: &Networks) -> BTreeMap<&'static str, i64> {
    fn count<T>(net: &Net<T>) -> i64 {
        net.numel()
    }
    let t = &networks.translator;
    let mut counts = BTreeMap::from([
        ("generator", count(&t.generator)),
        ("mapping_network", count(&t.mapping_network)),
        ("style_encoder", count(&t.style_encoder)),
        ("discriminator", count(&networks.discriminator)),
    ]);
    counts.extend(networks.patch_sample.as_ref().map(|p| ("patch_sample", count(p))));
    counts
}
