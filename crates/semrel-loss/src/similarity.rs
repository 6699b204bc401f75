//! Patch features → similarity matrix → similarity distribution: the semantic relation of a patch (Eq. 1–2).

use crate::LossError;
use crate::check::{Named, floats};
#[cfg(test)]
use tch::Device;
use tch::{Kind, Tensor};

/// Added to the norm in [`l2_normalize`], as CUT does.
const NORM_EPSILON: f64 = 1e-7;

/// `v / (‖v‖₂ + 1e-7)` for each vector along the last dimension.
///
/// The constant is added to the norm, not under the root.
///
/// # Derivatives
/// Of every order; at `v = 0`, where the norm has a kink, the first is finite and higher ones are not.
///
/// # Errors
/// [`LossError::ElementType`], [`LossError::Empty`]; [`LossError::Shape`] for a scalar.
pub fn l2_normalize(vectors: &Tensor) -> Result<Tensor, LossError> {
    of_vectors(("vectors", vectors))?;
    Ok(unit(vectors))
}

/// [`l2_normalize`] of what has been checked.
pub(crate) fn unit(vectors: &Tensor) -> Tensor {
    vectors / (vectors.norm_scalaropt_dim(2, [-1], true) + NORM_EPSILON)
}

/// Fails unless there is a last dimension of floats.
fn of_vectors((what, tensor): Named<'_>) -> Result<(), LossError> {
    floats((what, tensor))?;
    if tensor.dim() == 0 {
        return Err(LossError::Shape { what, found: vec![], expected: "at least one dimension".to_owned() });
    }
    Ok(())
}

/// The gradient with respect to vectors from that with respect to `unit`, what [`unit`] made of them:
/// `∂/∂v = ∂/∂u / (‖v‖ + 1e-7) − u (u·∂/∂u) / ‖v‖`.
pub(crate) fn l2_normalize_slope(vectors: &Tensor, unit: &Tensor, of_unit: &Tensor) -> Tensor {
    let norm = vectors.norm_scalaropt_dim(2, [-1], true);
    let along = (unit * of_unit).sum_dim_intlist([-1].as_slice(), true, None::<Kind>);
    // A vector of zeros has a unit of zeros, whatever that is divided by. Where the squares of a tiny one vanish, its norm does
    // and its unit does not; far below the constant the term weighs nothing.
    let along = along / norm.clamp_min(NORM_EPSILON * NORM_EPSILON);
    (of_unit / (norm + NORM_EPSILON)).subtract_(&(unit * along))
}

/// Inner products of all rows of a group, diagonal included: `[groups·K, D]` → `[groups, K, K]`.
///
/// # Derivatives
/// Of every order.
///
/// # Errors
/// [`LossError::NotRows`], [`LossError::Groups`], [`LossError::ElementType`], [`LossError::Empty`].
pub fn gram(rows: &Tensor, groups: i64) -> Result<Tensor, LossError> {
    let rows = grouped(("patch features", rows), groups)?;
    Ok(rows.bmm(&rows.transpose(1, 2)))
}

/// Cosine similarities of all rows of a group: [`gram`] of the rows after [`l2_normalize`]. `[groups, K, K]`, in −1..1.
///
/// # Derivatives
/// As [`l2_normalize`].
///
/// # Errors
/// As [`gram`].
pub fn similarity_matrix(rows: &Tensor, groups: i64) -> Result<Tensor, LossError> {
    // Rows are normalised as they come; whether they can be grouped is asked first, as it says whether they are rows.
    let _ = grouped(("patch features", rows), groups)?;
    gram(&unit(rows), groups)
}

/// `P_k(i) = exp(s_ki) / Σ_j exp(s_kj)` (Eq. 1–2) over the last dimension, without temperature, `j = k` included.
///
/// # Derivatives
/// Of every order.
///
/// # Errors
/// [`LossError::ElementType`], [`LossError::Empty`]; [`LossError::Shape`] for a scalar.
pub fn similarity_distribution(similarity: &Tensor) -> Result<Tensor, LossError> {
    of_vectors(("similarities", similarity))?;
    Ok(similarity.softmax(-1, None))
}

/// Distribution of the similarity of one patch to all patches, as the similarity maps of the paper's Fig. 9 show it.
///
/// `rows`: `[N, D]`, one row per position of one image; `query`: index of its row. Returns `[N]`, which sums to 1.
///
/// # Derivatives
/// As [`l2_normalize`].
///
/// # Errors
/// [`LossError::NotRows`], [`LossError::ElementType`], [`LossError::Empty`]; [`LossError::Setting`] where `query` is the
/// index of no row.
pub fn query_distribution(rows: &Tensor, query: i64) -> Result<Tensor, LossError> {
    let rows = grouped(("patch features", rows), 1)?.squeeze_dim(0);
    let count = rows.size()[0];
    if !(0..count).contains(&query) {
        return Err(LossError::Setting { name: "query", value: query as f64, range: "the index of a row" });
    }
    let rows = unit(&rows);
    similarity_distribution(&rows.mv(&rows.select(0, query)))
}

