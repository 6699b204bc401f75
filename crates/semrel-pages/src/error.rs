//! What can go wrong with a page.

use semrel_run::in_a_line;
use std::io;
use std::path::PathBuf;

/// A page that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The file system refused.
    #[error("{}: cannot {doing}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// Data that JSON cannot hold.
    #[error("data `{id}`: {source}")]
    Data {
        /// Its name in the page.
        id: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A name that is used twice, or has other characters than letters, digits and `-`.
    #[error("`{0}` cannot be the id of data of a page: it must be new, and consist of letters, digits and `-`")]
    Id(String),
    /// Text that would end the element that holds it.
    #[error("a {0} of a page must not hold `</{0}`")]
    EndsElement(&'static str),
    /// A template that is wrong, or does not get what it needs.
    #[error("template: {}", in_a_line(.0))]
    Template(#[from] minijinja::Error),
}
