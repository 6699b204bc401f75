//! `cargo xtask bench`: speed and memory of training.

use crate::setup;
use crate::workspace::{Workspace, exit_code};
use anyhow::{Context, Result};
use std::process::ExitCode;

/// Measure the speed and memory of training
///
/// `cargo xtask bench multi` builds and runs `stargan2-multi bench`, whose result is JSON on stdout. What follows is
/// passed on; `cargo xtask bench multi --help` lists it.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub struct Args {
    /// What to measure
    #[arg(value_parser = ["multi"])]
    experiment: String,
    /// Arguments of its `bench` command
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

pub fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    let program = format!("stargan2-{}", args.experiment);
    setup::ensure(workspace)?;
    let binary = workspace.build(&program)?;
    let mut command = workspace.command(&binary);
    command.arg("bench").args(args.args);
    Ok(exit_code(command.status().with_context(|| format!("{program} cannot be started"))?))
}
