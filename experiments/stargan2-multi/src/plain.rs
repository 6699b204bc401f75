//! The plain order of the published loop, for comparison: every encoding recomputed, every gradient kept.

use crate::config::Cycle;
use crate::losses::{DiscriminatorLosses, GeneratorLosses, IterationLosses, Translation, discriminator_losses};
use crate::networks::Networks;
use crate::trainer::{Batch, Draws, Trainer};
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
        if self.critics.is_some() {
            bail!("the plain order covers `model.discriminator: stargan-v2`; `both` has no published loop to follow");
        }
        let d_latent = self.plain_discriminator_pass(batch, draws, Guide::Latent, iteration);
        let d_ref = self.plain_discriminator_pass(batch, draws, Guide::Reference, iteration);
        let g_latent = self.plain_generator_pass(batch, draws, Guide::Latent, iteration)?;
        let g_ref = self.plain_generator_pass(batch, draws, Guide::Reference, iteration)?;
        self.networks.update_average(self.config.optim.ema_beta);
        Ok(IterationLosses { d_latent, d_ref, g_latent, g_ref, heads: None })
    }

    fn plain_styles(&self, batch: &Batch, draws: &Draws, guide: Guide) -> (Tensor, Tensor) {
        let (n, y) = (&self.networks, &batch.y_trg);
        match guide {
            Guide::Latent => (n.mapping_network.forward(&draws.z, y), n.mapping_network.forward(&draws.z2, y)),
            Guide::Reference => (n.style_encoder.forward(&batch.x_ref, y), n.style_encoder.forward(&batch.x_ref2, y)),
        }
    }

    fn plain_discriminator_pass(
        &mut self,
        batch: &Batch,
        draws: &Draws,
        guide: Guide,
        iteration: u64,
    ) -> DiscriminatorLosses {
        let n = &self.networks;
        let fake = no_grad(|| {
            let style = match guide {
                Guide::Latent => n.mapping_network.forward(&draws.z, &batch.y_trg),
                Guide::Reference => n.style_encoder.forward(&batch.x_ref, &batch.y_trg),
            };
            n.generator.forward(&batch.x_real, &style)
        });
        let d = self.networks.published_discriminator();
        let losses = discriminator_losses(d, batch, &fake, self.config.lambda_reg(iteration));
        d.backward_step(&losses.total);
        losses.detached()
    }

    fn plain_generator_pass(
        &mut self,
        batch: &Batch,
        draws: &Draws,
        guide: Guide,
        iteration: u64,
    ) -> Result<GeneratorLosses> {
        let (n, x_real) = (&self.networks, &batch.x_real);
        let (style, other_style) = self.plain_styles(batch, draws, guide);
        let fake = n.generator.forward(x_real, &style);
        let other_fake = no_grad(|| n.generator.forward(x_real, &other_style));
        let own_style = n.style_encoder.forward(x_real, &batch.y_org);
        let reconstruction =
            (self.config.cycle() == Cycle::SelfReconstruction).then(|| n.generator.forward(x_real, &own_style));
        let real = n.generator.encode(x_real, &n.taps);
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

        let Networks { generator, mapping_network, style_encoder, discriminator, patch_sample, .. } =
            &mut self.networks;
        let mut networks = vec![generator.parameters(), mapping_network.parameters(), style_encoder.parameters()];
        networks.extend(patch_sample.as_ref().map(|heads| heads.parameters()));
        networks.extend(discriminator.as_ref().map(|d| d.parameters()));
        let mut gradients = flat_gradients(&losses.total, &networks).into_iter();
        let mut next = || gradients.next().expect("one gradient per network");
        generator.step(next());
        if guide == Guide::Latent {
            mapping_network.step(next());
            style_encoder.step(next());
            if let Some(heads) = patch_sample {
                heads.step(next());
            }
        }
        Ok(losses.detached())
    }
}
