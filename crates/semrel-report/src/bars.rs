//! A chart per column: bars of what was measured, and of the paper's numbers on a scale of their own.

use super::diff::same_order;
use super::numbers::{MethodNumbers, number};
use semrel_tables::columns::Column;
use semrel_tables::results::Measured;
use semrel_tables::table::{Cells, write_cell};
use serde::Serialize;

/// The chart of a column.
#[derive(Debug, Serialize)]
pub struct Chart {
    /// What is measured, and on what.
    pub title: String,
    /// What the bars are of.
    pub source: &'static str,
    /// A line per method.
    pub rows: Vec<BarRow>,
    /// Whether the paper has numbers for it.
    pub paper: bool,
    /// How far the order of methods is the paper's.
    pub order: String,
    /// The chart in words.
    pub words: String,
}

/// The bars of a method.
#[derive(Debug, Serialize)]
pub struct BarRow {
    /// Method.
    pub label: String,
    /// Whether it is what methods are measured by.
    pub reference: bool,
    /// Measured here.
    pub here: Option<Bar>,
    /// The paper's.
    pub paper: Option<Bar>,
}

/// A bar.
#[derive(Debug, Serialize)]
pub struct Bar {
    /// Its number.
    pub text: String,
    /// The same with its deviation.
    pub words: String,
    /// Length, in percent of the longest.
    pub length: f64,
    /// Where the deviation begins and how long it is, in percent of the longest.
    pub spread: Option<[f64; 2]>,
}

/// The chart of column `i`; none where fewer than two lines have a number.
pub fn chart(
    dataset: &str,
    heading: &str,
    column: &Column,
    i: usize,
    methods: &[MethodNumbers],
    references: &[(String, Cells)],
) -> Option<Chart> {
    let first = |method: &MethodNumbers| method.here.as_ref().ok().and_then(|sources| sources.first().map(|(s, _)| *s));
    let source = methods.iter().find_map(first)?;
    let here = |method: &MethodNumbers| {
        let (_, cells) = method.here.as_ref().ok()?.first()?;
        number(cells, i)
    };
    let mut lines: Vec<(String, bool, Option<Measured>, Option<Measured>)> = vec![];
    lines.extend(
        references.iter().filter_map(|(label, cells)| Some((label.clone(), true, Some(number(cells, i)?), None))),
    );
    lines.extend(methods.iter().map(|m| (m.title.clone(), false, here(m), number(&m.paper, i))));
    if lines.iter().filter(|line| line.2.is_some()).count() < 2 {
        return None;
    }
    let longest = |values: &mut dyn Iterator<Item = Option<Measured>>| {
        values.flatten().map(|n| n.mean + n.std.unwrap_or(0.0)).fold(0.0, f64::max)
    };
    let scale_here = longest(&mut lines.iter().map(|line| line.2));
    let scale_paper = longest(&mut lines.iter().map(|line| line.3));
    let rows = lines.iter().map(|(label, reference, here, paper)| BarRow {
        label: label.clone(),
        reference: *reference,
        here: here.map(|n| bar(n, scale_here, column)),
        paper: paper.map(|n| bar(n, scale_paper, column)),
    });
    let rows: Vec<BarRow> = rows.collect();
    let pairs: Vec<(f64, f64)> = lines.iter().filter_map(|line| Some((line.2?.mean, line.3?.mean))).collect();
    let order = same_order(&pairs).map(|(same, all)| format!("{same} of {all} pairs of methods in the paper’s order"));
    let words = rows.iter().map(|row| {
        let text = |bar: &Option<Bar>| bar.as_ref().map_or("none", |bar| &bar.words).to_owned();
        let paper = row.paper.as_ref().map(|bar| format!(", paper {}", bar.words)).unwrap_or_default();
        format!("{} {}{paper}", row.label, text(&row.here))
    });
    let title = format!("{heading}, {dataset}");
    let words = format!("Bar chart of {title}: {}.", words.collect::<Vec<_>>().join("; "));
    let paper = rows.iter().any(|row| row.paper.is_some());
    Some(Chart { title, source, rows, paper, order: order.unwrap_or_default(), words })
}

/// Bars begin at zero: their lengths can be compared.
fn bar(value: Measured, longest: f64, column: &Column) -> Bar {
    let percent = |v: f64| if longest > 0.0 { (v / longest * 1000.0).round().clamp(0.0, 1000.0) / 10.0 } else { 0.0 };
    let spread = value.std.map(|std| {
        let begin = percent(value.mean - std);
        [begin, percent(value.mean + std) - begin]
    });
    let text = write_cell(Some(Measured { std: None, ..value }), column.digits);
    Bar { text, words: write_cell(Some(value), column.digits), length: percent(value.mean), spread }
}

#[cfg(test)]
mod tests {
    use super::*;
    use semrel_tables::ALL;

    fn one(mean: f64, std: Option<f64>) -> Cells {
        vec![Some(Measured { mean, std, interval: None })]
    }

    #[test]
    fn bars_begin_at_zero_and_each_side_has_its_scale() {
        let column = &ALL[1].program.columns()[0];
        let method = |title: &str, here, paper| MethodNumbers { title: title.into(), here, paper };
        let methods = [
            method("A", Ok(vec![("last", one(50.0, Some(10.0))), ("best", one(1.0, None))]), one(20.0, None)),
            method("B", Ok(vec![("last", one(90.0, Some(10.0)))]), one(40.0, None)),
            method("C", Err("failed".into()), one(30.0, None)),
        ];
        let references = [("no translation".to_owned(), one(75.0, None))];
        let chart = chart("street", "FD ↓", column, 0, &methods, &references).unwrap();
        let bars: Vec<Option<f64>> = chart.rows.iter().map(|row| row.here.as_ref().map(|bar| bar.length)).collect();
        assert_eq!(bars, [Some(75.0), Some(50.0), Some(90.0), None]);
        assert_eq!(chart.rows[2].here.as_ref().unwrap().spread, Some([80.0, 20.0]));
        assert_eq!(chart.rows[1].paper.as_ref().unwrap().length, 50.0);
        assert_eq!(chart.order, "1 of 1 pairs of methods in the paper’s order");
        assert!(chart.words.contains("A 50.00 ± 10.00, paper 20.00; B"), "{}", chart.words);
        assert!(super::chart("street", "FD ↓", column, 0, &methods[2..], &[]).is_none());
    }
}
