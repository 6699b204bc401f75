//! Subcommands.

mod opened;
mod psi;
mod translate;

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};
use opened::{TrainedRun, open_run};
use psi::psi;
use semrel_data::ImageStore;
use semrel_data::image_io::list_images;
use semrel_eval::KeptEvaluation;
use semrel_run::Checked;
use semrel_run::place::{self, Made};
use semrel_run::scores::{BEST_ON_TEST, DomainEvaluation};
use semrel_train::Checkpoints;
use semrel_train::cli::{
    BaselineArgs, Describe, Machine, Overrides, RunArgs, ScoresFile, TrainArgs, Verbosity, write_json,
};
use semrel_train::run_dir::checkpoints_of;
use stargan2_multi::bench::{BenchOptions, bench};
use stargan2_multi::config::Config;
use stargan2_multi::data::Data;
use stargan2_multi::evaluate::{check_tests, metrics, reference_of_tests};
use stargan2_multi::snapshot::AVERAGE;
use stargan2_multi::train::train;
use stargan2_multi::{preview, sample};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tch::{Device, Tensor};

/// Multi-modal image translation between domains: StarGAN v2, StarGAN v2 + LSeSim, and StarGAN v2 + SRC + hDCE.
///
/// A run is one YAML file (see configs/stargan2-multi) and one folder. `cargo xtask data sample` renders the images of
/// the sample profile.
///
/// On Ctrl-C training saves a checkpoint and stops; `train ... --resume` continues from there, with identical results.
#[derive(Debug, Parser)]
#[command(
    name = "stargan2-multi",
    version,
    after_long_help = "Examples:\n  \
        stargan2-multi train configs/stargan2-multi/sample/seasons-ours.yaml\n  \
        stargan2-multi train my.yaml --set data.root=photos --set train.iterations=20000\n  \
        stargan2-multi eval runs/stargan2-multi/my-run --checkpoint best\n  \
        stargan2-multi sample runs/stargan2-multi/my-run --grid reference --out grid.png\n  \
        stargan2-multi translate runs/stargan2-multi/my-run photos --to winter --out snowy"
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
        mut_arg("run_dir", |dir| dir.help("Folder of the run [default: runs/stargan2-multi/<name>]")),
        mut_arg("check", |check| check.help(
            "Check the config, open its data, print the number of iterations including the warm-up (JSON), and do not \
             train",
        )),
    )]
    Train(TrainArgs),
    /// Score a run's outputs: Fréchet distance, perceptual distance and target accuracy, latent- and reference-guided; distances
    /// to the truth where it is known.
    Eval(EvalArgs),
    /// Score the untranslated images: what a method must beat.
    Baseline(BaselineArgs),
    /// Draw a grid or an interpolation.
    Sample(SampleArgs),
    /// Translate a picture or a folder of pictures into another domain.
    Translate(translate::TranslateArgs),
    /// Measure a training iteration.
    Bench(BenchArgs),
    #[command(flatten)]
    Describe(Describe),
}

#[derive(Debug, Args)]
#[command(mut_arg("overrides", |set| set.help("Change a key of the run's config: --set eval.num_outs=2")))]
struct EvalArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Score these weights instead: a published *_nets_ema.ckpt, or safetensors.
    #[arg(long, conflicts_with = "checkpoint")]
    weights: Option<PathBuf>,
    /// Score every checkpoint that was kept, and report the one with the least latent-guided distance, as papers do: it flatters
    /// the method.
    #[arg(long, conflicts_with_all = ["checkpoint", "weights"])]
    best_on_test: bool,
    #[command(flatten)]
    scores: ScoresFile,
    #[command(flatten)]
    set: Overrides,
    #[command(flatten)]
    machine: Machine,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Grid {
    /// Sources, then rows of random styles of each domain.
    Latent,
    /// References on the left, sources on top.
    Reference,
    /// Every third frame of an interpolation between two random styles, in each domain.
    Interpolation,
}

