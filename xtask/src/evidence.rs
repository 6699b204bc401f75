//! `cargo xtask evidence`: the claims of the paper, tested with several seeds.

use crate::data::real;
use crate::tables::{self, Profile};
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use clap::builder::PossibleValuesParser;
use semrel_tables::claims::Claims;
use semrel_tables::claims_report;
use semrel_tables::collected::Collected;
use semrel_tables::cut_single::CutSingle;
use semrel_tables::jobs::Outcome;
use semrel_tables::plan::Plan;
use semrel_tables::request::Request;
use semrel_tables::spec::Program;
use semrel_tables::study;
use semrel_tables::table_single::DATASETS;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

/// The paper's method.
const OURS: &str = "ours";

/// Data sets of the sample world, and those of real pictures.
const DATA: [&str; 5] = ["horse2zebra", "street", "lines2colour", "colour2lines", "satellite2relief"];

/// Scores that claims are about and that evaluations have only when asked.
const FURTHER: &str = "eval.more.scores=[structure, relations]";

/// Test the claims of the paper: does SRC help, do hard negatives, by how much, and how sure is that?
///
/// The claims are hypotheses that were fixed before anything was trained, in one YAML file (configs/evidence.yaml): rows, and for
/// each claim which row should be better than which other in which measure. This trains the rows that claims need with several
/// seeds, evaluates them, and writes OUT/evidence.md and OUT/evidence.json: for each claim whether it holds, does not hold or is
/// undecided, with differences, intervals and p values. What has already been trained is kept.
///
/// With five seeds all claims on two data sets are 150 runs, four to six hours on two cores. `--part 1/3`, `2/3` and `3/3` train thirds of
/// the runs, one after another or on several machines that share a folder; a call without --part trains what is left and tests.
/// Ctrl-C saves checkpoints; the same command goes on. A row whose changes are edited in the file is another run.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
        cargo xtask evidence --claims C2,C3\n  \
        cargo xtask evidence --data lines2colour,satellite2relief --seeds 6\n  \
        cargo xtask evidence --part 2/4")]
pub struct Args {
    /// Extent of networks and training: sample, or small with real pictures (--data lines2colour, ...)
    #[arg(long, value_enum, default_value = "sample")]
    profile: Profile,
    /// Seeds per row (777, 778, ...); with fewer than four nothing can be concluded
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=13))]
    seeds: u64,
    /// Claims to test, by their names in the file, separated by commas [default: all]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    claims: Vec<String>,
    /// Data sets to test them on, separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_values_t = ["horse2zebra".to_owned(), "street".to_owned()],
          value_parser = PossibleValuesParser::new(DATA))]
    data: Vec<String>,
    /// Rows and claims [default: configs/evidence.yaml, in the checkout]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Train only this part of the runs, such as 2/4, and test nothing
    #[arg(long, value_name = "K/N")]
    part: Option<Part>,
    /// Rows trained at a time [default: as many as there are cores; 1 on other devices than the CPU]
    #[arg(long, value_name = "J", value_parser = clap::value_parser!(u64).range(1..=256))]
    jobs: Option<u64>,
    /// Threads per row [default: cores / jobs]
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u64).range(1..=1024))]
    threads: Option<u64>,
    /// Device to train on: cpu, cuda, cuda:1, ...
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Folder of the results [default: results, in the checkout]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Folder of the run folders [default: that of the program in runs, in the checkout]
    #[arg(long, value_name = "DIR")]
    runs: Option<PathBuf>,
}

/// One of several parts, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Which one.
    which: usize,
    /// Of how many.
    of: usize,
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
        match numbers {
            Some((which, of)) if (1..=of).contains(&which) => Ok(Self { which, of }),
            _ => Err("expected K/N with K from 1 to N, such as 2/4".into()),
        }
    }
}

impl Part {
    /// Whether the run of this number, from 0, belongs to it.
    pub fn has(self, number: usize) -> bool {
        number % self.of == self.which - 1
    }

    /// Whether it is the first, which also does what is done once.
    pub fn is_first(self) -> bool {
        self.which == 1
    }
}

