//! Pictures into another domain.

use super::opened::open_translator;
use super::psi::psi;
use anyhow::{Context, Result, bail};
use clap::Args;
use semrel_data::image_io::read_rgb;
use semrel_data::resize::{Filter, resize};
use semrel_data::translate::{MOST_STYLES, check_references, jobs};
use semrel_metrics::extractor::stack;
use semrel_run::place::{self, Made};
use semrel_train::cli::{Machine, RunArgs, translating};
use stargan2_multi::networks::Translator;
use stargan2_multi::sample::random_styles;
use stargan2_multi::translate::{names, translate};
use std::path::PathBuf;
use std::process::ExitCode;
use tch::{Device, Tensor, no_grad};

#[derive(Debug, Args)]
pub struct TranslateArgs {
    /// A picture, or a folder of pictures at any depth. They are resized to the size of the run's images, which are
    /// square.
    // The run's folder is the first; it is declared below, since `--checkpoint` belongs there.
    #[arg(index = 2)]
    input: PathBuf,
    /// Domain of the translations.
    #[arg(long, value_name = "DOMAIN")]
    to: String,
    /// Folder for the translations, which keep their names; with several styles `-1`, `-2`, … is added.
    #[arg(long)]
    out: PathBuf,
    /// A picture of that domain whose style is taken; repeat the option for several translations of each picture
    /// [default: random styles]
    #[arg(long, value_name = "PICTURE", conflicts_with_all = ["styles", "seed", "psi"])]
    reference: Vec<PathBuf>,
    /// Number of random styles: each picture is translated once per style.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_STYLES)))]
    styles: u32,
    /// Seed of the random styles.
    #[arg(long, default_value_t = 0)]
    seed: i64,
    /// Truncation: how far random styles may be from the domain's mean; below 1 they are more alike.
    #[arg(long, default_value_t = 1.0, value_parser = psi)]
    psi: f64,
    #[command(flatten)]
    run: RunArgs,
    /// Use these weights instead: a published *_nets_ema.ckpt, or safetensors.
    #[arg(long, conflicts_with = "checkpoint")]
    weights: Option<PathBuf>,
    /// Pictures per batch.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1024))]
    batch: u32,
    #[command(flatten)]
    machine: Machine,
}

pub fn run(args: &TranslateArgs, quiet: bool) -> Result<ExitCode> {
    let (device, _) = args.machine.set()?;
    let jobs = jobs(&args.input, Some(&args.out))?;
    let (config, translator, domains) = open_translator(&args.run, args.weights.as_deref(), device)?;
    place::check("--out", &args.out, Made::Folder, &config.inputs())?;
    let Some(domain) = domains.iter().position(|name| *name == args.to) else {
        bail!("--to {}: no domain of {}; it has {}", args.to, args.run.run_dir.display(), domains.join(", "));
    };
    let (domain, size) = (domain as i64, config.data.image_size as u32);
    let styles = if args.reference.is_empty() {
        tch::manual_seed(args.seed);
        random_styles(&translator, domain, config.model.latent_dim, i64::from(args.styles), args.psi)
    } else {
        let outputs = jobs.iter().flat_map(|job| names(&job.output, args.reference.len() as i64));
        check_references(outputs, &args.reference)?;
        no_grad(|| of_pictures(args, &translator, domain, size, device))?
    };
    translating(&jobs, &args.input, Some(&args.out), quiet, |progress| {
        translate(&translator, &jobs, &styles, size, args.batch as usize, progress)
    })
}

/// Styles of the references, `[references, style_dim]`.
fn of_pictures(
    args: &TranslateArgs,
    translator: &Translator,
    domain: i64,
    size: u32,
    device: Device,
) -> Result<Tensor> {
    let read = |file: &PathBuf| Ok(resize(&read_rgb(file)?, size, size, Filter::Bilinear));
    let references: Vec<_> = args.reference.iter().map(read).collect::<Result<_>>().context("--reference")?;
    let labels = vec![domain; references.len()];
    let references = stack(&references, device)?.contiguous() / 127.5 - 1.0;
    Ok(translator.style_encoder.forward(&references, &labels))
}
