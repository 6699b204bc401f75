//! What a run is: one YAML file, every key with its published default.

mod eval;
mod inputs;
mod loss;

pub use eval::{EvalConfig, Reference};
pub use loss::{Contrast, CorrelativeFeatures, Distance, Geometry, LossConfig, StatisticsOf};

use schemars::JsonSchema;
use semrel_data::resize::Filter;
use semrel_data::{Direction, Select};

use semrel_loss::curriculum::EpochCurriculum;
use semrel_loss::semantic::PatchLossConfig;
use semrel_loss::{Formulation, Gradient};
pub use semrel_nn::patchgan::DiscriminatorNorm;
use semrel_nn::{AdamConfig, Biases, InitType, LrPolicy, LrSchedule, Output, StepDecay};
use semrel_train::StepInfo;
use serde::{Deserialize, Serialize};

use std::path::PathBuf;

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

/// Images of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Folder with `trainA`, `trainB`, `testA`, `testB`, or with `train` and `test` of A|B pictures.
    pub root: PathBuf,
    /// `AtoB`, or `BtoA` to translate the images in `trainB`.
    #[serde(default)]
    pub direction: Direction,
    /// Steps before a picture enters a network: `resize_and_crop`, `scale_width_and_crop`, `shorter_side_and_crop`, `crop`, `none`,
    /// `zoom_and_patch` …
    #[serde(default = "default_preprocess")]
    pub preprocess: String,
    /// Side that pictures are resized to in training.
    #[serde(default = "default_load_size")]
    pub load_size: u32,
    /// Side of the crop, and of the pictures in tests unless `test_size` names another.
    #[serde(default = "default_image_size")]
    pub image_size: u32,
    /// Side of the pictures in tests; `image_size` if omitted.
    #[serde(default)]
    pub test_size: Option<u32>,
    /// Mirror left-right with probability 1/2.
    #[serde(default = "yes")]
    pub flip: bool,
    /// Mirror all images of a batch together, of A and of B, or none of them (as DistanceGAN is published).
    #[serde(default)]
    pub flip_together: bool,
    /// Filter of the resizing in training.
    #[serde(default)]
    pub filter: ResizeFilter,
    /// Once the learning rate falls, show unpaired images whole, resized to `image_size`, as CUT's code does; otherwise cut crops
    /// out of them throughout.
    #[serde(default = "yes")]
    pub whole_in_decay: bool,
    /// Take A and B in order, item i with item i, instead of at random.
    #[serde(default)]
    pub serial: bool,
    /// For `method: supervised` alone: a folder with what each training image of the source should become, of the same name. If
    /// omitted, `trainA` and `trainB` hold files of the same names, or `train` holds A|B pictures.
    #[serde(default)]
    pub pairs: Option<PathBuf>,
    /// Stop at a file that cannot be read, instead of skipping and counting it.
    #[serde(default)]
    pub strict: bool,
}

/// How pixels are weighed where pictures are resized, as Pillow does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResizeFilter {
    /// By cubic curves.
    #[default]
    Bicubic,
    /// By straight lines.
    Bilinear,
}

impl From<ResizeFilter> for Filter {
    fn from(filter: ResizeFilter) -> Self {
        match filter {
            ResizeFilter::Bicubic => Self::Bicubic,
            ResizeFilter::Bilinear => Self::Bilinear,
        }
    }
}

fn default_preprocess() -> String {
    "resize_and_crop".to_owned()
}

fn default_load_size() -> u32 {
    286
}

fn default_image_size() -> u32 {
    256
}

fn yes() -> bool {
    true
}

/// Family of the generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GeneratorKind {
    /// Residual blocks between two halvings and two doublings.
    Resnet,
    /// As `resnet`, but cheaper, with bridges from the encoder to the decoder: for small images and short runs.
    Light,
    /// SinCUT's, of StyleGAN2's blocks.
    Stylegan2,
    /// MUNIT's auto-encoders of content and style, one for each domain.
    Munit,
    /// UNIT's auto-encoders, without styles.
    Unit,
    /// DRIT's encoders of content and attribute, and its decoders.
    Drit,
}

impl GeneratorKind {
    /// Whether it is of both domains, and belongs to a method of its own.
    pub fn is_of_both_domains(self) -> bool {
        matches!(self, Self::Munit | Self::Unit | Self::Drit)
    }
}

/// How DRIT's decoders take an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Attributes {
    /// Drawn from a mean and a variance, it joins the channels four times: published for little change of shape.
    Concat,
    /// A code that steers each block: published for more change of shape.
    Feature,
}

