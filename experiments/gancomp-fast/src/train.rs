//! The stages that train: each opens everything, restores a checkpoint, and lets the loop of `semrel-train` do the rest.

use crate::algorithm::{Algorithm, StepInfo};
use crate::config::{Config, FinetuneConfig, Method, TrainConfig};
use crate::data::{Data, Stage, Training};
use crate::distill::Distillation;
use crate::evaluate;
use crate::folders::Folders;
use crate::looked_at::{check_more, check_truth, load_extractor};
use crate::origin::{Origin, SUPER_NET, TEACHER};
use crate::preview;
use crate::search::winner;
use crate::teacher::Teacher;
use crate::trained::{Distilled, open_distilled, open_teacher};
use anyhow::{Context, Result, bail};
use image::RgbImage;
use semrel_data::Select;
use semrel_data::rng::derive_seed;
use semrel_eval::{Preview, Scorer};
use semrel_nn::channels::ChannelSet;
use semrel_run::trained::{Compression, Epochs};
use semrel_run::{Checked, Manifest, SplitRecord, split};
use semrel_train::adversary::calibrate;
use semrel_train::batches::BatchLoader;
use semrel_train::parts::{
    Layout, follower_files, load_network, parameters, pool_files, restore_followers, restore_parts, restore_pools,
    save_parts,
};
use semrel_train::run_dir::check_config;
use semrel_train::{
    About, BEGUN, Ended, Experiment, Fit, Interrupt, Losses, OpenMode, Rhythm, Snapshot, Standing, drive, seed_step,
    tune_convolutions,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use tch::Device;

/// Where and how to train.
#[derive(Debug, Clone)]
pub struct TrainOptions {
    /// Where the stages lie.
    pub folders: Folders,
    /// What to do with a run that is there.
    pub mode: OpenMode,
    /// Where to compute.
    pub device: Device,
    /// Threads of arithmetic, for the summary.
    pub threads: usize,
    /// No progress.
    pub quiet: bool,
    /// The row of a table that this run is of, to be stored in its folder.
    pub manifest: Option<Manifest>,
}

/// Keys that may differ when a stage is resumed: its rhythm, and what it does not read.
fn may_change(stage: Stage) -> Vec<String> {
    let rhythm = ["log_every", "sample_every", "save_every", "keep", "eval_every"];
    let rhythm = rhythm.iter().map(|key| format!("{}.train.{key}", stage.name()));
    let unread: &[&str] = match stage {
        Stage::Teacher => &[
            "method",
            "model.student_ngf",
            "data.held_back",
            "data.distill_list",
            "data.search_list",
            "distill",
            "finetune",
            "teacher.name",
            "teacher.weights",
            "teacher.checkpoint",
        ],
        // That the teacher is the same is told by its weights.
        Stage::Distill => &["teacher", "finetune", "distill.checkpoint"],
        Stage::Finetune => &[
            "teacher",
            "data.held_back",
            "data.distill_list",
            "data.search_list",
            "distill.channels",
            "distill.checkpoint",
            "distill.train",
            "finetune.checkpoint",
        ],
    };
    let always = ["name", "eval", "search", "data.root"];
    rhythm.chain(unread.iter().chain(&always).map(|key| (*key).to_owned())).collect()
}

/// Trains a stage to its end, or until a signal asks it to stop.
///
/// # Errors
/// As those of [`teacher`], [`distill`] and [`finetune`].
pub fn train(stage: Stage, config: &Checked<Config>, options: &TrainOptions, interrupt: &Interrupt) -> Result<Ended> {
    match stage {
        Stage::Teacher => teacher(config, options, interrupt),
        Stage::Distill => distill(config, options, interrupt),
        Stage::Finetune => finetune(config, options, interrupt),
    }
}

/// Trains the teacher to its end, or until a signal asks it to stop.
///
/// # Errors
/// Before the folder is touched: settings, data and weights that do not fit. Later: files that cannot be read or written, and
/// losses that are not finite.
///
/// A configuration that was not checked does not get here:
///
/// ```compile_fail,E0308
/// # use gancomp_fast::{config::Config, train::{TrainOptions, teacher}};
/// # use semrel_train::Interrupt;
/// fn unchecked(config: &Config, options: &TrainOptions, interrupt: &Interrupt) {
///     let _ = teacher(config, options, interrupt);
/// }
/// ```
pub fn teacher(config: &Checked<Config>, options: &TrainOptions, interrupt: &Interrupt) -> Result<Ended> {
    if let Some(file) = &config.teacher.weights {
        bail!(
            "config key `teacher.weights`: {}: this row's teacher is a file; leave it out to train one",
            file.display()
        );
    }
    let data = Data::open(config)?;
    tch::manual_seed(derive_seed(config.seed, "init", 0));
    let algorithm = Teacher::new(config, options.device)?;
    Job { config, data: &data, stage: Stage::Teacher, origins: vec![] }.run(Box::new(algorithm), options, interrupt)
}

/// Distils the super-net from the row's teacher.
///
/// # Errors
/// Where there is no teacher, the command that trains it; otherwise as [`teacher`].
pub fn distill(config: &Checked<Config>, options: &TrainOptions, interrupt: &Interrupt) -> Result<Ended> {
    let data = Data::open(config)?;
    let taught = open_teacher(config, &options.folders, options.device)?;
    let (origins, channels) =
        (vec![Origin::teacher(&taught.path, taught.step, taught.generator.flat())], config.distill.channels.clone());
    tch::manual_seed(derive_seed(config.seed, "init distill", 0));
    let algorithm = Distillation::new(config, taught.generator, channels, &config.distill.train, options.device)?;
    Job { config, data: &data, stage: Stage::Distill, origins }.run(Box::new(algorithm), options, interrupt)
}

/// Trains one configuration of the distilled super-net: that of `finetune.channels`, or the search's winner. Super-net and
/// discriminator begin as distillation left them, adapters and heads afresh.
///
/// # Errors
/// Where the row goes without, where an earlier stage is missing; otherwise as [`teacher`].
pub fn finetune(config: &Checked<Config>, options: &TrainOptions, interrupt: &Interrupt) -> Result<Ended> {
    let train = config.train(Stage::Finetune)?.clone();
    let data = Data::open(config)?;
    let folders = &options.folders;
    let distilled = folders.distill(config);
    let Distilled { step, student, discriminator } = open_distilled(&distilled, &config.distill.checkpoint)?;
    let super_net = Origin::super_net(&distilled, step, &student);
    let chosen = config.finetune.as_ref().and_then(|f| f.channels);
    let channels = chosen.map_or_else(|| winner(&folders.search(config), Some(super_net.digest())), Ok)?;
    config.distill.channels.check(&channels).context("config key `finetune.channels`")?;
    // From here on the configuration says which one is trained.
    let finetune = FinetuneConfig { channels: Some(channels), ..config.finetune.clone().unwrap_or_default() };
    let config = &Config { finetune: Some(finetune), ..config.clone().into_inner() };
    let taught = open_teacher(config, folders, options.device)?;
    let origins = vec![Origin::teacher(&taught.path, taught.step, taught.generator.flat()), super_net];
    tch::manual_seed(derive_seed(config.seed, "init finetune", 0));
    let algorithm = Distillation::new(config, taught.generator, ChannelSet::fixed(channels), &train, options.device)?;
    let name = || distilled.display().to_string();
    load_network("G", &algorithm.student.state(), &student).with_context(name)?;
    load_network("D", &algorithm.adversary.discriminator.state(), &discriminator).with_context(name)?;
    Job { config, data: &data, stage: Stage::Finetune, origins }.run(Box::new(algorithm), options, interrupt)
}

/// Steps of a stage, its warm-up included.
///
/// # Errors
/// Where the row goes without the stage, or its settings do not fit the images.
pub fn steps(config: &Config, data: &Data, stage: Stage) -> Result<u64> {
    Ok(data.training(config, stage)?.steps())
}

/// Refuses a run of a stage, finished or not, that was started with other settings than the row's, or with other images set
/// apart for validation.
///
/// # Errors
/// Names the first key that differs; a stored configuration that cannot be read.
pub fn check_settings(stage: Stage, config: &Config, data: &Data, folder: &Path) -> Result<()> {
    split::check(folder, data.split.as_ref())?;
    let unread = may_change(stage);
    let unread: Vec<&str> = unread.iter().map(String::as_str).collect();
    Ok(check_config(folder, config, &unread)?)
}

/// A stage to train.
struct Job<'a> {
    config: &'a Config,
    data: &'a Data,
    stage: Stage,
    origins: Vec<Origin>,
}

