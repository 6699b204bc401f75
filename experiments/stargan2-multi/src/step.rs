//! One training iteration, in the order of the published loop; nothing in it is computed twice.
//!
//! The generator's weights change twice in an iteration (after the latent and after the reference pass). For each set
//! of weights the input is encoded once. With the first set that encoding serves both discriminator passes and the
//! latent generator pass, whose output is also the fake that the latent discriminator pass judges.

use crate::config::Cycle;
use crate::losses::{DiscriminatorLosses, IterationLosses, Translation, discriminator_losses};
use crate::networks::Networks;
use crate::trainer::{Batch, Draws, Trainer};
use anyhow::{Context, Result};
use semrel_loss::gan::cycle;
use semrel_loss::patch_sampler::PatchSampler;
use semrel_nn::stargan2::Encoded;
use semrel_nn::{backward_step_both, flat_gradients};
use tch::{Tensor, no_grad};

/// What the correlative term reads of the input.
struct CorrelativeFeatures {
    features: Vec<Tensor>,
    positions: Vec<Tensor>,
    heads_loss: Option<Tensor>,
}

impl Trainer {
    /// One iteration: D on latent fakes, D on reference fakes, G F E and the heads on latent fakes, G on reference fakes,
    /// weight averages. `iteration` counts from 0, after the warm-up.
    pub fn iteration(&mut self, batch: &Batch, draws: &Draws, iteration: u64) -> Result<IterationLosses> {
        let Batch { x_real, y_org, x_ref, x_ref2, y_trg } = batch;
        let n = &self.networks;

        // Everything that the first set of the generator's weights has to make.
        let real = n.generator.encode(x_real, &n.taps);
        let style = n.mapping_network.forward(&draws.z, y_trg);
        let own_style = n.style_encoder.forward(x_real, y_org);
        let (fake, reconstruction) = self.fake_and_reconstruction(&real, &style, &own_style);
        let diversify = self.config.lambda_ds(iteration) > 0.0;
        let (other_fake, fake_ref) = no_grad(|| {
            let ref_style = n.style_encoder.forward(x_ref, y_trg);
            if !diversify {
                return (None, n.generator.decode(&real, &ref_style));
            }
            let other_style = n.mapping_network.forward(&draws.z2, y_trg);
            let (other_fake, fake_ref) = self.decode_two(&real, &other_style, &ref_style);
            (Some(other_fake), fake_ref)
        });

        let [d_latent, d_ref] = self.discriminator_passes(batch, [&fake.detach(), &fake_ref], iteration);

        let seen = self.correlative_features(x_real, &fake, x_ref)?;
        let correlative = seen.as_ref().map(|s| (&s.features[..], &s.positions[..]));
        let g_latent = self.generator_losses(
            batch,
            &Translation {
                real: &real,
                fake: &fake,
                style: &style,
                other_fake: other_fake.as_ref(),
                own_style: &own_style,
                self_reconstruction: reconstruction.as_ref(),
                positions: &draws.positions_latent,
                correlative,
            },
            iteration,
        )?;
        self.step_all(&g_latent.total);
        let g_latent = g_latent.detached();
        drop((real, fake, reconstruction, style, own_style));

        // The second set of weights. Only the generator is stepped: styles are constants.
        let n = &self.networks;
        let real = n.generator.encode(x_real, &n.taps);
        let styles = no_grad(|| {
            let images = Tensor::cat(&[x_ref, x_ref2, x_real], 0);
            n.style_encoder.forward(&images, &[&y_trg[..], y_trg, y_org].concat())
        });
        let [style, other_style, own_style] = thirds(&styles);
        let (fake, reconstruction) = self.fake_and_reconstruction(&real, &style, &own_style);
        let other_fake = diversify.then(|| no_grad(|| n.generator.decode(&real, &other_style)));
        let g_ref = self.generator_losses(
            batch,
            &Translation {
                real: &real,
                fake: &fake,
                style: &style,
                other_fake: other_fake.as_ref(),
                own_style: &own_style,
                self_reconstruction: reconstruction.as_ref(),
                positions: &draws.positions_ref,
                correlative,
            },
            iteration,
        )?;
        self.networks.generator.backward_step(&g_ref.total);
        let g_ref = g_ref.detached();

        self.networks.update_average(self.config.optim.ema_beta);
        Ok(IterationLosses { d_latent, d_ref, g_latent, g_ref, heads: seen.and_then(|s| s.heads_loss) })
    }

