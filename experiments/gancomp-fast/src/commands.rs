//! Subcommands.

mod bench;
mod common;
mod evaluate;
mod export;
mod profile;
mod search;
mod stages;
mod translate;

use anyhow::Result;
use clap::{Parser, Subcommand};
use gancomp_fast::config::Config;
use semrel_train::cli::{Describe, Verbosity};
use std::process::ExitCode;

/// GAN compression: a teacher, a once-for-all student distilled from it, a search for its best configuration within a
/// budget, fine-tuning, export.
///
/// A row of the table is one YAML file (see configs/gancomp-fast) with a section for each stage; the folders of its
/// stages are in runs/gancomp-fast. `cargo xtask data sample` renders the images of the sample profile.
///
/// Without a file, the commands take configs/gancomp-fast/sample/horse2zebra-ours.yaml. On Ctrl-C training saves a
/// checkpoint and stops; the same command with --resume continues from there, with identical results.
#[derive(Debug, Parser)]
#[command(
    name = "gancomp-fast",
    version,
    after_long_help = "Examples:\n  \
        gancomp-fast teacher configs/gancomp-fast/sample/horse2zebra-ours.yaml\n  \
        gancomp-fast distill configs/gancomp-fast/sample/horse2zebra-ours.yaml\n  \
        gancomp-fast search configs/gancomp-fast/sample/horse2zebra-ours.yaml\n  \
        gancomp-fast export configs/gancomp-fast/sample/horse2zebra-ours.yaml\n  \
        gancomp-fast translate --onnx generator.onnx photos/ --out translated/"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    pub verbosity: Verbosity,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train the teacher: a CycleGAN, or a Pix2Pix if images come in pairs. Rows of the same task share it.
    Teacher(stages::StageArgs),
    /// Distil the once-for-all student from the teacher, at a configuration drawn at random in each step.
    Distill(stages::StageArgs),
    /// Train the configuration that the search found, starting from the distilled student.
    Finetune(stages::StageArgs),
    /// Search the super-net for its best configuration within the budget.
    ///
    /// Teacher and super-net are trained first if there is no super-net.
    ///
    /// Writes into <runs>/<name>/search: search.json (the winner, each best, the last population), front.csv and
    /// front.svg (quality against cost of all that was evaluated), evaluations.jsonl (each evaluation, kept as it is
    /// made).
    ///
    /// If a search was stopped or killed, the same command continues it. Evaluations are stored by configuration,
    /// weights and images: other searches of the same super-net reuse them.
    Search(search::SearchArgs),
    /// Write the sub-network that was found to files: safetensors and ONNX.
    ///
    /// generator.safetensors has the published keys (and `residual` or `smooth`, where that is how the network computes: only
    /// this program reads those); generator.onnx (opset 17) takes any height and width that are
    /// multiples of 4, and its output is compared once with that of the network.
    Export(export::ExportArgs),
    /// Translate the test images and score them: Fréchet distance; accuracies and mean IoU if there are labels.
    Eval(evaluate::EvalArgs),
    /// Score the untranslated images and the real ones: what a generator must beat, and what it cannot beat.
    Baseline(evaluate::BaselineArgs),
    /// Parameters, multiply-accumulates and time per image: of configurations, of the teacher, or of whole sets.
    ///
    /// Networks are made with random weights: no run is needed.
    #[command(after_long_help = "Examples:\n  \
        gancomp-fast profile                         the rows of the paper's Table 2\n  \
        gancomp-fast profile 16_16_32_16_16_64_16_24 --onnx\n  \
        gancomp-fast profile teacher channels-64-pix2pix --size 128x128 --json")]
    Profile(profile::ProfileArgs),
    /// Translate a picture or a folder of pictures.
    #[command(after_long_help = "Examples:\n  \
        gancomp-fast translate generator.safetensors photos/ --out translated/\n  \
        gancomp-fast translate --onnx generator.onnx photo.jpg\n  \
        gancomp-fast translate my-row.yaml photos/ --of teacher --out translated/")]
    Translate(translate::TranslateArgs),
    /// Measure the steps of a stage.
    Bench(bench::BenchArgs),
    #[command(flatten)]
    Describe(Describe),
}

/// Runs a subcommand.
pub fn run(cli: Cli) -> Result<ExitCode> {
    use gancomp_fast::data::Stage;
    let quiet = cli.verbosity.quiet;
    match cli.command {
        Command::Teacher(args) => stages::run(Stage::Teacher, &args, quiet),
        Command::Distill(args) => stages::run(Stage::Distill, &args, quiet),
        Command::Finetune(args) => stages::run(Stage::Finetune, &args, quiet),
        Command::Search(args) => search::run(&args, quiet),
        Command::Export(args) => export::run(&args),
        Command::Eval(args) => evaluate::run(&args, quiet),
        Command::Baseline(args) => evaluate::run_baseline(&args, quiet),
        Command::Profile(args) => profile::run(&args),
        Command::Translate(args) => translate::run(&args, quiet),
        Command::Bench(args) => bench::run(&args),
        Command::Describe(what) => Ok(what.run::<Cli, Config>()?),
    }
}
