//! Subcommands.

mod explore;
mod similarity;
mod which;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use cut_single::bench::{BenchOptions, Order, bench, bench_translation};
use cut_single::config::Config;
use cut_single::data::Data;
use cut_single::evaluate::{self, evaluator};
use cut_single::methods::{self, LSeSim, Perceptual};
use cut_single::networks;
use cut_single::published;
use cut_single::styles;
use cut_single::train::{steps, train};
use cut_single::trained::open_run;
use semrel_data::rng::derive_seed;
use semrel_data::translate::{MOST_STYLES, TranslateOptions, jobs};
use semrel_eval::{ImageTranslator, KeptEvaluation, Stretched, translate_files, written_pictures};
use semrel_nn::StyleChoice;
use semrel_nn::checkpoint::save;
use semrel_run::Checked;
use semrel_run::place::{self, Made};
use semrel_run::scores::{BEST_ON_TEST, Evaluation};
use semrel_train::Checkpoints;
use semrel_train::cli::{
    BaselineArgs, Describe, Machine, Overrides, PictureSize, RunArgs, ScoresFile, TrainArgs, TranslationArgs,
    Verbosity, translating, write_json,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tch::Device;
use which::Which;

/// Single-modal image translation: CUT with SRC and hDCE, CUT, FastCUT, LSeSim, CycleGAN, DistanceGAN, GcGAN, NEGCUT,
/// MUNIT, DRIT and SinCUT.
///
/// A run is one YAML file (see configs/cut-single) and one folder. `cargo xtask data sample` renders the images of the
/// sample profile.
///
/// On Ctrl-C training saves a checkpoint and stops; `train ... --resume` continues from there, with identical results.
#[derive(Debug, Parser)]
#[command(
    name = "cut-single",
    version,
    after_long_help = "Examples:\n  \
        cut-single train configs/cut-single/sample/horse2zebra-ours.yaml\n  \
        cut-single train my.yaml --set data.root=photos --set data.direction=BtoA\n  \
        cut-single translate runs/cut-single/my-run photos/ --out translated/\n  \
        cut-single translate latest_net_G.pth photo.jpg\n  \
        cut-single eval runs/cut-single/my-run --checkpoint best\n  \
        cut-single similarity runs/cut-single/my-run horse.jpg --at 120,96 --out maps/\n  \
        cut-single explore runs/cut-single/my-run --input horse.jpg --out explorer/"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    pub verbosity: Verbosity,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a run.
    #[command(
        mut_arg("run_dir", |dir| dir.help("Folder of the run [default: runs/cut-single/<name>]")),
        mut_arg("check", |check| check.help(
            "Check the config and its networks, open its data, print the number of steps (JSON), and do not train",
        )),
    )]
    Train(TrainArgs),
    /// Translate a picture or a folder of pictures.
    Translate(TranslateArgs),
    /// Translate the test images and score them: Fréchet distance; accuracies of a segmenter if there are labels; distances to
    /// the truth where it is known.
    Eval(EvalArgs),
    /// Score the untranslated images and the real ones: what a method must beat, and what it cannot beat.
    Baseline(ScoredBaseline),
    /// Draw the similarity maps of a query position, in the input and in its translation.
    Similarity(similarity::SimilarityArgs),
    /// Write a page in which to explore the similarity maps of several runs and pictures.
    Explore(explore::ExploreArgs),
    /// Write a run's generator as one file with the published keys.
    Export(ExportArgs),
    /// Measure training steps, or translation.
    Bench(BenchArgs),
    #[command(flatten)]
    Describe(Describe),
}

#[derive(Debug, Args)]
struct TranslateArgs {
    #[command(flatten)]
    which: Which,
    /// A picture, or a folder of pictures at any depth.
    input: PathBuf,
    #[command(flatten)]
    translations: TranslationArgs,
    #[command(flatten)]
    style: StyleArgs,
    /// Stretch each translation to its own range from black to white, as MUNIT's published program saves it [default: as the run's
    /// `eval.stretch` says].
    #[arg(long)]
    stretch: bool,
    /// Pictures per batch.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    batch: u32,
    #[command(flatten)]
    machine: Machine,
}

