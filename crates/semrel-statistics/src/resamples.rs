//! Resampled lists, and what is read from the scores that they give.

use crate::StatisticsError;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// Mean of numbers.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard deviation with divisor n − 1.
pub fn standard_deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (squares / (values.len() as f64 - 1.0)).sqrt()
}

/// The quantile at `share` of sorted numbers, linear between order statistics: at position `share · (n − 1)`.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    below + (above - below) * at.fract()
}

/// An interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// The interval of `level` that resamples span: quantiles at `(1 − level)/2` and `1 − (1 − level)/2`.
    pub fn of(resamples: &[f64], level: f64) -> Self {
        let mut sorted = resamples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let tail = (1.0 - level) / 2.0;
        Self { low: quantile(&sorted, tail), high: quantile(&sorted, 1.0 - tail) }
    }

    /// The same around another middle: moved by how far `estimate` lies from the mean of the resamples.
    pub fn centred(resamples: &[f64], estimate: f64, level: f64) -> Self {
        let shift = estimate - mean(resamples);
        let Self { low, high } = Self::of(resamples, level);
        Self { low: low + shift, high: high + shift }
    }

    /// Whether a number lies within, the ends included.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// Which of `n` things each resample consists of, with repeats: B lists of the same length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lists(Vec<Vec<usize>>);

impl Lists {
    /// Given lists of numbers below `n`.
    ///
    /// # Errors
    /// [`StatisticsError::Shape`] for an empty list, or a number that is not below `n`.
    pub fn new(lists: Vec<Vec<usize>>, n: usize) -> Result<Self, StatisticsError> {
        match lists.iter().find(|list| list.is_empty() || list.iter().any(|&i| i >= n)) {
            Some(list) => Err(StatisticsError::Shape {
                what: "a resample",
                found: format!("{list:?}"),
                expected: format!("numbers below {n}, at least one"),
            }),
            None => Ok(Self(lists)),
        }
    }

    /// `count` pairs of lists, of seeds and of pictures, drawn uniformly with replacement: of each resample first the seeds, then the
    /// pictures.
    pub fn drawn(count: usize, seeds: usize, pictures: usize, seed: u64) -> [Self; 2] {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (mut of_seeds, mut of_pictures) = (vec![], vec![]);
        for _ in 0..count {
            of_seeds.push((0..seeds).map(|_| rng.random_range(0..seeds)).collect());
            of_pictures.push((0..pictures).map(|_| rng.random_range(0..pictures)).collect());
        }
        [Self(of_seeds), Self(of_pictures)]
    }

    /// The lists.
    pub fn lists(&self) -> &[Vec<usize>] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_order_statistics() {
        let sorted = [1.0, 2.0, 4.0];
        assert_eq!((quantile(&sorted, 0.0), quantile(&sorted, 0.25), quantile(&sorted, 1.0)), (1.0, 1.5, 4.0));
        let interval = Interval::of(&[4.0, 1.0, 2.0], 0.5);
        assert_eq!(interval, Interval { low: 1.5, high: 3.0 });
        assert!(interval.contains(3.0) && !interval.contains(3.1));
        let centred = Interval::centred(&[4.0, 1.0, 2.5], 0.0, 0.5);
        assert!((centred.low + 0.75).abs() < 1e-12 && (centred.high - 0.75).abs() < 1e-12);
    }

    #[test]
    fn lists_hold_numbers_of_what_they_resample() {
        assert!(Lists::new(vec![vec![0, 2]], 2).is_err());
        let [seeds, pictures] = Lists::drawn(50, 3, 7, 1);
        assert_eq!((seeds.lists().len(), pictures.lists()[49].len()), (50, 7));
        assert!(seeds.lists().iter().flatten().all(|&s| s < 3) && pictures.lists().iter().flatten().all(|&i| i < 7));
        assert_eq!(Lists::drawn(50, 3, 7, 1), [seeds, pictures]);
    }
}
