//! The report: a page of all that tables and runs have left, and the same kept up to date for a server.
//!
//! [`Sources::read`] reads the tables' results and the run folders, [`build`] makes the page, [`write`](fn@write) writes it
//! into a folder; [`watch::Watch`] makes it anew when files have changed, and [`answer::answer`] says what a request is
//! answered with. The crate does not depend on `tch`.
#![warn(missing_docs)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod answer;
mod asset;
mod bars;
mod curves;
mod diff;
mod error;
mod evidence;
mod front;
mod gallery;
mod labels;
mod members;
mod metrics;
mod numbers;
mod page;
mod problems;
mod report;
mod run_folders;
mod run_list;
mod sources;
mod table_view;
pub mod watch;
mod write;

pub use asset::{Asset, Source};
pub use error::ReportError;
pub use page::build;
pub use report::Report;
pub use sources::{Folders, Sources};
pub use write::write;