/// In which style: of generators that have several, MUNIT's and DRIT's.
#[derive(Debug, Args)]
struct StyleArgs {
    /// Translate each picture in this many random styles, as <name>_1.png, <name>_2.png … [default: one random style]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_STYLES)))]
    styles: Option<u32>,
    /// Seed of random styles; a picture's style depends on it and on the picture's pixels [default: the run's seed; 0 for a published file]
    #[arg(long, value_name = "SEED")]
    style_seed: Option<u64>,
    /// Translate in the style of this picture of the target domain.
    #[arg(long, value_name = "PICTURE", conflicts_with_all = ["styles", "style_seed", "mean_style"])]
    reference: Option<PathBuf>,
    /// Translate in the mean of the styles that training draws.
    #[arg(long, conflicts_with_all = ["styles", "style_seed"])]
    mean_style: bool,
}

impl StyleArgs {
    /// The first option that asks for a style.
    fn asked(&self) -> Option<&'static str> {
        let asked = [
            ("--styles", self.styles.is_some()),
            ("--style-seed", self.style_seed.is_some()),
            ("--reference", self.reference.is_some()),
            ("--mean-style", self.mean_style),
        ];
        asked.iter().find(|(_, given)| *given).map(|(option, _)| *option)
    }
}

#[derive(Debug, Args)]
#[command(mut_arg("overrides", |set| set.help("Change a key of the run's config: --set eval.max_sources=100")))]
struct EvalArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Score this generator instead: a published file, as for `translate`, or safetensors. It must fit the run's config.
    #[arg(long, conflicts_with = "checkpoint")]
    weights: Option<PathBuf>,
    /// Folder for the translations [default: results/test_<step>/images in the run]
    #[arg(long)]
    images: Option<PathBuf>,
    /// Score every checkpoint that was kept on the test images, and report the best, as papers do: it flatters the method.
    #[arg(long, conflicts_with_all = ["checkpoint", "weights", "images"])]
    best_on_test: bool,
    #[command(flatten)]
    scores: ScoresFile,
    #[command(flatten)]
    set: Overrides,
    #[command(flatten)]
    machine: Machine,
}

#[derive(Debug, Args)]
struct ScoredBaseline {
    /// Folder for the pictures that are scored [default: a temporary one]
    #[arg(long)]
    images: Option<PathBuf>,
    #[command(flatten)]
    baseline: BaselineArgs,
}

#[derive(Debug, Args)]
struct ExportArgs {
    #[command(flatten)]
    run: RunArgs,
    /// The file (safetensors).
    #[arg(long)]
    out: PathBuf,
}

#[derive(Debug, Args)]
struct BenchArgs {
    /// The profile whose horse-to-zebra run of `--method` is measured: sample, small or paper.
    #[arg(long, default_value = "paper")]
    profile: String,
    /// The method: any of the profile's rows; all but cyclegan, lsesim and supervised have a published order to compare.
    #[arg(long, default_value = "ours")]
    method: String,
    /// A run's YAML file instead; repeat the option to merge several from left to right.
    #[arg(long, conflicts_with_all = ["profile", "method"])]
    config: Vec<PathBuf>,
    /// Steps to measure.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// Measure the published order, in which every image is encoded by itself.
    #[arg(long, conflicts_with = "paired")]
    plain: bool,
    /// Measure both orders in turn, and how much faster ours is.
    #[arg(long)]
    paired: bool,
    /// Measure the translation of this many pictures instead, by the network alone and from file to file.
    #[arg(long, value_name = "PICTURES", value_parser = clap::value_parser!(u16).range(1..), conflicts_with_all = ["steps", "plain", "paired"])]
    translate: Option<u16>,
    #[command(flatten)]
    set: Overrides,
    #[command(flatten)]
    machine: Machine,
}

