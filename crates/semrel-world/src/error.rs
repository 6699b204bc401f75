//! What can go wrong with writing a data set.

use semrel_data::WriteError;
use std::path::PathBuf;
use thiserror::Error;

/// Errors of this crate. Each names the file or folder and what is wrong.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WorldError {
    /// A folder that a data set would be written to holds something else.
    #[error("{path}: already exists and was not written as a sample data set; choose another folder or remove it")]
    NotOurs {
        /// The folder.
        path: PathBuf,
    },
    /// A file or folder that cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}
