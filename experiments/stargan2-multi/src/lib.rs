//! Multi-modal translation (the paper's Table 1): StarGAN v2, StarGAN v2 + LSeSim, and StarGAN v2 + SRC + hDCE.
#![warn(missing_docs)]

pub mod bench;
pub mod config;
pub mod critics;
pub mod data;
pub mod evaluate;
pub mod losses;
pub mod networks;
pub mod plain;
pub mod preview;
pub mod sample;
pub mod snapshot;
pub mod step;
pub mod train;
pub mod trainer;
pub mod translate;
mod validate;
