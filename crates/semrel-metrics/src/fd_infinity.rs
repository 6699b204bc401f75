//! The Fréchet distance of infinitely many translations, extrapolated (Chong & Forsyth 2020).
//!
//! The distance of n translations is about `FD∞ + slope/n`. It is taken of subsets of several sizes, and a line is fitted in 1/n; its value
//! at 0 is FD∞. That holds only where there are many more images than features: with hundreds of images the line says nothing, and KID
//! or the unbiased MMD is the score to take.

use crate::frechet::MeanPrecision;
use crate::{Activations, MetricsError};
use rand::seq::SliceRandom;
use semrel_data::rng::stream;
use std::collections::HashSet;
use tch::Tensor;

/// An extrapolated distance.
#[derive(Debug, Clone, PartialEq)]
pub struct FdInfinity {
    /// The value of the line at infinitely many images.
    pub distance: f64,
    /// The slope of the line in 1/n.
    pub slope: f64,
    /// Sizes of the subsets and their distances.
    pub points: Vec<(usize, f64)>,
}

/// Sizes of `points` subsets of n images, from `least` on: `⌊least + t·(n − least)/(points − 1)⌋`, the last all n.
pub fn sizes(n: usize, least: usize, points: usize) -> Vec<usize> {
    let step =
        |t: usize| (least as f64 + t as f64 * (n as f64 - least as f64) / (points as f64 - 1.0)).trunc() as usize;
    (0..points).map(|t| if t + 1 == points { n } else { step(t) }).collect()
}

/// Random subsets of these sizes of n images, a permutation of its own for each.
pub fn subsets(n: usize, sizes: &[usize], seed: u64) -> Vec<Vec<i64>> {
    let of_size = |(t, &size): (usize, &usize)| {
        let mut rows: Vec<i64> = (0..n as i64).collect();
        rows.shuffle(&mut stream(seed, "fd-infinity", t as u64));
        rows.truncate(size);
        rows
    };
    sizes.iter().enumerate().map(of_size).collect()
}

/// The distance of `real` from infinitely many images like `fake` [n, d], by the subsets that `lists` names by rows.
///
/// # Errors
/// [`MetricsError::TooFew`] for subsets of fewer than two sizes, and, unless `forced`, where the smallest has no more rows than there are features:
/// its covariance has no full rank, and the line no meaning. Those of [`Activations::distance`].
pub fn fd_infinity(
    real: &Activations,
    fake: &Tensor,
    lists: &[Vec<i64>],
    forced: bool,
) -> Result<FdInfinity, MetricsError> {
    let least = lists.iter().map(Vec::len).min().unwrap_or(0);
    let different: HashSet<usize> = lists.iter().map(Vec::len).collect();
    if different.len() < 2 {
        let found = different.len() as i64;
        return Err(MetricsError::TooFew { what: "sizes of subsets for a line", found, needed: 2 });
    }
    if least <= real.dimensions() && !forced {
        let needed = real.dimensions() as i64 + 1;
        return Err(MetricsError::TooFew { what: "images of the smallest subset", found: least as i64, needed });
    }
    let distance = |rows: &Vec<i64>| {
        let subset = fake.index_select(0, &Tensor::from_slice(rows).to_device(fake.device()));
        Ok((rows.len(), real.distance(&Activations::new(&subset, MeanPrecision::Double)?)?))
    };
    let points: Vec<(usize, f64)> = lists.iter().map(distance).collect::<Result<_, MetricsError>>()?;
    let (distance, slope) = line(&points);
    Ok(FdInfinity { distance, slope, points })
}

/// Value at 0 and slope of the least-squares line of distances over 1/n.
fn line(points: &[(usize, f64)]) -> (f64, f64) {
    let count = points.len() as f64;
    let x = |n: usize| 1.0 / n as f64;
    let mean_x = points.iter().map(|(n, _)| x(*n)).sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let covariance: f64 = points.iter().map(|(n, y)| (x(*n) - mean_x) * (y - mean_y)).sum();
    let variance: f64 = points.iter().map(|(n, _)| (x(*n) - mean_x).powi(2)).sum();
    let slope = covariance / variance;
    (mean_y - slope * mean_x, slope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::normal;

    #[test]
    fn a_line_is_found_again_and_subsets_have_no_repeats() {
        let points: Vec<(usize, f64)> = [10, 20, 50].map(|n| (n, 3.0 + 7.0 / n as f64)).into();
        let (at_infinity, slope) = line(&points);
        assert!((at_infinity - 3.0).abs() < 1e-12 && (slope - 7.0).abs() < 1e-9);
        assert_eq!(sizes(78, 20, 4), [20, 39, 58, 78]);
        let mut rows = subsets(9, &[5, 9], 1).remove(0);
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), 5);
    }

    #[test]
    fn it_is_refused_where_it_means_nothing() {
        let (real, fake) = (normal(1, &[60, 8]), normal(2, &[40, 8]));
        let real = Activations::new(&real, MeanPrecision::Double).unwrap();
        let lists = subsets(40, &[8, 40], 1);
        let refused = fd_infinity(&real, &fake, &lists, false);
        assert!(matches!(refused, Err(MetricsError::TooFew { found: 8, needed: 9, .. })));
        assert!(fd_infinity(&real, &fake, &lists, true).is_ok());
    }
}