impl Job<'_> {
    /// Name of the run.
    fn name(&self) -> String {
        if self.stage == Stage::Teacher { self.config.teacher_name() } else { self.config.name.clone() }
    }

    fn run(self, algorithm: Box<dyn Algorithm>, options: &TrainOptions, interrupt: &Interrupt) -> Result<Ended> {
        let Self { config, data, stage, .. } = self;
        let (train, device) = (config.train(stage)?, options.device);
        // A super-net's shapes change every step; those of the other stages repeat.
        tune_convolutions(device, stage != Stage::Distill);
        let extractor = load_extractor(config, device)?;
        check_truth(config, device, options.quiet)?;
        check_more(config, device)?;
        let training = data.training(config, stage)?;
        // Fine-tuning goes on with the discriminator of distillation.
        if stage != Stage::Finetune {
            calibrate(&algorithm.critics(), |step| training.batch(step, device))?;
        }
        let eval_every = if config.eval.select == Select::Last { 0 } else { train.eval_every };
        let scorer = (eval_every > 0).then(|| evaluate::scorer(config, data, extractor, options.quiet)).transpose()?;
        let preview = preview::inputs(config, data, device).context("images of the preview")?;

        let label = format!("{} {}", stage.name(), self.name());
        let name = self.name();
        let about = About {
            label: &label,
            name: &name,
            seed: config.seed,
            batch_size: train.batch_size as u64,
            keep: train.keep,
            rhythm: Rhythm {
                total: training.steps(),
                log_every: train.log_every,
                sample_every: train.sample_every,
                save_every: train.save_every,
                eval_every,
                warmup: training.warmup(),
            },
            option: "--runs",
            inputs: &config.inputs(),
        };
        let mut run =
            Run { job: &self, train, training: &training, algorithm, loader: None, scorer, preview, device, epoch: 0 };
        let unread = may_change(stage);
        let unread: Vec<&str> = unread.iter().map(String::as_str).collect();
        let TrainOptions { folders, mode, threads, quiet, manifest, .. } = options.clone();
        let run_dir = folders.of(stage, config);
        let options = semrel_train::TrainOptions { run_dir, mode, device, threads, quiet, manifest };
        drive(&mut run, config, about, &unread, &options, interrupt)
    }
}

