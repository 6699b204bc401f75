//! The losses of a pass: what it differentiates, and the terms that it is made of.

use crate::config::Method;
use crate::trainer::{Batch, Trainer};
use anyhow::{Context, Result};
use semrel_loss::Formulation;
use semrel_loss::gan::{Target, adversarial, cycle, r1_penalty, style_diversification, style_reconstruction};
use semrel_loss::semantic::semantic_relation_losses;
use semrel_nn::stargan2::{Discriminator, Encoded};
use tch::{Tensor, no_grad};

/// Losses of a discriminator pass; scalars without gradient.
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

/// Losses of a generator pass; scalars, unweighted but for `adv`, `src`, `patch` and `lsesim`.
#[derive(Debug)]
pub struct GeneratorLosses {
    /// Adversarial, with its weight.
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

/// Losses of all four passes.
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

impl Trainer {
    /// `λ_adv·L_adv`: that `fake` counts as real images of the domains `y`.
    pub(crate) fn adversarial_term(&self, fake: &Tensor, y: &[i64]) -> Result<Tensor> {
        match (&self.critics, &self.networks.discriminator) {
            (Some(critics), _) => Ok(critics.generator_loss(fake, y)),
            (None, Some(d)) => Ok(adversarial(&d.forward(fake, y), Target::Real)? * self.config.loss.lambda_adv),
            (None, None) => unreachable!("a run has a discriminator"),
        }
    }

    /// `λ_adv·L_adv + λ_sty·L_sty − λ_ds·L_ds + λ_cyc·L_cyc`, plus SRC and hDCE (`ours`) or the correlative term (`lsesim`).
    pub(crate) fn generator_losses(
        &self,
        batch: &Batch,
        made: &Translation<'_>,
        iteration: u64,
    ) -> Result<GeneratorLosses> {
        let (l, n) = (&self.config.loss, &self.networks);
        let adv = self.adversarial_term(made.fake, &batch.y_trg)?;
        let sty = style_reconstruction(&n.style_encoder.forward(made.fake, &batch.y_trg), made.style)?;
        let ds = made.other_fake.map(|other| style_diversification(made.fake, other)).transpose()?;

        // The output is encoded where the cycle or the patch terms ask for it: with a graph unless only the official
        // formulation does, which takes the output's features as constants.
        let paper = l.formulation == Formulation::Paper;
        let ours = self.config.method == Method::Ours;
        let encode_fake = |image: &Tensor| n.generator.encode(image, &n.taps);
        let fake_encoded = match made.self_reconstruction {
            None => Some(encode_fake(made.fake)),
            Some(_) if ours && paper => Some(encode_fake(made.fake)),
            Some(_) if ours => Some(no_grad(|| encode_fake(made.fake))),
            Some(_) => None,
        };
        let cyc = match (made.self_reconstruction, &fake_encoded) {
            (Some(reconstruction), _) => cycle(reconstruction, &batch.x_real)?,
            (None, Some(encoded)) => cycle(&n.generator.decode(encoded, made.own_style), &batch.x_real)?,
            (None, None) => unreachable!("the cycle goes through the fake's encoding"),
        };
        let mut total = &adv + &sty * l.lambda_sty + &cyc * l.lambda_cycle;
        if let Some(ds) = &ds {
            total -= ds * self.config.lambda_ds(iteration);
        }

        let (mut src, mut patch) = (None, None);
        if let (Some(heads), Some(encoded)) = (&n.patch_sample, &fake_encoded) {
            let z = heads.project(&made.real.taps, made.positions).context("features of the input")?;
            let project_fake = || heads.project(&encoded.taps, made.positions).context("features of the output");
            let w = if paper { project_fake()? } else { no_grad(project_fake)? };
            let images = batch.x_real.size()[0];
            let terms =
                semantic_relation_losses(&z, &w, images, &self.config.patch_loss(), self.config.gamma(iteration))
                    .context("the patch terms")?;
            total += &terms.src + &terms.patch;
            src = Some(terms.src.detach());
            patch = Some(terms.patch_value);
        }
        let mut lsesim = None;
        if let (Some(correlative), Some((real, positions))) = (&self.correlative, made.correlative) {
            let fake = correlative.features.maps(made.fake);
            let term = correlative.term.loss(real, &fake, positions).context("the correlative term")? * l.lambda_lsesim;
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
    let real = adversarial(&logits, Target::Real).expect("logits of images");
    let fake = adversarial(&d.forward(fake, &batch.y_trg), Target::Fake).expect("logits of images");
    let mut total = &real + &fake;
    let reg = regularise.then(|| r1_penalty(&logits, &images).expect("logits with a graph to the images"));
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
