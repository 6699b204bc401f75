//! Matrix decompositions behind the Fréchet distance, in double precision.

use crate::MetricsError;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt_pivoting::factor::{cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, Mat, MatRef, Side};
use rand::RngExt;
use tch::Tensor;

/// Largest size whose singular values are computed directly. Beyond, eigenvalues of the Gram matrix take less than half
/// the time and lose half the digits of the smallest values, which weigh nothing in the sum.
const DIRECT: usize = 512;

/// What [`factor`] leaves out, relative to the largest variance and times the dimension.
const NOISE: f64 = 100.0 * f64::EPSILON;

/// Number of random vectors by which the part that [`factor`] left out is estimated.
const PROBES: usize = 8;

/// A negative eigenvalue of this size, relative to the largest one, cannot be rounding, not even of a covariance that was
/// stored in single precision.
const INDEFINITE: f64 = 1e-3;

/// Elements of a double tensor in row-major order.
pub(crate) fn to_vec(tensor: &Tensor) -> Vec<f64> {
    let mut values = vec![0.0; tensor.numel()];
    tensor.copy_data(&mut values, tensor.numel());
    values
}

/// A double tensor of two dimensions as a matrix.
pub(crate) fn to_matrix(tensor: &Tensor) -> Mat<f64> {
    let (rows, columns) = tensor.size2().expect("a matrix");
    MatRef::from_row_major_slice(&to_vec(tensor), rows as usize, columns as usize).to_owned()
}

/// Sum of the singular values of a matrix, `tr (M·Mᵀ)^½`.
pub(crate) fn nuclear_norm(matrix: MatRef<f64>) -> Result<f64, MetricsError> {
    let (rows, columns) = matrix.shape();
    if rows == 0 || columns == 0 {
        return Ok(0.0);
    }
    if rows.min(columns) <= DIRECT {
        let values = matrix.singular_values();
        return Ok(values.map_err(|_| MetricsError::NoConvergence("singular value decomposition"))?.iter().sum());
    }
    let wide = if rows <= columns { matrix } else { matrix.transpose() };
    let mut gram = Mat::zeros(wide.nrows(), wide.nrows());
    // Eigenvalues are read from the lower half alone.
    matmul(
        gram.as_mut(),
        BlockStructure::TriangularLower,
        Accum::Replace,
        wide,
        BlockStructure::Rectangular,
        wide.transpose(),
        BlockStructure::Rectangular,
        1.0,
        faer::get_global_parallelism(),
    );
    let values = gram.self_adjoint_eigenvalues(Side::Lower);
    let values = values.map_err(|_| MetricsError::NoConvergence("eigenvalue decomposition"))?;
    Ok(values.iter().map(|&v| v.max(0.0).sqrt()).sum())
}

/// `L` [d, rank] with `L·Lᵀ = Σ`, of a covariance of any rank.
///
/// Pivoted Cholesky, which ends at the numerical rank. A matrix that is a covariance only up to rounding (one that was
/// stored in single precision) has its negative eigenvalues set to 0.
pub(crate) fn factor(covariance: MatRef<f64>) -> Result<Mat<f64>, MetricsError> {
    if covariance.nrows() == 0 {
        return Ok(Mat::zeros(0, 0));
    }
    match pivoted_cholesky(covariance) {
        Some(root) => Ok(root),
        None => eigen_root(covariance),
    }
}

/// `None` where the matrix is not positive semi-definite to rounding.
fn pivoted_cholesky(covariance: MatRef<f64>) -> Option<Mat<f64>> {
    let d = covariance.nrows();
    let largest = (0..d).map(|i| covariance[(i, i)]).fold(0.0, f64::max);
    if largest == 0.0 {
        // No pivot to begin with.
        return None;
    }
    let mut lower = covariance.to_owned();
    let (mut forward, mut inverse) = (vec![0usize; d], vec![0usize; d]);
    let parallel = faer::get_global_parallelism();
    let mut memory = MemBuffer::new(cholesky_in_place_scratch::<usize, f64>(d, parallel, Default::default()));
    let stack = MemStack::new(&mut memory);
    let (info, order) =
        cholesky_in_place(lower.as_mut(), &mut forward, &mut inverse, parallel, stack, Default::default()).ok()?;
    let position = order.arrays().1;
    let rank = info.rank;
    let root = Mat::from_fn(d, rank, |i, j| if j <= position[i] { lower[(position[i], j)] } else { 0.0 });
    if rank == d {
        return Some(root);
    }
    (left_out(covariance, root.as_ref()) <= largest * d as f64 * NOISE).then_some(root)
}

