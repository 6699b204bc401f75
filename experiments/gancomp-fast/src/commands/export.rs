//! Export.

use super::common::{Generator, Row};
use anyhow::Result;
use clap::Args;
use gancomp_fast::data::Data;
use gancomp_fast::export::{ExportOptions, export};
use gancomp_fast::generators::Which;
use semrel_run::place::{self, Made};
use semrel_train::cli::{Machine, TrainMode, print_steps};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    row: Row,
    #[command(flatten)]
    generator: Generator,
    /// Folder for the files [default: <runs>/<name>/export, or export-<of> with --of or --channels]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Accepted because all stages have these options: an export is always rewritten.
    #[command(flatten)]
    _mode: TrainMode,
    /// Check the config, open its data, print the number of steps (JSON), and do not export.
    #[arg(long, conflicts_with_all = ["resume", "overwrite"])]
    check: bool,
    #[command(flatten)]
    machine: Machine,
}

/// Exports.
pub fn run(args: &ExportArgs) -> Result<ExitCode> {
    let (_, threads) = args.machine.set()?;
    let config = args.row.load()?;
    if args.check {
        Data::open(&config)?;
        return Ok(print_steps(1)?);
    }
    let folders = args.row.folders();
    let own = args.generator.of == Which::Export && args.generator.channels.is_none();
    let usual = || match own {
        true => folders.export(&config),
        false => folders.row(&config).join(format!("export-{}", args.generator.of)),
    };
    if let Some(folder) = &args.out {
        place::check("--out", folder, Made::Folder, &config.inputs())?;
    }
    let out = args.out.clone().unwrap_or_else(usual);
    let options = ExportOptions { folders, which: args.generator.of, chosen: args.generator.channels, out, threads };
    println!("{}", export(&config, &options)?.display());
    Ok(ExitCode::SUCCESS)
}
