//! The training loop.

use crate::config::{Config, Method};
use crate::data::{BatchLoader, Data};
use crate::evaluate::{Reference, to_tensor};
use crate::losses::{DiscriminatorLosses, GeneratorLosses, IterationLosses};
use crate::networks::{Networks, Optimisers, Translator};
use crate::sample;
use crate::snapshot;
use crate::step::{LSeSim, Trainer};
use anyhow::{Context, Result};
use image::RgbImage;
use semrel_data::rng::derive_seed;
use semrel_metrics::extractor::to_images;
use semrel_metrics::{EfficientNetLite0, FixedFeatures};
use semrel_run::{Checked, Manifest, Summary, manifest};
use semrel_train::correlative::Correlative;
use semrel_train::memory::peak_mib;
use semrel_train::{
    Checkpoints, Ended, Fit, Interrupt, Losses, OpenMode, Rhythm, RunDir, Snapshot, Standing, fit, seed_step, summary,
    tune_convolutions,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;
use tch::{Device, Kind, Tensor};

/// Keys that may differ when a run is resumed: they change its length and rhythm, not its steps so far.
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
    /// Losses on top of StarGAN v2's.
    pub method: Method,
    /// The domains.
    pub domains: Vec<String>,
    /// Iterations after the warm-up.
    pub iterations: i64,
    /// Side of the images.
    pub img_size: i64,
    /// Seconds, divided by all iterations.
    pub seconds_per_iteration: f64,
}

/// Networks, optimisers and, for `lsesim`, the correlative term of a run, freshly initialised.
pub fn new_trainer(config: &Config, num_domains: i64, device: Device) -> Result<Trainer> {
    tch::manual_seed(derive_seed(config.seed, "init", 0));
    let networks = Networks::new(config, num_domains, device);
    let optimisers = Optimisers::new(config, &networks);
    let correlative = match config.method {
        Method::Lsesim => Some(correlative(config, device)?),
        _ => None,
    };
    Ok(Trainer { config: config.clone(), networks, optimisers, correlative, probe: None })
}

fn correlative(config: &Config, device: Device) -> Result<LSeSim> {
    let features = FixedFeatures::efficientnet_lite0(device).context("fixed features of the method `lsesim`")?;
    let channels = features.channels(device);
    let term = Correlative::learned(&channels, config.loss.lsesim_patches, config.optim.lr, device);
    Ok(LSeSim { features, term })
}

/// A run as the training loop sees it.
struct Run<'a> {
    config: &'a Config,
    data: &'a Data,
    trainer: Trainer,
    loader: BatchLoader,
    extractor: &'a EfficientNetLite0,
    /// Features of the real images, from the first evaluation on.
    reference: Option<Reference<'a>>,
    options: &'a TrainOptions,
}

impl Run<'_> {
    fn warmup(&self) -> u64 {
        self.config.train.warmup as u64
    }
}

impl Fit for Run<'_> {
    type Error = anyhow::Error;

    fn step(&mut self, step: u64) -> Result<Losses> {
        seed_step(self.config.seed, step);
        let batch = self.loader.next(self.options.device)?;
        if step < self.warmup() {
            let mut terms = Losses::new();
            terms.push("warmup/reconstruction", &self.trainer.warmup_iteration(&batch));
            return Ok(terms);
        }
        let draws = self.trainer.draw(&batch);
        let iteration = step - self.warmup();
        Ok(terms(&self.trainer.iteration(&batch, &draws, iteration)?, self.config, iteration))
    }

    fn snapshot(&mut self, step: u64, best: Option<(u64, f64)>) -> Result<Snapshot> {
        snapshot::take(&mut self.trainer, step, &self.data.domains, best)
    }

    fn preview(&mut self) -> Result<Option<(&'static str, RgbImage)>> {
        Ok(Some(("latent", preview(&self.trainer.networks.average, self.data, self.config)?)))
    }

    fn score(&mut self) -> Result<Vec<(&'static str, f64)>> {
        if self.reference.is_none() {
            self.reference = Some(Reference::new(self.config, self.data, self.extractor, self.options.quiet)?);
        }
        let reference = self.reference.as_ref().expect("made above");
        Ok(vec![("eval/latent_fd_glance", reference.glance(&self.trainer.networks.average)?)])
    }

    fn measure(&self) -> Value {
        self.config.eval.measure()
    }

    fn shown(&self) -> &[&str] {
        &["d_latent/total", "g_latent/total", "g_latent/cyc", "warmup/reconstruction"]
    }
}