    /// A warm-up iteration: generator and style encoder learn to reproduce the input, `mean |G(x, E(x, y)) − x|`.
    pub fn warmup_iteration(&mut self, batch: &Batch) -> Tensor {
        let Networks { generator, style_encoder, .. } = &mut self.networks;
        let own_style = style_encoder.forward(&batch.x_real, &batch.y_org);
        let loss = cycle(&generator.forward(&batch.x_real, &own_style), &batch.x_real).expect("images of one shape");
        backward_step_both(&loss, generator, style_encoder);
        self.networks.update_average(self.config.optim.ema_beta);
        loss.detach()
    }

    /// Draws latent codes and patch positions from torch's generator.
    pub fn draw(&self, batch: &Batch) -> Draws {
        let options = (batch.x_real.kind(), batch.x_real.device());
        let n = batch.x_real.size()[0];
        let latent = || Tensor::randn([n, self.config.model.latent_dim], options);
        let side = batch.x_real.size()[2] / 4;
        let areas = vec![side * side; self.networks.taps.len()];
        let positions = || PatchSampler::positions(&areas, self.config.loss.num_patches, options.1);
        Draws { z: latent(), z2: latent(), positions_latent: positions(), positions_ref: positions() }
    }

    /// The input in `style`, and in its own style too unless the cycle goes through the fake.
    fn fake_and_reconstruction(&self, real: &Encoded, style: &Tensor, own_style: &Tensor) -> (Tensor, Option<Tensor>) {
        match self.config.cycle() {
            Cycle::ThroughFake => (self.networks.generator.decode(real, style), None),
            Cycle::SelfReconstruction => {
                let (fake, reconstruction) = self.decode_two(real, style, own_style);
                (fake, Some(reconstruction))
            }
        }
    }

    /// Decodes one bottleneck in two styles, as one batch.
    fn decode_two(&self, encoded: &Encoded, first: &Tensor, second: &Tensor) -> (Tensor, Tensor) {
        let both = self.networks.generator.decode(&encoded.twice(), &Tensor::cat(&[first, second], 0));
        let mut halves = both.chunk(2, 0).into_iter();
        let mut half = || halves.next().expect("two halves");
        (half(), half())
    }

    /// For each guide's fakes `adv(D(x_real), real) + adv(D(fake), fake) + λ_reg·R1`, and a step of D; with the discriminators of
    /// short runs, one step for both.
    fn discriminator_passes(&mut self, batch: &Batch, fakes: [&Tensor; 2], iteration: u64) -> [DiscriminatorLosses; 2] {
        if let Some(critics) = &mut self.critics {
            return critics.step(batch, fakes);
        }
        let lambda_reg = self.config.lambda_reg(iteration);
        let d = self.networks.published_discriminator();
        fakes.map(|fake| {
            let losses = discriminator_losses(d, batch, fake, lambda_reg);
            d.backward_step(&losses.total);
            losses.detached()
        })
    }

    /// Features of the input and their query positions, after one step of the learned heads.
    fn correlative_features(
        &mut self,
        x_real: &Tensor,
        fake: &Tensor,
        x_ref: &Tensor,
    ) -> Result<Option<CorrelativeFeatures>> {
        let Some(correlative) = &mut self.correlative else { return Ok(None) };
        let n = x_real.size()[0];
        // One batch: the input, the output, and another real image, turned by half.
        let images = Tensor::cat(&[x_real, &fake.detach(), &x_ref.flip([2, 3])], 0);
        let features = no_grad(|| correlative.features.maps(&images));
        let part = |i: i64| features.iter().map(|f| f.narrow(0, i * n, n)).collect::<Vec<_>>();
        let (real, positions) = (part(0), correlative.term.positions(&features));
        let heads_loss =
            correlative.term.step_heads(&real, &part(1), &part(2), &positions).context("the correlative heads")?;
        Ok(Some(CorrelativeFeatures { features: real, positions, heads_loss }))
    }

    /// Steps generator, mapping network, style encoder and projection heads.
    fn step_all(&mut self, total: &Tensor) {
        let Networks { generator, mapping_network, style_encoder, patch_sample, .. } = &mut self.networks;
        let mut networks = vec![generator.parameters(), mapping_network.parameters(), style_encoder.parameters()];
        networks.extend(patch_sample.as_ref().map(|heads| heads.parameters()));
        let mut gradients = flat_gradients(total, &networks).into_iter();
        let mut next = || gradients.next().expect("one gradient per network");
        generator.step(next());
        mapping_network.step(next());
        style_encoder.step(next());
        if let Some(heads) = patch_sample {
            heads.step(next());
        }
    }
}

fn thirds(t: &Tensor) -> [Tensor; 3] {
    let mut parts = t.chunk(3, 0).into_iter();
    std::array::from_fn(|_| parts.next().expect("three thirds"))
}
