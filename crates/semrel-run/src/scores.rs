//! Scores as evaluations write them and tables read them: a field that is renamed here fails to compile in both.
//!
//! [`Evaluation`], [`CompressionEvaluation`] and [`Baseline`] are of translations from one domain to another,
//! [`DomainEvaluation`] and [`DomainBaseline`] of translations between many domains.
//!
//! A score that is not finite is `null` in the file, and NaN where it is read. What does not apply is `null`, too, but its key
//! is there: a file without it was written by another version, and is refused. Scores against the truth may be missing: files
//! of versions that knew none are read.

use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

pub use crate::truth::{GuidedTruth, MaskedPsnr, PairTruth, TruthScores};

pub(crate) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
}

fn numbers<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, f64>, D::Error> {
    let found = BTreeMap::<String, Option<f64>>::deserialize(from)?;
    Ok(found.into_iter().map(|(key, value)| (key, value.unwrap_or(f64::NAN))).collect())
}

/// What the checkpoint is called that does best on the test images.
pub const BEST_ON_TEST: &str = "best-on-test";

/// What a segmenter sees in photographs, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SegmentationScores {
    /// Share of the pixels whose class was seen; pixels without label count as missed.
    #[serde(deserialize_with = "number")]
    pub pixel_accuracy: f64,
    /// The same by class, mean over the 19 classes; absent ones count 0.
    #[serde(deserialize_with = "number")]
    pub class_accuracy: f64,
    /// Mean IoU over the classes that occur: the single-modal table's "mAP", the compression table's mIoU.
    #[serde(deserialize_with = "number")]
    pub mean_iou: f64,
}

/// What scores refer to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protocol {
    /// Name of the feature extractor.
    pub extractor: String,
    /// Name of the Fréchet distance.
    pub fd_name: String,
    /// Test images that are translated.
    pub sources: usize,
    /// Real images that they are compared with, where their number is known.
    #[serde(deserialize_with = "Option::deserialize")]
    pub reals: Option<u64>,
    /// Which these are: `test`, `train` or `all` of the images at hand, or `statistics` of an archive.
    pub reference: String,
    /// Side of the translations; 0 for pictures of their own size.
    pub size: u32,
    /// Name of the segmenter, if one looked.
    #[serde(deserialize_with = "Option::deserialize")]
    pub segmenter: Option<String>,
}

/// Scores of a checkpoint of a single-modal run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// `last`, `best`, `best-on-test`, a step, or a file.
    pub checkpoint: String,
    /// Its step; 0 for a file.
    pub step: u64,
    /// What chose the best checkpoint of its run: `val`, `test` or `last`. Earlier versions did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<String>,
    /// Whether each translation was stretched to its own range before it was scored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stretched: bool,
    /// What the scores refer to.
    #[serde(flatten)]
    pub protocol: Protocol,
    /// Fréchet distance to the target domain.
    #[serde(deserialize_with = "number")]
    pub fd: f64,
    /// What a segmenter sees in the translations.
    #[serde(deserialize_with = "Option::deserialize")]
    pub segmentation: Option<SegmentationScores>,
    /// How near they come to the truth, where it is known.
    #[serde(default)]
    pub truth: Option<TruthScores>,
    /// Further scores that were asked for, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "numbers")]
    pub more: BTreeMap<String, f64>,
    /// Seconds that it took.
    pub seconds: f64,
}

/// What a method must beat, and what it cannot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// What the scores refer to.
    #[serde(flatten)]
    pub protocol: Protocol,
    /// Fréchet distance of the sources, not translated.
    #[serde(deserialize_with = "number")]
    pub fd: f64,
    /// What the segmenter sees in the real test images of the target domain: the ceiling.
    #[serde(deserialize_with = "Option::deserialize")]
    pub ceiling: Option<SegmentationScores>,
    /// How near the sources come to the truth, where it is known.
    #[serde(default)]
    pub truth: Option<TruthScores>,
    /// Further scores that were asked for, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "numbers")]
    pub more: BTreeMap<String, f64>,
}

/// Scores of a generator of a compression row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompressionEvaluation {
    /// Name of the row.
    pub name: String,
    /// Which of its generators: `teacher`, `distill`, `finetune` or `export`.
    pub of: String,
    /// The configuration of a sub-network.
    #[serde(deserialize_with = "Option::deserialize")]
    pub channels: Option<String>,
    /// Steps that its weights have seen; 0 for a file.
    pub step: u64,
    /// Its parameters.
    pub parameters: u64,
    /// Multiply-accumulates of one image.
    pub macs: u64,
    /// Median milliseconds of one image under libtorch.
    pub milliseconds: f64,
    /// Threads of arithmetic.
    pub threads: usize,
    /// What the scores refer to.
    #[serde(flatten)]
    pub protocol: Protocol,
    /// Fréchet distance to the target domain.
    #[serde(deserialize_with = "number")]
    pub fd: f64,
    /// What a segmenter sees in the pictures.
    #[serde(deserialize_with = "Option::deserialize")]
    pub segmentation: Option<SegmentationScores>,
    /// How near they come to the truth, where it is known.
    #[serde(default)]
    pub truth: Option<TruthScores>,
    /// Further scores that were asked for, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "numbers")]
    pub more: BTreeMap<String, f64>,
    /// Folder of the pictures, relative to that of the row, or of the teacher.
    pub images: PathBuf,
    /// Seconds that the evaluation took; where its scores were kept from an earlier one, those of the earlier one.
    pub seconds: f64,
}

