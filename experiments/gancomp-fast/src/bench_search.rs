//! How long the evaluation of a configuration takes in a search, beside the bare passes of its sub-network and the features.

use crate::config::Config;
use crate::generators::sub_network;
use crate::latency::median;
use crate::looked_at::extractor;
use crate::networks::new_student;
use crate::search::fitness::Fitness;
use anyhow::{Context, Result};
use semrel_data::rng::derive_seed;
use semrel_eval::{Forward, Inputs, ReferenceSet, Scorer};
use semrel_metrics::extractor::features_of_images;
use semrel_nn::channels::Channels;
use semrel_run::Checked;
use semrel_train::memory::peak_mib;
use serde::Serialize;
use std::time::Instant;
use tch::{Device, Kind, Tensor, no_grad};

/// What to measure on.
#[derive(Debug, Clone)]
pub struct BenchSearchOptions {
    /// The configuration; `None` for the smallest of the row's set.
    pub channels: Option<Channels>,
    /// Pictures that an evaluation looks at.
    pub images: usize,
    /// Evaluations that count, after one that does not.
    pub repeats: usize,
    /// Where to compute.
    pub device: Device,
    /// Threads of arithmetic.
    pub threads: usize,
}

/// Measurements of evaluations.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchReport {
    /// The configuration.
    pub channels: Channels,
    /// Name of the extractor.
    pub extractor: String,
    /// Pictures.
    pub images: usize,
    /// Pictures a batch.
    pub batch_size: i64,
    /// Their side.
    pub size: u32,
    /// Threads of arithmetic.
    pub threads: usize,
    /// Median seconds of an evaluation.
    pub evaluation_seconds: f64,
    /// Median seconds of the stand-alone sub-network's passes of the same pictures, without a graph.
    pub forward_seconds: f64,
    /// Median seconds of the features of its outputs.
    pub feature_seconds: f64,
    /// Median ratio of an evaluation to the passes and features measured right after it.
    pub ratio: f64,
    /// Seconds of each evaluation.
    pub evaluations: Vec<f64>,
    /// Most memory held, in MiB.
    pub peak_memory_mib: u64,
}

/// Evaluates a configuration of a super-net with random weights on random pictures by its Fréchet distance, in turns with the
/// bare passes of the sub-network and the features.
///
/// # Errors
/// Settings that make no network; weights of the extractor that are missing.
pub fn bench_search(config: &Checked<Config>, options: &BenchSearchOptions) -> Result<SearchReport> {
    let device = options.device;
    tch::manual_seed(derive_seed(config.seed, "bench", 0));
    let student = new_student(config, device)?;
    let channels = options.channels.unwrap_or_else(|| config.distill.channels.smallest());
    channels.check_within(student.config().width).context("--channels")?;
    let (side, batch) = (i64::from(config.data.image_size), config.search.batch_size);
    let images = |n: usize| Tensor::rand([n as i64, 3, side, side], (Kind::Float, Device::Cpu)) * 2.0 - 1.0;
    let starts = (0..options.images).step_by(batch as usize);
    let batches = starts.map(|start| images(options.images.min(start + batch as usize) - start)).collect();
    let inputs = Inputs::of_batches(batches);
    let extractor = extractor(config).load(device)?;
    let name = extractor.name().to_owned();
    let unchanged = Forward { device, forward: Tensor::shallow_clone };
    let reference = ReferenceSet::of_features(&features_of_images(extractor.as_ref(), &inputs.outputs(&unchanged)?)?)?;
    let fitness = Fitness::frechet(&student, Scorer::new(extractor, reference, inputs));

    let alone = sub_network(&student.state(), &channels, device)?;
    let (mut evaluations, mut forwards, mut featuring) = (vec![], vec![], vec![]);
    for repeat in 0..=options.repeats {
        let began = Instant::now();
        fitness.quality(&channels)?;
        let evaluation = began.elapsed().as_secs_f64();

        let outputs = fitness.outputs(&channels)?;
        let began = Instant::now();
        fitness.inputs().for_each(&mut |batch| {
            // Reading a number waits for a device that computes on its own.
            let _ = no_grad(|| alone.forward(&batch.to_device(device))).flatten(0, -1).get(0).double_value(&[]);
            Ok(())
        })?;
        let forward = began.elapsed().as_secs_f64();

        let began = Instant::now();
        let _ = fitness.features(&outputs)?;
        let feature = began.elapsed().as_secs_f64();
        if repeat > 0 {
            evaluations.push(evaluation);
            forwards.push(forward);
            featuring.push(feature);
        }
    }
    let bare = forwards.iter().zip(&featuring).map(|(forward, features)| forward + features);
    let ratios: Vec<f64> = evaluations.iter().zip(bare).map(|(evaluation, bare)| evaluation / bare).collect();
    Ok(SearchReport {
        channels,
        extractor: name,
        images: options.images,
        batch_size: batch,
        size: config.data.image_size,
        threads: options.threads,
        evaluation_seconds: median(&evaluations),
        forward_seconds: median(&forwards),
        feature_seconds: median(&featuring),
        ratio: median(&ratios),
        evaluations,
        peak_memory_mib: peak_mib(),
    })
}