/// Trains a run to its end, or until a signal asks it to stop.
///
/// A configuration that was not checked does not get here:
///
/// ```compile_fail,E0308
/// # use stargan2_multi::{config::Config, train::{TrainOptions, train}};
/// # use semrel_train::Interrupt;
/// fn unchecked(config: &Config, options: &TrainOptions, interrupt: &Interrupt) {
///     let _ = train(config, options, interrupt);
/// }
/// ```
pub fn train(config: &Checked<Config>, options: &TrainOptions, interrupt: &Interrupt) -> Result<Ended> {
    let data = Data::open(config)?;
    let device = options.device;
    tune_convolutions(device, true);
    // Before the folder is touched: `--overwrite` removes nothing where weights are missing, networks fit no memory, or the
    // pictures of the preview cannot be read.
    let extractor = EfficientNetLite0::load(device).context("the evaluation's extractor")?;
    let _ = preview_sources(&data, config, device).context("validation images of the preview")?;
    let mut trainer = new_trainer(config, data.num_domains(), device)?;
    let run = RunDir::open(&options.run_dir, options.mode, config, &MAY_CHANGE)?;
    if let Some(row) = &options.manifest {
        manifest::write(run.path(), row)?;
    }
    let checkpoints = Checkpoints::from(run.checkpoints(config.train.keep));

    let mut standing = Standing::default();
    if options.mode == OpenMode::Resume
        && let Some((at, saved)) = checkpoints.latest()?
    {
        let name = || format!("checkpoint {}", checkpoints.path(at).display());
        let state = snapshot::restore(&mut trainer, &saved, &data.domains).with_context(name)?;
        let restored = Standing::restored(at, state.step, state.best).with_context(name)?;
        standing = restored.measured(&saved.state, &config.eval.measure());
    }
    let t = &config.train;
    let count = |n: i64| n as u64;
    let rhythm = Rhythm {
        total: count(t.warmup) + count(t.iterations),
        log_every: count(t.log_every),
        sample_every: count(t.sample_every),
        save_every: count(t.save_every),
        eval_every: count(t.eval_every),
        warmup: count(t.warmup),
    };
    let loader = data.loader(config, standing.step)?;
    let mut state = Run { config, data: &data, trainer, loader, extractor: &extractor, reference: None, options };
    let label = (config.name.as_str(), options.quiet);
    let (ended, seconds) = fit(&mut state, &run, &checkpoints, standing, &rhythm, label, interrupt)?;
    if ended == Ended::Interrupted {
        return Ok(ended);
    }
    let parameters = snapshot::parameters(&state.trainer.networks);
    let own = Own {
        method: config.method,
        domains: data.domains.clone(),
        iterations: config.train.iterations,
        img_size: config.data.image_size,
        seconds_per_iteration: seconds / rhythm.total as f64,
    };
    let summary = Summary {
        name: config.name.clone(),
        seed: config.seed,
        warmup: rhythm.warmup,
        batch_size: t.batch_size.unsigned_abs(),
        parameters: parameters.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
        seconds,
        seconds_waiting_for_images: state.loader.waited(),
        unreadable_images: (data.train.skipped() + data.val.skipped()) as u64,
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

/// Named terms of an iteration, for the log.
pub(crate) fn terms(losses: &IterationLosses, config: &Config, iteration: u64) -> Losses {
    let mut terms = Losses::new();
    let mut push = |name: String, term: Option<&Tensor>| {
        if let Some(term) = term {
            terms.push(name, term);
        }
    };
    for (pass, l) in [("d_latent", &losses.d_latent), ("d_ref", &losses.d_ref)] {
        let DiscriminatorLosses { real, fake, reg, total } = l;
        let all = [("real", Some(real)), ("fake", Some(fake)), ("reg", reg.as_ref()), ("total", Some(total))];
        all.into_iter().for_each(|(name, term)| push(format!("{pass}/{name}"), term));
    }
    for (pass, l) in [("g_latent", &losses.g_latent), ("g_ref", &losses.g_ref)] {
        let GeneratorLosses { adv, sty, ds, cyc, src, patch, lsesim, total } = l;
        let all = [
            ("adv", Some(adv)),
            ("sty", Some(sty)),
            ("ds", ds.as_ref()),
            ("cyc", Some(cyc)),
            ("src", src.as_ref()),
            ("patch", patch.as_ref()),
            ("lsesim", lsesim.as_ref()),
            ("total", Some(total)),
        ];
        all.into_iter().for_each(|(name, term)| push(format!("{pass}/{name}"), term));
    }
    push("lsesim/heads".to_owned(), losses.heads.as_ref());
    if config.method == Method::Ours {
        terms.number("gamma", config.gamma(iteration));
    }
    terms.number("lambda_ds", config.lambda_ds(iteration));
    terms
}

/// Grid of at most eight validation images: first row the sources, then two random styles of each of at most five domains.
pub fn preview(translator: &Translator, data: &Data, config: &Config) -> Result<RgbImage> {
    tch::manual_seed(derive_seed(config.seed, "preview", 0));
    let (sources, _) = preview_sources(data, config, translator.generator.device())?;
    let _guard = tch::no_grad_guard();
    let options = (Kind::Float, translator.generator.device());
    let styles: Vec<Tensor> = (0..data.num_domains().min(5))
        .map(|d| translator.mapping_network.forward(&Tensor::randn([2, config.model.latent_dim], options), &[d, d]))
        .collect();
    grid_image(&sample::latent_grid(translator, &sources, &Tensor::cat(&styles, 0)))
}

/// The first validation images of each domain, at most eight in all, and their domains.
pub fn preview_sources(data: &Data, config: &Config, device: Device) -> Result<(Tensor, Vec<i64>)> {
    let size = config.data.image_size as u32;
    let per_domain = (8 / data.domains.len()).max(1);
    let (mut images, mut labels) = (vec![], vec![]);
    for (domain, &available) in data.val.sizes().iter().enumerate().take(8) {
        for item in 0..per_domain.min(available) {
            let image = data.val.get(domain, item)?;
            images.push(semrel_data::resize::resize(&image, size, size, semrel_data::resize::Filter::Bilinear));
            labels.push(domain as i64);
        }
    }
    Ok((to_tensor(&images, device), labels))
}

/// A grid `[3, H, W]` in [0, 1] as an 8-bit picture.
pub fn grid_image(grid: &Tensor) -> Result<RgbImage> {
    let images = to_images(&(grid.unsqueeze(0) * 2.0 - 1.0), semrel_data::image_io::Quantise::Round)?;
    Ok(images.into_iter().next().expect("one picture"))
}
