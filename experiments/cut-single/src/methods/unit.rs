//! UNIT (Liu et al., NeurIPS 2017), as MUNIT's code has it: both domains share a latent space, and there are no styles.
//!
//! Training adds noise n ~ N(0, I) to each latent h of an image. The auto-encoders descend the sum, over both domains, of
//! `λ_GAN GAN(D_a(x_ba))` with `x_ba = dec_a(h_b + n_b)`, `λ_rec |dec_a(h_a + n_a) − x_a|`, the cycle
//! `λ_a |dec_a(h(x_ab) + n) − x_a|`, and `λ_KL mean h²` of the images and `λ_KL_cycle mean h²` of the translations. One step, as
//! published: the discriminators, with noise of their own; then the auto-encoders, with new noise.

use super::domains::{AutoEncoders, warm_up};
use super::munit::Translations;
use crate::algorithm::{Algorithm, Batch, Domain, StepInfo};
use crate::config::Config;
use crate::networks::{Discriminator, Generator, unit_pair};
use anyhow::Result;
use semrel_nn::munit::UnitPair;
use semrel_nn::{Net, TappedGenerator};
use semrel_train::passes::{Terms, l1, split};
use semrel_train::{Losses, Part};
use tch::{Device, Kind, Tensor, no_grad};

/// Noise of latents, each of the shape of one.
#[derive(Debug)]
pub struct LatentNoise {
    /// Of source and target images in the update of the discriminators.
    pub shown: [Tensor; 2],
    /// Of source and target images in that of the auto-encoders.
    pub images: [Tensor; 2],
    /// Of the translations in that of the auto-encoders: of target images first, then of source images.
    pub translations: [Tensor; 2],
}

/// Auto-encoders and discriminators of both domains.
pub type Unit = AutoEncoders<UnitPair>;

impl Unit {
    /// Fresh networks, their weights drawn from torch's generator in the order auto-encoders, D_A, D_B.
    ///
    /// # Errors
    /// Where the settings make no networks, or weights that a term needs are missing.
    pub fn new(config: &Config, device: Device) -> Result<Self> {
        let (pair, net) = unit_pair(config, device)?;
        Self::with_pair(config, pair, net)
    }

    /// Noise of a step.
    ///
    /// # Errors
    /// Where the images are too small for the encoders.
    pub fn draw(&self, batch: &Batch) -> Result<LatentNoise> {
        let size = batch.a.size();
        let (c, h, w) = self.pair.tap_shapes(size[2], size[3], &[-1])?[0];
        let noise = || Tensor::randn([size[0], c, h, w], (batch.a.kind(), batch.a.device()));
        Ok(LatentNoise { shown: [noise(), noise()], images: [noise(), noise()], translations: [noise(), noise()] })
    }

    /// One step with given noise; also the translations of the auto-encoders' update, as they were before.
    pub fn step_with(&mut self, batch: &Batch, noise: &LatentNoise) -> (Losses, Translations) {
        let (UnitPair { a, b }, l) = (&*self.pair, &self.loss);
        let (x_a, x_b) = (&batch.a, &batch.b);
        let mut losses = Losses::new();
        let (h_a, h_b) = (a.content.forward(x_a), b.content.forward(x_b));

        let shown = no_grad(|| Translations {
            ba: a.decode(&(&h_b + &noise.shown[1])),
            ab: b.decode(&(&h_a + &noise.shown[0])),
        });
        self.critics.train(&shown, batch, &mut losses);

        let (noisy_a, noisy_b) = (&h_a + &noise.images[0], &h_b + &noise.images[1]);
        let (own_a, x_ba) = split(&a.decode(&Tensor::cat(&[&noisy_a, &noisy_b], 0)), x_a.size()[0]);
        let (own_b, x_ab) = split(&b.decode(&Tensor::cat(&[&noisy_b, &noisy_a], 0)), x_b.size()[0]);
        let (h_b_again, h_a_again) = (a.content.forward(&x_ba), b.content.forward(&x_ab));
        let cycle_a = a.decode(&(&h_a_again + &noise.translations[1]));
        let cycle_b = b.decode(&(&h_b_again + &noise.translations[0]));

        let square = |h: &Tensor| h.square().mean(None::<Kind>);
        let adversarial = self.critics.generator_loss(&x_ab, &x_ba, &mut losses);
        let mut terms = Terms::new(&mut losses);
        terms.include(adversarial);
        let mut add = |name: &'static str, weight: f64, term: Tensor| terms.add(name, weight, term);
        add("recon_A", l.lambda_reconstruction, l1(&own_a, x_a));
        add("recon_B", l.lambda_reconstruction, l1(&own_b, x_b));
        add("cycle_A", l.lambda_a, l1(&cycle_a, x_a));
        add("cycle_B", l.lambda_b, l1(&cycle_b, x_b));
        add("KL_A", l.lambda_kl, square(&h_a));
        add("KL_B", l.lambda_kl, square(&h_b));
        add("KL_cycle_A", l.lambda_kl_cycle, square(&h_a_again));
        add("KL_cycle_B", l.lambda_kl_cycle, square(&h_b_again));
        if let Some([vgg_a, vgg_b]) = self.perceptual.distances([(&x_ba, x_b), (&x_ab, x_a)]) {
            add("vgg_A", l.lambda_vgg, vgg_a);
            add("vgg_B", l.lambda_vgg, vgg_b);
        }
        let total = terms.total("G");
        self.generator.backward_step(&total);
        (losses, Translations { ab: x_ab.detach(), ba: x_ba.detach() })
    }
}

impl Algorithm for Unit {
    fn step(&mut self, batch: &Batch, _info: StepInfo) -> Result<Losses> {
        let noise = self.draw(batch)?;
        Ok(self.step_with(batch, &noise).0)
    }

    /// Each auto-encoder learns to reproduce images of its domain.
    fn warmup_step(&mut self, batch: &Batch) -> Losses {
        let UnitPair { a, b } = &*self.pair;
        let loss = l1(&a.decode(&a.content.forward(&batch.a)), &batch.a)
            + l1(&b.decode(&b.content.forward(&batch.b)), &batch.b);
        warm_up(&mut self.generator, &loss)
    }

    fn generator(&self) -> &Net<Generator> {
        &self.generator
    }

    fn parts(&mut self) -> Vec<Part<'_>> {
        self.critics.parts_with(&mut self.generator)
    }

    fn critics(&self) -> Vec<(&Discriminator, Domain)> {
        self.critics.critics()
    }
}
