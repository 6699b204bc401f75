//! The numbers of a data set, before and after they are arranged as lines and columns.

use super::chosen::{BEST, BEST_ON_TEST, LAST, called, in_order};
use super::columns::Column;
use super::evaluated::{Baselined, Evaluated, Terms};
use super::results::Measured;
use super::spec::{Layout, Method, PaperNumber, Program};
use super::table::{Cells, Dataset, Heading, Line, Record};

/// Name of the paper's numbers among the checkpoints.
pub const PAPER: &str = "paper";

/// The result of a row that has no checkpoints to choose from.
pub const MEASURED: &str = "measured";

/// Where numbers of a method come from, in the order of columns.
const SOURCES: [&str; 5] = [BEST, LAST, BEST_ON_TEST, MEASURED, PAPER];

/// What is known of a method from one source.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Method, or `no translation`.
    pub label: String,
    /// Checkpoint, or [`PAPER`]; empty where there is no checkpoint.
    pub source: &'static str,
    /// A number per column of the program, or why there are none.
    pub cells: Result<Cells, String>,
}

/// Scores of an evaluation per seed, by column.
pub fn measured(columns: &[Column], evals: &[&Evaluated]) -> Cells {
    let over = |column: &Column| Measured::over(&evals.iter().map(|e| (column.eval)(e)).collect::<Vec<_>>());
    columns.iter().map(over).collect()
}

/// Scores of the sources as they are, by column.
pub fn untranslated(columns: &[Column], baseline: &Baselined) -> Cells {
    columns.iter().map(|column| Measured::over(&[column.untranslated?(baseline)])).collect()
}

/// Scores of real images, by column.
pub fn ceiling(columns: &[Column], baseline: &Baselined) -> Cells {
    columns.iter().map(|column| Measured::over(&[column.ceiling?(baseline)])).collect()
}

/// The line of what real pictures score: the program's name of it and the segmenter, where one looked at them.
pub fn ceiling_label(program: &dyn Program, baseline: &Baselined) -> String {
    let segmenter = baseline.terms().segmenter.map(|name| format!(", {name}")).unwrap_or_default();
    format!("{}{segmenter}", program.ceiling())
}

/// The paper's numbers of a method on a data set; none where it gives none at all.
pub fn of_paper(columns: &[Column], method: &Method, dataset: &str) -> Option<Cells> {
    let given = |column: &Column| {
        let fits = |number: &&PaperNumber| number.0 == dataset && column.is_called(number.1);
        method.paper.iter().find(fits).map(|number| number.2)
    };
    let cells: Cells = columns.iter().map(|column| Measured::over(&[given(column)])).collect();
    cells.iter().any(Option::is_some).then_some(cells)
}

/// The numbers of a data set, one by one.
pub fn records(dataset: &str, columns: &[Column], entries: &[Entry]) -> Vec<Record> {
    let of_entry = |entry: &Entry| -> Vec<Record> {
        let Ok(cells) = &entry.cells else { return vec![] };
        let record = |(column, cell): (&Column, &Option<Measured>)| {
            Some(Record {
                dataset: dataset.to_owned(),
                label: entry.label.clone(),
                checkpoint: entry.source,
                mode: column.mode,
                metric: column.metric,
                value: (*cell)?,
            })
        };
        columns.iter().zip(cells).filter_map(record).collect()
    };
    entries.iter().flat_map(of_entry).collect()
}

/// Arranges the numbers of a data set, under headings by what the results refer to.
pub fn arrange(name: String, program: &dyn Program, terms: &[Terms], entries: Vec<Entry>) -> Dataset {
    match program.layout() {
        Layout::Lines => in_lines(name, program.columns(), terms, entries),
        Layout::Columns => in_columns(name, program, terms, &entries),
    }
}

