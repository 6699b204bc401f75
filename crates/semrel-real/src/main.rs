//! `semrel-real`: draws a data set of packages.

use anyhow::{Context, Result, ensure};
use clap::Parser;
use clap::builder::PossibleValuesParser;
use semrel_real::RealSet;
use std::path::PathBuf;
use std::process::ExitCode;

/// Draw a data set of packages that `cargo xtask data real` has fetched
#[derive(Debug, Parser)]
#[command(name = "semrel-real", version)]
struct Cli {
    /// The data set
    #[arg(value_parser = PossibleValuesParser::new(RealSet::ALL.map(RealSet::name)))]
    name: String,
    /// A package that it is made of; repeat the option where there are several, in their order
    #[arg(long = "package", value_name = "FILE", required = true)]
    packages: Vec<PathBuf>,
    /// Folder to write, which must not be there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Side of the pictures in pixels
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(16..=512))]
    size: u32,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<()> {
    let set = RealSet::named(&cli.name).expect("one of the names that are accepted");
    ensure!(!cli.out.exists(), "{}: already exists; move it away to make it again", cli.out.display());
    let written = set.write(&cli.packages, &cli.out, cli.size).with_context(|| cli.name.clone())?;
    println!("{written}");
    Ok(())
}
