//! What surrounds a training loop: configuration, run folders, exact resume, logs, progress and signals.
//!
//! | module | holds |
//! |---|---|
//! | [`config`] | YAML with `extends:` and `--set`, and errors that name the key |
//! | [`run_dir`] | the folder of a run: what it holds, who may write it, when it can be resumed |
//! | [`checkpoints`] | tensors and state, saved so that a crash at any moment leaves a whole checkpoint |
//! | [`log`] | `metrics.jsonl` and event files, cut back on resume |
//! | [`summary`] | `summary.json` |
//! | [`progress`] | a bar on a terminal, plain lines elsewhere |
//! | [`logging`] | `-v` and `-q` |
//! | [`interrupt`] | Ctrl-C and SIGTERM as a flag |
//! | [`memory`] | memory that is freed stays at hand |
//! | [`device`] | `--device` and `--threads` |
//! | [`seeding`] | torch's generator as a function of (seed, step) |
//! | [`atomic`] | files that are old or new, never half |
#![warn(missing_docs)]

pub mod atomic;
pub mod checkpoints;
pub mod config;
pub mod device;
pub mod interrupt;
mod lock;
pub mod log;
pub mod logging;
pub mod memory;
pub mod progress;
pub mod run_dir;
pub mod seeding;
pub mod summary;

pub use atomic::FileError;
pub use checkpoints::{Checkpoints, Snapshot, SnapshotError};
pub use config::ConfigError;
pub use device::{DeviceError, parse_device, set_threads};
pub use interrupt::Interrupt;
pub use log::{MetricsLog, NonFinite, first_non_finite};
pub use progress::Progress;
pub use run_dir::{OpenMode, RunDir, RunError};
pub use seeding::seed_step;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
