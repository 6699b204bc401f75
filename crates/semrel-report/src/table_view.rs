//! A table as the page shows it.

use super::bars::{self, Chart};
use super::diff::{Difference, difference};
use super::members::title_of;
use super::numbers::{MethodNumbers, number};
use super::sources::{TableFile, id};
use semrel_tables::chosen;
use semrel_tables::columns::Column;
use semrel_tables::entries::{ceiling, ceiling_label, measured, of_paper, untranslated};
use semrel_tables::evaluated::{Baselined, Evaluated, Terms};
use semrel_tables::results::Measured;
use semrel_tables::spec::Spec;
use semrel_tables::table::{Cells, write_cell};
use semrel_tables::written::{WrittenDataset, WrittenRun};
use serde::Serialize;

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
    /// A chart per column.
    pub charts: Vec<Chart>,
}

/// A column.
#[derive(Debug, Serialize)]
pub struct ColumnView {
    /// What is measured.
    pub heading: String,
    /// What the paper has beside it; empty where it has nothing.
    pub paper: String,
    /// Whether it is the paper's metric: numbers have a difference then.
    pub same: bool,
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
    /// A cell per column.
    pub cells: Vec<CellView>,
}

/// A number.
#[derive(Debug, Serialize)]
pub struct CellView {
    /// As measured here, with its deviation; empty where it was not.
    pub here: String,
    /// The paper's; empty where it has none.
    pub paper: String,
    /// How they differ, where both are of one metric.
    pub difference: Option<Difference>,
    /// Whether no method is better here.
    pub best: bool,
}

/// The view of a table's file.
pub fn view(file: &TableFile) -> TableView {
    TableView {
        name: id(file.spec.name, file.within.as_deref()),
        title: file.title(),
        datasets: file.table.datasets.iter().map(|dataset| dataset_view(file.spec, dataset)).collect(),
        caption: file.table.caption.clone(),
    }
}

/// What all results of a data set refer to.
fn terms(dataset: &WrittenDataset) -> Vec<Terms> {
    let evals = dataset.runs.iter().flat_map(|run| run.evals.iter().flatten()).map(Evaluated::terms);
    dataset.baseline.iter().map(Baselined::terms).chain(evals).collect()
}

fn dataset_view(spec: &'static Spec, dataset: &WrittenDataset) -> DatasetView {
    let all = spec.program.columns();
    let terms = terms(dataset);
    let methods = numbers(spec, dataset, &terms);
    let published = spec.program.published();
    let references = references(spec, dataset.baseline.as_ref().ok());
    // As in the printed table: a score that nothing has is left out, but for the first.
    let has = |i: usize| {
        let of_method = |m: &MethodNumbers| m.here.iter().flatten().any(|(_, cells)| cells[i].is_some());
        i == 0 || methods.iter().any(of_method) || references.iter().any(|(_, cells)| cells[i].is_some())
    };
    let shown: Vec<usize> = (0..all.len()).filter(|&i| has(i)).collect();
    let column = |&i: &usize| ColumnView {
        heading: all[i].heading(&terms),
        paper: match methods.iter().any(|m| number(&m.paper, i).is_some()) {
            true => all[i].paper_heading(published),
            false => String::new(),
        },
        same: terms.iter().all(|terms| all[i].same_metric(published, terms)),
    };
    let columns: Vec<ColumnView> = shown.iter().map(column).collect();
    let mut rows: Vec<RowView> =
        references.iter().map(|(label, cells)| reference_row(label, cells, all, &shown)).collect();
    let best: Vec<Option<f64>> = (0..all.len()).map(|i| best_of(&methods, i, &all[i])).collect();
    let same: Vec<bool> = columns.iter().map(|column| column.same).collect();
    rows.extend(methods.iter().flat_map(|method| method_rows(method, all, &shown, &same, &best)));
    let chart = |(view, &i): (&ColumnView, &usize)| {
        bars::chart(&dataset.name, &view.heading, &all[i], i, &methods, &references)
    };
    let charts = columns.iter().zip(&shown).filter_map(chart).collect();
    DatasetView { name: dataset.name.clone(), columns, rows, sourced: spec.program.checkpoints().len() > 1, charts }
}

