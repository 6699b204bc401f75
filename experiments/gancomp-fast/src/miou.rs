//! What a segmenter sees in outputs that were made from label maps: accuracies and the mean IoU of the compression table.
//!
//! Outputs are looked at as they are; the class planes are enlarged to the size of the label image, and their arg-max is
//! compared with it.

use crate::config::Config;
use crate::data::{Data, Pictures, check_each};
use anyhow::{Context, Result, ensure};
use image::{GrayImage, RgbImage};
use semrel_data::PairLayout;
use semrel_data::image_io::write_image;
use semrel_metrics::networks::Drn;
use semrel_metrics::networks::drn::Arch;
use semrel_metrics::segmentation::{
    CLASSES, Confusion, LabelFormat, LabelImage, LabelTable, Pair, Seen, Segmenter, fit_or_find, pairs_by_stem,
    pictures_confusion,
};
use sha2::{Digest, Sha256};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use tch::Device;

/// What a head is fitted to, in errors.
const TRAINING_SET: &str = "config key `eval.segmentation`: photographs and labels of the training set";

/// Outputs that are looked at together.
const CHUNK: usize = 64;

/// A segmenter, with what tells it from others of its name.
pub struct Eyes {
    segmenter: Box<dyn Segmenter>,
    digest: String,
}

impl Eyes {
    /// DRN-D-105 where `eval.segmenter` names its weights, otherwise a small head fitted to the photographs and labels of the
    /// training set.
    ///
    /// # Errors
    /// Weights that are missing or of another network; pictures that are no photographs and labels.
    pub fn open(config: &Config, data: &Data, device: Device, quiet: bool) -> Result<Self> {
        if let Some(weights) = &config.eval.segmenter {
            let drn = Drn::load_file(Arch::D105, weights, device).context("config key `eval.segmenter`")?;
            let bytes = std::fs::read(weights).with_context(|| weights.display().to_string())?;
            return Ok(Self { segmenter: Box::new(drn), digest: hex::encode(Sha256::digest(bytes)) });
        }
        let (photos, labels) = (data.direction.target(), data.direction.source());
        // A head is fitted to files, each of one picture.
        let halves = tempfile::tempdir().context("a temporary folder")?;
        let pairs = match data.train.layout {
            PairLayout::Aligned => {
                let write = |(i, file): (usize, &std::path::PathBuf)| -> Result<Pair> {
                    let name = Path::new(&format!("{i:06}")).with_extension("png");
                    let pair =
                        Pair { photo: halves.path().join("photos").join(&name), label: halves.path().join(&name) };
                    for (side, path) in [(photos, &pair.photo), (labels, &pair.label)] {
                        let half = Pictures::new(&data.train, side).read(i);
                        write_image(path, &half.with_context(|| file.display().to_string())?)?;
                    }
                    Ok(pair)
                };
                data.train
                    .files(photos)
                    .iter()
                    .enumerate()
                    .map(write)
                    .collect::<Result<Vec<_>>>()
                    .context(TRAINING_SET)?
            }
            _ => pairs_by_stem(data.train.folder(photos), data.train.folder(labels)).context(TRAINING_SET)?,
        };
        let head = fit_or_find(&pairs, LabelFormat::Color, config.eval.segmenter_steps, device, quiet)
            .context(TRAINING_SET)?;
        // What it was fitted to, not its weights: those of another machine differ in roundings.
        let digest = head.fitted_to().to_owned();
        Ok(Self { segmenter: Box::new(head), digest })
    }

    /// Refuses what [`Eyes::open`] would, without a fit.
    ///
    /// # Errors
    /// As [`Eyes::open`].
    pub fn check(config: &Config, data: &Data, quiet: bool) -> Result<()> {
        if let Some(weights) = &config.eval.segmenter {
            return Drn::load_file(Arch::D105, weights, Device::Cpu).map(drop).context("config key `eval.segmenter`");
        }
        let (photos, labels) = (data.direction.target(), data.direction.source());
        if data.train.layout != PairLayout::Aligned {
            pairs_by_stem(data.train.folder(photos), data.train.folder(labels)).context(TRAINING_SET)?;
        }
        let [photos, labels] = [photos, labels].map(|side| Pictures::new(&data.train, side));
        photos.check("photographs of the segmenter", photos.len(), quiet).context(TRAINING_SET)?;
        let count = labels.len();
        let labels = Labels { sources: labels, table: None };
        labels.check("labels of the segmenter", count, quiet).context(TRAINING_SET)
    }

    /// Name that scores carry.
    pub fn name(&self) -> &'static str {
        self.segmenter.name()
    }
}

