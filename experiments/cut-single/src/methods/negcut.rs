//! NEGCUT (Wang et al., ICCV 2021): CUT whose negatives are made by an adversary.
//!
//! A negative generator N makes, for each layer and image, `K` negatives `n_j = N(μ, z_j)` from noise `z_j ~ N(0, I)` and the
//! image's mean patch embedding μ. Generator and heads lower, N raises the contrastive loss
//! `−log( exp(q·k⁺/τ) / (exp(q·k⁺/τ) + Σ_j exp(q·n_j/τ)) )`; N also raises `λ_div · mean |N(μ, z) − N(μ, z')|`, without
//! which it would make one negative again and again. From the paper's formulas: no published numbers were compared with;
//! that N sees the mean embedding is this project's reading of "instance-wise".

use super::Embedded;
use crate::algorithm::{Algorithm, Batch, Domain, StepInfo};
use crate::config::Config;
use crate::methods::{Compared, Contrastive, Draws};
use crate::networks::{Discriminator, Generator, trained};
use anyhow::{Context, Result};
use semrel_loss::patch_nce::info_nce_against;
use semrel_loss::similarity::l2_normalize;
use semrel_nn::image_pool::ImagePool;
use semrel_nn::{Net, Trained, backward_step_both};
use semrel_train::passes::{l1, reproduce};
use semrel_train::{Losses, Part};
use tch::nn::{self, Module};
use tch::{Device, Kind, Tensor};

/// Length of the noise.
const NOISE: i64 = 64;

/// N: for each layer, Linear(D + 64 → D), ReLU, Linear(D → D), rows normalised. Keys `neg_{layer}.{0,2}.*`.
#[derive(Debug)]
pub struct NegativeGenerator {
    layers: Vec<(nn::Linear, nn::Linear)>,
    dim: i64,
}

impl NegativeGenerator {
    fn new(path: &nn::Path, layers: usize, dim: i64) -> Self {
        let layer = |l: usize| {
            let path = path / format!("neg_{l}");
            let linear = |name: &str, inputs| nn::linear(&path / name, inputs, dim, Default::default());
            (linear("0", dim + NOISE), linear("2", dim))
        };
        Self { layers: (0..layers).map(layer).collect(), dim }
    }

    /// Negatives `[B, K, D]` of a layer for the mean embeddings `[B, D]` of its images, from noise of torch's generator.
    fn forward(&self, layer: usize, mean: &Tensor, count: i64) -> Tensor {
        let n = mean.size()[0];
        let noise = Tensor::randn([n, count, NOISE], (mean.kind(), mean.device()));
        let input = Tensor::cat(&[mean.unsqueeze(1).expand([n, count, self.dim], false), noise], 2);
        let (hidden, out) = &self.layers[layer];
        let rows = out.forward(&hidden.forward(&input).relu());
        l2_normalize(&rows.view([-1, self.dim])).expect("rows of a network").view([n, count, self.dim])
    }
}

/// CUT's networks and N.
#[derive(Debug)]
pub struct NegCut {
    cut: Contrastive,
    negatives: Trained<NegativeGenerator>,
}

impl NegCut {
    /// Fresh networks, their weights drawn from torch's generator.
    ///
    /// # Errors
    /// As [`Contrastive::new`].
    pub fn new(config: &Config, device: Device) -> Result<Self> {
        let cut = Contrastive::new(config, device)?;
        let net =
            Net::new(device, |p| NegativeGenerator::new(p, config.model.nce_layers.len(), config.model.patch_dim));
        // Not CUT's tiny weights: rows are normalised, so only the spread of the noise would vanish against the mean.
        semrel_nn::he_normal(&net.state());
        Ok(Self { negatives: trained(config, net), cut })
    }

    /// Mean over layers of the contrastive loss against made negatives.
    fn contrast(&self, embedded: &Embedded, batch: i64) -> Result<Tensor> {
        let l = &self.cut.config.loss;
        let mut sum = Tensor::zeros([0i64; 0], (Kind::Float, embedded.queries[0].device()));
        for (layer, (q, k)) in embedded.queries.iter().zip(&embedded.keys).enumerate() {
            let negatives = self.negatives.forward(layer, &mean_embedding(k, batch), l.num_patches);
            sum += info_nce_against(q, k, &negatives, l.temperature).context("the patch terms")?;
        }
        Ok(sum * (l.lambda_contrast / embedded.queries.len() as f64))
    }

    /// Mean distance between negatives of the same image.
    fn diversity(&self, embedded: &Embedded, batch: i64) -> Tensor {
        let mut sum = Tensor::zeros([0i64; 0], (Kind::Float, embedded.keys[0].device()));
        for (layer, k) in embedded.keys.iter().enumerate() {
            let mean = mean_embedding(k, batch);
            let (one, other) = (self.negatives.forward(layer, &mean, 16), self.negatives.forward(layer, &mean, 16));
            sum += l1(&one, &other);
        }
        sum / embedded.keys.len() as f64
    }
}

fn mean_embedding(keys: &Tensor, batch: i64) -> Tensor {
    let dim = keys.size()[1];
    keys.view([batch, -1, dim]).mean_dim([1i64].as_slice(), false, None::<Kind>)
}

impl Algorithm for NegCut {
    fn step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses> {
        let mut losses = Losses::new();
        let n = batch.a.size()[0];
        let draws = Draws { flip: false, ..self.cut.draw(batch)? };
        let made = self.cut.translate(batch, draws.flip);

        self.cut.adversary.train(&made.fake, &batch.b, info.step, &mut losses);

        let Compared { translation, identity } = self.cut.compared(batch, &made, &draws)?;
        let adversarial = self.cut.adversary.generator_loss(&made.fake);
        let nce = self.contrast(&translation, n)?;
        losses.push("G_GAN", &adversarial);
        losses.push("NCE", &nce);
        let mut contrast = nce;
        if let Some(identity) = &identity {
            let nce_y = self.contrast(identity, n)?;
            losses.push("NCE_Y", &nce_y);
            contrast = (contrast + nce_y) * 0.5;
        }
        let total = adversarial + contrast;
        losses.push("G", &total);
        let constant =
            Embedded { queries: translation.queries.iter().map(Tensor::detach).collect(), keys: translation.keys };
        backward_step_both(&total, &mut self.cut.generator, &mut self.cut.heads);

        let diversity = self.diversity(&constant, n);
        losses.push("N_diversity", &diversity);
        let against = -self.contrast(&constant, n)? - diversity * self.cut.config.loss.lambda_diversity;
        self.negatives.backward_step(&against);
        Ok(losses)
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

    fn critics(&self) -> Vec<(&Discriminator, Domain)> {
        self.cut.critics()
    }

    fn pools(&mut self) -> Vec<(&'static str, &mut ImagePool)> {
        self.cut.pools()
    }
}
