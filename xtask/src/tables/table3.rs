//! `cargo xtask table3`: Table 3 of the paper, the ablation.

use super::{Options, PairOptions};
use crate::workspace::Workspace;
use anyhow::Result;
use semrel_tables::table3::TABLE_3;
use std::process::ExitCode;

/// Train and measure the rows of the paper's Table 3 (ablation of single-modal translation)
///
/// Builds cut-single, makes the data, trains and evaluates each row, prints the table with the paper's numbers beside and
/// writes it to OUT: table3.md, table3.csv, table3.json, a picture of inputs and translations per row
/// (table3-<dataset>-<method>.png) and one of all rows (table3-<dataset>.png), in place of an earlier table there. Logs go to
/// OUT/logs, runs to runs/cut-single/table3-<profile>-<dataset>-<method>-s<seed>, with a short digest of --set behind it if
/// there is any.
///
/// The data sets are `horse2zebra` and `cityscapes` (labels to photographs; the sample profile has `street` in its place), or
/// your own folder with --data, as in `table-single`. The rows are `infonce`, `infonce-src`, `infonce-src-hard`, `dce`,
/// `dce-src`, `dce-hard` and `ours`: the paper's method with terms left out.
///
/// In the sample and small profiles on a CPU as many rows are trained at a time as there are cores, each on one thread.
/// Otherwise rows are trained one after another on all cores.
///
/// Ctrl-C saves checkpoints; the same command with --resume goes on from them. A row that fails is reported in the table,
/// the others go on, and the exit status is 1.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
        cargo xtask table3\n  \
        cargo xtask table3 --only infonce,dce,ours --seeds 5\n  \
        cargo xtask table3 --profile small --data my-streets --direction BtoA\n  \
        cargo xtask table3 --only street/ours --set train.n_epochs=1 --out results/try --runs runs/try")]
pub struct Args {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    pair: PairOptions,
}

pub fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    super::run(workspace, &TABLE_3, args.options, args.pair.direction)
}
