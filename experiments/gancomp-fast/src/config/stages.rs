//! Sections of the training stages.

use schemars::JsonSchema;
use semrel_loss::curriculum::EpochCurriculum;
use semrel_loss::gan::GanMode;
use semrel_nn::channels::{ChannelSet, Channels};
use semrel_nn::{AdamConfig, LrPolicy, LrSchedule};
use serde::{Deserialize, Deserializer, Serialize};
use std::path::PathBuf;

/// Length and optimisation of a stage, and how often it logs, saves and evaluates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Epochs at the first learning rate.
    pub n_epochs: i64,
    /// Epochs in which it goes to 0.
    pub n_epochs_decay: i64,
    /// Images per batch.
    pub batch_size: i64,
    /// Learning rate of the first epoch.
    pub lr: f64,
    /// How it changes afterwards.
    pub policy: LrPolicy,
    /// Epochs between the steps of `policy: step`.
    pub lr_decay_iters: i64,
    /// Adam's first decay.
    pub beta1: f64,
    /// Adam's second decay.
    pub beta2: f64,
    /// Steps of identity alone, `mean |G(x) − x|`, before the teacher's training begins; 0 as published. Teacher only.
    pub warmup: u64,
    /// β of the running average of the teacher's weights, which is then used for samples, evaluations and distillation:
    /// `min(β, t/(t + 10))` after t steps; 0, as published, for none. Teacher only.
    pub ema: f64,
    /// Steps between log lines.
    pub log_every: u64,
    /// Steps between sample pictures.
    pub sample_every: u64,
    /// Steps between checkpoints.
    pub save_every: u64,
    /// Checkpoints kept besides the best.
    pub keep: usize,
    /// Steps between evaluations, which decide on the best checkpoint; 0 for none.
    pub eval_every: u64,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            n_epochs: 200,
            n_epochs_decay: 200,
            batch_size: 1,
            lr: 2e-4,
            policy: LrPolicy::Linear,
            lr_decay_iters: 50,
            beta1: 0.5,
            beta2: 0.999,
            warmup: 0,
            ema: 0.0,
            log_every: 100,
            sample_every: 5000,
            save_every: 5000,
            keep: 2,
            eval_every: 0,
        }
    }
}

impl TrainConfig {
    /// Total number of epochs.
    pub fn epochs(&self) -> u64 {
        (self.n_epochs + self.n_epochs_decay) as u64
    }

    /// Learning rate in `epoch`, from 1.
    pub fn lr(&self, epoch: u64) -> f64 {
        let schedule = LrSchedule {
            policy: self.policy,
            lr: self.lr,
            n_epochs: self.n_epochs,
            n_epochs_decay: self.n_epochs_decay,
            lr_decay_iters: self.lr_decay_iters,
            epoch_count: 1,
        };
        schedule.at(epoch as i64)
    }

    /// Adam's settings.
    pub fn adam(&self) -> AdamConfig {
        AdamConfig { lr: self.lr, beta1: self.beta1, beta2: self.beta2, eps: 1e-8, weight_decay: 0.0 }
    }
}

/// The teacher: a CycleGAN where images are unaligned, a Pix2Pix where they come in pairs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TeacherConfig {
    /// Name of its run, `runs/gancomp-fast/<name>`, which the rows of a task share; `<row>/teacher` if omitted.
    pub name: Option<String>,
    /// A generator's file (safetensors, or a published `*_net_G*.pth`) instead of a run. Of a run with `teacher.train.ema`,
    /// take `net_G_ema.safetensors`.
    pub weights: Option<PathBuf>,
    /// The checkpoint of its run that the student learns from: `last`, `best` or a step.
    #[serde(deserialize_with = "checkpoint")]
    #[schemars(with = "Written")]
    pub checkpoint: String,
    /// Adversarial objective.
    pub gan: GanMode,
    /// Weight of the adversarial terms.
    pub lambda_gan: f64,
    /// Weight of `mean |G(x) − y|` (Pix2Pix).
    pub lambda_recon: f64,
    /// Weight of the cycle A → B → A (CycleGAN).
    pub lambda_cycle_a: f64,
    /// Weight of the cycle B → A → B (CycleGAN).
    pub lambda_cycle_b: f64,
    /// Weight of the identity terms, relative to those of the cycles (CycleGAN).
    pub lambda_identity: f64,
    /// How many images of a batch each identity term looks at; all of them where it is absent (CycleGAN).
    pub identity_images: Option<i64>,
    /// Earlier outputs kept for each discriminator, which sees one of them half of the time (CycleGAN).
    pub pool_size: usize,
    /// Its training.
    pub train: TrainConfig,
}

