//! How long training steps and translations take.

use crate::algorithm::{Algorithm, Batch, StepInfo};
use crate::config::{Config, Method};
use crate::networks::new_generator;
use crate::plain::{PlainOrder, build_plain, build_shared};
use anyhow::{Context, Result, ensure};
use image::RgbImage;
use semrel_data::rng::derive_seed;
use semrel_data::translate::{TranslateOptions, jobs};
use semrel_eval::translate_files;
use semrel_run::Checked;
use semrel_train::adversary::Critic;
use semrel_train::memory::peak_mib;
use semrel_train::{seed_step, tune_convolutions};
use serde::Serialize;
use std::time::Instant;
use tch::{Device, Kind, Tensor, no_grad};

/// What to measure on.
#[derive(Debug, Clone)]
pub struct BenchOptions {
    /// Steps that count, after one that does not.
    pub steps: u64,
    /// Where to compute.
    pub device: Device,
    /// Threads of arithmetic.
    pub threads: usize,
}

/// Order of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Ours.
    Shared,
    /// As published.
    Plain,
}

/// Measurements of one order.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Which order.
    pub order: Order,
    /// The method that was trained.
    pub method: Method,
    /// Side of the images.
    pub crop_size: u32,
    /// Images per batch.
    pub batch_size: i64,
    /// Threads of arithmetic.
    pub threads: usize,
    /// Seconds of each step.
    pub step_seconds: Vec<f64>,
    /// Their median.
    pub seconds: f64,
    /// Images learned from per second.
    pub images_per_second: f64,
    /// Losses of the first step, to compare orders: what Adam makes of roundings tells later ones apart.
    pub losses: Vec<(String, f64)>,
}

/// Measurements of steps.
#[derive(Debug, Serialize)]
pub struct StepReport {
    /// One for each order.
    pub orders: Vec<Report>,
    /// Median ratio of the seconds of a plain step to those of the shared step before it, where both were measured.
    pub speedup: Option<f64>,
    /// Median seconds of passes without a graph: what a step is made of.
    pub parts: Parts,
    /// Most memory held, in MiB; by the networks of all orders together.
    pub peak_memory_mib: u64,
}

/// Median seconds of one pass over one batch, without a graph.
#[derive(Debug, Serialize)]
pub struct Parts {
    /// Generator.
    pub generator: f64,
    /// Generator up to the last layer that is compared.
    pub encoder: f64,
    /// Discriminator.
    pub discriminator: f64,
}

/// A method in one of its orders.
enum Runs {
    Shared(Box<dyn Algorithm>),
    Plain(Box<dyn PlainOrder>),
}

impl Runs {
    fn method(&self) -> &dyn Algorithm {
        match self {
            Self::Shared(method) => &**method,
            Self::Plain(method) => &**method,
        }
    }
}

/// One order's networks on their way.
struct Runner {
    order: Order,
    method: Runs,
    config: Config,
    seconds: Vec<f64>,
    losses: Vec<(String, f64)>,
}

impl Runner {
    fn new(config: &Config, order: Order, device: Device) -> Result<Self> {
        tch::manual_seed(derive_seed(config.seed, "init", 0));
        let method = match order {
            Order::Shared => Runs::Shared(build_shared(config, device)?),
            Order::Plain => Runs::Plain(build_plain(config, device)?),
        };
        Ok(Self { order, method, config: config.clone(), seconds: vec![], losses: vec![] })
    }

    fn step(&mut self, step: u64, device: Device) -> Result<()> {
        seed_step(self.config.seed, step);
        let batch = random_batch(&self.config, device);
        let info = StepInfo { epoch: 1, step, ..StepInfo::default() };
        let began = Instant::now();
        let losses = match &mut self.method {
            Runs::Shared(method) => method.step(&batch, info)?,
            Runs::Plain(method) => method.plain_step(&batch, info)?,
        };
        // Reading a number waits for a device that computes on its own.
        let losses = losses.read().into_iter().map(|(name, v)| (name.to_owned(), v)).collect();
        if step == 0 {
            self.losses = losses;
        } else {
            self.seconds.push(began.elapsed().as_secs_f64());
        }
        Ok(())
    }

    fn report(self, threads: usize) -> Report {
        let config = &self.config;
        let seconds = median(&self.seconds);
        Report {
            order: self.order,
            method: config.method,
            crop_size: config.data.image_size,
            batch_size: config.train.batch_size,
            threads,
            seconds,
            images_per_second: config.train.batch_size as f64 / seconds,
            step_seconds: self.seconds,
            losses: self.losses,
        }
    }
}

