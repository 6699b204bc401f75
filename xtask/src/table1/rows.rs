//! The rows of the table: halves (data sets) times methods.

use anyhow::{Result, bail};
use clap::ValueEnum;

/// Losses that a row trains with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// StarGAN v2 as it is.
    StarganV2,
    /// With the spatially-correlative loss.
    Lsesim,
    /// With the paper's losses.
    Ours,
}

impl Method {
    /// In the table's order.
    pub const ALL: [Self; 3] = [Self::StarganV2, Self::Lsesim, Self::Ours];

    /// As in names of rows, files and configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::StarganV2 => "stargan-v2",
            Self::Lsesim => "lsesim",
            Self::Ours => "ours",
        }
    }

    /// As the table prints it.
    pub fn title(self) -> &'static str {
        match self {
            Self::StarganV2 => "StarGAN v2",
            Self::Lsesim => "+ LSeSim",
            Self::Ours => "+ Ours",
        }
    }
}

/// Extent of data, networks and training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// 64 x 64 pixels, narrow networks, the sample world: minutes
    Sample,
    /// Your images (--data) at 64 to 128 pixels: about an hour a row
    Small,
    /// The paper's sizes, data and hyper-parameters: days, on a GPU
    Paper,
}

impl Profile {
    /// As in names of files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Small => "small",
            Self::Paper => "paper",
        }
    }
}

/// A row: a half by its index, and a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Index of the half.
    pub half: usize,
    /// Method.
    pub method: Method,
}

/// The rows that `only` names (all, if it names none), in the table's order. A name is a half, a method, or both as
/// `half/method`.
pub fn select(halves: &[String], only: &[String]) -> Result<Vec<Row>> {
    let all: Vec<Row> = (0..halves.len()).flat_map(|half| Method::ALL.map(|method| Row { half, method })).collect();
    let full = |row: &Row| format!("{}/{}", halves[row.half], row.method.name());
    let fits = |row: &Row, name: &str| name == full(row) || name == halves[row.half] || name == row.method.name();
    for name in only {
        if !all.iter().any(|row| fits(row, name)) {
            let rows: Vec<String> = all.iter().map(full).collect();
            bail!(
                "no row `{name}`; the rows are {}, and a half ({}) or a method ({}) names all of its rows",
                rows.join(", "),
                halves.join(", "),
                Method::ALL.map(Method::name).join(", ")
            );
        }
    }
    Ok(all.into_iter().filter(|row| only.is_empty() || only.iter().any(|name| fits(row, name))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(only: &[&str]) -> Vec<String> {
        let halves = ["seasons".to_owned(), "weather".to_owned()];
        let only: Vec<String> = only.iter().map(|&n| n.to_owned()).collect();
        let rows = select(&halves, &only).unwrap();
        rows.iter().map(|r| format!("{}/{}", halves[r.half], r.method.name())).collect()
    }

    #[test]
    fn rows_are_named_by_half_method_or_both() {
        assert_eq!(names(&[]).len(), 6);
        assert_eq!(names(&["ours"]), ["seasons/ours", "weather/ours"]);
        assert_eq!(names(&["weather"]), ["weather/stargan-v2", "weather/lsesim", "weather/ours"]);
        assert_eq!(names(&["weather/ours", "seasons/lsesim"]), ["seasons/lsesim", "weather/ours"]);
    }

    #[test]
    fn an_unknown_row_is_an_error_with_the_list() {
        let text = select(&["mine".into()], &["our".into()]).unwrap_err().to_string();
        assert!(text.contains("`our`") && text.contains("mine/ours") && text.contains("stargan-v2"), "{text}");
    }
}
