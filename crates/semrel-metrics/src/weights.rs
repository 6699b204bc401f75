//! Weights files of the metrics' networks: see [`semrel_weights`].

pub use semrel_weights::*;
