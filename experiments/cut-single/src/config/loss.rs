//! Section of the losses.

use schemars::JsonSchema;
use semrel_loss::Formulation;
use semrel_loss::gan::GanMode;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The contrastive term between patches of input and output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Contrast {
    /// None.
    None,
    /// InfoNCE, CUT's PatchNCE.
    InfoNce,
    /// Decoupled InfoNCE: the positive is left out of the denominator.
    Dce,
}

/// What GcGAN turns an image by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Geometry {
    /// A quarter turn, clockwise.
    Rotate,
    /// Upside down.
    Flip,
}

/// Distances that DistanceGAN keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Distance {
    /// Of the images of a batch from each other: batches of at least two.
    Pairs,
    /// Of upper halves of images from lower halves.
    Halves,
}

/// Whose statistics standardise the distances of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StatisticsOf {
    /// Those of folder A, as published: with `data.direction: BtoA` the target's.
    Folders,
    /// The source's own.
    Roles,
}

/// Features that the spatially-correlative loss compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CorrelativeFeatures {
    /// VGG-16, as published; needs its weights.
    Vgg16,
    /// EfficientNet-Lite0, which setup fetches.
    EffnetLite0,
    /// The generator's own layers `model.nce_layers`, as they train.
    Generator,
}

/// Weights and settings of the losses. A term of weight 0 is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LossConfig {
    /// `official`: as the published code trains; `paper`: as the paper's equations say.
    pub formulation: Formulation,
    /// Adversarial objective.
    pub gan: GanMode,
    /// Weight of the adversarial term.
    pub lambda_gan: f64,
    /// The contrastive term between patches.
    pub contrast: Contrast,
    /// Its weight: the paper's λ_HDCE, CUT's λ_NCE.
    pub lambda_contrast: f64,
    /// Weight its negatives by hardness.
    pub hard: bool,
    /// Weight of SRC.
    pub lambda_src: f64,
    /// The same contrastive term between a real image of the target domain and its translation, averaged in.
    pub identity_branch: bool,
    /// How many images of a batch the identity branch translates, or an identity term looks at (`cyclegan`, `gcgan`);
    /// all of them where it is absent.
    pub identity_images: Option<i64>,
    /// Mirror the generator's input half of the time, and mirror its features back (FastCUT).
    pub flip_equivariance: bool,
    /// γ at the start, as a temperature (the paper's γ is its inverse).
    pub gamma_start: f64,
    /// γ of the last epoch.
    pub gamma_end: f64,
    /// Let γ go from `gamma_start` to `gamma_end`; otherwise it stays at `gamma_start`.
    pub use_curriculum: bool,
    /// γ = 1 in all epochs after this one.
    pub step_gamma_epoch: Option<u64>,
    /// Temperature τ of the contrastive term.
    pub temperature: f64,
    /// Patches per layer.
    pub num_patches: i64,
    /// Negatives from all images of the batch, not only from the patch's own.
    pub minibatch_negatives: bool,
    /// Weight of R1 (SinCUT).
    pub lambda_r1: f64,
    /// Weight of `mean |G(y) − y|` on the target domain: SinCUT; GcGAN, which has the same term of turned images; for CycleGAN
    /// relative to `lambda_a` and `lambda_b`.
    pub lambda_identity: f64,
    /// Weight of `mean |G(x) − y|` on pairs (`supervised`).
    pub lambda_l1: f64,
    /// Weight of the cycle that begins at the source domain, `mean |G_B(G_A(x)) − x|` (CycleGAN, MUNIT, UNIT, DRIT,
    /// and DistanceGAN with `distance_cycle`).
    pub lambda_a: f64,
    /// Weight of the cycle that begins at the target domain, `mean |G_A(G_B(y)) − y|`.
    pub lambda_b: f64,
    /// Weight of the distances that the translation from source to target keeps (DistanceGAN).
    pub lambda_distance_a: f64,
    /// Weight of those that the translation back keeps.
    pub lambda_distance_b: f64,
    /// Distances that DistanceGAN keeps.
    pub distance: Distance,
    /// Whether DistanceGAN also learns to translate back.
    pub two_sided: bool,
    /// Whether DistanceGAN compares distances by their means and deviations over the training images of their domains, measured
    /// before the first step.
    pub standardise_distances: bool,
    /// Whose statistics these are: `folders`, as published, or `roles`. They differ with `data.direction: BtoA`.
    pub distance_statistics: StatisticsOf,
    /// Both cycles beside the distances (DistanceGAN).
    pub distance_cycle: bool,
    /// Weight of each of the two terms of geometry consistency (GcGAN).
    pub lambda_geometry: f64,
    /// A generator of its own for turned images (GcGAN; published for horses and zebras).
    pub own_turned_generator: bool,
    /// What GcGAN turns images by.
    pub geometry: Geometry,
    /// Weight of the diversity of generated negatives (NEGCUT), or of translations with different attributes (mode seeking, DRIT++).
    pub lambda_diversity: f64,
    /// Weight of an image's difference from what its own content and style make (MUNIT, UNIT, DRIT).
    pub lambda_reconstruction: f64,
    /// Weight of how far the drawn style (MUNIT), or attribute (DRIT; published: 10), is from the one found in the translation.
    pub lambda_style: f64,
    /// Weight of how far an image's content is from the one found in its translation (MUNIT).
    pub lambda_content: f64,
    /// Weight of the prior of attributes (DRIT), or of latents (UNIT).
    pub lambda_kl: f64,
    /// Weight of the prior of translations' latents (UNIT).
    pub lambda_kl_cycle: f64,
    /// Weight of the prior of contents (DRIT).
    pub lambda_kl_content: f64,
    /// Weight of the perceptual distance of a translation from its source, over features of `vgg_weights` (MUNIT, UNIT).
    pub lambda_vgg: f64,
    /// File of the weights of `lambda_vgg`: VGG-16's convolutions, `conv1_1.weight` to `conv5_3.bias`.
    pub vgg_weights: Option<PathBuf>,
    /// Weight of the spatially-correlative term (LSeSim).
    pub lambda_lsesim: f64,
    /// Query positions per layer of LSeSim.
    pub lsesim_patches: i64,
    /// Features that LSeSim compares.
    pub lsesim_features: CorrelativeFeatures,
    /// Learned heads over them (LSeSim), or none (F-LSeSim).
    pub lsesim_heads: bool,
}

