//! NEGCUT (Wang et al., ICCV 2021): CUT whose negatives are made by an adversary.
//!
//! For each layer and image a negative generator N makes `K` negatives `n_j = N(m, z_j)` of noise `z_j ~ N(0, I)` and of the mean
//! m of the source's embeddings at all positions, by a momentum copy F' of the heads: `F' ← 0.9·F' + 0.1·F` after each step, from
//! random weights of its own. With queries q of the output and keys k⁺ of the source,
//! `NCE = λ · mean −log( exp(q·k⁺/τ) / (exp(q·k⁺/τ) + Σ_j exp(q·n_j/τ)) )`, averaged over layers and over both branches, where there
//! is an identity branch. Generator and heads descend it. N descends
//! `−NCE − λ_div · mean |first half of the negatives − second half|`, the latter of the branch that comes last: without it N would
//! make one negative again and again.
//!
//! One step, as published: D, then N, then G and F with the new N, at new positions and with new noise; then F'. Nothing detaches
//! the negatives from the source: G's encoder gets a gradient through them, though none through the keys. G, F and F' are the same
//! for N as for G, so that images are encoded, and means taken, once.

use crate::algorithm::{Algorithm, Batch, Domain, StepInfo};
use crate::config::Config;
use crate::methods::{Compared, Contrastive, Draws, Embedded};
use crate::networks::{Discriminator, Generator, new_heads, trained};
use anyhow::{Context, Result};
use semrel_loss::negatives::{NOISE, NegativeGenerator, negative_diversity};
use semrel_loss::patch_nce::info_nce_against;
use semrel_loss::patch_sampler::PatchSampler;
use semrel_nn::checkpoint::StateDict;
use semrel_nn::image_pool::ImagePool;
use semrel_nn::{Ema, Net, Trained, backward_step_both};
use semrel_train::passes::reproduce;
use semrel_train::{Losses, Part};
use tch::{Device, Tensor, no_grad};

/// How much of F' each step keeps.
const MOMENTUM: f64 = 0.9;

/// What one update against negatives draws.
#[derive(Debug)]
pub struct NegativeDraws {
    /// Positions, and the mirroring, which both updates of a step share.
    pub patches: Draws,
    /// Noise `[B, K, 64]` of each layer: of the images to translate, and behind them of those of the identity branch.
    pub noise: Vec<Tensor>,
}

/// CUT's networks, F' and N.
#[derive(Debug)]
pub struct NegCut {
    /// G, F and D.
    pub cut: Contrastive,
    /// F'.
    pub momentum: Net<PatchSampler>,
    /// N.
    pub negatives: Trained<NegativeGenerator>,
}

/// The contrastive term of both branches, with its weight.
struct Contrast {
    translation: Tensor,
    identity: Option<Tensor>,
}

impl Contrast {
    /// Their mean.
    fn mean(&self) -> Tensor {
        match &self.identity {
            Some(identity) => (&self.translation + identity) * 0.5,
            None => self.translation.shallow_clone(),
        }
    }

    fn log(&self, names: [&'static str; 2], losses: &mut Losses) {
        losses.push(names[0], &self.translation);
        if let Some(identity) = &self.identity {
            losses.push(names[1], identity);
        }
    }
}

impl NegCut {
    /// Fresh networks, their weights drawn from torch's generator in the order G, F, D, F', N.
    ///
    /// # Errors
    /// As [`Contrastive::new`].
    pub fn new(config: &Config, device: Device) -> Result<Self> {
        let cut = Contrastive::new(config, device)?;
        let momentum = new_heads(config, &cut.generator)?;
        let m = &config.model;
        let negatives = Net::new(device, |p| NegativeGenerator::new(p, m.nce_layers.len(), m.patch_dim));
        m.init_heads.unwrap_or(m.init).apply(&negatives.state());
        Ok(Self { momentum, negatives: trained(config, negatives), cut })
    }

    /// Draws of the update of N and of that of G and F.
    ///
    /// # Errors
    /// Where the images are too small for the generator.
    pub fn draw(&self, batch: &Batch) -> Result<[NegativeDraws; 2]> {
        let (config, options) = (&self.cut.config, (batch.a.kind(), batch.a.device()));
        let images = self.cut.images(batch).size()[0];
        let draw = || -> Result<NegativeDraws> {
            let patches = self.cut.draw(batch)?;
            let noise = || Tensor::randn([images, config.loss.num_patches, NOISE], options);
            Ok(NegativeDraws { patches, noise: config.model.nce_layers.iter().map(|_| noise()).collect() })
        };
        let (of_n, mut of_g) = (draw()?, draw()?);
        of_g.patches.flip = of_n.patches.flip;
        Ok([of_n, of_g])
    }