impl Default for TeacherConfig {
    fn default() -> Self {
        Self {
            name: None,
            weights: None,
            checkpoint: last(),
            gan: GanMode::Lsgan,
            lambda_gan: 1.0,
            lambda_recon: 10.0,
            lambda_cycle_a: 10.0,
            lambda_cycle_b: 10.0,
            lambda_identity: 0.5,
            identity_images: None,
            pool_size: 50,
            train: TrainConfig { n_epochs: 100, n_epochs_decay: 100, ..TrainConfig::default() },
        }
    }
}

/// What holds the student's image to its aim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Recon {
    /// Mean absolute error.
    L1,
    /// Mean squared error.
    L2,
    /// Huber's: half the square up to 1, linear beyond.
    SmoothL1,
}

/// Distillation of the super-net, and what fine-tuning shares with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DistillConfig {
    /// The configurations of the super-net: a published set by its name (`channels-64-cycleGAN`), or a list of widths for
    /// each of the 8 positions.
    pub channels: ChannelSet,
    /// The checkpoint of its run that search, fine-tuning and export go on from: `last`, `best` or a step.
    #[serde(default = "last", deserialize_with = "checkpoint")]
    #[schemars(with = "Written")]
    pub checkpoint: String,
    /// Adversarial objective.
    #[serde(default)]
    pub gan: GanMode,
    /// Weight of the adversarial term.
    #[serde(default = "one")]
    pub lambda_gan: f64,
    /// How the student's image is compared with its aim.
    #[serde(default = "default_recon")]
    pub recon: Recon,
    /// Weight of that term.
    #[serde(default = "default_lambda_recon")]
    pub lambda_recon: f64,
    /// Weight of the squared distance of the taps, through the adapters.
    #[serde(default = "default_lambda_distill")]
    pub lambda_distill: f64,
    /// The semantic terms of `method: ours`.
    #[serde(default)]
    pub semantic: SemanticConfig,
    /// Its training.
    #[serde(default)]
    pub train: TrainConfig,
}

fn last() -> String {
    "last".to_owned()
}

/// A checkpoint as files have it: a word, or the number of a step.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected `last`, `best` or a step's number")]
enum Written {
    Step(u64),
    Word(String),
}

fn checkpoint<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(match Written::deserialize(from)? {
        Written::Step(step) => step.to_string(),
        Written::Word(word) => word,
    })
}

fn one() -> f64 {
    1.0
}

fn default_recon() -> Recon {
    Recon::L1
}

fn default_lambda_recon() -> f64 {
    10.0
}

fn default_lambda_distill() -> f64 {
    0.01
}

/// Semantic relations between teacher and student.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SemanticConfig {
    /// Weight of SRC, a sum over all pairs of patches.
    pub lambda_src: f64,
    /// Weight of the contrastive term.
    pub lambda_dce: f64,
    /// Weight negatives by hardness.
    pub hard: bool,
    /// γ at the start, as a temperature (the paper's γ is its inverse).
    pub gamma_start: f64,
    /// γ of the last epoch.
    pub gamma_end: f64,
    /// Temperature τ of the contrastive term.
    pub temperature: f64,
    /// Patches per tap; all of them where the map has fewer.
    pub num_patches: i64,
}

impl Default for SemanticConfig {
    fn default() -> Self {
        Self {
            lambda_src: 10.0,
            lambda_dce: 0.1,
            hard: true,
            gamma_start: 50.0,
            gamma_end: 10.0,
            temperature: 0.07,
            num_patches: 256,
        }
    }
}

impl SemanticConfig {
    /// γ (a temperature) in force in `epoch`, from 1, of `epochs`.
    pub fn gamma(&self, epoch: u64, epochs: u64) -> f64 {
        let curriculum = EpochCurriculum::default().with_gamma(self.gamma_start).with_gamma_min(self.gamma_end);
        curriculum.gamma(epoch, epochs)
    }
}

/// Training of one configuration: the losses of `distill`, all training images, super-net and discriminator as distillation
/// left them, adapters and heads afresh.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FinetuneConfig {
    /// The configuration, such as `16_16_48_32_32_40_24_16`; the search's winner if omitted.
    pub channels: Option<Channels>,
    /// The checkpoint of its run that is exported and scored: `last`, `best` or a step.
    #[serde(deserialize_with = "checkpoint")]
    #[schemars(with = "Written")]
    pub checkpoint: String,
    /// Its training.
    pub train: TrainConfig,
}

impl Default for FinetuneConfig {
    fn default() -> Self {
        Self { channels: None, checkpoint: last(), train: TrainConfig::default() }
    }
}
