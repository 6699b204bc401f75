//! Scores of generated street scenes: a segmentation network labels the photographs, and its labels are compared with
//! those that the photographs were made from.
//!
//! | published score | how |
//! |---|---|
//! | "mAP" of the single-modal table | [`photo_confusion`] with DRN-D-22, then [`Confusion::mean_iou_percent`] |
//! | pixAcc and classAcc | [`accuracy_confusion`] of the colour maps that the step before wrote, then [`Accuracy`] |
//! | mIoU of the compression table | [`full_size_confusion`] with DRN-D-105, then [`Confusion::mean_iou_percent`] |
//!
//! Every network is a [`Segmenter`], and a score carries its name. [`HeadSegmenter`] needs no weights of DRN: it is fitted
//! to the photographs and labels at hand.

mod confusion;
pub mod head;
mod head_cache;
mod head_fit;
mod head_segmenter;
mod head_session;
mod label_files;
pub mod labels;
mod pairs;
pub mod pipeline;
mod scores;
pub mod segmenter;

pub use confusion::Confusion;
pub use head::HeadConfig;
pub use head_fit::FitProgress;
pub use head_segmenter::HeadSegmenter;
pub use head_session::fit_or_find;
pub use label_files::{LabelFormat, LabelImage};
pub use labels::{CLASSES, ChannelOrder, IGNORE};
pub use pairs::{LabelTable, Pair, pairs_by_stem, pairs_by_table};
pub use pipeline::{
    PhotoSettings, accuracy_confusion, full_size_confusion, full_size_confusion_of, photo_confusion, pictures_confusion,
};
pub use scores::{Accuracy, AccuracyMode, SegmentationMetrics};
pub use segmenter::Segmenter;
