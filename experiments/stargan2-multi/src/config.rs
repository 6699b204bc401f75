//! What a run is: one YAML file, every key with its published default.

mod model;

pub use model::{DiscriminatorKind, ModelConfig, OutputKind};

use schemars::JsonSchema;
use semrel_data::Select;
use semrel_eval::MoreScores;
use semrel_loss::curriculum::{IterationCurriculum, lambda_ds};
use semrel_loss::semantic::PatchLossConfig;
use semrel_loss::{Formulation, Gradient};
use semrel_metrics::networks;
use semrel_nn::AdamConfig;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of the run; its folder is `runs/stargan2-multi/<name>`.
    pub name: String,
    /// Losses on top of StarGAN v2's.
    pub method: Method,
    /// Seed of all randomness.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Images.
    pub data: DataConfig,
    /// Networks.
    #[serde(default)]
    pub model: ModelConfig,
    /// Losses.
    #[serde(default)]
    pub loss: LossConfig,
    /// Optimisation.
    #[serde(default)]
    pub optim: OptimConfig,
    /// Length of the run, and how often it logs, saves and evaluates.
    #[serde(default)]
    pub train: TrainConfig,
    /// Evaluation.
    #[serde(default)]
    pub eval: EvalConfig,
}

fn default_seed() -> u64 {
    777
}

/// A row of Table 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Plain StarGAN v2.
    StarganV2,
    /// StarGAN v2 and the spatially-correlative loss between input and output.
    Lsesim,
    /// StarGAN v2, SRC and hDCE: the paper's method.
    Ours,
}

/// Images of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Folder of domains: `train/<domain>/` and `val/<domain>/`, or `<domain>/` alone.
    pub root: PathBuf,
    /// Side of the square that every image is resized to; a power of two, at least 32.
    #[serde(default = "default_image_size")]
    pub image_size: i64,
    /// Probability of a random resized crop (area 0.8 to 1, aspect ratio 0.9 to 1.1).
    #[serde(default = "default_randcrop_prob")]
    pub randcrop_prob: f64,
    /// Stop at a file that cannot be read, instead of skipping and counting it.
    #[serde(default)]
    pub strict: bool,
}

fn default_image_size() -> i64 {
    256
}

fn default_randcrop_prob() -> f64 {
    0.5
}

/// What the cycle term compares with the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cycle {
    /// `G(x, E(x))`: the official multi-modal code, a self-reconstruction.
    SelfReconstruction,
    /// `G(G(x, s), E(x))`: StarGAN v2, and the paper's text.
    ThroughFake,
}

/// Weights and settings of the losses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LossConfig {
    /// `official`: as the published code trains; `paper`: as the paper's equations say.
    pub formulation: Formulation,
    /// What the cycle term compares; if omitted, `self-reconstruction` for `ours` in the official formulation,
    /// otherwise `through-fake`.
    pub cycle: Option<Cycle>,
    /// Weight of the adversarial term in the generator's loss.
    pub lambda_adv: f64,
    /// Weight of R1, which `model.discriminator: stargan-v2` has.
    pub lambda_r1: f64,
    /// R1 is computed every this many iterations, with its weight multiplied by that number; 1 as published.
    pub r1_every: u64,
    /// Weight of style reconstruction.
    pub lambda_sty: f64,
    /// Weight of style diversification at the start; falls to 0 over `ds_iter` iterations.
    pub lambda_ds: f64,
    /// Iterations until the weight of style diversification is 0.
    pub ds_iter: i64,
    /// Weight of the cycle term.
    pub lambda_cycle: f64,
    /// Weight of SRC.
    pub lambda_src: f64,
    /// Weight of (h)DCE.
    pub lambda_dce: f64,
    /// Weight of InfoNCE, in place of DCE in ablations.
    pub lambda_nce: f64,
    /// Weight negatives by hardness.
    pub hard: bool,
    /// Let γ go from `gamma_start` to `gamma_end`; otherwise it stays at `gamma_start`.
    pub use_curriculum: bool,
    /// γ of the first iteration, as a temperature (the paper's γ is its inverse).
    pub gamma_start: f64,
    /// γ of the last iteration.
    pub gamma_end: f64,
    /// Temperature τ of the contrastive terms.
    pub temperature: f64,
    /// Patches per tapped block.
    pub num_patches: i64,
    /// Weight of the spatially-correlative loss of `lsesim`.
    pub lambda_lsesim: f64,
    /// Query positions per layer of `lsesim`.
    pub lsesim_patches: i64,
}

