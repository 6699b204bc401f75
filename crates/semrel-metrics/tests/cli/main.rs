//! The command line, on small pictures made here and, where they are at hand, on real photographs.

mod bench;
mod common;
mod fid;
mod kid;
mod lpips;
mod sets;
mod stats;
mod weights;
