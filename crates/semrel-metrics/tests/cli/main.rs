//! The command line, on small pictures made here.

mod bench;
mod common;
mod compare;
mod evidence;
mod fid;
mod kid;
mod lpips;
mod sets;
mod stats;
mod weights;
