//! JSON files of a run folder: written whole, read with the key that does not fit.

use crate::atomic::{self, FileError, failed};
use crate::input;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// A file of a run folder that could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JsonFileError {
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not what was expected.
    #[error("{}: {what}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        what: String,
    },
}

pub(crate) fn write<T: Serialize>(path: PathBuf, value: &T) -> Result<(), JsonFileError> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|e| JsonFileError::Malformed {
        path: path.clone(),
        what: format!("cannot be written as JSON: {e}"),
    })?;
    text.push(b'\n');
    Ok(atomic::write(path, &text)?)
}

/// `None` where there is no such file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, JsonFileError> {
    let bytes = match input::read(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed(path, "read"))?,
    };
    parse(&bytes).map(Some).map_err(|what| JsonFileError::Malformed { path: path.to_owned(), what })
}

/// The value in a text, or what is wrong with it.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(bytes)).map_err(|e| {
        if e.path().iter().next().is_some() { format!("key `{}`: {}", e.path(), e.inner()) } else { e.to_string() }
    })
}
