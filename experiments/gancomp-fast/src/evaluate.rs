//! The published evaluation: what a generator makes of the test images, written and scored.
//!
//! The Fréchet distance compares the pictures with real images of the target domain. Where the sources are label maps, a
//! segmenter looks at the pictures, and what it sees is compared with the labels ([`crate::miou`]).

use crate::config::{Config, Reference};
use crate::data::Data;
use crate::folders::Folders;
use crate::generators::{Chosen, Which, open};
use crate::latency::Runs;
use crate::miou::{Eyes, Labels, seen};
use crate::score::Scorer;
use crate::search::fitness::Torch;
use anyhow::{Context, Result, ensure};
use image::RgbImage;
use semrel_data::image_io::write_image;
use semrel_data::translate::output_names;
use semrel_data::{translation_input, translation_output};
use semrel_metrics::segmentation::Seen;
use semrel_nn::channels::Channels;
use semrel_run::Checked;
use semrel_train::Progress;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tch::{Device, Tensor};

/// Folders of an evaluation, named as published.
const SOURCE: &str = "real_A";
const OUTPUT: &str = "fake_B";
const TARGET: &str = "real_B";

/// How the time of one image is measured.
const RUNS: Runs = Runs { warmup: 2, counted: 7 };

/// Where and how to evaluate.
#[derive(Debug, Clone)]
pub struct EvalOptions {
    /// Where the stages lie.
    pub folders: Folders,
    /// Where to compute.
    pub device: Device,
    /// Threads of arithmetic.
    pub threads: usize,
    /// No progress.
    pub quiet: bool,
}

/// What scores refer to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Protocol {
    /// Name of the feature extractor.
    pub extractor: String,
    /// Name of the Fréchet distance.
    pub fd_name: String,
    /// Side of the pictures.
    pub size: u32,
    /// Test images that are translated.
    pub sources: usize,
    /// Real images that they are compared with, where their number is known.
    pub reals: Option<u64>,
    /// Which these are: `test`, `train` or `all` of the images at hand, or `statistics` of an archive.
    pub reference: String,
    /// Name of the segmenter, if one looked.
    pub segmenter: Option<&'static str>,
}

/// Scores of a generator.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Name of the row.
    pub name: String,
    /// Which of its generators.
    pub of: Which,
    /// The configuration of a sub-network.
    pub channels: Option<Channels>,
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
    pub fd: f64,
    /// What a segmenter sees in the pictures.
    pub segmentation: Option<Seen>,
    /// Folder of the pictures, relative to that of the row, or of the teacher.
    pub images: PathBuf,
    /// Seconds that it took.
    pub seconds: f64,
}

/// What a generator must beat, and what it cannot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Baseline {
    /// What the scores refer to.
    #[serde(flatten)]
    pub protocol: Protocol,
    /// Fréchet distance of the sources, not translated.
    pub fd: f64,
    /// What the segmenter sees in the real test images of the target domain: the ceiling.
    pub ceiling: Option<Seen>,
}

/// The test images of a row and the real ones, as the evaluation sees them.
struct Bench<'a> {
    config: &'a Config,
    data: Data,
    scorer: Scorer,
    eyes: Option<Eyes>,
    /// Of the picture that is made of each test image.
    names: Vec<PathBuf>,
}

/// The config key that says where labels are from, for errors.
fn key_of_labels(config: &Config) -> &'static str {
    if config.eval.label_table.is_some() { "config key `eval.label_table`" } else { "config key `eval.segmentation`" }
}

impl<'a> Bench<'a> {
    fn new(config: &'a Config, options: &EvalOptions) -> Result<Self> {
        let data = Data::open(config)?;
        let scorer = Scorer::of_tests(config, &data, options.device, options.quiet)?;
        let eyes = match config.eval.segmentation {
            true => {
                Labels::of_tests(config, &data)?
                    .check("labels", scorer.inputs().count(), options.quiet)
                    .with_context(|| key_of_labels(config))?;
                Some(Eyes::open(config, &data, options.device, options.quiet)?)
            }
            false => None,
        };
        let files = &data.test_sources().files()[..scorer.inputs().count()];
        let names = output_names(files, data.test.folder(data.direction.source()))?;
        Ok(Self { config, data, scorer, eyes, names })
    }

