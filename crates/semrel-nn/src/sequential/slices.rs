//! Modules on leading slices of their weights: what makes a network elastic.
//!
//! Nothing is copied and nothing sorted: a narrow module reads the first channels of the wide one's memory, and gradients
//! reach the wide one's weights.

use super::{Module, Sequential};
use crate::layers::Norm;
use tch::Tensor;

/// The first `n` entries along `dim`.
fn leading(x: &Tensor, dim: usize, n: i64) -> Tensor {
    if x.size()[dim] == n { x.shallow_clone() } else { x.narrow(dim as i64, 0, n) }
}

/// What elastic networks do not have.
const FIXED: &str = "elastic networks are built without modules of fixed width";

/// A norm without parameters, which fits every width.
fn plain(norm: &Norm) -> Norm {
    match norm {
        Norm::Instance => Norm::Instance,
        Norm::PixelPlain => Norm::PixelPlain,
        Norm::None => Norm::None,
        Norm::Batch(_) | Norm::InstanceAffine(_) | Norm::Pixel(_) => unreachable!("{FIXED}"),
    }
}

fn next(outputs: &mut dyn Iterator<Item = i64>) -> i64 {
    outputs.next().expect("a width for every convolution")
}

impl Module {
    /// The module for an input of `width` channels, which becomes its output's width; those of convolutions are the next of
    /// `outputs`.
    fn sliced(&self, width: &mut i64, outputs: &mut dyn Iterator<Item = i64>) -> Self {
        match self {
            Self::Conv { weight, bias, stride, padding } => {
                let cin = std::mem::replace(width, next(outputs));
                let weight = leading(&leading(weight, 0, *width), 1, cin);
                let bias = bias.as_ref().map(|bias| leading(bias, 0, *width));
                Self::Conv { weight, bias, stride: *stride, padding: *padding }
            }
            Self::ConvDouble { weight, bias, doubling } => {
                let cin = std::mem::replace(width, next(outputs));
                let weight = leading(&leading(weight, 0, cin), 1, *width);
                let bias = bias.as_ref().map(|bias| leading(bias, 0, *width));
                Self::ConvDouble { weight, bias, doubling: *doubling }
            }
            Self::Separable { depth, norm, point } => {
                let cin = std::mem::replace(width, next(outputs));
                let depth = (leading(&depth.0, 0, cin), leading(&depth.1, 0, cin));
                let point = (leading(&leading(&point.0, 0, *width), 1, cin), leading(&point.1, 0, *width));
                Self::Separable { depth, norm: plain(norm), point }
            }
            Self::Residual(block) => Self::Residual(block.sliced(width, outputs)),
            Self::ReflectPad(p) => Self::ReflectPad(*p),
            Self::Norm(norm) => Self::Norm(plain(norm)),
            Self::Relu => Self::Relu,
            Self::LeakyRelu => Self::LeakyRelu,
            Self::Dropout => Self::Dropout,
            Self::Identity => Self::Identity,
            Self::Tanh => Self::Tanh,
            Self::Spectral(_) | Self::Down(_) | Self::Up(_) => unreachable!("{FIXED}"),
        }
    }
}

impl Sequential {
    /// The same modules on leading slices of their weights, for an input of `width` channels and the output widths of the
    /// convolutions (separable ones included) in order. `width` becomes the output's.
    pub fn sliced(&self, width: &mut i64, outputs: &mut dyn Iterator<Item = i64>) -> Self {
        Self { modules: self.modules.iter().map(|module| module.sliced(width, outputs)).collect() }
    }
}
