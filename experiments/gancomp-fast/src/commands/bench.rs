//! Measurements.

use super::common::Row;
use anyhow::Result;
use clap::{Args, Subcommand};
use gancomp_fast::bench::{BenchOptions, bench_distill};
use semrel_train::cli::{Machine, write_json};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Steps of distillation and, in turns, the bare passes of their networks (JSON). Random images; no teacher is needed.
    Distill(DistillArgs),
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

/// Measures.
pub fn run(args: &BenchArgs) -> Result<ExitCode> {
    match &args.what {
        What::Distill(args) => {
            let (device, threads) = args.machine.set()?;
            let config = args.row.load()?;
            let options = BenchOptions { steps: args.steps, device, threads };
            Ok(write_json(None, &bench_distill(&config, &options)?)?)
        }
    }
}