/// About the Frobenius norm of `Σ − L·Lᵀ`, from its products with a few vectors of random signs, whose squared length is
/// the norm's on average.
fn left_out(covariance: MatRef<f64>, root: MatRef<f64>) -> f64 {
    let mut rng = semrel_data::rng::stream(0, "linalg.signs", 0);
    let signs = Mat::from_fn(covariance.nrows(), PROBES, |_, _| if rng.random() { 1.0 } else { -1.0 });
    let difference = covariance * &signs - root * (root.transpose() * &signs);
    difference.norm_l2() / (PROBES as f64).sqrt()
}

fn eigen_root(covariance: MatRef<f64>) -> Result<Mat<f64>, MetricsError> {
    let eigen = covariance
        .self_adjoint_eigen(Side::Lower)
        .map_err(|_| MetricsError::NoConvergence("eigenvalue decomposition"))?;
    let (values, vectors) = (eigen.S().column_vector(), eigen.U());
    let d = covariance.nrows();
    let (smallest, largest) = (values[0], values[d - 1]);
    if smallest < -INDEFINITE * largest.max(0.0) {
        return Err(MetricsError::NotCovariance { smallest, largest });
    }
    let kept: Vec<usize> = (0..d).filter(|&i| values[i] > largest * d as f64 * f64::EPSILON).collect();
    Ok(Mat::from_fn(d, kept.len(), |row, i| vectors[(row, kept[i])] * values[kept[i]].sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::normal;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn factors_of_any_rank_multiply_to_the_covariance(seed in 0i64..1000, d in 1i64..30, rank in 0i64..30) {
            let x = to_matrix(&normal(seed, &[d, rank]));
            let covariance = &x * x.transpose();
            let root = factor(covariance.as_ref()).unwrap();
            prop_assert!(root.ncols() <= rank.min(d) as usize);
            prop_assert!((&root * root.transpose() - &covariance).norm_max() < 1e-11 * (1.0 + covariance.norm_max()));
        }
    }

    #[test]
    fn single_precision_covariances_have_a_factor_and_indefinite_ones_have_not() {
        let x = to_matrix(&normal(1, &[40, 10]));
        let exact = &x * x.transpose();
        let rounded = Mat::from_fn(40, 40, |i, j| f64::from(exact[(i, j)] as f32));
        let root = factor(rounded.as_ref()).unwrap();
        assert!((&root * root.transpose() - &exact).norm_max() < 1e-5);
        let indefinite = Mat::from_fn(2, 2, |i, j| if i == j { 0.0 } else { 1.0 });
        let error = factor(indefinite.as_ref()).unwrap_err();
        assert!(error.to_string().contains("not a covariance"), "{error}");
        let negative = Mat::from_fn(2, 2, |i, j| if i == j { 1.0 - 2.0 * i as f64 } else { 0.0 });
        assert!(matches!(factor(negative.as_ref()), Err(MetricsError::NotCovariance { .. })));
    }

    #[test]
    fn both_ways_to_the_nuclear_norm_agree() {
        let matrix = to_matrix(&normal(2, &[DIRECT as i64 + 8, DIRECT as i64 + 20]));
        let direct: f64 = matrix.singular_values().unwrap().iter().sum();
        for matrix in [matrix.as_ref(), matrix.transpose()] {
            assert!((nuclear_norm(matrix).unwrap() / direct - 1.0).abs() < 1e-11);
        }
    }
}
