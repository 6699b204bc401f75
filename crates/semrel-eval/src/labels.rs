//! The label images that pictures were made from, and how well a segmenter finds them again in the pictures.

use crate::error::AtKey;
use crate::image_set::check_each;
use crate::{EvalError, ImageSet, Segmenter};
use image::{GrayImage, RgbImage};
use semrel_metrics::segmentation::{CLASSES, LabelFormat, LabelImage, LabelTable, pictures_confusion};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Label images, one for each picture of a set.
#[derive(Debug)]
pub struct Labels {
    sources: ImageSet,
    table: Option<LabelTable>,
}

impl Labels {
    /// The images of the set themselves, in the colours of Cityscapes.
    pub fn of_colors(sources: ImageSet) -> Self {
        Self { sources, table: None }
    }

    /// Those that a table names (config key `key`; relative paths are taken from its folder), or the images of the set
    /// themselves, in the colours of Cityscapes.
    ///
    /// # Errors
    /// A table that cannot be read.
    pub fn new(sources: ImageSet, key: &str, table: Option<&Path>) -> Result<Self, EvalError> {
        let read = |table: &Path| LabelTable::read(table, table.parent().unwrap_or(Path::new("")));
        Ok(Self { sources, table: table.map(read).transpose().at_key(key)? })
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.sources.len()
    }

    /// Reads all, with a bar named `what`.
    ///
    /// # Errors
    /// As [`Labels::ids`]; where none of them has a class.
    pub fn check(&self, what: &str, quiet: bool) -> Result<(), EvalError> {
        let labelled = AtomicBool::new(false);
        let look = |i: usize| {
            if self.ids(i)?.iter().any(|id| usize::from(*id) < CLASSES) {
                labelled.store(true, Ordering::Relaxed);
            }
            Ok(())
        };
        let count = self.sources.len();
        check_each(what, count, look, quiet)?;
        if labelled.into_inner() {
            return Ok(());
        }
        Err(EvalError::Unlabelled { first: self.sources.files()[0].clone(), others: count - 1, largest: CLASSES - 1 })
    }

    /// Their files.
    ///
    /// # Errors
    /// An image that is in no line of the table.
    pub fn files(&self) -> Result<Vec<PathBuf>, EvalError> {
        let of = |file: &PathBuf| match &self.table {
            Some(table) => Ok(table.label_of(file)?.to_owned()),
            None => Ok(file.clone()),
        };
        self.sources.files().iter().map(of).collect()
    }

    /// Train ids of one, at its own size.
    ///
    /// # Errors
    /// Names the file: not readable, not in these colours, in no line of the table.
    pub fn ids(&self, item: usize) -> Result<GrayImage, EvalError> {
        let file = &self.sources.files()[item];
        let label = match &self.table {
            Some(table) => LabelImage::read(table.label_of(file)?, LabelFormat::TrainId)?,
            None => LabelImage::of_colors(self.sources.read(item)?, file)?,
        };
        Ok(label.ids())
    }
}

/// The mean IoU of many sets of outputs of the same sources, for a search.
#[derive(Debug)]
pub struct MeanIou {
    segmenter: Segmenter,
    ids: Vec<GrayImage>,
}

impl MeanIou {
    /// Against these labels, which are read now and kept.
    ///
    /// # Errors
    /// As [`Labels::ids`].
    pub fn new(segmenter: Segmenter, labels: &Labels) -> Result<Self, EvalError> {
        let ids = (0..labels.count()).map(|i| labels.ids(i)).collect::<Result<_, _>>()?;
        Ok(Self { ids, segmenter })
    }

    /// Mean IoU in percent of outputs, one for each source.
    ///
    /// # Errors
    /// As many outputs as sources are expected.
    pub fn percent(&self, outputs: &[RgbImage]) -> Result<f64, EvalError> {
        Ok(pictures_confusion(self.segmenter.network(), outputs, &self.ids)?.mean_iou_percent()?)
    }

    /// Name that scores carry, such as `mIoU(drn-d-105)`.
    pub fn name(&self) -> String {
        format!("mIoU({})", self.segmenter.name())
    }

    /// A text that two of these share where they see the same: segmenter and labels.
    pub fn identity(&self) -> String {
        let mut labels = Sha256::new();
        for ids in &self.ids {
            labels.update(ids.width().to_le_bytes());
            labels.update(ids.as_raw());
        }
        format!("{} {} {}", self.segmenter.name(), self.segmenter.digest(), hex::encode(labels.finalize()))
    }
}
