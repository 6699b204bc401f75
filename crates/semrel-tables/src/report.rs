//! From result files to the written table.

use super::collected::{Collected, Run};
use super::differences::{self, Differences};
use super::entries::{Entry, PAPER, arrange, ceiling, ceiling_label, measured, of_paper, records, untranslated};
use super::error::TableError;
use super::evaluated::{Baselined, Evaluated};
use super::jobs::Outcome;
use super::machine::processor;
use super::plan::{Dataset, Plan};
use super::results::Measured;
use super::rows::Row;
use super::table::Table;
use super::written::{File, FileDataset, FileRun, failed};
use super::{caption, pictures};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;

/// Prints and writes the table; tells whether a row failed.
///
/// # Errors
/// [`TableError::Io`] where the table cannot be written.
pub fn write(plan: &Plan, outcomes: &[Outcome]) -> Result<bool, TableError> {
    let collected = Collected::read(plan, outcomes);
    let differences = collected.differences(plan);
    let table = collected.table(plan, &differences);
    let name = plan.spec.name;
    let files = ["md", "csv", "json"].map(|end| format!("{name}.{end}"));
    if collected.runs.iter().all(|run| run.result.is_err()) && plan.out.join(&files[2]).exists() {
        println!("{}", table.text());
        eprintln!("no row succeeded: the table in {} stays as it is", plan.out.display());
        return Ok(true);
    }
    let pictures = pictures::make(plan, &collected);
    let json = format!("{:#}", json!(collected.file(plan, &table, &pictures, differences)));
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

impl Collected {
    fn table(&self, plan: &Plan, differences: &[Differences]) -> Table {
        let program = plan.spec.program;
        let (mut datasets, mut all) = (vec![], vec![]);
        for (dataset, baseline) in &self.baselines {
            let name = plan.datasets[*dataset].name.clone();
            let entries = self.entries(plan, *dataset, baseline);
            all.extend(records(&name, program.columns(), &entries));
            datasets.push(arrange(name, program, &self.terms(*dataset), entries));
        }
        let mut caption = caption::write(plan, self);
        caption.extend(differences::caption(plan.seeds.len(), differences));
        let differences = differences.iter().map(Differences::lines).collect();
        Table { title: plan.spec.title, datasets, differences, records: all, caption }
    }

    fn differences(&self, plan: &Plan) -> Vec<Differences> {
        plan.datasets_in_use().into_iter().filter_map(|dataset| differences::of_dataset(plan, self, dataset)).collect()
    }

    fn entries(&self, plan: &Plan, dataset: usize, baseline: &Result<Baselined, String>) -> Vec<Entry> {
        let program = plan.spec.program;
        let cells = baseline.as_ref().map(|b| untranslated(program.columns(), b)).map_err(Clone::clone);
        let mut entries = vec![Entry { label: "no translation".into(), source: "", cells }];
        if let Ok(baseline) = baseline {
            let cells = ceiling(program.columns(), baseline);
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

    /// One per checkpoint, or one that says why there are none.
    fn row_entries(&self, plan: &Plan, row: Row) -> Vec<Entry> {
        let label = plan.method(row).title.to_owned();
        let runs: Vec<&Run> = self.runs.iter().filter(|run| run.row == row).collect();
        let results = runs.iter().map(|run| run.result.as_ref().map_err(|reason| (run.seed, reason)));
        match results.collect::<Result<Vec<_>, _>>() {
            Ok(results) => (plan.checkpoints().into_iter().enumerate())
                .map(|(i, source)| {
                    let evals: Vec<&Evaluated> = results.iter().map(|run| &run.evals[i]).collect();
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

    fn file(&self, plan: &Plan, table: &Table, pictures: &[(String, String)], differences: Vec<Differences>) -> File {
        let datasets = self.baselines.iter().map(|(dataset, baseline)| {
            let Dataset { name, paper, .. } = &plan.datasets[*dataset];
            FileDataset {
                dataset: name.clone(),
                paper: paper.map(|paper| plan.spec.datasets[paper].name.to_owned()),
                no_translation: baseline.as_ref().map_or_else(|reason| failed(reason), |scores| json!(scores)),
                runs: self.runs.iter().filter(|run| run.row.dataset == *dataset).map(|run| run.file(plan)).collect(),
            }
        });
        File {
            profile: plan.profile.name().into(),
            seeds: plan.seeds.clone(),
            set: plan.sets.clone(),
            device: plan.device.clone(),
            processor: processor(),
            threads: plan.threads,
            jobs: plan.parallel,
            datasets: datasets.collect(),
            differences,
            pictures: pictures.iter().map(|(_, file)| file.clone()).collect(),
            paper: paper_json(plan),
            caption: table.caption.clone(),
        }
    }
}

impl Run {
    fn file(&self, plan: &Plan) -> FileRun {
        let several = plan.stages(self.row).len() > 1;
        let mut file = FileRun {
            method: plan.method(self.row).name.to_owned(),
            seed: self.seed,
            run: plan.run_dir(self.row, self.seed),
            failed: self.result.as_ref().err().cloned(),
            summary: None,
            evals: BTreeMap::new(),
        };
        if let Ok(finished) = &self.result {
            file.summary = Some(finished.summary.json(several));
            let evals = plan.checkpoints().into_iter().zip(&finished.evals);
            file.evals = evals.map(|(checkpoint, eval)| (checkpoint.to_owned(), json!(eval))).collect();
        }
        file
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
