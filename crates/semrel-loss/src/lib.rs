//! The losses of "Exploring Patch-wise Semantic Relation for Contrastive Learning in Image-to-Image Translation Tasks"
//! (CVPR 2022) and those it is compared with, as plain functions of tensors.
//!
//! | module | idea |
//! |---|---|
//! | [`similarity`] | patch features → cosine similarities → similarity distribution, its entropy (Eq. 1–2) |
//! | [`src`] | semantic relation consistency: Jensen–Shannon divergence of two such distributions (Eq. 3) |
//! | [`hard_negative`] | von Mises–Fisher importance weights of the negatives (Eq. 5) |
//! | [`hdce`] | decoupled InfoNCE with those weights (Eq. 4, 6) |
//! | [`patch_nce`] | InfoNCE over patches as CUT has it |
//! | [`coupling`] | the negative-positive coupling multiplier of InfoNCE (Eq. 8–9), to be measured |
//! | [`semantic`] | λ_SRC·L_SRC + λ_hDCE·L_hDCE over all taps, as the multi-modal experiment trains it |
//! | [`distillation`] | SRC and hDCE between the taps of teacher and student, as the compression experiment trains them |
//! | [`patch_sampler`] | patch positions and the projection heads F |
//! | [`curriculum`] | schedules of γ and λ_ds |
//! | [`lsesim`] | the spatially-correlative loss of F-LSeSim and LSeSim |
//! | [`gan`] | adversarial objectives, R1, style and cycle terms |
//!
//! Patch features are matrices of rows, image-major: row `b·K + k` is patch `k` of image `b`. A *group* is a run of rows
//! that are each other's negatives: one image (`groups` = batch size) or the whole minibatch (`groups` = 1). Everything
//! works in the element type, single or double precision, and on the device of its inputs.
//!
//! Each function says under *Derivatives* how often it can be differentiated; [`Gradient`] chooses how gradients are computed.
//! Settings are structs with defaults and `with_` methods. The features `serde` and `schemars` derive the traits of those
//! crates for them, `doc-only` builds the documentation without libtorch.
#![warn(missing_docs)]

mod check;
mod closed_form;
pub mod coupling;
pub mod curriculum;
pub mod distillation;
mod error;
mod formulation;
pub mod gan;
mod gradient;
pub mod hard_negative;
pub mod hdce;
pub mod lsesim;
pub mod negatives;
pub mod patch_nce;
pub mod patch_sampler;
pub mod semantic;
mod settings;
pub mod similarity;
pub mod src;

/// Smallest temperature that configurations may name: similarities over smaller ones leave the range of single precision.
pub const LEAST_TEMPERATURE: f64 = 1e-4;

pub use error::LossError;
pub use formulation::Formulation;
pub use gradient::Gradient;

/// Compiles the README's example.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
