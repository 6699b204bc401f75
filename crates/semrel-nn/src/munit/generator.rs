//! The auto-encoders of MUNIT and UNIT, one for each domain.

use super::blocks::{Activate, Activation, Assigned, Block, NormKind, Pad, ResBlock, Style};
use crate::NetworkError;
use crate::error::positive;
use crate::generator::{last_and_tapped, position, tapped};
use serde::{Deserialize, Serialize};
use tch::nn::{self, Module};
use tch::{Kind, Tensor};

/// Halvings of the style encoder.
const STYLE_HALVINGS: i64 = 4;

/// What an auto-encoder consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratorConfig {
    /// Channels of images.
    pub channels: i64,
    /// First width (`dim`).
    pub width: i64,
    /// Width of the layers that make the decoder's norms of a style (`mlp_dim`).
    pub mlp_width: i64,
    /// Numbers of a style.
    pub style_dim: i64,
    /// Halvings of the content encoder.
    pub halvings: i64,
    /// Residual blocks of content encoder and decoder each.
    pub blocks: i64,
    /// Activation of all blocks.
    pub activation: Activation,
    /// Borders of all convolutions.
    pub pad: Pad,
}

impl GeneratorConfig {
    /// That of every published configuration.
    pub fn published() -> Self {
        Self {
            channels: 3,
            width: 64,
            mlp_width: 256,
            style_dim: 8,
            halvings: 2,
            blocks: 4,
            activation: Activation::Relu,
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
        positive("mlp_width", self.mlp_width)?;
        positive("style_dim", self.style_dim)?;
        if !(1..=6).contains(&self.halvings) {
            return Err(NetworkError::Setting { setting: "halvings", value: self.halvings, expected: "1 to 6" });
        }
        positive("blocks", self.blocks)
    }

    /// Width of the content.
    fn content_width(&self) -> i64 {
        self.width << self.halvings
    }

    /// Numbers that the decoder's adaptive norms take.
    fn assigned(&self) -> i64 {
        // Two norms a block, a shift and a gain each.
        2 * 2 * self.blocks * self.content_width()
    }

    fn style(&self) -> Style {
        Style { pad: self.pad, activation: self.activation }
    }

    /// Least side of images: mirrored borders are narrower than what they mirror, and instance norm needs more than one position.
    pub fn least_side(&self) -> i64 {
        // The style encoder halves 4 times, each time by a kernel of 4 with a border of 1 on each side.
        let style = 1 << (STYLE_HALVINGS + 1);
        style.max(4 << self.halvings).max(8)
    }
}

/// Content encoder: `[B, channels, H, W]` to `[B, width·2^halvings, H/2^halvings, W/2^halvings]`. Keys `model.*`.
#[derive(Debug)]
pub struct ContentEncoder {
    down: Vec<Block>,
    blocks: Vec<ResBlock>,
    channels: i64,
    width: i64,
    least_side: i64,
}

impl ContentEncoder {
    fn new(path: &nn::Path, config: &GeneratorConfig) -> Self {
        let (path, style) = (&(path / "model"), config.style());
        let mut down =
            vec![Block::new(&(path / 0), (config.channels, config.width), (7, 1, 3), NormKind::Instance, style)];
        for level in 0..config.halvings {
            let channels = (config.width << level, config.width << (level + 1));
            down.push(Block::new(&(path / (level + 1)), channels, (4, 2, 1), NormKind::Instance, style));
        }
        let residual = path / (config.halvings + 1) / "model";
        let block = |i| ResBlock::new(&(&residual / i), config.content_width(), NormKind::Instance, style);
        let blocks = (0..config.blocks).map(block).collect();
        let &GeneratorConfig { channels, width, .. } = config;
        Self { down, blocks, channels, width, least_side: config.least_side() }
    }

    /// Halvings on the way.
    fn halvings(&self) -> i64 {
        self.down.len() as i64 - 1
    }

    /// Sides must be multiples of this.
    pub(super) fn stride(&self) -> i64 {
        1 << self.halvings()
    }

    /// The outputs of these layers.
    pub(super) fn encode(&self, x: &Tensor, layers: &[i64]) -> Vec<Tensor> {
        tapped(layers, self.layers(), |count| self.maps(x, count))
    }

