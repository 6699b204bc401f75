//! One training iteration, in the order of the published loop; nothing in it is computed twice.
//!
//! The generator's weights change twice in an iteration (after the latent and after the reference pass). For each set
//! of weights the input is encoded once. With the first set that encoding serves both discriminator passes and the
//! latent generator pass, whose output is also the fake that the latent discriminator pass judges.

use crate::config::{Config, Cycle, Method};
use crate::correlative::Correlative;
use crate::networks::{Networks, Optimisers};
use anyhow::{Context, Result};
use semrel_loss::Formulation;
use semrel_loss::gan::{Target, adversarial, cycle, r1_penalty, style_diversification, style_reconstruction};
use semrel_loss::patch_sampler::PatchSampler;
use semrel_loss::semantic::semantic_relation_losses;
use semrel_nn::flat_gradients;
use semrel_nn::stargan2::{Discriminator, Encoded};
use tch::{Tensor, no_grad};

/// Images of one iteration, `[B, 3, S, S]` in [-1, 1], and their domains.
#[derive(Debug)]
pub struct Batch {
    /// Inputs.
    pub x_real: Tensor,
    /// Their domains.
    pub y_org: Vec<i64>,
    /// References of the target domains.
    pub x_ref: Tensor,
    /// Second references.
    pub x_ref2: Tensor,
    /// Target domains; may equal the inputs'.
    pub y_trg: Vec<i64>,
}

/// What an iteration draws besides images.
#[derive(Debug)]
pub struct Draws {
    /// Latent codes `[B, latent_dim]`.
    pub z: Tensor,
    /// Second latent codes.
    pub z2: Tensor,
    /// Patch positions of the latent pass, one vector a tap.
    pub positions_latent: Vec<Tensor>,
    /// Patch positions of the reference pass.
    pub positions_ref: Vec<Tensor>,
}

/// Terms of a discriminator pass; scalars without gradient.
#[derive(Debug)]
pub struct DiscriminatorLosses {
    /// Adversarial, real images.
    pub real: Tensor,
    /// Adversarial, generated images.
    pub fake: Tensor,
    /// R1 before its weight; absent in iterations that leave it out.
    pub reg: Option<Tensor>,
    /// What was differentiated.
    pub total: Tensor,
}

/// Terms of a generator pass; scalars, unweighted but for `src`, `patch` and `lsesim`.
#[derive(Debug)]
pub struct GeneratorLosses {
    /// Adversarial.
    pub adv: Tensor,
    /// Style reconstruction.
    pub sty: Tensor,
    /// Style diversification; absent where its weight has fallen to 0.
    pub ds: Option<Tensor>,
    /// Cycle.
    pub cyc: Tensor,
    /// λ_SRC · SRC; `ours` only.
    pub src: Option<Tensor>,
    /// λ · (h)DCE or InfoNCE, to log; `ours` only.
    pub patch: Option<Tensor>,
    /// λ · spatially-correlative loss; `lsesim` only.
    pub lsesim: Option<Tensor>,
    /// What was differentiated.
    pub total: Tensor,
}

/// Terms of all four passes.
#[derive(Debug)]
pub struct IterationLosses {
    /// Discriminator, latent-guided fakes.
    pub d_latent: DiscriminatorLosses,
    /// Discriminator, reference-guided fakes.
    pub d_ref: DiscriminatorLosses,
    /// Generator, latent-guided.
    pub g_latent: GeneratorLosses,
    /// Generator, reference-guided.
    pub g_ref: GeneratorLosses,
    /// Contrastive loss of the correlative heads; `lsesim` only.
    pub heads: Option<Tensor>,
}

/// The four backward passes of an iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pass {
    /// Discriminator on latent-guided fakes.
    DLatent,
    /// Discriminator on reference-guided fakes.
    DRef,
    /// Generator and its companions on latent-guided fakes.
    GLatent,
    /// Generator on reference-guided fakes.
    GRef,
}

/// Sees each network's flat gradient (by the network's published name) before its step.
pub type GradientProbe = Box<dyn FnMut(Pass, &'static str, &Tensor)>;

/// What a generator pass has made before its losses are taken.
pub(crate) struct Translation<'a> {
    pub real: &'a Encoded,
    pub fake: &'a Tensor,
    /// Style that the fake was made in.
    pub style: &'a Tensor,
    /// Fake in a second style, constant; absent where the weight of style diversification is 0.
    pub other_fake: Option<&'a Tensor>,
    /// Style of the input itself.
    pub own_style: &'a Tensor,
    /// The input decoded in its own style; absent where the cycle goes through the fake.
    pub self_reconstruction: Option<&'a Tensor>,
    pub positions: &'a [Tensor],
    /// Features of the input for the spatially-correlative term, with their query positions.
    pub correlative: Option<(&'a [Tensor], &'a [Tensor])>,
}