impl Default for LossConfig {
    fn default() -> Self {
        Self {
            formulation: Formulation::Official,
            cycle: None,
            lambda_adv: 1.0,
            lambda_r1: 1.0,
            r1_every: 1,
            lambda_sty: 1.0,
            lambda_ds: 2.0,
            ds_iter: 100_000,
            lambda_cycle: 1.0,
            lambda_src: 0.1,
            lambda_dce: 1.0,
            lambda_nce: 0.0,
            hard: true,
            use_curriculum: true,
            gamma_start: 50.0,
            gamma_end: 1.0,
            temperature: 0.07,
            num_patches: 128,
            lambda_lsesim: 10.0,
            lsesim_patches: 256,
        }
    }
}

/// Optimisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OptimConfig {
    /// Learning rate of all networks but those with one of their own.
    pub lr: f64,
    /// Learning rate of the mapping network.
    pub mapping_lr: f64,
    /// Learning rate of the discriminator; `lr` if omitted.
    pub lr_discriminator: Option<f64>,
    /// Adam's first decay.
    pub beta1: f64,
    /// Adam's second decay.
    pub beta2: f64,
    /// L2 weight decay.
    pub weight_decay: f64,
    /// Decay of the weight average that is evaluated.
    pub ema_beta: f64,
}

impl Default for OptimConfig {
    fn default() -> Self {
        Self {
            lr: 1e-4,
            mapping_lr: 1e-6,
            lr_discriminator: None,
            beta1: 0.0,
            beta2: 0.99,
            weight_decay: 1e-4,
            ema_beta: 0.999,
        }
    }
}

impl OptimConfig {
    /// Adam's settings for all networks but the mapping network.
    pub fn adam(&self) -> AdamConfig {
        AdamConfig { lr: self.lr, beta1: self.beta1, beta2: self.beta2, eps: 1e-8, weight_decay: self.weight_decay }
    }

    /// Adam's settings for the discriminator.
    pub fn adam_discriminator(&self) -> AdamConfig {
        AdamConfig { lr: self.lr_discriminator.unwrap_or(self.lr), ..self.adam() }
    }

    /// Adam's settings for the mapping network.
    pub fn mapping_adam(&self) -> AdamConfig {
        AdamConfig { lr: self.mapping_lr, ..self.adam() }
    }
}

/// Length and rhythm of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Iterations after the warm-up.
    pub iterations: i64,
    /// Iterations of self-reconstruction alone (generator and style encoder) before adversarial training; 0 as published.
    pub warmup: i64,
    /// Images per batch.
    pub batch_size: i64,
    /// Iterations between log lines.
    pub log_every: i64,
    /// Iterations between sample pictures.
    pub sample_every: i64,
    /// Iterations between checkpoints.
    pub save_every: i64,
    /// Checkpoints kept besides the best.
    pub keep: usize,
    /// Iterations between evaluations, which decide on the best checkpoint; 0 for none.
    pub eval_every: i64,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            iterations: 100_000,
            warmup: 0,
            batch_size: 8,
            log_every: 10,
            sample_every: 1000,
            save_every: 10_000,
            keep: 2,
            eval_every: 0,
        }
    }
}

/// Evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EvalConfig {
    /// What decides on the best checkpoint: `val`, training images that are set apart; `test`, the images of the data set's
    /// `val`, which scores are reported of, as papers do; or nothing, `last`. The same decides on previews.
    pub select: Select,
    /// Outputs per source image and target domain.
    pub num_outs: i64,
    /// Images per batch.
    pub batch_size: i64,
    /// Source images per domain, the first of the validation folder; all if omitted.
    pub max_sources: Option<usize>,
    /// Training images per domain that outputs are compared with; all if omitted.
    pub max_reals: Option<usize>,
    /// Features of the Fréchet distance: `effnet-lite0`, `effnet-lite2`, `inception-torchvision` as published, or another
    /// network of `semrel-metrics`.
    pub extractor: String,
    /// A file of its weights in place of the published one.
    pub extractor_weights: Option<PathBuf>,
    /// The perceptual distance between outputs, and to the truth: `lpips-alex` as published (LPIPS), or over the feature maps of
    /// an extractor, such as `effnet-lite0` or `effnet-lite2`.
    pub perceptual: String,
    /// What the sources should be in the other domains, hidden from training: a folder with `<target>/<source>/` and a picture
    /// there for each source that is evaluated, of the same name and of `data.image_size`. Distances to it are reported.
    pub truth: Option<PathBuf>,
    /// Scores that not every evaluation has.
    pub more: MoreScores,
}

impl EvalConfig {
    /// What the scores of checkpoints depend on ([`Fit::measure`](semrel_train::Fit::measure)).
    pub fn measure(&self) -> Value {
        let measure = match &self.extractor_weights {
            // As checkpoints had it before there was a choice.
            None => json!([self.extractor, self.max_sources, self.max_reals]),
            Some(weights) => json!([self.extractor, weights, self.max_sources, self.max_reals]),
        };
        if self.select == Select::Val { json!([self.select, measure]) } else { measure }
    }
}

impl Default for EvalConfig {
    fn default() -> Self {
        Self {
            select: Select::default(),
            num_outs: 10,
            batch_size: 32,
            max_sources: None,
            max_reals: None,
            extractor: networks::DEFAULT.into(),
            extractor_weights: None,
            perceptual: networks::DEFAULT.into(),
            truth: None,
            more: MoreScores::default(),
        }
    }
}

impl Config {
    /// The folders and files that a run reads, with the keys that name them.
    pub fn inputs(&self) -> [(&'static str, Option<&Path>); 3] {
        [
            ("data.root", Some(&*self.data.root)),
            ("eval.truth", self.eval.truth.as_deref()),
            ("eval.extractor_weights", self.eval.extractor_weights.as_deref()),
        ]
    }

    /// Iterations between evaluations; 0 where nothing decides on the best checkpoint.
    pub fn eval_every(&self) -> i64 {
        if self.eval.select == Select::Last { 0 } else { self.train.eval_every }
    }

    /// What the cycle term of this run compares.
    pub fn cycle(&self) -> Cycle {
        self.loss.cycle.unwrap_or(match (self.method, self.loss.formulation) {
            (Method::Ours, Formulation::Official) => Cycle::SelfReconstruction,
            _ => Cycle::ThroughFake,
        })
    }

    /// γ (a temperature) in force during `iteration`.
    pub fn gamma(&self, iteration: u64) -> f64 {
        let l = &self.loss;
        let curriculum = IterationCurriculum::default()
            .with_gamma_start(l.gamma_start)
            .with_gamma_end(l.gamma_end)
            .with_enabled(l.use_curriculum);
        curriculum.gamma(iteration, self.train.iterations as u64)
    }

    /// Weight of style diversification during `iteration`.
    pub fn lambda_ds(&self, iteration: u64) -> f64 {
        lambda_ds(self.loss.lambda_ds, iteration, self.loss.ds_iter as u64)
    }

    /// Weight of R1 during `iteration`: 0 where it is left out.
    pub fn lambda_reg(&self, iteration: u64) -> f64 {
        let every = self.loss.r1_every;
        if iteration.is_multiple_of(every) { self.loss.lambda_r1 * every as f64 } else { 0.0 }
    }

    /// Settings of the patch terms.
    pub fn patch_loss(&self) -> PatchLossConfig {
        let l = &self.loss;
        PatchLossConfig::default()
            .with_formulation(l.formulation)
            .with_lambda_src(l.lambda_src)
            .with_lambda_dce(l.lambda_dce)
            .with_lambda_nce(l.lambda_nce)
            .with_use_hard(l.hard)
            .with_tau(l.temperature)
            .with_gradient(Gradient::ClosedForm)
    }
}
