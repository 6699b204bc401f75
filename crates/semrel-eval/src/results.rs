//! What evaluations of pairs of domains write, and tables read.

use serde::{Deserialize, Serialize};

/// What a segmenter sees in photographs, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SegmentationScores {
    /// Share of the pixels whose class was seen; pixels without label count as missed.
    pub pixel_accuracy: f64,
    /// The same by class, mean over the 19 classes; absent ones count 0.
    pub class_accuracy: f64,
    /// Mean IoU over the classes that occur: the single-modal table's "mAP", the compression table's mIoU.
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
    pub reals: Option<u64>,
    /// Which these are: `test`, `train` or `all` of the images at hand, or `statistics` of an archive.
    pub reference: String,
    /// Side of the translations; 0 for pictures of their own size.
    pub size: u32,
    /// Name of the segmenter, if one looked.
    pub segmenter: Option<String>,
}

/// Scores of a checkpoint of a single-modal run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// `last`, `best`, a step, or a file.
    pub checkpoint: String,
    /// Its step; 0 for a file.
    pub step: u64,
    /// What the scores refer to.
    #[serde(flatten)]
    pub protocol: Protocol,
    /// Fréchet distance to the target domain.
    pub fd: f64,
    /// What a segmenter sees in the translations.
    pub segmentation: Option<SegmentationScores>,
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
    pub fd: f64,
    /// What the segmenter sees in the real test images of the target domain: the ceiling.
    pub ceiling: Option<SegmentationScores>,
}
