//! A training run: opens everything, restores a checkpoint, and lets the loop of `semrel-train` do the rest.

use crate::algorithm::{Algorithm, Batch};
use crate::config::{Config, Method};
use crate::data::Data;
use crate::evaluate;
use crate::methods::{build, measure};
use crate::networks::{Generator, new_generator};
use crate::preview;
use anyhow::{Context, Result};
use image::RgbImage;
use semrel_data::rng::derive_seed;
use semrel_eval::{ImageTranslator, Preview, Scorer, Stretched};
use semrel_nn::Net;
use semrel_nn::checkpoint::StateDict;
use semrel_run::trained::{Epochs, SingleModal};
use semrel_run::{Checked, SplitRecord};
pub use semrel_train::TrainOptions;
use semrel_train::adversary::calibrate;
use semrel_train::average::Average;
use semrel_train::batches::BatchLoader;
use semrel_train::parts::{Layout, follower_files, parameters, restore_followers, restore_parts, save_parts};
use semrel_train::{
    About, BEGUN, Ended, Experiment, Fit, Interrupt, Losses, MAY_CHANGE, Rhythm, Snapshot, Standing, drive, seed_step,
    tune_convolutions,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use tch::Device;

/// The method of a run, freshly initialised from its seed.
///
/// # Errors
/// As [`build`].
pub fn new_algorithm(config: &Config, data: &Data, device: Device, quiet: bool) -> Result<Box<dyn Algorithm>> {
    tch::manual_seed(derive_seed(config.seed, "init", 0));
    let algorithm = build(config, device, || measure(config, data, quiet))?;
    calibrate(&algorithm.critics(), |step| data.batch(step, device))?;
    Ok(algorithm)
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
    /// What translates in samples and evaluations, where it is not the generator as it trains.
    average: Option<Average>,
    /// From the first step on that is trained.
    loader: Option<BatchLoader>,
    scorer: Option<Scorer>,
    preview: Preview,
    device: Device,
    /// Learning rates in force.
    rates: Option<(f64, f64)>,
}

impl Run<'_> {
    /// The generator that samples and evaluations look at.
    fn translator(&self) -> &Net<Generator> {
        self.average.as_ref().map_or(self.algorithm.generator(), Average::generator)
    }

    /// Networks of a checkpoint that no optimiser trains.
    fn followers(&self) -> Vec<(&'static str, StateDict)> {
        self.algorithm.followers().into_iter().chain(self.average.as_ref().map(Average::follower)).collect()
    }

    /// Brings the average up to date after `steps` steps of the method.
    fn follow(&self, steps: u64) {
        if let Some(average) = &self.average {
            average.follow(self.algorithm.generator(), steps);
        }
    }
}

impl Fit for Run<'_> {
    type Error = anyhow::Error;

    /// A step of the warm-up or of the method, at its epoch's learning rate.
    fn step(&mut self, step: u64) -> Result<Losses> {
        seed_step(self.config.seed, step);
        let batch: Batch = self.loader.as_mut().expect(BEGUN).next(self.device)?;
        let info = self.data.info(step);
        let rates = (self.config.lr(info), self.config.lr_discriminator(info));
        if self.rates != Some(rates) {
            self.rates = Some(rates);
            self.algorithm.set_lr(rates.0, rates.1);
        }
        let warmup = self.config.train.warmup;
        if step < warmup {
            let losses = self.algorithm.warmup_step(&batch);
            self.follow(0);
            return Ok(losses);
        }
        let mut losses = self.algorithm.step(&batch, info)?;
        self.follow(step + 1 - warmup);
        losses.number("epoch", info.epoch as f64);
        losses.number("lr", rates.0);
        Ok(losses)
    }

    fn snapshot(&mut self, step: u64, best: Option<(u64, f64)>) -> Result<Snapshot> {
        let mut more = self.algorithm.pool_files();
        more.extend(follower_files(self.followers()));
        Ok(save_parts(Layout::FilePerNetwork, self.algorithm.parts(), step, best, more)?)
    }

    fn preview(&mut self) -> Result<Option<(&'static str, RgbImage)>> {
        Ok(Some(("translations", preview::grid(self.translator(), &self.preview, self.config)?)))
    }

    fn score(&mut self) -> Result<Vec<(&'static str, f64)>> {
        let scorer = self.scorer.as_ref().expect("there is one where evaluations are due");
        let stretched = Stretched(self.translator());
        let translator: &dyn ImageTranslator = if self.config.eval.stretch { &stretched } else { self.translator() };
        Ok(vec![("eval/fd", scorer.frechet(translator)?)])
    }

    fn measure(&self) -> Value {
        self.config.eval.measure()
    }

    fn shown(&self) -> &[&str] {
        &["epoch", "G", "D", "HDCE", "NCE", "SRC", "cycle_A", "warmup"]
    }
}

