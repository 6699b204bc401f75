//! Measurements.

use super::common::Row;
use anyhow::Result;
use clap::{Args, Subcommand};
use gancomp_fast::bench::{BenchOptions, bench_distill};
use gancomp_fast::bench_search::{BenchSearchOptions, bench_search};
use semrel_nn::channels::Channels;
use semrel_train::cli::{Machine, write_json};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Measure steps of distillation and, in turn, the bare passes of their networks (JSON). Images are random; no
    /// teacher is needed.
    Distill(DistillArgs),
    /// Measure evaluations of a configuration in the search and, in turn, the bare passes of its sub-network and of the
    /// feature extractor (JSON). Weights and images are random.
    Search(SearchArgs),
}

#[derive(Debug, Args)]
struct DistillArgs {
    #[command(flatten)]
    row: Row,
    /// Steps to measure.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    #[command(flatten)]
    machine: Machine,
}

#[derive(Debug, Args)]
struct SearchArgs {
    #[command(flatten)]
    row: Row,
    /// The configuration [default: the smallest of the row's set]
    #[arg(long)]
    channels: Option<Channels>,
    /// Pictures per evaluation.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    images: u32,
    /// Evaluations to measure.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    repeats: u32,
    #[command(flatten)]
    machine: Machine,
}

/// Measures.
pub fn run(args: &BenchArgs) -> Result<ExitCode> {
    match &args.what {
        What::Distill(args) => {
            let (device, threads) = args.machine.set()?;
            let config = args.row.load()?;
            let options = BenchOptions { steps: args.steps, device, threads };
            Ok(write_json(None, &bench_distill(&config, &options)?)?)
        }
        What::Search(args) => {
            let (device, threads) = args.machine.set()?;
            let config = args.row.load()?;
            let (images, repeats) = (args.images as usize, args.repeats as usize);
            let options = BenchSearchOptions { channels: args.channels, images, repeats, device, threads };
            Ok(write_json(None, &bench_search(&config, &options)?)?)
        }
    }
}
