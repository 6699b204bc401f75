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

/// GAN compression: a teacher, a once-for-all student distilled from it, a search for its best configuration within a budget,
/// fine-tuning, export.
///
/// A row of the table is one YAML file (see configs/gancomp-fast) with a section for each stage; its stages lie in
/// runs/gancomp-fast. `cargo xtask data sample` makes the images of the sample profile.
///
///   gancomp-fast teacher configs/gancomp-fast/sample/horse2zebra-ours.yaml
///   gancomp-fast distill configs/gancomp-fast/sample/horse2zebra-ours.yaml
///   gancomp-fast search configs/gancomp-fast/sample/horse2zebra-ours.yaml
///   gancomp-fast export configs/gancomp-fast/sample/horse2zebra-ours.yaml
///   gancomp-fast translate --onnx runs/gancomp-fast/my-row/export/generator.onnx photos/ --out translated/
///
/// Without a file, the commands take configs/gancomp-fast/sample/horse2zebra-ours.yaml. Training stops at Ctrl-C with a
/// checkpoint saved; the same command with --resume goes on with it, exactly.
#[derive(Debug, Parser)]
#[command(name = "gancomp-fast", version, verbatim_doc_comment)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    pub verbosity: Verbosity,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train the teacher: a CycleGAN, or a Pix2Pix where images come in pairs. Rows of one task share it.
    Teacher(stages::StageArgs),
    /// Distil the once-for-all student from the teacher, at a configuration drawn anew each step.
    Distill(stages::StageArgs),
    /// Train the configuration that the search has found, beginning with the distilled student.
    Finetune(stages::StageArgs),
    /// Search the super-net for its best configuration within the budget.
    ///
    /// Writes into <runs>/<name>/search: search.json (the winner, each best, the last population), front.csv and front.svg
    /// (quality against cost of all that was evaluated), evaluations.jsonl (each evaluation, kept as it is made).
    ///
    /// A search that was stopped or killed goes on where it was, by the same command. Evaluations are known by configuration,
    /// weights and images: other searches of the same super-net find them again.
    Search(search::SearchArgs),
    /// Write the sub-network that was found as files: safetensors and ONNX.
    ///
    /// generator.safetensors has the published keys; generator.onnx (opset 17) takes any height and width that are multiples of
    /// 4, and is run once beside the network.
    Export(export::ExportArgs),
    /// Translate the test images and score them: Fréchet distance; accuracies and mean IoU where there are labels.
    Eval(evaluate::EvalArgs),
    /// Score the untranslated images, and the real ones: what a generator must beat, and what it cannot.
    Baseline(evaluate::BaselineArgs),
    /// Parameters, multiply-accumulates and time of one image, of configurations, of the teacher, or of whole sets.
    ///
    /// Networks are made with random weights: no run is needed.
    ///
    ///   gancomp-fast profile                                   (the rows of the paper's Table 2)
    ///   gancomp-fast profile 16_16_32_16_16_64_16_24 --onnx
    ///   gancomp-fast profile teacher channels-64-pix2pix --size 128x128 --json
    #[command(verbatim_doc_comment)]
    Profile(profile::ProfileArgs),
    /// Translate a picture or a folder of pictures.
    ///
    ///   gancomp-fast translate runs/gancomp-fast/my-row/export/generator.safetensors photos/ --out translated/
    ///   gancomp-fast translate --onnx runs/gancomp-fast/my-row/export/generator.onnx photo.jpg
    ///   gancomp-fast translate my-row.yaml photos/ --of teacher --out translated/
    #[command(verbatim_doc_comment)]
    Translate(translate::TranslateArgs),
    /// Measure a stage's steps.
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
