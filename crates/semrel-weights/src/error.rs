//! What can go wrong with a weights file.

use crate::WeightsFile;
use std::path::PathBuf;

/// Errors of this crate. Each names the file, what was wrong and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// A weights file that is not there.
    #[error("{}: no such file; these are the weights of {} ({}), from {}. {}. SEMREL_WEIGHTS names the folder", path.display(), file.name, file.purpose, file.origin, file.advice())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
        /// What should be there.
        file: Box<WeightsFile>,
    },
    /// A weights file with other content than the published one.
    #[error("{}: SHA-256 {found}, but that of the published {} begins with {expected}: it is a different or a damaged file. Remove it. {}", path.display(), file.name, file.advice())]
    Digest {
        /// The file.
        path: PathBuf,
        /// What it should be.
        file: Box<WeightsFile>,
        /// Its digest, in hexadecimal.
        found: String,
        /// Start of the right one.
        expected: &'static str,
    },
    /// A file that cannot be read.
    #[error("{}: cannot be read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
