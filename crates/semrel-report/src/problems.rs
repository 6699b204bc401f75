//! What could not be read.

use semrel_run::input;
use serde_json::Value;
use std::cell::RefCell;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

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

    /// The text of a file; none where there is no such file, or it cannot be read.
    pub fn text(&self, place: impl std::fmt::Display, file: &Path) -> Option<String> {
        self.found(place, input::read_to_string(file))
    }

    /// The text that was read of a file; none where there was no such file, or it could not be read.
    pub fn found(&self, place: impl std::fmt::Display, text: io::Result<String>) -> Option<String> {
        match text {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            other => self.keep(place, other.map_err(|error| format!("cannot be read: {error}"))),
        }
    }

    /// What a JSON file says; null where there is no such file, or none that can be read.
    pub fn json(&self, place: impl std::fmt::Display, file: &Path) -> Value {
        let parsed = self.text(&place, file).map(|text| serde_json::from_str(&text));
        let parsed = parsed.map(|parsed| parsed.map_err(|error| format!("not JSON: {error}")));
        parsed.and_then(|parsed| self.keep(place, parsed)).unwrap_or_default()
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

/// All files below a folder, sorted; links to folders are not followed.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (vec![], vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())) {
            match path.is_dir() {
                true if path.is_symlink() => {}
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files.sort();
    files
}