/// A score for each ordered pair of domains (`autumn2spring`), and their mean.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PairScores {
    /// Mean over pairs.
    #[serde(deserialize_with = "number")]
    pub mean: f64,
    /// By pair.
    #[serde(deserialize_with = "numbers")]
    pub pairs: BTreeMap<String, f64>,
}

impl PairScores {
    /// Adds the score of a pair.
    pub fn insert(&mut self, pair: String, value: f64) {
        self.pairs.insert(pair, value);
        self.mean = self.pairs.values().sum::<f64>() / self.pairs.len() as f64;
    }
}

/// Scores of one guide.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GuidedScores {
    /// Fréchet distance to the training images of the target domain.
    pub fd: PairScores,
    /// Mean perceptual distance between a source's outputs.
    pub pd: PairScores,
    /// Share of outputs that look like the target domain.
    pub target_accuracy: PairScores,
    /// How near outputs come to the truth, where it is known.
    #[serde(default)]
    pub truth: Option<GuidedTruth>,
    /// Further scores that were asked for, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<String, PairScores>,
}

/// Images of each domain: a number where domains are equal, otherwise one for each in their order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Counts {
    /// As many of each.
    Equal(usize),
    /// By domain.
    ByDomain(Vec<usize>),
}

impl From<Vec<usize>> for Counts {
    fn from(counts: Vec<usize>) -> Self {
        match counts.first() {
            Some(&first) if counts.iter().all(|&n| n == first) => Self::Equal(first),
            _ => Self::ByDomain(counts),
        }
    }
}

/// What scores refer to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DomainProtocol {
    /// Name of the feature extractor.
    pub extractor: String,
    /// Name of the Fréchet distance.
    pub fd_name: String,
    /// Name of the perceptual distance.
    pub pd_name: String,
    /// Outputs per source image and target domain.
    pub num_outs: i64,
    /// Source images per domain.
    pub sources_per_domain: Counts,
    /// Training images per domain that outputs are compared with.
    pub reals_per_domain: Counts,
    /// Side of the images.
    pub img_size: i64,
    /// How many times smaller a side of an image is made before it is classified.
    pub classified_at: u32,
    /// Share of real validation images that the classifier recognises: the ceiling of the target accuracy.
    pub real_accuracy: f64,
}

/// Scores of a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DomainEvaluation {
    /// `last`, `best`, `best-on-test`, a step, or a file.
    pub checkpoint: String,
    /// Its step.
    pub step: u64,
    /// What chose the best checkpoint of its run: `val`, `test` or `last`. Earlier versions did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<String>,
    /// What the scores refer to.
    #[serde(flatten)]
    pub protocol: DomainProtocol,
    /// Latent-guided.
    pub latent: GuidedScores,
    /// Reference-guided.
    pub reference: GuidedScores,
    /// Seconds that the evaluation took.
    pub seconds: f64,
}

/// Scores of the sources themselves, not translated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DomainBaseline {
    /// What the scores refer to.
    #[serde(flatten)]
    pub protocol: DomainProtocol,
    /// Fréchet distance of the sources to the training images of the target domain.
    pub fd: PairScores,
    /// Share of the sources that look like the target domain.
    pub target_accuracy: PairScores,
    /// How near the sources come to the truth, where it is known.
    #[serde(default)]
    pub truth: Option<PairTruth>,
    /// Further scores that were asked for, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<String, PairScores>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_finite_is_null_and_what_is_absent_is_refused() {
        let scores = json!({"mean": null, "pairs": {"a2b": null, "b2a": 1.5}});
        let read: PairScores = serde_json::from_value(scores.clone()).unwrap();
        assert!(read.mean.is_nan() && read.pairs["a2b"].is_nan() && read.pairs["b2a"] == 1.5);
        assert_eq!(serde_json::to_value(&read).unwrap(), scores);
        let baseline = |text: &str| {
            let head = r#""extractor":"x","fd_name":"FD(x)","sources":1,"reference":"test","size":0,"segmenter":null"#;
            serde_json::from_str::<Baseline>(&format!("{{{head},{text}}}"))
        };
        let read = baseline(r#""reals":null,"fd":null,"ceiling":null"#).unwrap();
        assert!(read.fd.is_nan() && read.ceiling.is_none() && read.truth.is_none());
        for text in [r#""reals":null,"fd":1.5"#, r#""fd":1.5,"ceiling":null"#, r#""reals":null,"ceiling":null"#] {
            let error = baseline(text).unwrap_err().to_string();
            assert!(error.contains("missing field"), "{error}");
        }
    }

    #[test]
    fn counts_are_told_by_domain_where_they_differ() {
        let text = |counts: Vec<usize>| serde_json::to_string(&Counts::from(counts)).unwrap();
        assert_eq!(text(vec![3, 3]), "3");
        assert_eq!(text(vec![3, 2, 3]), "[3,2,3]");
        assert_eq!(serde_json::from_str::<Counts>("[3,2,3]").unwrap(), Counts::ByDomain(vec![3, 2, 3]));
    }
}
