//! Matrix decompositions behind the Fréchet distance, in double precision on the CPU.

use crate::MetricsError;
use ndarray::ArrayView2;
use rand::RngExt;
use tch::{Device, Kind, Tensor};

/// Largest size whose singular values are computed directly. Beyond, eigenvalues of the Gram matrix take less than half
/// the time and lose half the digits of the smallest values, which weigh nothing in the sum.
const DIRECT: i64 = 512;

/// What [`factor`] leaves out, relative to what is negligible.
const NOISE: f64 = 100.0;

/// Number of random vectors by which the part that [`factor`] left out is estimated.
const PROBES: i64 = 8;

/// A negative eigenvalue of this size, relative to the largest one, cannot be rounding, not even of a covariance that was
/// stored in single precision.
const INDEFINITE: f64 = 1e-3;

/// Elements of a double tensor in row-major order.
pub(crate) fn to_vec(tensor: &Tensor) -> Vec<f64> {
    let mut values = vec![0.0; tensor.numel()];
    tensor.copy_data(&mut values, tensor.numel());
    values
}

/// A matrix as a tensor.
pub(crate) fn to_tensor(matrix: ArrayView2<f64>) -> Tensor {
    let size = [matrix.nrows() as i64, matrix.ncols() as i64];
    match matrix.as_slice() {
        Some(values) => Tensor::from_slice(values),
        None => Tensor::from_slice(&matrix.iter().copied().collect::<Vec<_>>()),
    }
    .view(size)
}

/// Sum of the singular values of a matrix, `tr (M·Mᵀ)^½`.
pub(crate) fn nuclear_norm(matrix: &Tensor) -> Result<f64, MetricsError> {
    let _guard = tch::no_grad_guard();
    let (rows, columns) = matrix.size2().expect("a matrix");
    if rows == 0 || columns == 0 {
        return Ok(0.0);
    }
    let sum = |values: Tensor| values.sum(Kind::Double).double_value(&[]);
    if rows.min(columns) <= DIRECT {
        // The values alone; `linalg_svdvals` wants the name of a driver, which only GPUs have.
        let parts = matrix.f_svd(true, false);
        return parts
            .map(|(_, values, _)| sum(values))
            .map_err(|_| MetricsError::NoConvergence("singular value decomposition"));
    }
    let gram = if rows <= columns { matrix.matmul(&matrix.tr()) } else { matrix.tr().matmul(matrix) };
    let values =
        Tensor::f_linalg_eigvalsh(&gram, "L").map_err(|_| MetricsError::NoConvergence("eigenvalue decomposition"))?;
    Ok(sum(values.clamp_min(0.0).sqrt()))
}

/// `L` [d, rank] with `L·Lᵀ = Σ`, of a covariance [d, d] of any rank.
///
/// Cholesky, with pivots where the rank is not full: it ends at the numerical rank. A matrix that is a covariance only up to
/// rounding (one that was stored in single precision) has its negative eigenvalues set to 0.
pub(crate) fn factor(covariance: &Tensor) -> Result<Tensor, MetricsError> {
    let _guard = tch::no_grad_guard();
    if covariance.numel() == 0 {
        return Ok(covariance.shallow_clone());
    }
    let (lower, info) = Tensor::linalg_cholesky_ex(covariance, false, false);
    let pivots = lower.diagonal(0, 0, 1).square();
    if info.int64_value(&[]) == 0 && pivots.min().double_value(&[]) > negligible(covariance) * NOISE {
        return Ok(lower);
    }
    match pivoted_cholesky(covariance) {
        Some(root) => Ok(root),
        None => eigen_root(covariance),
    }
}

/// Variance up to which a part of a covariance counts as rounding.
fn negligible(covariance: &Tensor) -> f64 {
    covariance.diagonal(0, 0, 1).max().double_value(&[]) * covariance.size()[0] as f64 * f64::EPSILON
}

