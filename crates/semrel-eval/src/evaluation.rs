//! The published evaluation of an image-to-image translation: the test images are translated, written, and the files scored.
//!
//! The Fréchet distance compares the translations with a reference set. Where the sources are label maps, a segmenter looks
//! at the translations, and what it finds is compared with the labels that they were made from.

use crate::{
    EvalError, ImageSet, ImageTranslator, InputOptions, Labels, More, Scorer, Segmenter, Truth, translate_images,
};
use image::RgbImage;
use rayon::prelude::*;
use semrel_data::image_io::{read_rgb, write_image};
use semrel_data::translate::{Job, named, translate_with};
use semrel_data::{DataError, translation_input, translation_output};
use semrel_metrics::extractor::features_of_files;
use semrel_metrics::segmentation::{
    LabelFormat, Pair, PhotoSettings, SegmentationMetrics, full_size_confusion_of, photo_confusion,
};
use semrel_run::scores::{Protocol, SegmentationScores, TruthScores};
use semrel_train::Progress;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tch::Tensor;

/// Folder of the test images, as published.
const SOURCE: &str = "real_A";
/// Folder of their translations.
const OUTPUT: &str = "fake_B";
/// Folder of the real photographs.
const TARGET: &str = "real_B";

/// How a segmenter is applied to photographs.
#[derive(Debug)]
pub enum SegmentationProtocol {
    /// As the single-modal table is published: photograph and label, which is the written source, at 256 × 128.
    Reduced,
    /// As the compression table is published: the photograph at its own size, and class planes enlarged to the size of
    /// these labels.
    FullSize(Labels),
}

/// A segmenter, and how it is applied.
#[derive(Debug)]
pub struct Segmentation {
    /// The segmenter.
    pub segmenter: Segmenter,
    /// How it is applied.
    pub protocol: SegmentationProtocol,
    /// The config key that says where labels are from, for errors.
    pub key: &'static str,
}

/// Scores of a generator, or of what stands in for its outputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// Fréchet distance to the reference set.
    pub fd: f64,
    /// Accuracies and mean IoU of the segmenter on them.
    pub segmentation: Option<SegmentationScores>,
    /// How near the pictures come to the truth.
    pub truth: Option<TruthScores>,
    /// Further scores that were asked for, by name.
    pub more: BTreeMap<String, f64>,
}

/// The test images of a data set, with all that they are scored by.
pub struct Evaluator {
    scorer: Scorer,
    sources: ImageSet,
    options: InputOptions,
    names: Vec<PathBuf>,
    segmentation: Option<Segmentation>,
    truth: Option<Truth>,
    more: Option<More>,
    quiet: bool,
}

impl Evaluator {
    /// `scorer` looks at `sources` with these `options`.
    ///
    /// # Errors
    /// Two sources whose translations would share a name.
    pub fn new(
        scorer: Scorer,
        sources: ImageSet,
        options: InputOptions,
        segmentation: Option<Segmentation>,
        quiet: bool,
    ) -> Result<Self, EvalError> {
        let names = sources.output_names()?;
        Ok(Self { scorer, sources, options, names, segmentation, truth: None, more: None, quiet })
    }

    /// The same with the truth of these sources, where it is known.
    #[must_use]
    pub fn with_truth(self, truth: Option<Truth>) -> Self {
        Self { truth, ..self }
    }

    /// The same with further scores.
    #[must_use]
    pub fn with_more(self, more: More) -> Self {
        Self { more: Some(more), ..self }
    }

    /// What the scores refer to; `reference` names the real images.
    pub fn protocol(&self, reference: &str) -> Protocol {
        let extractor = self.scorer.extractor();
        Protocol {
            extractor: extractor.name().to_owned(),
            fd_name: extractor.frechet_name(),
            sources: self.sources.len(),
            reals: self.scorer.reference().count(),
            reference: reference.to_owned(),
            size: self.options.size.map_or(0, |(side, _)| side),
            segmenter: self.segmentation.as_ref().map(|s| s.segmenter.name().to_owned()),
        }
    }

