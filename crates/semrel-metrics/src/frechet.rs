//! Fréchet distance of two sets of features: the distance of the Gaussians with their means and covariances.
//!
//! `d = |μ₁ − μ₂|² + tr Σ₁ + tr Σ₂ − 2·tr (Σ₁Σ₂)^½`, in double precision.
//!
//! The root is never formed. `tr (Σ₁Σ₂)^½` equals
//! * the sum of the singular values of `L₁ᵀ·L₂` with `Σ = L·Lᵀ` from Cholesky decompositions, which end at the
//!   numerical rank and so stay finite for singular covariances ([`frechet_distance`]);
//! * the sum of the singular values of `A·Bᵀ`, where `A = (X − μ₁)/√(n₁−1)` and `B` likewise: exact, and cheap when a set
//!   has fewer images than features ([`Activations::distance`] takes it then).
//!
//! With fewer images than features the distance is strongly biased upwards: compare only distances of equal counts.

use crate::linalg::{factor, nuclear_norm, to_tensor, to_vec};
use crate::{MetricsError, Statistics};
use ndarray::{Array1, Array2};
use tch::{Kind, Tensor};

/// In which precision a mean is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MeanPrecision {
    /// Double, as pytorch-fid and GAN Compression have it.
    #[default]
    Double,
    /// Single, summed row by row, as the official multi-modal evaluation has it. Moves the distance by about 1e-7.
    Single,
}

/// Largest feature: covariances and distances stay finite.
const LARGEST_FEATURE: f64 = 1e35;

/// The features of a set of images, centred and scaled for distances.
#[derive(Debug)]
pub struct Activations {
    mean: Array1<f64>,
    /// `(X − μ)/√(n−1)`, double [n, d], whose Gram matrix is the covariance.
    scaled: Tensor,
}

impl Activations {
    /// Takes features [n, d] of any float type.
    ///
    /// # Errors
    /// [`MetricsError::Shape`], [`MetricsError::TooFew`] for n < 2, [`MetricsError::NotFinite`], [`MetricsError::TooLarge`].
    pub fn new(features: &Tensor, precision: MeanPrecision) -> Result<Self, MetricsError> {
        let (n, d) = check(features)?;
        if n < 2 {
            return Err(MetricsError::TooFew { what: "images for a covariance", found: n, needed: 2 });
        }
        let _guard = tch::no_grad_guard();
        let values = features.to_device(tch::Device::Cpu).to_kind(Kind::Double);
        let found = values.abs().max().double_value(&[]);
        if found > LARGEST_FEATURE {
            return Err(MetricsError::TooLarge { what: "features", found, limit: LARGEST_FEATURE });
        }
        let double_mean = values.mean_dim(0, true, Kind::Double);
        let scaled = (values - &double_mean) / ((n - 1) as f64).sqrt();
        let mean = match precision {
            MeanPrecision::Double => to_vec(&double_mean),
            MeanPrecision::Single => single_mean(features, n, d),
        };
        Ok(Self { mean: Array1::from(mean), scaled })
    }

    /// Mean [d].
    pub(crate) fn mean(&self) -> &[f64] {
        self.mean.as_slice().expect("contiguous")
    }

    /// `X − μ`, [n, d].
    pub(crate) fn centred(&self) -> Tensor {
        &self.scaled * ((self.count() - 1) as f64).sqrt()
    }

    /// The features [n, d], double, on the CPU.
    pub fn features(&self) -> Tensor {
        self.centred() + Tensor::from_slice(self.mean())
    }

    /// Number of images.
    pub fn count(&self) -> usize {
        self.scaled.size()[0] as usize
    }

    /// Number of features.
    pub fn dimensions(&self) -> usize {
        self.mean.len()
    }

    /// Mean and covariance.
    pub fn statistics(&self) -> Statistics {
        let d = self.dimensions();
        let covariance = to_vec(&self.covariance());
        let covariance = Array2::from_shape_vec((d, d), covariance).expect("d × d values");
        Statistics { mean: self.mean.clone(), covariance, count: Some(self.count() as u64) }
    }

