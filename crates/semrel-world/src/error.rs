//! What can go wrong with writing a data set.

use semrel_run::FileError;
use std::path::{Path, PathBuf};
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
    #[error("{path}: cannot be written")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An image that cannot be encoded.
    #[error("{path}: cannot be written: {why}")]
    Encode {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

impl WorldError {
    pub(crate) fn write(path: &Path, source: std::io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }

    /// For `map_err`.
    pub(crate) fn unwritten(FileError { path, reason, .. }: FileError) -> Self {
        Self::Write { path, source: reason }
    }

    pub(crate) fn encode(path: &Path, error: image::ImageError) -> Self {
        match error {
            image::ImageError::IoError(source) => Self::write(path, source),
            other => Self::Encode { path: path.to_owned(), why: other.to_string() },
        }
    }
}