    /// One step with given draws: those of the update of N, and those of G and F.
    ///
    /// # Errors
    /// Where features do not fit the heads.
    pub fn step_with(&mut self, batch: &Batch, draws: &[NegativeDraws; 2], info: StepInfo) -> Result<Losses> {
        let ([of_n, of_g], n) = (draws, batch.a.size()[0]);
        let mut losses = Losses::new();
        let made = self.cut.translate(batch, of_g.patches.flip);

        self.cut.adversary.train(&made.fake, &batch.b, info.step, &mut losses);

        let output = self.cut.output_features(&made, of_g.patches.flip);
        let source = self.cut.source_features(batch, &made);
        let means = self.momentum.mean_embeddings(&source).context("features of the input")?;

        let constant: Vec<Tensor> = means.iter().map(Tensor::detach).collect();
        let compared = no_grad(|| self.cut.embed(&output, &source, &of_n.patches, n))?;
        let loss = self.negatives_loss(&compared, &self.make(&constant, &of_n.noise)?, n, &mut losses)?;
        self.negatives.backward_step(&loss);

        let compared = self.cut.embed(&output, &source, &of_g.patches, n)?;
        self.generator_step(&compared, &self.make(&means, &of_g.noise)?, &made.fake, n, &mut losses)?;
        Ok(losses)
    }

    /// Updates G and F, and then F'.
    pub(crate) fn generator_step(
        &mut self,
        compared: &Compared,
        negatives: &[Tensor],
        fake: &Tensor,
        n: i64,
        losses: &mut Losses,
    ) -> Result<()> {
        let contrast = self.contrast(compared, negatives, n)?;
        let adversarial = self.cut.adversary.generator_loss(fake);
        losses.push("G_GAN", &adversarial);
        contrast.log(["NCE", "NCE_Y"], losses);
        let total = adversarial + contrast.mean();
        losses.push("G", &total);
        backward_step_both(&total, &mut self.cut.generator, &mut self.cut.heads);

        Ema { beta: MOMENTUM }.update(&self.momentum, &self.cut.heads);
        Ok(())
    }

    /// Negatives `[B, K, D]` of each layer.
    ///
    /// # Errors
    /// Where means and noise do not fit N.
    pub fn make(&self, means: &[Tensor], noise: &[Tensor]) -> Result<Vec<Tensor>> {
        let layers = means.iter().zip(noise).enumerate();
        Ok(layers.map(|(l, (mean, noise))| self.negatives.forward(l, mean, noise)).collect::<Result<_, _>>()?)
    }

    /// What N descends: `−NCE − λ_div · diversity`, the latter of the branch that comes last.
    pub(crate) fn negatives_loss(
        &self,
        compared: &Compared,
        negatives: &[Tensor],
        n: i64,
        losses: &mut Losses,
    ) -> Result<Tensor> {
        let contrast = self.contrast(compared, negatives, n)?;
        let last = |layer: &Tensor| match layer.size()[0] - n {
            0 => layer.shallow_clone(),
            identity => layer.narrow(0, n, identity),
        };
        let last: Vec<Tensor> = negatives.iter().map(last).collect();
        let diversity = negative_diversity(&last)? * -self.cut.config.loss.lambda_diversity;
        let total = &diversity - contrast.mean();
        contrast.log(["N_NCE", "N_NCE_Y"], losses);
        losses.push("N_MS", &diversity);
        losses.push("N", &total);
        Ok(total)
    }

    /// The contrastive term against negatives of `n` images to translate and of those of the identity branch behind them.
    fn contrast(&self, compared: &Compared, negatives: &[Tensor], n: i64) -> Result<Contrast> {
        let l = &self.cut.config.loss;
        let branch = |embedded: &Embedded, first: i64, images: i64| -> Result<Tensor> {
            let rows = embedded.queries.iter().zip(&embedded.keys).zip(negatives);
            let of_layer = |((q, k), negatives): ((&Tensor, &Tensor), &Tensor)| {
                let own = negatives.narrow(0, first, images);
                let own = if l.minibatch_negatives { own.reshape([1, -1, own.size()[2]]) } else { own };
                info_nce_against(q, k, &own, l.temperature)
            };
            let terms = rows.map(of_layer).collect::<Result<Vec<_>, _>>().context("the patch terms")?;
            Ok(Tensor::stack(&terms, 0).mean(None::<tch::Kind>) * l.lambda_contrast)
        };
        let identity = compared.identity.as_ref();
        let images = negatives[0].size()[0];
        Ok(Contrast {
            translation: branch(&compared.translation, 0, n)?,
            identity: identity.map(|embedded| branch(embedded, n, images - n)).transpose()?,
        })
    }
}

impl Algorithm for NegCut {
    fn step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses> {
        let draws = self.draw(batch)?;
        self.step_with(batch, &draws, info)
    }

    fn warmup_step(&mut self, batch: &Batch) -> Losses {
        reproduce(&mut self.cut.generator, &Tensor::cat(&[&batch.a, &batch.b], 0))
    }

    fn generator(&self) -> &Net<Generator> {
        &self.cut.generator
    }

    fn layers(&self) -> &[i64] {
        self.cut.layers()
    }

    fn parts(&mut self) -> Vec<Part<'_>> {
        let mut parts = self.cut.parts();
        parts.push(Part::new("N", &mut self.negatives));
        parts
    }

    fn followers(&self) -> Vec<(&'static str, StateDict)> {
        vec![("F_", self.momentum.state())]
    }

    fn critics(&self) -> Vec<(&Discriminator, Domain)> {
        self.cut.critics()
    }

    fn pools(&mut self) -> Vec<(&'static str, &mut ImagePool)> {
        self.cut.pools()
    }
}
