//! Which method a configuration names.

use super::{Contrastive, DistanceGan, GcGan, LSeSim, NegCut, Supervised, new_cycle_gan};
use crate::algorithm::{Algorithm, Batch};
use crate::config::{Config, Method};
use anyhow::Result;
use tch::Device;

/// Training images, as batches, that a method which measures its data first is given.
const MEASURED_IMAGES: u64 = 256;

/// The method that a configuration names, with fresh weights from torch's generator. `images` gives training batches with at
/// least so many images to a method that measures its data first.
///
/// # Errors
/// Where settings do not fit each other, or weights that the method needs are not there.
pub fn build(
    config: &Config,
    device: Device,
    images: &mut dyn FnMut(u64) -> Result<Vec<Batch>>,
) -> Result<Box<dyn Algorithm>> {
    Ok(match config.method {
        Method::Ours | Method::Cut => Box::new(Contrastive::new(config, device)?),
        Method::Lsesim => Box::new(LSeSim::new(config, device)?),
        Method::Cyclegan => Box::new(new_cycle_gan(config, device)?),
        Method::Distancegan => Box::new(DistanceGan::new(config, device, &images(MEASURED_IMAGES)?)?),
        Method::Gcgan => Box::new(GcGan::new(config, device)?),
        Method::Negcut => Box::new(NegCut::new(config, device)?),
        Method::Supervised => Box::new(Supervised::new(config, device)?),
    })
}