#[derive(Debug, Args)]
struct SampleArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Use these weights instead: a published *_nets_ema.ckpt, or safetensors.
    #[arg(long, conflicts_with = "checkpoint")]
    weights: Option<PathBuf>,
    /// What to draw.
    #[arg(long, value_enum, default_value = "latent")]
    grid: Grid,
    /// The picture.
    #[arg(long)]
    out: PathBuf,
    /// Seed of the latent codes.
    #[arg(long, default_value_t = 0)]
    seed: i64,
    /// Truncation: how far styles may be from the domain's mean; below 1 they are more alike.
    #[arg(long, default_value_t = 1.0, value_parser = psi)]
    psi: f64,
    #[command(flatten)]
    machine: Machine,
}

#[derive(Debug, Args)]
struct BenchArgs {
    /// The profile whose Seasons run of `--method` is measured: sample, small or paper.
    #[arg(long, default_value = "paper")]
    profile: String,
    /// The method: stargan-v2, lsesim or ours.
    #[arg(long, default_value = "ours")]
    method: String,
    /// Images per batch.
    #[arg(long, default_value_t = 1)]
    batch: i64,
    /// Iterations to measure.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// Measure the published loop's order: every encoding recomputed, every gradient kept.
    #[arg(long)]
    plain: bool,
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
        Command::Eval(args) => run_eval(&args, quiet),
        Command::Baseline(args) => run_baseline(&args, quiet),
        Command::Sample(args) => run_sample(&args),
        Command::Translate(args) => translate::run(&args, quiet),
        Command::Bench(args) => run_bench(&args),
        Command::Describe(what) => Ok(what.run::<Cli, Config>()?),
    }
}

fn run_train(args: &TrainArgs, quiet: bool) -> Result<ExitCode> {
    let folder = |config: &Config| Path::new("runs/stargan2-multi").join(&config.name);
    let check = |config: &Checked<Config>| {
        Data::open(config)?;
        metrics(config, Device::Cpu)?;
        check_tests(config, Device::Cpu, true)?;
        Ok((config.train.warmup + config.train.iterations) as u64)
    };
    args.run(quiet, folder, check, train)
}

fn run_eval(args: &EvalArgs, quiet: bool) -> Result<ExitCode> {
    let (device, _) = args.machine.set()?;
    if !args.best_on_test {
        return Ok(args.scores.write(&score(args, &args.run, device, quiet)?)?);
    }
    let mut all = vec![];
    for step in Checkpoints::of_run(&args.run.run_dir, "last")?.0.steps()? {
        all.push(score(args, &RunArgs { checkpoint: step.to_string(), ..args.run.clone() }, device, quiet)?);
    }
    let best = all.into_iter().min_by(|a, b| a.latent.fd.mean.total_cmp(&b.latent.fd.mean));
    let best = best.expect("there is a last one");
    Ok(args.scores.write(&DomainEvaluation { checkpoint: BEST_ON_TEST.to_owned(), ..best })?)
}

/// Scores a checkpoint, or the weights that are asked for.
fn score(args: &EvalArgs, which: &RunArgs, device: Device, quiet: bool) -> Result<DomainEvaluation> {
    let run = open_run(which, args.weights.as_deref(), &args.set.overrides, device)?;
    args.scores.check(None, &run.config.inputs())?;
    let name = match &args.weights {
        Some(file) => file.display().to_string(),
        None => which.checkpoint.clone(),
    };
    // `best` and `last` are often the same step, which is scored once.
    let kept = kept(&which.run_dir, &run).filter(|_| args.weights.is_none());
    if let Some(found) = kept.as_ref().and_then(KeptEvaluation::read::<DomainEvaluation>) {
        return Ok(DomainEvaluation { checkpoint: name, ..found });
    }
    let metrics = metrics(&run.config, device)?;
    let reference = reference_of_tests(&run.config, &run.data, &metrics, quiet)?;
    let mut evaluation = reference.evaluate(&run.translator, &name, run.step, quiet)?;
    evaluation.select = Some(run.config.eval.select.name().to_owned());
    if let Some(kept) = kept {
        kept.write(&evaluation);
    }
    Ok(evaluation)
}

