//! DistanceGAN (Benaim & Wolf, NIPS 2017): images that are far apart stay so.
//!
//! With distances d within a batch ([`Distance`]), standardised by mean μ and deviation σ over the training images of their domain,
//! the generators G_A of source to target and G_B back, and a discriminator each, descend
//! `GAN(D_A(G_A(a))) + λ_A mean |(d(a) − μ_A)/σ_A − (d(G_A(a)) − μ_B)/σ_B|` and the same of b; on request also
//! `λ_a |G_B(G_A(a)) − a| + λ_b |G_A(G_B(b)) − b|`. One step, as published: the generators, against the discriminators of the step
//! before; then the discriminators, with the translations made before that update.

use crate::adversary::{Adversary, new_adversary};
use crate::algorithm::{Algorithm, Batch, Domain, StepInfo};
use crate::config::{Config, Distance, LossConfig, StatisticsOf};
use crate::methods::distances::DistanceStatistics;
use crate::networks::{Discriminator, Generator, new_generator, trained};
use anyhow::Result;
use semrel_data::Direction;
use semrel_nn::image_pool::ImagePool;
use semrel_nn::{Net, Trained, backward_step_both};
use semrel_train::passes::{l1, reproduce};
use semrel_train::{Losses, Part};
use tch::{Device, Kind, Tensor};

/// A translation in one direction, or in both.
#[derive(Debug)]
pub struct DistanceGan {
    /// `G_A`: source to target.
    pub g_a: Trained<Generator>,
    /// `G_B`: target to source; it stays as it was drawn where only one side trains, for cycles.
    pub g_b: Option<Trained<Generator>>,
    /// `D_A`: of the target domain.
    pub d_a: Adversary,
    /// `D_B`: of the source domain, where both sides train.
    pub d_b: Option<Adversary>,
    /// What source and target distances are standardised by.
    statistics: Option<[DistanceStatistics; 2]>,
    loss: LossConfig,
}

/// Translations of a step, constant.
#[derive(Debug)]
pub struct DistanceFakes {
    /// `G_A(a)`.
    pub fake_b: Tensor,
    /// `G_B(b)`, where both sides train.
    pub fake_a: Option<Tensor>,
}

/// `mean |s(d(real)) − s'(d(fake))|`; `standards` are s and s', of the domains of the real images and of the translations.
pub fn kept_distances(
    distance: Distance,
    real: &Tensor,
    fake: &Tensor,
    standards: Option<[DistanceStatistics; 2]>,
) -> Tensor {
    let (real, fake) = (distance.within(real), distance.within(fake));
    match standards {
        Some([of_real, of_fake]) => of_real.standardise(&real) - of_fake.standardise(&fake),
        None => real - fake,
    }
    .abs()
    .mean(None::<Kind>)
}

impl DistanceGan {
    /// Fresh networks, their weights drawn from torch's generator in the order G_A, D_A, G_B, D_B. `measure` gives the statistics of
    /// the folders A and B, where distances are standardised.
    ///
    /// # Errors
    /// Where the settings make no networks; those of `measure`.
    pub fn new(
        config: &Config,
        device: Device,
        measure: impl FnOnce() -> Result<[DistanceStatistics; 2]>,
    ) -> Result<Self> {
        let loss = config.loss.clone();
        let mut statistics = loss.standardise_distances.then(measure).transpose()?;
        // Published: those of folder A belong to the source, whichever folder that is.
        let swapped = loss.distance_statistics == StatisticsOf::Roles && config.data.direction == Direction::BtoA;
        if let Some(both) = statistics.as_mut().filter(|_| swapped) {
            both.reverse();
        }
        let g_a = trained(config, new_generator(config, device)?);
        let d_a = new_adversary(config, "D_A", device)?;
        let back = (loss.two_sided || loss.distance_cycle).then(|| new_generator(config, device)).transpose()?;
        let d_b = loss.two_sided.then(|| new_adversary(config, "D_B", device)).transpose()?;
        Ok(Self { g_a, g_b: back.map(|net| trained(config, net)), d_a, d_b, statistics, loss })
    }

