//! What MUNIT and UNIT share: a discriminator of each domain, and the perceptual distance of a translation from its source.

use super::munit::Translations;
use crate::adversary::{Adversary, new_adversary};
use crate::algorithm::{Batch, Domain};
use crate::config::{Config, LossConfig};
use crate::networks::{Discriminator, Generator, trained};
use anyhow::{Context, Result};
use semrel_nn::checkpoint::load_any;
use semrel_nn::munit::Vgg;
use semrel_nn::{Net, Trained};
use semrel_train::parts::load_network;
use semrel_train::{Losses, Part};
use std::rc::Rc;
use tch::{Device, Tensor};

/// A method of auto-encoders of both domains, with what trains them: MUNIT's and UNIT's.
#[derive(Debug)]
pub struct AutoEncoders<P> {
    pub(crate) pair: Rc<P>,
    /// The same auto-encoders, which as a generator translate from source to target.
    pub generator: Trained<Generator>,
    /// Discriminators of both domains.
    pub critics: DomainCritics,
    /// Features of the perceptual distance.
    pub perceptual: Perceptual,
    pub(super) loss: LossConfig,
}

impl<P> AutoEncoders<P> {
    /// Around auto-encoders, which `net` holds as a generator; draws D_A, then D_B.
    ///
    /// # Errors
    /// Where the settings make no networks, or weights that a term needs are missing.
    pub fn with_pair(config: &Config, pair: Rc<P>, net: Net<Generator>) -> Result<Self> {
        let device = net.device();
        Ok(Self {
            pair,
            generator: trained(config, net),
            critics: DomainCritics::new(config, device)?,
            perceptual: Perceptual::new(config, device)?,
            loss: config.loss.clone(),
        })
    }
}

/// `D_A`, of the source domain, and `D_B`, of the target domain, with the weight λ_GAN in their own losses, too.
#[derive(Debug)]
pub struct DomainCritics {
    /// Of the source domain.
    pub a: Adversary,
    /// Of the target domain.
    pub b: Adversary,
}

impl DomainCritics {
    /// Fresh discriminators, drawn in the order D_A, D_B.
    ///
    /// # Errors
    /// As [`new_adversary`].
    pub fn new(config: &Config, device: Device) -> Result<Self> {
        let new =
            |name| Ok::<_, anyhow::Error>(new_adversary(config, name, device)?.with_weight(config.loss.lambda_gan));
        Ok(Self { a: new("D_A")?, b: new("D_B")? })
    }

    /// Updates both: `λ_GAN (L(D(fake), fake) + L(D(real), real))`, summed over scales.
    pub fn train(&mut self, shown: &Translations, batch: &Batch, losses: &mut Losses) {
        self.a.train_on(&shown.ba, &batch.a, losses);
        self.b.train_on(&shown.ab, &batch.b, losses);
    }

    /// The generators' side for both translations.
    pub fn generator_loss(&self, x_ab: &Tensor, x_ba: &Tensor, losses: &mut Losses) -> Tensor {
        let (of_a, of_b) = (self.a.generator_loss(x_ba), self.b.generator_loss(x_ab));
        losses.push("G_GAN_A", &of_a);
        losses.push("G_GAN_B", &of_b);
        of_a + of_b
    }

    /// Both, behind the auto-encoders, for checkpoints.
    pub fn parts_with<'a>(&'a mut self, generator: &'a mut Trained<Generator>) -> Vec<Part<'a>> {
        let [a, b] =
            [("D_A", &mut self.a), ("D_B", &mut self.b)].map(|(name, d)| Part::new(name, &mut d.discriminator));
        vec![Part::new("G", generator), a, b]
    }

    /// Both, with the domains that they judge.
    pub fn critics(&self) -> Vec<(&Discriminator, Domain)> {
        vec![(&self.a.discriminator, Domain::Source), (&self.b.discriminator, Domain::Target)]
    }
}

/// One step of the warm-up, down `loss`.
pub(super) fn warm_up(generator: &mut Trained<Generator>, loss: &Tensor) -> Losses {
    generator.backward_step(loss);
    let mut losses = Losses::new();
    losses.push("warmup", loss);
    losses
}

/// VGG-16's features, where a term compares them.
#[derive(Debug)]
pub struct Perceptual(pub Option<Net<Vgg>>);

impl Perceptual {
    /// With the weights that `loss.vgg_weights` names, where `loss.lambda_vgg` is above 0.
    ///
    /// # Errors
    /// A file that cannot be read, or is of another network.
    pub fn new(config: &Config, device: Device) -> Result<Self> {
        let Some(file) = config.loss.vgg_weights.as_ref().filter(|_| config.loss.lambda_vgg > 0.0) else {
            return Ok(Self(None));
        };
        let net = Net::new(device, Vgg::new);
        let name = || format!("config key `loss.vgg_weights`: {}", file.display());
        load_network("vgg", &net.state(), &load_any(file).with_context(name)?).with_context(name)?;
        Ok(Self(Some(net)))
    }

    /// Distances of pairs of images.
    pub fn distances(&self, pairs: [(&Tensor, &Tensor); 2]) -> Option<[Tensor; 2]> {
        self.0.as_ref().map(|vgg| pairs.map(|(x, y)| vgg.distance(x, y)))
    }
}
