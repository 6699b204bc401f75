//! Evaluation.

use super::common::{Generator, Row};
use anyhow::Result;
use clap::Args;
use gancomp_fast::evaluate::{EvalOptions, baseline, evaluate};
use semrel_train::cli::{Machine, ScoresFile};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct EvalArgs {
    #[command(flatten)]
    row: Row,
    #[command(flatten)]
    generator: Generator,
    #[command(flatten)]
    scores: ScoresFile,
    #[command(flatten)]
    machine: Machine,
}

#[derive(Debug, Args)]
pub struct BaselineArgs {
    #[command(flatten)]
    row: Row,
    /// Folder for the pictures that are scored [default: a temporary one]
    #[arg(long)]
    images: Option<PathBuf>,
    #[command(flatten)]
    scores: ScoresFile,
    #[command(flatten)]
    machine: Machine,
}

/// Scores a generator.
pub fn run(args: &EvalArgs, quiet: bool) -> Result<ExitCode> {
    let (device, threads) = args.machine.set()?;
    let config = args.row.load()?;
    args.scores.check(None, &config.inputs())?;
    let options = EvalOptions { folders: args.row.folders(), device, threads, quiet };
    let Generator { of, channels } = args.generator;
    Ok(args.scores.write(&evaluate(&config, of, channels, &options)?)?)
}

/// Scores the untranslated images, and the real ones.
pub fn run_baseline(args: &BaselineArgs, quiet: bool) -> Result<ExitCode> {
    let (device, threads) = args.machine.set()?;
    let config = args.row.load()?;
    args.scores.check(args.images.as_deref(), &config.inputs())?;
    let options = EvalOptions { folders: args.row.folders(), device, threads, quiet };
    Ok(args.scores.write(&baseline(&config, args.images.as_deref(), &options)?)?)
}
