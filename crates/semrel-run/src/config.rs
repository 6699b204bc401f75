//! Configuration: YAML files that may extend others, overrides, and errors that name file and key.
//!
//! Layers are merged in order: what a file extends, from left to right; the file; further files; the overrides. Mappings
//! merge key by key, anything else (lists too) is replaced whole. A file extends others by `extends: base.yaml` or
//! `extends: [base.yaml, methods/ours.yaml]`, relative to itself. A file that is reached by two ways is merged once, where it
//! is reached first.

mod checked;
mod error;
mod explain;
mod layers;
pub(crate) mod yaml;

pub use checked::{Checked, Validate};
pub use error::{ConfigError, InvalidValue};
pub(crate) use layers::first_difference;
pub use layers::{SourceFile, origin, sources};
pub use yaml::text_of;

use layers::Layers;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;

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
