//! Arguments, commands and outputs that the programs of all experiments share.

mod args;
mod program;
mod translate;

pub use args::{BaselineArgs, ConfigFiles, Overrides, RunArgs, ScoresFile, Start, TrainArgs, print_steps};
pub use program::{Describe, Verbosity, config_schema, run};
pub use translate::{PictureSize, TranslationArgs, translating};

use crate::progress::print_line;
use crate::{DeviceError, Ended, OpenMode, parse_device, set_threads};
use semrel_run::atomic::{self, FileError, failed};
use serde::Serialize;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use tch::Device;

/// Where and how fast to compute.
#[derive(Debug, Clone, clap::Args)]
pub struct Machine {
    /// Device to compute on: cpu, cuda, cuda:1.
    #[arg(long, default_value = "cpu")]
    pub device: String,
    /// Number of compute threads [default: all cores]. Results are bit-identical for equal numbers of threads.
    #[arg(long)]
    pub threads: Option<usize>,
}

impl Machine {
    /// Sets the threads; the device and the number of threads.
    ///
    /// # Errors
    /// [`DeviceError`] names a device that is not available or a number of threads that is out of range.
    pub fn set(&self) -> Result<(Device, usize), DeviceError> {
        Ok((parse_device(&self.device)?, set_threads(self.threads)?))
    }
}

/// What to do with a run that is in the folder.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct TrainMode {
    /// Continue the run from its last checkpoint.
    #[arg(long, conflicts_with = "overwrite")]
    pub resume: bool,
    /// Remove the run that is in the folder, and start over.
    #[arg(long)]
    pub overwrite: bool,
}

impl TrainMode {
    /// How the run folder is to be opened.
    pub fn mode(self) -> OpenMode {
        match (self.resume, self.overwrite) {
            (true, _) => OpenMode::Resume,
            (_, true) => OpenMode::Overwrite,
            _ => OpenMode::New,
        }
    }
}

/// Says how training ended, unless it ended well and `quiet` is asked for; 130, as for a signal, where it was
/// interrupted.
pub fn ended(how: Ended, run_dir: &Path, quiet: bool) -> ExitCode {
    match how {
        Ended::Finished => {
            if !quiet {
                print_line(&format!("trained; the run is in {}", run_dir.display()));
            }
            ExitCode::SUCCESS
        }
        Ended::Interrupted => {
            print_line("stopped with a checkpoint saved; continue with --resume");
            ExitCode::from(130)
        }
    }
}

/// Writes indented JSON to a file (atomically, creating its folder), or to standard output if `out` is `None`.
///
/// # Errors
/// Names the file.
pub fn write_json<T: Serialize>(out: Option<&Path>, value: &T) -> Result<ExitCode, FileError> {
    let stdout = Path::new("standard output");
    let target = out.unwrap_or(stdout);
    let mut text =
        serde_json::to_string_pretty(value).map_err(std::io::Error::other).map_err(failed(target, "write"))?;
    text.push('\n');
    match out {
        Some(path) => {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(failed(parent, "create"))?;
            }
            atomic::write(path, text.as_bytes())?;
        }
        None => std::io::stdout().write_all(text.as_bytes()).map_err(failed(stdout, "write to"))?,
    }
    Ok(ExitCode::SUCCESS)
}
