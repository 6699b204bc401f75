//! What can go wrong with the folder of checkpoints.

use crate::atomic::FileError;
use std::path::PathBuf;

/// A checkpoint that could not be written, found or trusted.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointFolderError {
    /// The file system refused. Checkpoints that were there before are intact.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file of a checkpoint is missing, cut short or altered.
    #[error("{}: {what}; {remedy}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
        /// The way out.
        remedy: String,
    },
    /// There is no checkpoint of that step.
    #[error("{}: no checkpoint of step {step}; there are: {there_are}", folder.display())]
    Missing {
        /// The folder of checkpoints.
        folder: PathBuf,
        /// The step.
        step: u64,
        /// The steps there are.
        there_are: String,
    },
    /// A run without any checkpoint.
    #[error("{}: the run has no checkpoint yet", .0.display())]
    NoneYet(PathBuf),
    /// A word that names no checkpoint.
    #[error("checkpoint `{0}`: expected `last`, `best` or a step's number")]
    Which(String),
    /// A name that cannot be a file of a checkpoint.
    #[error("`{0}` cannot name a file of a checkpoint; letters, digits, `-` and `_` can")]
    Stem(String),
}
