//! The network of MUNIT's domain-invariant perceptual loss: VGG-16 as its authors cut it.

use crate::layers::instance_norm;
use tch::nn::{self, Module};
use tch::{Kind, Tensor};

/// Convolutions and widths of the five blocks.
const BLOCKS: [(i64, i64); 5] = [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)];
/// Means of blue, green and red that the network was trained with.
const MEANS: [f64; 3] = [103.939, 116.779, 123.680];

/// VGG-16 to `conv5_3`, without the pooling after the fourth block: features of an eighth of the sides. Keys `conv<b>_<i>.*`.
#[derive(Debug)]
pub struct Vgg {
    blocks: Vec<Vec<nn::Conv2D>>,
}

impl Vgg {
    /// Its weights are to be loaded.
    pub fn new(path: &nn::Path) -> Self {
        let mut cin = 3;
        let mut blocks = vec![];
        for (b, (convolutions, width)) in (1..).zip(BLOCKS) {
            let mut block = vec![];
            for i in 1..=convolutions {
                let config = nn::ConvConfig { padding: 1, ..Default::default() };
                block.push(nn::conv2d(path / format!("conv{b}_{i}"), cin, width, 3, config));
                cin = width;
            }
            blocks.push(block);
        }
        Self { blocks }
    }

    /// Features `[B, 512, H/8, W/8]` of images `[B, 3, H, W]` in [−1, 1].
    pub fn features(&self, images: &Tensor) -> Tensor {
        let means = Tensor::from_slice(&MEANS).to_kind(images.kind()).to_device(images.device()).view([1, 3, 1, 1]);
        let mut h = (images.flip([1]) + 1.0) * 127.5 - means;
        for (b, block) in self.blocks.iter().enumerate() {
            h = block.iter().fold(h, |h, conv| conv.forward(&h).relu());
            if b < 3 {
                h = h.max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false);
            }
        }
        h
    }

    /// `mean (IN(f(x)) − IN(f(y)))²`: what style there is in the features is taken out before they are compared.
    pub fn distance(&self, x: &Tensor, y: &Tensor) -> Tensor {
        (instance_norm(&self.features(x)) - instance_norm(&self.features(y))).square().mean(None::<Kind>)
    }
}
