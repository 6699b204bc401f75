//! Exact tests of whether two methods differ, over seeds.

use crate::StatisticsError;
use crate::resamples::mean;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// Most seeds of [`sign_flip`].
const MOST_PAIRED: usize = 20;
/// Most seeds of both sides of [`permutation`].
pub const MOST_SPLIT: usize = 26;
/// Of the sum of all absolute values: what rounding may differ by.
const SLACK: f64 = 1e-12;

/// p values of an exact test. The observed arrangement is one of those that are counted, so that none is 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PValues {
    /// That the methods differ, whichever way.
    pub two_sided: f64,
    /// That A is less than B.
    pub less: f64,
    /// That A is greater than B.
    pub greater: f64,
    /// Arrangements that were counted: 1 over it is the least p of one side.
    pub arrangements: u64,
}

/// Counts arrangements at least as far out as the observed statistic.
struct Counts {
    observed: f64,
    slack: f64,
    all: u64,
    two_sided: u64,
    less: u64,
    greater: u64,
}

impl Counts {
    fn new(observed: f64, slack: f64) -> Self {
        Self { observed, slack, all: 0, two_sided: 0, less: 0, greater: 0 }
    }

    fn add(&mut self, statistic: f64) {
        self.all += 1;
        self.two_sided += u64::from(statistic.abs() >= self.observed.abs() - self.slack);
        self.less += u64::from(statistic <= self.observed + self.slack);
        self.greater += u64::from(statistic >= self.observed - self.slack);
    }

    fn p(&self) -> PValues {
        let share = |count: u64| count as f64 / self.all as f64;
        PValues {
            two_sided: share(self.two_sided),
            less: share(self.less),
            greater: share(self.greater),
            arrangements: self.all,
        }
    }
}

fn check(values: &[f64], most: usize) -> Result<(), StatisticsError> {
    if values.is_empty() {
        let (found, expected) = ("none".to_owned(), "at least one".to_owned());
        return Err(StatisticsError::Shape { what: "seeds", found, expected });
    }
    if values.len() > most {
        return Err(StatisticsError::TooMany { found: values.len(), most });
    }
    match values.iter().all(|v| v.is_finite()) {
        true => Ok(()),
        false => Err(StatisticsError::NotFinite("a score of a seed".to_owned())),
    }
}

/// The exact sign-flip test of the seeds' differences `d = A − B`, over all 2^S signs. Only where a seed fixes something that both methods
/// share; for two trainings of GANs it mostly does not, and [`permutation`] is the test, and the stronger one.
///
/// # Errors
/// [`StatisticsError::Shape`] without seeds, [`StatisticsError::TooMany`] beyond 20, [`StatisticsError::NotFinite`].
pub fn sign_flip(d: &[f64]) -> Result<PValues, StatisticsError> {
    check(d, MOST_PAIRED)?;
    let slack = SLACK * d.iter().map(|v| v.abs()).sum::<f64>();
    let mut counts = Counts::new(d.iter().sum(), slack);
    for signs in 0u64..1 << d.len() {
        counts.add(d.iter().enumerate().map(|(s, v)| if signs >> s & 1 == 0 { *v } else { -v }).sum());
    }
    Ok(counts.p())
}

/// The exact permutation test of two groups of seeds: `mean A − mean B` over all splits of all scores into groups of these sizes.
///
/// # Errors
/// [`StatisticsError::Shape`] where a group is empty, [`StatisticsError::TooMany`] beyond 26 seeds in all,
/// [`StatisticsError::NotFinite`].
pub fn permutation(a: &[f64], b: &[f64]) -> Result<PValues, StatisticsError> {
    check(a, MOST_SPLIT)?;
    check(b, MOST_SPLIT)?;
    let all: Vec<f64> = a.iter().chain(b).copied().collect();
    check(&all, MOST_SPLIT)?;
    let slack = SLACK * all.iter().map(|v| v.abs()).sum::<f64>();
    let mut counts = Counts::new(mean(a) - mean(b), slack);
    let (size, n) = (a.len(), all.len());
    // Gosper's walk over all sets of `size` of `n`.
    let mut set: u64 = (1 << size) - 1;
    while set < 1 << n {
        let (mut of_a, mut of_b) = (0.0, 0.0);
        for (i, v) in all.iter().enumerate() {
            *(if set >> i & 1 == 1 { &mut of_a } else { &mut of_b }) += v;
        }
        counts.add(of_a / size as f64 - of_b / (n - size) as f64);
        let lowest = set & set.wrapping_neg();
        let ripple = set + lowest;
        set = (((set ^ ripple) >> 2) / lowest) | ripple;
    }
    Ok(counts.p())
}