    /// Translates the test images into `folder` (`real_A`, `fake_B`) and scores the files.
    ///
    /// # Errors
    /// Files that cannot be read or written; sizes that do not fit; outputs that are not finite; labels that do not fit.
    pub fn evaluate(&self, translator: &dyn ImageTranslator, folder: &Path) -> Result<Scores, EvalError> {
        self.write_sources(folder)?;
        let mut bar = Progress::new("translations", 0, self.names.len() as u64, self.quiet);
        let files: Vec<PathBuf> = self.names.iter().map(|name| folder.join(OUTPUT).join(name)).collect();
        let job = |(input, output): (&PathBuf, &PathBuf)| Job { input: input.clone(), output: output.clone() };
        let jobs: Vec<Job> = self.sources.files().iter().zip(&files).map(job).collect();
        // Files are read by their numbers: of an aligned picture, one half.
        let (set, size) = (Arc::new(self.sources.clone()), self.options.size);
        let numbers: BTreeMap<PathBuf, usize> = self.sources.files().iter().cloned().zip(0..).collect();
        let read = move |file: &Path| Ok(translation_input(&set.read(numbers[file])?, size));
        let mut run = |jobs: &[Job], images: &[ndarray::Array3<f32>]| {
            translate_images(translator, images).map_err(|error| error.of(named(jobs)))
        };
        translate_with(&jobs, self.options.batch, read, &|job| vec![job.output.clone()], &mut run, &mut |done| {
            bar.set(done as u64);
            true
        })?;
        bar.finish();
        let segmentation = self.segmentation_scores(&folder.join(OUTPUT), folder)?;
        self.scores_of_files("features of the translations", &files, folder, segmentation)
    }

    /// Scores the sources as they are: what a method must beat; and, where a segmenter looks, the real photographs of `targets`
    /// that belong to them: the ceiling. Both are written to `folder` at the size of the translations.
    ///
    /// # Errors
    /// As [`Evaluator::evaluate`]; a label without photograph.
    pub fn baseline(&self, targets: &ImageSet, folder: &Path) -> Result<Scores, EvalError> {
        self.write_sources(folder)?;
        let files: Vec<PathBuf> = self.names.iter().map(|name| folder.join(SOURCE).join(name)).collect();
        let mut ceiling = None;
        if self.segmentation.is_some() {
            let wanted: BTreeSet<_> = self.names.iter().collect();
            let names = targets.output_names()?.into_iter().enumerate().filter(|(_, name)| wanted.contains(name));
            write_pictures(targets, names, self.options.size, &folder.join(TARGET))?;
            ceiling = self.segmentation_scores(&folder.join(TARGET), folder)?;
        }
        self.scores_of_files("features of the sources", &files, folder, ceiling)
    }

    /// Scores of files, which are made of the sources in `folder`, beside those of the segmenter. Where one network gives the
    /// Fréchet distance and that to the truth, it looks at each file once.
    fn scores_of_files(
        &self,
        label: &str,
        files: &[PathBuf],
        folder: &Path,
        segmentation: Option<SegmentationScores>,
    ) -> Result<Scores, EvalError> {
        let (truth, features) = match &self.truth {
            Some(truth) => {
                let (scores, features) = truth.scores(files, self.scorer.extractor(), self.quiet)?;
                (Some(scores), features)
            }
            None => (None, None),
        };
        let features = features.map_or_else(|| self.features_of_files(label, files), Ok)?;
        let reference = self.scorer.reference();
        let sources: Vec<PathBuf> = self.names.iter().map(|name| folder.join(SOURCE).join(name)).collect();
        let more = |more: &More| more.of_files(reference, &features, &sources, files, self.quiet);
        let more = self.more.as_ref().map_or_else(|| Ok(BTreeMap::new()), more)?;
        Ok(Scores { fd: reference.distance(&features)?, segmentation, truth, more })
    }

