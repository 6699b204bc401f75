//! The t interval of a few seeds' differences.

use crate::resamples::{Interval, mean, standard_deviation};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// `Δ ± t_{S−1} sd/√S` of the seeds' differences, which it takes for normal; `None` with fewer than two seeds.
pub fn t_interval(d: &[f64], level: f64) -> Option<Interval> {
    let freedom = d.len().checked_sub(1).filter(|freedom| *freedom > 0)? as f64;
    let t = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(0.5 + level / 2.0);
    let half = t * standard_deviation(d) / (d.len() as f64).sqrt();
    Some(Interval { low: mean(d) - half, high: mean(d) + half })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_widths_with_few_seeds() {
        // In standard deviations, with 3, 5 and 10 seeds.
        for (seeds, half) in [(3, 2.48), (5, 1.24), (10, 0.72)] {
            let d: Vec<f64> = (0..seeds).map(f64::from).collect();
            let interval = t_interval(&d, 0.95).unwrap();
            let width = (interval.high - interval.low) / 2.0 / standard_deviation(&d);
            assert!((width - half).abs() < 0.005, "{seeds}: {width}");
        }
        assert_eq!(t_interval(&[1.0], 0.95), None);
    }
}