    /// The content, and the outputs of these layers on the way.
    pub(super) fn forward_tapped(&self, x: &Tensor, layers: &[i64]) -> (Tensor, Vec<Tensor>) {
        last_and_tapped(self.maps(x, self.layers()), layers)
    }

    /// Shapes of these layers.
    pub(super) fn shapes(&self, height: i64, width: i64, layers: &[i64]) -> Result<Vec<(i64, i64, i64)>, NetworkError> {
        let (stride, least) = (self.stride(), self.least_side);
        if height.min(width) < least || height % stride != 0 || width % stride != 0 {
            let expected = format!("multiples of {stride} and at least {least}");
            return Err(NetworkError::Size { height, width, expected });
        }
        let shape = |layer: usize| match layer {
            0 => (self.channels, height, width),
            _ => {
                let level = (layer as i64 - 1).min(self.halvings());
                (self.width << level, height >> level, width >> level)
            }
        };
        layers.iter().map(|&layer| position(layer, self.layers()).map(shape)).collect()
    }

    /// Number of its layers: the image, the first map, those after each halving, and one for each residual block.
    pub fn layers(&self) -> usize {
        1 + self.down.len() + self.blocks.len()
    }

    /// The content.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        self.maps(x, self.layers()).pop().expect("it has layers")
    }

    /// The first `count` of its layers.
    pub fn maps(&self, x: &Tensor, count: usize) -> Vec<Tensor> {
        let mut maps = vec![x.shallow_clone()];
        for layer in 1..count.min(self.layers()) {
            let last = &maps[layer - 1];
            let next = match layer.checked_sub(1 + self.down.len()) {
                Some(block) => self.blocks[block].forward(last, None),
                None => self.down[layer - 1].forward(last, None),
            };
            maps.push(next);
        }
        maps
    }
}

/// Style encoder: `[B, channels, H, W]` to `[B, style_dim, 1, 1]`. Keys `model.*`.
#[derive(Debug)]
pub struct StyleEncoder {
    blocks: Vec<Block>,
    last: nn::Conv2D,
}

impl StyleEncoder {
    fn new(path: &nn::Path, config: &GeneratorConfig) -> Self {
        let (path, style) = (&(path / "model"), config.style());
        let width = |level: i64| config.width << level.min(2);
        let mut blocks =
            vec![Block::new(&(path / 0), (config.channels, config.width), (7, 1, 3), NormKind::None, style)];
        for level in 0..STYLE_HALVINGS {
            let channels = (width(level), width(level + 1));
            blocks.push(Block::new(&(path / (level + 1)), channels, (4, 2, 1), NormKind::None, style));
        }
        // Number 5 is the mean over all positions.
        let last = nn::conv2d(path / 6, width(STYLE_HALVINGS), config.style_dim, 1, Default::default());
        Self { blocks, last }
    }

    /// The style.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let h = self.blocks.iter().fold(x.shallow_clone(), |h, block| block.forward(&h, None));
        self.last.forward(&h.mean_dim([2i64, 3].as_slice(), true, None::<Kind>))
    }
}

/// Decoder: content to image. Keys `model.*`.
#[derive(Debug)]
pub struct Decoder {
    blocks: Vec<ResBlock>,
    up: Vec<Block>,
    image: Block,
}

impl Decoder {
    fn new(path: &nn::Path, config: &GeneratorConfig, norm: NormKind) -> Self {
        let (path, style) = (&(path / "model"), config.style());
        let residual = path / 0 / "model";
        let block = |i| ResBlock::new(&(&residual / i), config.content_width(), norm, style);
        let blocks = (0..config.blocks).map(block).collect();
        // Doublings have numbers, too.
        let up = |j: i64| {
            let channels = (config.content_width() >> j, config.content_width() >> (j + 1));
            Block::new(&(path / (2 + 2 * j)), channels, (5, 1, 2), NormKind::Layer, style)
        };
        let image = path / (2 * config.halvings + 1);
        Self {
            blocks,
            up: (0..config.halvings).map(up).collect(),
            image: Block::linear(&image, (config.width, config.channels), (7, 1, 3), NormKind::None, config.pad),
        }
    }

