//! The published evaluation: translate the test images, write them, and score the files.
//!
//! The Fréchet distance compares the translations with the real images of the target domain as they are on disk. Where the
//! sources are label maps, a segmenter looks at the translations, and what it sees is compared with the labels they were
//! made from: pixel and class accuracy and mean IoU (the paper's "mAP") of the published scripts, with corrected colours.

use crate::config::{Config, Reference};
use crate::data::Data;
use crate::networks::Generator;
use crate::translate::{translate, translated};
use anyhow::{Context, Result, ensure};
use image::RgbImage;
use ndarray::{Axis, stack};
use semrel_data::image_io::write_image;
use semrel_data::rng::derive_seed;
use semrel_data::translate::{Job, TranslateOptions, output_name, output_names};
use semrel_data::{read_translation_input, translation_output};
use semrel_metrics::EfficientNetLite0;
use semrel_metrics::extractor::{Extractor, features_of_files, features_of_images};
use semrel_metrics::frechet::{Activations, MeanPrecision};
use semrel_metrics::networks::Drn;
use semrel_metrics::networks::drn::Arch;
use semrel_metrics::segmentation::{
    LabelFormat, Pair, PhotoSettings, Seen, Segmenter, fit_or_find, pairs_by_stem, photo_confusion,
};
use semrel_nn::Net;
use semrel_train::Progress;
use semrel_train::batches::tensor;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tch::{Device, no_grad};

/// Folders of an evaluation, named as published.
const SOURCE: &str = "real_A";
const OUTPUT: &str = "fake_B";
const TARGET: &str = "real_B";

/// What scores refer to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Protocol {
    /// Name of the feature extractor.
    pub extractor: String,
    /// Name of the Fréchet distance.
    pub fd_name: String,
    /// Images that are translated.
    pub sources: usize,
    /// Real images that they are compared with.
    pub reals: usize,
    /// Where those are from.
    pub reference: Reference,
    /// Side of the translations; 0 for pictures of their own size.
    pub size: u32,
    /// Name of the segmenter, if one looked.
    pub segmenter: Option<String>,
}

/// Scores of a checkpoint.
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
    pub segmentation: Option<Seen>,
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
    pub ceiling: Option<Seen>,
}

/// The real images of a data set, as the evaluation sees them.
pub struct Scorer<'a> {
    config: &'a Config,
    data: &'a Data,
    extractor: EfficientNetLite0,
    reals: Activations,
    sources: Vec<PathBuf>,
    quiet: bool,
}

impl<'a> Scorer<'a> {
    /// Reads the features of the real images.
    ///
    /// # Errors
    /// Weights that are missing, images that cannot be read, fewer than two of them.
    pub fn new(config: &'a Config, data: &'a Data, device: Device, quiet: bool) -> Result<Self> {
        let extractor = EfficientNetLite0::load(device).context("the evaluation's extractor")?;
        let folder = match config.eval.reference {
            Reference::Test => &data.test,
            Reference::Train => &data.train,
        };
        let target = data.direction.target();
        let mut bar = Progress::new("real images", 0, folder.files(target).len() as u64, quiet);
        let aligned = folder.folder(target) == folder.folder(data.direction.source());
        let features = if aligned {
            let halves = (0..folder.files(target).len()).map(|i| Ok(folder.read(target, i)?));
            features_of_images(&extractor, &halves.collect::<Result<Vec<_>>>()?)?
        } else {
            features_of_files(&extractor, folder.files(target), &mut |done| bar.set(done as u64))?
        };
        bar.finish();
        let reals = Activations::new(&features, MeanPrecision::Double)
            .with_context(|| format!("{}: `eval.reference`", folder.folder(target).display()))?;
        let count = data.sources().len().min(config.eval.max_sources.unwrap_or(usize::MAX));
        ensure!(
            count >= 2,
            "{} holds {count} picture to translate; a Fréchet distance needs at least 2",
            data.test.folder(data.direction.source()).display()
        );
        Ok(Self { config, data, extractor, reals, sources: data.sources()[..count].to_vec(), quiet })
    }

    fn protocol(&self, segmenter: Option<&dyn Segmenter>) -> Protocol {
        Protocol {
            extractor: self.extractor.name().to_owned(),
            fd_name: self.extractor.frechet_name(),
            sources: self.sources.len(),
            reals: self.reals.count(),
            reference: self.config.eval.reference,
            size: self.config.test_size().map_or(0, |(side, _)| side),
            segmenter: segmenter.map(|s| s.name().to_owned()),
        }
    }

    /// Fréchet distance of the translations, without files: what decides on the best checkpoint.
    ///
    /// # Errors
    /// As [`Scorer::evaluate`].
    pub fn frechet(&self, generator: &Net<Generator>) -> Result<f64> {
        tch::manual_seed(derive_seed(self.config.seed, "eval", 0));
        let mut outputs = vec![];
        for files in self.sources.chunks(self.config.eval.batch_size as usize) {
            let images: Vec<_> = files
                .iter()
                .map(|file| read_translation_input(file, self.config.test_size()))
                .collect::<Result<_, _>>()?;
            for same in images.chunk_by(|a, b| a.dim() == b.dim()) {
                let views: Vec<_> = same.iter().map(|image| image.view()).collect();
                let batch = tensor(&stack(Axis(0), &views)?, generator.device());
                outputs.extend(no_grad(|| translated(generator, &batch))?);
            }
        }
        self.distance_of(&outputs)
    }

    fn distance_of(&self, images: &[RgbImage]) -> Result<f64> {
        let features = features_of_images(&self.extractor, images)?;
        Ok(Activations::new(&features, MeanPrecision::Double)?.distance(&self.reals)?)
    }

