//! DRIT's encoders of content and of attributes.

use super::blocks::{Conv, ResidualBlock, leaky};
use crate::layers::{instance_norm, lrelu};
use tch::nn::{self, Module};
use tch::{Kind, Tensor};

/// A domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// The first.
    A,
    /// The second.
    B,
}

/// The layers of one domain of the content encoder.
#[derive(Debug)]
struct OwnContent {
    down: [Conv; 3],
    blocks: Vec<ResidualBlock>,
}

impl OwnContent {
    fn new(path: &nn::Path, channels: i64, width: i64) -> Self {
        let conv = |i: i64, cin, cout, geometry| Conv::new(&(path / i / "model" / 1), (cin, cout), geometry);
        Self {
            down: [
                conv(0, channels, width, (7, 1, 3)),
                conv(1, width, 2 * width, (3, 2, 1)),
                conv(2, 2 * width, 4 * width, (3, 2, 1)),
            ],
            blocks: (3..6).map(|i: i64| ResidualBlock::new(&(path / i), 4 * width)).collect(),
        }
    }
}

/// Content encoder of both domains: `[B, channels, H, W]` to `[B, 4·width, H/4, W/4]`. Keys `convA.*`, `convB.*`, `conv_share.0.*`.
#[derive(Debug)]
pub struct ContentEncoder {
    own: [OwnContent; 2],
    shared: ResidualBlock,
}

/// Layers of the content encoder: the image, three convolutions, four residual blocks.
pub(super) const CONTENT_LAYERS: usize = 8;

impl ContentEncoder {
    /// Parameters start with torch's defaults; the published code draws them anew.
    pub fn new(path: &nn::Path, channels: i64, width: i64) -> Self {
        Self {
            own: ["convA", "convB"].map(|name| OwnContent::new(&(path / name), channels, width)),
            shared: ResidualBlock::new(&(path / "conv_share" / 0), 4 * width),
        }
    }

    /// The content, without the noise that training adds.
    pub fn forward(&self, domain: Domain, x: &Tensor) -> Tensor {
        self.maps(domain, x, CONTENT_LAYERS).pop().expect("it has layers")
    }

    /// The first `count` layers.
    pub(super) fn maps(&self, domain: Domain, x: &Tensor, count: usize) -> Vec<Tensor> {
        let OwnContent { down, blocks } = &self.own[domain as usize];
        let mut maps = vec![x.shallow_clone()];
        for layer in 1..count {
            let last = &maps[layer - 1];
            let next = match layer {
                1 => leaky(&down[0].forward(last)),
                2 | 3 => instance_norm(&down[layer - 1].forward(last)).relu(),
                4..=6 => blocks[layer - 4].forward(last),
                _ => self.shared.forward(last),
            };
            maps.push(next);
        }
        maps
    }
}

/// `P(conv(L(conv(L(x))))) + conv1(P(x))`, P halving by means of 2 × 2. Keys `conv.2.*`, `conv.4.1.*`, `shortcut.1.*`.
#[derive(Debug)]
struct Basic {
    first: Conv,
    second: Conv,
    shortcut: Conv,
}

impl Basic {
    fn new(path: &nn::Path, cin: i64, cout: i64) -> Self {
        Self {
            first: Conv::new(&(path / "conv" / 2), (cin, cin), (3, 1, 1)),
            second: Conv::new(&(path / "conv" / 4 / 1), (cin, cout), (3, 1, 1)),
            shortcut: Conv::new(&(path / "shortcut" / 1), (cin, cout), (1, 1, 0)),
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let halved = |x: &Tensor| x.avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None);
        let h = self.second.forward(&lrelu(&self.first.forward(&lrelu(x))));
        halved(&h) + self.shortcut.forward(&halved(x))
    }
}

/// An attribute of an image.
#[derive(Debug)]
pub struct Attribute {
    /// Mean, or the code itself, `[B, n]`.
    pub mean: Tensor,
    /// Logarithm of the variance `[B, n]`, where attributes are drawn.
    pub log_variance: Option<Tensor>,
}