    /// Features [N, d] of files.
    fn features_of_files(&self, label: &str, files: &[PathBuf]) -> Result<Tensor, EvalError> {
        let mut bar = Progress::new(label, 0, files.len() as u64, self.quiet);
        let features = features_of_files(self.scorer.extractor(), files, &mut |done| bar.set(done as u64))?;
        bar.finish();
        Ok(features)
    }

    /// Writes the sources to `folder/real_A`.
    fn write_sources(&self, folder: &Path) -> Result<(), EvalError> {
        let names = self.names.iter().cloned().enumerate();
        write_pictures(&self.sources, names, self.options.size, &folder.join(SOURCE))
    }

    /// What the segmenter sees in the photographs of a folder, against the labels. Only those of this evaluation count: the
    /// folder may hold pictures of an earlier, larger one.
    fn segmentation_scores(&self, photographs: &Path, folder: &Path) -> Result<Option<SegmentationScores>, EvalError> {
        let Some(Segmentation { segmenter, protocol, key }) = &self.segmentation else { return Ok(None) };
        let pair = |name: &PathBuf| Pair { photo: photographs.join(name), label: folder.join(SOURCE).join(name) };
        let pairs: Vec<Pair> = self.names.iter().map(pair).collect();
        if let Some(pair) = pairs.iter().find(|pair| !pair.photo.is_file()) {
            let (folder, label) = (photographs.to_owned(), pair.label.clone());
            return Err(EvalError::NoPhotograph { folder, label });
        }
        let mut bar = Progress::new("segmentation", 0, pairs.len() as u64, self.quiet);
        let mut progress = |done: usize| bar.set(done as u64);
        let network = segmenter.network();
        let confusion = match protocol {
            SegmentationProtocol::Reduced => {
                photo_confusion(network, &pairs, LabelFormat::Color, &PhotoSettings::default(), &mut progress)
                    .map_err(EvalError::from)
            }
            SegmentationProtocol::FullSize(labels) => {
                let load = |i: usize| -> Result<_, EvalError> { Ok((read_rgb(&pairs[i].photo)?, labels.ids(i)?)) };
                full_size_confusion_of(network, pairs.len(), load, &mut progress)
            }
        };
        bar.finish();
        let confusion = confusion.map_err(|error| error.at_key(*key))?;
        let SegmentationMetrics { pixel_accuracy, class_accuracy, mean_iou } = SegmentationMetrics::new(&confusion)?;
        Ok(Some(SegmentationScores { pixel_accuracy, class_accuracy, mean_iou }))
    }
}

/// The pictures that an evaluation of `sources` writes to `folder`: these (`real_A`) and their translations (`fake_B`).
///
/// # Errors
/// Two sources whose translations would share a name.
pub fn written_pictures(sources: &ImageSet, folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let names = sources.output_names()?;
    let written = |of: &str| -> Vec<PathBuf> { names.iter().map(|name| folder.join(of).join(name)).collect() };
    Ok([written(SOURCE), written(OUTPUT)].concat())
}

/// An image of a set at the size of the translations.
pub(crate) fn picture(set: &ImageSet, item: usize, size: Option<(u32, u32)>) -> Result<RgbImage, EvalError> {
    Ok(translation_output(translation_input(&set.read(item)?, size).view()))
}

/// Writes images of a set, by number and name, at the size of the translations.
fn write_pictures(
    set: &ImageSet,
    names: impl Iterator<Item = (usize, PathBuf)>,
    size: Option<(u32, u32)>,
    folder: &Path,
) -> Result<(), EvalError> {
    let names: Vec<(usize, PathBuf)> = names.collect();
    let write = |(i, name): &(usize, PathBuf)| -> Result<(), EvalError> {
        Ok(write_image(&folder.join(name), &picture(set, *i, size)?)?)
    };
    // The first that fails, always the same.
    names.par_iter().find_map_first(|named| write(named).err()).map_or(Ok(()), Err)
}
