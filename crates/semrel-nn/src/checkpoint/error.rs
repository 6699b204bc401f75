//! What can go wrong with a checkpoint.

use semrel_run::FileError;
use std::fmt;
use std::path::{Path, PathBuf};

/// A checkpoint that could not be read, written or put into a network.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file system refused.
    #[error("{}: cannot {action}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried, such as `read`.
        action: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The file is something else altogether.
    #[error("{}: {looks_like}; expected safetensors or a PyTorch checkpoint (.pth, .ckpt, .tar)", path.display())]
    NotACheckpoint {
        /// The file.
        path: PathBuf,
        /// What its content looks like.
        looks_like: String,
    },
    /// The file is damaged, cut short, or breaks its format.
    #[error("{}: {what}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        what: String,
    },
    /// The pickle asks for a function or class that building tensors does not need. Nothing was run.
    #[error(
        "{}: the file asks for `{name}`, which is refused: only tensors, numbers, strings, lists and dictionaries \
         are read", path.display()
    )]
    Refused {
        /// The file.
        path: PathBuf,
        /// The global's name, such as `os.system`.
        name: String,
    },
    /// The keys or shapes of a checkpoint are not those of the network. Nothing was copied.
    #[error("the checkpoint does not fit the network: {}", describe(missing, unexpected, mismatched))]
    Mismatch {
        /// Keys of the network that the checkpoint lacks.
        missing: Vec<String>,
        /// Keys of the checkpoint that the network lacks.
        unexpected: Vec<String>,
        /// Keys whose shapes (or element types) differ.
        mismatched: Vec<ShapeMismatch>,
    },
}

impl From<FileError> for CheckpointError {
    fn from(FileError { path, action, reason }: FileError) -> Self {
        Self::Io { path, action, source: reason }
    }
}

/// A key whose tensor cannot be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeMismatch {
    /// The key.
    pub key: String,
    /// Shape in the network.
    pub target: Vec<i64>,
    /// Shape in the checkpoint.
    pub source: Vec<i64>,
    /// Element types, network then checkpoint, where one is a float and the other is not.
    pub kinds: Option<(tch::Kind, tch::Kind)>,
}

impl fmt::Display for ShapeMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: the network has {:?}, the checkpoint {:?}", self.key, self.target, self.source)?;
        self.kinds.map_or(Ok(()), |(target, source)| write!(f, " ({target:?} and {source:?})"))
    }
}

/// Lists the first few of each group and counts the rest.
fn describe(missing: &[String], unexpected: &[String], mismatched: &[ShapeMismatch]) -> String {
    fn group<T: fmt::Display>(title: &str, items: &[T]) -> Option<String> {
        const SHOWN: usize = 5;
        let listed: Vec<String> = items.iter().take(SHOWN).map(T::to_string).collect();
        let more = items.len().saturating_sub(SHOWN);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!items.is_empty()).then(|| format!("{title} {}{rest}", listed.join(", ")))
    }
    let groups = [
        group("missing keys:", missing),
        group("unexpected keys:", unexpected),
        group("different shapes:", mismatched),
    ];
    groups.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// An error of a decoder that does not know which file it reads.
#[derive(Debug)]
pub(super) enum Fault {
    Malformed(String),
    Refused(String),
}

impl Fault {
    pub(super) fn at(self, path: &Path) -> CheckpointError {
        let path = path.to_owned();
        match self {
            Self::Malformed(what) => CheckpointError::Malformed { path, what },
            Self::Refused(name) => CheckpointError::Refused { path, name },
        }
    }
}

/// A [`Fault::Malformed`] with this text.
pub(super) fn malformed<T>(what: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Malformed(what.into()))
}

/// For `map_err`: names the file and what was tried.
pub(super) fn io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> CheckpointError {
    let path = path.to_owned();
    move |source| CheckpointError::Io { path, action, source }
}
