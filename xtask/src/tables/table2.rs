//! `cargo xtask table2`: Table 2 of the paper, compression.

use super::gancomp_fast::{self, OURS, TEACHER};
use super::spec::{HalfSpec, Method, SampleWorld, Spec};
use super::{Options, PairOptions};
use crate::workspace::Workspace;
use anyhow::Result;
use semrel_world::PairWorld;
use std::process::ExitCode;

/// Train, search and measure the rows of the paper's Table 2 (compression)
///
/// Builds gancomp-fast, makes the data, and for each row distils a super-net from the row's teacher, searches it for a
/// configuration within the budget, fine-tunes what was found where the paper does, exports and measures it; prints the table
/// with the paper's numbers beside and writes it to OUT: table2.md, table2.csv, table2.json, a picture of inputs and
/// translations a row (table2-<half>-<method>.png), one of all rows (table2-<half>.png) and the front of each search, in place
/// of an earlier table there. Logs go to OUT/logs, runs to runs/gancomp-fast/table2-<profile>-<half>-<method>-s<seed>, with a
/// short digest of --set behind it if there is any.
///
/// The halves are `horse2zebra` (CycleGAN), `maps` (map to aerial photograph, Pix2Pix) and `cityscapes` (labels to
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
        cargo xtask table2 --only maps --seeds 3\n  \
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

/// "Quantitative comparison of model compression": parameters, MACs, FID, mIoU.
pub const TABLE_2: Spec = Spec {
    name: "table2",
    title: "Table 2: compression",
    program: &gancomp_fast::PROGRAM,
    halves: &[
        HalfSpec { name: "horse2zebra", sample: SampleWorld::Pair(PairWorld::HorseZebra) },
        HalfSpec { name: "maps", sample: SampleWorld::Pair(PairWorld::Maps) },
        HalfSpec { name: "cityscapes", sample: SampleWorld::Pair(PairWorld::Street) },
    ],
    methods: &[
        Method {
            name: TEACHER,
            title: "Teacher",
            paper: &[&[11.38e6, 56.80e9, 59.46], &[11.38e6, 56.80e9, 47.90], &[11.38e6, 56.80e9, 60.38, 42.86]],
        },
        Method {
            name: "fast",
            title: "Baseline",
            paper: &[&[0.412e6, 2.962e9, 74.39], &[0.667e6, 4.495e9, 50.06], &[0.730e6, 5.551e9, 85.24, 41.42]],
        },
        Method {
            name: OURS,
            title: "+ Ours",
            paper: &[&[0.412e6, 2.962e9, 64.64], &[0.667e6, 4.495e9, 48.49], &[0.685e6, 4.390e9, 72.41, 43.06]],
        },
    ],
    paper: "Columns `paper` are those of the paper's Table 2, at 256 x 256, with FID (Inception) and the mIoU of DRN-D-105 on \
            its data (Cityscapes where the half is `street`). They cannot be compared with the numbers here, which have \
            another extractor, segmenter, data, size and widths; only the order of rows can. `gancomp-fast profile` gives \
            the paper's parameters and MACs from its configurations.",
    notes: |_, _| vec![],
};