impl Experiment for Run<'_> {
    type Own = SingleModal<Method>;

    fn restore(&mut self, saved: &Snapshot, at: u64, path: &Path) -> Result<Standing> {
        let name = || format!("checkpoint {}", path.display());
        let restored = restore_parts(Layout::FilePerNetwork, self.algorithm.parts(), saved).with_context(name)?;
        self.algorithm.restore_pools(&saved.files);
        restore_followers(self.followers(), &saved.files).with_context(name)?;
        Standing::restored(at, restored.step, restored.best).with_context(name)
    }

    fn start_at(&mut self, step: u64) -> Result<()> {
        self.loader = Some(self.data.loader(step)?);
        Ok(())
    }

    fn parameters(&mut self) -> BTreeMap<String, i64> {
        parameters(&self.algorithm.parts())
    }

    fn images(&self) -> (f64, usize) {
        (self.loader.as_ref().expect(BEGUN).waited(), self.data.skipped())
    }

    fn split(&self) -> Option<&SplitRecord> {
        self.data.split.as_ref()
    }

    fn own(&mut self, seconds: f64) -> Self::Own {
        let (config, data) = (self.config, self.data);
        let total = steps(config, data);
        SingleModal {
            method: config.method,
            source: data.train.folder(data.direction.source()).to_owned(),
            target: data.train.folder(data.direction.target()).to_owned(),
            length: Epochs { epochs: config.epochs(), steps: total - config.train.warmup },
            image_size: config.data.image_size,
            seconds_per_step: seconds / total as f64,
        }
    }
}

/// Trains a run to its end, or until a signal asks it to stop.
///
/// # Errors
/// Before the folder is touched: settings, data and weights that do not fit. Later: files that cannot be read or written, and
/// losses that are not finite.
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
    let algorithm = new_algorithm(config, &data, device, options.quiet)?;
    let average = Average::start(config.train.ema, algorithm.generator(), || new_generator(config, device))?;
    let extractor = evaluate::extractor(config, device)?;
    evaluate::check_truth(config, device, options.quiet)?;
    evaluate::check_more(config, device)?;
    let looks = config.eval_every() > 0;
    let scorer = looks.then(|| evaluate::scorer(config, &data, extractor, options.quiet)).transpose()?;
    let preview = preview::inputs(config, &data, device).context("images of the preview")?;

    let t = &config.train;
    let about = About {
        label: &config.name,
        name: &config.name,
        seed: config.seed,
        batch_size: t.batch_size as u64,
        keep: t.keep,
        rhythm: Rhythm {
            total: steps(config, &data),
            log_every: t.log_every,
            sample_every: t.sample_every,
            save_every: t.save_every,
            eval_every: config.eval_every(),
            warmup: t.warmup,
        },
        option: "--run-dir",
        inputs: &config.inputs(),
    };
    let mut run = Run { config, data: &data, algorithm, average, loader: None, scorer, preview, device, rates: None };
    drive(&mut run, config, about, &MAY_CHANGE, options, interrupt)
}
