//! `cargo xtask report`: a page of all that tables and runs have left.

use crate::workspace::Workspace;
use anyhow::Result;
use semrel_report::{Folders, Sources, build, write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Make a page of all tables, training curves, pictures, searches and runs
///
/// Reads what the tables have written to results/ and the run folders in runs/, and writes OUT/index.html with pictures
/// and the runs' configurations beside it. The page opens from the file, sends nothing anywhere, and its folder can be
/// shared as a whole. It links to the similarity explorer if that is in OUT/explorer.
///
/// Files that are damaged are named on stderr and in the page, the rest is shown. With neither a table nor a run the exit
/// status is 1.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
        cargo xtask report && xdg-open results/report/index.html\n  \
        cargo xtask report --results results/try --runs runs/try --out try-report")]
pub struct Args {
    #[command(flatten)]
    folders: FolderArgs,
    /// Folder of the page [default: RESULTS/report]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Where results and runs are.
#[derive(clap::Args)]
pub struct FolderArgs {
    /// Folder of the tables' results [default: results, in the checkout]
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
    /// Folder of the run folders [default: runs, in the checkout]
    #[arg(long, value_name = "DIR")]
    runs: Option<PathBuf>,
}

impl FolderArgs {
    /// The folders, with `out` for the page.
    pub fn resolve(&self, workspace: &Workspace, out: Option<&PathBuf>) -> Result<Folders> {
        let results = self.results.clone().unwrap_or_else(|| workspace.root.join("results"));
        let runs = self.runs.clone().unwrap_or_else(|| workspace.root.join("runs"));
        let out = out.cloned().unwrap_or_else(|| results.join("report"));
        Ok(Folders::new(results, runs, out, (self.results.is_some(), self.runs.is_some()))?)
    }
}

pub fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    let folders = args.folders.resolve(workspace, args.out.as_ref())?;
    let report = build(&Sources::read(&folders)?, None)?;
    let bytes = write(&report, &folders.out)?;
    for problem in &report.problems {
        eprintln!("warning: {problem}");
    }
    println!("{}", folders.out.join("index.html").display());
    eprintln!("{}; {:.1} MB with pictures", report.summary, bytes as f64 / 1e6);
    Ok(ExitCode::SUCCESS)
}