/// A stage as the training loop sees it.
struct Run<'a> {
    job: &'a Job<'a>,
    train: &'a TrainConfig,
    training: &'a Training,
    algorithm: Box<dyn Algorithm>,
    /// From the first step on that is trained.
    loader: Option<BatchLoader>,
    scorer: Option<Scorer>,
    preview: Preview,
    device: Device,
    /// Whose learning rate is set; 0 before the first step.
    epoch: u64,
}

impl Experiment for Run<'_> {
    type Own = Compression<Method>;

    fn restore(&mut self, saved: &Snapshot, at: u64, path: &Path) -> Result<Standing> {
        self.job.origins.iter().try_for_each(|origin| origin.check(&saved.state, path))?;
        let name = || format!("checkpoint {}", path.display());
        let restored = restore_parts(Layout::FilePerNetwork, self.algorithm.parts(), saved).with_context(name)?;
        restore_pools(self.algorithm.pools(), &saved.files);
        restore_followers(self.algorithm.followers(), &saved.files).with_context(name)?;
        Standing::restored(at, restored.step, restored.best).with_context(name)
    }

    fn start_at(&mut self, step: u64) -> Result<()> {
        self.loader = Some(self.training.loader(step)?);
        Ok(())
    }

    fn parameters(&mut self) -> BTreeMap<String, i64> {
        parameters(&self.algorithm.parts())
    }

    fn images(&self) -> (f64, usize) {
        (self.loader.as_ref().expect(BEGUN).waited(), self.training.skipped())
    }

    fn split(&self) -> Option<&SplitRecord> {
        self.job.data.split.as_ref()
    }

    fn own(&mut self, seconds: f64) -> Self::Own {
        let Job { config, data, stage, origins } = self.job;
        let (images, direction) = (data.of_stage(*stage), data.direction);
        Compression {
            stage: stage.name().to_owned(),
            method: (*stage != Stage::Teacher).then_some(config.method),
            teacher: Origin::describe(origins, TEACHER),
            super_net: Origin::describe(origins, SUPER_NET),
            channels: config
                .finetune
                .as_ref()
                .filter(|_| *stage == Stage::Finetune)
                .and_then(|f| f.channels)
                .map(|c| c.to_string()),
            source: images.folder(direction.source()).to_owned(),
            target: images.folder(direction.target()).to_owned(),
            sources: images.files(direction.source()).len(),
            targets: images.files(direction.target()).len(),
            length: Epochs { epochs: self.train.epochs(), steps: self.training.steps() - self.training.warmup() },
            image_size: config.data.image_size,
            seconds_per_step: seconds / self.training.steps() as f64,
        }
    }
}

