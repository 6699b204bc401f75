//! Scores of methods, seeds and pictures.

use crate::StatisticsError;
use crate::resamples::{mean, standard_deviation};
use serde::Serialize;

/// Scores `x[m][s][i]` of each method m, seed s and test picture i; with one picture, scores of whole sets such as a Fréchet distance.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores(Vec<Vec<Vec<f64>>>);

/// A cell of a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    /// Mean over pictures of each seed.
    pub of_seeds: Vec<f64>,
    /// Mean over seeds.
    pub mean: f64,
    /// Standard deviation over seeds, divisor S − 1; absent with one seed.
    pub deviation: Option<f64>,
}

impl Cell {
    /// The cell of these means of seeds, at least one.
    ///
    /// # Errors
    /// [`StatisticsError::Shape`] without a seed, [`StatisticsError::NotFinite`].
    pub fn new(of_seeds: Vec<f64>) -> Result<Self, StatisticsError> {
        if of_seeds.is_empty() {
            let (found, expected) = ("none".to_owned(), "at least one".to_owned());
            return Err(StatisticsError::Shape { what: "seeds", found, expected });
        }
        if let Some(s) = of_seeds.iter().position(|score| !score.is_finite()) {
            return Err(StatisticsError::NotFinite(format!("the score of seed number {}", s + 1)));
        }
        let deviation = (of_seeds.len() > 1).then(|| standard_deviation(&of_seeds));
        Ok(Self { mean: mean(&of_seeds), deviation, of_seeds })
    }

    /// Least and largest of the seeds.
    pub fn range(&self) -> (f64, f64) {
        self.of_seeds.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)))
    }
}

impl Scores {
    /// Scores of methods that have the same seeds and pictures.
    ///
    /// # Errors
    /// [`StatisticsError::Shape`] unless all lists are as long as their neighbours, and none is empty;
    /// [`StatisticsError::NotFinite`].
    pub fn new(scores: Vec<Vec<Vec<f64>>>) -> Result<Self, StatisticsError> {
        let seeds = scores.first().map_or(0, Vec::len);
        let pictures = scores.first().and_then(|method| method.first()).map_or(0, Vec::len);
        for (m, method) in scores.iter().enumerate() {
            let shape = |found: String| StatisticsError::Shape {
                what: "scores of methods",
                found,
                expected: format!("{seeds} seeds of {pictures} pictures each, as method number 1 has"),
            };
            if method.len() != seeds || seeds == 0 {
                return Err(shape(format!("method number {} with {} seeds", m + 1, method.len())));
            }
            if let Some(seed) = method.iter().find(|seed| seed.len() != pictures || pictures == 0) {
                return Err(shape(format!("method number {} with a seed of {} pictures", m + 1, seed.len())));
            }
            if method.iter().flatten().any(|score| !score.is_finite()) {
                return Err(StatisticsError::NotFinite(format!("a score of method number {}", m + 1)));
            }
        }
        Ok(Self(scores))
    }

    /// Number of seeds.
    pub fn seeds(&self) -> usize {
        self.0.first().map_or(0, Vec::len)
    }

    /// Number of pictures.
    pub fn pictures(&self) -> usize {
        self.0.first().and_then(|method| method.first()).map_or(0, Vec::len)
    }

    /// Scores of a method, by seed and picture.
    pub fn method(&self, m: usize) -> &[Vec<f64>] {
        &self.0[m]
    }

    /// The cell of each method.
    pub fn cells(&self) -> Vec<Cell> {
        let cell = |method: &Vec<Vec<f64>>| Cell::new(method.iter().map(|seed| mean(seed)).collect());
        self.0.iter().map(|method| cell(method).expect("scores are checked")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_are_of_seeds_not_of_pictures() {
        let scores =
            Scores::new(vec![vec![vec![0.0, 10.0], vec![1.0, 11.0]], vec![vec![2.0, 2.0], vec![2.0, 2.0]]]).unwrap();
        let cells = scores.cells();
        assert_eq!((cells[0].mean, cells[0].deviation), (5.5, Some(0.5f64.sqrt())));
        assert_eq!((cells[1].mean, cells[1].deviation, cells[1].range()), (2.0, Some(0.0), (2.0, 2.0)));
        assert_eq!(Cell::new(vec![3.0]).unwrap().deviation, None);
    }

    #[test]
    fn uneven_tables_are_refused() {
        let text = |scores| Scores::new(scores).unwrap_err().to_string();
        assert!(text(vec![vec![vec![1.0]], vec![]]).contains("method number 2 with 0 seeds"));
        assert!(text(vec![vec![vec![1.0], vec![1.0, 2.0]]]).contains("a seed of 2 pictures"));
        assert!(text(vec![vec![vec![f64::NAN]]]).contains("not finite"));
        assert!(Cell::new(vec![]).is_err() && Cell::new(vec![f64::INFINITY]).is_err());
    }
}
