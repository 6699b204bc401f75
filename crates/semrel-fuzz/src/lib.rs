//! Readers of files that others wrote, each as a function of bytes: what `fuzz/` searches for inputs that break them, and what
//! runs over the inputs that are stored there (`tests/corpus.rs`).
//!
//! Whatever the bytes are, a reader accepts or refuses them. A refusal that does not name the file panics, and so does a value
//! that is accepted and does not hold together.

mod archive;
mod checkpoint;
mod config;
mod table;

pub use archive::{npz, pictures};
pub use checkpoint::{pth, safetensors};
pub use config::config;
pub use table::label_table;

use std::error::Error;
use std::fs;
use std::path::Path;

/// What a reader said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The file was read.
    Accepted,
    /// It was not, for this reason.
    Refused(String),
}

/// A reader of bytes.
pub type Target = fn(&[u8]) -> Verdict;

/// All targets by name: that of the function, of the program in `fuzz/fuzz_targets` and of the folder in `fuzz/corpus`.
pub const TARGETS: [(&str, Target); 6] = [
    ("config", config),
    ("label_table", label_table),
    ("npz", npz),
    ("pictures", pictures),
    ("pth", pth),
    ("safetensors", safetensors),
];

/// Name of the file that the bytes are written to, for readers that take a path.
const FILE: &str = "candidate";

thread_local! {
    /// Making a folder takes longer than most readings.
    static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a temporary folder");
}

/// Gives `read` a file of these bytes, in this thread's folder. An error has to name the file.
fn as_file<E: Error + 'static>(bytes: &[u8], read: impl FnOnce(&Path) -> Result<(), E>) -> Verdict {
    FOLDER.with(|folder| {
        let path = folder.path().join(FILE);
        fs::write(&path, bytes).expect("a temporary file");
        verdict(read(&path), FILE)
    })
}

/// The verdict, where an error has to have `words` in it.
fn verdict<E: Error + 'static>(result: Result<(), E>, words: &str) -> Verdict {
    match result {
        Ok(()) => Verdict::Accepted,
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains(words), "{words:?} is not in the error: {text}");
            Verdict::Refused(text)
        }
    }
}
