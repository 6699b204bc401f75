//! What a row of the table is: one YAML file with a section for each stage, every key with its published default.

mod model;
mod search;
mod stages;

pub use model::{DiscriminatorNorm, GeneratorNorm, ModelConfig};
pub use search::{Budget, Criterion, SearchConfig, SearchReference, WeightingKind};
pub use stages::{DistillConfig, FinetuneConfig, Recon, SemanticConfig, TeacherConfig, TrainConfig};

use crate::stage::Stage;
use schemars::JsonSchema;
use semrel_data::{Direction, Select};
use semrel_eval::{MoreScores, TruthChoice};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A row: its images, its networks, and how each stage goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of the row. Its stages are in `runs/gancomp-fast/<name>/<stage>`; slashes make folders.
    pub name: String,
    /// Which losses distil.
    pub method: Method,
    /// Seed of all randomness.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Images.
    pub data: DataConfig,
    /// Networks.
    #[serde(default)]
    pub model: ModelConfig,
    /// The large generator.
    #[serde(default)]
    pub teacher: TeacherConfig,
    /// The super-net learns from it.
    pub distill: DistillConfig,
    /// The search for a configuration of the super-net.
    #[serde(default)]
    pub search: SearchConfig,
    /// Training of the configuration that was found; omitted if the row has no such stage.
    #[serde(default)]
    pub finetune: Option<FinetuneConfig>,
    /// Evaluation.
    #[serde(default)]
    pub eval: EvalConfig,
}

fn default_seed() -> u64 {
    233
}

/// What distils the super-net.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Adversarial, reconstruction and activation terms: the published baseline.
    Fast,
    /// With semantic relation consistency and hard decoupled contrast between the taps of teacher and student besides.
    Ours,
}

/// How images of the two domains belong together, which decides on the teacher and on what the discriminator sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// They do not: the teacher is a CycleGAN, the discriminator sees outputs alone, and the student reproduces the
    /// teacher's image.
    Unaligned,
    /// In pairs: the teacher is a Pix2Pix, the discriminator sees input and output, and the student reproduces the real
    /// image.
    Aligned,
}

/// Images of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Folder with `trainA`, `trainB`, `testA`, `testB`, or with `train` and `test` of A|B pictures (`val` stands in for
    /// `test`). Files of one name are a pair where `layout` is `aligned`.
    pub root: PathBuf,
    /// How images belong together.
    pub layout: Layout,
    /// `AtoB`, or `BtoA` to translate the images in `trainB`.
    #[serde(default)]
    pub direction: Direction,
    /// Side that pictures are resized to in training.
    #[serde(default = "default_load_size")]
    pub load_size: u32,
    /// Side of the crop, and of the pictures in tests and in the search.
    #[serde(default = "default_image_size")]
    pub image_size: u32,
    /// Mirror left-right with probability 1/2.
    #[serde(default = "yes")]
    pub flip: bool,
    /// Training images of each domain (pairs) that the search looks at and the distillation does not see, chosen by their
    /// names. Of a domain with a `distill_list`, at most so many of those that it does not name; of one with a `search_list`,
    /// not read.
    #[serde(default)]
    pub held_back: usize,
    /// List files of the images that the distillation learns from; if omitted, all that the search does not look at.
    #[serde(default)]
    pub distill_list: Lists,
    /// List file of the source images (pairs) that the search looks at, none of which may be in `distill_list`; if
    /// omitted, those that are held back.
    #[serde(default)]
    pub search_list: Option<PathBuf>,
    /// Stop at a file that cannot be read, instead of skipping and counting it.
    #[serde(default)]
    pub strict: bool,
}

/// List files: one file name per line, relative to the folder of the domain.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Lists {
    /// Of the images that are translated; of the pairs, where they are aligned.
    pub source: Option<PathBuf>,
    /// Of the images of the other domain; unaligned only.
    pub target: Option<PathBuf>,
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

/// Evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EvalConfig {
    /// What decides on the best checkpoint, and what the search compares with: `val`, training images that are set apart;
    /// `test`, the test images, as papers do; or nothing, `last`. The same decides on previews: with `val` and `last`, neither
    /// training nor search reads a test image.
    pub select: Select,
    /// Images per batch.
    pub batch_size: i64,
    /// Test images that are translated, the first in order; all if omitted.
    pub max_sources: Option<usize>,
    /// Real images that outputs are compared with. While a run with `select: val` trains or is searched, the validation images
    /// stand in for those of the test, and `train` is what they leave.
    pub reference: Reference,
    /// NumPy archive with mean `mu` and covariance `sigma` of the features of the real images, in place of `reference` where test
    /// images are looked at.
    pub statistics: Option<PathBuf>,
    /// Features of the Fréchet distance: `effnet-lite0`, `effnet-lite2`, `inception-fid` (whose distance is FID), or another
    /// network of `semrel-metrics`.
    pub extractor: String,
    /// A file of its weights in place of the published one.
    pub extractor_weights: Option<PathBuf>,
    /// Mean IoU of a segmenter on the outputs. Needs labels: those in colour that are translated, or `label_table`.
    pub segmentation: bool,
    /// The network that labels the outputs: `drn-d-105` as published, `drn-d-22`, or `effnet-lite0-head`, which is
    /// fitted to the training photographs.
    pub segmenter: String,
    /// A file of its weights in place of the published one.
    pub segmenter_weights: Option<PathBuf>,
    /// Steps of the fit of `effnet-lite0-head`.
    pub segmenter_steps: u64,
    /// Table of the labels of the test images, with lines `number labels photograph`.
    pub label_table: Option<PathBuf>,
    /// What the translations of the test images should be, hidden from training: a folder of pictures of the same names, of the
    /// size that translations have, or `pairs` for the other pictures of the test pairs. Distances to it are reported.
    pub truth: Option<PathBuf>,
    /// A folder of masks of the same names, white where pictures should change: PSNR inside and outside is reported.
    pub masks: Option<PathBuf>,
    /// The perceptual distance to the truth: over the feature maps of an extractor, such as `effnet-lite0`, or `lpips-alex`.
    pub perceptual: String,
    /// Further scores of the test images: `scores: [kid, prdc, mmd, structure, relations]`, or some of them.
    pub more: MoreScores,
}

impl EvalConfig {
    /// The truth of the test images.
    pub fn truth(&self) -> TruthChoice<'_> {
        TruthChoice { truth: self.truth.as_deref(), masks: self.masks.as_deref(), perceptual: &self.perceptual }
    }

    /// What the scores of checkpoints depend on ([`Fit::measure`](semrel_train::Fit::measure)).
    pub fn measure(&self) -> Value {
        // As checkpoints had it before there was a choice.
        let measure = if self.extractor == semrel_metrics::networks::DEFAULT && self.extractor_weights.is_none() {
            json!([self.reference, self.statistics, null, self.max_sources])
        } else {
            json!([self.reference, self.statistics, self.extractor, self.extractor_weights, self.max_sources])
        };
        if self.select == Select::Val { json!([self.select, measure]) } else { measure }
    }
}

/// Real images of the target domain that a Fréchet distance refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reference {
    /// The test images, as the paired rows are published.
    Test,
    /// The training images.
    Train,
    /// Both, as horse → zebra is published.
    All,
}

impl Default for EvalConfig {
    fn default() -> Self {
        Self {
            select: Select::default(),
            batch_size: 8,
            max_sources: None,
            reference: Reference::Test,
            statistics: None,
            extractor: semrel_metrics::networks::DEFAULT.to_owned(),
            extractor_weights: None,
            segmentation: false,
            segmenter: semrel_eval::HEAD.to_owned(),
            segmenter_weights: None,
            segmenter_steps: 1500,
            label_table: None,
            truth: None,
            masks: None,
            perceptual: semrel_metrics::networks::DEFAULT.to_owned(),
            more: MoreScores::default(),
        }
    }
}

