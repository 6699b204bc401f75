//! What a run is: one YAML file, every key with its published default.

use schemars::JsonSchema;
use semrel_data::Direction;
use semrel_eval::{ExtractorChoice, SegmenterChoice};
use semrel_loss::curriculum::EpochCurriculum;
use semrel_loss::gan::GanMode;
use semrel_loss::semantic::PatchLossConfig;
use semrel_loss::{Formulation, Gradient};
use semrel_nn::{AdamConfig, InitType, LrPolicy, LrSchedule};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
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
    /// Steps before a picture enters a network: `resize_and_crop`, `scale_width_and_crop`, `crop`, `none`, `zoom_and_patch` …
    #[serde(default = "default_preprocess")]
    pub preprocess: String,
    /// Side that pictures are resized to in training.
    #[serde(default = "default_load_size")]
    pub load_size: u32,
    /// Side of the crop, and of the pictures in tests.
    #[serde(default = "default_image_size")]
    pub image_size: u32,
    /// Mirror left-right with probability 1/2.
    #[serde(default = "yes")]
    pub flip: bool,
    /// Take A and B in order, item i with item i, instead of at random.
    #[serde(default)]
    pub serial: bool,
    /// Stop at a file that cannot be read, instead of skipping and counting it.
    #[serde(default)]
    pub strict: bool,
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
    /// SinCUT's, of StyleGAN2's blocks.
    Stylegan2,
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
}

/// Networks of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// Family of the generator.
    pub generator: GeneratorKind,
    /// First width of the generator.
    pub ngf: i64,
    /// Residual blocks of the generator.
    pub blocks: i64,
    /// Family of the discriminator.
    pub discriminator: DiscriminatorKind,
    /// First width of the discriminator.
    pub ndf: i64,
    /// Downsamplings of a PatchGAN.
    pub n_layers: i64,
    /// Downsample with a blur instead of a strided convolution.
    pub antialias: bool,
    /// Upsample with a blur instead of a strided transposed convolution.
    pub antialias_up: bool,
    /// How weights are initialized; StyleGAN2's networks have their own initialization.
    pub init: InitType,
    /// Layers of the generator whose features the patch terms compare.
    pub nce_layers: Vec<i64>,
    /// Outputs of the patch projection heads F.
    pub patch_dim: i64,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            generator: GeneratorKind::Resnet,
            ngf: 64,
            blocks: 9,
            discriminator: DiscriminatorKind::Patch,
            ndf: 64,
            n_layers: 3,
            antialias: true,
            antialias_up: true,
            init: InitType::Xavier { gain: 0.02 },
            nce_layers: vec![0, 4, 8, 12, 16],
            patch_dim: 256,
        }
    }
}

/// The contrastive term between patches of input and output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Contrast {
    /// None.
    None,
    /// InfoNCE, CUT's PatchNCE.
    InfoNce,
    /// Decoupled InfoNCE: the positive is left out of the denominator.
    Dce,
}

/// What GcGAN turns an image by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Geometry {
    /// A quarter turn, clockwise.
    Rotate,
    /// Upside down.
    Flip,
}

/// Features that the spatially-correlative loss compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CorrelativeFeatures {
    /// VGG-16, as published; needs its weights.
    Vgg16,
    /// EfficientNet-Lite0, which setup fetches.
    EffnetLite0,
    /// The generator's own layers `model.nce_layers`, as they train.
    Generator,
}

/// Weights and settings of the losses. A term of weight 0 is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LossConfig {
    /// `official`: as the published code trains; `paper`: as the paper's equations say.
    pub formulation: Formulation,
    /// Adversarial objective.
    pub gan: GanMode,
    /// Weight of the adversarial term.
    pub lambda_gan: f64,
    /// The contrastive term between patches.
    pub contrast: Contrast,
    /// Its weight: the paper's λ_HDCE, CUT's λ_NCE.
    pub lambda_contrast: f64,
    /// Weight its negatives by hardness.
    pub hard: bool,
    /// Weight of SRC.
    pub lambda_src: f64,
    /// The same contrastive term between a real image of the target domain and its translation, averaged in.
    pub identity_branch: bool,
    /// Mirror the generator's input half of the time, and mirror its features back (FastCUT).
    pub flip_equivariance: bool,
    /// γ at the start, as a temperature (the paper's γ is its inverse).
    pub gamma_start: f64,
    /// γ of the last epoch.
    pub gamma_end: f64,
    /// Let γ go from `gamma_start` to `gamma_end`; otherwise it stays at `gamma_start`.
    pub use_curriculum: bool,
    /// γ = 1 in all epochs after this one.
    pub step_gamma_epoch: Option<u64>,
    /// Temperature τ of the contrastive term.
    pub temperature: f64,
    /// Patches per layer.
    pub num_patches: i64,
    /// Negatives from all images of the batch, not only from the patch's own.
    pub minibatch_negatives: bool,
    /// Weight of R1 (SinCUT).
    pub lambda_r1: f64,
    /// Weight of `mean |G(y) − y|` on the target domain: SinCUT, GcGAN; for CycleGAN relative to `lambda_cycle`.
    pub lambda_identity: f64,
    /// Weight of both cycles (CycleGAN).
    pub lambda_cycle: f64,
    /// Weight of the distance term (DistanceGAN).
    pub lambda_distance: f64,
    /// Weight of geometry consistency (GcGAN).
    pub lambda_geometry: f64,
    /// What GcGAN turns images by.
    pub geometry: Geometry,
    /// Weight of the diversity of generated negatives (NEGCUT).
    pub lambda_diversity: f64,
    /// Weight of the spatially-correlative term (LSeSim).
    pub lambda_lsesim: f64,
    /// Query positions per layer of LSeSim.
    pub lsesim_patches: i64,
    /// Features that LSeSim compares.
    pub lsesim_features: CorrelativeFeatures,
    /// Learned heads over them (LSeSim), or none (F-LSeSim).
    pub lsesim_heads: bool,
}

