//! The training loop.

use crate::config::{Config, Method};
use crate::correlative::Correlative;
use crate::data::Data;
use crate::evaluate::{Reference, to_tensor};
use crate::networks::{Networks, Optimisers, Translator};
use crate::sample;
use crate::snapshot;
use crate::step::Trainer;
use crate::terms::{DiscriminatorLosses, GeneratorLosses, IterationLosses};
use anyhow::{Context, Result, bail, ensure};
use image::RgbImage;
use semrel_data::rng::derive_seed;
use semrel_metrics::EfficientNetLite0;
use semrel_metrics::extractor::to_images;
use semrel_train::memory::peak_mib;
use semrel_train::{
    Checkpoints, Interrupt, MetricsLog, OpenMode, Progress, RunDir, first_non_finite, seed_step, summary,
};
use serde_json::json;
use std::path::PathBuf;
use std::rc::Rc;
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
}

/// How training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// All iterations done.
    Finished,
    /// Stopped by a signal after saving a checkpoint; can be resumed.
    Interrupted,
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

/// Blocks of EfficientNet-Lite0 that the correlative term reads, at 1/2, 1/4 and 1/8 of the image's side.
const CORRELATIVE_TAPS: usize = 3;

fn correlative(config: &Config, device: Device) -> Result<Correlative> {
    let network = Rc::new(EfficientNetLite0::load(device).context("fixed features of the method `lsesim`")?);
    let probe = network.maps(&Tensor::zeros([1, 3, config.data.img_size, config.data.img_size], (Kind::Float, device)));
    let channels: Vec<i64> = probe.iter().take(CORRELATIVE_TAPS).map(|t| t.size()[1]).collect();
    // The network expects (v − 127)/128 of values 0..255; images here are v/127.5 − 1.
    let features = move |x: &Tensor| {
        let mut maps = network.maps(&(x * (127.5 / 128.0) + 0.5 / 128.0));
        maps.truncate(CORRELATIVE_TAPS);
        maps
    };
    Ok(Correlative::new(Box::new(features), &channels, config.loss.lsesim_patches, config.optim.lr, device))
}

/// Trains a run to its end, or until a signal asks it to stop.
pub fn train(config: &Config, options: &TrainOptions, interrupt: &Interrupt) -> Result<Ended> {
    config.validate()?;
    let data = Data::open(config)?;
    let device = options.device;
    // Before the folder is touched: `--overwrite` removes nothing where weights are missing, networks fit no memory, or the
    // pictures of the preview cannot be read.
    let extractor = EfficientNetLite0::load(device).context("the evaluation's extractor")?;
    let _ = preview_sources(&data, config, device).context("validation images of the preview")?;
    let mut trainer = new_trainer(config, data.num_domains(), device)?;
    let run = RunDir::open(&options.run_dir, options.mode, config, &MAY_CHANGE)?;
    let checkpoints = run.checkpoints(config.train.keep);

    let (mut step, mut best) = (0, None);
    if options.mode == OpenMode::Resume
        && let Some((at, saved)) = checkpoints.latest()?
    {
        let state = snapshot::restore(&mut trainer, &saved, &data.domains)
            .with_context(|| format!("checkpoint {}", checkpoints.path(at).display()))?;
        ensure!(
            state.step == at,
            "checkpoint {}: its state.json is of step {}: the file was changed",
            checkpoints.path(at).display(),
            state.step
        );
        (step, best) = (state.step, state.best);
        if best.is_some_and(|(best, _)| best == at) {
            // The process may have been killed after saving it, before marking it.
            checkpoints.mark_best(at)?;
        }
    }
    let mut log = MetricsLog::open(run.path(), step)?;
    let mut loader = data.loader(config, step)?;
    let warmup = config.train.warmup as u64;
    let total = warmup + config.train.iterations as u64;
    let every = |n: i64, step: u64| n > 0 && step.is_multiple_of(n as u64);
    let mut reference = None;
    let mut progress = Progress::new(&config.name, step, total, options.quiet);

    while step < total {
        seed_step(config.seed, step);
        let batch = loader.next(device)?;
        let losses = if step < warmup {
            Losses::WarmUp(trainer.warmup_iteration(&batch))
        } else {
            let draws = trainer.draw(&batch);
            Losses::Adversarial(Box::new(trainer.iteration(&batch, &draws, step - warmup)?))
        };
        step += 1;
        let evaluated = config.train.eval_every > 0
            && step > warmup
            && (every(config.train.eval_every, step - warmup) || step == total);
        let logged = every(config.train.log_every, step) || step == total;
        let stop = interrupt.requested();
        let saved = every(config.train.save_every, step) || evaluated || step == total || stop;
        if logged || saved {
            let terms = losses.terms(config, step.saturating_sub(warmup + 1));
            let terms: Vec<(&str, f64)> = terms.iter().map(|(name, v)| (name.as_str(), *v)).collect();
            if logged {
                log.log(step, &terms)?;
                progress.message(message(&terms));
            }
            check(step, &terms)?;
        }
        if every(config.train.sample_every, step) || step == total {
            let picture = preview(&trainer.networks.average, &data, config)?;
            semrel_data::image_io::write_image(&run.sample_path(step, None), &picture)?;
            log.image(step, "latent", &picture)?;
        }
        if evaluated {
            if reference.is_none() {
                reference = Some(Reference::new(config, &data, &extractor, options.quiet)?);
            }
            let reference = reference.as_ref().expect("made above");
            let score = reference.glance(&trainer.networks.average)?;
            let scores = [("eval/latent_fd_glance", score)];
            log.log(step, &scores)?;
            check(step, &scores)?;
            if best.is_none_or(|(_, least)| score < least) {
                best = Some((step, score));
            }
        }
        if saved {
            log.flush()?;
            checkpoints.save(step, &snapshot::take(&mut trainer, step, &data.domains, best)?)?;
            if best.is_some_and(|(at, _)| at == step) {
                checkpoints.mark_best(step)?;
            }
        }
        progress.set(step);
        if stop && step < total {
            progress.finish();
            return Ok(Ended::Interrupted);
        }
    }
    progress.finish();
    let seconds = log.seconds();
    summary::write(
        run.path(),
        &json!({
            "name": config.name,
            "method": config.method,
            "seed": config.seed,
            "domains": data.domains,
            "iterations": config.train.iterations,
            "warmup": config.train.warmup,
            "batch_size": config.train.batch_size,
            "img_size": config.data.img_size,
            "parameters": snapshot::parameters(&trainer.networks),
            "seconds": seconds,
            "seconds_per_iteration": seconds / total as f64,
            "seconds_waiting_for_images": loader.waited(),
            "unreadable_images": data.train.skipped() + data.val.skipped(),
            "threads": options.threads,
            "device": format!("{device:?}"),
            "peak_memory_mib": peak_mib(),
            "best_step": checkpoints.best_step()?.unwrap_or(step),
            "last_step": step,
        }),
    )?;
    Ok(Ended::Finished)
}

