//! From result files to the written table.

use super::calls::{baseline_places, eval_places};
use super::entries::{Entry, PAPER, arrange, ceiling_label, measured, of_baseline, of_paper, records};
use super::error::TableError;
use super::jobs::Outcome;
use super::machine::processor;
use super::names::{eval_file, summary_file};
use super::plan::{Dataset, Plan};
use super::results::{self, Measured, Summary};
use super::rows::Row;
use super::spec::Stage;
use super::table::Table;
use super::{caption, pictures};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Prints and writes the table; tells whether a row failed.
///
/// # Errors
/// [`TableError::Io`] where the table cannot be written.
pub fn write(plan: &Plan, outcomes: &[Outcome]) -> Result<bool, TableError> {
    let collected = Collected::read(plan, outcomes);
    let table = collected.table(plan);
    let name = plan.spec.name;
    let files = ["md", "csv", "json"].map(|end| format!("{name}.{end}"));
    if collected.runs.iter().all(|run| run.result.is_err()) && plan.out.join(&files[2]).exists() {
        println!("{}", table.text());
        eprintln!("no row succeeded: the table in {} stays as it is", plan.out.display());
        return Ok(true);
    }
    let pictures = pictures::make(plan, &collected);
    let json = format!("{:#}", collected.json(plan, &table, &pictures));
    for (file, text) in files.iter().zip([table.markdown(&pictures), table.csv(), json + "\n"]) {
        let path = plan.out.join(file);
        fs::write(&path, text).map_err(TableError::io(&path))?;
    }
    println!("{}", table.text());
    eprintln!("written to {}: {}, pictures", plan.out.display(), files.join(", "));
    let failed = table.datasets.iter().flat_map(|dataset| &dataset.lines).any(|line| line.cells.is_err());
    if failed {
        eprintln!("some rows failed; their logs are in {}", plan.out.join("logs").display());
    }
    Ok(failed)
}

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
    fn read(plan: &Plan, outcomes: &[Outcome]) -> Self {
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

    fn table(&self, plan: &Plan) -> Table {
        let program = plan.spec.program;
        let (mut datasets, mut all) = (vec![], vec![]);
        for (dataset, baseline) in &self.baselines {
            let name = plan.datasets[*dataset].name.clone();
            let entries = self.entries(plan, *dataset, baseline);
            all.extend(records(&name, program.columns(), &entries));
            datasets.push(arrange(name, program, entries));
        }
        Table { title: plan.spec.title, datasets, records: all, caption: caption::write(plan, self) }
    }

    fn entries(&self, plan: &Plan, dataset: usize, baseline: &Result<Value, String>) -> Vec<Entry> {
        let program = plan.spec.program;
        let untranslated = baseline.as_ref().map(|b| of_baseline(program.columns(), b, |column| column.untranslated));
        let untranslated = untranslated.map_err(Clone::clone);
        let mut entries = vec![Entry { label: "no translation".into(), source: "", cells: untranslated }];
        if let Ok(baseline) = baseline {
            let cells = of_baseline(program.columns(), baseline, |column| column.ceiling);
            if cells.iter().any(Option::is_some) {
                entries.push(Entry { label: ceiling_label(program, baseline), source: "", cells: Ok(cells) });
            }
        }
        for &row in plan.rows.iter().filter(|row| row.dataset == dataset) {
            let method = plan.method(row);
            entries.extend(self.row_entries(plan, row));
            // The paper's numbers are of its images: they say nothing about the user's own.
            let numbers = |paper: usize| of_paper(program.columns(), method, plan.spec.datasets[paper].name);
            if let Some(cells) = plan.datasets[dataset].paper.and_then(numbers) {
                entries.push(Entry { label: method.title.into(), source: PAPER, cells: Ok(cells) });
            }
        }
        entries
    }

    /// One a checkpoint, or one that says why there are none.
    fn row_entries(&self, plan: &Plan, row: Row) -> Vec<Entry> {
        let label = plan.method(row).title.to_owned();
        let runs: Vec<&Run> = self.runs.iter().filter(|run| run.row == row).collect();
        let results = runs.iter().map(|run| run.result.as_ref().map_err(|reason| (run.seed, reason)));
        match results.collect::<Result<Vec<_>, _>>() {
            Ok(results) => (plan.spec.program.checkpoints().iter().enumerate())
                .map(|(i, &source)| {
                    let evals: Vec<&Value> = results.iter().map(|run| &run.evals[i]).collect();
                    let cells = Ok(measured(plan.spec.program.columns(), &evals));
                    Entry { label: label.clone(), source, cells }
                })
                .collect(),
            Err((seed, reason)) => {
                let reason = if runs.len() > 1 { format!("seed {seed}: {reason}") } else { reason.clone() };
                vec![Entry { label, source: "", cells: Err(reason) }]
            }
        }
    }

    fn json(&self, plan: &Plan, table: &Table, pictures: &[(String, String)]) -> Value {
        let datasets = self.baselines.iter().map(|(dataset, baseline)| {
            let baseline = match baseline {
                Ok(scores) => scores.clone(),
                Err(reason) => json!({"failed": reason}),
            };
            let runs = self.runs.iter().filter(|run| run.row.dataset == *dataset).map(|run| {
                let dir = plan.run_dir(run.row, run.seed);
                let mut entry = json!({"method": plan.method(run.row).name, "seed": run.seed, "run": dir});
                match &run.result {
                    Ok(finished) => {
                        entry["summary"] = finished.raw_summary.clone();
                        for (checkpoint, eval) in plan.spec.program.checkpoints().iter().zip(&finished.evals) {
                            entry[*checkpoint] = eval.clone();
                        }
                    }
                    Err(reason) => entry["failed"] = json!(reason),
                }
                entry
            });
            let Dataset { name, paper, .. } = &plan.datasets[*dataset];
            let paper = paper.map(|paper| plan.spec.datasets[paper].name);
            json!({"dataset": name, "paper": paper, "no_translation": baseline, "runs": runs.collect::<Vec<_>>()})
        });
        json!({
            "profile": plan.profile.name(),
            "seeds": plan.seeds,
            "set": plan.sets,
            "device": plan.device,
            "processor": processor(),
            "threads": plan.threads,
            "jobs": plan.parallel,
            "datasets": datasets.collect::<Vec<_>>(),
            "pictures": pictures.iter().map(|(_, file)| file).collect::<Vec<_>>(),
            "paper": paper_json(plan),
            "caption": table.caption,
        })
    }
}

/// All numbers of the paper's table.
fn paper_json(plan: &Plan) -> Vec<Value> {
    let mut rows = vec![];
    for dataset in plan.spec.datasets {
        for method in plan.spec.methods {
            let columns = plan.spec.program.columns();
            let Some(numbers) = of_paper(columns, method, dataset.name) else { continue };
            let mut row = json!({"dataset": dataset.name, "method": method.name});
            for (column, number) in columns.iter().zip(numbers) {
                let Some(Measured { mean: number, .. }) = number else { continue };
                match column.mode {
                    "" => row[column.paper] = json!(number),
                    mode => row[mode][column.paper] = json!(number),
                }
            }
            rows.push(row);
        }
    }
    rows
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
