//! From result files to the written table.

use super::calls::{baseline_places, eval_places, summary_file};
use super::entries::{Entry, PAPER, arrange, ceiling_label, measured, of_baseline, of_paper, records};
use super::jobs::Outcome;
use super::plan::{Half, Plan, eval_file};
use super::results::{self, Summary};
use super::rows::Row;
use super::spec::Stage;
use super::table::Table;
use super::{caption, pictures};
use crate::workspace::processor;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Prints and writes the table; tells whether a row failed.
pub fn write(plan: &Plan, outcomes: &[Outcome]) -> Result<bool> {
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
    let json = serde_json::to_string_pretty(&collected.json(plan, &table, &pictures))?;
    for (file, text) in files.iter().zip([table.markdown(&pictures), table.csv(), json + "\n"]) {
        let path = plan.out.join(file);
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    println!("{}", table.text());
    eprintln!("written to {}: {}, pictures", plan.out.display(), files.join(", "));
    let failed = table.halves.iter().flat_map(|half| &half.lines).any(|line| line.cells.is_err());
    if failed {
        eprintln!("some rows failed; their logs are in {}", plan.out.join("logs").display());
    }
    Ok(failed)
}

/// A row with one seed.
pub struct Run {
    pub row: Row,
    pub seed: u64,
    /// What it left, or why there is nothing.
    pub result: Result<Finished, String>,
}

/// What a finished run leaves.
pub struct Finished {
    pub summary: Summary,
    /// The same, as it is in the file.
    pub raw_summary: Value,
    /// By checkpoint.
    pub evals: Vec<Value>,
}

/// All results of a table.
pub struct Collected {
    /// By half in use.
    pub baselines: Vec<(usize, Result<Value, String>)>,
    pub runs: Vec<Run>,
}

impl Collected {
    fn read(plan: &Plan, outcomes: &[Outcome]) -> Self {
        let halves = plan.halves_in_use();
        let (of_halves, of_rows) = outcomes.split_at(halves.len());
        let read_baseline =
            |half| results::read_scores(&plan.baseline_file(half), baseline_places(plan)).map_err(one_line);
        let baselines = halves.into_iter().zip(of_halves);
        let baselines = baselines.map(|(half, outcome)| (half, check(outcome).and_then(|()| read_baseline(half))));
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
        let (mut halves, mut all) = (vec![], vec![]);
        for (half, baseline) in &self.baselines {
            let name = plan.halves[*half].name.clone();
            let entries = self.entries(plan, *half, baseline);
            all.extend(records(&name, program.columns, &entries));
            halves.push(arrange(name, program, entries));
        }
        Table { title: plan.spec.title, halves, records: all, caption: caption::write(plan, self) }
    }

    fn entries(&self, plan: &Plan, half: usize, baseline: &Result<Value, String>) -> Vec<Entry> {
        let program = plan.spec.program;
        let untranslated = baseline.as_ref().map(|b| of_baseline(program.columns, b, |column| column.untranslated));
        let untranslated = untranslated.map_err(Clone::clone);
        let mut entries = vec![Entry { label: "no translation".into(), source: "", cells: untranslated }];
        if let Ok(baseline) = baseline {
            let cells = of_baseline(program.columns, baseline, |column| column.ceiling);
            if cells.iter().any(Option::is_some) {
                entries.push(Entry { label: ceiling_label(program, baseline), source: "", cells: Ok(cells) });
            }
        }
        for &row in plan.rows.iter().filter(|row| row.half == half) {
            let method = plan.method(row);
            entries.extend(self.row_entries(plan, row));
            // The paper's numbers are of its images: they say nothing about the user's own.
            if let Some(numbers) = plan.halves[half].paper.and_then(|paper| method.paper.get(paper)) {
                let cells = Ok(of_paper(program.columns, numbers));
                entries.push(Entry { label: method.title.into(), source: PAPER, cells });
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
            Ok(results) => (plan.spec.program.checkpoints.iter().enumerate())
                .map(|(i, &source)| {
                    let evals: Vec<&Value> = results.iter().map(|run| &run.evals[i]).collect();
                    let cells = Ok(measured(plan.spec.program.columns, &evals));
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
        let halves = self.baselines.iter().map(|(half, baseline)| {
            let baseline = match baseline {
                Ok(scores) => scores.clone(),
                Err(reason) => json!({"failed": reason}),
            };
            let runs = self.runs.iter().filter(|run| run.row.half == *half).map(|run| {
                let dir = plan.run_dir(run.row, run.seed);
                let mut entry = json!({"method": plan.method(run.row).name, "seed": run.seed, "run": dir});
                match &run.result {
                    Ok(finished) => {
                        entry["summary"] = finished.raw_summary.clone();
                        for (checkpoint, eval) in plan.spec.program.checkpoints.iter().zip(&finished.evals) {
                            entry[*checkpoint] = eval.clone();
                        }
                    }
                    Err(reason) => entry["failed"] = json!(reason),
                }
                entry
            });
            let Half { name, paper, .. } = &plan.halves[*half];
            let paper = paper.map(|paper| plan.spec.halves[paper].name);
            json!({"half": name, "paper": paper, "no_translation": baseline, "runs": runs.collect::<Vec<_>>()})
        });
        json!({
            "profile": plan.profile.name(),
            "seeds": plan.seeds,
            "set": plan.sets,
            "device": plan.device,
            "processor": processor(),
            "threads": plan.threads,
            "jobs": plan.parallel,
            "halves": halves.collect::<Vec<_>>(),
            "pictures": pictures.iter().map(|(_, file)| file).collect::<Vec<_>>(),
            "paper": paper_json(plan),
            "caption": table.caption,
        })
    }
}

/// All numbers of the paper's table.
fn paper_json(plan: &Plan) -> Vec<Value> {
    let mut rows = vec![];
    for (i, half) in plan.spec.halves.iter().enumerate() {
        for method in plan.spec.methods {
            let Some(numbers) = method.paper.get(i) else { continue };
            let mut row = json!({"half": half.name, "method": method.name});
            for (column, number) in plan.spec.program.columns.iter().zip(*numbers).filter(|(_, n)| n.is_finite()) {
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

fn read_run(plan: &Plan, row: Row, seed: u64) -> Result<Finished> {
    let dir = plan.run_dir(row, seed);
    let eval = |checkpoint: &str| results::read_scores(&eval_file(&dir, checkpoint), eval_places(plan));
    let evals = plan.spec.program.checkpoints.iter().map(|checkpoint| eval(checkpoint)).collect::<Result<_>>()?;
    let raw_summary = match plan.stages(row) {
        [stage] => results::read(&summary_file(&dir, stage))?,
        stages => of_stages(&dir, stages)?,
    };
    let summary = serde_json::from_value(raw_summary.clone()).with_context(|| dir.display().to_string())?;
    Ok(Finished { summary, raw_summary, evals })
}

/// The summaries of a row's stages as one: seconds of all, machine of the first.
fn of_stages(run: &Path, stages: &[Stage]) -> Result<Value> {
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

fn one_line(error: anyhow::Error) -> String {
    format!("{error:#}").replace('\n', " ")
}