/// Runs a subcommand.
pub fn run(cli: Cli) -> Result<ExitCode> {
    let quiet = cli.verbosity.quiet;
    match cli.command {
        Command::Train(args) => run_train(&args, quiet),
        Command::Translate(args) => run_translate(&args, quiet),
        Command::Eval(args) => run_eval(&args, quiet),
        Command::Baseline(args) => run_baseline(&args, quiet),
        Command::Similarity(args) => similarity::run(&args),
        Command::Explore(args) => explore::run(&args, quiet),
        Command::Export(args) => run_export(&args),
        Command::Bench(args) => run_bench(&args),
        Command::Describe(what) => Ok(what.run::<Cli, Config>()?),
    }
}

fn run_train(args: &TrainArgs, quiet: bool) -> Result<ExitCode> {
    let folder = |config: &Config| Path::new("runs/cut-single").join(&config.name);
    let check = |config: &Checked<Config>| {
        let data = Data::open(config)?;
        networks::check(config)?;
        LSeSim::check_weights(config)?;
        Perceptual::new(config, Device::Cpu)?;
        methods::check_distances(config, &data)?;
        evaluate::extractor(config, Device::Cpu)?;
        evaluate::check_truth(config, Device::Cpu, true)?;
        evaluate::check_more(config, Device::Cpu)?;
        Ok(steps(config, &data))
    };
    args.run(quiet, folder, check, train)
}

fn run_translate(args: &TranslateArgs, quiet: bool) -> Result<ExitCode> {
    let (device, _) = args.machine.set()?;
    let TranslationArgs { out, size } = &args.translations;
    let jobs = jobs(&args.input, out.as_deref())?;
    let opened = args.which.open(device)?;
    if let Some(folder) = out {
        opened.check_place("--out", folder)?;
    }
    let options = TranslateOptions { size: PictureSize::or(*size, opened.size), batch: args.batch as usize };
    let (style, generator) = (&args.style, &opened.generator);
    if let Some(option) = style.asked() {
        styles::check(generator, option)?;
    }
    let config = opened.config.as_ref();
    let seed = style.style_seed.or(config.map(|config| config.seed)).unwrap_or(0);
    if let Some(reference) = &style.reference {
        styles::follow(generator, reference, options.size, device)?;
    } else if style.mean_style {
        generator.set_style(StyleChoice::Mean);
    } else {
        generator.set_style(StyleChoice::Random { seed });
    }
    styles::check_outputs(&jobs, style.styles, style.reference.as_deref())?;
    // SinCUT's generator adds noise: it is drawn anew for each call, always the same.
    tch::manual_seed(derive_seed(seed, "translate", 0));
    let stretched = Stretched(generator);
    let stretch = args.stretch || config.is_some_and(|config| config.eval.stretch);
    let translator: &dyn ImageTranslator = if stretch { &stretched } else { generator };
    translating(&jobs, &args.input, out.as_deref(), quiet, |progress| {
        Ok(match style.styles {
            Some(count) => styles::translate_in_styles(generator, translator, &jobs, options, (count, seed), progress)?,
            None => translate_files(translator, &jobs, options, progress)?,
        })
    })
}

fn run_eval(args: &EvalArgs, quiet: bool) -> Result<ExitCode> {
    let (device, _) = args.machine.set()?;
    if !args.best_on_test {
        return Ok(args.scores.write(&score(args, &args.run.checkpoint, device, quiet)?)?);
    }
    let mut all = vec![];
    for step in Checkpoints::of_run(&args.run.run_dir, "last")?.0.steps()? {
        all.push(score(args, &step.to_string(), device, quiet)?);
    }
    let best = all.into_iter().min_by(|a, b| a.fd.total_cmp(&b.fd)).expect("there is a last one");
    Ok(args.scores.write(&Evaluation { checkpoint: BEST_ON_TEST.to_owned(), ..best })?)
}

