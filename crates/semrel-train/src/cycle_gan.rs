//! CycleGAN (Zhu et al., ICCV 2017): two translations that undo each other.
//!
//! `L_G = GAN(D_A(G_A(a))) + GAN(D_B(G_B(b))) + λ_A |G_B(G_A(a)) − a| + λ_B |G_A(G_B(b)) − b|
//!      + λ_idt (λ_B |G_A(b) − b| + λ_A |G_B(a) − a|)`, means of absolute values. Generators first, then both discriminators,
//! who see earlier outputs half of the time. `D_A` judges the target domain, `D_B` the source domain, as published.

use crate::adversary::{Adversary, Critic};
use crate::batches::Batch;
use crate::passes::{Generator, first, l1, reproduce, split};
use crate::{Losses, Part};
use semrel_nn::image_pool::ImagePool;
use semrel_nn::{Net, Trained, backward_step_both};
use tch::Tensor;

/// Weights of the terms beside the adversarial ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CycleWeights {
    /// Of the cycle that begins at the source domain.
    pub a: f64,
    /// Of the cycle that begins at the target domain.
    pub b: f64,
    /// Of the identity terms, relative to those of the cycles.
    pub identity: f64,
    /// How many images of a batch each identity term looks at; all of them where it is absent.
    pub identity_images: Option<i64>,
}

/// Two generators, two discriminators.
#[derive(Debug)]
pub struct CycleGan<D> {
    /// `G_A`: source to target.
    pub g_a: Trained<Generator>,
    /// `G_B`: target to source.
    pub g_b: Trained<Generator>,
    /// `D_A`: of the target domain.
    pub d_a: Adversary<D>,
    /// `D_B`: of the source domain.
    pub d_b: Adversary<D>,
    /// Weights of the generators' terms.
    pub weights: CycleWeights,
}

/// What a step has translated.
pub struct CycleOutputs {
    /// `G_A(a)`.
    pub fake_b: Tensor,
    /// `G_B(b)`.
    pub fake_a: Tensor,
}

impl<D: Critic> CycleGan<D> {
    /// One step; also returns its translations, as they were before the update. `step` decides on what the buffers give back.
    pub fn step(&mut self, batch: &Batch, step: u64) -> (Losses, CycleOutputs) {
        let mut losses = Losses::new();
        let (outputs, total) = self.generator_loss(batch, &mut losses);
        backward_step_both(&total, &mut self.g_a, &mut self.g_b);

        self.d_a.train(&outputs.fake_b, &batch.b, step, &mut losses);
        self.d_b.train(&outputs.fake_a, &batch.a, step, &mut losses);
        (losses, outputs)
    }

    /// A step of the warm-up: both generators learn to reproduce their input.
    pub fn warmup_step(&mut self, batch: &Batch) -> Losses {
        let images = Tensor::cat(&[&batch.a, &batch.b], 0);
        reproduce(&mut self.g_b, &images);
        reproduce(&mut self.g_a, &images)
    }

    fn generator_loss(&self, batch: &Batch, losses: &mut Losses) -> (CycleOutputs, Tensor) {
        let Batch { a, b } = batch;
        let weights = self.weights;
        // Each generator sees both domains as one batch: one part is translated, the other should stay as it is.
        let kept = |images| first(images, weights.identity_images);
        let ((fake_b, same_b), (fake_a, same_a)) = if weights.identity > 0.0 {
            let n = (a.size()[0], b.size()[0]);
            let of = |g: &Net<Generator>, x: &Tensor, y: &Tensor, n| split(&g.forward(&Tensor::cat(&[x, y], 0)), n);
            let (fake_b, same_b) = of(&self.g_a, a, &kept(b), n.0);
            let (fake_a, same_a) = of(&self.g_b, b, &kept(a), n.1);
            ((fake_b, Some(same_b)), (fake_a, Some(same_a)))
        } else {
            ((self.g_a.forward(a), None), (self.g_b.forward(b), None))
        };
        let gan = (self.d_a.generator_loss(&fake_b), self.d_b.generator_loss(&fake_a));
        let cycle_a = l1(&self.g_b.forward(&fake_b), a) * weights.a;
        let cycle_b = l1(&self.g_a.forward(&fake_a), b) * weights.b;
        for (name, term) in [("G_A", &gan.0), ("G_B", &gan.1), ("cycle_A", &cycle_a), ("cycle_B", &cycle_b)] {
            losses.push(name, term);
        }
        let mut total = gan.0 + gan.1 + cycle_a + cycle_b;
        for (name, same, real, cycle) in [("idt_A", &same_b, b, weights.b), ("idt_B", &same_a, a, weights.a)] {
            if let Some(same) = same {
                let term = l1(same, &kept(real)) * (weights.identity * cycle);
                losses.push(name, &term);
                total += term;
            }
        }
        losses.push("G", &total);
        (CycleOutputs { fake_b: fake_b.detach(), fake_a: fake_a.detach() }, total)
    }

    /// All networks, for checkpoints.
    pub fn parts(&mut self) -> Vec<Part<'_>> {
        vec![
            Part::new("G_A", &mut self.g_a),
            Part::new("G_B", &mut self.g_b),
            Part::new("D_A", &mut self.d_a.discriminator),
            Part::new("D_B", &mut self.d_b.discriminator),
        ]
    }

    /// Image buffers by the domain of their images.
    pub fn pools(&mut self) -> Vec<(&'static str, &mut ImagePool)> {
        vec![("A", &mut self.d_b.pool), ("B", &mut self.d_a.pool)]
    }
}
