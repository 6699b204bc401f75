//! What lies beside the page.

use super::error::ReportError;
use semrel_run::input;
use std::path::PathBuf;

/// What tells a report from any other page.
pub const MARK: &str = "data-page=\"semrel-report\"";

/// A file beside the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// What is in it.
    pub source: Source,
    /// Its media type.
    pub media_type: &'static str,
}

/// Content of a file beside the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// That of another file.
    File(PathBuf),
    /// Text.
    Text(String),
}

impl Source {
    /// The bytes.
    ///
    /// # Errors
    /// [`ReportError::Io`].
    pub fn read(&self) -> Result<Vec<u8>, ReportError> {
        match self {
            Self::File(path) => input::read(path).map_err(ReportError::io(path)),
            Self::Text(text) => Ok(text.clone().into_bytes()),
        }
    }
}
