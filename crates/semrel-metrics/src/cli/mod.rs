//! Subcommands, one file each.

mod bench;
mod compare;
mod fd_infinity;
mod fid;
mod groups;
mod interval;
mod kid;
mod lpips;
mod mmd;
mod origin;
mod pairs;
mod perceptual;
mod prdc;
mod report;
mod segment;
mod session;
mod sets;
mod stats;

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};
use semrel_help::Pages;

/// Scores of generated pictures: Fréchet distance, KID, perceptual distance and diversity, segmentation.
///
/// A set of pictures is a folder, a zip, or a text file with the name of one picture per line.
///
/// A score is named after its features: FD(effnet-lite0) is not an FID, nor is a distance computed with weights other
/// than the published ones, FD(inception-fid, mine.pth 1234abcd). Compare numbers only if extractor, resize, reference
/// set, number of pictures and file format agree; each is printed with the score.
#[derive(Debug, Parser)]
#[command(
    name = "semrel-metrics",
    version,
    after_long_help = "Examples:\n  \
        semrel-metrics fid photos translations           one distance\n  \
        semrel-metrics fid data/sample-64/seasons/val/*  a table of each against each\n  \
        semrel-metrics stats photos -o photos.npz        statistics for later\n  \
        semrel-metrics fid photos.npz translations\n  \
        semrel-metrics kid photos translations           with a deviation over subsets\n  \
        semrel-metrics prdc photos translations          precision, recall, density, coverage\n  \
        semrel-metrics lpips photos translations         pairs of equal file names\n  \
        semrel-metrics lpips --pairwise outputs          diversity of outputs per source\n  \
        semrel-metrics compare truth translations        PSNR, SSIM, structure distance\n  \
        semrel-metrics segment translations --labels labels"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Fid(fid::Args),
    Kid(kid::Args),
    FdInfinity(fd_infinity::Args),
    Mmd(mmd::Args),
    Prdc(prdc::Args),
    Lpips(lpips::Args),
    Compare(compare::Args),
    Segment(segment::Args),
    Stats(stats::Args),
    Bench(bench::Args),
    #[command(flatten)]
    Pages(Pages),
}

pub fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Fid(args) => fid::run(args),
        Command::Kid(args) => kid::run(args),
        Command::FdInfinity(args) => fd_infinity::run(args),
        Command::Mmd(args) => mmd::run(args),
        Command::Prdc(args) => prdc::run(args),
        Command::Lpips(args) => lpips::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Segment(args) => segment::run(args),
        Command::Stats(args) => stats::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Pages(pages) => Ok(pages.run(Cli::command())?),
    }
}
