//! Single-modal translation: CUT with SRC and hDCE, the methods it is compared with, the ablation of Table 3, and
//! single-image translation.
//!
//! A step of every method reads from top to bottom in [`methods`]; what they share is a generator, an [`adversary`] and the
//! loop of `semrel-train`.
#![warn(missing_docs)]

pub mod adversary;
pub mod algorithm;
pub mod bench;
pub mod config;
pub mod data;
pub mod evaluate;
pub mod explore;
pub mod methods;
pub mod networks;
pub mod one_sided;
pub mod plain;
pub mod preview;
pub mod published;
pub mod similarity;
mod sizes;
pub mod styles;
pub mod train;
pub mod trained;
mod validate;