/// The input as the correlative term sees it.
struct Seen {
    features: Vec<Tensor>,
    positions: Vec<Tensor>,
    heads_loss: Tensor,
}

/// Networks, optimisers and settings of a run.
pub struct Trainer {
    /// Settings.
    pub config: Config,
    /// Networks.
    pub networks: Networks,
    /// Their optimisers.
    pub optimisers: Optimisers,
    /// The spatially-correlative term, for `lsesim`.
    pub correlative: Option<Correlative>,
    /// Sees the gradients, where set.
    pub probe: Option<GradientProbe>,
}

impl Trainer {
    /// One iteration: D on latent fakes, D on reference fakes, G F E and the heads on latent fakes, G on reference fakes,
    /// weight averages. `iteration` counts from 0, after the warm-up.
    pub fn iteration(&mut self, batch: &Batch, draws: &Draws, iteration: u64) -> Result<IterationLosses> {
        let Batch { x_real, y_org, x_ref, x_ref2, y_trg } = batch;
        let through_fake = self.config.cycle() == Cycle::ThroughFake;
        let t = &self.networks.translator;

        // Everything that the first set of the generator's weights has to make.
        let real = t.generator.encode(x_real, &self.networks.taps);
        let style = t.mapping_network.forward(&draws.z, y_trg);
        let own_style = t.style_encoder.forward(x_real, y_org);
        let (fake, reconstruction) = if through_fake {
            (t.generator.decode(&real.bottleneck, &style), None)
        } else {
            let (fake, rec) = self.decode_two(&real.bottleneck, &style, &own_style);
            (fake, Some(rec))
        };
        let diversify = self.config.lambda_ds(iteration) > 0.0;
        let (other_fake, fake_ref) = no_grad(|| {
            let ref_style = t.style_encoder.forward(x_ref, y_trg);
            if !diversify {
                return (None, t.generator.decode(&real.bottleneck, &ref_style));
            }
            let other_style = t.mapping_network.forward(&draws.z2, y_trg);
            let (other_fake, fake_ref) = self.decode_two(&real.bottleneck, &other_style, &ref_style);
            (Some(other_fake), fake_ref)
        });

        let lambda_reg = self.config.lambda_reg(iteration);
        let fake_latent = fake.detach();
        let d_latent = self.discriminator_pass(Pass::DLatent, batch, &fake_latent, lambda_reg);
        let d_ref = self.discriminator_pass(Pass::DRef, batch, &fake_ref, lambda_reg);

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
        let t = &self.networks.translator;
        let real = t.generator.encode(x_real, &self.networks.taps);
        let styles = no_grad(|| {
            let images = Tensor::cat(&[x_ref, x_ref2, x_real], 0);
            t.style_encoder.forward(&images, &[&y_trg[..], y_trg, y_org].concat())
        });
        let [style, other_style, own_style] = thirds(&styles);
        let (fake, reconstruction) = if through_fake {
            (t.generator.decode(&real.bottleneck, &style), None)
        } else {
            let (fake, rec) = self.decode_two(&real.bottleneck, &style, &own_style);
            (fake, Some(rec))
        };
        let other_fake = diversify.then(|| no_grad(|| t.generator.decode(&real.bottleneck, &other_style)));
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
        self.step_generator(&g_ref.total);
        let g_ref = g_ref.detached();

        self.networks.update_average(self.config.optim.ema_beta);
        Ok(IterationLosses { d_latent, d_ref, g_latent, g_ref, heads: seen.map(|s| s.heads_loss) })
    }