/// Translates the test images by a checkpoint, or by the weights that are asked for, and scores them.
fn score(args: &EvalArgs, checkpoint: &str, device: Device, quiet: bool) -> Result<Evaluation> {
    let run = open_run(&args.run.run_dir, checkpoint, args.weights.as_deref(), &args.set.overrides, device)?;
    args.scores.check(args.images.as_deref(), &run.config.inputs())?;
    let data = Data::of_tests(&run.config)?;
    let (name, label) = match &args.weights {
        Some(file) => (file.display().to_string(), "weights".to_owned()),
        None => (checkpoint.to_owned(), run.step.to_string()),
    };
    let folder = args
        .images
        .clone()
        .unwrap_or_else(|| args.run.run_dir.join("results").join(format!("test_{label}")).join("images"));
    // `best` and `last` are often the same step, which is translated and scored once.
    let eval = &run.config.eval;
    let images = [&data.train, &data.looked_at].into_iter().flat_map(|set| &set.files).flatten();
    let truth = eval.truth().files()?;
    let own = eval.extractor_weights.iter().chain(&eval.segmenter_weights).chain(&truth);
    let files: Vec<&Path> = images.chain(own).map(PathBuf::as_path).collect();
    let settings = (eval, &run.config.data, run.config.seed);
    // The run's log says nothing of other weights.
    let coupling = match args.weights {
        Some(_) => BTreeMap::new(),
        None => evaluate::coupling(&run.config, &args.run.run_dir)?,
    };
    let whole = |name: String, mut scores: Evaluation| {
        scores.more.extend(coupling);
        Evaluation { checkpoint: name, ..scores }
    };
    let pictures = written_pictures(&evaluate::sources(&run.config, &data), &folder)?;
    let kept = KeptEvaluation::of(&args.run.run_dir, &format!("test_{label}"), &run.file, &settings, &files)
        .filter(|_| args.weights.is_none())
        .map(|kept| kept.with_pictures(pictures));
    if let Some(found) = kept.as_ref().and_then(KeptEvaluation::read::<Evaluation>) {
        return Ok(whole(name, found));
    }
    let evaluator = evaluator(&run.config, &data, device, quiet)?;
    let scores = evaluate::evaluate(&run.config, &evaluator, &run.generator, &folder, (&name, run.step))?;
    if let Some(kept) = kept {
        kept.write(&scores);
    }
    Ok(whole(name, scores))
}

fn run_baseline(args: &ScoredBaseline, quiet: bool) -> Result<ExitCode> {
    let (device, _) = args.baseline.machine.set()?;
    let config: Checked<Config> = args.baseline.files.load()?;
    args.baseline.scores.check(args.images.as_deref(), &config.inputs())?;
    let data = Data::of_tests(&config)?;
    let evaluator = evaluator(&config, &data, device, quiet)?;
    let temporary = tempfile::tempdir().context("a temporary folder")?;
    let folder = args.images.clone().unwrap_or_else(|| temporary.path().to_owned());
    Ok(args.baseline.scores.write(&evaluate::baseline(&config, &data, &evaluator, &folder)?)?)
}

fn run_export(args: &ExportArgs) -> Result<ExitCode> {
    let run = open_run(&args.run.run_dir, &args.run.checkpoint, None, &[], Device::Cpu)?;
    place::check("--out", &args.out, Made::Safetensors, &run.config.inputs())?;
    let about = BTreeMap::from([
        ("step".to_owned(), run.step.to_string()),
        ("name".to_owned(), run.config.name.clone()),
        published::about(&run.config)?,
    ]);
    if let Some(folder) = args.out.parent() {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    save(&args.out, &run.generator.state(), &about)?;
    println!("{}", args.out.display());
    Ok(ExitCode::SUCCESS)
}

fn run_bench(args: &BenchArgs) -> Result<ExitCode> {
    let (device, threads) = args.machine.set()?;
    let of_profile = format!("configs/cut-single/{}/horse2zebra-{}.yaml", args.profile, args.method).into();
    let files = if args.config.is_empty() { vec![of_profile] } else { args.config.clone() };
    let config = Checked::load(&files, &args.set.overrides)?;
    let options = BenchOptions { steps: args.steps, device, threads };
    if let Some(pictures) = args.translate {
        return Ok(write_json(None, &bench_translation(&config, pictures.into(), &options)?)?);
    }
    let orders = match (args.plain, args.paired) {
        (_, true) => &[Order::Shared, Order::Plain][..],
        (true, _) => &[Order::Plain],
        _ => &[Order::Shared],
    };
    Ok(write_json(None, &bench(&config, orders, &options)?)?)
}
