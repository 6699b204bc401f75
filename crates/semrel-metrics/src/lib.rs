//! Scores of generated images: Fréchet distance, KID and their confidence intervals, perceptual distance and diversity,
//! nearest-mean classification, segmentation scores, and the network whose features they compare.
//!
//! A score names its features. [`EfficientNetLite0`], whose ImageNet weights are freely packaged, is the default; its
//! Fréchet distance is shown as `FD(effnet-lite0)` and never as FID, its perceptual distance as `PD(effnet-lite0)` and
//! never as LPIPS. [`EfficientNetLite2`] judges what has trained with it. The networks of the published evaluations are in [`networks`]; their weights are files that the user
//! has.
#![warn(missing_docs)]

pub mod bootstrap;
pub mod classify;
mod efficientnet_lite;
mod error;
pub mod extractor;
pub mod fd_infinity;
pub mod feature_cache;
mod fixed_features;
pub mod frechet;
pub mod kid;
mod linalg;
pub mod mmd;
pub mod networks;
mod npy;
pub mod perceptual;
pub mod prdc;
mod preparation;
pub mod segmentation;
pub mod source;
pub mod ssim;
mod statistics;
pub mod structure;
#[cfg(test)]
mod testing;
pub mod weights;
mod zip_entry;

pub use efficientnet_lite::{EfficientNetLite, EfficientNetLite0, EfficientNetLite2};
pub use error::MetricsError;
pub use extractor::Extractor;
pub use fixed_features::FixedFeatures;
pub use frechet::{Activations, frechet_distance};
pub use source::Images;
pub use statistics::Statistics;

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
