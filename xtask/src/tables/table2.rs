//! `cargo xtask table2`: Table 2 of the paper, compression.

use super::{Options, PairOptions};
use crate::workspace::Workspace;
use anyhow::Result;
use semrel_tables::table2::TABLE_2;
use std::process::ExitCode;

/// Train, search and measure the rows of the paper's Table 2 (compression)
///
/// Builds gancomp-fast, makes the data, and for each row distils a super-net from the row's teacher, searches it for a
/// configuration within the budget, fine-tunes what was found where the paper does, exports and measures it; prints the table
/// with the paper's numbers beside and writes it to OUT: table2.md, table2.csv, table2.json, a picture of inputs and
/// translations per row (table2-<dataset>-<method>.png), one of all rows (table2-<dataset>.png) and the front of each search, in place
/// of an earlier table there. Logs go to OUT/logs, runs to runs/gancomp-fast/table2-<profile>-<dataset>-<method>-s<seed>, with a
/// short digest of --set behind it if there is any.
///
/// The data sets are `horse2zebra` (CycleGAN), `maps` (map to aerial photograph, Pix2Pix) and `cityscapes` (labels to
/// photographs, Pix2Pix; the sample profile has `street` in its place), or your own folder with --data, as in `table-single`:
/// in pairs, if files of one name are in both domains. The rows are `teacher`, `fast` (the published baseline, Fast GAN
/// Compression) and `ours`; the others bring `teacher`.
///
/// In the sample and small profiles on a CPU as many rows are trained at a time as there are cores, each on one thread.
/// Otherwise rows are trained one after another on all cores.
///
/// Ctrl-C saves checkpoints; the same command with --resume goes on from them. A row that fails is reported in the table,
/// the others go on, and the exit status is 1.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
        cargo xtask table2\n  \
        cargo xtask table2 --only maps --seeds 5\n  \
        cargo xtask table2 --profile small --data my-streets --direction BtoA\n  \
        cargo xtask table2 --only street/ours --set distill.train.n_epochs=1 --out results/try --runs runs/try")]
pub struct Args {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    pair: PairOptions,
}

pub fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    super::run(workspace, &TABLE_2, args.options, args.pair.direction)
}
