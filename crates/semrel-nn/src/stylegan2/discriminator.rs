//! Discriminator of single-image translation.

use super::layers::{ConvLayer, EqualLinear, ResBlock};
use super::{check_resolution, width_at};
use crate::NetworkError;
use crate::error::positive;
use serde::{Deserialize, Serialize};
use tch::{Tensor, nn};

/// What a [`Discriminator`] consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscriminatorConfig {
    /// Width setting (`ndf`): 64 gives StyleGAN2's widths.
    pub width: i64,
    /// Side of the images, a power of two ([`super::resolution`]).
    pub resolution: i64,
}

impl DiscriminatorConfig {
    /// SinCUT: width 8, crops of 64.
    pub fn sincut() -> Self {
        Self { width: 8, resolution: 64 }
    }

    /// Whether a network can be built like this.
    ///
    /// # Errors
    /// [`NetworkError::Setting`] for widths below 1 or a resolution that is not a power of two.
    pub fn check(&self) -> Result<(), NetworkError> {
        positive("width", self.width)?;
        check_resolution(self.resolution)?;
        positive("width at the full resolution", self.width_at(self.resolution))
    }

    fn width_at(&self, resolution: i64) -> i64 {
        width_at(resolution, self.width as f64 / 64.0, f64::trunc, 384)
    }
}

/// One logit per image: residual blocks that halve down to 4 × 4, then two linear layers.
/// Keys `convs.*`, `final_conv.*`, `final_linear.{0,1}.*`. No statistics over the batch.
#[derive(Debug)]
pub struct Discriminator {
    from_image: ConvLayer,
    blocks: Vec<ResBlock>,
    final_conv: ConvLayer,
    hidden: EqualLinear,
    out: EqualLinear,
    resolution: i64,
}

impl Discriminator {
    /// For colour images. Weights are drawn from N(0, 1), in the order of the layers; biases start at 0.
    pub fn new(path: &nn::Path, config: &DiscriminatorConfig) -> Self {
        let halvings = i64::from(config.resolution.trailing_zeros()) - 2;
        let width = |level: i64| config.width_at(config.resolution >> level);
        let (convs, linear, last) = (path / "convs", path / "final_linear", width(halvings));
        Self {
            from_image: ConvLayer::new(&(&convs / 0), 3, width(0), 1),
            blocks: (0..halvings)
                .map(|level| ResBlock::halving(&(&convs / (level + 1)), width(level), width(level + 1)))
                .collect(),
            final_conv: ConvLayer::new(&(path / "final_conv"), last, last, 3),
            hidden: EqualLinear::new(&linear / 0, last * 16, last),
            out: EqualLinear::new(&linear / 1, last, 1),
            resolution: config.resolution,
        }
    }

    /// Images `[B, 3, resolution, resolution]` to logits `[B, 1]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let h = self.blocks.iter().fold(self.from_image.forward(x), |h, block| block.forward(&h));
        let h = self.final_conv.forward(&h).flatten(1, -1);
        self.out.forward(&self.hidden.forward_lrelu(&h))
    }

    /// Whether the network takes images of `height` × `width`.
    ///
    /// # Errors
    /// [`NetworkError::Size`] for sides other than the resolution.
    pub fn check_size(&self, height: i64, width: i64) -> Result<(), NetworkError> {
        if [height, width] == [self.resolution; 2] {
            return Ok(());
        }
        Err(NetworkError::Size { height, width, expected: self.resolution.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Net;
    use tch::{Device, Kind};

    #[test]
    fn the_published_network_has_its_size() {
        let net = Net::new(Device::Cpu, |p| Discriminator::new(p, &DiscriminatorConfig::sincut()));
        assert_eq!(net.numel(), 5_885_473);
        assert_eq!(net.forward(&Tensor::zeros([3, 3, 64, 64], (Kind::Float, Device::Cpu))).size(), [3, 1]);
        assert_eq!(net.check_size(64, 64), Ok(()));
        assert!(matches!(net.check_size(64, 32), Err(NetworkError::Size { height: 64, width: 32, .. })));
    }

    #[test]
    fn widths_must_not_vanish() {
        let narrow = DiscriminatorConfig { width: 1, resolution: 512 };
        assert!(matches!(narrow.check(), Err(NetworkError::Setting { value: 0, .. })));
        assert_eq!(DiscriminatorConfig { width: 1, resolution: 256 }.check(), Ok(()));
    }
}
