//! A table as the page shows it.

use super::bars::{self, Chart};
use super::diff::{Difference, difference, more_is_better};
use super::members::title_of;
use super::numbers::{MethodNumbers, number};
use super::sources::TableFile;
use semrel_tables::entries::{ceiling_label, measured, of_baseline, of_paper};
use semrel_tables::results::Measured;
use semrel_tables::spec::{Column, Spec};
use semrel_tables::table::{Cells, write_cell};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A table.
#[derive(Debug, Serialize)]
pub struct TableView {
    /// Id in the page.
    pub name: String,
    /// Heading.
    pub title: String,
    /// Data sets.
    pub datasets: Vec<DatasetView>,
    /// What was measured, and how numbers may be compared.
    pub caption: Vec<String>,
}

/// A data set of a table.
#[derive(Debug, Serialize)]
pub struct DatasetView {
    /// Its name.
    pub name: String,
    /// Columns.
    pub columns: Vec<ColumnView>,
    /// Lines.
    pub rows: Vec<RowView>,
    /// Whether there are several checkpoints, so that lines tell theirs.
    pub sourced: bool,
    /// A chart a column.
    pub charts: Vec<Chart>,
}

/// A column.
#[derive(Debug, Serialize)]
pub struct ColumnView {
    /// What is measured.
    pub heading: &'static str,
    /// Whether the paper has it, too.
    pub paper: bool,
}

/// A line.
#[derive(Debug, Serialize)]
pub struct RowView {
    /// Method.
    pub label: String,
    /// Checkpoint; empty where there is none to choose.
    pub source: String,
    /// Whether this is what methods are measured by, not a method.
    pub reference: bool,
    /// How many lines of this method follow each other, from here; 0 where it began above.
    pub span: usize,
    /// Why there are no numbers.
    pub failed: Option<String>,
    /// A cell a column.
    pub cells: Vec<CellView>,
}

/// A number.
#[derive(Debug, Serialize)]
pub struct CellView {
    /// As measured here, with its deviation; empty where it was not.
    pub here: String,
    /// The paper's; empty where it has none.
    pub paper: String,
    /// How they differ.
    pub difference: Option<Difference>,
    /// Whether no method is better here.
    pub best: bool,
}

