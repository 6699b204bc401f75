//! `cargo xtask evidence`: the claims of the paper, tested with several seeds.

use crate::data::real;
use crate::tables::{self, Folders, Machine, Profile};
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use clap::builder::PossibleValuesParser;
use semrel_tables::claims::{Claims, Study};
use semrel_tables::claims_report;
use semrel_tables::collected::Collected;
use semrel_tables::cut_single::CutSingle;
use semrel_tables::jobs::Outcome;
use semrel_tables::plan::Plan;
use semrel_tables::request::Request;
use semrel_tables::spec::Program;
use semrel_tables::study;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

/// The paper's method.
const OURS: &str = "ours";

/// Data sets of the sample world, and those of real pictures.
const DATA: [&str; 9] = [
    "horse2zebra",
    "street",
    "seasons",
    "weather",
    "maps",
    "lines2colour",
    "colour2lines",
    "satellite2relief",
    "fluent",
];

/// Scores that claims are about and that evaluations of `cut-single` have only when asked.
const FURTHER: &str = "eval.more.scores=[structure, relations, coupling]";

/// Test the claims of the paper: does SRC help, do hard negatives, by how much, and how sure is that?
///
/// The claims are hypotheses that were fixed before anything was trained, in one YAML file (configs/evidence.yaml): rows, and for
/// each claim which row should be better than which other in which measure. This trains the rows that claims need with several
/// seeds, evaluates them, and writes OUT/evidence.md and OUT/evidence.json: for each claim whether it holds, does not hold or is
/// undecided, with differences, intervals and p values. What has already been trained is kept.
///
/// With five seeds all claims on all data sets of the sample world are 225 runs, six to thirteen hours on two cores. `--part 1/3`, `2/3` and `3/3` train thirds of
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
    /// Data sets to test them on, separated by commas [default: all of the sample world]
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = PossibleValuesParser::new(DATA))]
    data: Vec<String>,
    /// Rows and claims [default: configs/evidence.yaml, in the checkout]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Train only this part of the runs, such as 2/4, and test nothing
    #[arg(long, value_name = "K/N")]
    part: Option<Part>,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    folders: Folders,
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
    fn has(self, number: usize) -> bool {
        number % self.of == self.which - 1
    }

    /// Which jobs belong to it: of a plan whose first `baselines` jobs measure data sets, and whose others follow the job that each
    /// comes after. Parts may run at the same time: what belongs to all is done by the first, and a row belongs to the part of the
    /// row that it needs.
    pub fn jobs(self, baselines: usize, after: &[Option<usize>]) -> Vec<bool> {
        let first: Vec<usize> = (baselines..after.len()).filter(|job| after[*job].is_none()).collect();
        let belongs = |job: usize| match job < baselines {
            true => self.which == 1,
            false => first.iter().position(|first| *first == after[job].unwrap_or(job)).is_some_and(|n| self.has(n)),
        };
        (0..after.len()).map(belongs).collect()
    }
}

