//! What programs and tables agree on, without tch: configuration, run folders, checkpoint names, summaries, whole files.
//!
//! | module | holds |
//! |---|---|
//! | [`atomic`] | files and folders that are old or new, never half |
//! | [`input`] | files that are read, and pipes that are not waited for |
//! | [`config`] | YAML with `extends:` and `--set`, and errors that name file and key |
//! | [`place`] | where a command may write: beside what it reads, and never over it |
//! | [`run_dir`] | the folder of a run: what it holds, who may write it, when it can be resumed |
//! | [`lock`] | one process per folder |
//! | [`checkpoints`] | names, states and digests of checkpoints; what is in their files is the trainer's |
//! | [`log`] | `metrics.jsonl`, read and cut back |
//! | [`scores`] | what evaluations write and tables read |
//! | [`summary`] | `summary.json`: what a run came to |
//! | [`trained`], [`work`] | the part of it that is a program's own |
//! | [`search`], [`front`] | `search.json` and `front.csv`: what a search found, and all that it evaluated |
//! | [`similarity`] | similarity maps of one patch |
//! | [`stored`] | what all stored configurations have in common; what `--check` prints |
//! | [`split`] | `split.json`: which training images are set apart for validation |
//! | [`manifest`] | `manifest.json`: which row of which table a run is |
#![warn(missing_docs)]

pub mod atomic;
mod causes;
pub mod checkpoints;
pub mod config;
pub mod front;
pub mod input;
mod json_file;
pub mod lock;
pub mod log;
pub mod manifest;
pub mod place;
pub mod run_dir;
pub mod scores;
pub mod search;
pub mod similarity;
pub mod split;
pub mod stored;
pub mod summary;
pub mod trained;
mod truth;
pub mod work;

pub use atomic::FileError;
pub use causes::in_a_line;
pub use checkpoints::{CheckpointFolder, CheckpointFolderError};
pub use config::{Checked, ConfigError, InvalidValue, Validate};
pub use json_file::JsonFileError;
pub use lock::Lock;
pub use manifest::Manifest;
pub use run_dir::{OpenMode, RunDir, RunError};
pub use split::{DomainRecord, SplitRecord};
pub use summary::Summary;
