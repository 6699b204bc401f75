//! Fixed features that a loss compares images by: images `[B, 3, H, W]` in [−1, 1] to the maps of several layers, with
//! gradient to the images and none to the weights.

use crate::networks::Vgg16;
use crate::networks::vgg16::LSESIM_LAYERS;
use crate::{EfficientNetLite0, MetricsError};
use semrel_nn::projected::FixedMaps;
use std::fmt;
use std::ops::Range;
use std::rc::Rc;
use tch::{Device, Kind, Tensor};

/// Blocks of EfficientNet-Lite0 that are compared, at 1/2, 1/4 and 1/8 of the image's side.
const EFFICIENTNET_TAPS: usize = 3;

/// Images to maps.
type Maps = Rc<dyn Fn(&Tensor) -> Vec<Tensor>>;

/// A network that stays as it is. Clones share it.
#[derive(Clone)]
pub struct FixedFeatures(Maps);

impl fmt::Debug for FixedFeatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FixedFeatures")
    }
}

impl FixedFeatures {
    /// Smallest side, in pixels, of images for which EfficientNet-Lite0 yields all its maps.
    pub const LEAST_SIDE: u32 = 32;

    /// VGG-16 at relu3_1, relu4_1 and relu4_3, as F-LSeSim and LSeSim are published.
    ///
    /// # Errors
    /// Where its weights are not there; says how to get them.
    pub fn vgg16(device: Device) -> Result<Self, MetricsError> {
        let network = Vgg16::load(&LSESIM_LAYERS, device)?;
        Ok(Self(Rc::new(move |x| network.maps(x))))
    }

    /// EfficientNet-Lite0 at 1/2, 1/4 and 1/8 of the side, whose weights setup fetches.
    ///
    /// # Errors
    /// Where its weights are not there; says how to get them.
    pub fn efficientnet_lite0(device: Device) -> Result<Self, MetricsError> {
        Self::efficientnet_taps(0..EFFICIENTNET_TAPS, device)
    }

    /// EfficientNet-Lite0 after its blocks 2, 4, 10 and 15, at 1/4, 1/8, 1/16 and 1/32 of the side: what a projected
    /// discriminator looks through.
    ///
    /// # Errors
    /// Where its weights are not there; says how to get them.
    pub fn efficientnet_lite0_scales(device: Device) -> Result<Self, MetricsError> {
        Self::efficientnet_taps(1..5, device)
    }

    fn efficientnet_taps(taps: Range<usize>, device: Device) -> Result<Self, MetricsError> {
        let network = EfficientNetLite0::load(device)?;
        Ok(Self(Rc::new(move |x| {
            // The network expects (v − 127)/128 of values 0..255; images here are v/127.5 − 1.
            let mut maps = network.maps(&(x * (127.5 / 128.0) + 0.5 / 128.0));
            maps.drain(taps.clone()).collect()
        })))
    }

    /// The maps.
    pub fn maps(&self, images: &Tensor) -> Vec<Tensor> {
        (self.0)(images)
    }

    /// Channels of the maps.
    pub fn channels(&self, device: Device) -> Vec<i64> {
        let maps = tch::no_grad(|| self.maps(&Tensor::zeros([1, 3, 64, 64], (Kind::Float, device))));
        maps.iter().map(|map| map.size()[1]).collect()
    }
}

impl FixedMaps for FixedFeatures {
    fn maps(&self, images: &Tensor) -> Vec<Tensor> {
        FixedFeatures::maps(self, images)
    }
}