/// The scores of a run's checkpoint that are kept in its folder.
fn kept(run_dir: &Path, run: &TrainedRun) -> Option<KeptEvaluation> {
    let weights = Checkpoints::new(checkpoints_of(run_dir), 1).file(run.step, AVERAGE);
    let (config, data) = (&run.config, &run.data);
    let images = |store: &ImageStore| -> Vec<PathBuf> {
        let domains = store.sizes().into_iter().enumerate();
        domains.flat_map(|(domain, n)| (0..n).map(move |item| store.file(domain, item).clone())).collect()
    };
    let images = [images(&data.train), images(&data.looked_at)].concat();
    let truth = config.eval.truth.as_deref().map_or(Ok(vec![]), list_images).ok()?;
    let own = config.eval.extractor_weights.iter().chain(&truth);
    let files: Vec<&Path> = images.iter().chain(own).map(PathBuf::as_path).collect();
    let (name, settings) = (format!("step-{:08}", run.step), (&config.eval, &config.data, config.seed));
    KeptEvaluation::of(run_dir, &name, &weights, &settings, &files)
}

fn run_baseline(args: &BaselineArgs, quiet: bool) -> Result<ExitCode> {
    let (device, _) = args.machine.set()?;
    let config: Checked<Config> = args.files.load()?;
    args.scores.check(None, &config.inputs())?;
    let data = Data::of_tests(&config)?;
    let metrics = metrics(&config, device)?;
    Ok(args.scores.write(&reference_of_tests(&config, &data, &metrics, quiet)?.baseline()?)?)
}

fn run_sample(args: &SampleArgs) -> Result<ExitCode> {
    let (device, _) = args.machine.set()?;
    let run = open_run(&args.run, args.weights.as_deref(), &[], device)?;
    place::check("--out", &args.out, Made::Picture, &run.config.inputs())?;
    tch::manual_seed(args.seed);
    let _guard = tch::no_grad_guard();
    let (t, domains, latent) = (&run.translator, run.data.num_domains(), run.config.model.latent_dim);
    let (sources, labels) = preview::sources(&run.data, &run.config, device)?;
    let styles = |domain: i64, count: i64| sample::random_styles(t, domain, latent, count, args.psi);
    let grid = match args.grid {
        Grid::Latent => {
            let all: Vec<Tensor> = (0..domains).map(|d| styles(d, 3)).collect();
            sample::latent_grid(t, &sources, &Tensor::cat(&all, 0))
        }
        Grid::Reference => sample::reference_grid(t, &sources, &sources, &t.style_encoder.forward(&sources, &labels)),
        Grid::Interpolation => {
            let source = sources.narrow(0, 0, 1);
            let rows: Vec<Tensor> = (0..domains)
                .map(|d| {
                    let ends = styles(d, 2);
                    let frames = sample::interpolate(t, &source, &ends.narrow(0, 0, 1), &ends.narrow(0, 1, 1));
                    let outputs = frames.slice(0, 0, 24, 3).narrow(2, sources.size()[2], sources.size()[2]);
                    sample::to_unit(&sample::tile(&outputs, outputs.size()[0]))
                })
                .collect();
            Tensor::cat(&rows, 1)
        }
    };
    semrel_data::image_io::write_image(&args.out, &sample::grid_image(&grid)?)?;
    Ok(ExitCode::SUCCESS)
}

fn run_bench(args: &BenchArgs) -> Result<ExitCode> {
    let (device, threads) = args.machine.set()?;
    let file = format!("configs/stargan2-multi/{}/seasons-{}.yaml", args.profile, args.method);
    let mut overrides = vec![format!("train.batch_size={}", args.batch)];
    overrides.extend(args.set.overrides.iter().cloned());
    let config = Checked::load(&[file], &overrides)?;
    let options = BenchOptions { steps: args.steps.max(1), plain: args.plain, device, threads };
    Ok(write_json(None, &bench(&config, &options)?)?)
}
