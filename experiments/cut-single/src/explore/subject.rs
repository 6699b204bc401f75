//! What can be explored: a run, one of its checkpoints, or a generator's file.

use crate::config::Config;
use crate::networks::Generator;
use crate::published::{OfFile, generator_of_file};
use crate::trained::open_run;
use anyhow::{Context, Result, bail, ensure};
use semrel_loss::patch_sampler::PatchSampler;
use semrel_nn::Net;
use std::path::{Path, PathBuf};
use tch::Device;

/// A generator with what it was trained by.
pub struct Subject {
    /// As it was named.
    pub place: PathBuf,
    /// The run's configuration; absent for a file.
    pub config: Option<Config>,
    /// From source to target.
    pub generator: Net<Generator>,
    /// Projection heads, where the run has them.
    pub heads: Option<Net<PatchSampler>>,
    /// Steps that it has seen; 0 for a file.
    pub step: u64,
    /// Layers that its losses compare, or would.
    pub layers: Vec<i64>,
}

impl Subject {
    /// Opens the folder of a run (its `checkpoint`: `last`, `best` or a step), the folder of a checkpoint in one, or a
    /// generator's file.
    ///
    /// # Errors
    /// Names what is missing or damaged, and what was expected.
    pub fn open(place: &Path, checkpoint: &str, device: Device) -> Result<Self> {
        if place.is_file() {
            let OfFile { generator, config, .. } = generator_of_file(place, device)?;
            let layers = config.model.nce_layers;
            return Ok(Self { place: place.to_owned(), config: None, generator, heads: None, step: 0, layers });
        }
        ensure!(
            place.is_dir(),
            "{}: no such file or folder; expected a run's folder, a checkpoint in it, or a generator's file",
            place.display()
        );
        let of_checkpoint = run_of_checkpoint(place);
        let (run_dir, checkpoint) = match &of_checkpoint {
            Some((run_dir, step)) => (run_dir.as_path(), step.as_str()),
            None => (place, checkpoint),
        };
        let run = open_run(run_dir, checkpoint, None, &[], device)?;
        let layers = run.config.model.nce_layers.clone();
        Ok(Self {
            place: place.to_owned(),
            config: Some(run.config.into_inner()),
            generator: run.generator,
            heads: run.heads,
            step: run.step,
            layers,
        })
    }

    /// Its name: the run's, or the file's.
    pub fn name(&self) -> String {
        match &self.config {
            Some(config) => config.name.clone(),
            None => self.place.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        }
    }

    /// Layers to tap for these: with heads all that they were trained on.
    ///
    /// # Errors
    /// A layer without a head.
    pub fn tapped<'a>(&'a self, layers: &'a [i64]) -> Result<&'a [i64]> {
        if self.heads.is_none() {
            return Ok(layers);
        }
        if let Some(layer) = layers.iter().find(|layer| !self.layers.contains(layer)) {
            bail!(
                "{}: no projection head at layer {layer}; the run compares the layers {}",
                self.place.display(),
                list(&self.layers)
            );
        }
        Ok(&self.layers)
    }
}

/// Run folder and step of `<run>/checkpoints/step-00000400`.
fn run_of_checkpoint(place: &Path) -> Option<(PathBuf, String)> {
    // A name such as `.` tells nothing.
    let place = std::fs::canonicalize(place).ok()?;
    let step = place.file_name()?.to_str()?.strip_prefix("step-")?.parse::<u64>().ok()?;
    let folder = place.parent()?;
    (folder.file_name()? == "checkpoints").then_some(())?;
    Some((folder.parent()?.to_owned(), step.to_string()))
}

/// The layers that are asked for, or those that all subjects compare.
///
/// # Errors
/// Subjects that compare different layers, where none are asked for; a layer that occurs twice.
pub fn common_layers(subjects: &[Subject], asked: Option<&[i64]>) -> Result<Vec<i64>> {
    let first = subjects.first().context("no run is named")?;
    if let Some(layers) = asked {
        for (i, layer) in layers.iter().enumerate() {
            ensure!(!layers[..i].contains(layer), "--layers: {layer} is given twice");
        }
        for subject in subjects {
            subject.tapped(layers)?;
        }
        return Ok(layers.to_vec());
    }
    for other in &subjects[1..] {
        ensure!(
            other.layers == first.layers,
            "{} compares the layers {}, {} the layers {}; name those to show with --layers",
            first.place.display(),
            list(&first.layers),
            other.place.display(),
            list(&other.layers)
        );
    }
    Ok(first.layers.clone())
}

/// Names to choose by: without what all of them begin with, and with the step where two are alike.
pub fn labels(names: &[(String, u64)]) -> Vec<String> {
    let common = names.iter().skip(1).fold(names.first().map_or("", |(name, _)| name), |common, (name, _)| {
        let alike = common.chars().zip(name.chars()).take_while(|(a, b)| a == b);
        &common[..alike.map(|(c, _)| c.len_utf8()).sum()]
    });
    // Whole words only.
    let cut = common.rfind('-').map_or(0, |at| at + 1);
    let plain = |name: &str| if names.len() > 1 { name[cut..].to_owned() } else { name.to_owned() };
    let label = |(name, step): &(String, u64)| match names.iter().filter(|(other, _)| other == name).count() {
        1 => plain(name),
        _ => format!("{}, step {step}", plain(name)),
    };
    names.iter().map(label).collect()
}

/// `0, 4, 8`.
fn list(layers: &[i64]) -> String {
    layers.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_tell_runs_apart() {
        let of = |names: &[(&str, u64)]| labels(&names.iter().map(|(n, s)| ((*n).to_owned(), *s)).collect::<Vec<_>>());
        assert_eq!(of(&[("sample-horse2zebra-ours", 1)]), ["sample-horse2zebra-ours"]);
        assert_eq!(of(&[("sample-street-cut", 1), ("sample-street-cyclegan", 1)]), ["cut", "cyclegan"]);
        assert_eq!(of(&[("a-ours", 400), ("a-ours", 800), ("a-cut", 1)]), ["ours, step 400", "ours, step 800", "cut"]);
        assert_eq!(of(&[("é", 1), ("è", 1)]), ["é", "è"]);
    }

    #[test]
    fn checkpoints_lead_to_their_run() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("run/checkpoints/step-00000400");
        std::fs::create_dir_all(&place).unwrap();
        let (run, step) = run_of_checkpoint(&place).unwrap();
        assert_eq!((run.file_name().unwrap().to_str(), step.as_str()), (Some("run"), "400"));
        assert!(run_of_checkpoint(dir.path()).is_none());
    }
}
