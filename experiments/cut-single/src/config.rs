//! What a run is: one YAML file, every key with its published default.

mod data;
mod eval;
mod inputs;
mod loss;
mod model;

pub use data::{DataConfig, ResizeFilter};
pub use eval::{EvalConfig, Reference};
pub use loss::{Contrast, CorrelativeFeatures, Distance, Geometry, LossConfig, StatisticsOf};
pub use model::{Attributes, Border, DiscriminatorKind, DiscriminatorNorm, GeneratorKind, GeneratorNorm, ModelConfig};

use schemars::JsonSchema;
use semrel_data::Select;

use semrel_loss::curriculum::EpochCurriculum;
use semrel_loss::semantic::PatchLossConfig;
use semrel_loss::{Formulation, Gradient};
use semrel_nn::{AdamConfig, LrPolicy, LrSchedule, StepDecay};
use semrel_train::StepInfo;
use serde::{Deserialize, Serialize};

/// A training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of the run; its folder is `runs/cut-single/<name>`.
    pub name: String,
    /// Which algorithm trains.
    pub method: Method,
    /// Seed of all randomness.
    #[serde(default)]
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

/// The algorithms. Rows of a table are these with settings of their own: `fastcut` is `cut` with flip equivariance and
/// without identity branch, `sincut` is `cut` on crops of one picture, the ablation's rows are `ours` with terms left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// CUT with SRC and hDCE: the paper's method.
    Ours,
    /// CUT (Park et al. 2020): adversarial and PatchNCE.
    Cut,
    /// F-/LSeSim (Zheng et al. 2021): adversarial and spatially-correlative.
    Lsesim,
    /// CycleGAN (Zhu et al. 2017).
    Cyclegan,
    /// DistanceGAN (Benaim & Wolf 2017).
    Distancegan,
    /// GcGAN (Fu et al. 2019).
    Gcgan,
    /// NEGCUT (Wang et al. 2021): CUT with adversarially generated negatives.
    Negcut,
    /// MUNIT (Huang et al. 2018); UNIT (Liu et al. 2017) with `model.generator: unit`.
    Munit,
    /// DRIT++ (Lee et al. 2020); DRIT (2018) with `loss.lambda_diversity: 0`.
    Drit,
    /// Pix2Pix (Isola et al. 2017), told what each training image should become; its discriminator does not see the input.
    Supervised,
}

/// Optimisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OptimConfig {
    /// Learning rate of the first epoch.
    pub lr: f64,
    /// That of the discriminators, which changes likewise; `lr` where it is absent.
    pub lr_discriminator: Option<f64>,
    /// How it changes afterwards.
    pub policy: LrPolicy,
    /// Epochs between the steps of `policy: step`.
    pub lr_decay_iters: i64,
    /// Adam's first decay.
    pub beta1: f64,
    /// Adam's second decay.
    pub beta2: f64,
    /// L2 weight decay, added to gradients (MUNIT, DRIT).
    pub weight_decay: f64,
    /// Steps after each of which the rates are halved, whatever `policy` says (MUNIT); not if omitted.
    pub halve_every: Option<u64>,
    /// Rate of DRIT's discriminator of contents, which changes as `lr` does; `lr` if omitted.
    pub lr_content: Option<f64>,
    /// Longest gradient of DRIT's discriminator of contents: longer ones are shortened to it.
    pub clip_content: f64,
    /// Every so many batches, and with the last two of an epoch, DRIT updates all its networks; with the others its discriminator of
    /// contents alone, and log lines of those steps hold its loss alone.
    pub d_iter: u64,
    /// Earlier outputs kept for the discriminator, which sees one of them half of the time; 0 for none.
    pub pool_size: usize,
}

impl Default for OptimConfig {
    fn default() -> Self {
        Self {
            lr: 2e-4,
            lr_discriminator: None,
            policy: LrPolicy::Linear,
            lr_decay_iters: 50,
            beta1: 0.5,
            beta2: 0.999,
            weight_decay: 0.0,
            halve_every: None,
            lr_content: None,
            clip_content: 5.0,
            d_iter: 3,
            pool_size: 0,
        }
    }
}

