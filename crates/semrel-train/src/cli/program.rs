//! How a program starts and ends, and the commands by which it tells about itself.

use super::write_json;
use crate::interrupt::interrupted;
use crate::{logging, memory};
use clap::{CommandFactory, Parser, Subcommand};
use schemars::{JsonSchema, schema_for};
use semrel_help::Pages;
use serde_json::{Value, json};
use std::fmt::Display;
use std::io;
use std::process::ExitCode;

/// How much a program says.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Verbosity {
    /// Show more log lines; twice for all.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Show warnings and errors only.
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// Commands by which the program of an experiment tells about itself. They are for editors, packagers and shells, so
/// `--help` does not show them.
#[derive(Debug, Clone, Subcommand)]
pub enum Describe {
    /// Print the JSON schema of configuration files, by which editors check and complete them.
    #[command(hide = true)]
    ConfigSchema,
    /// Completions and man pages.
    #[command(flatten)]
    Pages(Pages),
}

impl Describe {
    /// Prints or writes what is asked for, of the command line `C` and the configuration `T`.
    ///
    /// # Errors
    /// Names what cannot be written.
    pub fn run<C: CommandFactory, T: JsonSchema>(&self) -> io::Result<ExitCode> {
        match self {
            Self::ConfigSchema => write_json(None, &config_schema::<T>()).map_err(io::Error::other),
            Self::Pages(pages) => pages.run(C::command()).map(|()| ExitCode::SUCCESS),
        }
    }
}

/// The JSON schema of a file of the configuration `T`.
///
/// As a file may extend another, no key must be there; one without default must be in one of the files.
pub fn config_schema<T: JsonSchema>() -> Value {
    let mut schema = schema_for!(T).to_value();
    let extends = json!({
        "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }],
        "default": null,
        "description": "Files whose keys are taken first, from left to right.",
    });
    if let Some(keys) = schema["properties"].as_object_mut() {
        keys.shift_insert(0, "extends".to_owned(), extends);
    }
    without_required(&mut schema);
    schema
}

fn without_required(node: &mut Value) {
    match node {
        Value::Object(map) => {
            // The keyword is a list; a key of that name would be a schema.
            if map.get("required").is_some_and(Value::is_array) {
                map.shift_remove("required");
            }
            map.values_mut().for_each(without_required);
        }
        Value::Array(items) => items.iter_mut().for_each(without_required),
        _ => {}
    }
}

/// A whole program: reads the command line, starts logging as it asks, runs it, and says what went wrong; 130, as for a
/// signal, where one had asked for an end.
pub fn run<C: Parser, E: Display>(
    verbosity: impl FnOnce(&C) -> Verbosity,
    program: impl FnOnce(C) -> Result<ExitCode, E>,
) -> ExitCode {
    memory::keep_kernels();
    memory::keep_freed();
    let cli = C::parse();
    let Verbosity { verbose, quiet } = verbosity(&cli);
    logging::init(verbose, quiet);
    program(cli).unwrap_or_else(|error| {
        // An error of anyhow shows its causes, too.
        if interrupted() {
            eprintln!("stopped: {error:#}");
            return ExitCode::from(130);
        }
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, serde::Serialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Config {
        /// Its name.
        name: String,
        /// Its seed.
        #[serde(default)]
        seed: u64,
    }

    #[test]
    fn a_file_may_extend_another_and_leave_keys_to_it() {
        let schema = config_schema::<Config>();
        let keys: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["extends", "name", "seed"]);
        assert_eq!(schema["properties"]["seed"]["default"], 0);
        assert_eq!(schema["properties"]["name"]["description"], "Its name.");
        assert_eq!(schema["additionalProperties"], false);
        assert!(schema.get("required").is_none());
    }
}