impl Default for LossConfig {
    fn default() -> Self {
        Self {
            formulation: Formulation::Official,
            gan: GanMode::Lsgan,
            lambda_gan: 1.0,
            contrast: Contrast::None,
            lambda_contrast: 1.0,
            hard: false,
            lambda_src: 0.0,
            identity_branch: false,
            flip_equivariance: false,
            gamma_start: 50.0,
            gamma_end: 10.0,
            use_curriculum: true,
            step_gamma_epoch: None,
            temperature: 0.07,
            num_patches: 256,
            minibatch_negatives: false,
            lambda_r1: 0.0,
            lambda_identity: 0.0,
            lambda_cycle: 10.0,
            lambda_distance: 1.0,
            lambda_geometry: 20.0,
            geometry: Geometry::Rotate,
            lambda_diversity: 1.0,
            lambda_lsesim: 10.0,
            lsesim_patches: 256,
            lsesim_features: CorrelativeFeatures::Vgg16,
            lsesim_heads: true,
        }
    }
}

/// Optimisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OptimConfig {
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
    /// Earlier outputs kept for the discriminator, which sees one of them half of the time; 0 for none.
    pub pool_size: usize,
}

impl Default for OptimConfig {
    fn default() -> Self {
        Self { lr: 2e-4, policy: LrPolicy::Linear, lr_decay_iters: 50, beta1: 0.5, beta2: 0.999, pool_size: 0 }
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
            log_every: 100,
            sample_every: 5000,
            save_every: 5000,
            keep: 2,
            eval_every: 0,
        }
    }
}

/// Evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EvalConfig {
    /// Images per batch.
    pub batch_size: i64,
    /// Test images that are translated, the first in order; all if omitted.
    pub max_sources: Option<usize>,
    /// Images that outputs are compared with: `test` as published, or `train` if the test set is too small.
    pub reference: Reference,
    /// Pixel and class accuracy and mean IoU of a segmenter on the outputs. Needs labels (see docs/single-modal.md).
    pub segmentation: bool,
    /// Features of the Fréchet distance: `effnet-lite0`, `inception-fid` (whose distance is FID), or another network of
    /// `semrel-metrics`.
    pub extractor: String,
    /// A file of its weights in place of the published one.
    pub extractor_weights: Option<PathBuf>,
    /// The network that labels the outputs: `drn-d-22` as published, `drn-d-105`, or `effnet-lite0-head`, which is
    /// fitted to the training photographs.
    pub segmenter: String,
    /// A file of its weights in place of the published one.
    pub segmenter_weights: Option<PathBuf>,
    /// Steps of the fit of `effnet-lite0-head`.
    pub segmenter_steps: u64,
}

impl EvalConfig {
    /// What the scores of checkpoints depend on ([`Fit::measure`](semrel_train::Fit::measure)).
    pub fn measure(&self) -> Value {
        // As checkpoints had it before there was a choice.
        if self.extractor == semrel_metrics::networks::DEFAULT && self.extractor_weights.is_none() {
            return json!([self.reference, self.max_sources]);
        }
        json!([self.extractor, self.extractor_weights, self.reference, self.max_sources])
    }

    /// The extractor of the Fréchet distance.
    pub fn extractor(&self) -> ExtractorChoice<'_> {
        ExtractorChoice { name: &self.extractor, weights: self.extractor_weights.as_deref() }
    }

    /// The segmenter.
    pub fn segmenter(&self) -> SegmenterChoice<'_> {
        let weights = self.segmenter_weights.as_deref();
        SegmenterChoice { name: &self.segmenter, weights, steps: self.segmenter_steps }
    }
}

/// Real images that a Fréchet distance refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reference {
    /// The test images of the target domain.
    Test,
    /// Its training images.
    Train,
}

impl Reference {
    /// Its name in YAML and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Train => "train",
        }
    }
}

impl Default for EvalConfig {
    fn default() -> Self {
        Self {
            batch_size: 8,
            max_sources: None,
            reference: Reference::Test,
            segmentation: false,
            extractor: semrel_metrics::networks::DEFAULT.to_owned(),
            extractor_weights: None,
            segmenter: semrel_eval::HEAD.to_owned(),
            segmenter_weights: None,
            segmenter_steps: 1500,
        }
    }
}

impl Config {
    /// Total number of epochs.
    pub fn epochs(&self) -> u64 {
        (self.train.n_epochs + self.train.n_epochs_decay) as u64
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

    /// Learning rate in `epoch`, from 1.
    pub fn lr(&self, epoch: u64) -> f64 {
        let schedule = LrSchedule {
            policy: self.optim.policy,
            lr: self.optim.lr,
            n_epochs: self.train.n_epochs,
            n_epochs_decay: self.train.n_epochs_decay,
            lr_decay_iters: self.optim.lr_decay_iters,
            epoch_count: 1,
        };
        schedule.at(epoch as i64)
    }

    /// Width and height of pictures in tests; `None` for their own, where a run learns from a single picture or from
    /// pictures as they are.
    pub fn test_size(&self) -> Option<(u32, u32)> {
        let whole = self.data.preprocess == "none" || self.data.preprocess.contains("zoom");
        (!whole).then_some((self.data.image_size, self.data.image_size))
    }

    /// Adam's settings.
    pub fn adam(&self) -> AdamConfig {
        let o = &self.optim;
        AdamConfig { lr: o.lr, beta1: o.beta1, beta2: o.beta2, eps: 1e-8, weight_decay: 0.0 }
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
