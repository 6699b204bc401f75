//! Resamples of the Fréchet distance.

use super::{Bootstrap, Resampled, check, counts};
use crate::frechet::{combine, same_dimensions};
use crate::linalg::{factor, nuclear_norm};
use crate::{Activations, MetricsError};
use faer::{Mat, MatRef};
use rayon::prelude::*;
use std::ops::ControlFlow;

/// Resamples the Fréchet distance of two sets. `progress` is told how many resamples are done and ends the work where it
/// breaks.
///
/// # Errors
/// [`MetricsError::Dimensions`], [`MetricsError::Setting`] for fewer than two resamples, [`MetricsError::Interrupted`].
pub fn frechet(
    x: &Activations,
    y: &Activations,
    bootstrap: &Bootstrap,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Resampled, MetricsError> {
    same_dimensions(x.dimensions(), y.dimensions())?;
    check(bootstrap)?;
    let _guard = tch::no_grad_guard();
    let estimate = x.distance(y)?;
    let pair = FrechetPair::new(x, y);
    // A few a thread, so that progress is told often enough to stop.
    let chunk = 2 * rayon::current_num_threads();
    let mut values = Vec::with_capacity(bootstrap.resamples);
    while values.len() < bootstrap.resamples {
        let end = (values.len() + chunk).min(bootstrap.resamples);
        let scores: Result<Vec<f64>, MetricsError> = (values.len()..end)
            .into_par_iter()
            .map(|resample| {
                let counts = |side: &Side, stream| counts(bootstrap.seed, stream, resample as u64, side.rows());
                pair.distance(&counts(&pair.x, "bootstrap.x"), &counts(&pair.y, "bootstrap.y"))
            })
            .collect();
        values.extend(scores?);
        if progress(values.len()).is_break() {
            return Err(MetricsError::Interrupted);
        }
    }
    Ok(Resampled::new(estimate, values))
}

/// Centred features of one side.
struct Side {
    mean: Vec<f64>,
    /// Rows `x − μ`, [n, d] in column-major order.
    centred: Mat<f64>,
    /// Squared norms of the rows.
    squares: Vec<f64>,
}

impl Side {
    fn new(activations: &Activations) -> Self {
        let centred = activations.centred();
        let squares = (0..centred.nrows()).map(|i| centred.row(i).squared_norm_l2()).collect();
        Self { mean: activations.mean().to_vec(), centred, squares }
    }

    fn rows(&self) -> usize {
        self.centred.nrows()
    }

    /// Mean of a resample, from the mean of all images: `wᵀ(X − μ)/n`.
    fn shift(&self, counts: &[f64]) -> Vec<f64> {
        let product = self.centred.transpose() * row_vector(counts).transpose();
        product.col(0).iter().map(|v| v / self.rows() as f64).collect()
    }

    /// Trace of a resample's covariance.
    fn trace(&self, counts: &[f64], shift: &[f64]) -> f64 {
        let n = self.rows() as f64;
        (dot(counts, &self.squares) - n * dot(shift, shift)) / (n - 1.0)
    }

    /// Covariance of a resample.
    fn covariance(&self, counts: &[f64], shift: &[f64]) -> Mat<f64> {
        let n = self.rows() as f64;
        let drawn: Vec<usize> = (0..self.rows()).filter(|&i| counts[i] > 0.0).collect();
        let scaled = Mat::from_fn(drawn.len(), shift.len(), |i, j| {
            (self.centred[(drawn[i], j)] - shift[j]) * (counts[drawn[i]] / (n - 1.0)).sqrt()
        });
        scaled.transpose() * &scaled
    }
}

/// Two sides, and what all resamples share.
struct FrechetPair {
    x: Side,
    y: Side,
    /// `(X − μ₁)(Y − μ₂)ᵀ`, [n, m], where a side has no more images than features.
    gram: Option<Mat<f64>>,
}

impl FrechetPair {
    fn new(x: &Activations, y: &Activations) -> Self {
        let (x, y) = (Side::new(x), Side::new(y));
        let few = x.rows().min(y.rows()) <= x.mean.len();
        let gram = few.then(|| &x.centred * y.centred.transpose());
        Self { x, y, gram }
    }

    /// Fréchet distance of a resample of each side.
    fn distance(&self, w: &[f64], v: &[f64]) -> Result<f64, MetricsError> {
        let (a, b) = (self.x.shift(w), self.y.shift(v));
        let root_trace = match &self.gram {
            Some(gram) => nuclear_norm(self.cross(gram.as_ref(), w, v).as_ref())?,
            None => {
                let roots = (factor(self.x.covariance(w, &a).as_ref())?, factor(self.y.covariance(v, &b).as_ref())?);
                nuclear_norm((roots.0.transpose() * &roots.1).as_ref())?
            }
        };
        let mean =
            |side: &Side, shift: &[f64]| -> Vec<f64> { side.mean.iter().zip(shift).map(|(m, s)| m + s).collect() };
        let traces = self.x.trace(w, &a) + self.y.trace(v, &b);
        Ok(combine(&mean(&self.x, &a), &mean(&self.y, &b), traces, root_trace))
    }

    /// `A·Bᵀ` of a resample, rows and columns of the images that were drawn: an image that was drawn k times is one row
    /// of √k times the length.
    fn cross(&self, gram: MatRef<f64>, w: &[f64], v: &[f64]) -> Mat<f64> {
        let (n, m) = (w.len() as f64, v.len() as f64);
        let by_column = row_vector(w) * gram;
        let by_row = gram * row_vector(v).transpose();
        let all = dot(v, &by_column.row(0).iter().copied().collect::<Vec<_>>()) / (n * m);
        let drawn = |counts: &[f64]| (0..counts.len()).filter(|&i| counts[i] > 0.0).collect::<Vec<_>>();
        let (rows, columns) = (drawn(w), drawn(v));
        let scale = ((n - 1.0) * (m - 1.0)).sqrt().recip();
        Mat::from_fn(rows.len(), columns.len(), |i, j| {
            let (i, j) = (rows[i], columns[j]);
            let centred = gram[(i, j)] - by_column[(0, j)] / n - by_row[(i, 0)] / m + all;
            centred * (w[i] * v[j]).sqrt() * scale
        })
    }
}

fn row_vector(values: &[f64]) -> MatRef<'_, f64> {
    MatRef::from_row_major_slice(values, 1, values.len())
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{activations, run};
    use super::*;
    use crate::testing::normal;
    use proptest::prelude::*;
    use tch::Tensor;

    /// The rows of a resample, repeated.
    fn drawn(x: &Tensor, stream: &str, resample: u64) -> Tensor {
        let counts = counts(5, stream, resample, x.size()[0] as usize);
        let rows = counts.iter().enumerate().flat_map(|(i, &count)| vec![i as i64; count as usize]);
        x.index_select(0, &Tensor::from_slice(&rows.collect::<Vec<_>>()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn resamples_are_distances_of_the_repeated_rows(seed in 0i64..1000, n in 3i64..30, m in 3i64..30, d in 1i64..20) {
            let (x, y) = (normal(seed, &[n, d]) * 2.0, normal(seed + 1, &[m, d]) + 1.0);
            let mut want: Vec<f64> = (0..3)
                .map(|r| activations(&drawn(&x, "bootstrap.x", r)).distance(&activations(&drawn(&y, "bootstrap.y", r))).unwrap())
                .collect();
            want.sort_by(f64::total_cmp);
            for (got, want) in run(&x, &y, 3).values.iter().zip(want) {
                prop_assert!((got - want).abs() < 1e-7 * (1.0 + want), "{got} {want}");
            }
        }
    }
}
