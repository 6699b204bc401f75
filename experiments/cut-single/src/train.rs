//! A training run: opens everything, restores a checkpoint, and lets the loop of `semrel-train` do the rest.

use crate::algorithm::{Algorithm, Batch, StepInfo, build};
use crate::config::{Config, Method};
use crate::data::Data;
use crate::evaluate::Scorer;
use crate::preview;
use anyhow::{Context, Result};
use image::RgbImage;
use semrel_data::rng::derive_seed;
use semrel_run::{Checked, Manifest, Summary, manifest};
use semrel_train::batches::BatchLoader;
use semrel_train::memory::peak_mib;
use semrel_train::parts::{restore_parts, save_parts};
use semrel_train::{
    Checkpoints, Ended, Fit, Interrupt, Losses, OpenMode, Rhythm, RunDir, Snapshot, Standing, fit, seed_step, summary,
    tune_convolutions,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;
use tch::Device;

/// Keys that may differ when a run is resumed: they change its rhythm, not its steps.
const MAY_CHANGE: [&str; 8] = [
    "train.log_every",
    "train.sample_every",
    "train.save_every",
    "train.keep",
    "train.eval_every",
    "eval",
    "data.root",
    "name",
];

/// Batches that a method which measures its data first is given.
const MEASURED_BATCHES: u64 = 256;

/// Where and how to train.
#[derive(Debug, Clone)]
pub struct TrainOptions {
    /// The run's folder.
    pub run_dir: PathBuf,
    /// What to do with a run that is there.
    pub mode: OpenMode,
    /// Where to compute.
    pub device: Device,
    /// Threads of arithmetic, for the summary.
    pub threads: usize,
    /// No progress.
    pub quiet: bool,
    /// The row of a table that this run is, to be stored in its folder.
    pub manifest: Option<Manifest>,
}

/// What the summary of a run tells besides what all programs do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Own {
    /// Which algorithm trained.
    pub method: Method,
    /// Folder of the images that are translated.
    pub source: PathBuf,
    /// Folder of the images of the other domain.
    pub target: PathBuf,
    /// Epochs in all.
    pub epochs: u64,
    /// Steps after the warm-up.
    pub steps: u64,
    /// Side of the crops.
    pub crop_size: u32,
    /// Seconds, divided by all steps.
    pub seconds_per_step: f64,
}

/// The method of a run, freshly initialised from its seed.
///
/// # Errors
/// As [`build`].
pub fn new_algorithm(config: &Config, data: &Data, device: Device) -> Result<Box<dyn Algorithm>> {
    tch::manual_seed(derive_seed(config.seed, "init", 0));
    build(config, device, &mut || data.first_batches(MEASURED_BATCHES, device))
}

/// Steps of a run, its warm-up included.
pub fn steps(config: &Config, data: &Data) -> u64 {
    config.train.warmup + config.epochs() * data.steps_per_epoch()
}

/// A run as the training loop sees it.
struct Run<'a> {
    config: &'a Config,
    data: &'a Data,
    algorithm: Box<dyn Algorithm>,
    loader: BatchLoader,
    scorer: Option<Scorer<'a>>,
    device: Device,
    epoch: u64,
}

impl Fit for Run<'_> {
    type Error = anyhow::Error;

    /// A step of the warm-up or of the method, at its epoch's learning rate.
    fn step(&mut self, step: u64) -> Result<Losses> {
        seed_step(self.config.seed, step);
        let batch: Batch = self.loader.next(self.device)?;
        let info = StepInfo { epoch: self.data.epoch_of(step), step };
        if info.epoch != self.epoch {
            self.epoch = info.epoch;
            self.algorithm.set_lr(self.config.lr(info.epoch));
        }
        if step < self.config.train.warmup {
            return Ok(self.algorithm.warmup_step(&batch));
        }
        let mut terms = self.algorithm.step(&batch, info)?;
        terms.number("epoch", info.epoch as f64);
        terms.number("lr", self.config.lr(info.epoch));
        Ok(terms)
    }

    fn snapshot(&mut self, step: u64, best: Option<(u64, f64)>) -> Result<Snapshot> {
        let pools = self.algorithm.pool_files();
        Ok(save_parts(self.algorithm.parts(), step, best, pools)?)
    }

    fn preview(&mut self) -> Result<Option<(&'static str, RgbImage)>> {
        Ok(Some(("translations", preview::grid(self.algorithm.generator(), self.data, self.config)?)))
    }

    fn score(&mut self) -> Result<Vec<(&'static str, f64)>> {
        let scorer = self.scorer.as_ref().expect("there is one where evaluations are due");
        Ok(vec![("eval/fd", scorer.frechet(self.algorithm.generator())?)])
    }

    fn measure(&self) -> Value {
        self.config.eval.measure()
    }

    fn shown(&self) -> &[&str] {
        &["epoch", "G", "D", "HDCE", "NCE", "SRC", "cycle_A", "warmup"]
    }
}

