//! The search.

use super::common::Row;
use anyhow::{Result, anyhow, bail, ensure};
use clap::Args;
use gancomp_fast::config::Config;
use gancomp_fast::data::{Data, Stage};
use gancomp_fast::search::check::check;
use gancomp_fast::search::exhaustive::Split;
use gancomp_fast::search::run::{EVALUATIONS, Ended, Kind, SearchOptions, search};
use gancomp_fast::train::{TrainOptions, check_settings, steps, train};
use gancomp_fast::trained::{begun, check_teacher};
use semrel_run::config::origin;
use semrel_run::trained::Epochs;
use semrel_run::{Checked, JsonFileError, Summary};
use semrel_train::cli::{Machine, TrainMode, ended, print_steps};
use semrel_train::progress::print_line;
use semrel_train::{Interrupt, OpenMode, run_dir, summary};
use std::path::Path;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct SearchArgs {
    #[command(flatten)]
    row: Row,
    #[command(flatten)]
    mode: TrainMode,
    /// Check the config, its data and its budget, print the maximum number of evaluations (JSON), and do not search.
    #[arg(long, conflicts_with_all = ["resume", "overwrite"])]
    check: bool,
    /// First run the stages before the search to their ends, also where the super-net has begun to be distilled. Finished
    /// ones must have been run with the same settings.
    #[arg(long)]
    all: bool,
    /// Refuse to search if there is no distilled super-net, instead of training what it needs.
    #[arg(long, conflicts_with = "all")]
    no_train: bool,
    /// Number of searches, with the row's seed and those that follow it; the spread of their winners is shown.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// Evaluate every configuration of the set instead, in an order shuffled by the seed.
    #[arg(long, conflicts_with = "seeds")]
    exhaustive: bool,
    /// Evaluate only one of several parts, such as 2/4, to share the work between machines. Collect the
    /// evaluations.jsonl of all parts in one folder and search without --split for the result.
    #[arg(long, requires = "exhaustive", value_name = "I/N")]
    split: Option<Split>,
    #[command(flatten)]
    machine: Machine,
}

/// Searches.
pub fn run(args: &SearchArgs, quiet: bool) -> Result<ExitCode> {
    let (device, threads) = args.machine.set()?;
    let config = args.row.load()?;
    let kind = match args.exhaustive {
        true => Kind::Exhaustive(args.split.unwrap_or(Split::WHOLE)),
        false => Kind::Evolution { seeds: args.seeds },
    };
    let folders = args.row.folders();
    let before = TrainOptions { folders: folders.clone(), mode: OpenMode::New, device, threads, quiet, manifest: None };
    let missing = missing(&config, &before)?;
    // Parts of a search on several machines are of one super-net.
    if let Some(stage) = missing.filter(|_| !args.check && (args.no_train || (args.split.is_some() && !args.all))) {
        let row = origin(&args.row.config, &[]);
        bail!(
            "the search needs a distilled super-net, and {} holds none; run first: gancomp-fast {} {row} (or all stages: \
             gancomp-fast search {row} --all)",
            folders.distill(&config).display(),
            stage.name()
        );
    }
    // Before any stage is trained for it.
    let data = Data::open(&config)?;
    let evaluations = check(&config, kind, &data, quiet)?;
    if args.check {
        return Ok(print_steps(evaluations)?);
    }
    let interrupt = Interrupt::install()?;
    if missing.is_some() {
        let there = folders.distill(&config);
        say(quiet, &format!("the search needs a distilled super-net, and {} holds none", there.display()));
    }
    if (args.all || missing.is_some())
        && let Some(code) = run_before(&config, &data, &before, &interrupt)?
    {
        return Ok(code);
    }
    let options = SearchOptions { folders: folders.clone(), mode: args.mode.mode(), kind, device, threads, quiet };
    let folder = folders.search(&config);
    match search(&config, &data, evaluations, &options, &interrupt)? {
        Ended::Found(outcome) => {
            for line in outcome.lines() {
                println!("{line}");
            }
            say(quiet, &format!("the front is in {}", folder.display()));
        }
        Ended::Part(looked, within) => {
            say(quiet, &format!("{looked} configurations looked at, {within} within budget; in {}", folder.display()));
        }
        Ended::Already(channels) => say(quiet, &format!("already searched: {channels}; in {}", folder.display())),
        Ended::Interrupted => {
            let kept = folder.join(EVALUATIONS);
            print_line(&format!(
                "stopped; every evaluation is kept in {}; the same command continues the search",
                kept.display()
            ));
            return Ok(ExitCode::from(130));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn say(quiet: bool, line: &str) {
    if !quiet {
        print_line(line);
    }
}

/// The first stage that the search lacks.
fn missing(config: &Config, options: &TrainOptions) -> Result<Option<Stage>> {
    if begun(&options.folders.distill(config))? {
        return Ok(None);
    }
    let taught = config.teacher.weights.is_some() || begun(&options.folders.teacher(config))?;
    Ok(Some(if taught { Stage::Distill } else { Stage::Teacher }))
}

/// Runs teacher and distillation to their ends; an exit code where one was interrupted. What is there already must be
/// of the row's settings.
fn run_before(
    config: &Checked<Config>,
    data: &Data,
    options: &TrainOptions,
    interrupt: &Interrupt,
) -> Result<Option<ExitCode>> {
    let teach = config.teacher.weights.is_none();
    let stages = [teach.then_some(Stage::Teacher), Some(Stage::Distill)];
    for stage in stages.into_iter().flatten() {
        let folder = options.folders.of(stage, config);
        if folder.join(run_dir::CONFIG).is_file() {
            check_settings(stage, config, data, &folder)?;
        }
    }
    // Its teacher has served.
    if finished(Stage::Distill, &options.folders.distill(config))? {
        check_teacher(config, &options.folders, options.device)?;
        return Ok(None);
    }
    for stage in stages.into_iter().flatten() {
        let folder = options.folders.of(stage, config);
        if finished(stage, &folder)? {
            continue;
        }
        let steps = steps(config, data, stage)?;
        say(options.quiet, &format!("{} first: {steps} steps, in {}", stage.name(), folder.display()));
        let mode = if folder.join(run_dir::CONFIG).is_file() { OpenMode::Resume } else { OpenMode::New };
        let how = train(stage, config, &TrainOptions { mode, ..options.clone() }, interrupt)?;
        let code = ended(how, &folder, options.quiet);
        if how == semrel_train::Ended::Interrupted {
            return Ok(Some(code));
        }
    }
    Ok(None)
}

fn finished(stage: Stage, folder: &Path) -> Result<bool> {
    let again = format!("gancomp-fast {} with the same configuration and --overwrite runs it again", stage.name());
    let summary = summary::read::<Summary<Epochs>>(folder).map_err(|error| match error {
        JsonFileError::Malformed { path, what } => {
            anyhow!("{}: not a summary of a run ({what}); {again}", path.display())
        }
        other => other.into(),
    })?;
    if summary.is_none() {
        return Ok(false);
    }
    ensure!(begun(folder)?, "{}: the run has ended, but its checkpoints are not there; {again}", folder.display());
    Ok(true)
}