    fn forward(&self, content: &Tensor, mut style: Option<Assigned>) -> Tensor {
        let h = self.blocks.iter().fold(content.shallow_clone(), |h, block| block.forward(&h, style.as_mut()));
        let h = self.up.iter().fold(h, |h, block| {
            let (height, width) = (h.size()[2], h.size()[3]);
            block.forward(&h.upsample_nearest2d([2 * height, 2 * width], None, None), None)
        });
        self.image.forward(&h, None).tanh()
    }
}

/// MUNIT's auto-encoder for one domain. Keys `enc_style.*`, `enc_content.*`, `dec.*`, `mlp.*`.
///
/// Huang, Liu, Belongie, Kautz, "Multimodal Unsupervised Image-to-Image Translation", ECCV 2018.
#[derive(Debug)]
pub struct Generator {
    /// Image to content.
    pub content: ContentEncoder,
    style: StyleEncoder,
    decoder: Decoder,
    hidden: [Hidden; 2],
    norms: nn::Linear,
}

/// A linear layer with an activation. Keys `fc.*`, `activation.weight`.
#[derive(Debug)]
struct Hidden {
    linear: nn::Linear,
    activation: Activate,
}

impl Hidden {
    fn new(path: &nn::Path, inputs: i64, outputs: i64, activation: Activation) -> Self {
        let linear = nn::linear(path / "fc", inputs, outputs, Default::default());
        Self { linear, activation: Activate::new(path, activation) }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        self.activation.apply(&self.linear.forward(x))
    }
}

impl Generator {
    /// Parameters start with torch's defaults; the published code draws them anew.
    pub fn new(path: &nn::Path, config: &GeneratorConfig) -> Self {
        let mlp = path / "mlp" / "model";
        let (width, activation) = (config.mlp_width, config.activation);
        Self {
            content: ContentEncoder::new(&(path / "enc_content"), config),
            style: StyleEncoder::new(&(path / "enc_style"), config),
            decoder: Decoder::new(&(path / "dec"), config, NormKind::Assigned),
            hidden: [
                Hidden::new(&(&mlp / 0), config.style_dim, width, activation),
                Hidden::new(&(&mlp / 1), width, width, activation),
            ],
            norms: nn::linear(&mlp / 2 / "fc", width, config.assigned(), Default::default()),
        }
    }

    /// Content, and style `[B, style_dim, 1, 1]`.
    pub fn encode(&self, x: &Tensor) -> (Tensor, Tensor) {
        (self.content.forward(x), self.style_of(x))
    }

    /// Style `[B, style_dim, 1, 1]`.
    pub fn style_of(&self, x: &Tensor) -> Tensor {
        self.style.forward(x)
    }

    /// The numbers `[B, n]` of the decoder's norms, of styles `[B, style_dim, 1, 1]`.
    pub fn norms_of(&self, style: &Tensor) -> Tensor {
        self.norms.forward(&self.hidden.iter().fold(style.flatten(1, -1), |h, layer| layer.forward(&h)))
    }

    /// The image of a content and a style `[B, style_dim, 1, 1]`.
    pub fn decode(&self, content: &Tensor, style: &Tensor) -> Tensor {
        self.decoder.forward(content, Some(Assigned::new(&self.norms_of(style))))
    }
}

/// UNIT's auto-encoder for one domain: a content, to which training adds noise, and no style. Keys `enc.*`, `dec.*`.
///
/// Liu, Breuel, Kautz, "Unsupervised Image-to-Image Translation Networks", NeurIPS 2017.
#[derive(Debug)]
pub struct UnitGenerator {
    /// Image to content.
    pub content: ContentEncoder,
    decoder: Decoder,
}

impl UnitGenerator {
    /// Parameters start with torch's defaults; the published code draws them anew.
    pub fn new(path: &nn::Path, config: &GeneratorConfig) -> Self {
        Self {
            content: ContentEncoder::new(&(path / "enc"), config),
            decoder: Decoder::new(&(path / "dec"), config, NormKind::Instance),
        }
    }

    /// The image of a content.
    pub fn decode(&self, content: &Tensor) -> Tensor {
        self.decoder.forward(content, None)
    }
}