/// As [`permutation`], over `count` random splits of any number of seeds, besides the observed one.
///
/// # Errors
/// [`StatisticsError::Shape`] where a group is empty, [`StatisticsError::NotFinite`].
pub fn permutation_sampled(a: &[f64], b: &[f64], count: usize, seed: u64) -> Result<PValues, StatisticsError> {
    check(a, usize::MAX)?;
    check(b, usize::MAX)?;
    let mut all: Vec<f64> = a.iter().chain(b).copied().collect();
    let slack = SLACK * all.iter().map(|v| v.abs()).sum::<f64>();
    let observed = mean(a) - mean(b);
    let mut counts = Counts::new(observed, slack);
    counts.add(observed);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..count {
        all.shuffle(&mut rng);
        let (of_a, of_b) = all.split_at(a.len());
        counts.add(mean(of_a) - mean(of_b));
    }
    Ok(counts.p())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    #[test]
    fn a_planted_difference_is_found_and_equal_methods_seldom_differ() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut seeds = |shift: f64| -> Vec<f64> { (0..5).map(|_| shift + rng.random::<f64>()).collect() };
        assert!(permutation(&seeds(0.0), &seeds(2.0)).unwrap().two_sided < 0.01);
        let found = (0..200).filter(|_| permutation(&seeds(0.0), &seeds(0.0)).unwrap().two_sided <= 0.05).count();
        assert!(found <= 10, "{found} of 200");
    }

    #[test]
    fn equal_methods_are_seldom_told_apart_in_whole_tables() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let mut seeds = || -> Vec<f64> { (0..5).map(|_| rng.random::<f64>()).collect() };
        let mut finds_one = || {
            let ours = seeds();
            let p: Vec<f64> = (0..4).map(|_| permutation(&seeds(), &ours).unwrap().two_sided).collect();
            crate::holm(&p).iter().any(|p| *p <= 0.05)
        };
        let found = (0..200).filter(|_| finds_one()).count();
        assert!(found <= 10, "{found} of 200");
    }

    #[test]
    fn random_splits_come_near_to_all_of_them() {
        let (a, b) = ([1.0, 2.0, 2.5, 3.0, 7.0], [2.2, 4.0, 5.0, 6.0, 6.5]);
        let (exact, sampled) = (permutation(&a, &b).unwrap(), permutation_sampled(&a, &b, 20_000, 1).unwrap());
        assert!((exact.two_sided - sampled.two_sided).abs() < 0.01 && (exact.less - sampled.less).abs() < 0.01);
        assert_eq!(sampled.arrangements, 20_001);
        assert!(permutation_sampled(&[0.0; 20], &[1.0; 20], 1000, 1).unwrap().two_sided < 0.01);
    }

    #[test]
    fn three_seeds_cannot_reach_five_per_cent() {
        let p = permutation(&[1.0, 2.0, 3.0], &[14.0, 15.0, 16.0]).unwrap();
        assert_eq!((p.two_sided, p.less, p.arrangements), (0.1, 0.05, 20));
        assert_eq!(sign_flip(&[1.0, 2.0, 3.0]).unwrap().two_sided, 0.25);
    }

    #[test]
    fn what_cannot_be_tested_is_refused() {
        assert!(matches!(permutation(&[], &[1.0]), Err(StatisticsError::Shape { .. })));
        assert!(matches!(permutation(&[1.0; 14], &[1.0; 13]), Err(StatisticsError::TooMany { found: 27, most: 26 })));
        assert!(matches!(sign_flip(&[f64::NAN]), Err(StatisticsError::NotFinite(_))));
        assert!(matches!(sign_flip(&[1.0; 21]), Err(StatisticsError::TooMany { .. })));
    }
}