impl Default for LossConfig {
    fn default() -> Self {
        Self {
            formulation: Formulation::Official,
            gan: GanMode::Lsgan,
            lambda_gan: 1.0,
            contrast: Contrast::None,
            lambda_contrast: 1.0,
            hard: false,
            lambda_src: 0.0,
            identity_branch: false,
            identity_images: None,
            flip_equivariance: false,
            gamma_start: 50.0,
            gamma_end: 10.0,
            use_curriculum: true,
            step_gamma_epoch: None,
            temperature: 0.07,
            num_patches: 256,
            minibatch_negatives: false,
            lambda_r1: 0.0,
            lambda_identity: 0.0,
            lambda_l1: 100.0,
            lambda_a: 10.0,
            lambda_b: 10.0,
            lambda_distance_a: 1.0,
            lambda_distance_b: 1.0,
            distance: Distance::Pairs,
            two_sided: true,
            standardise_distances: true,
            distance_statistics: StatisticsOf::Folders,
            distance_cycle: false,
            lambda_geometry: 20.0,
            own_turned_generator: false,
            geometry: Geometry::Rotate,
            lambda_diversity: 1.0,
            lambda_reconstruction: 10.0,
            lambda_style: 1.0,
            lambda_content: 1.0,
            lambda_kl: 0.01,
            lambda_kl_cycle: 0.01,
            lambda_kl_content: 0.01,
            lambda_vgg: 0.0,
            vgg_weights: None,
            lambda_lsesim: 10.0,
            lsesim_patches: 256,
            lsesim_features: CorrelativeFeatures::Vgg16,
            lsesim_heads: true,
        }
    }
}
