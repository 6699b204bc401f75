//! Image folders, Pillow-equal resizing, augmentation, the prefetching loader and the procedural sample world.
#![warn(missing_docs)]

mod error;
pub mod image_io;
pub mod rng;
pub mod sample_world;

pub use error::DataError;
