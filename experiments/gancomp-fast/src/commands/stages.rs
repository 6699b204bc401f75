//! The stages that train.

use super::common::Row;
use anyhow::Result;
use clap::Args;
use gancomp_fast::data::{Data, Stage};
use gancomp_fast::looked_at::{check_more, check_truth, load_extractor};
use gancomp_fast::train::{TrainOptions, steps, train};
use semrel_train::Interrupt;
use semrel_train::cli::{Machine, Start, ended, print_steps};
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(mut_arg("check", |check| check.help(
    "Check the config, open its data, print the number of steps (JSON; 0 if the row has no such stage), and do not train",
)))]
pub struct StageArgs {
    #[command(flatten)]
    row: Row,
    #[command(flatten)]
    start: Start,
    #[command(flatten)]
    machine: Machine,
}

/// Trains a stage.
pub fn run(stage: Stage, args: &StageArgs, quiet: bool) -> Result<ExitCode> {
    let (device, threads) = args.machine.set()?;
    let config = args.row.load()?;
    if args.start.check {
        let data = Data::open(&config)?;
        load_extractor(&config, device)?;
        check_truth(&config, device, true)?;
        check_more(&config, device)?;
        let skipped = stage == Stage::Finetune && config.finetune.is_none();
        let steps = if skipped { 0 } else { steps(&config, &data, stage)? };
        return Ok(print_steps(steps)?);
    }
    let folders = args.row.folders();
    let (mode, manifest) = (args.start.mode.mode(), args.start.manifest.clone());
    let options = TrainOptions { folders: folders.clone(), mode, device, threads, quiet, manifest };
    let interrupt = Interrupt::prepare()?;
    let how = train(stage, &config, &options, &interrupt)?;
    Ok(ended(how, &folders.of(stage, &config), quiet))
}
