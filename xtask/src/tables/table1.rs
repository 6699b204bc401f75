//! `cargo xtask table1`: Table 1 of the paper.

use super::Options;
use crate::workspace::Workspace;
use anyhow::Result;
use semrel_tables::table1::TABLE_1;
use std::process::ExitCode;

/// Train and measure the rows of the paper's Table 1 (multi-modal translation)
///
/// Builds stargan2-multi, makes the data, trains and evaluates each row, prints the table with the paper's numbers beside
/// and writes it to OUT: table1.md, table1.csv, table1.json, a picture of inputs and translations per row
/// (table1-<dataset>-<method>.png) and one of all rows (table1-<dataset>.png), in place of an earlier table there. Logs go to
/// OUT/logs, runs to runs/stargan2-multi/table1-<profile>-<dataset>-<method>-s<seed>, with a short digest of --set behind it if
/// there is any.
///
/// The data sets are `seasons` and `weather`, or your own folder with --data, which holds train/<domain>/ and val/<domain>/,
/// or just <domain>/; the methods are `stargan-v2`, `lsesim` and `ours`.
///
/// In the sample and small profiles on a CPU as many rows are trained at a time as there are cores, each on one thread: two
/// narrow networks side by side train faster than one on two threads. Otherwise rows are trained one after another on all
/// cores.
///
/// Ctrl-C saves checkpoints; the same command with --resume goes on from them. A row that fails is reported in the table,
/// the others go on, and the exit status is 1.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
        cargo xtask table1\n  \
        cargo xtask table1 --only stargan-v2,ours --seeds 5\n  \
        cargo xtask table1 --profile small --data my-photos\n  \
        cargo xtask table1 --only seasons/ours --set train.iterations=50 --out results/try --runs runs/try")]
pub struct Args {
    #[command(flatten)]
    options: Options,
}

pub fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    super::run(workspace, &TABLE_1, args.options, None)
}