    /// Covariance [d, d].
    fn covariance(&self) -> Tensor {
        self.scaled.tr().matmul(&self.scaled)
    }

    /// Fréchet distance to another set, by whichever route is cheaper. May be a tiny negative number for equal sets.
    ///
    /// # Errors
    /// [`MetricsError::Dimensions`], [`MetricsError::NoConvergence`].
    pub fn distance(&self, other: &Self) -> Result<f64, MetricsError> {
        same_dimensions(self.dimensions(), other.dimensions())?;
        if self.count().min(other.count()) > self.dimensions() {
            return frechet_distance(&self.statistics(), &other.statistics());
        }
        let root_trace = nuclear_norm(&self.scaled.matmul(&other.scaled.tr()))?;
        let trace = |a: &Self| a.scaled.square().sum(Kind::Double).double_value(&[]);
        Ok(combine(self.mean(), other.mean(), trace(self) + trace(other), root_trace))
    }
}

/// Fréchet distance of two Gaussians, by Cholesky decompositions. May be a tiny negative number for equal ones.
///
/// Finite for covariances of any rank. Of a covariance that is one only up to rounding (stored in single precision, say)
/// the negative eigenvalues count as 0; a part of the wrong sign beyond that is an error.
///
/// # Errors
/// [`MetricsError::Dimensions`], [`MetricsError::NotCovariance`], [`MetricsError::NoConvergence`].
pub fn frechet_distance(a: &Statistics, b: &Statistics) -> Result<f64, MetricsError> {
    same_dimensions(a.mean.len(), b.mean.len())?;
    let root_trace = nuclear_norm(&root(a)?.tr().matmul(&root(b)?))?;
    let (mean_a, mean_b) = (a.mean.to_vec(), b.mean.to_vec());
    Ok(combine(&mean_a, &mean_b, a.covariance.diag().sum() + b.covariance.diag().sum(), root_trace))
}

/// `L` [d, rank] with `L·Lᵀ = Σ`, the symmetric part of the covariance.
fn root(statistics: &Statistics) -> Result<Tensor, MetricsError> {
    let covariance = to_tensor(statistics.covariance.view());
    factor(&((&covariance + covariance.tr()) * 0.5))
}

/// Mean and covariance, decomposed once, for the distances of many sets to them.
#[derive(Debug)]
pub struct Factored {
    mean: Vec<f64>,
    trace: f64,
    /// `L` [d, rank] with `L·Lᵀ = Σ`.
    root: Tensor,
}

impl Factored {
    /// Decomposes a covariance.
    ///
    /// # Errors
    /// [`MetricsError::NotCovariance`], [`MetricsError::NoConvergence`].
    pub fn new(statistics: &Statistics) -> Result<Self, MetricsError> {
        let root = root(statistics)?;
        Ok(Self { mean: statistics.mean.to_vec(), trace: statistics.covariance.diag().sum(), root })
    }

    /// Number of features.
    pub fn dimensions(&self) -> usize {
        self.mean.len()
    }

    /// Fréchet distance of a set: [`frechet_distance`] of both sides' statistics, but a set of fewer images than features is
    /// not decomposed, since `(X − μ)/√(n−1)` is a root of its covariance.
    ///
    /// # Errors
    /// As [`frechet_distance`].
    pub fn distance(&self, set: &Activations) -> Result<f64, MetricsError> {
        same_dimensions(set.dimensions(), self.dimensions())?;
        let trace = set.scaled.square().sum(Kind::Double).double_value(&[]);
        let product = match set.count() > set.dimensions() {
            true => factor(&set.covariance())?.tr().matmul(&self.root),
            false => set.scaled.matmul(&self.root),
        };
        Ok(combine(set.mean(), &self.mean, trace + self.trace, nuclear_norm(&product)?))
    }
}

pub(crate) fn combine(mean_a: &[f64], mean_b: &[f64], traces: f64, root_trace: f64) -> f64 {
    let shift: f64 = mean_a.iter().zip(mean_b).map(|(a, b)| (a - b) * (a - b)).sum();
    shift + traces - 2.0 * root_trace
}

