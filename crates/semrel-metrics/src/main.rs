//! Command line of the metrics.
#![allow(missing_docs)]

mod cli;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    semrel_train::memory::keep_freed();
    match cli::run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
