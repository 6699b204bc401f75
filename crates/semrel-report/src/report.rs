//! The page and what lies beside it.

use super::asset::Asset;
use std::collections::BTreeMap;

/// A page, and what lies beside it.
pub struct Report {
    /// The page.
    pub html: String,
    /// What lies beside it, by its address.
    pub assets: BTreeMap<String, Asset>,
    /// What is in it, in a line.
    pub summary: String,
    /// Files that could not be read, and what was left out.
    pub problems: Vec<String>,
}