impl Attribute {
    /// Those of `count` images from `first` on.
    pub fn narrow(&self, first: i64, count: i64) -> Self {
        let part = |t: &Tensor| t.narrow(0, first, count);
        Self { mean: part(&self.mean), log_variance: self.log_variance.as_ref().map(part) }
    }

    /// `μ + exp(log σ² / 2) · ε`, or the code itself.
    pub fn sample(&self, draw: impl FnOnce(&Tensor) -> Tensor) -> Tensor {
        match &self.log_variance {
            Some(log_variance) => {
                let epsilon = draw(&self.mean);
                (log_variance * 0.5).exp() * epsilon + &self.mean
            }
            None => self.mean.shallow_clone(),
        }
    }
}

/// The layers of one domain of the attribute encoder.
#[derive(Debug)]
enum OwnAttribute {
    /// Mean and variance: keys `conv_D.*`, `fc_D.0.*`, `fcVar_D.0.*`.
    Drawn { first: Conv, blocks: Vec<Basic>, mean: nn::Linear, log_variance: nn::Linear },
    /// A code: keys `model_d.*`.
    Code { convs: Vec<Conv>, last: Conv },
}

/// Attribute encoder of both domains: `[B, channels, H, W]` to attributes of `numbers` numbers.
#[derive(Debug)]
pub struct AttributeEncoder {
    own: [OwnAttribute; 2],
}

impl AttributeEncoder {
    /// With `concat` attributes have a mean and a variance; without, they are a code. Parameters start with torch's defaults; the
    /// published code draws them anew.
    pub fn new(path: &nn::Path, channels: i64, width: i64, numbers: i64, concat: bool) -> Self {
        let drawn = |domain: &str| {
            let conv = path / format!("conv_{domain}");
            let linear =
                |name: &str| nn::linear(path / format!("{name}_{domain}") / 0, 4 * width, numbers, Default::default());
            let block = |i: i64| Basic::new(&(&conv / (i + 1)), i * width, (i + 1) * width);
            OwnAttribute::Drawn {
                first: Conv::new(&(&conv / 1), (channels, width), (4, 2, 1)),
                blocks: (1..4).map(block).collect(),
                mean: linear("fc"),
                log_variance: linear("fcVar"),
            }
        };
        let code = |domain: &str| {
            let model = path / format!("model_{domain}");
            let conv = |i: i64, cin, cout, geometry| Conv::new(&(&model / i), (cin, cout), geometry);
            OwnAttribute::Code {
                convs: vec![
                    conv(1, channels, width, (7, 1, 3)),
                    conv(4, width, 2 * width, (4, 2, 1)),
                    conv(7, 2 * width, 4 * width, (4, 2, 1)),
                    conv(10, 4 * width, 4 * width, (4, 2, 1)),
                    conv(13, 4 * width, 4 * width, (4, 2, 1)),
                ],
                last: conv(16, 4 * width, numbers, (1, 1, 0)),
            }
        };
        Self { own: if concat { ["A", "B"].map(drawn) } else { ["a", "b"].map(code) } }
    }

    /// Attributes of images from this domain.
    pub fn forward(&self, domain: Domain, x: &Tensor) -> Attribute {
        let mean_of = |h: &Tensor| h.mean_dim([2i64, 3].as_slice(), true, None::<Kind>);
        match &self.own[domain as usize] {
            OwnAttribute::Drawn { first, blocks, mean, log_variance } => {
                let h = blocks.iter().fold(first.forward(x), |h, block| block.forward(&h));
                let pooled = mean_of(&lrelu(&h)).flatten(1, -1);
                Attribute { mean: mean.forward(&pooled), log_variance: Some(log_variance.forward(&pooled)) }
            }
            OwnAttribute::Code { convs, last } => {
                let h = convs.iter().fold(x.shallow_clone(), |h, conv| conv.forward(&h).relu());
                Attribute { mean: last.forward(&mean_of(&h)).flatten(1, -1), log_variance: None }
            }
        }
    }
}
