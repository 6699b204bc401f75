//! What the runs of a table have left.

use super::calls::{baseline_places, eval_places};
use super::error::TableError;
use super::jobs::Outcome;
use super::names::{eval_file, summary_file};
use super::plan::Plan;
use super::results::{self, Summary};
use super::rows::Row;
use super::spec::Stage;
use serde_json::{Value, json};
use std::path::Path;

/// A row with one seed.
pub struct Run {
    /// The row.
    pub row: Row,
    /// Its seed.
    pub seed: u64,
    /// What it left, or why there is nothing.
    pub result: Result<Finished, String>,
}

/// What a finished run leaves.
pub struct Finished {
    /// What the run tells of itself.
    pub summary: Summary,
    /// The same, as it is in the file.
    pub raw_summary: Value,
    /// By checkpoint.
    pub evals: Vec<Value>,
}

/// All results of a table.
pub struct Collected {
    /// By data set in use.
    pub baselines: Vec<(usize, Result<Value, String>)>,
    /// By row and seed.
    pub runs: Vec<Run>,
}

impl Collected {
    pub fn read(plan: &Plan, outcomes: &[Outcome]) -> Self {
        let datasets = plan.datasets_in_use();
        let (of_datasets, of_rows) = outcomes.split_at(datasets.len());
        let read_baseline =
            |dataset| results::read_scores(&plan.baseline_file(dataset), baseline_places(plan)).map_err(one_line);
        let baselines = datasets.into_iter().zip(of_datasets);
        let baselines =
            baselines.map(|(dataset, outcome)| (dataset, check(outcome).and_then(|()| read_baseline(dataset))));
        let runs = plan.trainings().into_iter().zip(of_rows).map(|((row, seed), outcome)| {
            let result = check(outcome).and_then(|()| read_run(plan, row, seed).map_err(one_line));
            Run { row, seed, result }
        });
        Self { baselines: baselines.collect(), runs: runs.collect() }
    }

    /// Whether a row has results with the first seed, the run of which is drawn.
    pub fn drawn(&self, row: Row) -> bool {
        self.runs.iter().find(|run| run.row == row).is_some_and(|run| run.result.is_ok())
    }

    /// Whether a row has results with every seed.
    pub fn finished(&self, row: Row) -> bool {
        self.runs.iter().filter(|run| run.row == row).all(|run| run.result.is_ok())
    }
}

fn read_run(plan: &Plan, row: Row, seed: u64) -> Result<Finished, TableError> {
    let dir = plan.run_dir(row, seed);
    let eval = |checkpoint: &str| results::read_scores(&eval_file(&dir, checkpoint), eval_places(plan));
    let evals =
        plan.spec.program.checkpoints().iter().map(|checkpoint| eval(checkpoint)).collect::<Result<_, TableError>>()?;
    let raw_summary = match plan.stages(row) {
        [stage] => results::read(&summary_file(&dir, stage))?,
        stages => of_stages(&dir, stages)?,
    };
    let summary =
        serde_json::from_value(raw_summary.clone()).map_err(|source| TableError::Json { path: dir, source })?;
    Ok(Finished { summary, raw_summary, evals })
}

/// The summaries of a row's stages as one: seconds of all, machine of the first.
fn of_stages(run: &Path, stages: &[Stage]) -> Result<Value, TableError> {
    let (mut all, mut seconds, mut each) = (json!({}), 0.0, serde_json::Map::new());
    // A row may go without a stage.
    for stage in stages.iter().filter(|stage| run.join(stage.folder).exists()) {
        let summary: Value = results::read(&summary_file(run, stage))?;
        seconds += summary["seconds"].as_f64().unwrap_or(0.0);
        for key in ["threads", "device"] {
            if all.get(key).is_none_or(Value::is_null) {
                all[key] = summary[key].clone();
            }
        }
        each.insert(stage.action.to_owned(), summary);
    }
    all["seconds"] = json!(seconds);
    all["stages"] = Value::Object(each);
    Ok(all)
}

fn check(outcome: &Outcome) -> Result<(), String> {
    match outcome {
        Outcome::Done => Ok(()),
        Outcome::Failed(reason) => Err(reason.clone()),
        Outcome::Interrupted => Err("interrupted".into()),
    }
}

fn one_line(error: TableError) -> String {
    error.in_a_line()
}
