//! The discriminator of one translation, and both sides of its game.

use crate::config::Config;
use crate::networks::{Discriminator, new_discriminator, trained};
use anyhow::Result;
use semrel_data::rng::stream;
use semrel_loss::gan::{GanMode, Target, r1_penalty};
use semrel_nn::Trained;
use semrel_nn::image_pool::ImagePool;
use semrel_train::Terms;
use tch::{Device, Kind, Tensor};

/// A discriminator with its optimiser and the buffer of outputs it is shown.
#[derive(Debug)]
pub struct Adversary {
    /// D.
    pub discriminator: Trained<Discriminator>,
    /// Outputs of earlier steps.
    pub pool: ImagePool,
    gan: GanMode,
    lambda_gan: f64,
    lambda_r1: f64,
    seed: u64,
    /// Names of its terms: fake, real, R1, total.
    names: [String; 4],
}

/// Losses of D on a pair of images, with graph.
pub(crate) struct Judgement {
    pub fake: Tensor,
    pub real: Tensor,
    pub r1: Option<Tensor>,
    pub total: Tensor,
}

impl Adversary {
    /// A fresh discriminator called `name` (`D`, `D_A`, …).
    ///
    /// # Errors
    /// As [`new_discriminator`].
    pub fn new(config: &Config, name: &str, device: Device) -> Result<Self> {
        Ok(Self {
            discriminator: trained(config, new_discriminator(config, device)?),
            pool: ImagePool::new(config.optim.pool_size),
            gan: config.loss.gan,
            lambda_gan: config.loss.lambda_gan,
            lambda_r1: config.loss.lambda_r1,
            seed: config.seed,
            names: ["_fake", "_real", "_R1", ""].map(|term| format!("{name}{term}")),
        })
    }

    /// Updates D with `½ (L(D(fake), fake) + L(D(real), real)) + λ_R1 · R1(real)`; the fake is constant, and in half of the
    /// cases an earlier one, if there is an image buffer. `step` decides which.
    pub fn train(&mut self, fake: &Tensor, real: &Tensor, step: u64, terms: &mut Terms) {
        let fake = self.pool.query(fake, &mut stream(self.seed, &format!("pool {}", self.names[3]), step));
        let judgement = self.judge(&fake, real);
        self.discriminator.descend(&judgement.total);
        self.log(&judgement, terms);
    }

    /// The losses of [`Adversary::train`]. Both images pass D as one batch: no layer of it mixes images.
    pub(crate) fn judge(&self, fake: &Tensor, real: &Tensor) -> Judgement {
        let real = real.detach().set_requires_grad(self.lambda_r1 > 0.0);
        let logits = self.discriminator.forward(&Tensor::cat(&[fake, &real], 0));
        let n = fake.size()[0];
        self.judgement(&logits.narrow(0, 0, n), &logits.narrow(0, n, real.size()[0]), &real)
    }

    /// The losses from D's logits.
    pub(crate) fn judgement(&self, fake_logits: &Tensor, real_logits: &Tensor, real: &Tensor) -> Judgement {
        let loss = |logits: &Tensor, target| self.gan.discriminator(logits, target).mean(None::<Kind>);
        let (fake, loss_real) = (loss(fake_logits, Target::Fake), loss(real_logits, Target::Real));
        let mut total = (&fake + &loss_real) * 0.5;
        let r1 = (self.lambda_r1 > 0.0).then(|| r1_penalty(real_logits, real) * self.lambda_r1);
        if let Some(r1) = &r1 {
            total += r1;
        }
        Judgement { fake, real: loss_real, r1, total }
    }

    pub(crate) fn log(&self, judgement: &Judgement, terms: &mut Terms) {
        let [fake, real, r1, total] = &self.names;
        terms.push(fake, &judgement.fake);
        terms.push(real, &judgement.real);
        if let Some(penalty) = &judgement.r1 {
            terms.push(r1, penalty);
        }
        terms.push(total, &judgement.total);
    }

    /// `λ_GAN · L(D(fake), real)`, for the generator. D's weights get no gradient.
    pub fn fool(&self, fake: &Tensor) -> Tensor {
        self.gan.generator(&self.discriminator.forward(fake)).mean(None::<Kind>) * self.lambda_gan
    }
}
