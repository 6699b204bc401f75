//! The similarity explorer: a page in which one points at a patch and sees how like it all others are, before and after
//! translation.
//!
//! Networks run here, once: what the page gets are projected and normalised features of input and output. From these it
//! computes the paper's P, Q, their divergence and the importance weights while the pointer moves, as `semrel-loss` does.

mod features;
mod grid;
mod page;
mod principal;
mod subject;
mod words;

pub use features::{LayerFeatures, Sample, sample};
pub use grid::Grid;
pub use page::{Explorer, check_folder};
pub use subject::{Subject, common_layers, labels};