/// Shannon entropy `−Σ_i P(i) ln P(i)` in nats over the last dimension, 0 to ln N; `0·ln 0` counts as 0.
///
/// # Derivatives
/// Of every order where all probabilities are positive; at 0 the first is infinite.
///
/// # Errors
/// [`LossError::ElementType`], [`LossError::Empty`]; [`LossError::Shape`] for a scalar.
pub fn entropy(distribution: &Tensor) -> Result<Tensor, LossError> {
    of_vectors(("probabilities", distribution))?;
    Ok(distribution.special_entr().sum_dim_intlist([-1].as_slice(), false, None::<Kind>))
}

/// `[groups·K, D]` as `[groups, K, D]`.
pub(crate) fn grouped((what, rows): Named<'_>, groups: i64) -> Result<Tensor, LossError> {
    floats((what, rows))?;
    let (count, width) = rows.size2().map_err(|_| LossError::NotRows { shape: rows.size() })?;
    if groups < 1 || count < groups || count % groups != 0 {
        return Err(LossError::Groups { rows: count, groups });
    }
    Ok(rows.reshape([groups, count / groups, width]))
}

/// Sets the diagonals of matrices `[…, K, K]` that have no graph. Thirty times as fast as filling under a mask.
pub(crate) fn fill_diagonal(matrices: &Tensor, value: f64) {
    let _ = matrices.diagonal(0, -2, -1).fill_(value);
}

/// True on the diagonal of a `side` × `side` matrix.
#[cfg(test)]
pub(crate) fn diagonal_mask(side: i64, device: Device) -> Tensor {
    Tensor::eye(side, (Kind::Bool, device))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(values: &[f64], width: i64) -> Tensor {
        Tensor::from_slice(values).view([-1, width])
    }

    #[test]
    fn normalisation_adds_to_the_norm() {
        let unit = l2_normalize(&rows(&[3.0, 4.0], 2)).unwrap();
        assert!((unit.double_value(&[0, 0]) - 3.0 / (5.0 + 1e-7)).abs() < 1e-15);
    }

    #[test]
    fn normalisation_has_a_gradient_at_zero() {
        let x = Tensor::zeros([1, 3], (Kind::Double, Device::Cpu)).set_requires_grad(true);
        l2_normalize(&x).unwrap().sum(Kind::Double).backward();
        assert!(bool::try_from(x.grad().isfinite().all()).unwrap());
    }

    #[test]
    fn groups_do_not_mix() {
        let s = similarity_matrix(&rows(&[1., 0., 0., 1., 1., 1., 2., 2.], 2), 2).unwrap();
        assert_eq!(s.size(), [2, 2, 2]);
        assert!(s.double_value(&[0, 0, 1]).abs() < 1e-6);
        assert!((s.double_value(&[1, 0, 1]) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn entropy_is_that_of_the_support() {
        let e = entropy(&rows(&[0.5, 0.5, 0.0, 0.0, 0.25, 0.25, 0.25, 0.25, 1.0, 0.0, 0.0, 0.0], 4)).unwrap();
        for (i, want) in [2f64.ln(), 4f64.ln(), 0.0].into_iter().enumerate() {
            assert!((e.double_value(&[i as i64]) - want).abs() < 1e-12);
        }
    }

    #[test]
    fn query_distribution_is_a_row_of_the_matrix() {
        let x = rows(&[0.2, -1.0, 0.7, 0.4, 1.5, -0.3, 0.9, 0.9], 2);
        let whole = similarity_distribution(&similarity_matrix(&x, 1).unwrap()).unwrap();
        let one = query_distribution(&x, 2).unwrap();
        assert!((one - whole.get(0).get(2)).abs().max().double_value(&[]) < 1e-12);
        assert!(query_distribution(&x, 4).is_err());
    }

    #[test]
    fn wrong_shapes_are_named() {
        let x = rows(&[0.0; 12], 2);
        assert_eq!(gram(&x, 4).unwrap_err(), LossError::Groups { rows: 6, groups: 4 });
        assert_eq!(gram(&x, 0).unwrap_err(), LossError::Groups { rows: 6, groups: 0 });
        assert_eq!(gram(&x.view([2, 3, 2]), 2).unwrap_err(), LossError::NotRows { shape: vec![2, 3, 2] });
    }
}
