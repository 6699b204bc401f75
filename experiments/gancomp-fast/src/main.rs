//! Command line of the compression experiment.
#![allow(missing_docs)]

mod commands;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    semrel_train::memory::keep_freed();
    let cli = commands::Cli::parse();
    semrel_train::logging::init(cli.verbose, cli.quiet);
    match commands::run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