/// Trains a run to its end, or until a signal asks it to stop.
///
/// # Errors
/// Before the folder is touched: settings, data and weights that do not fit. Later: files that cannot be read or written, and
/// losses that are no numbers.
///
/// A configuration that was not checked does not get here:
///
/// ```compile_fail,E0308
/// # use cut_single::{config::Config, train::{TrainOptions, train}};
/// # use semrel_train::Interrupt;
/// fn unchecked(config: &Config, options: &TrainOptions, interrupt: &Interrupt) {
///     let _ = train(config, options, interrupt);
/// }
/// ```
pub fn train(config: &Checked<Config>, options: &TrainOptions, interrupt: &Interrupt) -> Result<Ended> {
    let data = Data::open(config)?;
    let device = options.device;
    tune_convolutions(device, true);
    let algorithm = new_algorithm(config, &data, device)?;
    let scorer =
        if config.train.eval_every > 0 { Some(Scorer::new(config, &data, device, options.quiet)?) } else { None };
    preview::sources(&data, config).context("test images of the preview")?;

    let run = RunDir::open(&options.run_dir, options.mode, config, &MAY_CHANGE)?;
    if let Some(row) = &options.manifest {
        manifest::write(run.path(), row)?;
    }
    let checkpoints = Checkpoints::from(run.checkpoints(config.train.keep));
    let mut standing = Standing::default();
    let mut state = Run { config, data: &data, algorithm, loader: data.loader(0)?, scorer, device, epoch: 0 };
    if options.mode == OpenMode::Resume
        && let Some((at, saved)) = checkpoints.latest()?
    {
        let name = || format!("checkpoint {}", checkpoints.path(at).display());
        let restored = restore_parts(state.algorithm.parts(), &saved).with_context(name)?;
        let restored = Standing::restored(at, restored.step, restored.best).with_context(name)?;
        standing = restored.measured(&saved.state, &config.eval.measure());
        state.algorithm.restore_pools(&saved.files);
        state.loader = data.loader(at)?;
    }

    let t = &config.train;
    let rhythm = Rhythm {
        total: steps(config, &data),
        log_every: t.log_every,
        sample_every: t.sample_every,
        save_every: t.save_every,
        eval_every: t.eval_every,
        warmup: t.warmup,
    };
    let label = (config.name.as_str(), options.quiet);
    let (ended, seconds) = fit(&mut state, &run, &checkpoints, standing, &rhythm, label, interrupt)?;
    if ended == Ended::Interrupted {
        return Ok(ended);
    }
    let parameters =
        state.algorithm.parts().into_iter().map(|part| (part.name.to_owned(), part.parameters())).collect();
    let own = Own {
        method: config.method,
        source: data.train.folder(data.direction.source()).to_owned(),
        target: data.train.folder(data.direction.target()).to_owned(),
        epochs: config.epochs(),
        steps: rhythm.total - t.warmup,
        crop_size: config.data.image_size,
        seconds_per_step: seconds / rhythm.total as f64,
    };
    let summary = Summary {
        name: config.name.clone(),
        seed: config.seed,
        warmup: t.warmup,
        batch_size: t.batch_size.unsigned_abs(),
        parameters,
        seconds,
        seconds_waiting_for_images: state.loader.waited(),
        unreadable_images: data.skipped() as u64,
        threads: options.threads as u64,
        device: format!("{device:?}"),
        peak_memory_mib: peak_mib(),
        best_step: checkpoints.best_step()?.unwrap_or(rhythm.total),
        last_step: rhythm.total,
        own,
    };
    summary::write(run.path(), &summary)?;
    Ok(ended)
}
