//! For tests: pages in a headless Chromium.
//!
//! [`browser`] starts one, or says why there is none; [`Browser::open`] gives a [`Tab`].
#![warn(missing_docs)]

mod axe;
mod find;
mod keys;
mod launch;
mod tab;
mod troubles;

pub use launch::{Browser, browser};
pub use tab::Tab;

use std::io;
use std::path::PathBuf;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// A browser, or a page in it, that does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// There is no browser.
    #[error("no browser: {0}")]
    NoBrowser(String),
    /// There is no axe-core.
    #[error("no axe-core: {0}")]
    NoAxe(String),
    /// The browser refused, or is gone.
    #[error("the browser: {0}")]
    Protocol(String),
    /// A script threw.
    #[error("in the page: {0}")]
    Script(String),
    /// What was waited for did not happen.
    #[error("{0}: not so after {1} s")]
    Waited(String, f64),
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}
