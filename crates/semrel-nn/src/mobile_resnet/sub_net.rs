//! Stand-alone sub-networks.

use super::{Variant, Widths, chain};
use crate::chain::{Chain, delegate_to_chain};
use crate::channels::Channels;
use crate::checkpoint::StateDict;
use crate::distillation::TAPS;
use crate::{NetworkError, TappedGenerator};
use tch::{Tensor, nn};

/// The compressed generator (`sub_mobile_resnet_9blocks`): every layer at exactly the widths of a [`Channels`].
///
/// `[B, in, H, W]`, clamped to [−1, 1], to `[B, out, H, W]` in [−1, 1]; H and W are multiples of 4. Its computation is that
/// of a [`super::SuperMobileResnet`] at the same configuration.
#[derive(Debug)]
pub struct SubMobileResnet(pub(super) Chain);

impl SubMobileResnet {
    /// A network of its own with three channels in and out; parameters start with torch's defaults.
    pub fn new(path: &nn::Path, c: &Channels) -> Self {
        Self::of_variant(path, c, Variant::default())
    }

    /// As [`SubMobileResnet::new`], of another variant.
    pub fn of_variant(path: &nn::Path, c: &Channels, variant: Variant) -> Self {
        let widths = Widths::of(c, (3, variant.output.channels(3)), 9);
        Self(chain(path, &widths, variant, true))
    }

    /// As [`SubMobileResnet::new`], for images of other channels.
    pub fn with_images(path: &nn::Path, c: &Channels, in_channels: i64, out_channels: i64) -> Self {
        let widths = Widths::of(c, (in_channels, out_channels), 9);
        Self(chain(path, &widths, Variant::default(), true))
    }

    /// The configuration of the stand-alone network that a state dict belongs to.
    ///
    /// # Errors
    /// [`NetworkError::Weights`] where keys or shapes are those of another network.
    pub fn channels_of(state: &StateDict) -> Result<Channels, NetworkError> {
        let widths = Widths::of_state(state)?;
        widths.channels().ok_or_else(|| NetworkError::Weights {
            network: "a sub-network",
            what: format!("no configuration has the widths {widths:?}"),
        })
    }

    /// The network with every operation as published, where it otherwise takes faster equal ones: feature `testing`.
    #[cfg(any(test, feature = "testing"))]
    pub fn with_published_arithmetic(self) -> Self {
        Self(self.0.with_published_arithmetic())
    }

    /// G(x).
    pub fn forward(&self, x: &Tensor) -> Tensor {
        self.0.forward(x)
    }

    /// G(x) and the outputs of [`TAPS`], each `[B, 4·c2, H/4, W/4]`, from one pass.
    pub fn forward_tapped(&self, x: &Tensor) -> (Tensor, [Tensor; 4]) {
        let (image, taps) = self.0.forward_listening(x, &TAPS);
        (image, taps.try_into().expect("as many as there are taps"))
    }

    /// Multiply-accumulates of one image by the rule of [`Channels::macs`].
    ///
    /// # Errors
    /// [`NetworkError::Size`] where the sides do not fit.
    pub fn macs(&self, height: i64, width: i64) -> Result<u64, NetworkError> {
        self.0.macs(height, width)
    }
}

delegate_to_chain!(SubMobileResnet);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Net;
    use crate::mobile_resnet::{MobileConfig, MobileResnetGenerator};
    use tch::Device;

    #[test]
    fn shapes_are_those_of_the_configuration() {
        let c: Channels = "16_16_32_16_16_64_16_24".parse().unwrap();
        let net = Net::new(Device::Cpu, |p| SubMobileResnet::new(p, &c));
        let size = |key: &str| net.state()[key].size();
        assert_eq!(size("model.4.weight"), [32, 16, 3, 3]);
        assert_eq!(size("model.17.conv_block.1.conv.2.weight"), [256, 128, 1, 1]);
        assert_eq!(size("model.12.conv_block.6.conv.0.weight"), [64, 1, 3, 3]);
        assert_eq!(size("model.19.weight"), [128, 32, 3, 3]);
        assert_eq!(SubMobileResnet::channels_of(&net.state()), Ok(c));
        assert_eq!(net.tap_shapes(64, 64, &TAPS), Ok(vec![(128, 16, 16); 4]));
    }

    #[test]
    fn widths_that_no_configuration_has_are_refused() {
        let config = MobileConfig::published(4);
        let mut state = Net::new(Device::Cpu, |p| MobileResnetGenerator::new(p, &config)).state();
        assert_eq!(SubMobileResnet::channels_of(&state), Ok(Channels::full(4)));
        // One block of a group narrower than the others.
        for (key, dims) in [
            ("1.conv.2.weight", 0),
            ("1.conv.2.bias", 0),
            ("6.conv.0.weight", 0),
            ("6.conv.0.bias", 0),
            ("6.conv.2.weight", 1),
        ] {
            let key = format!("model.11.conv_block.{key}");
            let narrow = state[&key].narrow(dims, 0, 12);
            state.insert(key, narrow);
        }
        let error = SubMobileResnet::channels_of(&state).unwrap_err().to_string();
        assert!(error.contains("no configuration has the widths"), "{error}");
    }
}
