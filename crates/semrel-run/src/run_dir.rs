//! The folder of a run: what it holds, who may write it, when it can be resumed.
//!
//! ```text
//! config.yaml                 resolved
//! metrics.jsonl  events.out.tfevents.*
//! samples/step-00001000.png
//! checkpoints/step-00001000/{*.safetensors,state.json}
//! summary.json
//! split.json                  of a run that sets images apart for validation
//! manifest.json               of a run that belongs to a table
//! .semrel.lock                held by the process that writes
//! ```

use crate::atomic::{self, FileError, TEMPORARY, failed, names_in};
use crate::checkpoints::{self, CheckpointFolder, CheckpointFolderError};
use crate::config::{self, ConfigError, yaml};
use crate::lock::{self, Lock};
use crate::place::PlaceError;
use crate::{JsonFileError, front, log, manifest, search, split, summary};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// Name of the resolved configuration.
pub const CONFIG: &str = "config.yaml";
/// Name of the folder of pictures of what a run makes while it trains.
pub const SAMPLES: &str = "samples";
const CHECKPOINTS: &str = "checkpoints";

/// What to do with a folder that holds a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Refuse: the run is a new one.
    New,
    /// Go on with it.
    Resume,
    /// Remove it first: what a run writes, and nothing else.
    Overwrite,
}

