//! The training loop.

use crate::config::{Config, Method};
use crate::critics::Critics;
use crate::data::{BatchLoader, Data};
use crate::evaluate;
use crate::losses::{DiscriminatorLosses, GeneratorLosses, IterationLosses};
use crate::networks::Networks;
use crate::preview;
use crate::snapshot;
use crate::trainer::{LSeSim, Trainer};
use anyhow::{Context, Result};
use image::RgbImage;
use semrel_data::rng::derive_seed;
use semrel_eval::Preview;
use semrel_eval::domains::{DomainMetrics, DomainReference};
use semrel_metrics::FixedFeatures;
use semrel_run::trained::{Iterations, MultiModal};
use semrel_run::{Checked, SplitRecord};
pub use semrel_train::TrainOptions;
use semrel_train::correlative::Correlative;
use semrel_train::parts::parameters;
use semrel_train::{
    About, BEGUN, Ended, Experiment, Fit, Interrupt, Losses, MAY_CHANGE, Rhythm, Snapshot, Standing, drive, seed_step,
    tune_convolutions,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use tch::{Device, Tensor};

/// Real images that scale projected features.
const CALIBRATING_IMAGES: u64 = 16;

/// Networks with their optimisers and, for `lsesim`, the correlative term of a run, freshly initialised.
pub fn new_trainer(config: &Config, num_domains: i64, device: Device) -> Result<Trainer> {
    tch::manual_seed(derive_seed(config.seed, "init", 0));
    let networks = Networks::new(config, num_domains, device);
    let correlative = match config.method {
        Method::Lsesim => Some(correlative(config, device)?),
        _ => None,
    };
    let critics = Critics::new(config, num_domains, device)?;
    Ok(Trainer { config: config.clone(), networks, correlative, critics })
}

fn correlative(config: &Config, device: Device) -> Result<LSeSim> {
    let features = FixedFeatures::efficientnet_lite0(device).context("fixed features of the method `lsesim`")?;
    let channels = features.channels(device);
    let term = Correlative::learned(&channels, config.loss.lsesim_patches, config.optim.lr, device);
    Ok(LSeSim { features, term })
}

/// Scales projected features by the first real images that are trained with, where there are any.
fn calibrate(trainer: &Trainer, data: &Data, config: &Config, device: Device) -> Result<()> {
    let Some(critics) = &trainer.critics else { return Ok(()) };
    let mut loader = data.loader(config, 0)?;
    let batches = CALIBRATING_IMAGES.div_ceil(config.train.batch_size as u64);
    let images = (0..batches).map(|_| Ok(loader.next(device)?.x_real)).collect::<Result<Vec<_>>>()?;
    critics.calibrate(&Tensor::cat(&images, 0));
    Ok(())
}

/// A run as the training loop sees it.
struct Run<'a> {
    config: &'a Config,
    data: &'a Data,
    trainer: Trainer,
    /// From the first step on that is trained.
    loader: Option<BatchLoader>,
    metrics: &'a DomainMetrics,
    /// Features of the real images, from the first evaluation on.
    reference: Option<DomainReference<'a>>,
    preview: Preview,
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
        let batch = self.loader.as_mut().expect(BEGUN).next(self.options.device)?;
        if step < self.warmup() {
            let mut losses = Losses::new();
            losses.push("warmup/reconstruction", &self.trainer.warmup_iteration(&batch));
            return Ok(losses);
        }
        let draws = self.trainer.draw(&batch);
        let iteration = step - self.warmup();
        Ok(named_losses(&self.trainer.iteration(&batch, &draws, iteration)?, self.config, iteration))
    }

    fn snapshot(&mut self, step: u64, best: Option<(u64, f64)>) -> Result<Snapshot> {
        snapshot::take(&mut self.trainer, step, &self.data.domains, best)
    }

    fn preview(&mut self) -> Result<Option<(&'static str, RgbImage)>> {
        Ok(Some((
            "latent",
            preview::grid(&self.trainer.networks.average, &self.preview, self.config, self.data.num_domains())?,
        )))
    }

    fn score(&mut self) -> Result<Vec<(&'static str, f64)>> {
        if self.reference.is_none() {
            self.reference = Some(evaluate::reference(self.config, self.data, self.metrics, self.options.quiet)?);
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

impl Experiment for Run<'_> {
    type Own = MultiModal<Method>;

    fn restore(&mut self, saved: &Snapshot, at: u64, path: &Path) -> Result<Standing> {
        let name = || format!("checkpoint {}", path.display());
        let state = snapshot::restore(&mut self.trainer, saved, &self.data.domains).with_context(name)?;
        Standing::restored(at, state.step, state.best).with_context(name)
    }

    fn start_at(&mut self, step: u64) -> Result<()> {
        self.loader = Some(self.data.loader(self.config, step)?);
        Ok(())
    }

    fn parameters(&mut self) -> BTreeMap<String, i64> {
        parameters(&snapshot::parts(&mut self.trainer))
    }

    fn images(&self) -> (f64, usize) {
        (self.loader.as_ref().expect(BEGUN).waited(), self.data.skipped())
    }

    fn split(&self) -> Option<&SplitRecord> {
        self.data.split.as_ref()
    }

    fn own(&mut self, seconds: f64) -> Self::Own {
        let train = &self.config.train;
        MultiModal {
            method: self.config.method,
            domains: self.data.domains.clone(),
            length: Iterations { iterations: train.iterations as u64 },
            image_size: self.config.data.image_size as u32,
            seconds_per_iteration: seconds / (train.warmup + train.iterations) as f64,
        }
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
    let metrics = evaluate::metrics(config, device)?;
    evaluate::check_tests(config, device, options.quiet)?;
    let (sources, _) = preview::sources(&data, config, device).context("images of the preview")?;
    let trainer = new_trainer(config, data.num_domains(), device)?;
    calibrate(&trainer, &data, config, device)?;
    let t = &config.train;
    let count = |n: i64| n as u64;
    let about = About {
        label: &config.name,
        name: &config.name,
        seed: config.seed,
        batch_size: count(t.batch_size),
        keep: t.keep,
        rhythm: Rhythm {
            total: count(t.warmup) + count(t.iterations),
            log_every: count(t.log_every),
            sample_every: count(t.sample_every),
            save_every: count(t.save_every),
            eval_every: count(config.eval_every()),
            warmup: count(t.warmup),
        },
        option: "--run-dir",
        inputs: &config.inputs(),
    };
    let preview = Preview::of_batch(sources);
    let mut run =
        Run { config, data: &data, trainer, loader: None, metrics: &metrics, reference: None, preview, options };
    drive(&mut run, config, about, &MAY_CHANGE, options, interrupt)
}

/// The losses of an iteration under their names in the log.
pub(crate) fn named_losses(losses: &IterationLosses, config: &Config, iteration: u64) -> Losses {
    let mut named = Losses::new();
    let mut push = |name: String, term: Option<&Tensor>| {
        if let Some(term) = term {
            named.push(name, term);
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
        named.number("gamma", config.gamma(iteration));
    }
    named.number("lambda_ds", config.lambda_ds(iteration));
    named
}
