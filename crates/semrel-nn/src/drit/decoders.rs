//! DRIT's decoders.

use super::blocks::{Conv, Double, ResidualBlock, with_attribute};
use super::encoders::Domain;
use crate::layers::instance_norm;
use tch::Tensor;
use tch::nn::{self, Module};

/// Decoders of both domains: content `[B, 4·width, H/4, W/4]` and attribute `[B, n]` to image.
#[derive(Debug)]
pub enum Decoders {
    /// The attribute joins the channels four times. Keys `dec_share.0.*`, `decA1.*` … `decB4.*`.
    Concat {
        /// Shared by both domains.
        shared: SharedBlock,
        /// Of each domain.
        own: [ConcatDecoder; 2],
    },
    /// The attribute steers each block. Keys `mlpA.*`, `decA1.*` … `decB5.*`.
    Feature {
        /// Of each domain.
        own: [FeatureDecoder; 2],
    },
}

/// A residual block.
#[derive(Debug)]
pub struct SharedBlock(ResidualBlock);

/// The layers of one domain that the attribute joins.
#[derive(Debug)]
pub struct ConcatDecoder {
    blocks: Vec<ResidualBlock>,
    up: [Double; 2],
    image: nn::ConvTranspose2D,
}

/// The layers of one domain that the attribute steers.
#[derive(Debug)]
pub struct FeatureDecoder {
    mlp: [nn::Linear; 3],
    blocks: Vec<SteeredBlock>,
    up: [Double; 2],
    image: nn::ConvTranspose2D,
}

fn last(path: nn::Path, cin: i64, channels: i64) -> nn::ConvTranspose2D {
    nn::conv_transpose2d(path, cin, channels, 1, Default::default())
}

impl ConcatDecoder {
    fn new(path: &nn::Path, domain: &str, (channels, width, numbers): (i64, i64, i64)) -> Self {
        let part = |i: i64| path / format!("dec{domain}{i}");
        let joined = 4 * width + numbers;
        let first = joined + numbers;
        let second = first / 2 + numbers;
        Self {
            blocks: (0..3).map(|i: i64| ResidualBlock::new(&(part(1) / i), joined)).collect(),
            up: [Double::new(&(part(2) / 0), first, first / 2), Double::new(&(part(3) / 0), second, second / 2)],
            image: last(part(4) / 0, second / 2 + numbers, channels),
        }
    }

    fn forward(&self, x: &Tensor, z: &Tensor) -> Tensor {
        let h = self.blocks.iter().fold(with_attribute(x, z), |h, block| block.forward(&h));
        let h = self.up.iter().fold(h, |h, up| up.forward(&with_attribute(&h, z)));
        with_attribute(&h, z).apply(&self.image).tanh()
    }
}

/// A residual block that looks at a quarter of the attribute's numbers at two places.
#[derive(Debug)]
struct SteeredBlock {
    convs: [Conv; 2],
    looks: [[Conv; 2]; 2],
}

impl SteeredBlock {
    fn new(path: &nn::Path, channels: i64) -> Self {
        let conv = |name: &str| Conv::new(&(path / name / 0 / 1), (channels, channels), (3, 1, 1));
        let look = |name: &str| {
            let path = path / name;
            let of = |i: i64, cout| Conv::new(&(&path / i), (2 * channels, cout), (1, 1, 0));
            [of(0, 2 * channels), of(2, channels)]
        };
        Self { convs: ["conv1", "conv2"].map(conv), looks: ["blk1", "blk2"].map(look) }
    }

    fn forward(&self, x: &Tensor, z: &Tensor) -> Tensor {
        let h = self.convs.iter().zip(&self.looks).fold(x.shallow_clone(), |h, (conv, [first, second])| {
            let normed = instance_norm(&conv.forward(&h));
            second.forward(&first.forward(&with_attribute(&normed, z)).relu()).relu()
        });
        h + x
    }
}

impl FeatureDecoder {
    fn new(path: &nn::Path, domain: &str, (channels, width, numbers): (i64, i64, i64)) -> Self {
        let (mlp, content) = (path / format!("mlp{domain}"), 4 * width);
        let linear = |i: i64, cin, cout| nn::linear(&mlp / i, cin, cout, Default::default());
        let up = path / format!("dec{domain}5");
        let block = |i: i64| SteeredBlock::new(&(path / format!("dec{domain}{i}")), content);
        Self {
            mlp: [linear(0, numbers, content), linear(2, content, content), linear(4, content, 4 * content)],
            blocks: (1..5).map(block).collect(),
            up: [Double::new(&(&up / 0), content, content / 2), Double::new(&(&up / 1), content / 2, content / 4)],
            image: last(up / 2, content / 4, channels),
        }
    }

    fn forward(&self, x: &Tensor, z: &Tensor) -> Tensor {
        let [first, second, third] = &self.mlp;
        let steering = third.forward(&second.forward(&first.forward(z).relu()).relu());
        let pieces = steering.chunk(4, 1);
        let h = self.blocks.iter().zip(&pieces).fold(x.shallow_clone(), |h, (block, z)| block.forward(&h, z));
        self.up.iter().fold(h, |h, up| up.forward(&h)).apply(&self.image).tanh()
    }
}

impl Decoders {
    /// For images of `channels`, of the width of the encoders, and attributes of `numbers` numbers. Parameters start with torch's
    /// defaults; the published code draws them anew.
    pub fn new(path: &nn::Path, channels: i64, width: i64, numbers: i64, concat: bool) -> Self {
        let extents = (channels, width, numbers);
        match concat {
            true => Self::Concat {
                shared: SharedBlock(ResidualBlock::new(&(path / "dec_share" / 0), 4 * width)),
                own: ["A", "B"].map(|domain| ConcatDecoder::new(path, domain, extents)),
            },
            false => Self::Feature { own: ["A", "B"].map(|domain| FeatureDecoder::new(path, domain, extents)) },
        }
    }

    /// The image in this domain that has this content and attribute.
    pub fn forward(&self, domain: Domain, content: &Tensor, z: &Tensor) -> Tensor {
        match self {
            Self::Concat { shared, own } => own[domain as usize].forward(&shared.0.forward(content), z),
            Self::Feature { own } => own[domain as usize].forward(content, z),
        }
    }
}
