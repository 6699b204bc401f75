//! `cargo xtask table-single`: the paper's comparison of single-modal translation, a table without a number.

use super::{Options, PairOptions};
use crate::workspace::Workspace;
use anyhow::Result;
use semrel_tables::table_single::TABLE_SINGLE;
use std::process::ExitCode;

/// Train and measure the rows of the paper's comparison of single-modal translation
///
/// Builds cut-single, makes the data, trains and evaluates each row, prints the table with the paper's numbers beside and
/// writes it to OUT: table-single.md, table-single.csv, table-single.json, a picture of inputs and translations per row
/// (table-single-<dataset>-<method>.png) and one of all rows (table-single-<dataset>.png), in place of an earlier table there.
/// Logs go to OUT/logs, runs to runs/cut-single/table-single-<profile>-<dataset>-<method>-s<seed>, with a short digest of
/// --set behind it if there is any.
///
/// The data sets are `horse2zebra` and `cityscapes` (labels to photographs; the sample profile has `street` in its place), or
/// your own folder with --data, which holds trainA, trainB, testA and testB, or train and test with A|B pictures. The methods
/// are `cyclegan`, `munit`, `drit`, `distancegan`, `gcgan`, `cut`, `fastcut`, `negcut`, `lsesim`, `ours`, and `supervised`,
/// which learns from pairs: unless it is named, it has rows in the sample profile alone, whose pairs are known.
///
/// Translations of labels are scored by a segmenter, too: by DRN with --set eval.segmenter=drn-d-22 (see `cargo xtask
/// weights`), otherwise by a small head on EfficientNet-Lite0, fitted on the training photographs and labels. Your own labels are scored
/// where they are translated (--direction BtoA) and the folder has labels/.
///
/// In the sample and small profiles on a CPU as many rows are trained at a time as there are cores, each on one thread.
/// Otherwise rows are trained one after another on all cores.
///
/// Ctrl-C saves checkpoints; the same command with --resume goes on from them. A row that fails is reported in the table,
/// the others go on, and the exit status is 1.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
        cargo xtask table-single\n  \
        cargo xtask table-single --only ours,cut,fastcut --seeds 5\n  \
        cargo xtask table-single --profile small --data my-streets --direction BtoA --only ours,cut,fastcut\n  \
        cargo xtask table-single --only street/ours --set train.n_epochs=1 --out results/try --runs runs/try")]
pub struct Args {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    pair: PairOptions,
}

pub fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    super::run(workspace, &TABLE_SINGLE, args.options, args.pair.direction)
}
