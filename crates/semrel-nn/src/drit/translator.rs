//! DRIT's encoders and decoders as one network that translates from the first domain to the second.

use super::decoders::Decoders;
use super::encoders::{AttributeEncoder, CONTENT_LAYERS, ContentEncoder, Domain};
use crate::NetworkError;
use crate::error::positive;
use crate::generator::{TappedGenerator, last_and_tapped, position, tapped};
use crate::styles::{StyleChoice, Styles};
use serde::{Deserialize, Serialize};
use tch::{Tensor, nn};

/// What encoders and decoders consist of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranslatorConfig {
    /// Channels of images.
    pub channels: i64,
    /// First width.
    pub width: i64,
    /// Numbers of an attribute.
    pub numbers: i64,
    /// Whether the attribute joins the channels; otherwise it steers each block.
    pub concat: bool,
}

impl TranslatorConfig {
    /// The published one.
    pub fn published() -> Self {
        Self { channels: 3, width: 64, numbers: 8, concat: true }
    }

    /// Whether networks can be built like this.
    ///
    /// # Errors
    /// [`NetworkError::Setting`] for numbers below 1.
    pub fn check(&self) -> Result<(), NetworkError> {
        positive("channels", self.channels)?;
        positive("width", self.width)?;
        positive("numbers", self.numbers)
    }
}

/// Encoders and decoders of both domains. Keys `enc_a.*`, `enc_c.*`, `gen.*`.
///
/// Lee, Tseng, Huang, Singh, Yang, "Diverse Image-to-Image Translation via Disentangled Representations", ECCV 2018.
///
/// As a [`TappedGenerator`] it is the translation of an image of domain A in the style in force, without the noise of training, and
/// its layers are those of the content encoder: 0 the image, 1 to 3 its convolutions, 4 to 7 its residual blocks.
#[derive(Debug)]
pub struct Translator {
    /// Images to contents.
    pub content: ContentEncoder,
    /// Images to attributes.
    pub attribute: AttributeEncoder,
    /// Contents and attributes to images.
    pub decoders: Decoders,
    styles: Styles,
    config: TranslatorConfig,
}

/// Least side of images: the attribute encoders halve four times.
const LEAST_SIDE: i64 = 32;

impl Translator {
    /// Parameters start with torch's defaults; the published code draws them anew ([`super::initialise`]).
    pub fn new(path: &nn::Path, config: &TranslatorConfig) -> Self {
        let &TranslatorConfig { channels, width, numbers, concat } = config;
        Self {
            content: ContentEncoder::new(&(path / "enc_c"), channels, width),
            attribute: AttributeEncoder::new(&(path / "enc_a"), channels, width, numbers, concat),
            decoders: Decoders::new(&(path / "gen"), channels, width, numbers, concat),
            styles: Styles::new(numbers),
            config: *config,
        }
    }

    /// Whether attributes have a variance.
    pub fn draws_attributes(&self) -> bool {
        self.config.concat
    }
}

impl TappedGenerator for Translator {
    fn forward_tapped(&self, x: &Tensor, layers: &[i64]) -> (Tensor, Vec<Tensor>) {
        let (content, taps) = last_and_tapped(self.content.maps(Domain::A, x, CONTENT_LAYERS), layers);
        (self.decoders.forward(Domain::B, &content, &self.styles.of(x)), taps)
    }

    fn encode(&self, x: &Tensor, layers: &[i64]) -> Vec<Tensor> {
        tapped(layers, CONTENT_LAYERS, |count| self.content.maps(Domain::A, x, count))
    }

    fn tap_shapes(&self, height: i64, width: i64, layers: &[i64]) -> Result<Vec<(i64, i64, i64)>, NetworkError> {
        if height.min(width) < LEAST_SIDE || height % 4 != 0 || width % 4 != 0 {
            let expected = format!("multiples of 4 and at least {LEAST_SIDE}");
            return Err(NetworkError::Size { height, width, expected });
        }
        let shape = |layer: usize| {
            let level = (layer as i64 - 1).clamp(0, 2);
            let channels = if layer == 0 { self.config.channels } else { self.config.width << level };
            (channels, height >> level, width >> level)
        };
        layers.iter().map(|&layer| position(layer, CONTENT_LAYERS).map(shape)).collect()
    }

    fn stride(&self) -> i64 {
        4
    }

    fn style_numbers(&self) -> Option<i64> {
        Some(self.styles.numbers())
    }

    fn set_style(&self, choice: StyleChoice) {
        self.styles.set(choice);
    }

    /// The mean where attributes have a variance.
    fn style_of(&self, reference: &Tensor) -> Option<Tensor> {
        Some(self.attribute.forward(Domain::B, reference).mean)
    }
}
