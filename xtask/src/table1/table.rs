//! The table as data, and as text, Markdown and CSV.

use super::results::{Eval, Measured, Score, Scores};
use std::fmt::Write;

/// Columns: translation with random styles or with those of reference images, and what is measured.
pub const COLUMNS: [(&str, &str, Digits); 6] = [
    ("latent", "fd", Digits::Four),
    ("latent", "pd", Digits::Decimals),
    ("reference", "fd", Digits::Four),
    ("reference", "pd", Digits::Decimals),
    ("latent", "target_accuracy", Digits::Percent),
    ("reference", "target_accuracy", Digits::Percent),
];

const HEADINGS: [&str; 6] = ["Latent FD ↓", "Latent PD ↑", "Ref. FD ↓", "Ref. PD ↑", "Lat. acc. ↑", "Ref. acc. ↑"];

/// How a column writes numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digits {
    /// Four significant ones.
    Four,
    /// Three decimals.
    Decimals,
    /// A share in percent.
    Percent,
}

/// The numbers of a line.
pub type Cells = [Option<Measured>; 6];

/// A line of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Method, or `no translation`.
    pub label: String,
    /// Checkpoint, or `paper`.
    pub source: &'static str,
    /// Numbers, or why there are none.
    pub cells: Result<Cells, String>,
}

/// The lines of one data set.
#[derive(Debug, Clone)]
pub struct Half {
    /// Its name.
    pub name: String,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// The table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its halves.
    pub halves: Vec<Half>,
    /// What the numbers are and how they came about, line by line.
    pub caption: Vec<String>,
}

/// The numbers of a method over seeds.
pub fn cells(evals: &[Eval]) -> Cells {
    COLUMNS.map(|(mode, metric, _)| {
        let pick = |eval: &Eval| {
            let scores: &Scores = if mode == "latent" { &eval.latent } else { &eval.reference };
            let score: &Score = match metric {
                "fd" => &scores.fd,
                "pd" => &scores.pd,
                _ => &scores.target_accuracy,
            };
            score.mean
        };
        Measured::over(&evals.iter().map(pick).collect::<Vec<_>>())
    })
}

/// The same numbers for both ways of translating: `[fd, pd, accuracy]`.
pub fn same_cells([fd, pd, accuracy]: [Option<f64>; 3]) -> Cells {
    [fd, pd, fd, pd, accuracy, accuracy].map(|value| Measured::over(&[value]))
}

/// The paper's numbers, which have no accuracies.
pub fn paper_cells(latent: [f64; 2], reference: [f64; 2]) -> Cells {
    [Some(latent[0]), Some(latent[1]), Some(reference[0]), Some(reference[1]), None, None]
        .map(|value| Measured::over(&[value]))
}

fn write_number(value: f64, digits: Digits, scale_of: f64) -> String {
    match digits {
        Digits::Decimals => format!("{value:.3}"),
        Digits::Percent => format!("{:.1}%", value * 100.0),
        Digits::Four if scale_of.abs() >= 100.0 => format!("{value:.1}"),
        Digits::Four if scale_of.abs() >= 10.0 => format!("{value:.2}"),
        Digits::Four => format!("{value:.3}"),
    }
}

fn write_cell(cell: Option<Measured>, digits: Digits) -> String {
    let Some(Measured { mean, std }) = cell else { return "-".into() };
    match std {
        // The deviation has the decimals of its mean.
        Some(std) => {
            let mean_text = write_number(mean, digits, mean);
            format!("{} ± {}", mean_text.trim_end_matches('%'), write_number(std, digits, mean))
        }
        None => write_number(mean, digits, mean),
    }
}

fn write_cells(cells: &Cells) -> [String; 6] {
    std::array::from_fn(|i| write_cell(cells[i], COLUMNS[i].2))
}