/// Length and rhythm of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Epochs at the first learning rate.
    pub n_epochs: i64,
    /// Epochs in which it goes to 0.
    pub n_epochs_decay: i64,
    /// Images per batch.
    pub batch_size: i64,
    /// Steps of identity alone, `mean |G(x) − x|`, before the method begins; 0 as published.
    pub warmup: u64,
    /// β of the running average of the generator's weights, which then translates in samples and evaluations:
    /// `w̄ ← β'·w̄ + (1 − β')·w` with `β' = min(β, t/(t + 10))` after `t` steps; 0 for none.
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

impl Config {
    /// Total number of epochs.
    pub fn epochs(&self) -> u64 {
        (self.train.n_epochs + self.train.n_epochs_decay) as u64
    }

    /// Steps between evaluations; 0 where nothing decides on the best checkpoint.
    pub fn eval_every(&self) -> u64 {
        if self.eval.select == Select::Last { 0 } else { self.train.eval_every }
    }

    /// γ (a temperature) in force in `epoch`, from 1.
    pub fn gamma(&self, epoch: u64) -> f64 {
        self.curriculum().gamma(epoch, self.epochs())
    }

    /// The schedule of γ.
    pub fn curriculum(&self) -> EpochCurriculum {
        let l = &self.loss;
        EpochCurriculum::default()
            .with_gamma(l.gamma_start)
            .with_gamma_min(l.gamma_end)
            .with_enabled(l.use_curriculum)
            .with_step_epoch(l.step_gamma_epoch)
    }

    /// Learning rate of a step.
    pub fn lr(&self, info: StepInfo) -> f64 {
        let schedule = LrSchedule {
            policy: self.optim.policy,
            lr: self.optim.lr,
            n_epochs: self.train.n_epochs,
            n_epochs_decay: self.train.n_epochs_decay,
            lr_decay_iters: self.optim.lr_decay_iters,
            epoch_count: 1,
        };
        let of_epoch = schedule.at(info.epoch as i64);
        let steps = info.step.saturating_sub(self.train.warmup);
        self.optim.halve_every.map_or(of_epoch, |every| StepDecay { lr: of_epoch, gamma: 0.5, every }.at(steps))
    }

    /// Learning rate of the discriminators in a step.
    pub fn lr_discriminator(&self, info: StepInfo) -> f64 {
        let factor = self.optim.lr_discriminator.map_or(1.0, |rate| rate / self.optim.lr);
        self.lr(info) * factor
    }

    /// Width and height of pictures in tests; `None` for their own, where a run learns from a single picture or from
    /// pictures as they are.
    pub fn test_size(&self) -> Option<(u32, u32)> {
        let whole = self.data.preprocess == "none" || self.data.preprocess.contains("zoom");
        let side = self.data.test_size.unwrap_or(self.data.image_size);
        (!whole).then_some((side, side))
    }

    /// Adam's settings.
    pub fn adam(&self) -> AdamConfig {
        let o = &self.optim;
        AdamConfig { lr: o.lr, beta1: o.beta1, beta2: o.beta2, eps: 1e-8, weight_decay: o.weight_decay }
    }

    /// Adam's settings for discriminators.
    pub fn adam_discriminator(&self) -> AdamConfig {
        AdamConfig { lr: self.optim.lr_discriminator.unwrap_or(self.optim.lr), ..self.adam() }
    }

    /// Whether some term compares patches through the heads F.
    pub fn has_patch_terms(&self) -> bool {
        matches!(self.method, Method::Ours | Method::Cut | Method::Negcut)
    }

    /// Settings of the patch terms.
    ///
    /// With one patch per image (SinCUT) the official code's mask of the diagonal covers everything, so that all
    /// weights of its negatives are 1.
    pub fn patch_loss(&self) -> PatchLossConfig {
        let l = &self.loss;
        let weight = |of: Contrast| if l.contrast == of { l.lambda_contrast } else { 0.0 };
        PatchLossConfig::default()
            .with_formulation(l.formulation)
            .with_lambda_src(l.lambda_src)
            .with_lambda_dce(weight(Contrast::Dce))
            .with_lambda_nce(weight(Contrast::InfoNce))
            .with_use_hard(l.hard && !(l.formulation == Formulation::Official && l.num_patches == 1))
            .with_tau(l.temperature)
            .with_gradient(Gradient::ClosedForm)
    }
}
