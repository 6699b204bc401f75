//! Subcommands, one file each.

mod bench;
mod fid;
mod groups;
mod interval;
mod kid;
mod lpips;
mod origin;
mod pairs;
mod perceptual;
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
/// A set of pictures is a folder, a zip, or a text file that names one picture a line:
///
///   semrel-metrics fid photos translations              one distance
///   semrel-metrics fid data/sample-64/seasons/val/*     a table of each against each
///   semrel-metrics stats photos -o photos.npz           statistics for later (mu, sigma, as pytorch-fid has them)
///   semrel-metrics fid photos.npz translations
///   semrel-metrics kid photos translations              distance with a standard deviation over subsets
///   semrel-metrics lpips photos translations            pairs of equal file names
///   semrel-metrics lpips --pairwise outputs             diversity of several outputs of one source
///   semrel-metrics segment translations --labels labels street scenes against their labels
///
/// A score is named after its features: FD(effnet-lite0) is no FID, nor is that of weights other than the published ones,
/// FD(inception-fid, mine.pth 1234abcd). Compare numbers only where extractor, resize,
/// reference set, number of pictures and file format agree; each is printed with the score.
#[derive(Debug, Parser)]
#[command(name = "semrel-metrics", version, verbatim_doc_comment)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Fid(fid::Args),
    Kid(kid::Args),
    Lpips(lpips::Args),
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
        Command::Lpips(args) => lpips::run(args),
        Command::Segment(args) => segment::run(args),
        Command::Stats(args) => stats::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Pages(pages) => Ok(pages.run(Cli::command())?),
    }
}
