//! How long a training step takes: one JSON object.

use crate::algorithm::{Algorithm, Batch, When};
use crate::config::{Config, Method};
use crate::methods::Contrastive;
use anyhow::{Result, ensure};
use semrel_data::rng::derive_seed;
use semrel_train::memory::peak_mib;
use semrel_train::seed_step;
use serde::Serialize;
use std::time::Instant;
use tch::{Device, Kind, Tensor, no_grad};

/// What to measure.
#[derive(Debug, Clone)]
pub struct BenchOptions {
    /// Steps that count, after one that does not.
    pub steps: u64,
    /// The published order instead of ours.
    pub plain: bool,
    /// Where to compute.
    pub device: Device,
    /// Threads of arithmetic.
    pub threads: usize,
}

/// Measurements.
#[derive(Debug, Serialize)]
pub struct Report {
    /// `shared` (ours) or `plain`.
    pub order: &'static str,
    /// The method that was trained.
    pub method: Method,
    /// Side of the images.
    pub crop_size: u32,
    /// Images per batch.
    pub batch_size: i64,
    /// Threads of arithmetic.
    pub threads: usize,
    /// Steps measured.
    pub steps: u64,
    /// Median seconds of a step.
    pub seconds: f64,
    /// Least and most.
    pub seconds_range: [f64; 2],
    /// Images learned from per second.
    pub images_per_second: f64,
    /// Median seconds of passes without a graph: what a step is made of.
    pub parts: Parts,
    /// Most memory held, in MiB.
    pub peak_memory_mib: u64,
    /// Losses of the last step, to compare orders.
    pub losses: Vec<(String, f64)>,
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

/// Runs the steps of `ours` or `cut` on random images (loading is measured by training itself:
/// `seconds_waiting_for_images`).
///
/// # Errors
/// Another method; settings that make no networks.
pub fn bench(config: &Config, options: &BenchOptions) -> Result<Report> {
    config.validate()?;
    ensure!(
        matches!(config.method, Method::Ours | Method::Cut),
        "bench: `ours` and `cut` have two orders to compare; {:?} has not",
        config.method
    );
    tch::manual_seed(derive_seed(config.seed, "init", 0));
    let mut method = Contrastive::new(config, options.device)?;
    let (mut times, mut losses) = (vec![], vec![]);
    for step in 0..=options.steps {
        seed_step(config.seed, step);
        let batch = random_batch(config, options.device);
        let draws = method.draw(&batch)?;
        let when = When { epoch: 1, step };
        let began = Instant::now();
        let terms =
            if options.plain { method.plain_step(&batch, &draws, when)? } else { method.step_with(&batch, &draws, when)? };
        // Reading a number waits for a device that computes on its own.
        losses = terms.read().into_iter().map(|(name, v)| (name.to_owned(), v)).collect();
        if step > 0 {
            times.push(began.elapsed().as_secs_f64());
        }
    }
    let range = [times.iter().copied().fold(f64::INFINITY, f64::min), times.iter().copied().fold(0.0, f64::max)];
    let seconds = median(&mut times);
    Ok(Report {
        order: if options.plain { "plain" } else { "shared" },
        method: config.method,
        crop_size: config.data.crop_size,
        batch_size: config.train.batch_size,
        threads: options.threads,
        steps: options.steps,
        seconds,
        seconds_range: range,
        images_per_second: config.train.batch_size as f64 / seconds,
        parts: parts(&method, config, options.device),
        peak_memory_mib: peak_mib(),
        losses,
    })
}

fn random_batch(config: &Config, device: Device) -> Batch {
    let (n, side) = (config.train.batch_size, i64::from(config.data.crop_size));
    let images = || Tensor::rand([n, 3, side, side], (Kind::Float, device)) * 2.0 - 1.0;
    Batch { a: images(), b: images() }
}

fn parts(method: &Contrastive, config: &Config, device: Device) -> Parts {
    let batch = random_batch(config, device);
    let timed = |run: &dyn Fn() -> Tensor| {
        let mut times: Vec<f64> = (0..3)
            .map(|_| {
                let began = Instant::now();
                let _ = no_grad(run).sum(Kind::Float).double_value(&[]);
                began.elapsed().as_secs_f64()
            })
            .collect();
        median(&mut times)
    };
    Parts {
        generator: timed(&|| method.generator().forward(&batch.a)),
        encoder: timed(&|| method.generator().encode(&batch.a, method.layers()).pop().expect("a layer")),
        discriminator: timed(&|| method.adversary.discriminator.forward(&batch.a)),
    }
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
