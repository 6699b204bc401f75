//! MUNIT's discriminator of several scales.

use super::blocks::{Activation, Block, DiscriminatorNorm, NormKind, Pad, Style};
use crate::NetworkError;
use crate::error::positive;
use crate::layers::{half, least_side};
use serde::{Deserialize, Serialize};
use tch::Tensor;
use tch::nn::{self, Module};

/// What a [`MultiScaleDiscriminator`] consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscriminatorConfig {
    /// Channels of images.
    pub channels: i64,
    /// First width.
    pub width: i64,
    /// Halvings of each scale (`n_layer`).
    pub layers: i64,
    /// Scales, each of half the sides of the one before.
    pub scales: i64,
    /// Normalisation after the first block.
    pub norm: DiscriminatorNorm,
    /// Activation of all blocks.
    pub activation: Activation,
    /// Borders of all convolutions.
    pub pad: Pad,
}

impl DiscriminatorConfig {
    /// That of every published configuration.
    pub fn published() -> Self {
        Self {
            channels: 3,
            width: 64,
            layers: 4,
            scales: 3,
            norm: DiscriminatorNorm::None,
            activation: Activation::Lrelu,
            pad: Pad::Reflect,
        }
    }

    /// Whether networks can be built like this.
    ///
    /// # Errors
    /// [`NetworkError::Setting`] for numbers below 1 or beyond reason.
    pub fn check(&self) -> Result<(), NetworkError> {
        positive("channels", self.channels)?;
        positive("width", self.width)?;
        for (setting, value) in [("layers", self.layers), ("scales", self.scales)] {
            if !(1..=8).contains(&value) {
                return Err(NetworkError::Setting { setting, value, expected: "1 to 8" });
            }
        }
        Ok(())
    }

    /// Least side of images.
    pub fn least_side(&self) -> i64 {
        least_side(self.scales, self.layers, |side| (side - 2) / 2 + 1)
    }
}

/// Discriminator: a map of logits for each scale. Keys `cnns.<scale>.<layer>.*`.
#[derive(Debug)]
pub struct MultiScaleDiscriminator {
    config: DiscriminatorConfig,
    scales: Vec<(Vec<Block>, nn::Conv2D)>,
}

impl MultiScaleDiscriminator {
    /// Parameters start with torch's defaults; the published code draws them anew.
    pub fn new(path: &nn::Path, config: &DiscriminatorConfig) -> Self {
        let style = Style { pad: config.pad, activation: config.activation };
        let norm = match config.norm {
            DiscriminatorNorm::None | DiscriminatorNorm::Spectral => NormKind::None,
            DiscriminatorNorm::Instance => NormKind::Instance,
            DiscriminatorNorm::Layer => NormKind::Layer,
        };
        let scale = |s: i64| {
            let path = &(path / "cnns" / s);
            let block = |layer: i64| {
                let path = &(path / layer);
                let cin = if layer == 0 { config.channels } else { config.width << (layer - 1) };
                let channels = (cin, config.width << layer);
                match (layer, config.norm) {
                    (0, _) => Block::new(path, channels, (4, 2, 1), NormKind::None, style),
                    (_, DiscriminatorNorm::Spectral) => Block::spectral(path, channels, (4, 2, 1), style),
                    _ => Block::new(path, channels, (4, 2, 1), norm, style),
                }
            };
            let blocks = (0..config.layers).map(block).collect();
            let last = config.width << (config.layers - 1);
            (blocks, nn::conv2d(path / config.layers, last, 1, 1, Default::default()))
        };
        Self { scales: (0..config.scales).map(scale).collect(), config: *config }
    }

    /// Least side of images.
    pub fn least_side(&self) -> i64 {
        self.config.least_side()
    }

    /// Whether its weights have spectral norm 1: then every pass changes them.
    pub fn is_spectral(&self) -> bool {
        self.config.norm == DiscriminatorNorm::Spectral
    }

    /// Logits `[B, 1, h, w]` of each scale.
    pub fn forward(&self, x: &Tensor) -> Vec<Tensor> {
        let mut image = x.shallow_clone();
        let mut logits = vec![];
        for (i, (blocks, last)) in self.scales.iter().enumerate() {
            if i > 0 {
                image = half(&image);
            }
            let h = blocks.iter().fold(image.shallow_clone(), |h, block| block.forward(&h, None));
            logits.push(last.forward(&h));
        }
        logits
    }
}