    /// Updates the generators; their translations, as they were before.
    pub fn generator_step(&mut self, batch: &Batch, losses: &mut Losses) -> DistanceFakes {
        let (Batch { a, b }, l, distance) = (batch, &self.loss, self.loss.distance);
        let fake_b = self.g_a.forward(a);
        let adversarial = self.d_a.generator_loss(&fake_b);
        let kept = kept_distances(distance, a, &fake_b, self.statistics) * l.lambda_distance_a;
        losses.push("G_A", &adversarial);
        losses.push("distance_A", &kept);
        let mut total = adversarial + kept;

        let fake_a = self.g_b.as_ref().map(|g_b| g_b.forward(b));
        if let (Some(fake_a), Some(d_b)) = (&fake_a, &self.d_b) {
            let adversarial = d_b.generator_loss(fake_a);
            let standards = self.statistics.map(|[of_a, of_b]| [of_b, of_a]);
            let kept = kept_distances(distance, b, fake_a, standards) * l.lambda_distance_b;
            losses.push("G_B", &adversarial);
            losses.push("distance_B", &kept);
            total += adversarial + kept;
        }
        if let (Some(fake_a), Some(g_b), true) = (&fake_a, &self.g_b, l.distance_cycle) {
            let cycle_a = l1(&g_b.forward(&fake_b), a) * l.lambda_a;
            let cycle_b = l1(&self.g_a.forward(fake_a), b) * l.lambda_b;
            losses.push("cycle_A", &cycle_a);
            losses.push("cycle_B", &cycle_b);
            total += cycle_a + cycle_b;
        }
        losses.push("G", &total);
        match &mut self.g_b {
            Some(g_b) if l.two_sided => backward_step_both(&total, &mut self.g_a, g_b),
            _ => self.g_a.backward_step(&total),
        }
        DistanceFakes { fake_b: fake_b.detach(), fake_a: fake_a.map(|fake| fake.detach()) }
    }

    /// Updates the discriminators with what the buffers show of the translations.
    pub fn discriminator_step(&mut self, shown: &DistanceFakes, batch: &Batch, losses: &mut Losses) {
        self.d_a.train_on(&shown.fake_b, &batch.b, losses);
        if let (Some(d_b), Some(fake_a)) = (&mut self.d_b, &shown.fake_a) {
            d_b.train_on(fake_a, &batch.a, losses);
        }
    }
}

impl Algorithm for DistanceGan {
    fn step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses> {
        let mut losses = Losses::new();
        let fakes = self.generator_step(batch, &mut losses);
        let fake_b = self.d_a.earlier(&fakes.fake_b, info.step);
        let fake_a = self.d_b.as_mut().zip(fakes.fake_a).map(|(d_b, fake)| d_b.earlier(&fake, info.step));
        self.discriminator_step(&DistanceFakes { fake_b, fake_a }, batch, &mut losses);
        Ok(losses)
    }

    fn warmup_step(&mut self, batch: &Batch) -> Losses {
        let images = Tensor::cat(&[&batch.a, &batch.b], 0);
        if let (Some(g_b), true) = (&mut self.g_b, self.loss.two_sided) {
            reproduce(g_b, &images);
        }
        reproduce(&mut self.g_a, &images)
    }

    fn generator(&self) -> &Net<Generator> {
        &self.g_a
    }

    fn parts(&mut self) -> Vec<Part<'_>> {
        let mut parts = vec![Part::new("G_A", &mut self.g_a)];
        parts.extend(self.g_b.as_mut().map(|g_b| Part::new("G_B", g_b)));
        parts.push(Part::new("D_A", &mut self.d_a.discriminator));
        parts.extend(self.d_b.as_mut().map(|d_b| Part::new("D_B", &mut d_b.discriminator)));
        parts
    }

    fn critics(&self) -> Vec<(&Discriminator, Domain)> {
        let mut critics: Vec<(&Discriminator, Domain)> = vec![(&self.d_a.discriminator, Domain::Target)];
        critics.extend(self.d_b.as_ref().map(|d_b| (&**d_b.discriminator, Domain::Source)));
        critics
    }

    fn pools(&mut self) -> Vec<(&'static str, &mut ImagePool)> {
        let mut pools = vec![("B", &mut self.d_a.pool)];
        pools.extend(self.d_b.as_mut().map(|d_b| ("A", &mut d_b.pool)));
        pools
    }
}
