//! CycleGAN (Zhu et al., ICCV 2017): two translations that undo each other.
//!
//! `L_G = GAN(D_A(G_A(a))) + GAN(D_B(G_B(b))) + λ_cyc (|G_B(G_A(a)) − a| + |G_A(G_B(b)) − b|)
//!      + λ_idt λ_cyc (|G_A(b) − b| + |G_B(a) − a|)`, means of absolute values. Generators first, then both discriminators,
//! who see earlier outputs half of the time. `D_A` judges the target domain, `D_B` the source domain, as published.

use super::{l1, reproduce, split};
use crate::adversary::Adversary;
use crate::algorithm::{Algorithm, Batch, When};
use crate::config::{Config, LossConfig};
use crate::networks::{Generator, new_generator, trained};
use anyhow::Result;
use semrel_nn::image_pool::ImagePool;
use semrel_nn::{Net, Trained, descend_both};
use semrel_train::{Part, Terms};
use tch::{Device, Tensor};

/// Two generators, two discriminators.
#[derive(Debug)]
pub struct CycleGan {
    /// `G_A`: source to target.
    pub g_a: Trained<Generator>,
    /// `G_B`: target to source.
    pub g_b: Trained<Generator>,
    /// `D_A`: of the target domain.
    pub d_a: Adversary,
    /// `D_B`: of the source domain.
    pub d_b: Adversary,
    loss: LossConfig,
}

/// What a step has translated.
pub struct CycleOutputs {
    /// `G_A(a)`.
    pub fake_b: Tensor,
    /// `G_B(b)`.
    pub fake_a: Tensor,
}

impl CycleGan {
    /// Fresh networks, their weights drawn from torch's generator.
    ///
    /// # Errors
    /// Where the settings make no networks.
    pub fn new(config: &Config, device: Device) -> Result<Self> {
        Ok(Self {
            g_a: trained(config, new_generator(config, device)?),
            g_b: trained(config, new_generator(config, device)?),
            d_a: Adversary::new(config, "D_A", device)?,
            d_b: Adversary::new(config, "D_B", device)?,
            loss: config.loss.clone(),
        })
    }

    /// One step; also returns its translations, as they were before the update.
    pub fn step_with_outputs(&mut self, batch: &Batch, step: u64) -> (Terms, CycleOutputs) {
        let mut terms = Terms::new();
        let (outputs, total) = self.generator_loss(batch, &mut terms);
        descend_both(&total, &mut self.g_a, &mut self.g_b);

        self.d_a.train(&outputs.fake_b, &batch.b, step, &mut terms);
        self.d_b.train(&outputs.fake_a, &batch.a, step, &mut terms);
        (terms, outputs)
    }

    fn generator_loss(&self, batch: &Batch, terms: &mut Terms) -> (CycleOutputs, Tensor) {
        let Batch { a, b } = batch;
        let identity = self.loss.lambda_identity * self.loss.lambda_cycle;
        // Each generator sees both domains as one batch: one half is translated, the other should stay as it is.
        let ((fake_b, same_b), (fake_a, same_a)) = if identity > 0.0 {
            let n = (a.size()[0], b.size()[0]);
            let of = |g: &Net<Generator>, x: &Tensor, y: &Tensor, n| split(&g.forward(&Tensor::cat(&[x, y], 0)), n);
            let (fake_b, same_b) = of(&self.g_a, a, b, n.0);
            let (fake_a, same_a) = of(&self.g_b, b, a, n.1);
            ((fake_b, Some(same_b)), (fake_a, Some(same_a)))
        } else {
            ((self.g_a.forward(a), None), (self.g_b.forward(b), None))
        };
        let gan = (self.d_a.fool(&fake_b), self.d_b.fool(&fake_a));
        let cycle_a = l1(&self.g_b.forward(&fake_b), a) * self.loss.lambda_cycle;
        let cycle_b = l1(&self.g_a.forward(&fake_a), b) * self.loss.lambda_cycle;
        for (name, term) in [("G_A", &gan.0), ("G_B", &gan.1), ("cycle_A", &cycle_a), ("cycle_B", &cycle_b)] {
            terms.push(name, term);
        }
        let mut total = gan.0 + gan.1 + cycle_a + cycle_b;
        for (name, same, real) in [("idt_A", &same_b, b), ("idt_B", &same_a, a)] {
            if let Some(same) = same {
                let term = l1(same, real) * identity;
                terms.push(name, &term);
                total += term;
            }
        }
        (CycleOutputs { fake_b: fake_b.detach(), fake_a: fake_a.detach() }, total)
    }
}

impl Algorithm for CycleGan {
    fn step(&mut self, batch: &Batch, when: When) -> Result<Terms> {
        Ok(self.step_with_outputs(batch, when.step).0)
    }

    fn warmup_step(&mut self, batch: &Batch) -> Terms {
        let images = Tensor::cat(&[&batch.a, &batch.b], 0);
        reproduce(&mut self.g_b, &images);
        reproduce(&mut self.g_a, &images)
    }

    fn generator(&self) -> &Net<Generator> {
        &self.g_a
    }

    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![
            Part::new("G_A", &mut self.g_a),
            Part::new("G_B", &mut self.g_b),
            Part::new("D_A", &mut self.d_a.discriminator),
            Part::new("D_B", &mut self.d_b.discriminator),
        ]
    }

    fn pools(&mut self) -> Vec<(&'static str, &mut ImagePool)> {
        vec![("A", &mut self.d_b.pool), ("B", &mut self.d_a.pool)]
    }
}
