//! What surrounds a training loop: exact resume, logs, progress and signals. Configuration and run folders are
//! `semrel-run`'s, and given on from here.
//!
//! | module | holds |
//! |---|---|
//! | [`adversary`] | a discriminator and both sides of its game |
//! | [`batches`] | images of two domains as tensors, ahead of the step |
//! | [`cycle_gan`] | CycleGAN's step |
//! | [`passes`] | what steps of generators share |
//! | [`cli`] | arguments that every experiment has |
//! | [`checkpoints`] | tensors and state, saved so that a crash at any moment leaves a whole checkpoint |
//! | [`log`] | `metrics.jsonl` and event files, cut back on resume |
//! | [`driver`] | a run from its opened parts to its summary |
//! | [`fit`] | the loop: when to log, draw, score, save and stop |
//! | [`parts`] | the networks of a checkpoint, under published keys |
//! | [`progress`] | a bar on a terminal, plain lines elsewhere |
//! | [`logging`] | `-v` and `-q` |
//! | [`interrupt`] | Ctrl-C and SIGTERM as a flag |
//! | [`memory`] | memory that is freed stays at hand |
//! | [`correlative`] | the spatially-correlative term and the heads it learns |
//! | [`device`] | `--device` and `--threads` |
//! | [`seeding`] | torch's generator as a function of (seed, step) |
#![warn(missing_docs)]

pub mod adversary;
pub mod average;
pub mod batches;
pub mod checkpoints;
pub mod cli;
pub mod correlative;
pub mod cycle_gan;
pub mod device;
pub mod driver;
pub mod fit;
pub mod interrupt;
pub mod log;
pub mod logging;
pub mod memory;
pub mod parts;
pub mod passes;
pub mod progress;
pub mod seeding;

pub use checkpoints::{Checkpoints, Snapshot, SnapshotError};
pub use device::{DeviceError, parse_device, set_threads, tune_convolutions};
pub use driver::{About, BEGUN, Experiment, MAY_CHANGE, TrainOptions, drive};
pub use fit::{Ended, Fit, Losses, OtherStep, Rhythm, Standing, StepInfo, fit};
pub use interrupt::Interrupt;
pub use log::{MetricsLog, NonFinite, first_non_finite};
pub use parts::{Part, PartsError, PartsState, restore_parts, save_parts};
pub use progress::Progress;
pub use seeding::seed_step;
pub use semrel_run::{ConfigError, FileError, OpenMode, RunDir, RunError, atomic, config, lock, run_dir, summary};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
