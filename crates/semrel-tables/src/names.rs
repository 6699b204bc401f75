//! Names that folders and files of runs have, and what tells which row a run is.

use super::error::TableError;
use super::profile::Profile;
use super::results;
use super::spec::{Program, Stage};
use semrel_run::{Manifest, manifest};
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

/// Digest of the changed settings that a run's name ends with, where there are any: what its name has besides what its
/// manifest tells.
pub fn settings(manifest: &Manifest) -> Option<&str> {
    let Manifest { table, profile, data_set, row, seed, .. } = manifest;
    manifest.name.strip_prefix(&format!("{table}-{profile}-{data_set}-{row}-s{seed}-"))
}

/// Reads which row of which table a folder is: as the first stage that trains has it.
///
/// # Errors
/// Names the file, and the key that does not fit.
pub fn manifest(run: &Path, stages: &[Stage]) -> Result<Option<Manifest>, TableError> {
    match stages.iter().find(|stage| stage.leaves.a_run()) {
        Some(stage) => manifest::read(run.join(stage.folder)).map_err(TableError::Manifest),
        None => Ok(None),
    }
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
///
/// # Errors
/// Those of reading its evaluation.
pub fn translations(program: &dyn Program, run: &Path, checkpoint: &str) -> Result<PathBuf, TableError> {
    let evaluated = results::read(&eval_file(run, checkpoint), |value| program.evaluated(value))?;
    Ok(run.join(evaluated.images()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_what_a_name_has_besides() {
        let text = |text: &str| text.to_owned();
        let mut manifest = Manifest {
            format: manifest::FORMAT,
            program: text("cut-single"),
            table: text("table-single"),
            profile: text("small"),
            data_set: text("my-photos-s2"),
            row: text("ours"),
            seed: 3,
            name: text("table-single-small-my-photos-s2-ours-s3-0a1b2c3d"),
        };
        assert_eq!(settings(&manifest), Some("0a1b2c3d"));
        for name in ["table-single-small-my-photos-s2-ours-s3", "mine", ""] {
            manifest.name = text(name);
            assert_eq!(settings(&manifest), None, "{name}");
        }
    }
}
