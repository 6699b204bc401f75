//! What tests share. Reads the reference vectors and runs every case as a test of its own; [`runs`] starts programs and looks at
//! the folders that they leave.
//!
//! A case is a folder `<area>/<case>/` with a `case.json` (what is computed, its configuration, tolerances) and usually
//! a `tensors.safetensors` (weights `w.*`, inputs `in.*`, expected outputs `out.*`, expected gradients `grad.*`).
//! One case of every kind lies in the repository, packed (see [`packed`]): the core set.
//! [`run`] makes a test of each case whose kind the calling crate owns (see [`owners`]).

mod case;
mod compare;
mod draws;
mod fill;
pub mod munit;
mod mutate;
pub mod owners;
pub mod packed;
mod runner;
pub mod runs;
mod sources;
pub mod stats;

pub use case::{Case, Outcome};
pub use compare::{Tolerance, compare};
pub use draws::ListedDraws;
pub use fill::{FillRule, lcg1};
pub use mutate::mutations;
pub use runner::{Handler, run};
pub use sources::{core_dir, whole_dirs};
