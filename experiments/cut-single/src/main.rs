//! Command line of the single-modal experiment.
#![allow(missing_docs)]

mod commands;

use std::process::ExitCode;

fn main() -> ExitCode {
    semrel_train::cli::run(|cli: &commands::Cli| cli.verbosity, commands::run)
}
