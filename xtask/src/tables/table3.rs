//! `cargo xtask table3`: Table 3 of the paper, the ablation.

use super::spec::{Method, Spec};
use super::table_single::HALVES;
use super::{Options, PairOptions, cut_single};
use crate::workspace::Workspace;
use anyhow::Result;
use std::process::ExitCode;

/// Train and measure the rows of the paper's Table 3 (ablation of single-modal translation)
///
/// Builds cut-single, makes the data, trains and evaluates each row, prints the table with the paper's numbers beside and
/// writes it to OUT: table3.md, table3.csv, table3.json, a picture of inputs and translations a row
/// (table3-<half>-<method>.png) and one of all rows (table3-<half>.png), in place of an earlier table there. Logs go to
/// OUT/logs, runs to runs/cut-single/table3-<profile>-<half>-<method>-s<seed>, with a short digest of --set behind it if
/// there is any.
///
/// The halves are `horse2zebra` and `cityscapes` (labels to photographs; the sample profile has `street` in its place), or
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
        cargo xtask table3 --only infonce,dce,ours --seeds 3\n  \
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

/// "Quantitative results of ablation studies": FID; FID, mAP, pixAcc and classAcc.
pub const TABLE_3: Spec = Spec {
    name: "table3",
    title: "Table 3: ablation of single-modal translation",
    program: &cut_single::PROGRAM,
    halves: HALVES,
    methods: &[
        Method { name: "infonce", title: "InfoNCE", paper: &[&[45.5], &[56.4, 24.7, 68.8, 30.7]] },
        Method { name: "infonce-src", title: "InfoNCE + SRC", paper: &[&[42.7], &[52.7, 27.2, 73.0, 33.1]] },
        Method {
            name: "infonce-src-hard",
            title: "InfoNCE + SRC + Hneg",
            paper: &[&[40.5], &[49.9, 27.4, 72.8, 33.5]],
        },
        Method { name: "dce", title: "DCE", paper: &[&[41.2], &[52.0, 27.8, 72.8, 33.4]] },
        Method { name: "dce-src", title: "DCE + SRC", paper: &[&[37.6], &[50.1, 27.3, 71.4, 33.4]] },
        Method { name: "dce-hard", title: "DCE + Hneg", paper: &[&[36.2], &[49.9, 27.9, 73.3, 34.2]] },
        Method { name: "ours", title: "DCE + SRC + Hneg", paper: &[&[34.4], &[46.4, 29.0, 73.5, 35.6]] },
    ],
    paper: "Columns `paper` are FID (Inception) and the scores of DRN-D-22 in the paper's Table 3, at 256 x 256 and on its \
            data (Cityscapes where the half is `street`). They cannot be compared with the numbers here, which have another \
            extractor, segmenter, data and size; only the order of rows can.",
    notes: |_, _| {
        let note = "InfoNCE has the weight 1 of CUT, to which its row is equal in the paper; DCE has 0.1. Hneg: hard \
                    negatives. The last row is the paper's method.";
        vec![note.to_owned()]
    },
};
