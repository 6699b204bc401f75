//! The published evaluation of translations between many domains: latent- and reference-guided outputs for every ordered pair.
//!
//! For each pair, every source image is translated several times. The Fréchet distance compares the outputs with the training
//! images of the target domain, the perceptual distance is the mean over all pairs of a source's outputs, and the target
//! accuracy is the share of outputs that, seen from afar, a classifier fitted on real images puts into the target domain. Where
//! the truth is known, outputs are compared with it: all of them, and the nearest of each source.

mod metrics;
mod reference;
mod translate;
mod truth;

pub use metrics::DomainMetrics;
pub use reference::DomainReference;
pub use truth::DomainTruth;

use semrel_data::ImageStore;
use semrel_metrics::extractor::Extractor;
use tch::{Device, Tensor};

/// A translator whose outputs have a style.
pub trait StyleTranslator {
    /// Where it computes.
    fn device(&self) -> Device;

    /// `n` random styles of a domain, drawn from torch's generator.
    fn random_styles(&self, n: i64, domain: usize) -> Tensor;

    /// Styles of images `[n, 3, H, W]` of a domain.
    fn styles_of(&self, images: &Tensor, domain: usize) -> Tensor;

    /// Outputs `[n, 3, H, W]` of source images of the same shape, one for each `[n, …]` of `styles`.
    fn outputs(&self, images: &Tensor, styles: &[Tensor]) -> Vec<Tensor>;
}

/// Where styles come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guide {
    /// Random latent codes.
    Latent,
    /// Validation images of the target domain.
    Reference,
}

/// The images of a data set of domains.
#[derive(Clone, Copy)]
pub struct DomainImages<'a> {
    /// Names of the domains, by index.
    pub domains: &'a [String],
    /// Training images: what outputs are compared with.
    pub train: &'a ImageStore,
    /// Validation images: the sources, and the references of styles.
    pub val: &'a ImageStore,
}

/// How much of them is evaluated, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DomainOptions {
    /// Side of the images.
    pub size: u32,
    /// Images per batch.
    pub batch: usize,
    /// Outputs per source image and target domain.
    pub num_outs: i64,
    /// Source images per domain, the first of the validation images; `None` for all.
    pub max_sources: Option<usize>,
    /// Training images per domain that outputs are compared with; `None` for all.
    pub max_reals: Option<usize>,
    /// Seed of the random styles.
    pub seed: u64,
}

/// Pooled features and taps of images, from one pass of the network.
fn features_and_taps(extractor: &dyn Extractor, images: &[image::RgbImage]) -> (Tensor, Vec<Tensor>) {
    tch::no_grad(|| extractor.features_and_taps(&extractor.preparation().prepare(images, extractor.device())))
}
