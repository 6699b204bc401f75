//! Checkpoints: tensors and state of a step, saved so that a crash at any moment leaves a whole checkpoint.
//!
//! The folders are [`CheckpointFolder`]'s; here are the tensors of their files.

use semrel_nn::checkpoint::{StateDict, load_safetensors};
use semrel_run::{CheckpointFolder, CheckpointFolderError};
use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};

/// What a checkpoint holds.
#[derive(Debug)]
pub struct Snapshot {
    /// Tensors by file stem: `networks` is saved as `networks.safetensors`.
    pub files: BTreeMap<String, StateDict>,
    /// What is not a tensor: optimiser steps, best score.
    pub state: serde_json::Value,
}

/// A checkpoint that could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Its folder: not there, damaged, or not to be written. Older checkpoints are intact.
    #[error(transparent)]
    Folder(#[from] CheckpointFolderError),
    /// A tensor file could not be written, or read though its checksum is right. Older checkpoints are intact.
    #[error(transparent)]
    Tensors(#[from] semrel_nn::checkpoint::CheckpointError),
}

/// The checkpoints of a run, with their tensors.
#[derive(Debug, Clone)]
pub struct Checkpoints(CheckpointFolder);

impl From<CheckpointFolder> for Checkpoints {
    fn from(folder: CheckpointFolder) -> Self {
        Self(folder)
    }
}

impl Deref for Checkpoints {
    type Target = CheckpointFolder;

    fn deref(&self) -> &CheckpointFolder {
        &self.0
    }
}

impl Checkpoints {
    /// As [`CheckpointFolder::new`].
    pub fn new(folder: impl Into<PathBuf>, keep: usize) -> Self {
        Self(CheckpointFolder::new(folder, keep))
    }

    /// As [`CheckpointFolder::of_run`].
    ///
    /// # Errors
    /// As there.
    pub fn of_run(run_dir: &Path, which: &str) -> Result<(Self, u64), SnapshotError> {
        let (folder, step) = CheckpointFolder::of_run(run_dir, which)?;
        Ok((Self(folder), step))
    }

    /// Saves the checkpoint of `step`, durably, then removes those beyond the last `keep` and the best.
    ///
    /// Its bytes depend on the arguments alone.
    ///
    /// # Errors
    /// Names the file that could not be written. Checkpoints that were there before are intact.
    pub fn save(&self, step: u64, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        self.0.save(step, &snapshot.state, snapshot.files.keys(), |stem, path| {
            Ok(semrel_nn::checkpoint::save(path, &snapshot.files[stem], &BTreeMap::new())?)
        })
    }

    /// Loads the checkpoint of `step`.
    ///
    /// # Errors
    /// [`CheckpointFolderError::Missing`]; [`CheckpointFolderError::Damaged`] names the file and the way out.
    pub fn load(&self, step: u64) -> Result<Snapshot, SnapshotError> {
        let (state, paths) = self.0.load(step)?;
        let files = paths.into_iter().map(|(stem, path)| Ok((stem, load_safetensors(path)?)));
        Ok(Snapshot { files: files.collect::<Result<_, SnapshotError>>()?, state })
    }

    /// Loads one file of the checkpoint of `step`, by stem: averaged networks, without what only training needs.
    ///
    /// # Errors
    /// As [`Checkpoints::load`].
    pub fn load_file(&self, step: u64, stem: &str) -> Result<StateDict, SnapshotError> {
        Ok(load_safetensors(self.0.load_file(step, stem)?)?)
    }

    /// Loads the checkpoint of the last step; `None` if there is none.
    ///
    /// # Errors
    /// As [`Checkpoints::load`]: a damaged checkpoint is never passed over in silence.
    pub fn latest(&self) -> Result<Option<(u64, Snapshot)>, SnapshotError> {
        let Some(&step) = self.steps()?.last() else { return Ok(None) };
        Ok(Some((step, self.load(step)?)))
    }

    /// Loads the best checkpoint; `None` if none is marked.
    ///
    /// # Errors
    /// As [`Checkpoints::load`].
    pub fn best(&self) -> Result<Option<(u64, Snapshot)>, SnapshotError> {
        let Some(step) = self.best_step()? else { return Ok(None) };
        Ok(Some((step, self.load(step)?)))
    }
}

#[cfg(test)]
#[path = "checkpoints_tests.rs"]
mod tests;