impl Fit for Run<'_> {
    type Error = anyhow::Error;

    /// A step of the warm-up or of the stage, at its epoch's learning rate.
    fn step(&mut self, step: u64) -> Result<Losses> {
        seed_step(self.job.config.seed, step);
        let batch = self.loader.as_mut().expect(BEGUN).next(self.device)?;
        let info = StepInfo { epoch: self.training.epoch_of(step), step, ..StepInfo::default() };
        if info.epoch != self.epoch {
            self.epoch = info.epoch;
            self.algorithm.set_lr(self.train.lr(info.epoch));
        }
        if step < self.training.warmup() {
            return self.algorithm.warmup_step(&batch, info);
        }
        let mut losses = self.algorithm.step(&batch, info)?;
        losses.number("epoch", info.epoch as f64);
        losses.number("lr", self.train.lr(info.epoch));
        Ok(losses)
    }

    fn snapshot(&mut self, step: u64, best: Option<(u64, f64)>) -> Result<Snapshot> {
        let mut more = pool_files(self.algorithm.pools());
        more.extend(follower_files(self.algorithm.followers()));
        let mut snapshot = save_parts(Layout::FilePerNetwork, self.algorithm.parts(), step, best, more)?;
        self.job.origins.iter().for_each(|origin| origin.put(&mut snapshot.state));
        Ok(snapshot)
    }

    fn preview(&mut self) -> Result<Option<(&'static str, RgbImage)>> {
        Ok(Some(("translations", preview::grid(self.algorithm.as_ref(), &self.preview)?)))
    }

    fn score(&mut self) -> Result<Vec<(&'static str, f64)>> {
        let scorer = self.scorer.as_ref().expect("there is one where evaluations are due");
        self.algorithm.scores(scorer)
    }

    fn measure(&self) -> Value {
        self.job.config.eval.measure()
    }

    fn shown(&self) -> &[&str] {
        &["epoch", "G", "D", "G_recon", "G_distill", "G_SRC", "G_DCE", "cycle_A", "warmup"]
    }
}
