//! The methods, one file each.

mod build;
mod contrastive;
mod cyclegan;
mod distancegan;
mod distances;
mod domains;
pub mod drit;
mod gcgan;
mod lsesim;
mod munit;
mod negcut;
mod supervised;
mod unit;

pub use build::build;
pub use contrastive::{COUPLING, Contrastive, Draws, measures_coupling};
pub(crate) use contrastive::{Compared, Embedded};
pub use cyclegan::{CycleGan, new_cycle_gan};
pub use distancegan::{DistanceFakes, DistanceGan, kept_distances};
pub(crate) use distances::measure_random;
pub use distances::{DistanceStatistics, MOST_BATCHES, batches_of_pass, check_distances, measure};
pub use domains::{AutoEncoders, DomainCritics, Perceptual};
pub use drit::Drit;
pub(crate) use gcgan::Passed;
pub use gcgan::{GcGan, TurnedFakes, geometry_consistency};
pub use lsesim::LSeSim;
pub(crate) use munit::Pass;
pub use munit::{Munit, StyleDraws, Translations};
pub use negcut::{NegCut, NegativeDraws};
pub use supervised::Supervised;
pub use unit::{LatentNoise, Unit};