    fn protocol(&self) -> Protocol {
        let extractor = self.scorer.extractor();
        let reference = match (&self.config.eval.statistics, self.config.eval.reference) {
            (Some(_), _) => "statistics",
            (None, Reference::Test) => "test",
            (None, Reference::Train) => "train",
            (None, Reference::All) => "all",
        };
        Protocol {
            extractor: extractor.name().to_owned(),
            fd_name: extractor.frechet_name(),
            size: self.config.test_size().0,
            sources: self.scorer.inputs().count(),
            reals: self.scorer.reals().count(),
            reference: reference.to_owned(),
            segmenter: self.eyes.as_ref().map(Eyes::name),
        }
    }

    fn seen(&self, pictures: &[RgbImage]) -> Result<Option<Seen>> {
        let Some(eyes) = &self.eyes else { return Ok(None) };
        let labels = Labels::of_tests(self.config, &self.data)?;
        Ok(Some(seen(eyes, &labels, pictures).with_context(|| key_of_labels(self.config))?))
    }

    fn write(&self, folder: &Path, pictures: &[RgbImage], quiet: bool) -> Result<()> {
        let mut bar = Progress::new("pictures", 0, self.names.len() as u64, quiet);
        for (name, picture) in self.names.iter().zip(pictures) {
            write_image(&folder.join(name), picture)?;
            bar.inc(1);
        }
        bar.finish();
        Ok(())
    }

    /// The inputs as pictures.
    fn sources(&self) -> Result<Vec<RgbImage>> {
        self.scorer.outputs(&Tensor::shallow_clone)
    }
}

/// Translates the test images into `results/<which>/images` (`real_A`, `fake_B`) below the row's folder (the teacher's, below
/// that of its run), and scores them.
///
/// # Errors
/// Where an earlier stage is missing, the command that runs it; files that cannot be read or written; labels that do not fit.
pub fn evaluate(
    config: &Checked<Config>,
    which: Which,
    chosen: Option<Chosen>,
    options: &EvalOptions,
) -> Result<Evaluation> {
    let began = Instant::now();
    let opened = open(config, &options.folders, which, chosen, options.device)?;
    let bench = Bench::new(config, options)?;
    let base = match which {
        Which::Teacher => options.folders.teacher(config),
        _ => options.folders.row(config),
    };
    let images = Path::new("results").join(which.to_string()).join("images");
    let outputs = bench.scorer.outputs(&|batch| opened.generator.forward(batch))?;
    bench.write(&base.join(&images).join(SOURCE), &bench.sources()?, true)?;
    bench.write(&base.join(&images).join(OUTPUT), &outputs, options.quiet)?;
    let torch = Torch { size: config.test_size(), device: options.device, threads: options.threads, runs: RUNS };
    Ok(Evaluation {
        name: config.name.clone(),
        of: which,
        channels: opened.channels,
        step: opened.step,
        parameters: opened.generator.numel() as u64,
        macs: opened.macs(config.test_size())?,
        milliseconds: torch.time(&|image| opened.generator.forward(image))?.milliseconds,
        threads: options.threads,
        protocol: bench.protocol(),
        fd: bench.scorer.distance_of(&outputs)?,
        segmentation: bench.seen(&outputs)?,
        images,
        seconds: began.elapsed().as_secs_f64(),
    })
}

/// Scores the sources as they are, and the real test images where a segmenter looks. The latter are written to `folder`, if
/// one is given.
///
/// # Errors
/// As [`evaluate`].
pub fn baseline(config: &Checked<Config>, folder: Option<&Path>, options: &EvalOptions) -> Result<Baseline> {
    let bench = Bench::new(config, options)?;
    let sources = bench.sources()?;
    if let Some(folder) = folder {
        bench.write(&folder.join(SOURCE), &sources, true)?;
    }
    let ceiling = match &bench.eyes {
        Some(_) => {
            ensure!(
                config.aligned(),
                "config key `eval.segmentation`: of unaligned images nobody knows which label belongs to which photograph"
            );
            let reals = crate::data::Pictures::new(&bench.data.test, bench.data.direction.target());
            let read = |i: usize| -> Result<RgbImage> {
                Ok(translation_output(translation_input(&reals.read(i)?, Some(config.test_size())).view()))
            };
            let reals = (0..bench.scorer.inputs().count()).map(read).collect::<Result<Vec<_>>>()?;
            if let Some(folder) = folder {
                bench.write(&folder.join(TARGET), &reals, true)?;
            }
            bench.seen(&reals)?
        }
        None => None,
    };
    Ok(Baseline { protocol: bench.protocol(), fd: bench.scorer.distance_of(&sources)?, ceiling })
}
