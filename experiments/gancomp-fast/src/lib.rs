//! GAN compression: a once-for-all student learns from a large teacher, with semantic relations between their layers; a search
//! finds its best configuration within a budget, which is fine-tuned and exported.
//!
//! The stages that train are [`teacher`], and [`distill`], which fine-tuning shares; [`train`] runs them. [`search`] looks for
//! the best configuration, [`export`] makes files of it ([`onnx`]), [`evaluate`], [`profile`] and [`translate`] use it.
#![warn(missing_docs)]

pub mod algorithm;
pub mod bench;
pub mod bench_search;
pub mod config;
pub mod data;
pub mod distill;
pub mod evaluate;
pub mod export;
pub mod folders;
pub mod generators;
pub mod latency;
pub mod looked_at;
pub mod networks;
pub mod onnx;
mod origin;
pub mod pix2pix;
pub mod preview;
pub mod profile;
pub mod search;
mod stage;
pub mod teacher;
pub mod train;
pub mod trained;
pub mod translate;
mod validate;