/// One column for each pivot, the largest variance that the columns so far leave. `None` where the matrix is not positive
/// semi-definite to rounding.
fn pivoted_cholesky(covariance: &Tensor) -> Option<Tensor> {
    let d = covariance.size()[0];
    let mut left = covariance.diagonal(0, 0, 1).copy();
    let negligible = negligible(covariance);
    // Transposed, so that columns are contiguous.
    let rows = Tensor::zeros([d, d], (Kind::Double, Device::Cpu));
    let mut rank = 0;
    while rank < d {
        let pivot = left.argmax(None, false).int64_value(&[]);
        let variance = left.double_value(&[pivot]);
        // Not a number where there is no variance at all.
        if variance.is_nan() || variance <= negligible {
            break;
        }
        let before = rows.narrow(0, 0, rank);
        let column = (covariance.get(pivot) - before.tr().mv(&before.select(1, pivot))) / variance.sqrt();
        left -= column.square();
        // Exactly: rounding must not choose it again.
        let _ = left.get(pivot).fill_(f64::NEG_INFINITY);
        rows.get(rank).copy_(&column);
        rank += 1;
    }
    let root = rows.narrow(0, 0, rank).tr();
    (rank > 0 && left_out(covariance, &root) <= negligible * NOISE).then_some(root)
}

/// About the Frobenius norm of `Σ − L·Lᵀ`, from its products with a few vectors of random signs, whose squared length is
/// the norm's on average.
fn left_out(covariance: &Tensor, root: &Tensor) -> f64 {
    let mut rng = semrel_data::rng::stream(0, "linalg.signs", 0);
    let d = covariance.size()[0];
    let signs: Vec<f64> = (0..d * PROBES).map(|_| if rng.random() { 1.0 } else { -1.0 }).collect();
    let signs = Tensor::from_slice(&signs).view([d, PROBES]);
    let difference = covariance.matmul(&signs) - root.matmul(&root.tr().matmul(&signs));
    difference.norm().double_value(&[]) / (PROBES as f64).sqrt()
}

fn eigen_root(covariance: &Tensor) -> Result<Tensor, MetricsError> {
    let (values, vectors) =
        Tensor::f_linalg_eigh(covariance, "L").map_err(|_| MetricsError::NoConvergence("eigenvalue decomposition"))?;
    let d = values.numel() as i64;
    let (smallest, largest) = (values.double_value(&[0]), values.double_value(&[d - 1]));
    if smallest < -INDEFINITE * largest.max(0.0) {
        return Err(MetricsError::NotCovariance { smallest, largest });
    }
    let kept = values.gt(largest * d as f64 * f64::EPSILON).nonzero().squeeze_dim(1);
    Ok(vectors.index_select(1, &kept) * values.index_select(0, &kept).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::normal;
    use proptest::prelude::*;

    fn largest(matrix: &Tensor) -> f64 {
        matrix.abs().max().double_value(&[])
    }

    fn product(root: &Tensor) -> Tensor {
        root.matmul(&root.tr())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn factors_of_any_rank_multiply_to_the_covariance(seed in 0i64..1000, d in 1i64..30, rank in 1i64..30) {
            let covariance = product(&normal(seed, &[d, rank]));
            for root in [factor(&covariance).unwrap(), pivoted_cholesky(&covariance).unwrap()] {
                prop_assert!(root.size()[1] <= rank.min(d));
                prop_assert!(largest(&(product(&root) - &covariance)) < 1e-11 * (1.0 + largest(&covariance)));
            }
        }
    }

    #[test]
    fn nothing_has_a_factor_without_columns() {
        let root = factor(&Tensor::zeros([5, 5], (Kind::Double, Device::Cpu))).unwrap();
        assert_eq!(root.size(), [5, 0]);
        assert_eq!(nuclear_norm(&root).unwrap(), 0.0);
    }

    #[test]
    fn single_precision_covariances_have_a_factor_and_indefinite_ones_have_not() {
        let exact = product(&normal(1, &[40, 10]));
        let root = factor(&exact.to_kind(Kind::Float).to_kind(Kind::Double)).unwrap();
        assert!(largest(&(product(&root) - &exact)) < 1e-5);
        let indefinite = Tensor::from_slice(&[0.0, 1.0, 1.0, 0.0]).view([2, 2]);
        let error = factor(&indefinite).unwrap_err();
        assert!(error.to_string().contains("not a covariance"), "{error}");
        let negative = Tensor::from_slice(&[1.0, 0.0, 0.0, -1.0]).view([2, 2]);
        assert!(matches!(factor(&negative), Err(MetricsError::NotCovariance { .. })));
    }

    #[test]
    fn both_ways_to_the_nuclear_norm_agree() {
        let matrix = normal(2, &[DIRECT + 8, DIRECT + 20]);
        let direct = matrix.svd(true, false).1.sum(Kind::Double).double_value(&[]);
        for matrix in [matrix.shallow_clone(), matrix.tr()] {
            assert!((nuclear_norm(&matrix).unwrap() / direct - 1.0).abs() < 1e-11);
        }
    }
}
