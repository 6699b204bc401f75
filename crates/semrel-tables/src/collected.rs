//! What the runs of a table have left.

use super::chosen::BEST;
use super::error::TableError;
use super::evaluated::{Baselined, Evaluated, Terms};
use super::jobs::Outcome;
use super::names::{eval_file, summary_file};
use super::plan::Plan;
use super::results;
use super::rows::Row;
use super::spec::Stage;
use super::summaries::{RowSummary, StageSummary};
use semrel_run::in_a_line;
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
    pub summary: RowSummary,
    /// By checkpoint.
    pub evals: Vec<Evaluated>,
}

/// All results of a table.
pub struct Collected {
    /// By data set in use.
    pub baselines: Vec<(usize, Result<Baselined, String>)>,
    /// By row and seed.
    pub runs: Vec<Run>,
}

impl Collected {
    /// Reads what jobs have left, which ended like this.
    pub fn read(plan: &Plan, outcomes: &[Outcome]) -> Self {
        let datasets = plan.datasets_in_use();
        let (of_datasets, of_rows) = outcomes.split_at(datasets.len());
        let baselined = |value: &_| plan.spec.program.baselined(value);
        let read_baseline = |dataset| results::read(&plan.baseline_file(dataset), baselined).map_err(one_line);
        let baselines = datasets.into_iter().zip(of_datasets);
        let baselines =
            baselines.map(|(dataset, outcome)| (dataset, check(outcome).and_then(|()| read_baseline(dataset))));
        let runs = plan.trainings().into_iter().zip(of_rows).map(|((row, seed), outcome)| {
            let result = check(outcome).and_then(|()| read_run(plan, row, seed).map_err(one_line));
            Run { row, seed, result }
        });
        Self { baselines: baselines.collect(), runs: runs.collect() }
    }

    /// Results of a row by its method's name, one per seed: of the checkpoint that was chosen without the test images, where there are
    /// several.
    ///
    /// # Errors
    /// Why there are none.
    pub fn chosen(&self, plan: &Plan, dataset: usize, method: &str) -> Result<Vec<&Evaluated>, String> {
        let checkpoint = plan.checkpoints().iter().position(|c| *c == BEST).unwrap_or(0);
        let of_row = |run: &&Run| run.row.dataset == dataset && plan.method(run.row).name == method;
        let runs: Vec<&Run> = self.runs.iter().filter(of_row).collect();
        if runs.is_empty() {
            return Err(format!("no row {method}"));
        }
        let mut evals = vec![];
        for run in runs {
            let finished = run.result.as_ref().map_err(|reason| format!("{method}, seed {}: {reason}", run.seed))?;
            evals.push(finished.evals.get(checkpoint).ok_or_else(|| format!("{method}: not evaluated"))?);
        }
        Ok(evals)
    }

    /// What was measured on a data set: of all rows, seeds and checkpoints, and of its baseline.
    pub fn terms(&self, dataset: usize) -> Vec<Terms> {
        let baselines = self.baselines.iter().filter(|(of, _)| *of == dataset);
        let baselines = baselines.filter_map(|(_, baseline)| Some(baseline.as_ref().ok()?.terms()));
        let runs = self.runs.iter().filter(|run| run.row.dataset == dataset).filter_map(|run| run.result.as_ref().ok());
        let mut terms: Vec<Terms> = baselines.collect();
        terms.extend(runs.flat_map(|finished| &finished.evals).map(Evaluated::terms));
        terms
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
    let (dir, program) = (plan.run_dir(row, seed), plan.spec.program);
    let eval = |checkpoint: &&str| results::read(&eval_file(&dir, checkpoint), |value| program.evaluated(value));
    let evals = plan.checkpoints().iter().map(eval).collect::<Result<_, TableError>>()?;
    // A row may go without a stage.
    let stages = plan.stages(row).iter().filter(|stage| dir.join(stage.folder).exists());
    let stages = stages.map(|stage| read_summary(&dir, stage)).collect::<Result<_, TableError>>()?;
    Ok(Finished { summary: RowSummary(stages), evals })
}

/// Reads what a stage of a row tells of itself.
pub fn read_summary(run: &Path, stage: &Stage) -> Result<StageSummary, TableError> {
    results::read(&summary_file(run, stage), |value| StageSummary::new(stage, value.clone()))
}

fn check(outcome: &Outcome) -> Result<(), String> {
    match outcome {
        Outcome::Done => Ok(()),
        Outcome::Failed(reason) => Err(reason.clone()),
        Outcome::Interrupted => Err("interrupted".into()),
    }
}

fn one_line(error: TableError) -> String {
    in_a_line(&error)
}
