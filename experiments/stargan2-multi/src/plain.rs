//! The plain order of the published loop, for comparison: every encoding recomputed, every gradient kept.

use crate::config::Cycle;
use crate::losses::{DiscriminatorLosses, GeneratorLosses, IterationLosses, Translation, discriminator_losses};
use crate::step::{Batch, Draws, Trainer};
use anyhow::{Context, Result, bail};
use semrel_nn::flat_gradients;
use tch::{Tensor, no_grad};

/// Where a pass takes its styles from.
#[derive(Clone, Copy, PartialEq)]
enum Guide {
    Latent,
    Reference,
}

impl Trainer {
    /// The same iteration as [`Trainer::iteration`], computed as the published loop does it: each pass encodes the input
    /// anew for each image that it makes, and each backward pass computes the gradients of every network it went through.
    /// Losses and steps are the same up to rounding. Methods with a correlative term are not covered.
    pub fn plain_iteration(&mut self, batch: &Batch, draws: &Draws, iteration: u64) -> Result<IterationLosses> {
        if self.correlative.is_some() {
            bail!("the plain order covers `stargan-v2` and `ours`; `lsesim` has no published loop to follow");
        }
        let d_latent = self.plain_discriminator_pass(batch, draws, Guide::Latent, iteration);
        let d_ref = self.plain_discriminator_pass(batch, draws, Guide::Reference, iteration);
        let g_latent = self.plain_generator_pass(batch, draws, Guide::Latent, iteration)?;
        let g_ref = self.plain_generator_pass(batch, draws, Guide::Reference, iteration)?;
        self.networks.update_average(self.config.optim.ema_beta);
        Ok(IterationLosses { d_latent, d_ref, g_latent, g_ref, heads: None })
    }

    fn plain_styles(&self, batch: &Batch, draws: &Draws, guide: Guide) -> (Tensor, Tensor) {
        let (t, y) = (&self.networks.translator, &batch.y_trg);
        match guide {
            Guide::Latent => (t.mapping_network.forward(&draws.z, y), t.mapping_network.forward(&draws.z2, y)),
            Guide::Reference => (t.style_encoder.forward(&batch.x_ref, y), t.style_encoder.forward(&batch.x_ref2, y)),
        }
    }

    fn plain_discriminator_pass(
        &mut self,
        batch: &Batch,
        draws: &Draws,
        guide: Guide,
        iteration: u64,
    ) -> DiscriminatorLosses {
        let t = &self.networks.translator;
        let fake = no_grad(|| {
            let style = match guide {
                Guide::Latent => t.mapping_network.forward(&draws.z, &batch.y_trg),
                Guide::Reference => t.style_encoder.forward(&batch.x_ref, &batch.y_trg),
            };
            t.generator.forward(&batch.x_real, &style)
        });
        let d = &self.networks.discriminator;
        let losses = discriminator_losses(d, batch, &fake, self.config.lambda_reg(iteration));
        let gradient = flat_gradients(&losses.total, &[d.parameters().collect()]).remove(0);
        self.optimisers.discriminator.step(d, gradient);
        losses.detached()
    }

    fn plain_generator_pass(
        &mut self,
        batch: &Batch,
        draws: &Draws,
        guide: Guide,
        iteration: u64,
    ) -> Result<GeneratorLosses> {
        let (t, x_real) = (&self.networks.translator, &batch.x_real);
        let (style, other_style) = self.plain_styles(batch, draws, guide);
        let fake = t.generator.forward(x_real, &style);
        let other_fake = no_grad(|| t.generator.forward(x_real, &other_style));
        let own_style = t.style_encoder.forward(x_real, &batch.y_org);
        let reconstruction =
            (self.config.cycle() == Cycle::SelfReconstruction).then(|| t.generator.forward(x_real, &own_style));
        let real = t.generator.encode(x_real, &self.networks.taps);
        let made = Translation {
            real: &real,
            fake: &fake,
            style: &style,
            other_fake: Some(&other_fake),
            own_style: &own_style,
            self_reconstruction: reconstruction.as_ref(),
            positions: if guide == Guide::Latent { &draws.positions_latent } else { &draws.positions_ref },
            correlative: None,
        };
        let losses = self.generator_losses(batch, &made, iteration).context("the plain generator pass")?;

        let mut networks: Vec<Vec<&Tensor>> = vec![
            t.generator.parameters().collect(),
            t.mapping_network.parameters().collect(),
            t.style_encoder.parameters().collect(),
        ];
        networks.extend(self.networks.patch_sample.as_ref().map(|p| p.parameters().collect()));
        networks.push(self.networks.discriminator.parameters().collect());
        let mut gradients = flat_gradients(&losses.total, &networks).into_iter();
        let mut next = || gradients.next().expect("one gradient a network");
        let o = &mut self.optimisers;
        o.generator.step(&t.generator, next());
        if guide == Guide::Latent {
            o.mapping_network.step(&t.mapping_network, next());
            o.style_encoder.step(&t.style_encoder, next());
            if let (Some(heads), Some(adam)) = (&self.networks.patch_sample, &mut o.patch_sample) {
                adam.step(heads, next());
            }
        }
        Ok(losses.detached())
    }
}
