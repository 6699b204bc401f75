//! `manifest.json`: which row of which table a run is.
//!
//! Whoever makes a table hands a [`Manifest`] to the program, which stores it in the run folder; reports read it there, so that
//! nothing is read out of the names of folders. A run that was started by hand has none.

use crate::json_file::{self, JsonFileError};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// Name of the file within a run folder.
pub const FILE: &str = "manifest.json";

/// Version of the format that is written, and the newest that is read.
pub const FORMAT: u32 = 1;

/// Where a run belongs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the format, [`FORMAT`].
    pub format: u32,
    /// The program, such as `cut-single`.
    pub program: String,
    /// The table, such as `table3`.
    pub table: String,
    /// `sample`, `small` or `paper`.
    pub profile: String,
    /// The data set, such as `horse2zebra`.
    pub data_set: String,
    /// The row, such as `ours`.
    pub row: String,
    /// The seed.
    pub seed: u64,
    /// Name of the run.
    pub name: String,
}

impl fmt::Display for Manifest {
    /// JSON in one line, which [`Manifest::from_str`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Manifest {
    type Err = String;

    /// Reads JSON; the error says what is wrong with it.
    fn from_str(text: &str) -> Result<Self, String> {
        json_file::parse(text.as_bytes()).and_then(known)
    }
}

fn known(manifest: Manifest) -> Result<Manifest, String> {
    match manifest.format {
        1..=FORMAT => Ok(manifest),
        other => Err(format!("key `format`: {other}, but versions 1 to {FORMAT} are known; a newer release wrote it")),
    }
}

/// Writes `manifest.json` of a run folder.
///
/// # Errors
/// Names the file.
pub fn write(run_folder: impl AsRef<Path>, manifest: &Manifest) -> Result<(), JsonFileError> {
    json_file::write(run_folder.as_ref().join(FILE), manifest)
}

/// Reads `manifest.json` of a run folder; `None` where the run belongs to no table.
///
/// # Errors
/// Names the file and, where its content does not fit, the key.
pub fn read(run_folder: impl AsRef<Path>) -> Result<Option<Manifest>, JsonFileError> {
    let path = run_folder.as_ref().join(FILE);
    let found = json_file::read(&path)?;
    found.map(known).transpose().map_err(|what| JsonFileError::Malformed { path, what })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn manifest() -> Manifest {
        let text = |text: &str| text.to_owned();
        Manifest {
            format: FORMAT,
            program: text("cut-single"),
            table: text("table3"),
            profile: text("sample"),
            data_set: text("horse2zebra"),
            row: text("ours"),
            seed: 777,
            name: text("sample-horse2zebra-ours-777"),
        }
    }

    #[test]
    fn what_is_handed_over_and_stored_is_read() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
        assert_eq!(manifest().to_string().parse(), Ok(manifest()));
        write(dir.path(), &manifest()).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Some(manifest()));
    }

    #[test]
    fn errors_name_file_and_key() {
        let dir = tempfile::tempdir().unwrap();
        let said = |change: &dyn Fn(&mut serde_json::Value)| {
            let mut value = serde_json::to_value(manifest()).unwrap();
            change(&mut value);
            fs::write(dir.path().join(FILE), value.to_string()).unwrap();
            read(dir.path()).unwrap_err().to_string()
        };
        let text = said(&|value| value["seed"] = "many".into());
        assert!(text.contains("manifest.json: key `seed`: invalid type"), "{text}");
        let text = said(&|value| value["format"] = 2.into());
        assert!(text.contains("manifest.json: key `format`: 2, but versions 1 to 1 are known"), "{text}");
        let text = said(&|value| value["colour"] = 2.into());
        assert!(text.contains("unknown field `colour`"), "{text}");
        assert!("{".parse::<Manifest>().unwrap_err().contains("EOF"));
    }
}