    /// Translates the test images into `folder` (`real_A`, `fake_B`) and scores the files.
    ///
    /// # Errors
    /// Files that cannot be read or written; labels that do not fit.
    pub fn evaluate(&self, generator: &Net<Generator>, folder: &Path, name: &str, step: u64) -> Result<Evaluation> {
        let began = Instant::now();
        tch::manual_seed(derive_seed(self.config.seed, "eval", 0));
        let jobs = self.jobs(folder)?;
        let mut bar = Progress::new("translations", 0, jobs.len() as u64, self.quiet);
        let options = TranslateOptions { size: self.config.test_size(), batch: self.config.eval.batch_size as usize };
        translate(generator, &jobs, options, &mut |done| {
            bar.set(done as u64);
            true
        })?;
        bar.finish();
        let files: Vec<PathBuf> = jobs.iter().map(|job| job.output.clone()).collect();
        let features = features_of_files(&self.extractor, &files, &mut |_| ())?;
        let fd = Activations::new(&features, MeanPrecision::Double)?.distance(&self.reals)?;
        let segmenter = self.segmenter()?;
        let segmentation = match &segmenter {
            Some(segmenter) => Some(self.segmentation(segmenter.as_ref(), &folder.join(OUTPUT), folder)?),
            None => None,
        };
        let protocol = self.protocol(segmenter.as_deref());
        let seconds = began.elapsed().as_secs_f64();
        Ok(Evaluation { checkpoint: name.to_owned(), step, protocol, fd, segmentation, seconds })
    }

    /// Scores the sources as they are, and the real test images where a segmenter looks. Both are written to `folder` at the
    /// size of the translations.
    ///
    /// # Errors
    /// As [`Scorer::evaluate`].
    pub fn baseline(&self, folder: &Path) -> Result<Baseline> {
        let segmenter = self.segmenter()?;
        self.jobs(folder)?;
        let sources: Vec<RgbImage> = self
            .sources
            .iter()
            .map(|file| Ok(translation_output(read_translation_input(file, self.config.test_size())?.view())))
            .collect::<Result<_>>()?;
        let fd = self.distance_of(&sources)?;
        let ceiling = match &segmenter {
            Some(segmenter) => {
                let sources: BTreeSet<_> = self.names()?.into_iter().collect();
                let target = self.data.direction.target();
                for file in self.data.test.files(target) {
                    let name = output_name(file, self.data.test.folder(target));
                    if sources.contains(&name) {
                        self.write_real(file, &folder.join(TARGET).join(name))?;
                    }
                }
                Some(self.segmentation(segmenter.as_ref(), &folder.join(TARGET), folder)?)
            }
            None => None,
        };
        Ok(Baseline { protocol: self.protocol(segmenter.as_deref()), fd, ceiling })
    }

    /// Writes the sources to `folder/real_A`, and names the translations.
    fn jobs(&self, folder: &Path) -> Result<Vec<Job>> {
        let mut jobs = vec![];
        for (file, name) in self.sources.iter().zip(self.names()?) {
            self.write_real(file, &folder.join(SOURCE).join(&name))?;
            jobs.push(Job { input: file.clone(), output: folder.join(OUTPUT).join(name) });
        }
        Ok(jobs)
    }

    /// Names of the pictures that are made of the sources.
    fn names(&self) -> Result<Vec<PathBuf>> {
        Ok(output_names(&self.sources, self.data.test.folder(self.data.direction.source()))?)
    }

    fn write_real(&self, file: &Path, to: &Path) -> Result<()> {
        let image = translation_output(read_translation_input(file, self.config.test_size())?.view());
        Ok(write_image(to, &image)?)
    }

    /// DRN-D-22 where its weights are named, otherwise a head fitted to the training photographs and labels.
    fn segmenter(&self) -> Result<Option<Box<dyn Segmenter>>> {
        let eval = &self.config.eval;
        if !eval.segmentation {
            return Ok(None);
        }
        let device = self.extractor.device();
        if let Some(weights) = &eval.segmenter {
            return Ok(Some(Box::new(
                Drn::load_file(Arch::D22, weights, device).context("config key `eval.segmenter`")?,
            )));
        }
        let (source, target) = (self.data.direction.source(), self.data.direction.target());
        let pairs = pairs_by_stem(self.data.train.folder(target), self.data.train.folder(source))
            .context("config key `eval.segmentation`: photographs and labels of the training set")?;
        let head = fit_or_find(&pairs, LabelFormat::Color, eval.segmenter_steps, device, self.quiet)?;
        Ok(Some(Box::new(head)))
    }

    /// What the segmenter sees in the photographs of a folder against the labels in `folder/real_A`.
    fn segmentation(&self, segmenter: &dyn Segmenter, photos: &Path, folder: &Path) -> Result<Seen> {
        // Only those of this evaluation: the folder may hold pictures of an earlier, larger one.
        let names = self.names()?;
        let pairs: Vec<Pair> =
            names.iter().map(|name| Pair { photo: photos.join(name), label: folder.join(SOURCE).join(name) }).collect();
        for pair in &pairs {
            ensure!(
                pair.photo.is_file(),
                "{}: no photograph belongs to the label {}; `eval.segmentation` needs both, of the same name",
                photos.display(),
                pair.label.display()
            );
        }
        let confusion = photo_confusion(segmenter, &pairs, LabelFormat::Color, &PhotoSettings::default(), &mut |_| ())?;
        Ok(Seen::new(&confusion)?)
    }
}