/// Losses of a step of either phase; reading them waits for the device.
enum Losses {
    WarmUp(Tensor),
    Adversarial(Box<IterationLosses>),
}

impl Losses {
    fn terms(&self, config: &Config, iteration: u64) -> Vec<(String, f64)> {
        match self {
            Self::WarmUp(reconstruction) => vec![("warmup/reconstruction".to_owned(), value(reconstruction))],
            Self::Adversarial(losses) => terms(losses, config, iteration),
        }
    }
}

/// Ends a run that has diverged. Steps that are neither logged nor saved are not looked at.
fn check(step: u64, terms: &[(&str, f64)]) -> Result<()> {
    match first_non_finite(terms) {
        Some(bad) => bail!("step {step}: {bad}; the checkpoints of earlier steps are kept"),
        None => Ok(()),
    }
}

fn value(t: &Tensor) -> f64 {
    t.double_value(&[])
}

/// Named terms of an iteration, for the log.
pub(crate) fn terms(losses: &IterationLosses, config: &Config, iteration: u64) -> Vec<(String, f64)> {
    let mut terms = vec![];
    for (pass, l) in [("d_latent", &losses.d_latent), ("d_ref", &losses.d_ref)] {
        let DiscriminatorLosses { real, fake, reg, total } = l;
        let all = [("real", Some(real)), ("fake", Some(fake)), ("reg", reg.as_ref()), ("total", Some(total))];
        terms.extend(all.into_iter().filter_map(|(n, t)| Some((format!("{pass}/{n}"), value(t?)))));
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
        terms.extend(all.into_iter().filter_map(|(n, t)| Some((format!("{pass}/{n}"), value(t?)))));
    }
    terms.extend(losses.heads.as_ref().map(|h| ("lsesim/heads".to_owned(), value(h))));
    if config.method == Method::Ours {
        terms.push(("gamma".to_owned(), config.gamma(iteration)));
    }
    terms.push(("lambda_ds".to_owned(), config.lambda_ds(iteration)));
    terms
}

fn message(terms: &[(&str, f64)]) -> String {
    let shown = ["d_latent/total", "g_latent/total", "g_latent/cyc", "warmup/reconstruction"];
    let parts = terms.iter().filter(|(name, _)| shown.contains(name));
    parts.map(|(name, v)| format!("{name} {v:.3}")).collect::<Vec<_>>().join("  ")
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
    let size = config.data.img_size as u32;
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

/// The checkpoint that `which` names (`last`, `best` or a step) of a run folder: its step.
pub fn find_checkpoint(checkpoints: &Checkpoints, which: &str) -> Result<u64> {
    let last = || checkpoints.steps().map(|s| s.last().copied());
    let found = match which {
        "last" => last()?,
        "best" => checkpoints.best_step()?.or(last()?),
        step => Some(step.parse().with_context(|| format!("checkpoint `{step}`: `last`, `best` or a step's number"))?),
    };
    found.context("the run has no checkpoint yet")
}