/// The view of a table's file.
pub fn view(file: &TableFile) -> TableView {
    let datasets = file.json["datasets"].as_array().into_iter().flatten();
    let caption = file.json["caption"].as_array().into_iter().flatten();
    TableView {
        // The names of folders may hold what an id must not.
        name: match &file.within {
            Some(folder) => format!("{}-{}", file.spec.name, &hex::encode(Sha256::digest(folder))[..8]),
            None => file.spec.name.to_owned(),
        },
        title: file.title(),
        datasets: datasets.map(|dataset| dataset_view(file.spec, dataset)).collect(),
        caption: caption.filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

/// The data set of the paper's table that a data set is, or stands in for. The file tells, as the user's own images may be called like
/// the paper's; in files that do not tell yet it is that of its name.
fn dataset_of_paper(spec: &'static Spec, dataset: &Value) -> Option<&'static str> {
    let name = dataset.get("paper").unwrap_or(&dataset["dataset"]).as_str()?;
    spec.datasets
        .iter()
        .find(|dataset| dataset.name == name || dataset.sample.name() == name)
        .map(|dataset| dataset.name)
}

fn dataset_view(spec: &'static Spec, dataset: &Value) -> DatasetView {
    let name = dataset["dataset"].as_str().unwrap_or("?");
    let all = spec.program.columns();
    let methods = numbers(spec, dataset);
    let references = references(spec, &dataset["no_translation"]);
    // As in the printed table: a score that nothing has is left out, but for the first.
    let has = |i: usize| {
        let of_method = |m: &MethodNumbers| m.here.iter().flatten().any(|(_, cells)| cells[i].is_some());
        i == 0 || methods.iter().any(of_method) || references.iter().any(|(_, cells)| cells[i].is_some())
    };
    let shown: Vec<usize> = (0..all.len()).filter(|&i| has(i)).collect();
    let paper = |i: usize| methods.iter().any(|m| number(&m.paper, i).is_some());
    let columns = shown.iter().map(|&i| ColumnView { heading: all[i].heading, paper: paper(i) }).collect();
    let mut rows: Vec<RowView> =
        references.iter().map(|(label, cells)| reference_row(label, cells, all, &shown)).collect();
    let best: Vec<Option<f64>> = (0..all.len()).map(|i| best_of(&methods, i, &all[i])).collect();
    rows.extend(methods.iter().flat_map(|method| method_rows(method, all, &shown, &best)));
    let charts = shown.iter().filter_map(|&i| bars::chart(name, &all[i], i, &methods, &references)).collect();
    DatasetView { name: name.to_owned(), columns, rows, sourced: spec.program.checkpoints().len() > 1, charts }
}

fn numbers(spec: &'static Spec, dataset: &Value) -> Vec<MethodNumbers> {
    let runs: Vec<&Value> = dataset["runs"].as_array().into_iter().flatten().collect();
    // All methods come with the first seed, then all with the next.
    let mut names: Vec<&str> = vec![];
    for name in runs.iter().filter_map(|run| run["method"].as_str()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let of_method = |name: &str| {
        let runs: Vec<&Value> = runs.iter().copied().filter(|run| run["method"] == name).collect();
        let failed = runs.iter().find_map(|run| Some((run["seed"].as_u64(), run["failed"].as_str()?)));
        let here = match failed {
            Some((Some(seed), reason)) if runs.len() > 1 => Err(format!("seed {seed}: {reason}")),
            Some((_, reason)) => Err(reason.to_owned()),
            None => Ok((spec.program.checkpoints().iter())
                .map(|&checkpoint| {
                    let evals: Vec<&Value> = runs.iter().map(|run| &run[checkpoint]).collect();
                    (checkpoint, measured(spec.program.columns(), &evals))
                })
                .collect()),
        };
        let numbers = spec.methods.iter().find(|method| method.name == name);
        let paper = numbers.zip(dataset_of_paper(spec, dataset));
        let paper =
            paper.and_then(|(method, dataset)| of_paper(spec.program.columns(), method, dataset)).unwrap_or_default();
        MethodNumbers { title: title_of(spec, name), here, paper }
    };
    names.into_iter().map(of_method).collect()
}

/// What methods are measured by: the sources as they are, and real images.
fn references(spec: &Spec, baseline: &Value) -> Vec<(String, Cells)> {
    let columns = spec.program.columns();
    let lines = [
        ("no translation".to_owned(), of_baseline(columns, baseline, |c| c.untranslated)),
        (ceiling_label(spec.program, baseline), of_baseline(columns, baseline, |c| c.ceiling)),
    ];
    lines.into_iter().filter(|(_, cells)| cells.iter().any(Option::is_some)).collect()
}

fn reference_row(label: &str, cells: &Cells, columns: &[Column], shown: &[usize]) -> RowView {
    let cell = |&i: &usize| CellView {
        here: number(cells, i).map(|n| write_cell(Some(n), columns[i].digits)).unwrap_or_default(),
        paper: String::new(),
        difference: None,
        best: false,
    };
    let cells = shown.iter().map(cell).collect();
    RowView { label: label.to_owned(), source: String::new(), reference: true, span: 1, failed: None, cells }
}

fn best_of(methods: &[MethodNumbers], i: usize, column: &Column) -> Option<f64> {
    let all = methods.iter().flat_map(|m| m.here.iter().flatten()).filter_map(|(_, cells)| number(cells, i));
    let better = |a: f64, b: f64| if more_is_better(column) { a.max(b) } else { a.min(b) };
    all.map(|n| n.mean).reduce(better)
}

fn method_rows(method: &MethodNumbers, columns: &[Column], shown: &[usize], best: &[Option<f64>]) -> Vec<RowView> {
    let row = |source: &str, span, failed, cells| RowView {
        label: method.title.clone(),
        source: source.to_owned(),
        reference: false,
        span,
        failed,
        cells,
    };
    let cell = |here: Option<Measured>, i: usize| {
        let paper = number(&method.paper, i);
        CellView {
            here: here.map(|n| write_cell(Some(n), columns[i].digits)).unwrap_or_default(),
            paper: paper.map(|n| write_cell(Some(n), columns[i].digits)).unwrap_or_default(),
            difference: here.zip(paper).map(|(h, p)| difference(h.mean, p.mean, &columns[i])),
            best: here.is_some_and(|n| Some(n.mean) == best[i]),
        }
    };
    match &method.here {
        Err(reason) => vec![row("", 1, Some(reason.clone()), vec![])],
        Ok(sources) => (sources.iter().enumerate())
            .map(|(k, (source, cells))| {
                let span = if k == 0 { sources.len() } else { 0 };
                row(source, span, None, shown.iter().map(|&i| cell(number(cells, i), i)).collect())
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use semrel_tables::ALL;
    use serde_json::json;
    use std::path::PathBuf;

    fn table(json: Value) -> TableView {
        view(&TableFile { spec: ALL[1], json, written: 0, folder: PathBuf::new(), within: None })
    }

    #[test]
    fn the_paper_stands_beside_what_was_measured() {
        let eval = |fd: f64| json!({"fd": fd, "segmentation": null});
        let runs = json!([
            {"method": "cut", "seed": 777, "last": eval(40.0), "best": eval(50.0)},
            {"method": "ours", "seed": 777, "last": eval(30.0), "best": eval(34.4)},
            {"method": "lsesim", "seed": 777, "failed": "disk full"},
            {"method": "new", "seed": 777, "last": eval(31.0), "best": eval(31.0)},
        ]);
        let view = table(json!({"caption": ["one"], "datasets": [
            {"dataset": "horse2zebra", "no_translation": {"fd": 90.0}, "runs": runs},
            {"dataset": "mine", "no_translation": {"failed": "x"}, "runs": runs},
        ]}));
        let dataset = &view.datasets[0];
        assert_eq!(dataset.columns.len(), 1);
        let labels: Vec<(&str, &str, usize)> =
            dataset.rows.iter().map(|row| (row.label.as_str(), row.source.as_str(), row.span)).collect();
        assert_eq!(labels[..3], [("no translation", "", 1), ("CUT", "last", 2), ("CUT", "best", 0)]);
        assert_eq!(dataset.rows[5].failed.as_deref(), Some("disk full"));
        let ours = &dataset.rows[3].cells[0];
        assert_eq!((ours.here.as_str(), ours.paper.as_str(), ours.best), ("30.00", "34.40", true));
        assert_eq!(ours.difference.as_ref().unwrap().verdict, "better");
        assert_eq!(dataset.rows[4].cells[0].difference.as_ref().unwrap().verdict, "equal");
        assert_eq!(dataset.rows[6].cells[0].paper, "");
        assert!(!view.datasets[1].columns[0].paper && !view.datasets[1].rows[0].reference);
    }

    #[test]
    fn seeds_have_means() {
        let run = |seed: u64, fd: f64| json!({"method": "ours", "seed": seed, "last": {"fd": fd}, "best": {"fd": fd}});
        let dataset = json!({"dataset": "street", "no_translation": null, "runs": [run(1, 40.0), run(2, 42.0)]});
        let view = table(json!({"datasets": [dataset]}));
        assert_eq!(view.datasets[0].rows[0].cells[0].here, "41.00 ± 1.41");
        assert_eq!(view.datasets[0].rows[0].cells[0].paper, "46.40");
        assert!(table(json!({"datasets": [{}]})).datasets[0].rows.is_empty());
    }

    #[test]
    fn a_method_has_its_lines_once_however_many_seeds_there_are() {
        let methods = ["cut", "fastcut", "lsesim", "ours"];
        let run = |seed: u64, method: &str| {
            let eval = json!({"fd": 40.0 + seed as f64, "segmentation": null});
            json!({"method": method, "seed": seed, "last": eval, "best": eval})
        };
        let runs: Vec<Value> = (1..4).flat_map(|seed| methods.map(|method| run(seed, method))).collect();
        let view = table(json!({"datasets": [{"dataset": "street", "no_translation": null, "runs": runs}]}));
        let dataset = &view.datasets[0];
        let spans: Vec<(&str, usize)> = dataset.rows.iter().map(|row| (row.label.as_str(), row.span)).collect();
        let want = ["CUT", "FastCUT", "LSeSim", "Ours"].map(|label| [(label, 2), (label, 0)]);
        assert_eq!(spans, want.concat());
        assert!(dataset.rows.iter().all(|row| row.cells[0].here == "42.00 ± 1.00"));
        assert_eq!((dataset.charts.len(), dataset.charts[0].rows.len()), (1, 4));
    }

    #[test]
    fn own_images_that_are_called_like_the_papers_have_no_numbers_of_it() {
        let runs = json!([{"method": "ours", "seed": 1, "last": {"fd": 30.0}, "best": {"fd": 30.0}}]);
        let dataset = |paper: Value| json!({"dataset": "street", "paper": paper, "no_translation": null, "runs": runs});
        let view = table(json!({"datasets": [dataset(Value::Null), dataset(json!("cityscapes"))]}));
        let own = &view.datasets[0];
        assert!(!own.columns[0].paper && own.rows[0].cells[0].difference.is_none());
        assert_eq!(view.datasets[1].rows[0].cells[0].paper, "46.40");
    }
}
