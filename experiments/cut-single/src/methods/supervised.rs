//! Training on pairs, the line above all methods that have none: `L_G = λ_GAN · GAN(D(G(x))) + λ_L1 · |G(x) − y|`.
//!
//! Pix2Pix (Isola et al., CVPR 2017) with a discriminator that does not see the input, so that it takes whatever discriminator
//! a run's other methods have.

use crate::algorithm::{Algorithm, Batch, Domain, StepInfo};
use crate::config::{Config, LossConfig};
use crate::networks::{Discriminator, Generator};
use crate::one_sided::OneSided;
use anyhow::Result;
use semrel_nn::Net;
use semrel_nn::image_pool::ImagePool;
use semrel_train::passes::{l1, reproduce};
use semrel_train::{Losses, Part};
use tch::{Device, Tensor};

/// A generator that is told what each image should become, and a discriminator.
#[derive(Debug)]
pub struct Supervised {
    networks: OneSided,
    loss: LossConfig,
}

impl Supervised {
    /// Fresh networks, their weights drawn from torch's generator.
    ///
    /// # Errors
    /// Where the settings make no networks.
    pub fn new(config: &Config, device: Device) -> Result<Self> {
        Ok(Self { networks: OneSided::new(config, device)?, loss: config.loss.clone() })
    }
}

impl Algorithm for Supervised {
    fn step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses> {
        let OneSided { generator, adversary } = &mut self.networks;
        let mut losses = Losses::new();
        let fake = generator.forward(&batch.a);

        adversary.train(&fake, &batch.b, info.step, &mut losses);

        let adversarial = adversary.generator_loss(&fake);
        let pixels = l1(&fake, &batch.b) * self.loss.lambda_l1;
        losses.push("G_GAN", &adversarial);
        losses.push("L1", &pixels);
        let total = adversarial + pixels;
        losses.push("G", &total);
        generator.backward_step(&total);
        Ok(losses)
    }

    fn warmup_step(&mut self, batch: &Batch) -> Losses {
        reproduce(&mut self.networks.generator, &Tensor::cat(&[&batch.a, &batch.b], 0))
    }

    fn generator(&self) -> &Net<Generator> {
        &self.networks.generator
    }

    fn parts(&mut self) -> Vec<Part<'_>> {
        self.networks.parts()
    }

    fn critics(&self) -> Vec<(&Discriminator, Domain)> {
        self.networks.critics()
    }

    fn pools(&mut self) -> Vec<(&'static str, &mut ImagePool)> {
        self.networks.pools()
    }
}
