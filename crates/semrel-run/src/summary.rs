//! `summary.json`: what a run came to.

use crate::atomic::{self, FileError, failed};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::path::Path;

/// Name of the file within a run folder.
pub const FILE: &str = "summary.json";

/// A summary that could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SummaryError {
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not the summary that was expected.
    #[error("{}: {what}", path.display())]
    Malformed {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong, and where.
        what: String,
    },
}

/// Writes `summary.json` of a run folder, atomically and indented.
///
/// # Errors
/// Names the file.
pub fn write<T: Serialize>(run_folder: impl AsRef<Path>, summary: &T) -> Result<(), SummaryError> {
    let path = run_folder.as_ref().join(FILE);
    let mut text = serde_json::to_vec_pretty(summary)
        .map_err(|e| SummaryError::Malformed { path: path.clone(), what: format!("cannot be written as JSON: {e}") })?;
    text.push(b'\n');
    Ok(atomic::write(path, &text)?)
}

/// Reads `summary.json` of a run folder; `None` where the run has none yet.
///
/// # Errors
/// Names the file and, where its content does not fit, the key.
pub fn read<T: DeserializeOwned>(run_folder: impl AsRef<Path>) -> Result<Option<T>, SummaryError> {
    let path = run_folder.as_ref().join(FILE);
    let bytes = match fs::read(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed(&path, "read"))?,
    };
    let parsed = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(&bytes));
    parsed.map(Some).map_err(|e| SummaryError::Malformed {
        path,
        what: if e.path().iter().next().is_some() {
            format!("key `{}`: {}", e.path(), e.inner())
        } else {
            e.to_string()
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Summary {
        steps: u64,
        distance: f64,
    }

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read::<Summary>(dir.path()).unwrap(), None);
        let summary = Summary { steps: 3, distance: 0.1 + 0.2 };
        write(dir.path(), &summary).unwrap();
        assert_eq!(read::<Summary>(dir.path()).unwrap(), Some(summary));
    }

    #[test]
    fn errors_name_file_and_key() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), r#"{"steps": "many", "distance": 1}"#).unwrap();
        let text = read::<Summary>(dir.path()).unwrap_err().to_string();
        assert!(text.contains("summary.json: key `steps`: invalid type"), "{text}");
        fs::write(dir.path().join(FILE), r#"{"steps": 3, "#).unwrap();
        let text = read::<Summary>(dir.path()).unwrap_err().to_string();
        assert!(text.contains("summary.json: ") && text.contains("EOF"), "{text}");
    }
}
