//! The table as text, Markdown and CSV.

use super::columns::Digits;
use super::results::Measured;
use std::fmt::Write;

/// The numbers of a line.
pub type Cells = Vec<Option<Measured>>;

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct Heading {
    /// What is measured; columns of one metric that stand side by side share it.
    pub metric: String,
    /// Which of them this is; empty where there is one.
    pub source: &'static str,
    /// How it writes numbers.
    pub digits: Digits,
    /// Whether it is a score against the truth, which stands in a table of its own.
    pub truth: bool,
}

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Method, or `no translation`.
    pub label: String,
    /// Checkpoint, or `paper`; empty where they are columns.
    pub source: &'static str,
    /// Numbers, or why there are none.
    pub cells: Result<Cells, String>,
}

/// The lines of one data set.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub headings: Vec<Heading>,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// A number, for CSV.
#[derive(Debug, Clone)]
pub struct Record {
    /// Data set.
    pub dataset: String,
    /// Method, or `no translation`.
    pub label: String,
    /// Checkpoint, or `paper`; empty where there is none.
    pub checkpoint: &'static str,
    /// Way of translating; empty where there is one.
    pub mode: &'static str,
    /// Score, as in files.
    pub metric: &'static str,
    /// The number.
    pub value: Measured,
}

/// The table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its heading.
    pub title: &'static str,
    /// Its data sets.
    pub datasets: Vec<Dataset>,
    /// Differences of rows, where there are several seeds.
    pub differences: Vec<Dataset>,
    /// All its numbers.
    pub records: Vec<Record>,
    /// What the numbers are and how they came about, line by line.
    pub caption: Vec<String>,
}

/// A number with the digits of one of the size of `scale_of`.
pub fn write_number(value: f64, digits: Digits, scale_of: f64) -> String {
    match digits {
        Digits::Decimals => format!("{value:.3}"),
        Digits::Fine => format!("{value:.4}"),
        Digits::Percent => format!("{:.1}%", value * 100.0),
        Digits::OfHundred => format!("{value:.1}"),
        Digits::Millions => format!("{}M", write_count(value / 1e6, scale_of / 1e6)),
        Digits::Billions => format!("{}G", write_count(value / 1e9, scale_of / 1e9)),
        Digits::Four if scale_of.abs() >= 100.0 => format!("{value:.1}"),
        Digits::Four if scale_of.abs() >= 10.0 => format!("{value:.2}"),
        Digits::Four => format!("{value:.3}"),
    }
}

/// As the paper writes counts: four digits, but three decimals at most.
fn write_count(value: f64, scale_of: f64) -> String {
    if scale_of.abs() >= 10.0 { format!("{value:.2}") } else { format!("{value:.3}") }
}

