//! Image folders, Pillow-equal resizing, augmentation, the prefetching loader and the procedural sample world.
//!
//! Data flows `DomainFolder` (files by domain) → `ImageStore` (decoded images) → `MultiDomainSampler` (the batch of any
//! step, as a pure function of seed and step) → `Loader` (the same, ahead of time on other threads).
#![warn(missing_docs)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod domains;
mod error;
mod eval;
pub mod image_io;
mod loader;
pub mod resize;
pub mod rng;
pub mod sample_world;
mod sampler;
mod store;
pub mod transform;

pub use domains::{Domain, DomainFolder, Splits};
pub use error::DataError;
pub use eval::EvalBatch;
pub use loader::{Loader, LoaderError};
pub use sampler::{BalancedSampler, MultiDomainSampler, TrainBatch};
pub use store::{ImageStore, OnCorrupt, StoreOptions};
