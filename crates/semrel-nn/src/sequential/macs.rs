//! Counting multiply-accumulates by the rule of the published tables.

use super::{Module, Sequential, Shape};
use crate::layers::Norm;

impl Module {
    /// Multiply-accumulates for an input of shape `before`. The rule counts a convolution's products for each output, a
    /// transposed one's too, although fewer are needed ([`crate::channels::Channels::macs`]); an affine norm adds one per element.
    fn macs(&self, before: Shape) -> Option<u64> {
        let (channels, height, width) = self.shape(before)?;
        let area = (height * width) as u64;
        Some(match self {
            Self::Conv { weight, .. } | Self::ConvDouble { weight, .. } => area * weight.numel() as u64,
            Self::Spectral(conv) => area * conv.weight().numel() as u64,
            Self::Separable { depth, point, .. } => area * (depth.0.numel() + point.0.numel()) as u64,
            Self::Residual(block) => block.macs(before)?,
            Self::Norm(Norm::Batch(_) | Norm::InstanceAffine(_) | Norm::Pixel(_)) => area * channels as u64,
            Self::Down(down) => area * down.taps(),
            Self::Up(up) => area * up.taps(),
            Self::ReflectPad(_)
            | Self::Norm(_)
            | Self::Relu
            | Self::LeakyRelu
            | Self::Dropout
            | Self::Identity
            | Self::Tanh => 0,
        })
    }
}

impl Sequential {
    /// Multiply-accumulates for one input of this shape, or `None` where a map on the way is too small.
    pub fn macs(&self, input: Shape) -> Option<u64> {
        let mut shape = input;
        self.modules.iter().try_fold(0, |sum, module| {
            let macs = module.macs(shape)?;
            shape = module.shape(shape)?;
            Some(sum + macs)
        })
    }
}
