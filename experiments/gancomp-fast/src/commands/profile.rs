//! Profiles.

use anyhow::Result;
use clap::Args;
use gancomp_fast::latency::Runs;
use gancomp_fast::profile::{ProfileOptions, Subject, profile, table};
use gancomp_fast::search::fitness::Torch;
use semrel_train::cli::{Machine, PictureSize, write_json};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct ProfileArgs {
    /// Configurations, names of sets, `teacher`, or `teacher-32` for a teacher of another width [default: the rows of
    /// Table 2]
    #[arg(value_name = "NETWORK")]
    networks: Vec<Subject>,
    /// Width and height of the image, such as 256x256, or one number for both.
    #[arg(long, default_value = "256", value_parser = size)]
    size: (u32, u32),
    /// Runs whose median time is shown; 0 to skip the measurement.
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u32).range(..=10_000))]
    runs: u32,
    /// Runs before those, to warm up.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(..=10_000))]
    warmup: u32,
    /// Measure the ONNX runtime as well.
    #[arg(long)]
    onnx: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    machine: Machine,
}

fn size(text: &str) -> Result<(u32, u32), String> {
    if let Ok(side @ 8..=8192) = text.parse() {
        return Ok((side, side));
    }
    match text.parse()? {
        PictureSize::Fixed(width, height) => Ok((width, height)),
        PictureSize::Own => Err("expected width x height in pixels, such as 256x256, or one number".into()),
    }
}

/// Profiles.
pub fn run(args: &ProfileArgs) -> Result<ExitCode> {
    let (device, threads) = args.machine.set()?;
    let runs = Runs { warmup: args.warmup, counted: args.runs };
    let torch = Torch { size: args.size, device, threads, runs };
    let options = ProfileOptions { torch, timed: args.runs > 0, onnx: args.onnx };
    let subjects = if args.networks.is_empty() { Subject::table2() } else { args.networks.clone() };
    let figures = profile(&subjects, &options)?;
    if args.json {
        return Ok(write_json(None, &figures)?);
    }
    print!("{}", table(&figures, &options));
    Ok(ExitCode::SUCCESS)
}