/// A run folder that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A new run in the folder of another.
    #[error("{}: already holds a run; continue it with `--resume`, or remove it with `--overwrite`", .0.display())]
    Exists(PathBuf),
    /// Nothing to resume.
    #[error("{}: holds no run to resume; omit `--resume` to start one", .0.display())]
    NoRun(PathBuf),
    /// A run whose checkpoints are gone.
    #[error(
        "{}: {reached}, but it holds no checkpoint; restore its folder `{CHECKPOINTS}`, or start over with `--overwrite`",
        folder.display()
    )]
    NoCheckpoint {
        /// The run.
        folder: PathBuf,
        /// How far it had come.
        reached: String,
    },
    /// The folder holds files that are no run's.
    #[error("{}: neither empty nor a run folder (it holds `{found}`); choose another folder", folder.display())]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// One of its files.
        found: String,
    },
    /// Another process writes to the folder.
    #[error("{}: in use by {}; wait for it or stop it, or choose another folder", folder.display(), who(*holder))]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// Process id of the holder, where it is known.
        holder: Option<u32>,
    },
    /// The run was started with another configuration.
    #[error(
        "{}: key `{key}` is {given}, but the run was started with {stored}; give it the old value to resume, or start \
         another run", path.display()
    )]
    ConfigChanged {
        /// The stored configuration.
        path: PathBuf,
        /// Full path of the first key that differs.
        key: String,
        /// Its value there.
        stored: String,
        /// Its value now.
        given: String,
    },
    /// The run was trained with another validation part.
    #[error("{}: {what}, or start another run", folder.display())]
    OtherSplit {
        /// The run.
        folder: PathBuf,
        /// What differs, and what to do.
        what: String,
    },
    /// The run's pictures would join those that it reads.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The configuration cannot be stored or read back.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file of the run is not what was expected.
    #[error(transparent)]
    Json(#[from] JsonFileError),
    /// Leftovers of a killed process cannot be removed.
    #[error(transparent)]
    Checkpoints(#[from] CheckpointFolderError),
}

fn who(holder: Option<u32>) -> String {
    holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

/// An open run folder, locked while this lives.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    _lock: Lock,
}

impl RunDir {
    /// Opens (and in all modes but [`OpenMode::Resume`] creates) the folder of a run of this `config`.
    ///
    /// On resume the stored configuration must equal `config` but for the keys `may_change`, full paths such as
    /// `train.iterations`, or sections such as `eval`; the new values are then stored. What a killed process has left
    /// half-written is removed.
    ///
    /// # Errors
    /// See [`RunError`]; nothing in the folder is changed then.
    pub fn open<T: Serialize>(
        path: impl Into<PathBuf>,
        mode: OpenMode,
        config: &T,
        may_change: &[&str],
    ) -> Result<Self, RunError> {
        let path = path.into();
        let given = config::to_yaml(config)?;
        // The lock goes first where there is one: that the folder is in use is the first thing to know.
        let held = path.join(lock::FILE).is_file().then(|| Lock::take(&path)).transpose()?;
        inspect(&path, mode)?;
        let lock = match held {
            Some(lock) => lock,
            None => {
                fs::create_dir_all(&path).map_err(failed(&path, "create"))?;
                let lock = Lock::take(&path)?;
                // Another process may have come and gone in between.
                inspect(&path, mode)?;
                lock
            }
        };
        match mode {
            OpenMode::New => {}
            OpenMode::Resume => {
                let then = compare(&path.join(CONFIG), &given, may_change)?;
                check_checkpoints(&path, &then, may_change)?;
            }
            OpenMode::Overwrite => remove_run(&path)?,
        }
        atomic::write(path.join(CONFIG), given.as_bytes())?;
        let run = Self { path, _lock: lock };
        run.remove_leftovers()?;
        run.checkpoints(1).clean()?;
        for folder in [SAMPLES, CHECKPOINTS] {
            let folder = run.path.join(folder);
            fs::create_dir_all(&folder).map_err(failed(&folder, "create"))?;
        }
        Ok(run)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its checkpoints, of which the last `keep` and the best stay.
    pub fn checkpoints(&self, keep: usize) -> CheckpointFolder {
        CheckpointFolder::new(checkpoints_of(&self.path), keep)
    }

    /// Path of the sample picture of `step`: `samples/step-00001000.png`, or `samples/step-00001000-name.png` with a
    /// `name`.
    pub fn sample_path(&self, step: u64, name: Option<&str>) -> PathBuf {
        let name = name.map(|name| format!("-{name}")).unwrap_or_default();
        self.path.join(SAMPLES).join(format!("step-{step:08}{name}.png"))
    }

    fn remove_leftovers(&self) -> Result<(), FileError> {
        let ours = |name: &&String| {
            let target = name.strip_prefix(TEMPORARY);
            target.is_some_and(|t| {
                [CONFIG, summary::FILE, manifest::FILE, split::FILE, log::FILE].iter().any(|file| t.starts_with(file))
            })
        };
        let samples = self.path.join(SAMPLES);
        let picture = |name: &&String| name.strip_prefix(TEMPORARY).is_some_and(|t| t.starts_with("step-"));
        let files = names_in(&self.path)?.iter().filter(ours).map(|name| self.path.join(name)).collect::<Vec<_>>();
        let pictures = names_in(&samples)?.iter().filter(picture).map(|name| samples.join(name)).collect::<Vec<_>>();
        for path in files.into_iter().chain(pictures) {
            fs::remove_file(&path).map_err(failed(&path, "remove"))?;
        }
        Ok(())
    }
}

/// Refuses a `config` that the run in a folder could not be resumed with ([`RunDir::open`]). Changes nothing.
///
/// # Errors
/// [`RunError::ConfigChanged`] names the key; [`RunError::File`] and [`RunError::Config`] a stored configuration that cannot be
/// read.
pub fn check_config<T: Serialize>(
    run_folder: impl AsRef<Path>,
    config: &T,
    may_change: &[&str],
) -> Result<(), RunError> {
    compare(&run_folder.as_ref().join(CONFIG), &config::to_yaml(config)?, may_change).map(|_| ())
}

/// The folder of checkpoints within a run folder, for processes that only read.
pub fn checkpoints_of(run_folder: impl AsRef<Path>) -> PathBuf {
    run_folder.as_ref().join(CHECKPOINTS)
}

/// Whether `folder` can be opened in this mode. Changes nothing.
fn inspect(folder: &Path, mode: OpenMode) -> Result<(), RunError> {
    let names = names_in(folder)?;
    let has_run = names.iter().any(|name| name == CONFIG);
    let written = |name: &&String| is_written(name);
    match mode {
        OpenMode::Resume if has_run => Ok(()),
        OpenMode::Resume => Err(RunError::NoRun(folder.to_owned())),
        OpenMode::New if has_run => Err(RunError::Exists(folder.to_owned())),
        // A new run would mix its files with those.
        OpenMode::New => match names.iter().find(written) {
            Some(found) => Err(RunError::Foreign { folder: folder.to_owned(), found: found.clone() }),
            None => Ok(()),
        },
        // The lock file tells a run's `config.yaml` from that of anything else.
        OpenMode::Overwrite if has_run && names.iter().any(|name| name == lock::FILE) => Ok(()),
        OpenMode::Overwrite => match names.iter().find(|name| *name != lock::FILE) {
            Some(found) => Err(RunError::Foreign { folder: folder.to_owned(), found: found.clone() }),
            None => Ok(()),
        },
    }
}

/// Refuses a run that has saved checkpoints, by what its files tell, and holds none: it would start anew in silence. How often it
/// saved stands under the keys of its configuration `then` that are called `save_every`, of which the largest counts.
fn check_checkpoints(folder: &Path, then: &serde_yaml::Value, may_change: &[&str]) -> Result<(), RunError> {
    if !CheckpointFolder::new(checkpoints_of(folder), 1).steps()?.is_empty() {
        return Ok(());
    }
    let value = |key: &&str| key.split('.').try_fold(then, |section, part| section.get(part))?.as_u64();
    let saved_every = may_change.iter().filter(|key| key.ends_with("save_every")).filter_map(value).max();
    let step = log::last_step(&folder.join(log::FILE))?;
    let reached = if folder.join(summary::FILE).is_file() {
        "it has ended".to_owned()
    } else if saved_every.is_some_and(|every| every > 0 && step > every) {
        format!("its log reaches step {step}")
    } else {
        return Ok(());
    };
    Err(RunError::NoCheckpoint { folder: folder.to_owned(), reached })
}

/// Whether a run owns what is called this in its folder, or a search.
pub(crate) fn is_own(name: &str) -> bool {
    is_written(name)
        || name == lock::FILE
        || matches!(name, search::RESULTS | front::FILE | "evaluations.jsonl" | "front.svg")
}

/// Whether training writes what is called this.
fn is_written(name: &str) -> bool {
    matches!(name, CONFIG | SAMPLES | CHECKPOINTS | summary::FILE | manifest::FILE | split::FILE | log::FILE)
        || log::is_event_file(name)
}

fn compare(stored: &Path, given: &str, may_change: &[&str]) -> Result<serde_yaml::Value, RunError> {
    let text = config::text_of(stored).map_err(failed(stored, "read"))?;
    let parse = |text: &str| {
        yaml::parse(text)
            .map_err(|e| ConfigError::NotYaml { path: stored.to_owned(), what: format!("not valid YAML: {e}") })
    };
    let then: serde_yaml::Value = parse(&text)?;
    if !then.is_mapping() {
        let what =
            "not the configuration of a run, which has keys; restore it, or start over with --overwrite".to_owned();
        return Err(ConfigError::NotYaml { path: stored.to_owned(), what }.into());
    }
    match config::first_difference(&then, &parse(given)?, &|key| may_change.contains(&key)) {
        None => Ok(then),
        Some((key, stored_value, given)) => {
            Err(RunError::ConfigChanged { path: stored.to_owned(), key, stored: stored_value, given })
        }
    }
}

/// Removes what a run writes but for `config.yaml`, which stays until the new one replaces it.
fn remove_run(folder: &Path) -> Result<(), FileError> {
    checkpoints::remove_all(&folder.join(CHECKPOINTS))?;
    let remove = |path: PathBuf| fs::remove_file(&path).map_err(failed(&path, "remove"));
    let samples = folder.join(SAMPLES);
    for name in names_in(&samples)? {
        let digits = name.strip_prefix("step-").and_then(|rest| rest.get(..8));
        if name.ends_with(".png") && digits.is_some_and(|d| d.bytes().all(|b| b.is_ascii_digit())) {
            remove(samples.join(name))?;
        }
    }
    // Fails where something of another's is in it.
    let _ = fs::remove_dir(&samples);
    for name in names_in(folder)? {
        if matches!(name.as_str(), summary::FILE | manifest::FILE | split::FILE | log::FILE)
            || log::is_event_file(&name)
        {
            remove(folder.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "run_dir_tests.rs"]
mod tests;
