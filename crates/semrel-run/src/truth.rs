//! Scores of translations against the truth: what they should be, where that is known.

use crate::scores::{PairScores, number};
use serde::{Deserialize, Serialize};

/// How near pictures come to their truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TruthScores {
    /// Name of the perceptual distance, such as `PD(effnet-lite0)`.
    pub pd_name: String,
    /// Mean perceptual distance.
    #[serde(deserialize_with = "number")]
    pub pd: f64,
    /// Mean structural similarity.
    #[serde(deserialize_with = "number")]
    pub ssim: f64,
    /// Mean PSNR of the pictures that differ from their truth, in decibels. NaN where none does.
    #[serde(deserialize_with = "number")]
    pub psnr: f64,
    /// Number of pictures that are equal to their truth, whose PSNR is infinite.
    pub equal: usize,
    /// PSNR inside and outside masks, where there are some.
    pub masked: Option<MaskedPsnr>,
    /// Perceptual distance of each picture, in the order of the test images: what a bootstrap over pictures resamples. Earlier
    /// versions did not tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pd_of_pictures: Vec<f64>,
}

/// PSNR of the mean squared error over the pixels of all pictures that lie inside, and outside, their masks, in decibels.
/// Not finite where these pixels are equal throughout.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MaskedPsnr {
    /// Where the mask is white.
    #[serde(deserialize_with = "number")]
    pub inside: f64,
    /// Where it is black.
    #[serde(deserialize_with = "number")]
    pub outside: f64,
}

/// How near pictures come to their truth, by pair of domains.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PairTruth {
    /// Mean perceptual distance.
    pub pd: PairScores,
    /// Mean structural similarity.
    pub ssim: PairScores,
    /// Mean PSNR of the pictures that differ from their truth, in decibels.
    pub psnr: PairScores,
}

/// How near the outputs of sources come to the truth, where a source has several.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GuidedTruth {
    /// All outputs.
    pub mean: PairTruth,
    /// Of each source the output that is nearest by its perceptual distance.
    pub nearest: PairTruth,
}
