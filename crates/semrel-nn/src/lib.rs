//! Networks, the optimiser, weight averaging, schedules and checkpoints of the three experiments.
//!
//! Every parameter is registered under its published state-dict key, so weights move both ways between this project
//! and the published code. Networks take and return NCHW tensors.
#![warn(missing_docs)]

pub mod checkpoint;
mod ema;
mod init;
pub mod layers;
mod net;
mod optim;
mod schedule;
pub mod stargan2;

pub use ema::Ema;
pub use init::{InitType, he_normal};
pub use net::{Net, flat_gradients};
pub use optim::{Adam, AdamConfig};
pub use schedule::{LrPolicy, LrSchedule};
