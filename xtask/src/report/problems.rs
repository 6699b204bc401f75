//! What could not be read.

use std::cell::RefCell;
use std::path::Path;

/// Lines that name a file and what is wrong with it.
#[derive(Debug, Default)]
pub struct Problems(RefCell<Vec<String>>);

impl Problems {
    /// Adds what is wrong with a file or folder.
    pub fn add(&self, place: impl std::fmt::Display, what: impl std::fmt::Display) {
        self.0.borrow_mut().push(format!("{place}: {what}"));
    }

    /// The value, or none and a line.
    pub fn keep<T, E: std::fmt::Display>(&self, place: impl std::fmt::Display, value: Result<T, E>) -> Option<T> {
        value.map_err(|error| self.add(place, error)).ok()
    }

    /// All lines.
    pub fn lines(&self) -> Vec<String> {
        self.0.borrow().clone()
    }
}

/// A path within a folder as the page names it: `runs/cut-single/x`, wherever the folder is.
pub fn shown(root: &str, folder: &Path, path: &Path) -> String {
    match path.strip_prefix(folder) {
        Ok(inner) if inner.as_os_str().is_empty() => root.to_owned(),
        Ok(inner) => format!("{root}/{}", slashes(inner)),
        Err(_) => path.display().to_string(),
    }
}

/// A relative path with `/` between its parts.
pub fn slashes(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
