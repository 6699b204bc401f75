//! The stages that train.

use super::common::Row;
use anyhow::Result;
use clap::Args;
use gancomp_fast::data::{Data, Stage};
use gancomp_fast::looked_at::load_extractor;
use gancomp_fast::train::{TrainOptions, steps, train};
use semrel_run::Manifest;
use semrel_run::stored::CheckResult;
use semrel_train::Interrupt;
use semrel_train::cli::{Machine, TrainMode, ended, write_json};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct StageArgs {
    #[command(flatten)]
    row: Row,
    #[command(flatten)]
    mode: TrainMode,
    /// Manifest to store in the folder (JSON): table, profile, data set, row and seed.
    #[arg(long, value_name = "JSON", hide = true)]
    manifest: Option<Manifest>,
    /// Check the config, open its data, print the number of steps (JSON; 0 if the row has no such stage), and do not
    /// train.
    #[arg(long, conflicts_with_all = ["resume", "overwrite"])]
    check: bool,
    #[command(flatten)]
    machine: Machine,
}

/// Trains a stage.
pub fn run(stage: Stage, args: &StageArgs, quiet: bool) -> Result<ExitCode> {
    let (device, threads) = args.machine.set()?;
    let config = args.row.load()?;
    if args.check {
        let data = Data::open(&config)?;
        load_extractor(&config, device)?;
        let skipped = stage == Stage::Finetune && config.finetune.is_none();
        let steps = if skipped { 0 } else { steps(&config, &data, stage)? };
        return Ok(write_json(None, &CheckResult { steps })?);
    }
    let folders = args.row.folders();
    let manifest = args.manifest.clone();
    let options = TrainOptions { folders: folders.clone(), mode: args.mode.mode(), device, threads, quiet, manifest };
    let interrupt = Interrupt::install()?;
    let how = train(stage, &config, &options, &interrupt)?;
    Ok(ended(how, &folders.of(stage, &config), quiet))
}
