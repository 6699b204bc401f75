//! `cargo xtask table1`: Table 1 of the paper.

use super::rows::Profile;
use super::spec::{HalfSpec, Method, SampleWorld, Spec};
use super::{Options, stargan2_multi};
use crate::workspace::Workspace;
use anyhow::Result;
use semrel_world::DomainSet;
use std::process::ExitCode;

/// Train and measure the rows of the paper's Table 1 (multi-modal translation)
///
/// Builds stargan2-multi, makes the data, trains and evaluates each row, prints the table with the paper's numbers beside
/// and writes it to OUT: table1.md, table1.csv, table1.json and a grid of translations a row
/// (table1-<half>-<method>.png), in place of an earlier table there. Logs go to OUT/logs, runs to
/// runs/stargan2-multi/table1-<profile>-<half>-<method>-s<seed>, with a short digest of --set behind it if there is any.
///
/// The halves are `seasons` and `weather`, or your own folder with --data, which holds train/<domain>/ and val/<domain>/,
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
        cargo xtask table1 --only ours --seeds 3\n  \
        cargo xtask table1 --profile small --data my-photos\n  \
        cargo xtask table1 --only seasons/ours --set train.iterations=50 --out results/try --runs runs/try")]
pub struct Args {
    #[command(flatten)]
    options: Options,
}

pub fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    super::run(workspace, &TABLE_1, args.options, None)
}

/// "Quantitative comparison of multi-modal image translation": FID and LPIPS with random styles, then with the styles of
/// reference images.
pub const TABLE_1: Spec = Spec {
    name: "table1",
    title: "Table 1: multi-modal translation",
    program: &stargan2_multi::PROGRAM,
    halves: &[
        HalfSpec { name: "seasons", sample: SampleWorld::Domains(DomainSet::Seasons) },
        HalfSpec { name: "weather", sample: SampleWorld::Domains(DomainSet::Weather) },
    ],
    methods: &[
        Method {
            name: "stargan-v2",
            title: "StarGAN v2",
            paper: &[&[63.06, 0.413, 61.19, 0.346], &[62.45, 0.415, 64.20, 0.342]],
        },
        Method {
            name: LSESIM,
            title: "+ LSeSim",
            paper: &[&[61.50, 0.378, 60.40, 0.302], &[60.07, 0.335, 62.17, 0.286]],
        },
        Method {
            name: "ours",
            title: "+ Ours",
            paper: &[&[54.70, 0.496, 54.23, 0.365], &[54.02, 0.470, 56.91, 0.362]],
        },
    ],
    paper: "Lines `paper` are FID (Inception) and LPIPS (AlexNet) of the paper's Table 1, at its sizes and on its data. \
            They cannot be compared with FD and PD here, which have another extractor, data and size; only the order of \
            methods can.",
    notes,
};

const LSESIM: &str = "lsesim";

fn notes(_: Profile, methods: &[&Method]) -> Vec<String> {
    let note = "`+ LSeSim` alone trains with ImageNet features, and they are of the very network that its scores come \
                from: see docs/fidelity.md.";
    methods.iter().filter(|m| m.name == LSESIM).map(|_| note.to_owned()).take(1).collect()
}
