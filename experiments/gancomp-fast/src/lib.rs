//! GAN compression: a once-for-all student learns from a large teacher, with semantic relations between their layers; a search
//! finds its best configuration within a budget, which is fine-tuned and exported.
#![warn(missing_docs)]

pub mod channels;
pub mod config;
