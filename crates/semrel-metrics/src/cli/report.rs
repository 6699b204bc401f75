//! Which sets are compared with which, and how values are shown.

use super::sets::Set;
use clap::ValueEnum;
use std::fmt::Write;

/// Which pairs of sets are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Against {
    /// Each other set with the first, the reference
    First,
    /// Each with each
    All,
}

impl Against {
    /// What was chosen, or else the first for two sets and all for more.
    pub fn chosen(choice: Option<Self>, sets: usize) -> Self {
        choice.unwrap_or(if sets == 2 { Self::First } else { Self::All })
    }

    /// One line per set, with the role in which it was compared.
    pub fn describe(self, sets: &[Set]) -> impl Iterator<Item = (&'static str, String)> {
        sets.iter().enumerate().map(move |(i, set)| {
            let label = if self == Self::First && i == 0 { "reference" } else { "set" };
            (label, set.describe())
        })
    }

    /// Pairs (row, column) of `n` sets: the first with the others, or all in the lower triangle and, if wanted, on the
    /// diagonal.
    pub fn pairs(self, n: usize, diagonal: bool) -> Vec<(usize, usize)> {
        match self {
            Self::First => (1..n).map(|i| (i, 0)).collect(),
            Self::All => (0..n)
                .flat_map(|i| (0..n).map(move |j| (i, j)))
                .filter(|&(i, j)| j < i || (diagonal && i == j))
                .collect(),
        }
    }

    /// As the command line has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::All => "all",
        }
    }
}

/// `decimals` digits, without the sign of a zero.
pub fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if text.bytes().any(|b| (b'1'..=b'9').contains(&b)) { text } else { text.trim_start_matches('-').to_owned() }
}

/// A table of each set against each: rows and columns carry labels, a value stands in both triangles.
fn square(sets: &[Set], values: &[((usize, usize), String)]) -> String {
    let labels: Vec<&str> = sets.iter().map(|set| set.label.as_str()).collect();
    let of = |i: usize, j: usize| {
        let found = values.iter().find(|((a, b), _)| (*a, *b) == (i, j) || (*a, *b) == (j, i));
        found.map_or("-", |(_, text)| text.as_str())
    };
    let width = |text: &str| text.chars().count();
    let first = labels.iter().map(|l| width(l)).max().unwrap_or(0);
    let columns: Vec<usize> = (0..labels.len())
        .map(|j| (0..labels.len()).map(|i| width(of(i, j))).chain([width(labels[j])]).max().unwrap_or(0))
        .collect();
    let mut table = " ".repeat(first);
    for (label, width) in labels.iter().zip(&columns) {
        let _ = write!(table, "  {label:>width$}");
    }
    for (i, label) in labels.iter().enumerate() {
        let _ = write!(table, "\n{label:<first$}");
        for (j, width) in columns.iter().enumerate() {
            let _ = write!(table, "  {:>width$}", of(i, j));
        }
    }
    table
}

/// A score's name and its values: one, a line each against the first set, or a table.
pub fn head(name: &str, against: Against, sets: &[Set], values: &[((usize, usize), String)]) -> String {
    match (against, values) {
        (Against::First, [(_, value)]) => format!("{name}  {value}"),
        (Against::First, values) => {
            let rows: Vec<_> = values.iter().map(|((i, _), text)| (sets[*i].label.as_str(), text.clone())).collect();
            format!("{name}\n{}", lines(&rows))
        }
        (Against::All, values) => format!("{name}\n{}", square(sets, values)),
    }
}

/// Lines of a label and a text, the texts below one another.
pub fn lines(lines: &[(&str, String)]) -> String {
    let width = lines.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    lines.iter().map(|(label, text)| format!("{label:<width$}  {text}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_three() {
        assert_eq!(Against::First.pairs(3, true), [(1, 0), (2, 0)]);
        assert_eq!(Against::All.pairs(3, true), [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2)]);
        assert_eq!(Against::All.pairs(3, false), [(1, 0), (2, 0), (2, 1)]);
    }

    #[test]
    fn zeros_have_no_sign() {
        assert_eq!([fixed(-1e-9, 3), fixed(-0.5, 1), fixed(12.3456, 2)], ["0.000", "-0.5", "12.35"]);
    }

    #[test]
    fn labels_and_texts_are_aligned() {
        assert_eq!(lines(&[("a", "x".into()), ("long", "y".into())]), "a     x\nlong  y");
    }
}
