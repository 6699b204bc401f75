//! Section of the evaluation.

use schemars::JsonSchema;
use semrel_data::Select;
use semrel_eval::{ExtractorChoice, MoreScores, SegmenterChoice, TruthChoice};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EvalConfig {
    /// What decides on the best checkpoint: `val`, training images that are set apart; `test`, the test images, as papers do;
    /// or nothing, `last`. The same decides on previews: with `val` and `last`, training reads no test image.
    pub select: Select,
    /// Images per batch.
    pub batch_size: i64,
    /// Test images that are translated, the first in order; all if omitted.
    pub max_sources: Option<usize>,
    /// Images that outputs are compared with: `test` as published, or `train` if the test set is too small. While a run with
    /// `select: val` trains, the validation images stand in for those of the test, and `train` is what they leave.
    pub reference: Reference,
    /// Pixel and class accuracy and mean IoU of a segmenter on the outputs. Needs labels (see docs/single-modal.md).
    pub segmentation: bool,
    /// Features of the Fréchet distance: `effnet-lite0`, `effnet-lite2`, `inception-fid` (whose distance is FID), or another
    /// network of `semrel-metrics`.
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
    /// What the translations of the test images should be, hidden from training: a folder of pictures of the same names, of the
    /// size that translations have, or `pairs` for the other pictures of the test pairs. Distances to it are reported.
    pub truth: Option<PathBuf>,
    /// A folder of masks of the same names, white where pictures should change: PSNR inside and outside is reported.
    pub masks: Option<PathBuf>,
    /// Stretch each translation to its own range from black to white, as MUNIT's published program saves it; it moves Fréchet distances.
    pub stretch: bool,
    /// The perceptual distance to the truth: over the feature maps of an extractor, such as `effnet-lite0`, or `lpips-alex`.
    pub perceptual: String,
    /// Further scores of the test images: `scores: [kid, prdc, mmd, structure, relations, coupling]`, or some of them.
    pub more: MoreScores,
}

impl EvalConfig {
    /// What the scores of checkpoints depend on ([`Fit::measure`](semrel_train::Fit::measure)).
    pub fn measure(&self) -> Value {
        // As checkpoints had it before there was a choice.
        let measure = if self.extractor == semrel_metrics::networks::DEFAULT && self.extractor_weights.is_none() {
            json!([self.reference, self.max_sources])
        } else {
            json!([self.extractor, self.extractor_weights, self.reference, self.max_sources])
        };
        let measure = if self.stretch { json!([measure, "stretched"]) } else { measure };
        if self.select == Select::Val { json!([self.select, measure]) } else { measure }
    }

    /// The extractor of the Fréchet distance.
    pub fn extractor(&self) -> ExtractorChoice<'_> {
        ExtractorChoice { name: &self.extractor, weights: self.extractor_weights.as_deref() }
    }

    /// The truth of the test images.
    pub fn truth(&self) -> TruthChoice<'_> {
        TruthChoice { truth: self.truth.as_deref(), masks: self.masks.as_deref(), perceptual: &self.perceptual }
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
            select: Select::default(),
            batch_size: 8,
            max_sources: None,
            reference: Reference::Test,
            segmentation: false,
            extractor: semrel_metrics::networks::DEFAULT.to_owned(),
            extractor_weights: None,
            segmenter: semrel_eval::HEAD.to_owned(),
            segmenter_weights: None,
            segmenter_steps: 1500,
            truth: None,
            masks: None,
            stretch: false,
            perceptual: semrel_metrics::networks::DEFAULT.to_owned(),
            more: MoreScores::default(),
        }
    }
}