pub fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    ensure!(
        args.profile != Profile::Paper,
        "--profile paper: the claims are about rows of the profiles sample and small"
    );
    let file = args.file.clone().unwrap_or_else(|| workspace.root.join("configs/evidence.yaml"));
    let claims = Claims::read(&file)?.select(&args.claims).map_err(anyhow::Error::msg).context("--claims")?;
    // All that is wrong with the call is told before packages are fetched for some of it.
    let (asked, others): (Vec<&Study>, Vec<&Study>) = claims
        .studies
        .iter()
        .partition(|study| args.data.is_empty() || args.data.iter().any(|data| belongs(data, study)));
    for study in others {
        let known: Vec<&str> = DATA.into_iter().filter(|name| belongs(name, study)).collect();
        let (name, known) = (&study.claims[0].name, known.join(", "));
        ensure!(
            args.claims.is_empty(),
            "--data: claim {name} is about {}, whose data sets are {known}; name one of them, or leave the claim out",
            study.program
        );
        eprintln!("not tested: claims about {}, whose data sets are {known}", study.program);
    }
    let mut studied = vec![];
    for study in asked {
        studied.push((study, plans(workspace, &args, study)?));
    }
    ensure!(!studied.is_empty(), "--data: there is no claim about these data sets");
    for plan in studied.iter().flat_map(|(_, plans)| plans) {
        plan.check_run_folders()?;
    }
    let (mut collected, mut failed) = (vec![], false);
    for (_, plans) in &studied {
        let mut of_study = vec![];
        for plan in plans {
            let outcomes = tables::train(workspace, plan, args.part)?;
            if outcomes.contains(&Outcome::Interrupted) {
                eprintln!("interrupted; the same command goes on where it stopped");
                return Ok(ExitCode::from(130));
            }
            failed |= outcomes.iter().any(|outcome| matches!(outcome, Outcome::Failed(_)));
            if args.part.is_none() {
                of_study.push(Collected::read(plan, &outcomes));
            }
        }
        collected.push(of_study);
    }
    if let Some(Part { which, of }) = args.part {
        if failed {
            eprintln!("rows of part {which} of {of} failed; their logs are in the folder `logs` of the results");
            return Ok(ExitCode::FAILURE);
        }
        eprintln!("part {which} of {of} is trained; without --part the claims are tested");
        return Ok(ExitCode::SUCCESS);
    }
    let (mut judged, mut all) = (vec![], vec![]);
    for ((study, plans), collected) in studied.iter().zip(&collected) {
        let results: Vec<(&Plan, &Collected)> = plans.iter().zip(collected).collect();
        judged.extend(study.claims.iter().map(|claim| claim.judge(&results)));
        all.extend(results);
    }
    let out = workspace.place(args.folders.out.as_deref(), "results")?;
    let missing = claims_report::write(&out, judged, &all)?;
    Ok(if missing { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Whether a data set is one of those on which the rows of a study can be trained.
fn belongs(data: &str, study: &Study) -> bool {
    let of_world = study.table().is_ok_and(|table| table.datasets.iter().any(|dataset| dataset.sample.name() == data));
    of_world || real::program_of(data) == Some(&study.program)
}

/// The plans of a study: one for its data sets of the sample world, one for each of real pictures.
fn plans(workspace: &Workspace, args: &Args, study: &Study) -> Result<Vec<Plan>> {
    let table = study.table().map_err(anyhow::Error::msg)?;
    let variants = study.variants();
    let own = if variants.iter().any(|variant| variant.name == OURS) {
        OURS
    } else {
        &variants.first().with_context(|| format!("{}: no rows", study.program))?.name
    };
    let name = format!("evidence-{}", table.name);
    let spec = study::spec(&name, "Evidence", table.program, table.datasets, &variants, own);
    let asked: BTreeSet<&String> = args.data.iter().filter(|data| belongs(data, study)).collect();
    let (packages, world): (Vec<&String>, Vec<&String>) =
        asked.into_iter().partition(|data| real::program_of(data).is_some());
    let sets = if study.program == CutSingle.name() { vec![FURTHER.to_owned()] } else { vec![] };
    let request = || Request {
        profile: Some(args.profile.into()),
        seeds: args.seeds,
        resume: true,
        jobs: args.machine.jobs,
        threads: args.machine.threads,
        device: args.machine.device.clone(),
        out: args.folders.out.clone(),
        runs: args.folders.runs.clone(),
        variants: variants.clone(),
        ..Request::default()
    };
    let mut plans = vec![];
    if args.data.is_empty() || !world.is_empty() {
        let named = world.first().map_or(String::new(), |name| format!("--data {name}: "));
        ensure!(
            args.profile == Profile::Sample,
            "{named}the sample world belongs to --profile sample; with another profile name data sets of real pictures, such as \
             --data lines2colour"
        );
        let only = world.into_iter().cloned().collect();
        plans.push(Request { only, sets: sets.clone(), ..request() }.plan(spec, &workspace.root)?);
    }
    for name in packages {
        let data = workspace.root.join("data");
        let size = if args.profile == Profile::Sample { 64 } else { 128 };
        let folder = real::make(workspace, name, &data, size)?;
        let truth = folder.join(real::truth_of(name));
        // The value is YAML, which holds JSON's strings whatever is in them.
        let truth = format!("eval.truth={}", json!(truth.to_string_lossy()));
        let sets = sets.iter().cloned().chain([truth]).collect();
        plans.push(Request { data: Some(folder), sets, ..request() }.plan(spec, &workspace.root)?);
    }
    Ok(plans)
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
    fn students_are_trained_with_their_teacher() {
        // Two data sets; two families of a teacher and two students, and a row that needs none.
        let after = [None, None, None, Some(2), Some(2), None, Some(5), Some(5), None];
        let of = |text: &str| text.parse::<Part>().unwrap().jobs(2, &after);
        assert_eq!(of("1/2"), [true, true, true, true, true, false, false, false, true]);
        assert_eq!(of("2/2"), [false, false, false, false, false, true, true, true, false]);
        assert_eq!(of("1/1"), [true; 9]);
    }

    #[test]
    fn the_claims_of_the_file_are_about_its_rows_and_about_scores_that_there_are() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/evidence.yaml");
        let claims = Claims::read(&file).unwrap();
        assert_eq!(claims.studies.iter().map(|study| study.claims.len()).collect::<Vec<_>>(), [10, 1, 1]);
        assert!(claims.studies.iter().all(|study| study.rows.iter().any(|row| row.name == OURS)));
        let some = claims.select(&["C3".into()]).unwrap();
        assert_eq!(some.studies[0].rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["infonce", "dce"]);
    }

    #[test]
    fn every_data_set_belongs_to_a_study() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/evidence.yaml");
        let studies = Claims::read(&file).unwrap().studies;
        for data in DATA {
            assert!(studies.iter().any(|study| belongs(data, study)), "{data}");
        }
        let of = |data: &str| studies.iter().filter(|study| belongs(data, study)).count();
        assert_eq!(["horse2zebra", "maps", "fluent", "lines2colour"].map(of), [2, 1, 1, 1]);
    }
}
