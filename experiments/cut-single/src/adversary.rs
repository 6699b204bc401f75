//! The discriminator of a run.

use crate::config::Config;
use crate::networks::{Discriminator, new_discriminator};
use anyhow::Result;
use semrel_nn::Trained;
use semrel_train::adversary::{self, Game};
use tch::Device;

/// A discriminator of any family, with its game.
pub type Adversary = adversary::Adversary<Discriminator>;

/// A fresh discriminator called `name` (`D`, `D_A`, …), its weights drawn from torch's generator.
///
/// # Errors
/// As [`new_discriminator`].
pub fn new_adversary(config: &Config, name: &str, device: Device) -> Result<Adversary> {
    let discriminator = Trained::new(new_discriminator(config, device)?, config.adam_discriminator());
    let (loss, seed) = (&config.loss, config.seed);
    let game = Game { gan: loss.gan, lambda_gan: loss.lambda_gan, lambda_r1: loss.lambda_r1, seed };
    Ok(Adversary::new(name, discriminator, config.optim.pool_size, game))
}
