//! Resamples of the Fréchet distance.

use super::{Bootstrap, Resampled, check, counts};
use crate::frechet::{combine, same_dimensions};
use crate::linalg::{factor, nuclear_norm, to_vec};
use crate::{Activations, MetricsError};
use std::ops::ControlFlow;
use tch::{Kind, Tensor};

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
    let mut values = Vec::with_capacity(bootstrap.resamples);
    for resample in 0..bootstrap.resamples as u64 {
        let counts = |side: &Side, stream| counts(bootstrap.seed, stream, resample, side.rows());
        values.push(pair.distance(&counts(&pair.x, "bootstrap.x"), &counts(&pair.y, "bootstrap.y"))?);
        if progress(values.len()).is_break() {
            return Err(MetricsError::Interrupted);
        }
    }
    Ok(Resampled::new(estimate, values))
}

/// Centred features of one side.
struct Side {
    /// Mean \[d\].
    mean: Tensor,
    /// Rows `x − μ`, [n, d].
    centred: Tensor,
    /// Squared norms of the rows, \[n\].
    squares: Tensor,
}

/// How often a resample has each image.
struct Drawn {
    counts: Tensor,
    /// Those that it has.
    images: Tensor,
}

impl Drawn {
    fn new(counts: &[f64]) -> Self {
        let counts = Tensor::from_slice(counts);
        let images = counts.nonzero().squeeze_dim(1);
        Self { counts, images }
    }

    /// Square roots of the counts of the images that it has.
    fn roots(&self) -> Tensor {
        self.counts.index_select(0, &self.images).sqrt()
    }
}

impl Side {
    fn new(activations: &Activations) -> Self {
        let centred = activations.centred();
        let squares = centred.square().sum_dim_intlist(1, false, Kind::Double);
        Self { mean: Tensor::from_slice(activations.mean()), centred, squares }
    }

    fn rows(&self) -> usize {
        self.centred.size()[0] as usize
    }

    /// Mean of a resample, from the mean of all images: `wᵀ(X − μ)/n`.
    fn shift(&self, drawn: &Drawn) -> Tensor {
        self.centred.tr().mv(&drawn.counts) / self.rows() as f64
    }

    /// Trace of a resample's covariance.
    fn trace(&self, drawn: &Drawn, shift: &Tensor) -> f64 {
        let n = self.rows() as f64;
        (dot(&drawn.counts, &self.squares) - n * dot(shift, shift)) / (n - 1.0)
    }

    /// Covariance of a resample.
    fn covariance(&self, drawn: &Drawn, shift: &Tensor) -> Tensor {
        let weights = drawn.roots() / (self.rows() as f64 - 1.0).sqrt();
        let scaled = (self.centred.index_select(0, &drawn.images) - shift) * weights.unsqueeze(1);
        scaled.tr().matmul(&scaled)
    }
}

/// Two sides, and what all resamples share.
struct FrechetPair {
    x: Side,
    y: Side,
    /// `(X − μ₁)(Y − μ₂)ᵀ`, [n, m], where a side has no more images than features.
    gram: Option<Tensor>,
}

impl FrechetPair {
    fn new(x: &Activations, y: &Activations) -> Self {
        let few = x.count().min(y.count()) <= x.dimensions();
        let (x, y) = (Side::new(x), Side::new(y));
        let gram = few.then(|| x.centred.matmul(&y.centred.tr()));
        Self { x, y, gram }
    }

    /// Fréchet distance of a resample of each side.
    fn distance(&self, w: &[f64], v: &[f64]) -> Result<f64, MetricsError> {
        let (w, v) = (Drawn::new(w), Drawn::new(v));
        let (a, b) = (self.x.shift(&w), self.y.shift(&v));
        let root_trace = match &self.gram {
            Some(gram) => nuclear_norm(&cross(gram, &w, &v))?,
            None => {
                let roots = (factor(&self.x.covariance(&w, &a))?, factor(&self.y.covariance(&v, &b))?);
                nuclear_norm(&roots.0.tr().matmul(&roots.1))?
            }
        };
        let traces = self.x.trace(&w, &a) + self.y.trace(&v, &b);
        Ok(combine(&to_vec(&(&self.x.mean + a)), &to_vec(&(&self.y.mean + b)), traces, root_trace))
    }
}

/// `A·Bᵀ` of a resample, rows and columns of the images that were drawn: an image that was drawn k times is one row of √k
/// times the length.
fn cross(gram: &Tensor, w: &Drawn, v: &Drawn) -> Tensor {
    let (n, m) = (w.counts.numel() as f64, v.counts.numel() as f64);
    let by_column = gram.tr().mv(&w.counts) / n;
    let by_row = gram.mv(&v.counts) / m;
    let all = dot(&v.counts, &by_column) / m;
    let centred = gram - by_column - by_row.unsqueeze(1) + all;
    let drawn = centred.index_select(0, &w.images).index_select(1, &v.images);
    drawn * w.roots().unsqueeze(1) * v.roots() / ((n - 1.0) * (m - 1.0)).sqrt()
}

fn dot(a: &Tensor, b: &Tensor) -> f64 {
    a.dot(b).double_value(&[])
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