impl Table {
    /// For a terminal.
    pub fn text(&self) -> String {
        let rows = self.halves.iter().flat_map(|h| &h.lines).filter_map(|l| l.cells.as_ref().ok());
        let mut widths = HEADINGS.map(|h| h.chars().count());
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(write_cells(row)) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut out = String::new();
        for half in &self.halves {
            let mut line = format!("{:<15} {:<5}", half.name, "");
            for (heading, width) in HEADINGS.iter().zip(widths) {
                let _ = write!(line, "  {heading:>width$}");
            }
            let rule = "-".repeat(line.chars().count());
            let _ = writeln!(out, "{line}\n{rule}");
            let mut previous = "";
            for row in &half.lines {
                let label = if row.label == previous { "" } else { row.label.as_str() };
                previous = &row.label;
                let _ = write!(out, "{label:<15} {:<5}", row.source);
                match &row.cells {
                    Ok(cells) => {
                        for (cell, width) in write_cells(cells).iter().zip(widths) {
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
        for line in &self.caption {
            let _ = writeln!(out, "{}", wrap(line, 108));
        }
        out
    }

    /// For a document; `picture` names the image of a line, if it has one.
    pub fn markdown(&self, pictures: &[(String, String)]) -> String {
        let mut out = String::from("# Table 1: multi-modal translation\n");
        for half in &self.halves {
            let _ =
                writeln!(out, "\n## {}\n\n| | | {} |\n|---|---|{}", half.name, HEADINGS.join(" | "), "---:|".repeat(6));
            for row in &half.lines {
                let cells = match &row.cells {
                    Ok(cells) => write_cells(cells).join(" | "),
                    Err(reason) => format!("failed: {} | | | | |", reason.replace('|', "\\|")),
                };
                let _ = writeln!(out, "| {} | {} | {cells} |", row.label, row.source);
            }
        }
        out.push('\n');
        for line in &self.caption {
            let _ = writeln!(out, "{line}\n");
        }
        for (title, file) in pictures {
            let _ = writeln!(out, "## {title}\n\n![{title}]({file})\n");
        }
        out
    }

    /// One number a line.
    pub fn csv(&self) -> String {
        let mut out = String::from("half,method,checkpoint,mode,metric,mean,std\n");
        for half in &self.halves {
            for row in &half.lines {
                let Ok(cells) = &row.cells else { continue };
                for (cell, (mode, metric, _)) in cells.iter().zip(COLUMNS) {
                    let Some(Measured { mean, std }) = cell else { continue };
                    let std = std.map(|s| s.to_string()).unwrap_or_default();
                    let (half, label) = (quote(&half.name), quote(&row.label));
                    let _ = writeln!(out, "{half},{label},{},{mode},{metric},{mean},{std}", row.source);
                }
            }
        }
        out
    }
}

fn quote(field: &str) -> String {
    if field.contains([',', '"', '\n']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.to_owned() }
}

fn wrap(text: &str, width: usize) -> String {
    let (mut out, mut used) = (String::new(), 0);
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
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
mod tests {
    use super::*;
    use serde_json::json;

    fn eval(fd: f64) -> Eval {
        let scores = |fd: f64| json!({"fd": {"mean": fd}, "pd": {"mean": 0.25}, "target_accuracy": {"mean": 0.5}});
        serde_json::from_value(json!({"latent": scores(fd), "reference": scores(fd * 10.0)})).unwrap()
    }

    fn table() -> Table {
        let line = |label: &str, source, cells| Line { label: label.into(), source, cells };
        let lines = vec![
            line("no translation", "", Ok(same_cells([Some(3.0), None, Some(0.125)]))),
            line("+ Ours", "last", Ok(cells(&[eval(12.0), eval(14.0)]))),
            line("+ Ours", "paper", Ok(paper_cells([54.7, 0.496], [54.23, 0.365]))),
            line("+ LSeSim", "last", Err("disk | full".into())),
        ];
        Table { halves: vec![Half { name: "seasons".into(), lines }], caption: vec!["a caption".into()] }
    }

    #[test]
    fn text_is_aligned_and_narrow() {
        let text = table().text();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("seasons") && lines[0].ends_with("Ref. acc. ↑"), "{text}");
        assert!(lines[2].starts_with("no translation") && lines[2].ends_with("12.5%"), "{text}");
        assert!(lines[3].contains("13.00 ± 1.41") && lines[3].contains("0.250 ± 0.000"), "{text}");
        assert!(lines[3].contains("130.0 ± 14.1") && lines[3].ends_with("50.0 ± 0.0%"), "{text}");
        // The method's name is not repeated.
        assert!(lines[4].starts_with("                paper") && lines[4].contains("54.70"), "{text}");
        assert!(lines[5].contains("failed: disk | full"), "{text}");
        let widths: Vec<usize> = lines[..5].iter().map(|l| l.chars().count()).collect();
        assert!(widths.iter().all(|&w| w == widths[0] && w <= 110), "{widths:?}\n{text}");
    }

    #[test]
    fn markdown_keeps_its_columns() {
        let text = table().markdown(&[("seasons, ours".into(), "a.png".into())]);
        assert!(text.contains("| + Ours | paper | 54.70 | 0.496 | 54.23 | 0.365 | - | - |"), "{text}");
        assert!(text.contains("| + LSeSim | last | failed: disk \\| full |"), "{text}");
        assert!(text.contains("![seasons, ours](a.png)") && text.contains("a caption"), "{text}");
    }

    #[test]
    fn csv_has_one_number_a_line() {
        let text = table().csv();
        assert!(text.contains("seasons,+ Ours,last,latent,fd,13,1.41"), "{text}");
        assert!(text.contains("seasons,no translation,,latent,target_accuracy,0.125,\n"), "{text}");
        assert_eq!(text.lines().count(), 1 + 4 + 6 + 4);
        assert_eq!(quote("a,\"b\""), "\"a,\"\"b\"\"\"");
    }

    #[test]
    fn captions_wrap() {
        assert_eq!(wrap("one two three", 7), "one two\n  three");
    }
}
