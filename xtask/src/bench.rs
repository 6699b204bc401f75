//! `cargo xtask bench`: speed and memory of training and of metrics.

use crate::setup;
use crate::workspace::{Workspace, exit_code};
use anyhow::{Context, Result};
use std::process::ExitCode;

/// Measure the speed and memory of training or of metrics
///
/// `cargo xtask bench single` builds and runs `cut-single bench`, `multi` `stargan2-multi bench`, `compress`
/// `gancomp-fast bench`, and `metrics` `semrel-metrics bench`. The result is JSON on stdout. The arguments that follow
/// are passed on; `cargo xtask bench single --help` and so on list them.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub struct Args {
    /// What to measure
    #[arg(value_parser = ["single", "multi", "compress", "metrics"])]
    what: String,
    /// Arguments of its `bench` command
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

pub fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    let program = match args.what.as_str() {
        "metrics" => "semrel-metrics",
        "single" => "cut-single",
        "compress" => "gancomp-fast",
        _ => "stargan2-multi",
    };
    let binary = setup::program(workspace, program)?;
    let mut command = workspace.command(&binary);
    command.arg("bench").args(args.args);
    Ok(exit_code(command.status().with_context(|| format!("{program} cannot be started"))?))
}
