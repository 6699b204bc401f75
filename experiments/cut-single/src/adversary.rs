//! The discriminator of a run.

use crate::config::Config;
use crate::networks::{Discriminator, new_discriminator, trained};
use anyhow::Result;
use semrel_train::adversary::{self, Critic, Game};
use tch::{Device, Tensor};

/// A discriminator of any family, with its game.
pub type Adversary = adversary::Adversary<Discriminator>;

impl Critic for Discriminator {
    fn logits(&self, images: &Tensor) -> Tensor {
        self.forward(images)
    }
}

/// A fresh discriminator called `name` (`D`, `D_A`, …), its weights drawn from torch's generator.
///
/// # Errors
/// As [`new_discriminator`].
pub fn new_adversary(config: &Config, name: &str, device: Device) -> Result<Adversary> {
    let discriminator = trained(config, new_discriminator(config, device)?);
    let (loss, seed) = (&config.loss, config.seed);
    let game = Game { gan: loss.gan, lambda_gan: loss.lambda_gan, lambda_r1: loss.lambda_r1, seed };
    Ok(Adversary::new(name, discriminator, config.optim.pool_size, game))
}
