//! Arguments that commands of several programs have, and what they do with them.
//!
//! Where one program has to say more about an argument, it replaces the text of its help by `mut_arg`.

use super::{Machine, TrainMode, ended, write_json};
use crate::interrupt::InterruptError;
use crate::{DeviceError, Ended, Interrupt, TrainOptions};
use clap::Args;
use semrel_run::config::Validate;
use semrel_run::place::{self, Made, PlaceError};
use semrel_run::stored::CheckResult;
use semrel_run::{Checked, ConfigError, FileError, Manifest};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Keys of a configuration that are changed.
#[derive(Debug, Clone, Args)]
pub struct Overrides {
    /// Change a key of the config.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
}

/// The configuration of a run.
#[derive(Debug, Clone, Args)]
pub struct ConfigFiles {
    /// The run's YAML file; several are merged from left to right.
    #[arg(required = true)]
    pub config: Vec<PathBuf>,
    /// Changed keys.
    #[command(flatten)]
    pub set: Overrides,
}

impl ConfigFiles {
    /// The configuration, checked.
    ///
    /// # Errors
    /// As [`Checked::load`].
    pub fn load<C: Validate + DeserializeOwned>(&self) -> Result<Checked<C>, ConfigError> {
        Checked::load(&self.config, &self.set.overrides)
    }
}

/// A run that is there, and one of its checkpoints.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Folder of the run.
    pub run_dir: PathBuf,
    /// The checkpoint: `last`, `best` or a step.
    #[arg(long, default_value = "last")]
    pub checkpoint: String,
}

/// Where scores go.
#[derive(Debug, Clone, Args)]
pub struct ScoresFile {
    /// File for the scores (JSON) [default: standard output]
    #[arg(long)]
    pub out: Option<PathBuf>,
}

impl ScoresFile {
    /// Refuses a file for scores that holds something else, and a folder for their `images` where these would join what is read
    /// ([`place::check`]).
    ///
    /// # Errors
    /// Names the option.
    pub fn check(&self, images: Option<&Path>, inputs: &[(&'static str, Option<&Path>)]) -> Result<(), PlaceError> {
        if let Some(file) = &self.out {
            place::check("--out", file, Made::Json, inputs)?;
        }
        images.map_or(Ok(()), |folder| place::check("--images", folder, Made::Folder, inputs))
    }

    /// Writes them.
    ///
    /// # Errors
    /// Names the file.
    pub fn write(&self, scores: &impl Serialize) -> Result<ExitCode, FileError> {
        write_json(self.out.as_deref(), scores)
    }
}

/// Arguments of `baseline`.
#[derive(Debug, Clone, Args)]
#[command(mut_arg("config", |config| {
    config.help("A run's YAML file, for its data and evaluation; several are merged from left to right")
}))]
pub struct BaselineArgs {
    /// Where the scores go.
    #[command(flatten)]
    pub scores: ScoresFile,
    /// The run.
    #[command(flatten)]
    pub files: ConfigFiles,
    /// Where to compute.
    #[command(flatten)]
    pub machine: Machine,
}

/// How a run begins, or that it is only checked.
#[derive(Debug, Clone, Args)]
pub struct Start {
    /// Manifest to store in the folder (JSON): table, profile, data set, row and seed.
    #[arg(long, value_name = "JSON", hide = true)]
    pub manifest: Option<Manifest>,
    /// What to do with a run that is there.
    #[command(flatten)]
    pub mode: TrainMode,
    /// Check the config, open its data, print the number of steps (JSON), and do not train.
    #[arg(long, conflicts_with_all = ["resume", "overwrite"])]
    pub check: bool,
}

/// What `--check` prints: the number of steps, as JSON.
///
/// # Errors
/// Where standard output is closed.
pub fn print_steps(steps: u64) -> Result<ExitCode, FileError> {
    write_json(None, &CheckResult { steps })
}

/// Arguments of `train`.
#[derive(Debug, Clone, Args)]
#[command(mut_arg("overrides", |set| set.help("Change a key of the config: --set loss.lambda_src=0.2")))]
pub struct TrainArgs {
    /// Folder of the run [default: runs/<program>/<name>]
    #[arg(long)]
    run_dir: Option<PathBuf>,
    #[command(flatten)]
    start: Start,
    #[command(flatten)]
    files: ConfigFiles,
    #[command(flatten)]
    machine: Machine,
}

impl TrainArgs {
    /// Trains, or with `--check` only prints the number of steps, which `check` gives. `folder` is the run's unless one is
    /// asked for.
    ///
    /// # Errors
    /// A device that is not there, a configuration that cannot be read or is refused; those of `check` and `train`.
    pub fn run<C, E>(
        &self,
        quiet: bool,
        folder: impl FnOnce(&C) -> PathBuf,
        check: impl FnOnce(&Checked<C>) -> Result<u64, E>,
        train: impl FnOnce(&Checked<C>, &TrainOptions, &Interrupt) -> Result<Ended, E>,
    ) -> Result<ExitCode, E>
    where
        C: Validate + DeserializeOwned,
        E: From<DeviceError> + From<ConfigError> + From<FileError> + From<InterruptError>,
    {
        let (device, threads) = self.machine.set()?;
        let config: Checked<C> = self.files.load()?;
        if self.start.check {
            return Ok(print_steps(check(&config)?)?);
        }
        let run_dir = self.run_dir.clone().unwrap_or_else(|| folder(&config));
        let (mode, manifest) = (self.start.mode.mode(), self.start.manifest.clone());
        let options = TrainOptions { run_dir, mode, device, threads, quiet, manifest };
        let interrupt = Interrupt::prepare()?;
        Ok(ended(train(&config, &options, &interrupt)?, &options.run_dir, quiet))
    }
}
