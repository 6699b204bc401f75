//! `cargo xtask table-single`: the paper's comparison of single-modal translation, a table without a number.

use super::rows::Profile;
use super::spec::{HalfSpec, Method, NOT_GIVEN, SampleWorld, Spec};
use super::{Options, PairOptions, cut_single};
use crate::workspace::Workspace;
use anyhow::Result;
use semrel_world::PairWorld;
use std::process::ExitCode;

/// Train and measure the rows of the paper's comparison of single-modal translation
///
/// Builds cut-single, makes the data, trains and evaluates each row, prints the table with the paper's numbers beside and
/// writes it to OUT: table-single.md, table-single.csv, table-single.json, a picture of inputs and translations a row
/// (table-single-<half>-<method>.png) and one of all rows (table-single-<half>.png), in place of an earlier table there.
/// Logs go to OUT/logs, runs to runs/cut-single/table-single-<profile>-<half>-<method>-s<seed>, with a short digest of
/// --set behind it if there is any.
///
/// The halves are `horse2zebra` and `cityscapes` (labels to photographs; the sample profile has `street` in its place), or
/// your own folder with --data, which holds trainA, trainB, testA and testB, or train and test with A|B pictures. The methods
/// are `cyclegan`, `distancegan`, `gcgan`, `cut`, `fastcut`, `negcut`, `lsesim` and `ours`.
///
/// Translations of labels are scored by a segmenter, too: by DRN with --set eval.segmenter=FILE (see `cargo xtask weights`),
/// otherwise by a small head on EfficientNet-Lite0, fitted on the training photographs and labels. Your own labels are scored
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
        cargo xtask table-single --only ours,cut,fastcut --seeds 3\n  \
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

/// The data sets of the single-modal tables.
pub const HALVES: &[HalfSpec] = &[
    HalfSpec { name: "horse2zebra", sample: SampleWorld::Pair(PairWorld::HorseZebra) },
    HalfSpec { name: "cityscapes", sample: SampleWorld::Pair(PairWorld::Street) },
];

/// "Quantitative comparison of single-modal image translation": FID; FID, mAP, pixAcc and classAcc.
pub const TABLE_SINGLE: Spec = Spec {
    name: "table-single",
    title: "Single-modal translation",
    program: &cut_single::PROGRAM,
    halves: HALVES,
    methods: &[
        Method { name: "cyclegan", title: "CycleGAN", paper: &[&[77.2], &[76.3, 20.4, 55.9, 25.4]] },
        Method { name: "distancegan", title: "DistanceGAN", paper: &[&[72.0], &[81.8, 8.4, 42.2, 12.6]] },
        Method { name: "gcgan", title: "GcGAN", paper: &[&[86.7], &[105.2, 21.2, 63.2, 26.6]] },
        Method { name: "cut", title: "CUT", paper: &[&[45.5], &[56.4, 24.7, 68.8, 30.7]] },
        Method { name: "fastcut", title: "FastCUT", paper: &[] },
        Method { name: "negcut", title: "NEGCUT", paper: &[&[39.6], &[48.5, 27.6, 71.4, 35.0]] },
        Method { name: LSESIM, title: "LSeSim", paper: &[&[38.0], &[49.7, NOT_GIVEN, 73.2, NOT_GIVEN]] },
        Method { name: "ours", title: "Ours", paper: &[&[34.4], &[46.4, 29.0, 73.5, 35.6]] },
    ],
    paper: "Columns `paper` are FID (Inception) and the scores of DRN-D-22 in the paper's comparison, at 256 x 256, on its \
            data (Cityscapes where the half is `street`) and at the best epoch. They cannot be compared with the numbers \
            here, which have another extractor, segmenter, data and size; only the order of methods can. The paper also \
            lists MUNIT and DRIT, which are not implemented here, and does not list FastCUT.",
    notes,
};

const LSESIM: &str = "lsesim";

fn notes(profile: Profile, methods: &[&Method]) -> Vec<String> {
    let note = "LSeSim alone trains with ImageNet features, and they are of the very network that FD comes from: see \
                docs/fidelity.md.";
    let shown = profile != Profile::Paper && methods.iter().any(|m| m.name == LSESIM);
    shown.then(|| note.to_owned()).into_iter().collect()
}