fn numbers(spec: &'static Spec, dataset: &WrittenDataset, terms: &[Terms]) -> Vec<MethodNumbers> {
    // All methods come with the first seed, then all with the next.
    let mut names: Vec<&str> = vec![];
    for run in &dataset.runs {
        if !names.contains(&run.method.as_str()) {
            names.push(&run.method);
        }
    }
    let of_method = |name: &str| {
        let runs: Vec<&WrittenRun> = dataset.runs.iter().filter(|run| run.method == name).collect();
        let results = runs.iter().map(|run| run.evals.as_ref().map_err(|reason| (run.seed, reason)));
        let here = match results.collect::<Result<Vec<_>, _>>() {
            Err((seed, reason)) if runs.len() > 1 => Err(format!("seed {seed}: {reason}")),
            Err((_, reason)) => Err(reason.clone()),
            Ok(results) => {
                let count = results.iter().map(|evals| evals.len()).min().unwrap_or(0);
                let checkpoints = chosen::checkpoints(spec.program, count).into_iter().enumerate();
                let mut here: Vec<(&'static str, Cells)> = checkpoints
                    .map(|(i, checkpoint)| {
                        let evals: Vec<&Evaluated> = results.iter().map(|evals| &evals[i]).collect();
                        (checkpoint, measured(spec.program.columns(), &evals))
                    })
                    .collect();
                chosen::in_order(&mut here, |(checkpoint, _)| *checkpoint, terms);
                Ok(here.into_iter().map(|(checkpoint, cells)| (chosen::called(checkpoint, terms), cells)).collect())
            }
        };
        let numbers = spec.methods.iter().find(|method| method.name == name);
        let paper = numbers.zip(dataset.paper.as_deref());
        let paper =
            paper.and_then(|(method, dataset)| of_paper(spec.program.columns(), method, dataset)).unwrap_or_default();
        MethodNumbers { title: title_of(spec, name), here, paper }
    };
    names.into_iter().map(of_method).collect()
}

/// What methods are measured by: the sources as they are, and real images.
fn references(spec: &Spec, baseline: Option<&Baselined>) -> Vec<(String, Cells)> {
    let Some(baseline) = baseline else { return vec![] };
    let columns = spec.program.columns();
    let lines = [
        ("no translation".to_owned(), untranslated(columns, baseline)),
        (ceiling_label(spec.program, baseline), ceiling(columns, baseline)),
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
    let all = methods.iter().flat_map(|m| m.here.iter().flatten());
    let all = all.filter(|(source, _)| !chosen::flatters(source)).filter_map(|(_, cells)| number(cells, i));
    let better = |a: f64, b: f64| if column.more_is_better { a.max(b) } else { a.min(b) };
    all.map(|n| n.mean).reduce(better)
}

fn method_rows(
    method: &MethodNumbers,
    columns: &[Column],
    shown: &[usize],
    same: &[bool],
    best: &[Option<f64>],
) -> Vec<RowView> {
    let row = |source: &str, span, failed, cells| RowView {
        label: method.title.clone(),
        source: source.to_owned(),
        reference: false,
        span,
        failed,
        cells,
    };
    let cell = |here: Option<Measured>, i: usize, same: bool| {
        let paper = number(&method.paper, i);
        CellView {
            here: here.map(|n| write_cell(Some(n), columns[i].digits)).unwrap_or_default(),
            paper: paper.map(|n| write_cell(Some(n), columns[i].digits)).unwrap_or_default(),
            difference: here.zip(paper).filter(|_| same).map(|(h, p)| difference(h.mean, p.mean, &columns[i])),
            best: here.is_some_and(|n| Some(n.mean) == best[i]),
        }
    };
    match &method.here {
        Err(reason) => vec![row("", 1, Some(reason.clone()), vec![])],
        Ok(sources) => (sources.iter().enumerate())
            .map(|(k, (source, cells))| {
                let span = if k == 0 { sources.len() } else { 0 };
                let cells = shown.iter().zip(same).map(|(&i, &same)| cell(number(cells, i), i, same));
                let shown = |cell: CellView| CellView { best: cell.best && !chosen::flatters(source), ..cell };
                row(source, span, None, cells.map(shown).collect())
            })
            .collect(),
    }
}

#[cfg(test)]
#[path = "table_view_tests.rs"]
mod tests;
