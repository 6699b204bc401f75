//! `summary.json`: what a run came to.

use crate::json_file;
pub use crate::json_file::JsonFileError as SummaryError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// Name of the file within a run folder.
pub const FILE: &str = "summary.json";

/// The summary of a training run: what all programs tell, and what one of them tells besides.
///
/// `P` is a program's own struct; its fields stand beside the others in the file. What reads any program's summary takes the
/// default, and finds them by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary<P = Map<String, Value>> {
    /// Name of the run.
    pub name: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Steps of the warm-up.
    pub warmup: u64,
    /// Images per batch.
    pub batch_size: u64,
    /// Parameters by network.
    pub parameters: BTreeMap<String, i64>,
    /// Time of training, resumed parts included.
    pub seconds: f64,
    /// Of these, waiting for images.
    pub seconds_waiting_for_images: f64,
    /// Images that could not be read and were skipped.
    pub unreadable_images: u64,
    /// Threads of the processor.
    pub threads: u64,
    /// `Cpu` or `Cuda(0)`.
    pub device: String,
    /// Most memory held, in MiB.
    pub peak_memory_mib: u64,
    /// Step of the best checkpoint.
    pub best_step: u64,
    /// Step of the last checkpoint.
    pub last_step: u64,
    /// What this program tells besides.
    #[serde(flatten)]
    pub own: P,
}

/// Writes `summary.json` of a run folder, atomically and indented.
///
/// # Errors
/// Names the file.
pub fn write<T: Serialize>(run_folder: impl AsRef<Path>, summary: &T) -> Result<(), SummaryError> {
    json_file::write(run_folder.as_ref().join(FILE), summary)
}

/// Reads `summary.json` of a run folder; `None` where the run has none yet.
///
/// # Errors
/// Names the file and, where its content does not fit, the key.
pub fn read<T: DeserializeOwned>(run_folder: impl AsRef<Path>) -> Result<Option<T>, SummaryError> {
    json_file::read(&run_folder.as_ref().join(FILE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Own {
        epochs: u64,
        method: Option<String>,
    }

    fn summary() -> Summary<Own> {
        Summary {
            name: "a".into(),
            seed: u64::MAX,
            warmup: 0,
            batch_size: 1,
            parameters: [("G".into(), 7)].into(),
            seconds: 0.1 + 0.2,
            seconds_waiting_for_images: 0.0,
            unreadable_images: 0,
            threads: 2,
            device: "Cpu".into(),
            peak_memory_mib: 900,
            best_step: 20,
            last_step: 30,
            own: Own { epochs: 3, method: None },
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read::<Summary<Own>>(dir.path()).unwrap(), None);
        write(dir.path(), &summary()).unwrap();
        assert_eq!(read::<Summary<Own>>(dir.path()).unwrap(), Some(summary()));
        // Any program's, with what is its own beside the rest.
        let any = read::<Summary>(dir.path()).unwrap().unwrap();
        assert_eq!((any.seed, any.own["epochs"].as_u64(), any.own.len()), (u64::MAX, Some(3), 2));
        let flat: Value = read(dir.path()).unwrap().unwrap();
        assert_eq!((&flat["epochs"], &flat["parameters"]["G"]), (&3.into(), &7.into()));
    }

    #[test]
    fn errors_name_file_and_key() {
        let dir = tempfile::tempdir().unwrap();
        let mut value = serde_json::to_value(summary()).unwrap();
        value.as_object_mut().unwrap().shift_remove("last_step");
        fs::write(dir.path().join(FILE), value.to_string()).unwrap();
        let text = read::<Summary>(dir.path()).unwrap_err().to_string();
        assert!(text.contains("summary.json: ") && text.contains("missing field `last_step`"), "{text}");
        fs::write(dir.path().join(FILE), r#"{"steps": 3, "#).unwrap();
        let text = read::<Value>(dir.path()).unwrap_err().to_string();
        assert!(text.contains("summary.json: ") && text.contains("EOF"), "{text}");
    }
}
