//! The commands that train and measure tables of the paper: one file per table, and what they share.

pub mod table1;
pub mod table2;
pub mod table3;
pub mod table_single;

use crate::data::World;
use crate::data::fetch::lock;
use crate::evidence::Part;
use crate::setup;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use clap::ValueEnum;
use semrel_data::Direction;
use semrel_tables::calls::Calls;
use semrel_tables::display::Display;
use semrel_tables::jobs::{self, Outcome};
use semrel_tables::plan::{Dataset, Plan};
use semrel_tables::profile;
use semrel_tables::report;
use semrel_tables::request::Request;
use semrel_tables::spec::{SampleWorld, Spec};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;

/// Extent of data, networks and training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// 64 x 64 pixels, narrow networks, the sample world: minutes
    Sample,
    /// Your images (--data) at 64 to 128 pixels: up to an hour per row
    Small,
    /// The paper's sizes, data and hyper-parameters: days, on a GPU
    Paper,
}

impl From<Profile> for profile::Profile {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::Sample => Self::Sample,
            Profile::Small => Self::Small,
            Profile::Paper => Self::Paper,
        }
    }
}

/// What rows are trained with.
#[derive(clap::Args)]
pub struct Machine {
    /// Rows trained at a time [default: as many as there are cores; 1 in profile `paper`, and on other devices than the CPU]
    #[arg(long, value_name = "J", value_parser = clap::value_parser!(u64).range(1..=256))]
    pub jobs: Option<u64>,
    /// Threads per row [default: cores / jobs]
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub threads: Option<u64>,
    /// Device to train on: cpu, cuda, cuda:1, ...
    #[arg(long, default_value = "cpu")]
    pub device: String,
}

/// Where results and runs lie.
#[derive(clap::Args)]
pub struct Folders {
    /// Folder of the results [default: results, in the checkout]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Folder of the run folders [default: that of the program in runs, in the checkout]
    #[arg(long, value_name = "DIR")]
    pub runs: Option<PathBuf>,
}

/// Options of every table.
#[derive(clap::Args)]
struct Options {
    /// Extent of data, networks and training [default: sample, or small with --data]
    #[arg(long, value_enum)]
    profile: Option<Profile>,
    /// Your images, in the layout told above
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Seeds per row (777, 778, ...); from two on the table has means and standard deviations, from four on differences may be
    /// significant
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
    seeds: u64,
    /// Rows to run: data sets, methods or dataset/method, separated by commas [default: all]
    #[arg(long, value_name = "ROW", value_delimiter = ',')]
    only: Vec<String>,
    /// Go on with rows that were interrupted, keep those that are finished
    #[arg(long, conflicts_with = "overwrite")]
    resume: bool,
    /// Redo rows that have a run folder
    #[arg(long)]
    overwrite: bool,
    /// Also score all kept checkpoints on the test images and show the best of them, as papers do: it flatters the method
    #[arg(long)]
    best_on_test: bool,
    #[command(flatten)]
    machine: Machine,
    /// Change a key of every row's configuration, as in --set train.batch_size=2
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    folders: Folders,
    /// Folder of the rows' configurations [default: that of program and profile in configs, in the checkout]
    #[arg(long, value_name = "DIR")]
    configs: Option<PathBuf>,
}

/// Options of tables on two domains.
#[derive(clap::Args)]
struct PairOptions {
    /// With --data: AtoB, or BtoA to translate what lies in trainB [default: AtoB]
    #[arg(long, value_name = "AtoB|BtoA", requires = "data")]
    direction: Option<Direction>,
}

impl Options {
    fn request(self, direction: Option<Direction>) -> Request {
        Request {
            profile: self.profile.map(Into::into),
            data: self.data,
            direction,
            seeds: self.seeds,
            only: self.only,
            resume: self.resume,
            overwrite: self.overwrite,
            best_on_test: self.best_on_test,
            jobs: self.machine.jobs,
            threads: self.machine.threads,
            device: self.machine.device,
            sets: self.set,
            out: self.folders.out,
            runs: self.folders.runs,
            configs: self.configs,
            variants: vec![],
        }
    }
}

fn run(workspace: &Workspace, spec: &'static Spec, options: Options, direction: Option<Direction>) -> Result<ExitCode> {
    // Whatever is wrong with the call is told before anything is fetched, built or trained.
    let plan = options.request(direction).plan(spec, &workspace.root)?;
    plan.check_run_folders()?;
    let outcomes = train(workspace, &plan, None)?;
    if outcomes.contains(&Outcome::Interrupted) {
        eprintln!("interrupted; this goes on where it stopped:\n  {}", resume_command());
        return Ok(ExitCode::from(130));
    }
    let failed = report::write(&plan, &outcomes)?;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Trains and evaluates what is left of a plan, or a part of it; how each of its jobs ended.
pub fn train(workspace: &Workspace, plan: &Plan, part: Option<Part>) -> Result<Vec<Outcome>> {
    let spec = plan.spec;
    let program = match setup::stand_in(spec.program.name()) {
        Some(program) => program,
        None => {
            setup::ensure(workspace)?;
            eprintln!("building {}", spec.program.name());
            workspace.build(spec.program.name())?
        }
    };
    if plan.profile == profile::Profile::Sample {
        write_sample_world(plan, &workspace.root.join("data"))?;
    }
    fs::create_dir_all(plan.out.join("logs")).with_context(|| plan.out.display().to_string())?;
    fs::create_dir_all(&plan.runs).with_context(|| plan.runs.display().to_string())?;

    let command = |program: &Path| workspace.command(program);
    let mut jobs = Calls { plan, command: &command, program: &program }.jobs()?;
    if let Some(part) = part {
        let after: Vec<Option<usize>> = jobs.iter().map(|job| job.after).collect();
        let own = part.jobs(plan.datasets_in_use().len(), &after);
        jobs.iter_mut().zip(own).filter(|(_, own)| !own).for_each(|(job, _)| job.steps.clear());
    }
    let names: Vec<String> = jobs.iter().map(|job| job.name.clone()).collect();
    eprintln!(
        "{} jobs, {} at a time; threads of each: {}; device: {}",
        jobs.len(),
        plan.parallel,
        plan.threads,
        plan.device
    );
    catch_interrupts()?;
    let mut display = Display::new(names);
    let outcomes = jobs::run(jobs, plan.parallel, &mut display);
    display.finish();
    Ok(outcomes)
}

/// Counts interrupts from the first call on: there may be a plan after another.
fn catch_interrupts() -> Result<()> {
    static CAUGHT: OnceLock<Result<(), String>> = OnceLock::new();
    let caught = CAUGHT.get_or_init(|| jobs::catch_interrupts().map_err(|error| error.to_string()));
    caught.clone().map_err(anyhow::Error::msg)
}

fn write_sample_world(plan: &Plan, data: &Path) -> Result<()> {
    // Another process may be writing it.
    let _lock = lock(data)?;
    for dataset in plan.datasets_in_use() {
        if let Dataset { own: None, paper: Some(paper), .. } = plan.datasets[dataset] {
            match plan.spec.datasets[paper].sample {
                SampleWorld::Domains(set) => World::SAMPLE.write(data, set)?,
                SampleWorld::Pair(world) => World::SAMPLE.write_pairs(data, world)?,
            };
        }
    }
    Ok(())
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
