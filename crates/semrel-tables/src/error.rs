//! What can go wrong with a table.

use semrel_data::DataError;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Errors of this crate. Each names the file, folder, option or row, what is wrong and what would be right.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TableError {
    /// A file or folder that cannot be read or written.
    #[error("{path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Claims that are not what they should be.
    #[error("{}: {what}", path.display())]
    Claims {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A result that is not JSON, or lacks a key: of another version, or damaged.
    #[error(
        "{path}: {what}; it is damaged, or of another version; the command of the table with `--resume` makes it anew"
    )]
    Result {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the key.
        what: String,
    },
    /// A manifest that cannot be read.
    #[error(transparent)]
    Manifest(semrel_run::JsonFileError),
    /// A change to the configurations that is none, or that has an option of its own.
    #[error("--set {0}")]
    Set(String),
    /// A table whose rows have one result each.
    #[error(
        "--best-on-test: {0} shows one result of each row, of which there are no checkpoints to choose from; omit it"
    )]
    NothingToChoose(&'static str),
    /// A row that the table does not have.
    #[error(
        "no row `{name}`; the rows are {rows}, and a data set ({datasets}) or a method ({methods}) names all of its rows"
    )]
    UnknownRow {
        /// What was asked for.
        name: String,
        /// The rows.
        rows: String,
        /// The data sets.
        datasets: String,
        /// The methods.
        methods: String,
    },
    /// A folder that is not a data set for the table.
    #[error("{0}")]
    Layout(String, #[source] DataError),
    /// A folder with too few domains.
    #[error("{path}: {domains} domain; translation needs at least two")]
    TooFewDomains {
        /// The folder.
        path: PathBuf,
        /// How many there are.
        domains: usize,
    },
    /// Images that the profile needs and that are not there.
    #[error("profile {profile} needs images in data/{dataset}, or yours with --data DIR")]
    NoImages {
        /// The profile.
        profile: &'static str,
        /// The data set.
        dataset: String,
        /// What is wrong with the folder.
        source: Box<TableError>,
    },
    /// A row that has no configuration.
    #[error("{path}: no such configuration; profile {profile} cannot run this row")]
    NoConfiguration {
        /// The configuration.
        path: PathBuf,
        /// The profile.
        profile: &'static str,
    },
    /// A run folder that is there already, or was made with other settings.
    #[error("{path}: {why}")]
    RunFolder {
        /// The folder.
        path: PathBuf,
        /// What it is, and what to do.
        why: &'static str,
    },
    /// A row that its program refuses.
    #[error("{row}")]
    Row {
        /// The row.
        row: String,
        /// Why.
        source: Box<TableError>,
    },
    /// A program that cannot be started.
    #[error("{program} cannot be started")]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What a program says against a configuration.
    #[error("{0}")]
    Refused(String),
    /// A picture of translations that cannot be made.
    #[error("{0}")]
    Picture(String),
    /// Pictures that cannot be read or written.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A configuration that cannot be read.
    #[error(transparent)]
    Config(#[from] semrel_run::ConfigError),
    /// Signals that cannot be caught.
    #[error("signals cannot be caught")]
    Signals(#[source] ctrlc::Error),
}

impl TableError {
    /// For `map_err`: an error of reading or writing `path`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