pub(crate) fn same_dimensions(left: usize, right: usize) -> Result<(), MetricsError> {
    if left == right { Ok(()) } else { Err(MetricsError::Dimensions { left, right }) }
}

/// (n, d) of finite features [n, d].
pub(crate) fn check(features: &Tensor) -> Result<(i64, i64), MetricsError> {
    let &[n, d @ 1..=i64::MAX] = features.size().as_slice() else {
        return Err(MetricsError::Shape { what: "features", found: features.size(), expected: "[N, d] with d > 0" });
    };
    let count = features.isfinite().logical_not().sum(Kind::Int64).int64_value(&[]);
    if count > 0 {
        return Err(MetricsError::NotFinite { what: format!("features [{n}, {d}]"), count });
    }
    Ok((n, d))
}

/// Mean in single precision, rows added one after the other.
fn single_mean(features: &Tensor, n: i64, d: i64) -> Vec<f64> {
    let mut values = vec![0f32; (n * d) as usize];
    features.to_device(tch::Device::Cpu).to_kind(Kind::Float).copy_data(&mut values, (n * d) as usize);
    let mut sum = vec![0f32; d as usize];
    for row in values.chunks_exact(d as usize) {
        sum.iter_mut().zip(row).for_each(|(s, v)| *s += v);
    }
    sum.into_iter().map(|s| f64::from(s / n as f32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::normal;
    use proptest::prelude::*;
    use tch::Device;

    /// Correlated features: a random mixture, from a seed.
    fn sample(seed: i64, n: i64, d: i64) -> Tensor {
        let seed = 3 * seed;
        normal(seed, &[n, d]).matmul(&normal(seed + 1, &[d, d])) + normal(seed + 2, &[1, d])
    }

    fn activations(features: &Tensor) -> Activations {
        Activations::new(features, MeanPrecision::Double).unwrap()
    }

    fn by_statistics(x: &Tensor, y: &Tensor) -> f64 {
        frechet_distance(&activations(x).statistics(), &activations(y).statistics()).unwrap()
    }

    fn distance(x: &Tensor, y: &Tensor) -> f64 {
        activations(x).distance(&activations(y)).unwrap()
    }

    #[test]
    fn one_dimension_is_the_textbook_formula() {
        let x = Tensor::from_slice(&[0.0, 2.0, 4.0]).view([3, 1]);
        let y = Tensor::from_slice(&[1.0, 2.0, 3.0]).view([3, 1]) + 5.0;
        // σ₁ = 2, σ₂ = 1, means 5 apart: 25 + (2 − 1)².
        assert!((distance(&x, &y) - 26.0).abs() < 1e-12);
    }

    #[test]
    fn errors_are_typed() {
        let x = sample(0, 5, 3);
        let new = |t: &Tensor| Activations::new(t, MeanPrecision::Double);
        assert!(matches!(new(&x.narrow(0, 0, 1)), Err(MetricsError::TooFew { found: 1, .. })));
        assert!(matches!(new(&x.narrow(0, 0, 0)), Err(MetricsError::TooFew { found: 0, .. })));
        assert!(matches!(new(&x.view([15])), Err(MetricsError::Shape { .. })));
        assert!(matches!(new(&(&x * 1e200)), Err(MetricsError::TooLarge { what: "features", .. })));
        let nan = x.shallow_clone().fill_(f64::NAN);
        assert!(matches!(new(&nan), Err(MetricsError::NotFinite { count: 15, .. })));
        let (a, b) = (activations(&sample(0, 5, 3)), activations(&sample(0, 5, 4)));
        assert!(matches!(a.distance(&b), Err(MetricsError::Dimensions { left: 3, right: 4 })));
        assert!(frechet_distance(&a.statistics(), &b.statistics()).is_err());
        let error = Factored::new(&b.statistics()).unwrap().distance(&a);
        assert!(matches!(error, Err(MetricsError::Dimensions { left: 3, right: 4 })));
    }

    #[test]
    fn constant_features_have_a_finite_distance() {
        let x = Tensor::ones([4, 3], (Kind::Double, Device::Cpu));
        let y = &x * 2.0;
        assert!((distance(&x, &y) - 3.0).abs() < 1e-12);
        assert!((by_statistics(&x, &y) - 3.0).abs() < 1e-12);
    }

    #[test]
    fn the_largest_values_have_a_finite_distance() {
        let x = sample(0, 9, 5);
        let (x, y) = (&x / x.abs().max() * 1e35, sample(1, 9, 5));
        let y = &y / y.abs().max() * 1e35;
        assert!(distance(&x, &y).is_finite() && by_statistics(&x, &y).is_finite());
        let largest = |sign: f64| {
            let covariance = Array2::from_diag(&Array1::from_elem(3, 1e72));
            Statistics::new(Array1::from_elem(3, sign * 1e72), covariance, None).unwrap()
        };
        assert!(frechet_distance(&largest(1.0), &largest(-1.0)).unwrap().is_finite());
    }

    #[test]
    fn covariances_in_single_precision_have_a_finite_distance() {
        let (x, y) = (sample(1, 12, 40), sample(2, 15, 40));
        let exact = by_statistics(&x, &y);
        let rounded = |t: &Tensor| {
            let mut statistics = activations(t).statistics();
            statistics.covariance.mapv_inplace(|v| f64::from(v as f32));
            statistics
        };
        let distance = frechet_distance(&rounded(&x), &rounded(&y)).unwrap();
        assert!((distance / exact - 1.0).abs() < 1e-2, "{distance} {exact}");
    }

    #[test]
    fn what_is_no_covariance_is_an_error() {
        let mut statistics = activations(&sample(1, 9, 3)).statistics();
        statistics.covariance[[1, 1]] = -1.0;
        let text = frechet_distance(&statistics, &activations(&sample(2, 9, 3)).statistics()).unwrap_err().to_string();
        assert!(text.contains("not a covariance"), "{text}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn both_routes_agree_and_are_symmetric(seed in 0i64..1000, n in 2i64..40, m in 2i64..40, d in 1i64..24) {
            let (x, y) = (sample(seed, n, d), sample(seed + 1000, m, d));
            let (a, b) = (distance(&x, &y), by_statistics(&x, &y));
            // A singular covariance leaves eigenvalues of the order of the rounding error, whose roots are summed.
            let scale = activations(&x).statistics().covariance.diag().sum() + activations(&y).statistics().covariance.diag().sum();
            prop_assert!(a.is_finite() && a > -1e-9 * scale, "{a}");
            prop_assert!((a - b).abs() < 1e-6 * scale, "{a} {b}");
            prop_assert!((a - distance(&y, &x)).abs() < 1e-9 * scale);
            prop_assert!((b - by_statistics(&y, &x)).abs() < 1e-6 * scale);
            let factored = Factored::new(&activations(&y).statistics()).unwrap();
            prop_assert!((a - factored.distance(&activations(&x)).unwrap()).abs() < 1e-6 * scale);
        }

        #[test]
        fn a_set_is_at_distance_zero_of_itself(seed in 0i64..1000, n in 2i64..40, d in 1i64..24) {
            let x = sample(seed, n, d);
            let scale = activations(&x).statistics().covariance.diag().sum();
            prop_assert!(distance(&x, &x).abs() < 1e-9 * scale);
            prop_assert!(by_statistics(&x, &x).abs() < 1e-6 * scale);
        }

        #[test]
        fn rotations_and_shifts_of_both_sets_change_nothing(seed in 0i64..1000, n in 2i64..40, d in 1i64..24) {
            let (x, y) = (sample(seed, n, d), sample(seed + 1, n + 3, d));
            let rotation = Tensor::linalg_qr(&sample(seed + 2, d, d), "complete").0;
            let turn = |t: &Tensor| t.matmul(&rotation) + 1.5;
            let (before, after) = (distance(&x, &y), distance(&turn(&x), &turn(&y)));
            prop_assert!((before - after).abs() < 1e-8 * (1.0 + before), "{before} {after}");
        }
    }
}
