//! What can be wrong with a configuration.

use std::path::PathBuf;

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
    /// The folder of a run is asked for, and this is another one.
    #[error("{}: not the folder of a run, which holds a `{}`", folder.display(), crate::run_dir::CONFIG)]
    NoRun {
        /// The folder.
        folder: PathBuf,
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

/// A value that a configuration cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("config key `{key}`: {problem}; {remedy}")]
pub struct InvalidValue {
    /// Its full path.
    pub key: String,
    /// What was found.
    pub problem: String,
    /// What would be right.
    pub remedy: String,
}

impl InvalidValue {
    /// The value at `key`, what was found and what would be right.
    pub fn new(key: impl ToString, problem: impl ToString, remedy: impl ToString) -> Self {
        Self { key: key.to_string(), problem: problem.to_string(), remedy: remedy.to_string() }
    }

    /// Refuses the `name` at `key` unless it is one of those that are `known`.
    ///
    /// # Errors
    /// Lists these.
    pub fn unless_known(key: &str, name: &str, known: &[&str]) -> Result<(), Self> {
        if known.contains(&name) {
            return Ok(());
        }
        Err(Self::new(key, name, format!("expected one of {}", known.join(", "))))
    }
}