/// A stage that a row does not have.
#[derive(Debug, thiserror::Error)]
#[error(
    "config section `{0}` is absent: this row goes without it; add the section (`--set {0}.train.n_epochs=…`) to do it"
)]
pub struct NoStage(&'static str);

impl Config {
    /// The folders and files that a run reads, with the keys that name them.
    pub fn inputs(&self) -> [(&'static str, Option<&Path>); 6] {
        [
            ("data.root", Some(&*self.data.root)),
            ("teacher.weights", self.teacher.weights.as_deref()),
            ("eval.truth", self.eval.truth().folder()),
            ("eval.masks", self.eval.masks.as_deref()),
            ("eval.extractor_weights", self.eval.extractor_weights.as_deref()),
            ("eval.segmenter_weights", self.eval.segmenter_weights.as_deref()),
        ]
    }

    /// Training settings of a stage.
    ///
    /// # Errors
    /// If the row does not have it.
    pub fn train(&self, stage: Stage) -> Result<&TrainConfig, NoStage> {
        match stage {
            Stage::Teacher => Ok(&self.teacher.train),
            Stage::Distill => Ok(&self.distill.train),
            Stage::Finetune => self.finetune.as_ref().map(|f| &f.train).ok_or(NoStage(stage.name())),
        }
    }

    /// Whether images come in pairs.
    pub fn aligned(&self) -> bool {
        self.data.layout == Layout::Aligned
    }

    /// Name of the teacher's run.
    pub fn teacher_name(&self) -> String {
        self.teacher.name.clone().unwrap_or_else(|| format!("{}/teacher", self.name))
    }

    /// Width and height of pictures in tests and in the search.
    pub fn test_size(&self) -> (u32, u32) {
        (self.data.image_size, self.data.image_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use semrel_nn::patchgan::PatchGanKind;
    use semrel_run::Validate;
    use semrel_train::config::to_yaml;
    use serde_json::json;

    fn config(more: Value) -> Result<Config, serde_json::Error> {
        let mut config = json!({
            "name": "a/b", "method": "ours", "data": { "root": "x", "layout": "aligned" },
            "distill": { "channels": "channels-64-pix2pix" },
        });
        for (section, keys) in more.as_object().unwrap() {
            config[section] = keys.clone();
        }
        serde_json::from_value(config)
    }

    #[test]
    fn what_is_left_out_has_its_published_value() {
        let c = config(json!({})).unwrap();
        c.validate().unwrap();
        assert_eq!((c.seed, c.data.load_size, c.data.image_size, c.model.teacher_ngf), (233, 286, 256, 64));
        assert_eq!((c.distill.lambda_recon, c.distill.lambda_distill, c.distill.recon), (10.0, 0.01, Recon::L1));
        assert_eq!((c.teacher.train.epochs(), c.distill.train.epochs()), (200, 400));
        assert_eq!((c.teacher_name(), c.distill.checkpoint.as_str()), ("a/b/teacher".into(), "last"));
        assert_eq!(c.search.weighting(), semrel_nn::channels::Weighting::Uniform);
        assert!(c.train(Stage::Distill).is_ok());
        let text = c.train(Stage::Finetune).unwrap_err().to_string();
        assert!(text.contains("section `finetune` is absent"), "{text}");
    }

    #[test]
    fn a_configuration_that_was_written_is_read_alike() {
        let finetune =
            json!({ "finetune": { "channels": "16_16_32_16_32_64_16_16" }, "model": { "discriminator": "pixel" } });
        for more in [json!({}), finetune] {
            let c = config(more).unwrap();
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), to_yaml(&c).unwrap()).unwrap();
            let read: Config = semrel_train::config::load(file.path(), &[]).unwrap();
            assert_eq!(read, c);
        }
    }

    #[test]
    fn a_discriminator_is_a_number_or_a_word() {
        let kind = |value: Value| config(json!({ "model": { "discriminator": value } }));
        assert_eq!(kind(json!(2)).unwrap().model.discriminator, PatchGanKind::NLayers(2));
        assert_eq!(kind(json!("pixel")).unwrap().model.discriminator, PatchGanKind::Pixel);
        for bad in [json!("basic"), json!([3])] {
            let text = kind(bad).unwrap_err().to_string();
            assert!(text.contains("`pixel`, or the number of halvings"), "{text}");
        }
    }

    #[test]
    fn rates_and_gammas_follow_the_epoch() {
        let train = TrainConfig::default();
        let rates = [1, 200, 201, 300, 400].map(|epoch| train.lr(epoch) / 2e-4);
        for (rate, want) in rates.into_iter().zip([1.0, 1.0, 200.0 / 201.0, 101.0 / 201.0, 1.0 / 201.0]) {
            assert!((rate - want).abs() < 1e-12, "{rates:?}");
        }
        let semantic = SemanticConfig::default();
        assert_eq!([1, 100, 400].map(|epoch| semantic.gamma(epoch, 400)), [49.9, 40.0, 10.0]);
    }
}
