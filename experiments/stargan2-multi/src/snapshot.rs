//! What a checkpoint of a run holds, and how it comes back: trained networks in one file, their averages in another, and the
//! names of the domains.

use crate::networks::Translator;
use crate::trainer::Trainer;
use anyhow::{Context, Result, bail, ensure};
use semrel_nn::checkpoint::StateDict;
use semrel_train::parts::{Layout, load_network, of_name, restore_parts, save_parts, under_name};
use semrel_train::{Part, PartsState, Snapshot};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// File of the averaged networks, which translate, `<network>.<published key>`.
pub const AVERAGE: &str = "networks_ema";
/// Key of the names of the domains, by index, in `state.json`.
const DOMAINS: &str = "domains";

/// All networks that train, under their published names.
pub fn parts(trainer: &mut Trainer) -> Vec<Part<'_>> {
    let n = &mut trainer.networks;
    let mut parts = vec![
        Part::new("generator", &mut n.generator),
        Part::new("mapping_network", &mut n.mapping_network),
        Part::new("style_encoder", &mut n.style_encoder),
    ];
    parts.extend(n.discriminator.as_mut().map(|net| Part::new("discriminator", net)));
    parts.extend(n.patch_sample.as_mut().map(|heads| Part::new("patch_sample", heads)));
    let heads = trainer.correlative.as_mut().and_then(|c| c.term.heads.as_mut());
    parts.extend(heads.map(|heads| Part::new("lsesim_heads", heads)));
    parts.extend(trainer.critics.as_mut().map(|critics| Part::new("critics", critics.trained())));
    parts
}

fn average_parts(t: &Translator) -> [(&'static str, StateDict); 3] {
    [
        ("generator", t.generator.state()),
        ("mapping_network", t.mapping_network.state()),
        ("style_encoder", t.style_encoder.state()),
    ]
}

/// The checkpoint of a trainer that has completed `step` steps.
///
/// # Errors
/// As [`save_parts`]: names the first tensor that holds NaN or an infinity.
pub fn take(trainer: &mut Trainer, step: u64, domains: &[String], best: Option<(u64, f64)>) -> Result<Snapshot> {
    let average = average_parts(&trainer.networks.average);
    let average = average.into_iter().flat_map(|(name, state)| under_name(name, state)).collect();
    let more = BTreeMap::from([(AVERAGE.to_owned(), average)]);
    let mut snapshot = save_parts(Layout::OneFile, parts(trainer), step, best, more)?;
    let state = &snapshot.state;
    snapshot.state = json!({
        "step": state["step"],
        DOMAINS: domains,
        "adam_steps": state["adam_steps"],
        "best": state["best"],
    });
    Ok(snapshot)
}

/// Puts a checkpoint back into a trainer of the same configuration.
///
/// # Errors
/// A checkpoint of other domains; tensors that are missing, damaged or do not fit.
pub fn restore(trainer: &mut Trainer, snapshot: &Snapshot, domains: &[String]) -> Result<PartsState> {
    let trained_on = domains_of(&snapshot.state)?;
    ensure!(
        trained_on == domains,
        "the checkpoint was trained on the domains {}, the data has {}",
        trained_on.join(", "),
        domains.join(", ")
    );
    let average =
        snapshot.files.get(AVERAGE).with_context(|| format!("the checkpoint has no {AVERAGE}.safetensors"))?;
    load_translator(&trainer.networks.average, average)?;
    Ok(restore_parts(Layout::OneFile, parts(trainer), snapshot)?)
}

/// Names of the domains, by index, that a checkpoint with this `state` was trained on.
///
/// # Errors
/// A state that does not name them.
pub fn domains_of(state: &Value) -> Result<Vec<String>> {
    let names = state.get(DOMAINS).with_context(|| format!("state.json: missing key `{DOMAINS}`"))?;
    Vec::deserialize(names).with_context(|| format!("state.json: key `{DOMAINS}`"))
}

/// Loads generator, mapping network and style encoder from tensors under `<network>.<published key>`: our averaged
/// networks, or a published `*_nets_ema.ckpt`.
///
/// # Errors
/// A network that is not there, does not fit, or holds NaN or an infinity.
pub fn load_translator(translator: &Translator, tensors: &StateDict) -> Result<()> {
    for (name, own) in average_parts(translator) {
        let given = of_name(name, tensors);
        if given.is_empty() {
            let first: Vec<&str> = tensors.keys().take(3).map(String::as_str).collect();
            bail!("the file has no network `{name}`; its keys start with {}", first.join(", "));
        }
        load_network(name, &own, &given)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_that_are_missing_or_no_names_are_told_apart() {
        assert_eq!(domains_of(&json!({DOMAINS: ["day", "night"]})).unwrap(), ["day", "night"]);
        let error = |state: Value| format!("{:#}", domains_of(&state).unwrap_err());
        assert_eq!(error(json!({"step": 4})), "state.json: missing key `domains`");
        let text = error(json!({DOMAINS: [1]}));
        assert!(text.starts_with("state.json: key `domains`: invalid type"), "{text}");
    }
}
