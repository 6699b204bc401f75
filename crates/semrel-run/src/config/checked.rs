//! Configurations whose values were checked.

use super::error::{ConfigError, InvalidValue};
use super::layers::{Layers, origin};
use crate::run_dir::CONFIG;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::Deref;
use std::path::Path;

/// A configuration that knows which values it cannot have.
pub trait Validate {
    /// Keys that had other names: full paths, the former one first.
    const RENAMED: &'static [(&'static str, &'static str)] = &[];

    /// Checks what the types cannot.
    ///
    /// # Errors
    /// Names the key, what was found and what would be right.
    fn validate(&self) -> Result<(), InvalidValue>;
}

/// A configuration that [`Validate::validate`] accepts; nothing else makes one, and it cannot be changed.
///
/// What trains, searches or scores takes this, so that forgetting to check does not compile:
///
/// ```
/// use semrel_run::config::{Checked, InvalidValue, Validate};
///
/// struct Config {
///     steps: u64,
/// }
///
/// impl Validate for Config {
///     fn validate(&self) -> Result<(), InvalidValue> {
///         match self.steps {
///             0 => Err(InvalidValue::new("steps", 0, "it must be at least 1")),
///             _ => Ok(()),
///         }
///     }
/// }
///
/// fn train(config: &Checked<Config>) -> u64 {
///     config.steps
/// }
///
/// let config = Checked::new(Config { steps: 3 })?;
/// assert_eq!(train(&config), 3);
/// assert!(Checked::new(Config { steps: 0 }).is_err());
/// # Ok::<_, InvalidValue>(())
/// ```
///
/// ```compile_fail,E0308
/// # use semrel_run::config::{Checked, InvalidValue, Validate};
/// # struct Config { steps: u64 }
/// # impl Validate for Config {
/// #     fn validate(&self) -> Result<(), InvalidValue> { Ok(()) }
/// # }
/// # fn train(config: &Checked<Config>) -> u64 { config.steps }
/// train(&Config { steps: 3 });
/// ```
///
/// ```compile_fail,E0594
/// # use semrel_run::config::{Checked, InvalidValue, Validate};
/// # struct Config { steps: u64 }
/// # impl Validate for Config {
/// #     fn validate(&self) -> Result<(), InvalidValue> { Ok(()) }
/// # }
/// let mut config = Checked::new(Config { steps: 3 }).unwrap();
/// config.steps = 0;
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Checked<C>(C);

impl<C: Validate> Checked<C> {
    /// Checks a configuration.
    ///
    /// # Errors
    /// Those of [`Validate::validate`].
    pub fn new(config: C) -> Result<Self, InvalidValue> {
        config.validate()?;
        Ok(Self(config))
    }

    /// Loads a configuration from files, merged from left to right, applies `overrides` of the form `a.b.c=value`, and checks
    /// it.
    ///
    /// # Errors
    /// Names the file (or override) that the value came from and the full key.
    pub fn load<P: AsRef<Path>>(files: &[P], overrides: &[String]) -> Result<Self, ConfigError>
    where
        C: DeserializeOwned,
    {
        let layers = Layers::read(files, overrides)?;
        layers.refuse(C::RENAMED)?;
        let config: C = layers.parse()?;
        Self::new(config).map_err(|value| {
            let path: Vec<String> = value.key.split('.').map(str::to_owned).collect();
            let found = layers.origin_of(&path).map(str::to_owned);
            ConfigError::Invalid { origin: found.unwrap_or_else(|| origin(files, overrides)), value }
        })
    }

    /// Loads the configuration that a run folder keeps, and applies `overrides`.
    ///
    /// # Errors
    /// [`ConfigError::NoRun`] for another folder; as [`Checked::load`].
    pub fn of_run(folder: impl AsRef<Path>, overrides: &[String]) -> Result<Self, ConfigError>
    where
        C: DeserializeOwned,
    {
        let file = folder.as_ref().join(CONFIG);
        if !file.exists() {
            return Err(ConfigError::NoRun { folder: folder.as_ref().to_owned() });
        }
        Self::load(&[file], overrides)
    }
}

impl<C> Checked<C> {
    /// The configuration, to be changed; checking it again makes another of these.
    pub fn into_inner(self) -> C {
        self.0
    }
}

impl<C> Deref for Checked<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0
    }
}