/// A line per method and checkpoint. Columns of the truth, and of further scores, are left out where nothing has them.
fn in_lines(name: String, columns: &[Column], terms: &[Terms], mut entries: Vec<Entry>) -> Dataset {
    for method in entries.chunk_by_mut(|a, b| a.label == b.label) {
        in_order(method, |entry| entry.source, terms);
    }
    let has = |i: usize| entries.iter().any(|entry| entry.cells.as_ref().is_ok_and(|cells| cells[i].is_some()));
    let shown: Vec<usize> = (0..columns.len()).filter(|&i| !columns[i].is_optional() || has(i)).collect();
    let heading = |column: &Column| {
        let truth = column.of_truth();
        Heading { metric: column.heading(terms), source: "", digits: column.digits, truth }
    };
    let headings = shown.iter().map(|&i| heading(&columns[i])).collect();
    let line = |Entry { label, source, cells }| {
        let cells = cells.map(|cells: Cells| shown.iter().map(|&i| cells[i]).collect());
        Line { label, source: called(source, terms), cells }
    };
    Dataset { name, headings, lines: entries.into_iter().map(line).collect() }
}

/// A line per method. Columns without any number are left out, but for the first score, which all methods have.
fn in_columns(name: String, program: &dyn Program, terms: &[Terms], entries: &[Entry]) -> Dataset {
    let columns = program.columns();
    let mut labels: Vec<&str> = entries.iter().map(|e| e.label.as_str()).collect();
    labels.dedup();
    // What has no checkpoint is the same at each.
    let at = |label: &str, source: &str, column: usize| -> Option<Measured> {
        let fits = |e: &&Entry| e.label == label && (e.source == source || e.source.is_empty() && source != PAPER);
        *entries.iter().find(fits)?.cells.as_ref().ok()?.get(column)?
    };
    let places: Vec<(usize, &'static str)> =
        (0..columns.len()).flat_map(|column| SOURCES.map(|source| (column, source))).collect();
    let measured =
        |column: usize| labels.iter().any(|l| SOURCES.iter().any(|s| *s != PAPER && at(l, s, column).is_some()));
    let filled = |&(column, source): &(usize, &'static str)| match source {
        PAPER => labels.iter().any(|label| at(label, source, column).is_some()),
        BEST_ON_TEST if !entries.iter().any(|entry| entry.source == BEST_ON_TEST) => false,
        BEST_ON_TEST => column == 0 || measured(column),
        _ => program.checkpoints().contains(&source) && (column == 0 || measured(column)),
    };
    let places: Vec<_> = places.into_iter().filter(filled).collect();
    let heading = |&(column, source): &(usize, &'static str)| {
        let column = &columns[column];
        let metric = match source {
            PAPER => column.paper_heading(program.published()),
            _ => column.heading(terms),
        };
        Heading { metric, source: called(source, terms), digits: column.digits, truth: column.of_truth() }
    };
    let line = |label: &&str| {
        let failed = entries.iter().find_map(|e| e.cells.as_ref().err().filter(|_| e.label == *label));
        let cells = || places.iter().map(|&(column, source)| at(label, source, column)).collect();
        Line { label: (*label).to_owned(), source: "", cells: failed.map_or_else(|| Ok(cells()), |f| Err(f.clone())) }
    };
    Dataset { name, headings: places.iter().map(heading).collect(), lines: labels.iter().map(line).collect() }
}

#[cfg(test)]
mod tests {
    use super::super::{cut_single, testing};
    use super::*;

    fn entry(label: &str, source: &'static str, cells: Cells) -> Entry {
        Entry { label: label.into(), source, cells: Ok(cells) }
    }

    fn method(paper: &'static [PaperNumber]) -> Method {
        Method { name: "ours", title: "Ours", paper }
    }

    fn number(mean: f64) -> Option<Measured> {
        Some(Measured { mean, std: None, interval: None })
    }

    #[test]
    fn a_line_per_method_with_the_paper_beside_each_score() {
        let columns = cut_single::CutSingle.columns();
        let baseline = testing::baseline(9.0, Some("a head"));
        let eval = |fd: f64| testing::single(fd, Some("a head"));
        let paper = method(&[("street", "fid", 46.4), ("street", "pixel_accuracy", 73.5)]);
        let entries = [
            entry("no translation", "", untranslated(columns, &baseline)),
            entry("real photographs", "", ceiling(columns, &baseline)),
            entry("Ours", "last", measured(columns, &[&eval(3.0)])),
            entry("Ours", "best", measured(columns, &[&eval(2.0)])),
            entry("Ours", PAPER, of_paper(columns, &paper, "street").unwrap()),
        ];
        let dataset = in_columns("street".into(), &cut_single::CutSingle, &[baseline.terms()], &entries);
        let sources: Vec<&str> = dataset.headings.iter().map(|h| h.source).collect();
        // The paper gives no mAP and no classAcc.
        assert_eq!(sources, ["best", "last", "paper", "best", "last", "best", "last", "paper", "best", "last"]);
        assert_eq!((dataset.headings[0].metric.as_str(), dataset.headings[3].metric.as_str()), ("FD(x) ↓", "mAP ↑"));
        let cells = |i: usize| dataset.lines[i].cells.clone().unwrap();
        assert_eq!(cells(0)[..4], [number(9.0), number(9.0), None, None]);
        assert_eq!(cells(1)[..5], [None, None, None, number(50.0), number(50.0)]);
        assert_eq!(cells(2)[..4], [number(2.0), number(3.0), number(46.4), number(20.0)]);
        assert_eq!(records("street", columns, &entries).len(), 1 + 3 + 4 + 4 + 2);
        assert_eq!(ceiling_label(&cut_single::CutSingle, &baseline), "real photographs, a head");
    }

    #[test]
    fn checkpoints_are_called_by_what_chose_them() {
        let columns = cut_single::CutSingle.columns();
        let eval = |fd: f64| testing::single(fd, None);
        let entries: Vec<Entry> = [("last", 3.0), ("best", 2.0), ("best-on-test", 1.0)]
            .map(|(source, fd)| entry("Ours", source, measured(columns, &[&eval(fd)])))
            .into();
        let terms = [Terms { select: Some("val".into()), ..eval(1.0).terms() }];
        let dataset = in_columns("street".into(), &cut_single::CutSingle, &terms, &entries);
        let names: Vec<&str> = dataset.headings.iter().map(|h| h.source).collect();
        assert_eq!(names, ["chosen on val", "last", "best on test†"]);
        assert_eq!(dataset.lines[0].cells, Ok(vec![number(2.0), number(3.0), number(1.0)]));
        let lines = in_lines("street".into(), columns, &terms, entries).lines;
        assert_eq!(
            lines.iter().map(|line| line.source).collect::<Vec<_>>(),
            ["chosen on val", "last", "best on test†"]
        );
    }

    #[test]
    fn scores_that_nothing_has_are_left_out_and_failures_stay() {
        let columns = cut_single::CutSingle.columns();
        let failed = Entry { label: "CUT".into(), source: "", cells: Err("disk full".into()) };
        let diverged = testing::single(f64::NAN, None);
        let entries = [
            failed,
            entry("CUT", PAPER, of_paper(columns, &method(&[("street", "fid", 45.5)]), "street").unwrap()),
            entry("Ours", "last", measured(columns, &[&diverged])),
        ];
        let dataset = in_columns("horse2zebra".into(), &cut_single::CutSingle, &[diverged.terms()], &entries);
        assert_eq!(dataset.headings.iter().map(|h| h.source).collect::<Vec<_>>(), ["best", "last", "paper"]);
        assert_eq!(dataset.lines[0].cells, Err("disk full".into()));
        assert_eq!(dataset.lines[1].cells, Ok(vec![None; 3]));
    }
}
