//! Image folders, Pillow-equal resizing, augmentation and the prefetching loader.
//!
//! Data flows `DomainFolder` (files by domain) → `ImageStore` (decoded images) → `MultiDomainSampler` (the batch of any
//! step, as a pure function of seed and step) → `Loader` (the same, ahead of time on other threads). For two domains:
//! `PairFolder` → `PairSampler` or `SingleImageSampler` → `Loader`.
#![warn(missing_docs)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod cityscapes;
mod domains;
mod epoch_order;
mod error;
mod eval;
pub mod image_io;
mod loader;
mod pair_sampler;
mod pair_select;
mod pairs;
pub mod resize;
pub mod rng;
mod sampler;
mod set_apart;
mod single_image;
mod store;
pub mod transform;
pub mod translate;
mod translation;
pub mod validation;

pub use domains::{Domain, DomainFolder, Splits};
pub use error::{DataError, WriteError};
pub use eval::EvalBatch;
pub use loader::{Loader, LoaderError};
pub use pair_sampler::{PairBatch, PairOptions, PairSampler};
pub use pairs::{Direction, PairFolder, PairLayout, Side, half};
pub use sampler::{BalancedSampler, MultiDomainSampler, TrainBatch};
pub use set_apart::{Select, SetApart};
pub use single_image::{SingleImageOptions, SingleImageSampler};
pub use store::{ImageStore, OnCorrupt, StoreOptions};
pub use translation::{read_translation_input, translation_input, translation_output};
