//! How long a step of distillation takes, beside the bare passes of its networks.

use crate::config::{Config, Method};
use crate::distill::{Distillation, Draws};
use crate::latency::median;
use crate::networks::{TAPS, new_teacher};
use anyhow::Result;
use semrel_data::rng::derive_seed;
use semrel_nn::{flat_gradients, flat_gradients_of_first};
use semrel_run::Checked;
use semrel_train::adversary::Critic;
use semrel_train::batches::Batch;
use semrel_train::memory::peak_mib;
use semrel_train::seed_step;
use serde::Serialize;
use std::time::Instant;
use tch::{Device, Kind, Tensor, no_grad};

/// What to measure on.
#[derive(Debug, Clone)]
pub struct BenchOptions {
    /// Steps that count, after two that do not.
    pub steps: u64,
    /// Where to compute.
    pub device: Device,
    /// Threads of arithmetic.
    pub threads: usize,
}

/// Measurements of steps.
#[derive(Debug, Serialize)]
pub struct StepReport {
    /// What distils.
    pub method: Method,
    /// Side of the images.
    pub crop_size: u32,
    /// Images per batch.
    pub batch_size: i64,
    /// Threads of arithmetic.
    pub threads: usize,
    /// Median seconds of a step.
    pub step_seconds: f64,
    /// Median seconds of the bare passes: teacher forwards without a graph; student, adapters and heads forwards and
    /// backwards; D forwards and backwards on the student's and the real image, and backwards to the student's image.
    pub bare_seconds: f64,
    /// Median ratio of a step to the bare passes at the same configuration, measured right after it.
    pub ratio: f64,
    /// Seconds of each step.
    pub steps: Vec<f64>,
    /// Seconds of the bare passes of each step.
    pub bare: Vec<f64>,
    /// The configurations.
    pub channels: Vec<String>,
    /// Most memory held, in MiB.
    pub peak_memory_mib: u64,
}

/// Runs steps of distillation on random images, each for the second time, and in turns the bare passes of their networks at the
/// same configurations.
/// Loading is measured by training itself (`seconds_waiting_for_images`).
///
/// # Errors
/// Settings that make no networks.
pub fn bench_distill(config: &Checked<Config>, options: &BenchOptions) -> Result<StepReport> {
    let (train, device) = (&config.distill.train, options.device);
    tch::manual_seed(derive_seed(config.seed, "init", 0));
    let teacher = new_teacher(config, device)?;
    let mut distillation = Distillation::new(config, teacher, config.distill.channels.clone(), train, device)?;
    let (mut steps, mut bare, mut channels) = (vec![], vec![], vec![]);
    for step in 0..options.steps + 2 {
        seed_step(config.seed, step);
        let (n, side) = (train.batch_size, i64::from(config.data.image_size));
        let images = || Tensor::rand([n, 3, side, side], (Kind::Float, device)) * 2.0 - 1.0;
        let batch = Batch { a: images(), b: images() };
        let draws = distillation.draw(&batch, step);

        // A shape's kernels are compiled when it is met first, which training has behind it after a few hundred steps.
        let (terms, _) = distillation.step_with(&batch, &draws, 1)?;
        wait(terms.get("G").expect("the total"));
        let began = Instant::now();
        let (terms, _) = distillation.step_with(&batch, &draws, 1)?;
        wait(terms.get("G").expect("the total"));
        let of_step = began.elapsed().as_secs_f64();

        let began = Instant::now();
        wait(&distillation.bare_passes(&batch, &draws));
        let of_bare = began.elapsed().as_secs_f64();
        if step >= 2 {
            steps.push(of_step);
            bare.push(of_bare);
            channels.push(draws.channels.to_string());
        }
    }
    let ratios: Vec<f64> = steps.iter().zip(&bare).map(|(step, bare)| step / bare).collect();
    Ok(StepReport {
        method: config.method,
        crop_size: config.data.image_size,
        batch_size: train.batch_size,
        threads: options.threads,
        step_seconds: median(&steps),
        bare_seconds: median(&bare),
        ratio: median(&ratios),
        steps,
        bare,
        channels,
        peak_memory_mib: peak_mib(),
    })
}

impl Distillation {
    /// Every network's passes of a step and nothing else: no losses, no optimisers. Returns a number that depends on all.
    fn bare_passes(&self, batch: &Batch, draws: &Draws) -> Tensor {
        let (image, taught) = no_grad(|| self.teacher.forward_tapped(&batch.a, &TAPS));
        let (made, taps) = self.student.forward_tapped(&batch.a, &draws.channels);
        let fake = self.adversary.discriminator.logits(&self.seen(batch, &made));
        let real = self.adversary.discriminator.logits(&self.seen(batch, &batch.b));
        let sum = |t: &Tensor| t.sum(None::<Kind>);
        let of_critic =
            flat_gradients_of_first(&(fake.total() + real.total()), &[self.adversary.discriminator.parameters()]);

        let mut total = fake.total() + sum(&made);
        for (adapter, tap) in self.adapters.0.iter().zip(&taps) {
            total += sum(&adapter.forward(tap));
        }
        let mut networks = vec![self.student.parameters(), self.adapters.parameters()];
        if let Some(heads) = &self.heads {
            for (i, head) in heads.0.iter().enumerate() {
                let rows = |map: &Tensor| map.flatten(2, 3).index_select(2, &draws.positions[i]).transpose(1, 2);
                total += sum(&head.forward(&rows(&taps[i])));
                let _ = no_grad(|| head.forward(&rows(&taught[i])));
            }
            networks.push(heads.parameters());
        }
        let of_student = flat_gradients(&total, &networks);
        sum(&image) + of_critic[0].get(0) + of_student[0].get(0)
    }
}

/// Reading a number waits for a device that computes on its own.
fn wait(number: &Tensor) {
    let _ = number.double_value(&[]);
}
