//! What can go wrong with a report.

use semrel_pages::PageError;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Errors of this crate. Each names the folder or file, what is wrong and what would be right.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A folder that was named and is not there.
    #[error("{option} {path}: no such folder")]
    NoFolder {
        /// What it is for.
        option: &'static str,
        /// The folder.
        path: PathBuf,
    },
    /// A page that would lie among what it is made of.
    #[error("--out {out}: holds what the page is made of; choose another folder, such as {other}")]
    AmongSources {
        /// The folder.
        out: PathBuf,
        /// One that would do.
        other: PathBuf,
    },
    /// A file where the page's folder should be.
    #[error("--out {0}: a file, where a folder is needed")]
    OutIsFile(PathBuf),
    /// Neither a table nor a run.
    #[error(
        "nothing to report: there is no table in {results} and no run in {runs}; make one first, as by `cargo xtask table1` or \
         `cargo xtask table-single --only street/ours`, or name other folders with --results and --runs"
    )]
    Nothing {
        /// Folder of results.
        results: PathBuf,
        /// Folder of runs.
        runs: PathBuf,
    },
    /// A folder that holds something else than a report.
    #[error("{path}: not empty, and not a report (it holds `{other}`); choose another folder with --out")]
    NoReport {
        /// The folder.
        path: PathBuf,
        /// A file in it.
        other: String,
    },
    /// A file or folder that cannot be read.
    #[error("{path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of an earlier report that cannot be removed.
    #[error("{path}: cannot be removed")]
    Remove {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A page that cannot be made or written.
    #[error(transparent)]
    Page(#[from] PageError),
}

impl ReportError {
    /// For `map_err`: an error of reading `path`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
