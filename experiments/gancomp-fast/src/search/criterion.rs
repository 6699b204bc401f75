//! Which of two configurations is better.

use crate::config::Criterion;
use crate::search::member::Member;
use semrel_run::search::Measure;
use std::cmp::Ordering;

impl Criterion {
    /// Whether `a` is strictly better than `b`.
    pub fn better(self, a: f64, b: f64) -> bool {
        match self {
            Self::Frechet => a < b,
            Self::Miou => a > b,
        }
    }

    /// The better first; qualities are numbers, never NaN.
    pub fn order(self, a: f64, b: f64) -> Ordering {
        match self {
            Self::Frechet => a.total_cmp(&b),
            Self::Miou => b.total_cmp(&a),
        }
    }

    /// The best member, the first of equal ones.
    pub fn best(self, members: impl IntoIterator<Item = Member>) -> Option<Member> {
        members.into_iter().reduce(|best, next| if self.better(next.quality, best.quality) { next } else { best })
    }

    /// What the published exhaustive search records for configurations over budget, which it does not evaluate.
    pub fn over_budget(self) -> f64 {
        match self {
            Self::Frechet => 1e9,
            Self::Miou => 0.0,
        }
    }

    /// What it measures.
    pub fn measure(self) -> Measure {
        match self {
            Self::Frechet => Measure::Fd,
            Self::Miou => Measure::Miou,
        }
    }

    /// Its name in files: `fd`, a Fréchet distance, or `miou`, in percent.
    pub fn key(self) -> &'static str {
        self.measure().key()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smaller_distances_and_larger_overlaps_are_better() {
        for (criterion, good, bad) in [(Criterion::Frechet, 3.0, 4.0), (Criterion::Miou, 40.0, 30.0)] {
            assert!(criterion.better(good, bad) && !criterion.better(bad, good) && !criterion.better(good, good));
            assert_eq!(criterion.order(good, bad), Ordering::Less);
            assert!(criterion.better(bad, criterion.over_budget()));
        }
    }
}
