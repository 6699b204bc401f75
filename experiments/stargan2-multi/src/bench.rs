//! How long a training iteration takes: one JSON object.

use crate::config::Config;
use crate::train::new_trainer;
use crate::trainer::{Batch, Trainer};
use anyhow::Result;
use semrel_run::Checked;
use semrel_train::memory::peak_mib;
use semrel_train::{seed_step, tune_convolutions};
use serde::Serialize;
use std::time::Instant;
use tch::{Device, Kind, Tensor};

/// What to measure.
#[derive(Debug, Clone)]
pub struct BenchOptions {
    /// Iterations that count, after one that does not.
    pub steps: u64,
    /// The published loop's order instead of ours.
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
    pub method: crate::config::Method,
    /// Side of the images.
    pub img_size: i64,
    /// Images per batch.
    pub batch_size: i64,
    /// Threads of arithmetic.
    pub threads: usize,
    /// Iterations measured.
    pub steps: u64,
    /// Median seconds of a whole iteration.
    pub seconds: f64,
    /// Least and most.
    pub seconds_range: [f64; 2],
    /// Images translated and learned from per second.
    pub images_per_second: f64,
    /// Median seconds of the parts of an iteration, each run alone: what an iteration is made of.
    pub parts: Parts,
    /// Most memory held, in MiB.
    pub peak_memory_mib: u64,
    /// Losses of the last iteration, to compare orders.
    pub losses: Vec<(String, f64)>,
}

/// Median seconds of forward passes over one batch, without a graph.
#[derive(Debug, Serialize)]
pub struct Parts {
    /// Generator, encoder half.
    pub encode: f64,
    /// Generator, decoder half.
    pub decode: f64,
    /// Style encoder.
    pub style_encoder: f64,
    /// Mapping network.
    pub mapping_network: f64,
    /// Discriminator, with the adversarial term.
    pub discriminator: f64,
    /// Update of the averages.
    pub average: f64,
}

/// Runs the iterations on random images (loading is measured by training itself: `seconds_waiting_for_images`).
pub fn bench(config: &Checked<Config>, options: &BenchOptions) -> Result<Report> {
    const DOMAINS: i64 = 4;
    tune_convolutions(options.device, true);
    let mut trainer = new_trainer(config, DOMAINS, options.device)?;
    let mut times = vec![];
    let mut losses = vec![];
    for step in 0..=options.steps {
        seed_step(config.seed, step);
        let batch = random_batch(config, DOMAINS, options.device);
        let draws = trainer.draw(&batch);
        let began = Instant::now();
        let iteration = if options.plain {
            trainer.plain_iteration(&batch, &draws, step)?
        } else {
            trainer.iteration(&batch, &draws, step)?
        };
        // Reading a number waits for a device that computes on its own.
        losses = crate::train::named_losses(&iteration, config, step)
            .read()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        if step > 0 {
            times.push(began.elapsed().as_secs_f64());
        }
    }
    let range = [times.iter().copied().fold(f64::INFINITY, f64::min), times.iter().copied().fold(0.0, f64::max)];
    let seconds = median(&mut times);
    Ok(Report {
        order: if options.plain { "plain" } else { "shared" },
        method: config.method,
        img_size: config.data.image_size,
        batch_size: config.train.batch_size,
        threads: options.threads,
        steps: options.steps,
        seconds,
        seconds_range: range,
        images_per_second: config.train.batch_size as f64 / seconds,
        parts: parts(&trainer, config, options.device),
        peak_memory_mib: peak_mib(),
        losses,
    })
}

fn random_batch(config: &Config, domains: i64, device: Device) -> Batch {
    let (n, s) = (config.train.batch_size, config.data.image_size);
    let images = || Tensor::rand([n, 3, s, s], (Kind::Float, device)) * 2.0 - 1.0;
    let labels = |shift: i64| (0..n).map(|i| (i + shift) % domains).collect();
    Batch { x_real: images(), y_org: labels(0), x_ref: images(), x_ref2: images(), y_trg: labels(1) }
}

fn parts(trainer: &Trainer, config: &Config, device: Device) -> Parts {
    let _guard = tch::no_grad_guard();
    let batch = random_batch(config, 1, device);
    let n = &trainer.networks;
    let encoded = n.generator.encode(&batch.x_real, &[]);
    let style = n.style_encoder.forward(&batch.x_ref, &batch.y_trg);
    let z = Tensor::randn([config.train.batch_size, config.model.latent_dim], (Kind::Float, device));
    let timed = |run: &dyn Fn() -> Tensor| {
        let mut times: Vec<f64> = (0..3)
            .map(|_| {
                let began = Instant::now();
                let _ = run().sum(Kind::Float).double_value(&[]);
                began.elapsed().as_secs_f64()
            })
            .collect();
        median(&mut times)
    };
    Parts {
        encode: timed(&|| n.generator.encode(&batch.x_real, &[]).bottleneck),
        decode: timed(&|| n.generator.decode(&encoded, &style)),
        style_encoder: timed(&|| n.style_encoder.forward(&batch.x_ref, &batch.y_trg)),
        mapping_network: timed(&|| n.mapping_network.forward(&z, &batch.y_trg)),
        discriminator: timed(&|| trainer.adversarial_term(&batch.x_real, &batch.y_org).expect("logits of images")),
        average: timed(&|| {
            n.update_average(config.optim.ema_beta);
            z.shallow_clone()
        }),
    }
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
