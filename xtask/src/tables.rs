//! Tables of the paper, trained and measured here: one file a table, one a program, and what they share.

mod calls;
mod caption;
mod cut_single;
mod display;
pub mod entries;
pub mod finished;
mod gancomp_fast;
pub mod jobs;
mod pictures;
mod plan;
mod report;
pub mod results;
pub mod rows;
pub mod spec;
mod stargan2_multi;
pub mod table;
pub mod table1;
pub mod table2;
pub mod table3;
pub mod table_single;

use crate::data::World;
use crate::setup;
use crate::workspace::{Workspace, cores};
use anyhow::{Context, Result, ensure};
use calls::Calls;
use display::Display;
use jobs::Outcome;
use plan::{Half, Plan};
use rows::Profile;
use semrel_data::Direction;
use spec::{SampleWorld, Spec};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Every table, in the order of the paper.
pub const ALL: [&Spec; 4] = [&table1::TABLE_1, &table_single::TABLE_SINGLE, &table2::TABLE_2, &table3::TABLE_3];

/// Options of every table.
#[derive(clap::Args)]
struct Options {
    /// Extent of data, networks and training [default: sample, or small with --data]
    #[arg(long, value_enum)]
    profile: Option<Profile>,
    /// Your images, in the layout told above
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
    /// Change a key of every row's configuration, as in --set train.batch_size=2
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Folder of the results [default: results, in the checkout]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Folder of the run folders [default: that of the program in runs, in the checkout]
    #[arg(long, value_name = "DIR")]
    runs: Option<PathBuf>,
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

fn run(workspace: &Workspace, spec: &'static Spec, options: Options, direction: Option<Direction>) -> Result<ExitCode> {
    // Whatever is wrong with the call is told before anything is fetched, built or trained.
    let plan = plan(workspace, spec, &options, direction)?;
    plan.check_run_folders()?;
    let program = match setup::stand_in(spec.program.name) {
        Some(program) => program,
        None => {
            setup::ensure(workspace)?;
            eprintln!("building {}", spec.program.name);
            workspace.build(spec.program.name)?
        }
    };
    if plan.profile == Profile::Sample {
        write_sample_world(&plan, &workspace.root.join("data"))?;
    }
    fs::create_dir_all(plan.out.join("logs")).with_context(|| plan.out.display().to_string())?;
    fs::create_dir_all(&plan.runs).with_context(|| plan.runs.display().to_string())?;

    let jobs = Calls { plan: &plan, workspace, program: &program }.jobs()?;
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

fn write_sample_world(plan: &Plan, data: &Path) -> Result<()> {
    for half in plan.halves_in_use() {
        if let Half { own: None, paper: Some(paper), .. } = plan.halves[half] {
            match plan.spec.halves[paper].sample {
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

fn plan(workspace: &Workspace, spec: &'static Spec, options: &Options, direction: Option<Direction>) -> Result<Plan> {
    let (root, program) = (&workspace.root, spec.program);
    let profile = options.profile.unwrap_or(if options.data.is_some() { Profile::Small } else { Profile::Sample });
    for set in &options.set {
        ensure!(set.contains('='), "--set {set}: expected KEY=VALUE, as in --set train.batch_size=2");
        ensure!(!set.starts_with("seed="), "--set {set}: seeds are 777, 778, ...; --seeds N says how many");
        ensure!(!set.starts_with("data.root="), "--set {set}: --data DIR names the images");
    }
    let halves = match &options.data {
        Some(dir) => {
            (program.check_data)(dir)?;
            vec![own_half(dir, (program.own_stem)(dir), (program.own_settings)(dir, direction))?]
        }
        None => (0..spec.halves.len()).map(|index| paper_half(spec, profile, index)).collect(),
    };
    let names: Vec<String> = halves.iter().map(|half| half.name.clone()).collect();
    let rows = rows::select(&names, spec.methods, program.needs, &options.only)?;
    if options.data.is_none() && profile != Profile::Sample {
        for half in rows.iter().map(|row| &halves[row.half].name) {
            (program.check_data)(&root.join("data").join(half)).with_context(|| {
                format!("profile {} needs images in data/{half}, or yours with --data DIR", profile.name())
            })?;
        }
    }
    let absolute = |path: &Option<PathBuf>, default: &str| -> Result<PathBuf> {
        path.as_ref().map_or_else(|| Ok(root.join(default)), |p| Ok(std::path::absolute(p)?))
    };
    let side_by_side = profile != Profile::Paper && options.device == "cpu";
    let parallel = options.jobs.map_or(if side_by_side { cores() } else { 1 }, |j| j as usize);
    let plan = Plan {
        spec,
        profile,
        halves,
        rows,
        seeds: (777..777 + options.seeds).collect(),
        resume: options.resume,
        overwrite: options.overwrite,
        parallel,
        threads: options.threads.map_or((cores() / parallel).max(1), |t| t as usize),
        device: options.device.clone(),
        sets: options.set.clone(),
        configs: absolute(&options.configs, &format!("configs/{}/{}", program.name, profile.name()))?,
        runs: absolute(&options.runs, &format!("runs/{}", program.name))?,
        out: absolute(&options.out, "results")?,
    };
    plan.check_configs()?;
    Ok(plan)
}

/// A data set of the paper, or what stands in for it.
fn paper_half(spec: &Spec, profile: Profile, index: usize) -> Half {
    let half = &spec.halves[index];
    let name = if profile == Profile::Sample { half.sample.name() } else { half.name };
    Half { name: name.into(), paper: Some(index), own: None, stem: name.into(), settings: vec![] }
}

/// The half of the user's own images, named after the folder.
fn own_half(dir: &Path, stem: &str, settings: Vec<String>) -> Result<Half> {
    let dir = fs::canonicalize(dir)?;
    let name = dir.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    let name = if name.is_empty() { "data".into() } else { name };
    Ok(Half { name, paper: None, own: Some(dir), stem: stem.into(), settings })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_row_has_a_configuration_and_a_place_in_the_paper() {
        let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs");
        for spec in [&table1::TABLE_1, &table2::TABLE_2, &table_single::TABLE_SINGLE, &table3::TABLE_3] {
            for profile in [Profile::Sample, Profile::Small, Profile::Paper] {
                let mut halves: Vec<String> =
                    (0..spec.halves.len()).map(|index| paper_half(spec, profile, index).name).collect();
                halves.push("data".into());
                if spec.name == table2::TABLE_2.name {
                    halves.push("pairs".into());
                }
                for (half, method) in halves.iter().flat_map(|half| spec.methods.iter().map(move |m| (half, m))) {
                    let method = (spec.program.configuration)(method.name);
                    let file = format!("{}/{}/{half}-{method}.yaml", spec.program.name, profile.name());
                    assert!(configs.join(&file).is_file(), "{file}");
                }
            }
            for method in spec.methods.iter().filter(|m| m.name != "fastcut") {
                assert_eq!(method.paper.len(), spec.halves.len(), "{}/{}", spec.name, method.name);
            }
        }
    }
}
