//! `cargo xtask table1`: Table 1 of the paper, trained and measured here.

mod display;
mod jobs;
mod paper;
mod plan;
mod report;
mod results;
mod rows;
mod table;

use crate::data::{self, World};
use crate::setup;
use crate::workspace::{Workspace, cores};
use anyhow::{Context, Result, ensure};
use display::Display;
use jobs::Outcome;
use plan::{Half, Plan};
use rows::Profile;
use semrel_data::sample_world::DomainSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The program that trains and evaluates; `SEMREL_STARGAN2_MULTI` names a stand-in for tests, which needs no libtorch.
const PROGRAM: &str = "stargan2-multi";
const STAND_IN: &str = "SEMREL_STARGAN2_MULTI";

/// Train and measure the rows of the paper's Table 1 (multi-modal translation)
///
/// Builds stargan2-multi, makes the data, trains and evaluates each row, prints the table with the paper's numbers beside
/// and writes it to OUT: table1.md, table1.csv, table1.json and a grid of translations a row
/// (table1-<half>-<method>.png), in place of an earlier table there. Logs go to OUT/logs, runs to runs/stargan2-multi/table1-<profile>-<half>-<method>-s<seed>.
///
/// The halves are `seasons` and `weather`, or your own folder with --data; the methods are `stargan-v2`, `lsesim` and
/// `ours`.
///
/// In the sample and small profiles on a CPU as many rows are trained at a time as there are cores, each on one thread: two
/// narrow networks side by side train faster than one on two threads. Otherwise rows are trained one after another on all
/// cores.
///
/// Ctrl-C saves checkpoints; the same command with --resume goes on from them. A row that fails is reported in the table,
/// the others go on, and the exit status is 1.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
        cargo xtask table1\n  \
        cargo xtask table1 --only ours --seeds 3\n  \
        cargo xtask table1 --profile small --data my-photos\n  \
        cargo xtask table1 --only seasons/ours --set train.iterations=50 --out results/try --runs runs/try")]
pub struct Args {
    /// Extent of data, networks and training [default: sample, or small with --data]
    #[arg(long, value_enum)]
    profile: Option<Profile>,
    /// Your images: a folder with train/<domain>/ and val/<domain>/, or <domain>/
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Seeds a row (777, 778, ...); from two on the table has means and standard deviations
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
    seeds: u64,
    /// Rows to run: halves, methods or half/method, separated by commas [default: all]
    #[arg(long, value_name = "ROW", value_delimiter = ',')]
    only: Vec<String>,
    /// Go on with rows that were interrupted, keep those that are finished
    #[arg(long, conflicts_with = "overwrite")]
    resume: bool,
    /// Redo rows that have a run folder
    #[arg(long)]
    overwrite: bool,
    /// Rows trained at a time [default: see above]
    #[arg(long, value_name = "J", value_parser = clap::value_parser!(u64).range(1..=256))]
    jobs: Option<u64>,
    /// Threads a row [default: cores / jobs]
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u64).range(1..=1024))]
    threads: Option<u64>,
    /// Device to train on: cpu, cuda, cuda:1, ...
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Change a key of every row's configuration, as in --set train.iterations=50
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Folder of the results [default: results, in the checkout]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Folder of the run folders [default: runs/stargan2-multi, in the checkout]
    #[arg(long, value_name = "DIR")]
    runs: Option<PathBuf>,
    /// Folder of the rows' configurations [default: configs/stargan2-multi/PROFILE, in the checkout]
    #[arg(long, value_name = "DIR")]
    configs: Option<PathBuf>,
}

