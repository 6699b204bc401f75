//! Networks, the optimiser, weight averaging, schedules and checkpoints of the three experiments.
//!
//! Every parameter is registered under its published state-dict key, so weights move both ways between this project
//! and the published code. Networks take and return NCHW tensors.
#![warn(missing_docs)]

mod chain;
pub mod channels;
pub mod checkpoint;
mod colours;
mod discriminator;
pub mod distillation;
mod doubling;
pub mod drit;
mod ema;
mod error;
mod generator;
pub mod image_pool;
mod init;
pub mod layers;
pub mod light;
pub mod mobile_resnet;
pub mod munit;
mod net;
mod optim;
mod output;
pub mod patchgan;
pub mod projected;
pub mod resnet;
mod schedule;
mod sequential;
pub mod stargan2;
pub mod stylegan2;
mod styles;
mod trained;

pub use discriminator::{Discriminator, at_least};
pub use doubling::Doubling;
pub use ema::Ema;
pub use error::NetworkError;
pub use generator::TappedGenerator;
pub use init::{Biases, InitType, draw_scales, he_normal};
pub use net::{Net, flat_gradients, flat_gradients_of_first};
pub use optim::{Adam, AdamConfig};
pub use output::Output;
pub use schedule::{LrPolicy, LrSchedule, StepDecay};
pub use styles::StyleChoice;
pub use trained::{GradientProbe, Trained, TrainedPart, backward_step_both};