    /// A warm-up iteration: generator and style encoder learn to reproduce the input, `mean |G(x, E(x, y)) − x|`.
    pub fn warmup_iteration(&mut self, batch: &Batch) -> Tensor {
        let t = &self.networks.translator;
        let own_style = t.style_encoder.forward(&batch.x_real, &batch.y_org);
        let loss = cycle(&t.generator.forward(&batch.x_real, &own_style), &batch.x_real);
        let mut g =
            flat_gradients(&loss, &[t.generator.parameters().collect(), t.style_encoder.parameters().collect()]);
        self.optimisers.style_encoder.step(&t.style_encoder, g.remove(1));
        self.optimisers.generator.step(&t.generator, g.remove(0));
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

    /// Decodes one bottleneck in two styles, as one batch.
    fn decode_two(&self, bottleneck: &Tensor, first: &Tensor, second: &Tensor) -> (Tensor, Tensor) {
        let both = self
            .networks
            .translator
            .generator
            .decode(&Tensor::cat(&[bottleneck, bottleneck], 0), &Tensor::cat(&[first, second], 0));
        let mut halves = both.chunk(2, 0).into_iter();
        let mut half = || halves.next().expect("two halves");
        (half(), half())
    }

    /// `adv(D(x_real), real) + adv(D(fake), fake) + λ_reg·R1`, and a step of D.
    fn discriminator_pass(&mut self, pass: Pass, batch: &Batch, fake: &Tensor, lambda_reg: f64) -> DiscriminatorLosses {
        let d = &self.networks.discriminator;
        let losses = discriminator_losses(d, batch, fake, lambda_reg);
        let gradient = flat_gradients(&losses.total, &[d.parameters().collect()]).remove(0);
        show(&mut self.probe, pass, "discriminator", &gradient);
        self.optimisers.discriminator.step(d, gradient);
        losses.detached()
    }

    /// Features of the input and their query positions, after one step of the learned heads.
    fn correlative_features(&mut self, x_real: &Tensor, fake: &Tensor, x_ref: &Tensor) -> Result<Option<Seen>> {
        let Some(correlative) = &mut self.correlative else { return Ok(None) };
        let n = x_real.size()[0];
        // One batch: the input, the output, and another real image, turned by half.
        let images = Tensor::cat(&[x_real, &fake.detach(), &x_ref.flip([2, 3])], 0);
        let features = no_grad(|| correlative.features(&images));
        let part = |i: i64| features.iter().map(|f| f.narrow(0, i * n, n)).collect::<Vec<_>>();
        let (real, positions) = (part(0), correlative.positions(&features));
        let heads_loss =
            correlative.step_heads(&real, &part(1), &part(2), &positions).context("the correlative heads")?;
        Ok(Some(Seen { features: real, positions, heads_loss }))
    }

    /// `L_adv + λ_sty·L_sty − λ_ds·L_ds + λ_cyc·L_cyc`, plus SRC and hDCE (`ours`) or the correlative term (`lsesim`).
    pub(crate) fn generator_losses(
        &self,
        batch: &Batch,
        made: &Translation<'_>,
        iteration: u64,
    ) -> Result<GeneratorLosses> {
        let (l, t) = (&self.config.loss, &self.networks.translator);
        let adv = adversarial(&self.networks.discriminator.forward(made.fake, &batch.y_trg), Target::Real);
        let sty = style_reconstruction(&t.style_encoder.forward(made.fake, &batch.y_trg), made.style);
        let ds = made.other_fake.map(|other| style_diversification(made.fake, other));

        // The output is encoded where the cycle or the patch terms ask for it: with a graph unless only the official
        // formulation does, which takes the output's features as constants.
        let paper = l.formulation == Formulation::Paper;
        let ours = self.config.method == Method::Ours;
        let encode_fake = |image: &Tensor| t.generator.encode(image, &self.networks.taps);
        let fake_encoded = match made.self_reconstruction {
            None => Some(encode_fake(made.fake)),
            Some(_) if ours && paper => Some(encode_fake(made.fake)),
            Some(_) if ours => Some(no_grad(|| encode_fake(made.fake))),
            Some(_) => None,
        };
        let cyc = match (made.self_reconstruction, &fake_encoded) {
            (Some(reconstruction), _) => cycle(reconstruction, &batch.x_real),
            (None, Some(encoded)) => cycle(&t.generator.decode(&encoded.bottleneck, made.own_style), &batch.x_real),
            (None, None) => unreachable!("the cycle goes through the fake's encoding"),
        };
        let mut total = &adv + &sty * l.lambda_sty + &cyc * l.lambda_cyc;
        if let Some(ds) = &ds {
            total -= ds * self.config.lambda_ds(iteration);
        }

        let (mut src, mut patch) = (None, None);
        if let (Some(heads), Some(encoded)) = (&self.networks.patch_sample, &fake_encoded) {
            let z = heads.project(&made.real.taps, made.positions).context("features of the input")?;
            let project_fake = || heads.project(&encoded.taps, made.positions).context("features of the output");
            let w = if paper { project_fake()? } else { no_grad(project_fake)? };
            let n = batch.x_real.size()[0];
            let terms = semantic_relation_losses(&z, &w, n, &self.config.patch_loss(), self.config.gamma(iteration))
                .context("the patch terms")?;
            total += &terms.src + &terms.patch;
            src = Some(terms.src.detach());
            patch = Some(terms.patch_value);
        }
        let mut lsesim = None;
        if let (Some(correlative), Some((real, positions))) = (&self.correlative, made.correlative) {
            let fake = correlative.features(made.fake);
            let term = correlative.loss(real, &fake, positions).context("the correlative term")? * l.lambda_lsesim;
            total += &term;
            lsesim = Some(term.detach());
        }
        Ok(GeneratorLosses {
            adv: adv.detach(),
            sty: sty.detach(),
            ds: ds.map(|d| d.detach()),
            cyc: cyc.detach(),
            src,
            patch,
            lsesim,
            total,
        })
    }

    /// Steps generator, mapping network, style encoder and projection heads.
    fn step_all(&mut self, total: &Tensor) {
        let (t, o) = (&self.networks.translator, &mut self.optimisers);
        let mut networks: Vec<Vec<&Tensor>> = vec![
            t.generator.parameters().collect(),
            t.mapping_network.parameters().collect(),
            t.style_encoder.parameters().collect(),
        ];
        networks.extend(self.networks.patch_sample.as_ref().map(|p| p.parameters().collect()));
        let mut gradients = flat_gradients(total, &networks).into_iter();
        let probe = &mut self.probe;
        let mut next = |name| {
            let gradient = gradients.next().expect("one gradient a network");
            show(probe, Pass::GLatent, name, &gradient);
            gradient
        };
        o.generator.step(&t.generator, next("generator"));
        o.mapping_network.step(&t.mapping_network, next("mapping_network"));
        o.style_encoder.step(&t.style_encoder, next("style_encoder"));
        if let (Some(heads), Some(adam)) = (&self.networks.patch_sample, &mut o.patch_sample) {
            adam.step(heads, next("patch_sample"));
        }
    }

    /// Steps the generator alone.
    fn step_generator(&mut self, total: &Tensor) {
        let g = &self.networks.translator.generator;
        let gradient = flat_gradients(total, &[g.parameters().collect()]).remove(0);
        show(&mut self.probe, Pass::GRef, "generator", &gradient);
        self.optimisers.generator.step(g, gradient);
    }
}

fn show(probe: &mut Option<GradientProbe>, pass: Pass, network: &'static str, gradient: &Tensor) {
    if let Some(probe) = probe {
        probe(pass, network, gradient);
    }
}

/// The terms of a discriminator pass, with graph. The fake must be constant.
pub(crate) fn discriminator_losses(
    d: &Discriminator,
    batch: &Batch,
    fake: &Tensor,
    lambda_reg: f64,
) -> DiscriminatorLosses {
    let regularise = lambda_reg > 0.0;
    let images = batch.x_real.detach().set_requires_grad(regularise);
    let logits = d.forward(&images, &batch.y_org);
    let real = adversarial(&logits, Target::Real);
    let fake = adversarial(&d.forward(fake, &batch.y_trg), Target::Fake);
    let mut total = &real + &fake;
    let reg = regularise.then(|| r1_penalty(&logits, &images));
    if let Some(reg) = &reg {
        total += reg * lambda_reg;
    }
    DiscriminatorLosses { real, fake, reg, total }
}

impl GeneratorLosses {
    /// Lets go of the graph.
    pub(crate) fn detached(self) -> Self {
        Self { total: self.total.detach(), ..self }
    }
}

impl DiscriminatorLosses {
    pub(crate) fn detached(self) -> Self {
        Self {
            real: self.real.detach(),
            fake: self.fake.detach(),
            reg: self.reg.map(|r| r.detach()),
            total: self.total.detach(),
        }
    }
}

fn thirds(t: &Tensor) -> [Tensor; 3] {
    let mut parts = t.chunk(3, 0).into_iter();
    std::array::from_fn(|_| parts.next().expect("three thirds"))
}
