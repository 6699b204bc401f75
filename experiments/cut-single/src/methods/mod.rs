//! The methods, one file each.

mod build;
mod contrastive;
mod cyclegan;
mod distancegan;
mod gcgan;
mod lsesim;
mod negcut;
mod supervised;

pub use build::build;
pub(crate) use contrastive::{Compared, Embedded};
pub use contrastive::{Contrastive, Draws};
pub use cyclegan::{CycleGan, new_cycle_gan};
pub use distancegan::{DistanceGan, DistanceStatistics, halves_distance};
pub use gcgan::{GcGan, TurnedFakes, geometry_consistency};
pub use lsesim::LSeSim;
pub use negcut::NegCut;
pub use supervised::Supervised;