pub fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    ensure!(
        args.profile != Profile::Paper,
        "--profile paper: the claims are about rows of the profiles sample and small"
    );
    let file = args.file.clone().unwrap_or_else(|| workspace.root.join("configs/evidence.yaml"));
    let claims = Claims::read(&file, CutSingle.columns())?
        .select(&args.claims)
        .map_err(anyhow::Error::msg)
        .context("--claims")?;
    let variants = claims.variants();
    let own = if variants.iter().any(|variant| variant.name == OURS) {
        OURS
    } else {
        &variants.first().context("no rows")?.name
    };
    let spec = study::spec("evidence", "Evidence", &CutSingle, DATASETS, &variants, own);
    let request = || Request {
        profile: Some(args.profile.into()),
        seeds: args.seeds,
        resume: true,
        jobs: args.jobs,
        threads: args.threads,
        device: args.device.clone(),
        sets: vec![FURTHER.to_owned()],
        out: args.out.clone(),
        runs: args.runs.clone(),
        variants: variants.clone(),
        ..Request::default()
    };
    let mut plans: Vec<Plan> = vec![];
    let data: BTreeSet<String> = args.data.iter().cloned().collect();
    let (world, packages): (Vec<&String>, Vec<&String>) =
        data.iter().partition(|name| !real::names().contains(&name.as_str()));
    if !world.is_empty() {
        ensure!(args.profile == Profile::Sample, "--data {}: the sample world belongs to --profile sample", world[0]);
        let only = world.into_iter().cloned().collect();
        plans.push(Request { only, ..request() }.plan(spec, &workspace.root)?);
    }
    for name in packages {
        let data = workspace.root.join("data");
        let size = if args.profile == Profile::Sample { 64 } else { 128 };
        let folder = real::make(workspace, name, &data, size)?;
        // The value is YAML, which holds JSON's strings whatever is in them.
        let truth = format!("eval.truth={}", json!(folder.join("truthB").to_string_lossy()));
        let sets = vec![FURTHER.to_owned(), truth];
        plans.push(Request { data: Some(folder), sets, ..request() }.plan(spec, &workspace.root)?);
    }
    let (mut collected, mut failed) = (vec![], false);
    for plan in &plans {
        plan.check_run_folders()?;
        let outcomes = tables::train(workspace, plan, args.part)?;
        if outcomes.contains(&Outcome::Interrupted) {
            eprintln!("interrupted; the same command goes on where it stopped");
            return Ok(ExitCode::from(130));
        }
        failed |= outcomes.iter().any(|outcome| matches!(outcome, Outcome::Failed(_)));
        if args.part.is_none() {
            collected.push(Collected::read(plan, &outcomes));
        }
    }
    if let Some(Part { which, of }) = args.part {
        if failed {
            eprintln!("rows of part {which} of {of} failed; their logs are in the folder `logs` of the results");
            return Ok(ExitCode::FAILURE);
        }
        eprintln!("part {which} of {of} is trained; without --part the claims are tested");
        return Ok(ExitCode::SUCCESS);
    }
    let results: Vec<(&Plan, &Collected)> = plans.iter().zip(&collected).collect();
    let judged: Vec<_> = claims.claims.iter().map(|claim| claim.judge(&results)).collect();
    let out = args.out.unwrap_or_else(|| workspace.root.join("results"));
    let missing = claims_report::write(&out, &judged, &results)?;
    Ok(if missing { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_disjoint_and_make_the_whole() {
        let parts = ["1/3", "2/3", "3/3"].map(|text| text.parse::<Part>().unwrap());
        for number in 0..9 {
            assert_eq!(parts.iter().filter(|part| part.has(number)).count(), 1);
        }
        for text in ["0/3", "4/3", "1", "a/b", "1/0"] {
            assert!(text.parse::<Part>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_claims_of_the_file_are_about_its_rows_and_about_scores_that_there_are() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/evidence.yaml");
        let claims = Claims::read(&file, CutSingle.columns()).unwrap();
        assert!(claims.claims.len() >= 8 && claims.rows.iter().any(|row| row.name == OURS));
        let some = claims.select(&["C3".into()]).unwrap();
        assert_eq!(some.rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["infonce", "dce"]);
    }
}
