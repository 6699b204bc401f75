//! Evaluation.

use super::common::Row;
use anyhow::Result;
use clap::Args;
use gancomp_fast::evaluate::{EvalOptions, baseline, evaluate};
use gancomp_fast::generators::{Chosen, Which};
use semrel_train::cli::{Machine, write_json};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct EvalArgs {
    #[command(flatten)]
    row: Row,
    /// Which generator: teacher, distill (the super-net at a configuration), finetune, or export (fine-tuned where the row has
    /// that, else distilled).
    #[arg(long, default_value = "export")]
    of: Which,
    /// Configuration of a distilled one, such as 16_16_32_16_16_64_16_24, largest or smallest; the search's winner where
    /// absent.
    #[arg(long)]
    channels: Option<Chosen>,
    /// File of the scores (JSON); standard output where absent.
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(flatten)]
    machine: Machine,
}

#[derive(Debug, Args)]
pub struct BaselineArgs {
    #[command(flatten)]
    row: Row,
    /// Folder for the pictures that are scored; they are not kept where absent.
    #[arg(long)]
    images: Option<PathBuf>,
    /// File of the scores (JSON); standard output where absent.
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(flatten)]
    machine: Machine,
}

/// Scores a generator.
pub fn run(args: &EvalArgs, quiet: bool) -> Result<ExitCode> {
    let (device, threads) = args.machine.set()?;
    let config = args.row.load()?;
    let options = EvalOptions { folders: args.row.folders(), device, threads, quiet };
    Ok(write_json(args.out.as_deref(), &evaluate(&config, args.of, args.channels, &options)?)?)
}

/// Scores the untranslated images, and the real ones.
pub fn run_baseline(args: &BaselineArgs, quiet: bool) -> Result<ExitCode> {
    let (device, threads) = args.machine.set()?;
    let config = args.row.load()?;
    let options = EvalOptions { folders: args.row.folders(), device, threads, quiet };
    Ok(write_json(args.out.as_deref(), &baseline(&config, args.images.as_deref(), &options)?)?)
}