/// Runs the steps of a method on random images, the orders in turns (loading is measured by training itself:
/// `seconds_waiting_for_images`).
///
/// # Errors
/// A published order of a method that has no other than that of training; settings that make no networks.
pub fn bench(config: &Checked<Config>, orders: &[Order], options: &BenchOptions) -> Result<StepReport> {
    ensure!(
        !config.model.nce_layers.is_empty(),
        "config key `model.nce_layers`: empty; bench measures the encoder up to the last of these layers"
    );
    tune_convolutions(options.device, true);
    let mut runners: Vec<Runner> =
        orders.iter().map(|&order| Runner::new(config, order, options.device)).collect::<Result<_>>()?;
    for step in 0..=options.steps {
        for runner in &mut runners {
            runner.step(step, options.device)?;
        }
    }
    let side = i64::from(config.data.image_size);
    let generator = runners[0].method.method().generator();
    generator.tap_shapes(side, side, &config.model.nce_layers).context("config key `model.nce_layers`")?;
    let parts = parts(runners[0].method.method(), config, options.device);
    let orders: Vec<Report> = runners.into_iter().map(|runner| runner.report(options.threads)).collect();
    let of = |order| orders.iter().find(|report| report.order == order);
    let speedup = match (of(Order::Shared), of(Order::Plain)) {
        (Some(shared), Some(plain)) => {
            let pairs = plain.step_seconds.iter().zip(&shared.step_seconds);
            Some(median(&pairs.map(|(plain, shared)| plain / shared).collect::<Vec<_>>()))
        }
        _ => None,
    };
    Ok(StepReport { orders, speedup, parts, peak_memory_mib: peak_mib() })
}

fn random_batch(config: &Config, device: Device) -> Batch {
    let (n, side) = (config.train.batch_size, i64::from(config.data.image_size));
    let images = || Tensor::rand([n, 3, side, side], (Kind::Float, device)) * 2.0 - 1.0;
    Batch { a: images(), b: images() }
}

fn parts(method: &dyn Algorithm, config: &Config, device: Device) -> Parts {
    let (batch, layers) = (random_batch(config, device), &config.model.nce_layers);
    let timed = |run: &dyn Fn() -> Tensor| {
        let times: Vec<f64> = (0..3)
            .map(|_| {
                let began = Instant::now();
                let _ = no_grad(run).sum(Kind::Float).double_value(&[]);
                began.elapsed().as_secs_f64()
            })
            .collect();
        median(&times)
    };
    Parts {
        generator: timed(&|| method.generator().forward(&batch.a)),
        encoder: timed(&|| method.generator().encode(&batch.a, layers).pop().expect("a layer")),
        discriminator: timed(&|| method.critics()[0].0.logits(&batch.a).total()),
    }
}

/// Speed of translating files.
#[derive(Debug, Serialize)]
pub struct TranslationReport {
    /// Pictures.
    pub pictures: usize,
    /// Their side.
    pub size: u32,
    /// Threads of arithmetic.
    pub threads: usize,
    /// Pictures per second of the network alone, on tensors that are there.
    pub network: f64,
    /// Pictures per second from JPEG files to PNG files, the first decoding and the last encoding included.
    pub files: f64,
    /// The second as a share of the first.
    pub share: f64,
}

/// Translates `pictures` random pictures, one at a time: as tensors and as files, in turns of one half each.
///
/// # Errors
/// Settings that make no generator; a temporary folder that cannot be written.
pub fn bench_translation(
    config: &Checked<Config>,
    pictures: usize,
    options: &BenchOptions,
) -> Result<TranslationReport> {
    tch::manual_seed(derive_seed(config.seed, "init", 0));
    let generator = new_generator(config, options.device)?;
    let side = config.data.image_size;
    let folder = tempfile::tempdir().context("a temporary folder")?;
    let input = folder.path().join("in");
    std::fs::create_dir(&input)?;
    for i in 0..pictures as u32 {
        smooth_noise(side, i).save(input.join(format!("{i:04}.jpg")))?;
    }
    let jobs = jobs(&input, Some(&folder.path().join("out")))?;
    let batch = random_batch(config, options.device).a.narrow(0, 0, 1);
    let alone = || no_grad(|| generator.forward(&batch)).sum(Kind::Float).double_value(&[]);
    let files = TranslateOptions { size: Some((side, side)), batch: 1 };
    alone();
    let (mut network, mut pipeline) = (0.0, 0.0);
    for jobs in jobs.chunks(pictures.div_ceil(2)) {
        let began = Instant::now();
        for _ in jobs {
            alone();
        }
        network += began.elapsed().as_secs_f64();
        let began = Instant::now();
        translate_files(&generator, jobs, files, &mut |_| true)?;
        pipeline += began.elapsed().as_secs_f64();
    }
    let per_second = |seconds: f64| pictures as f64 / seconds;
    Ok(TranslationReport {
        pictures,
        size: side,
        threads: options.threads,
        network: per_second(network),
        files: per_second(pipeline),
        share: network / pipeline,
    })
}

/// A picture that compresses about as well as a photograph.
fn smooth_noise(side: u32, seed: u32) -> RgbImage {
    let coarse = RgbImage::from_fn(side.div_ceil(4), side.div_ceil(4), |x, y| {
        let hash = (x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77) ^ seed.wrapping_mul(0xc2b2_ae3d))
            .wrapping_mul(0x27d4_eb2f);
        image::Rgb([(hash >> 8) as u8, (hash >> 16) as u8, (hash >> 24) as u8])
    });
    image::imageops::resize(&coarse, side, side, image::imageops::FilterType::Triangle)
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
