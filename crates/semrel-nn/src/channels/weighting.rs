//! How likely each choice of a position is.

use crate::NetworkError;
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// Probabilities of a position's choices, by their number j (from 0) among n. As lists descend, the weighted forms favour
/// narrow layers.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weighting {
    /// All alike.
    #[default]
    Uniform,
    /// `(n − 1)/(a − 1) + j`, unnormalised, for parameter a: 4, 5, 6, 7, 8 for a = 2 and n = 5. The last choice is a times
    /// as likely as the first.
    Arithmetic(f64),
    /// `a^j`, unnormalised.
    Geometric(f64),
}

impl Weighting {
    /// Up to this parameter the weighted forms are uniform, as published.
    const UNIFORM_UP_TO: f64 = 1.0001;
    /// The largest parameter.
    const MOST: i64 = 1000;

    /// Whether the parameter has a meaning.
    ///
    /// # Errors
    /// [`NetworkError::Weighting`] where it is not 1 to 1000.
    pub fn check(self) -> Result<(), NetworkError> {
        match self {
            Self::Arithmetic(a) | Self::Geometric(a) if !(1.0..=Self::MOST as f64).contains(&a) => {
                Err(NetworkError::Weighting { value: a.to_string(), most: Self::MOST })
            }
            _ => Ok(()),
        }
    }

    /// Unnormalised weights of `choices` choices; `None` where all are alike.
    pub fn weights(self, choices: usize) -> Option<Vec<f64>> {
        let numbers = (0..choices).map(|j| j as f64);
        match self {
            Self::Arithmetic(a) if a > Self::UNIFORM_UP_TO => {
                let first = (choices as f64 - 1.0) / (a - 1.0);
                Some(numbers.map(|j| first + j).collect())
            }
            Self::Geometric(a) if a > Self::UNIFORM_UP_TO => Some(numbers.map(|j| a.powf(j)).collect()),
            _ => None,
        }
    }

    /// Number of the choice among `choices` that a `uniform` number of 0..1 falls on; `None`, and no number asked for, where
    /// all are alike or there is but one.
    pub fn choose(self, choices: usize, uniform: impl FnOnce() -> f64) -> Option<usize> {
        // A single choice has weight 0 in the arithmetic form.
        let weights = self.weights(choices).filter(|_| choices > 1)?;
        let mut left = uniform() * weights.iter().sum::<f64>();
        let chosen = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        Some(chosen.unwrap_or(choices - 1))
    }

    /// Number of a choice among `choices`, of which there is at least one.
    pub(super) fn draw(self, choices: usize, rng: &mut impl Rng) -> usize {
        self.choose(choices, || rng.random()).unwrap_or_else(|| rng.random_range(0..choices))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[test]
    fn draws_follow_the_weights() {
        let mut rng = StdRng::seed_from_u64(5);
        for weighting in [Weighting::Uniform, Weighting::Arithmetic(2.0), Weighting::Geometric(1.5)] {
            let (n, draws) = (5, 20_000);
            let mut counts = [0; 5];
            for _ in 0..draws {
                counts[weighting.draw(n, &mut rng)] += 1;
            }
            let weights = weighting.weights(n).unwrap_or(vec![1.0; n]);
            let total: f64 = weights.iter().sum();
            for (count, weight) in counts.iter().zip(&weights) {
                let expected = f64::from(draws) * weight / total;
                assert!((f64::from(*count) - expected).abs() < 5.0 * expected.sqrt(), "{weighting:?}: {counts:?}");
            }
            assert_eq!(weighting.draw(1, &mut rng), 0);
        }
    }

    #[test]
    fn parameters_without_meaning_are_refused() {
        assert!(Weighting::Arithmetic(1.0).check().is_ok() && Weighting::Uniform.check().is_ok());
        for a in [0.5, f64::NAN, f64::INFINITY, -3.0, 1e9] {
            let error = Weighting::Geometric(a).check().unwrap_err().to_string();
            assert!(error.contains(&a.to_string()) && error.contains("1000"), "{error}");
        }
        assert_eq!(Weighting::Arithmetic(1.0).weights(4), None);
    }
}
