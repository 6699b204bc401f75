//! `cargo xtask`: the front door of the workspace. Sets up what Rust alone cannot, makes data, runs tests and tables.
//!
//! One file a command. This crate does not depend on `tch`: it is what installs libtorch.

mod bench;
mod data;
mod deny;
mod docs;
mod download;
#[cfg(test)]
mod download_server;
mod evidence;
mod explore;
mod figures;
mod report;
mod serve;
mod setup;
mod sweep;
mod tables;
mod test;
mod weights;
mod workspace;

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};
use semrel_help::Pages;
use std::process::ExitCode;
use workspace::Workspace;

/// Builds, checks and reproduces: patch-wise semantic relation for image-to-image translation.
#[derive(Parser)]
#[command(
    name = "xtask",
    bin_name = "cargo xtask",
    after_help = "Start with:\n  \
        cargo xtask test           check the code, with one line of counts at the end\n  \
        cargo xtask table1         train and measure the rows of the paper's Table 1 on the sample world\n  \
        cargo xtask table-single   the same of its comparison of single-modal translation\n  \
        cargo xtask report         a page of all tables, curves and pictures; `serve` shows it while training goes on\n\n\
        All fetch what they need first (see `cargo xtask setup --help`)."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Setup(setup::Args),
    Data(data::Args),
    Weights(weights::Args),
    Test(test::Args),
    Bench(bench::Args),
    Table1(tables::table1::Args),
    Table2(tables::table2::Args),
    TableSingle(tables::table_single::Args),
    Table3(tables::table3::Args),
    Evidence(evidence::Args),
    Sweep(sweep::Args),
    Explore(explore::Args),
    Figures(figures::Args),
    Report(report::Args),
    Serve(serve::Args),
    Docs(docs::Args),
    #[command(flatten)]
    Pages(Pages),
}

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run() -> Result<ExitCode> {
    let cli = Cli::parse();
    let workspace = Workspace::find()?;
    match cli.command {
        Command::Setup(args) => setup::run(&workspace, &args),
        Command::Data(args) => data::run(&workspace, args),
        Command::Weights(args) => weights::run(args),
        Command::Test(args) => test::run(&workspace, &args),
        Command::Bench(args) => bench::run(&workspace, args),
        Command::Table1(args) => tables::table1::run(&workspace, args),
        Command::Table2(args) => tables::table2::run(&workspace, args),
        Command::TableSingle(args) => tables::table_single::run(&workspace, args),
        Command::Table3(args) => tables::table3::run(&workspace, args),
        Command::Evidence(args) => evidence::run(&workspace, args),
        Command::Sweep(args) => sweep::run(&workspace, args),
        Command::Explore(args) => explore::run(&workspace, &args),
        Command::Figures(args) => figures::run(&workspace, &args),
        Command::Report(args) => report::run(&workspace, &args),
        Command::Serve(args) => serve::run(&workspace, &args),
        Command::Docs(args) => docs::run(&workspace, &args),
        Command::Pages(pages) => {
            pages.run(Cli::command())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
