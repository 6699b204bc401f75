//! What trains, and what an iteration is given.

use crate::config::Config;
use crate::critics::Critics;
use crate::networks::Networks;
use semrel_metrics::FixedFeatures;
use semrel_train::correlative::Correlative;
use tch::Tensor;

/// Images of one iteration, `[B, 3, S, S]` in [-1, 1], and their domains.
#[derive(Debug)]
pub struct Batch {
    /// Inputs.
    pub x_real: Tensor,
    /// Their domains.
    pub y_org: Vec<i64>,
    /// References of the target domains.
    pub x_ref: Tensor,
    /// Second references.
    pub x_ref2: Tensor,
    /// Target domains; may equal the inputs'.
    pub y_trg: Vec<i64>,
}

/// What an iteration draws besides images.
#[derive(Debug)]
pub struct Draws {
    /// Latent codes `[B, latent_dim]`.
    pub z: Tensor,
    /// Second latent codes.
    pub z2: Tensor,
    /// Patch positions of the latent pass, one vector per tap.
    pub positions_latent: Vec<Tensor>,
    /// Patch positions of the reference pass.
    pub positions_ref: Vec<Tensor>,
}

/// The spatially-correlative term of StarGAN v2 + LSeSim.
#[derive(Debug)]
pub struct LSeSim {
    /// Fixed features of images.
    pub features: FixedFeatures,
    /// The term over them, with its learned heads.
    pub term: Correlative,
}

/// Networks, with their optimisers, and settings of a run.
pub struct Trainer {
    /// Settings.
    pub config: Config,
    /// Networks.
    pub networks: Networks,
    /// The spatially-correlative term, for `lsesim`.
    pub correlative: Option<LSeSim>,
    /// The discriminators of short runs, where the run has them in place of the published one.
    pub critics: Option<Critics>,
}
