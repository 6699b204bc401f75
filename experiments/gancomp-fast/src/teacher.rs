//! The teacher: CycleGAN where images are unaligned, Pix2Pix where they come in pairs.

use crate::algorithm::{Algorithm, StepInfo};
use crate::config::Config;
use crate::networks::{new_discriminator, new_teacher, trained};
use crate::pix2pix::Pix2Pix;
use anyhow::Result;
use semrel_eval::Scorer;
use semrel_nn::checkpoint::StateDict;
use semrel_nn::image_pool::ImagePool;
use semrel_nn::{Discriminator, Net, Trained};
use semrel_train::adversary::{Adversary, Domain, Game};
use semrel_train::average::Average;
use semrel_train::batches::Batch;
use semrel_train::cycle_gan::{CycleGan, CycleWeights};
use semrel_train::passes::{Generator, reproduce};
use semrel_train::{Losses, Part};
use tch::{Device, Tensor};

/// A teacher in training.
#[derive(Debug)]
pub struct Teacher {
    networks: Networks,
    /// What translates in samples and evaluations, and teaches, where it is not the generator as it trains.
    average: Option<Average>,
    /// Steps before it trains.
    warmup: u64,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one at a time")]
enum Networks {
    /// Unaligned.
    CycleGan(Box<CycleGan<Discriminator>>),
    /// In pairs.
    Pix2Pix(Box<Pix2Pix>),
}

/// Fresh networks of a CycleGAN, their weights drawn from torch's generator in the order G_A, G_B, D_A, D_B.
///
/// # Errors
/// Where the settings make no networks.
pub fn new_cycle_gan(config: &Config, device: Device) -> Result<CycleGan<Discriminator>> {
    let t = &config.teacher;
    let generator = || -> Result<Trained<Generator>> { Ok(trained(&t.train, new_teacher(config, device)?)) };
    let adversary = |name: &str| -> Result<Adversary<Discriminator>> {
        let game = Game { gan: t.gan, lambda_gan: t.lambda_gan, lambda_r1: 0.0, seed: config.seed };
        Ok(Adversary::new(name, trained(&t.train, new_discriminator(config, device)?), t.pool_size, game))
    };
    Ok(CycleGan {
        g_a: generator()?,
        g_b: generator()?,
        d_a: adversary("D_A")?,
        d_b: adversary("D_B")?,
        weights: CycleWeights {
            a: t.lambda_cycle_a,
            b: t.lambda_cycle_b,
            identity: t.lambda_identity,
            identity_images: t.identity_images,
        },
    })
}

impl Teacher {
    /// Name of its generator among the networks of a checkpoint.
    pub fn generator_name(config: &Config) -> &'static str {
        if config.aligned() { "G" } else { "G_A" }
    }

    /// Fresh networks.
    ///
    /// # Errors
    /// Where the settings make no networks.
    pub fn new(config: &Config, device: Device) -> Result<Self> {
        let networks = match config.aligned() {
            true => Networks::Pix2Pix(Box::new(Pix2Pix::new(config, device)?)),
            false => Networks::CycleGan(Box::new(new_cycle_gan(config, device)?)),
        };
        let train = &config.teacher.train;
        let average = Average::start(train.ema, networks.generator(), || new_teacher(config, device))?;
        Ok(Self { networks, average, warmup: train.warmup })
    }

    /// From source to target: the averaged generator, where there is one.
    pub fn generator(&self) -> &Net<Generator> {
        self.average.as_ref().map_or(self.networks.generator(), Average::generator)
    }

    /// Brings the average up to date after `steps` steps that were not of the warm-up.
    fn follow(&self, steps: u64) {
        if let Some(average) = &self.average {
            average.follow(self.networks.generator(), steps);
        }
    }
}

impl Networks {
    /// From source to target, as it trains.
    fn generator(&self) -> &Net<Generator> {
        match self {
            Self::CycleGan(networks) => &networks.g_a,
            Self::Pix2Pix(networks) => &networks.generator,
        }
    }
}

impl Algorithm for Teacher {
    fn step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses> {
        let losses = match &mut self.networks {
            Networks::CycleGan(networks) => networks.step(batch, info.step).0,
            Networks::Pix2Pix(networks) => networks.step(batch, info.step).0,
        };
        self.follow(info.step + 1 - self.warmup);
        Ok(losses)
    }

    fn warmup_step(&mut self, batch: &Batch, _: StepInfo) -> Result<Losses> {
        let losses = match &mut self.networks {
            Networks::CycleGan(networks) => networks.warmup_step(batch),
            Networks::Pix2Pix(networks) => reproduce(&mut networks.generator, &Tensor::cat(&[&batch.a, &batch.b], 0)),
        };
        self.follow(0);
        Ok(losses)
    }

    fn followers(&self) -> Vec<(&'static str, StateDict)> {
        self.average.iter().map(Average::follower).collect()
    }

    fn translate(&self, images: &Tensor) -> Vec<(&'static str, Tensor)> {
        vec![("teacher", self.generator().forward(images))]
    }

    fn scores(&self, scorer: &Scorer) -> Result<Vec<(&'static str, f64)>> {
        Ok(vec![("eval/fd", scorer.frechet(self.generator())?)])
    }

    fn critics(&self) -> Vec<(&Discriminator, Domain)> {
        match &self.networks {
            Networks::CycleGan(networks) => {
                vec![(&networks.d_a.discriminator, Domain::Target), (&networks.d_b.discriminator, Domain::Source)]
            }
            Networks::Pix2Pix(networks) => vec![(&networks.adversary.discriminator, Domain::Target)],
        }
    }

    fn parts(&mut self) -> Vec<Part<'_>> {
        match &mut self.networks {
            Networks::CycleGan(networks) => networks.parts(),
            Networks::Pix2Pix(networks) => networks.parts(),
        }
    }

    fn pools(&mut self) -> Vec<(&'static str, &mut ImagePool)> {
        match &mut self.networks {
            Networks::CycleGan(networks) => networks.pools(),
            Networks::Pix2Pix(_) => vec![],
        }
    }
}
