//! CycleGAN as a method of this experiment.

use crate::adversary::new_adversary;
use crate::algorithm::{Algorithm, Batch, Domain, StepInfo};
use crate::config::Config;
use crate::networks::{Discriminator, Generator, new_generator, trained};
use anyhow::Result;
use semrel_nn::Net;
use semrel_nn::image_pool::ImagePool;
use semrel_train::cycle_gan::{self, CycleWeights};
use semrel_train::{Losses, Part};
use tch::Device;

/// Two generators, two discriminators.
pub type CycleGan = cycle_gan::CycleGan<Discriminator>;

/// Fresh networks, their weights drawn from torch's generator.
///
/// # Errors
/// Where the settings make no networks.
pub fn new_cycle_gan(config: &Config, device: Device) -> Result<CycleGan> {
    let loss = &config.loss;
    Ok(CycleGan {
        g_a: trained(config, new_generator(config, device)?),
        g_b: trained(config, new_generator(config, device)?),
        d_a: new_adversary(config, "D_A", device)?,
        d_b: new_adversary(config, "D_B", device)?,
        weights: CycleWeights {
            a: loss.lambda_a,
            b: loss.lambda_b,
            identity: loss.lambda_identity,
            identity_images: loss.identity_images,
        },
    })
}

impl Algorithm for CycleGan {
    fn step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses> {
        Ok(cycle_gan::CycleGan::step(self, batch, info.step).0)
    }

    fn warmup_step(&mut self, batch: &Batch) -> Losses {
        cycle_gan::CycleGan::warmup_step(self, batch)
    }

    fn generator(&self) -> &Net<Generator> {
        &self.g_a
    }

    fn parts(&mut self) -> Vec<Part<'_>> {
        cycle_gan::CycleGan::parts(self)
    }

    fn critics(&self) -> Vec<(&Discriminator, Domain)> {
        vec![(&self.d_a.discriminator, Domain::Target), (&self.d_b.discriminator, Domain::Source)]
    }

    fn pools(&mut self) -> Vec<(&'static str, &mut ImagePool)> {
        cycle_gan::CycleGan::pools(self)
    }
}
