//! Which method a configuration names.

use super::{
    Contrastive, DistanceGan, DistanceStatistics, Drit, GcGan, LSeSim, Munit, NegCut, Supervised, Unit, new_cycle_gan,
};
use crate::algorithm::Algorithm;
use crate::config::{Config, GeneratorKind, Method};
use anyhow::Result;
use tch::Device;

/// The method that a configuration names, with fresh weights from torch's generator. `distances` measures the folders A and B for a
/// method that needs it.
///
/// # Errors
/// Where settings do not fit each other, or weights that the method needs are not there.
pub fn build(
    config: &Config,
    device: Device,
    distances: impl FnOnce() -> Result<[DistanceStatistics; 2]>,
) -> Result<Box<dyn Algorithm>> {
    Ok(match config.method {
        Method::Ours | Method::Cut => Box::new(Contrastive::new(config, device)?),
        Method::Lsesim => Box::new(LSeSim::new(config, device)?),
        Method::Cyclegan => Box::new(new_cycle_gan(config, device)?),
        Method::Distancegan => Box::new(DistanceGan::new(config, device, distances)?),
        Method::Gcgan => Box::new(GcGan::new(config, device)?),
        Method::Negcut => Box::new(NegCut::new(config, device)?),
        Method::Munit if config.model.generator == GeneratorKind::Unit => Box::new(Unit::new(config, device)?),
        Method::Munit => Box::new(Munit::new(config, device)?),
        Method::Drit => Box::new(Drit::new(config, device)?),
        Method::Supervised => Box::new(Supervised::new(config, device)?),
    })
}
