//! A generator and a discriminator, which is all that several methods have.

use crate::adversary::{Adversary, new_adversary};
use crate::algorithm::Domain;
use crate::config::Config;
use crate::networks::{Discriminator, Generator, new_generator, trained};
use anyhow::Result;
use semrel_nn::Trained;
use semrel_nn::image_pool::ImagePool;
use semrel_train::Part;
use tch::Device;

/// G and D.
#[derive(Debug)]
pub struct OneSided {
    /// G.
    pub generator: Trained<Generator>,
    /// D.
    pub adversary: Adversary,
}

impl OneSided {
    /// Fresh networks, their weights drawn from torch's generator in the order G, D.
    ///
    /// # Errors
    /// Where the settings make no networks.
    pub fn new(config: &Config, device: Device) -> Result<Self> {
        let generator = trained(config, new_generator(config, device)?);
        Ok(Self { generator, adversary: new_adversary(config, "D", device)? })
    }

    /// What a checkpoint keeps of them.
    pub fn parts(&mut self) -> Vec<Part<'_>> {
        vec![Part::new("G", &mut self.generator), Part::new("D", &mut self.adversary.discriminator)]
    }

    /// What judges which domain.
    pub fn critics(&self) -> Vec<(&Discriminator, Domain)> {
        vec![(&self.adversary.discriminator, Domain::Target)]
    }

    /// The past translations that D sees.
    pub fn pools(&mut self) -> Vec<(&'static str, &mut ImagePool)> {
        vec![("B", &mut self.adversary.pool)]
    }
}