/// The label images that pictures are made from.
pub struct Labels<'a> {
    sources: Pictures<'a>,
    table: Option<LabelTable>,
}

impl<'a> Labels<'a> {
    /// Those of the test images.
    ///
    /// # Errors
    /// A table that cannot be read.
    pub fn of_tests(config: &Config, data: &'a Data) -> Result<Self> {
        Self::new(data.test_sources(), ("eval.label_table", config.eval.label_table.as_deref()))
    }

    /// Those of the images that are set aside for the search.
    ///
    /// # Errors
    /// As [`Labels::of_tests`]; where no image is set aside.
    pub fn of_search(config: &Config, data: &'a Data) -> Result<Self> {
        Self::new(data.search_sources()?, ("search.label_table", config.search.label_table.as_deref()))
    }

    /// Those that a table names (config key `key`; relative paths are taken from its folder), or the sources themselves, in the
    /// colours of Cityscapes.
    fn new(sources: Pictures<'a>, (key, table): (&str, Option<&Path>)) -> Result<Self> {
        let read = |table: &Path| LabelTable::read(table, table.parent().unwrap_or(Path::new("")));
        let table = table.map(read).transpose().with_context(|| format!("config key `{key}`"))?;
        Ok(Self { sources, table })
    }

    /// Reads the first `count`, with a bar named `what`.
    ///
    /// # Errors
    /// As [`Labels::ids`]; where none of them has a class.
    pub fn check(&self, what: &str, count: usize, quiet: bool) -> Result<()> {
        let labelled = AtomicBool::new(false);
        let look = |i: usize| {
            if self.ids(i..i + 1)?.iter().flat_map(|ids| ids.iter()).any(|id| usize::from(*id) < CLASSES) {
                labelled.store(true, Ordering::Relaxed);
            }
            Ok(())
        };
        check_each(what, count, look, quiet)?;
        ensure!(
            labelled.into_inner(),
            "no pixel of the labels of {} and {} more has a class; expected train ids from 0 to {}",
            self.sources.files()[0].display(),
            count - 1,
            CLASSES - 1
        );
        Ok(())
    }

    /// Train ids of some of the sources, each of its own size.
    ///
    /// # Errors
    /// Names the file: not readable, not in these colours, in no line of the table.
    pub fn ids(&self, items: Range<usize>) -> Result<Vec<GrayImage>> {
        items
            .map(|i| {
                let file = &self.sources.files()[i];
                let label = match &self.table {
                    Some(table) => LabelImage::read(table.label_of(file)?, LabelFormat::TrainId)?,
                    None => LabelImage::of_colors(self.sources.read(i)?, file)?,
                };
                Ok(label.ids())
            })
            .collect()
    }
}

/// What is seen in outputs, one for each of the first sources, against labels that are read as they are needed.
///
/// # Errors
/// As [`Labels::ids`].
pub fn seen(eyes: &Eyes, labels: &Labels<'_>, outputs: &[RgbImage]) -> Result<Seen> {
    let mut sum = Confusion::default();
    for (outputs, first) in outputs.chunks(CHUNK).zip((0..).step_by(CHUNK)) {
        let ids = labels.ids(first..first + outputs.len())?;
        sum += &pictures_confusion(eyes.segmenter.as_ref(), outputs, &ids)?;
    }
    Ok(Seen::new(&sum)?)
}

/// The mean IoU of many sets of outputs of the same sources.
pub struct MeanIou {
    eyes: Eyes,
    ids: Vec<GrayImage>,
}

impl MeanIou {
    /// Against the labels of the first `count` sources, which are kept.
    ///
    /// # Errors
    /// As [`Labels::ids`].
    pub fn new(eyes: Eyes, labels: &Labels<'_>, count: usize) -> Result<Self> {
        Ok(Self { ids: labels.ids(0..count)?, eyes })
    }

    /// Mean IoU in percent of outputs, one for each source.
    ///
    /// # Errors
    /// None is known for as many outputs as sources.
    pub fn percent(&self, outputs: &[RgbImage]) -> Result<f64> {
        Ok(pictures_confusion(self.eyes.segmenter.as_ref(), outputs, &self.ids)?.mean_iou_percent()?)
    }

    /// Name that scores carry, such as `mIoU(drn-d-105)`.
    pub fn name(&self) -> String {
        format!("mIoU({})", self.eyes.name())
    }

    /// A text that two of these share where they see the same: segmenter and labels.
    pub fn identity(&self) -> String {
        let mut labels = Sha256::new();
        for ids in &self.ids {
            labels.update(ids.width().to_le_bytes());
            labels.update(ids.as_raw());
        }
        format!("{} {} {}", self.eyes.name(), self.eyes.digest, hex::encode(labels.finalize()))
    }
}