/// A mean with its deviation, if there is one; `-` for none.
pub fn write_cell(cell: Option<Measured>, digits: Digits) -> String {
    let Some(Measured { mean, std, .. }) = cell else { return "-".into() };
    match std {
        // The deviation has the decimals of its mean.
        Some(std) => {
            let mean_text = write_number(mean, digits, mean);
            format!("{} ± {}", mean_text.trim_end_matches(['%', 'M', 'G']), write_number(std, digits, mean))
        }
        None => write_number(mean, digits, mean),
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

impl Dataset {
    /// The columns that are scores against the truth, or those that are not. Of the former, lines without a number are left out.
    fn part(&self, truth: bool) -> Self {
        let kept: Vec<usize> = (0..self.headings.len()).filter(|&i| self.headings[i].truth == truth).collect();
        let of = |line: &Line| Line {
            cells: line.cells.as_ref().map(|cells| kept.iter().map(|&i| cells[i]).collect()).map_err(Clone::clone),
            ..line.clone()
        };
        let has_any = |line: &Line| line.cells.as_ref().is_ok_and(|cells| cells.iter().any(Option::is_some));
        Self {
            name: if truth { format!("{}, truth", self.name) } else { self.name.clone() },
            headings: kept.iter().map(|&i| self.headings[i].clone()).collect(),
            lines: self.lines.iter().map(of).filter(|line| !truth || has_any(line)).collect(),
        }
    }

    fn write_cells(&self, cells: &Cells) -> Vec<String> {
        cells.iter().zip(&self.headings).map(|(cell, heading)| write_cell(*cell, heading.digits)).collect()
    }

    /// Runs of columns of one metric: the first, and how many.
    fn groups(&self) -> Vec<(usize, usize)> {
        let mut groups: Vec<(usize, usize)> = vec![];
        for (i, heading) in self.headings.iter().enumerate() {
            match groups.last_mut() {
                Some((first, count)) if self.headings[*first].metric == heading.metric => *count += 1,
                _ => groups.push((i, 1)),
            }
        }
        groups
    }

    /// Widths of the columns: of what stands in them, and of a metric's name above its columns.
    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.headings.iter().map(|h| width(h.source)).collect();
        for cells in self.lines.iter().filter_map(|line| line.cells.as_ref().ok()) {
            for (at, cell) in widths.iter_mut().zip(self.write_cells(cells)) {
                *at = (*at).max(width(&cell));
            }
        }
        for (first, count) in self.groups() {
            let wide = spanned(&widths[first..first + count]);
            widths[first] += width(&self.headings[first].metric).saturating_sub(wide);
        }
        widths
    }

    fn text(&self, widths: &[usize], label_width: usize, out: &mut String) {
        let sourced = self.lines.iter().any(|line| !line.source.is_empty());
        let source_width = self.lines.iter().map(|line| width(line.source)).max().unwrap_or(0).max(5);
        let start = |label: &str, source: &str| match sourced {
            true => format!("{label:<label_width$} {source:<source_width$}"),
            false => format!("{label:<label_width$}"),
        };
        let mut line = start(&self.name, "");
        for (first, count) in self.groups() {
            let span = spanned(&widths[first..first + count]);
            let _ = write!(line, "  {:>span$}", self.headings[first].metric);
        }
        let _ = writeln!(out, "{line}");
        if self.headings.iter().any(|h| !h.source.is_empty()) {
            let sources = self.headings.iter().zip(widths).map(|(h, &width)| format!("  {:>width$}", h.source));
            let _ = writeln!(out, "{}{}", start("", ""), sources.collect::<String>());
        }
        let _ = writeln!(out, "{}", "-".repeat(width(&line)));
        let mut previous = "";
        for row in &self.lines {
            let label = if row.label == previous { "" } else { row.label.as_str() };
            previous = &row.label;
            out.push_str(&start(label, row.source));
            match &row.cells {
                Ok(cells) => {
                    for (cell, width) in self.write_cells(cells).iter().zip(widths) {
                        let _ = write!(out, "  {cell:>width$}");
                    }
                }
                Err(reason) => {
                    let _ = write!(out, "  failed: {reason}");
                }
            }
            out.push('\n');
        }
        out.push('\n');
    }

    fn markdown(&self, out: &mut String) {
        let sourced = self.lines.iter().any(|line| !line.source.is_empty());
        let source = |text: &str| if sourced { format!(" {text} |") } else { String::new() };
        let names: Vec<String> =
            self.headings.iter().map(|h| format!("{} {}", h.metric, h.source).trim_end().to_owned()).collect();
        let _ = writeln!(
            out,
            "\n## {}\n\n| |{} {} |\n|---|{}{}",
            self.name,
            if sourced { " |" } else { "" },
            names.join(" | "),
            if sourced { "---|" } else { "" },
            "---:|".repeat(names.len())
        );
        for row in &self.lines {
            let cells = match &row.cells {
                Ok(cells) => self.write_cells(cells).join(" | "),
                Err(reason) => format!("failed: {}{}", reason.replace('|', "\\|"), " |".repeat(names.len() - 1)),
            };
            let _ = writeln!(out, "| {} |{} {cells} |", row.label, source(row.source));
        }
    }
}

/// Width of columns with two spaces between them.
fn spanned(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + 2 * (widths.len() - 1)
}

/// Writes data sets for a terminal.
fn parallel(datasets: &[Dataset], out: &mut String) {
    let mut widths: Vec<Vec<usize>> = datasets.iter().map(Dataset::widths).collect();
    let labels = datasets.iter().flat_map(|dataset| dataset.lines.iter().map(|l| &l.label).chain([&dataset.name]));
    let label_width = labels.map(|label| width(label)).max().unwrap_or(0).max(15);
    // Halves of the same columns stand straight below each other.
    if datasets.windows(2).all(|pair| pair[0].headings == pair[1].headings) && !widths.is_empty() {
        let most = (0..widths[0].len()).map(|i| widths.iter().map(|w| w[i]).max().unwrap_or(0));
        widths = vec![most.collect(); widths.len()];
    }
    for (dataset, widths) in datasets.iter().zip(&widths) {
        dataset.text(widths, label_width, out);
    }
}

impl Table {
    /// For a terminal.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for truth in [false, true] {
            let parts = self.datasets.iter().map(|dataset| dataset.part(truth));
            parallel(&parts.filter(|part| !part.headings.is_empty()).collect::<Vec<_>>(), &mut out);
        }
        parallel(&self.differences, &mut out);
        for line in &self.caption {
            let _ = writeln!(out, "{}", wrap(line, 108));
        }
        out
    }

    /// For a document, with pictures by title and file.
    pub fn markdown(&self, pictures: &[(String, String)]) -> String {
        let mut out = format!("# {}\n", self.title);
        let parts = self.datasets.iter().flat_map(|dataset| [false, true].map(|truth| dataset.part(truth)));
        parts.filter(|part| !part.headings.is_empty()).for_each(|part| part.markdown(&mut out));
        self.differences.iter().for_each(|part| part.markdown(&mut out));
        out.push('\n');
        for line in &self.caption {
            let _ = writeln!(out, "{line}\n");
        }
        for (title, file) in pictures {
            let _ = writeln!(out, "## {title}\n\n![{title}]({file})\n");
        }
        out
    }

    /// One number per line.
    pub fn csv(&self) -> String {
        let modes = self.records.iter().any(|record| !record.mode.is_empty());
        let mode = |text: &str| if modes { format!("{text},") } else { String::new() };
        let mut out = format!("dataset,method,checkpoint,{}metric,mean,std,low,high\n", mode("mode"));
        for record in &self.records {
            let Measured { mean, std, interval } = record.value;
            let text = |number: Option<f64>| number.map(|n| n.to_string()).unwrap_or_default();
            let (std, low, high) = (text(std), text(interval.map(|i| i.low)), text(interval.map(|i| i.high)));
            let (dataset, label) = (quote(&record.dataset), quote(&record.label));
            let (checkpoint, mode) = (record.checkpoint, mode(record.mode));
            let _ = writeln!(out, "{dataset},{label},{checkpoint},{mode}{},{mean},{std},{low},{high}", record.metric);
        }
        out
    }
}

fn quote(field: &str) -> String {
    if field.contains([',', '"', '\n']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.to_owned() }
}

fn wrap(text: &str, most: usize) -> String {
    let (mut out, mut used) = (String::new(), 0);
    for word in text.split(' ') {
        let length = width(word);
        if used > 0 && used + 1 + length > most {
            out.push_str("\n  ");
            used = 2;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += length;
    }
    out
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