pub fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    // Whatever is wrong with the call is told before anything is fetched, built or trained.
    let plan = plan(workspace, &args)?;
    plan.check_run_folders()?;
    let program = match std::env::var_os(STAND_IN) {
        Some(program) => PathBuf::from(program),
        None => {
            setup::ensure(workspace)?;
            eprintln!("building {PROGRAM}");
            workspace.build(PROGRAM)?
        }
    };
    if args.data.is_none() && plan.profile == Profile::Sample {
        for (half, set) in [("seasons", DomainSet::Seasons), ("weather", DomainSet::Weather)] {
            if plan.rows.iter().any(|row| plan.halves[row.half].name == half) {
                World::SAMPLE.write(&workspace.root.join("data"), set)?;
            }
        }
    }
    fs::create_dir_all(plan.out.join("logs")).with_context(|| plan.out.display().to_string())?;
    fs::create_dir_all(&plan.runs).with_context(|| plan.runs.display().to_string())?;

    let jobs = plan.jobs(workspace, &program)?;
    let names: Vec<String> = jobs.iter().map(|job| job.name.clone()).collect();
    eprintln!("{} jobs, {} at a time on {} thread(s) each, {}", jobs.len(), plan.parallel, plan.threads, plan.device);
    jobs::catch_interrupts()?;
    let mut display = Display::new(names);
    let outcomes = jobs::run(jobs, plan.parallel, &mut display);
    display.finish();

    if outcomes.contains(&Outcome::Interrupted) {
        eprintln!("interrupted; this goes on where it stopped:\n  {}", resume_command());
        return Ok(ExitCode::from(130));
    }
    let failed = report::write(&plan, &outcomes)?;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The call of this program that goes on with what it was called for.
fn resume_command() -> String {
    let quote = |arg: String| {
        let plain = arg.chars().all(|c| c.is_alphanumeric() || "-_=/.,:+".contains(c)) && !arg.is_empty();
        if plain { arg } else { format!("'{}'", arg.replace('\'', r"'\''")) }
    };
    let args = std::env::args().skip(1).filter(|arg| arg != "--overwrite" && arg != "--resume").map(quote);
    format!("cargo xtask {} --resume", args.collect::<Vec<_>>().join(" "))
}

fn plan(workspace: &Workspace, args: &Args) -> Result<Plan> {
    let root = &workspace.root;
    let profile = args.profile.unwrap_or(if args.data.is_some() { Profile::Small } else { Profile::Sample });
    for set in &args.set {
        ensure!(set.contains('='), "--set {set}: expected KEY=VALUE, as in --set train.iterations=50");
        ensure!(!set.starts_with("seed="), "--set {set}: seeds are 777, 778, ...; --seeds N says how many");
        ensure!(!set.starts_with("data.root="), "--set {set}: --data DIR names the images");
    }
    let halves = match &args.data {
        Some(dir) => vec![own_half(dir)?],
        None => ["seasons", "weather"].map(Half::of_paper).into(),
    };
    let names: Vec<String> = halves.iter().map(|half| half.name.clone()).collect();
    let rows = rows::select(&names, &args.only)?;
    if args.data.is_none() && profile != Profile::Sample {
        for half in rows.iter().map(|row| &halves[row.half].name) {
            data::open(&root.join("data").join(half)).with_context(|| {
                format!("profile {} needs images in data/{half}, or yours with --data DIR", profile.name())
            })?;
        }
    }
    let absolute = |path: &Option<PathBuf>, default: &str| -> Result<PathBuf> {
        path.as_ref().map_or_else(|| Ok(root.join(default)), |p| Ok(std::path::absolute(p)?))
    };
    let side_by_side = profile != Profile::Paper && args.device == "cpu";
    let parallel = args.jobs.map_or(if side_by_side { cores() } else { 1 }, |j| j as usize);
    let plan = Plan {
        profile,
        halves,
        rows,
        seeds: (777..777 + args.seeds).collect(),
        resume: args.resume,
        overwrite: args.overwrite,
        parallel,
        threads: args.threads.map_or((cores() / parallel).max(1), |t| t as usize),
        device: args.device.clone(),
        sets: args.set.clone(),
        configs: absolute(&args.configs, &format!("configs/stargan2-multi/{}", profile.name()))?,
        runs: absolute(&args.runs, "runs/stargan2-multi")?,
        out: absolute(&args.out, "results")?,
    };
    plan.check_configs()?;
    Ok(plan)
}

/// The half of the user's own images, named after the folder.
fn own_half(dir: &Path) -> Result<Half> {
    data::open(dir)?;
    let dir = fs::canonicalize(dir)?;
    let name = dir.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    Ok(Half { name: if name.is_empty() { "data".into() } else { name }, own: Some(dir) })
}