/// Family of the discriminator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DiscriminatorKind {
    /// PatchGAN.
    Patch,
    /// 1 × 1 convolutions.
    Pixel,
    /// SinCUT's, of StyleGAN2's blocks.
    Stylegan2,
    /// MUNIT's or DRIT's own: a network for each of several scales of the image.
    Scales,
    /// Heads over the fixed features of EfficientNet-Lite0.
    Projected,
    /// `patch` and `projected`; their losses are added.
    Both,
}

impl DiscriminatorKind {
    /// Whether it looks through the features of a fixed network.
    pub fn is_projected(self) -> bool {
        matches!(self, Self::Projected | Self::Both)
    }
}

/// Borders of a `resnet` generator's convolutions.
pub use semrel_nn::resnet::Border;

/// Normalisation of a `resnet` or `light` generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GeneratorNorm {
    /// Each channel of each image to mean 0 and variance 1, as published.
    Instance,
    /// The same, then a scale and a shift per channel; scales start at N(1, 0.02²), as published for DistanceGAN.
    InstanceAffine,
    /// Each position to a root mean square of 1 over its channels, then a scale and a shift per channel.
    Pixel,
}

/// Networks of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// Family of the generator.
    pub generator: GeneratorKind,
    /// First width of the generator.
    pub ngf: i64,
    /// Residual blocks of the generator; of MUNIT's encoders and decoders each. DRIT's have a fixed number.
    pub blocks: i64,
    /// Normalisation of the generator.
    pub norm: GeneratorNorm,
    /// Borders of a `resnet` generator's convolutions: mirrored (`reflect`), or of zeros (`zero`, DistanceGAN).
    pub border: Border,
    /// How the generator makes its image: `tanh`, as published; `residual`, the input plus what the network gives; `gated`,
    /// input and new image mixed by a mask that the network gives, too; `affine`, the same over a recoloured input (`light` only).
    pub output: Output,
    /// Family of the discriminator.
    pub discriminator: DiscriminatorKind,
    /// Normalisation of the discriminator.
    pub norm_discriminator: DiscriminatorNorm,
    /// First width of the discriminator.
    pub ndf: i64,
    /// Downsamplings of a PatchGAN, or of each of MUNIT's scales.
    pub n_layers: i64,
    /// Scales of `discriminator: scales`.
    pub scales: i64,
    /// Downsample with a blur instead of a strided convolution.
    pub antialias: bool,
    /// Upsample with a blur instead of a strided transposed convolution.
    pub antialias_up: bool,
    /// How weights are initialized; StyleGAN2's networks have their own initialization.
    pub init: InitType,
    /// How biases of generators and discriminators are initialized: `zero`, or `uniform` within ±1/√fan_in, as PyTorch draws them
    /// where the published code leaves them alone (GcGAN, DistanceGAN).
    pub init_biases: Biases,
    /// How weights of the heads F are initialized; as `init` where it is absent.
    pub init_heads: Option<InitType>,
    /// Layers of the generator whose features the patch terms compare.
    pub nce_layers: Vec<i64>,
    /// Outputs of the patch projection heads F.
    pub patch_dim: i64,
    /// Numbers of a style (MUNIT) or an attribute (DRIT).
    pub style_dim: i64,
    /// Width of the layers that make the decoder's norms of a style (MUNIT).
    pub mlp_dim: i64,
    /// How DRIT's decoders take an attribute.
    pub attributes: Attributes,
    /// Halvings of DRIT's discriminator of contents. With the published 3, of kernels of 7 and a last one of 4, images have sides of
    /// at least 209.
    pub content_layers: i64,
    /// Their kernel.
    pub content_kernel: i64,
    /// Kernel of the convolution behind them.
    pub content_last_kernel: i64,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            generator: GeneratorKind::Resnet,
            ngf: 64,
            blocks: 9,
            norm: GeneratorNorm::Instance,
            border: Border::Reflect,
            output: Output::Tanh,
            discriminator: DiscriminatorKind::Patch,
            norm_discriminator: DiscriminatorNorm::Instance,
            ndf: 64,
            n_layers: 3,
            scales: 3,
            antialias: true,
            antialias_up: true,
            init: InitType::Xavier { gain: 0.02 },
            init_biases: Biases::Zero,
            init_heads: None,
            nce_layers: vec![0, 4, 8, 12, 16],
            patch_dim: 256,
            style_dim: 8,
            mlp_dim: 256,
            attributes: Attributes::Concat,
            content_layers: 3,
            content_kernel: 7,
            content_last_kernel: 4,
        }
    }
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
    /// contents alone.
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
