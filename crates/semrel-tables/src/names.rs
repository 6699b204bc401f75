//! Names that folders and files of runs have, and what they tell: written and read here, and nowhere else.

use super::error::TableError;
use super::profile::Profile;
use super::results;
use super::spec::{Spec, Stage};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Picture that a program has drawn of a run, in the run's folder.
pub const DRAWING: &str = "drawing.png";

/// The configuration that a run was made with, by which a folder of a run is told.
const CONFIG: &str = "config.yaml";

/// Steps and losses of a run, in lines of JSON.
pub const METRICS: &str = "metrics.jsonl";

/// What is translated, in a folder of translations.
pub const INPUTS: &str = "real_A";

/// What it is translated to.
pub const OUTPUTS: &str = "fake_B";

/// Name of the folder of a row or a baseline: `<table>-<profile>-<dataset>-<what>`, where `what` is `<method>-s<seed>` or
/// `no-translation`, with the digest of changed settings behind it if there are any.
pub fn folder(table: &str, profile: Profile, dataset: &str, what: &str) -> String {
    format!("{table}-{}-{dataset}-{what}", profile.name())
}

/// What the name of a run folder tells.
pub struct RunName {
    /// Profile.
    pub profile: Profile,
    /// Data set.
    pub dataset: String,
    /// Index of the method.
    pub method: usize,
    /// Seed.
    pub seed: u64,
    /// `s<seed>`, with the digest of changed settings behind it if there are any.
    pub tail: String,
}

impl RunName {
    /// Digest of the changed settings, where there are any.
    pub fn settings(&self) -> Option<&str> {
        self.tail.split_once('-').map(|(_, digest)| digest)
    }
}

/// Reads `<table>-<profile>-<dataset>-<method>-s<seed>[-<digest>]`. Halves and methods may have hyphens in them.
pub fn run_name(spec: &Spec, name: &str) -> Option<RunName> {
    let rest = name.strip_prefix(spec.name)?.strip_prefix('-')?;
    let (profile, rest) = Profile::ALL
        .iter()
        .find_map(|profile| Some((*profile, rest.strip_prefix(profile.name())?.strip_prefix('-')?)))?;
    let seed_of = |part: &str| part.strip_prefix('s')?.parse::<u64>().ok();
    let (before, last) = rest.rsplit_once('-')?;
    let (row, seed, tail) = match seed_of(last) {
        Some(seed) => (before, seed, last.to_owned()),
        None => {
            let (before, part) = before.rsplit_once('-')?;
            (before, seed_of(part)?, format!("{part}-{last}"))
        }
    };
    // `dce-src` ends with `src`, too.
    let fits = |m: &usize| {
        row.strip_suffix(spec.methods[*m].name).is_some_and(|dataset| dataset.len() > 1 && dataset.ends_with('-'))
    };
    let method = (0..spec.methods.len()).filter(fits).max_by_key(|m| spec.methods[*m].name.len())?;
    let dataset = row.strip_suffix(spec.methods[method].name)?.strip_suffix('-')?;
    Some(RunName { profile, dataset: dataset.to_owned(), method, seed, tail })
}

/// What a finished stage of a row tells of itself.
pub fn summary_file(run: &Path, stage: &Stage) -> PathBuf {
    run.join(stage.folder).join("summary.json")
}

/// Scores of a checkpoint, in the run folder.
pub fn eval_file(run: &Path, checkpoint: &str) -> PathBuf {
    run.join(format!("eval-{checkpoint}.json"))
}

/// Whether a folder holds a run.
pub fn has_run(dir: &Path) -> bool {
    dir.join(CONFIG).exists()
}

/// Folder of the translations of a run's checkpoint.
pub fn translations(run: &Path, checkpoint: &str) -> Result<PathBuf, TableError> {
    let eval: Value = results::read(&eval_file(run, checkpoint))?;
    if let Some(folder) = eval["images"].as_str() {
        return Ok(run.join(folder));
    }
    let step = eval["step"].as_u64().ok_or_else(|| TableError::NoStep(eval_file(run, checkpoint)))?;
    Ok(run.join("results").join(format!("test_{step}")).join("images"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table_single::TABLE_SINGLE;
    use crate::table3::TABLE_3;

    #[test]
    fn names_of_runs_are_read() {
        let of = |spec: &Spec, name: &str| {
            run_name(spec, name).map(|n| (n.profile.name(), n.dataset, spec.methods[n.method].name, n.tail))
        };
        let row = |p, h: &str, m, s: &str| Some((p, h.to_owned(), m, s.to_owned()));
        assert_eq!(of(&TABLE_SINGLE, "table-single-sample-street-ours-s777"), row("sample", "street", "ours", "s777"));
        assert_eq!(
            of(&TABLE_SINGLE, "table-single-small-my-own-cut-s778-0a1b2c3d"),
            row("small", "my-own", "cut", "s778-0a1b2c3d")
        );
        assert_eq!(
            of(&TABLE_3, "table3-sample-street-infonce-src-s777"),
            row("sample", "street", "infonce-src", "s777")
        );
        for name in
            ["table-single-sample-street-no-translation", "table3-sample-street-ours-s777", "x", "table-single-"]
        {
            assert_eq!(of(&TABLE_SINGLE, name), None, "{name}");
        }
    }
}
