//! What DRIT's networks are made of.

use crate::init::draw_uniform;
use crate::layers::{self, direction, instance_norm, power_iteration};
use std::collections::BTreeMap;
use tch::{Tensor, nn};

const EPS: f64 = 1e-5;
/// Slope of the leaky rectifiers of content encoder and discriminators.
const SLOPE: f64 = 0.01;

/// Leaky rectifier of slope 0.01.
pub(super) fn leaky(x: &Tensor) -> Tensor {
    layers::leaky(x, SLOPE)
}

/// `cat(x, z)`: each number of `z` `[B, n]` at all positions, after the channels of `x` `[B, C, H, W]`.
pub(super) fn with_attribute(x: &Tensor, z: &Tensor) -> Tensor {
    let size = x.size();
    let z = z.view([size[0], -1, 1, 1]).expand([size[0], z.size()[1], size[2], size[3]], false);
    Tensor::cat(&[x, &z], 1)
}

/// Mirrored border of `padding` pixels, and a convolution with bias. Keys `weight`, `bias`.
#[derive(Debug)]
pub(super) struct Conv {
    weight: Tensor,
    bias: Tensor,
    stride: i64,
    padding: i64,
}

impl Conv {
    /// `geometry` is kernel, stride and padding.
    pub fn new(path: &nn::Path, (cin, cout): (i64, i64), (kernel, stride, padding): (i64, i64, i64)) -> Self {
        let nn::Conv2D { ws, bs, .. } = nn::conv2d(path, cin, cout, kernel, Default::default());
        Self { weight: ws, bias: bs.expect("convolutions have a bias by default"), stride, padding }
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        self.by(&self.weight, x)
    }

    fn by(&self, weight: &Tensor, x: &Tensor) -> Tensor {
        let padded = if self.padding > 0 { x.reflection_pad2d([self.padding; 4]) } else { x.shallow_clone() };
        padded.conv2d(weight, Some(&self.bias), [self.stride; 2], [0, 0], [1, 1], 1)
    }
}

/// A [`Conv`] whose weight has spectral norm 1, as the published code has it: every pass in training advances the power iteration
/// and keeps the weight, which passes in evaluation take. Keys `weight_orig`, `bias`, and the buffers `weight`, `weight_u`.
#[derive(Debug)]
pub(super) struct SpectralConv {
    conv: Conv,
    original: Tensor,
    u: Tensor,
}

impl SpectralConv {
    pub fn new(path: &nn::Path, (cin, cout): (i64, i64), (kernel, stride, padding): (i64, i64, i64)) -> Self {
        let shape = [cout, cin, kernel, kernel];
        let original = path.var("weight_orig", &shape, nn::init::DEFAULT_KAIMING_UNIFORM);
        let mut weight = path.zeros_no_train("weight", &shape);
        tch::no_grad(|| weight.copy_(&original));
        let u = direction(path, "weight_u", cout);
        Self { conv: Conv { weight, bias: path.zeros("bias", &[cout]), stride, padding }, original, u }
    }

    pub fn forward(&self, x: &Tensor, training: bool) -> Tensor {
        if !training {
            return self.conv.forward(x);
        }
        let matrix = self.original.flatten(1, -1);
        let (u, v) = tch::no_grad(|| power_iteration(&matrix, &self.u));
        let weight = &self.original / u.dot(&matrix.mv(&v));
        tch::no_grad(|| {
            self.u.shallow_clone().copy_(&u);
            self.conv.weight.shallow_clone().copy_(&weight);
        });
        self.conv.by(&weight, x)
    }
}

/// `x + IN(conv(IN-ReLU(conv(x))))`. Keys `model.1.*`, `model.5.*`.
#[derive(Debug)]
pub(super) struct ResidualBlock(Conv, Conv);

impl ResidualBlock {
    pub fn new(path: &nn::Path, channels: i64) -> Self {
        let conv = |i: i64| Conv::new(&(path / "model" / i), (channels, channels), (3, 1, 1));
        Self(conv(1), conv(5))
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        let h = instance_norm(&self.0.forward(x)).relu();
        instance_norm(&self.1.forward(&h)) + x
    }
}

/// Layer norm over C, H, W of each image, with a gain and a shift per channel. Keys `weight`, `bias`, `[C, 1, 1]`.
#[derive(Debug)]
pub struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
}

impl LayerNorm {
    /// For `channels` channels.
    pub fn new(path: &nn::Path, channels: i64) -> Self {
        let shape = [channels, 1, 1];
        Self { weight: path.ones("weight", &shape), bias: path.zeros("bias", &shape) }
    }

    /// `[B, C, H, W]`, shape kept.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        // One group of all channels.
        let normed = x.group_norm(1, None::<Tensor>, None::<Tensor>, EPS, true);
        self.bias.addcmul(&normed, &self.weight)
    }
}

/// Transposed convolution that doubles the sides, layer norm, rectifier. Keys `model.0.*`, `model.1.*`.
#[derive(Debug)]
pub(super) struct Double {
    conv: nn::ConvTranspose2D,
    norm: LayerNorm,
}

impl Double {
    pub fn new(path: &nn::Path, cin: i64, cout: i64) -> Self {
        let path = path / "model";
        let config = nn::ConvTransposeConfig { stride: 2, padding: 1, output_padding: 1, ..Default::default() };
        Self { conv: nn::conv_transpose2d(&path / 0, cin, cout, 3, config), norm: LayerNorm::new(&(path / 1), cout) }
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        self.norm.forward(&x.apply(&self.conv)).relu()
    }
}

/// Draws the weights as published: convolutions N(0, 0.02²), and biases and linear layers as the framework does, uniform in
/// ±1/√fan_in; gains and shifts of layer norms stay 1 and 0.
pub fn initialise(state: &BTreeMap<String, Tensor>) {
    tch::no_grad(|| {
        for (key, tensor) in state.iter().filter(|(_, tensor)| tensor.requires_grad()) {
            let mut tensor = tensor.shallow_clone();
            let size = tensor.size();
            match size.len() {
                4 => {
                    let _ = tensor.normal_(0.0, 0.02);
                }
                2 => draw_uniform(&mut tensor, &size),
                _ => {
                    let weight = key.strip_suffix("bias").and_then(|layer| {
                        state.get(&format!("{layer}weight_orig")).or_else(|| state.get(&format!("{layer}weight")))
                    });
                    if let Some(weight) = weight.filter(|weight| weight.dim() != 3) {
                        draw_uniform(&mut tensor, &weight.size());
                    }
                }
            }
        }
    });
}
