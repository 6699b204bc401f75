//! Configuration: YAML files that may extend others, overrides, and errors that name file and key.
//!
//! Layers are merged in order: what a file extends, from left to right; the file; further files; the overrides. Mappings
//! merge key by key, anything else (lists too) is replaced whole. A file extends others by `extends: base.yaml` or
//! `extends: [base.yaml, methods/ours.yaml]`, relative to itself. A file that is reached by two ways is merged once, where it
//! is reached first.

mod checked;
mod explain;
mod layers;
mod yaml;

pub use checked::{Checked, InvalidValue, Validate};
pub(crate) use layers::first_difference;
pub use layers::{SourceFile, sources};

use layers::Layers;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// A configuration that cannot be used. `origin` is the file, or the override, that the value came from.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot read the configuration: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// The file holds nothing, or only comments.
    #[error("{}: the configuration is empty; expected keys and values in YAML", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file is not YAML, or no mapping of keys to values.
    #[error("{}: {what}", path.display())]
    NotYaml {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        what: String,
    },
    /// An override is not of the form `a.b.c=value`.
    #[error("--set {text}: {what}; expected `section.key=value`")]
    Override {
        /// The override.
        text: String,
        /// What is wrong.
        what: String,
    },
    /// A file that another extends cannot be read.
    #[error("{origin}: key `{key}`: {}: cannot read the configuration: {reason}", base.display())]
    Extends {
        /// The file that extends it.
        origin: String,
        /// `extends`, or `extends.1` in a list.
        key: String,
        /// The file that cannot be read.
        base: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// Files extend each other in a circle.
    #[error("configurations extend each other in a circle: {0}")]
    Cycle(String),
    /// A key that does not exist.
    #[error("{origin}: unknown key `{key}`; {hint}")]
    UnknownKey {
        /// Where it is.
        origin: String,
        /// Its full path.
        key: String,
        /// The nearest known key, or all of them.
        hint: String,
    },
    /// A key that has another name now.
    #[error("{origin}: key `{old}` is called `{new}` now; rename it")]
    Renamed {
        /// Where it is.
        origin: String,
        /// Its former full path.
        old: String,
        /// Its full path now.
        new: String,
    },
    /// A key without a default is absent.
    #[error("{origin}: missing key `{key}`")]
    MissingKey {
        /// Where it is missing.
        origin: String,
        /// Its full path.
        key: String,
    },
    /// A value of the wrong type, or none of those allowed.
    #[error("{origin}: key `{key}`: {what}")]
    Value {
        /// Where it is.
        origin: String,
        /// Its full path.
        key: String,
        /// What was found and what was expected.
        what: String,
    },
    /// A value of the right type that cannot be.
    #[error("{origin}: {value}")]
    Invalid {
        /// Where it is, or the files and overrides together where it is in none of them.
        origin: String,
        /// Key, problem and remedy.
        value: InvalidValue,
    },
    /// The configuration cannot be written as YAML.
    #[error("cannot write the configuration as YAML: {0}")]
    ToYaml(String),
}

/// Loads a configuration from `path` and applies `overrides` of the form `a.b.c=value`, the value in YAML.
///
/// An override of a key in a missing section creates the section. The values are not checked: [`Checked::load`] does that.
///
/// # Errors
/// Names the file (or override) and the full key, and for an unknown key the nearest known one. `T` should deny unknown
/// fields, or none is noticed.
pub fn load<T: DeserializeOwned>(path: impl AsRef<Path>, overrides: &[String]) -> Result<T, ConfigError> {
    Layers::read(&[path], overrides)?.parse()
}

/// Where a configuration comes from, for messages about it as a whole: its files, and what was set over them.
pub fn origin<P: AsRef<Path>>(files: &[P], overrides: &[String]) -> String {
    let files: Vec<String> = files.iter().map(|file| file.as_ref().display().to_string()).collect();
    let sets = overrides.iter().map(|text| format!(" --set {text}"));
    std::iter::once(files.join(" ")).chain(sets).collect()
}

/// The configuration as YAML, every key with its value.
///
/// # Errors
/// [`ConfigError::ToYaml`] for types that YAML lacks.
pub fn to_yaml<T: Serialize>(config: &T) -> Result<String, ConfigError> {
    serde_yaml::to_string(config).map_err(|e| ConfigError::ToYaml(e.to_string()))
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;

#[cfg(test)]
mod chains_tests;
