//! Semantic relation consistency (Eq. 3): patches of the output relate to each other as those of the input do.

use crate::check::{alike, same_shape};
use crate::closed_form::with_slope;
use crate::similarity::{grouped, l2_normalize_slope, similarity_matrix, unit};
use crate::{Gradient, LossError};
use tch::{Kind, Tensor, no_grad};

/// Jensen–Shannon divergence of distributions given by their logarithms, over the last dimension:
/// `½ Σ_i [P(i) (ln P(i) − ln M(i)) + Q(i) (ln Q(i) − ln M(i))]`, `M = ½(P + Q)`.
///
/// In nats, so each value lies in 0..ln 2. All probabilities must be positive, as those of a softmax are. Both tensors have
/// the same shape, of at least one dimension.
///
/// # Derivatives
/// Of every order, with respect to both.
///
/// # Errors
/// [`LossError::ElementType`], [`LossError::ElementTypes`], [`LossError::Devices`], [`LossError::Empty`],
/// [`LossError::Shape`].
pub fn jensen_shannon(log_p: &Tensor, log_q: &Tensor) -> Result<Tensor, LossError> {
    let (p, q) = (("ln P", log_p), ("ln Q", log_q));
    alike([p, q])?;
    same_shape(q, p)?;
    if log_p.dim() == 0 {
        let expected = "at least one dimension".to_owned();
        return Err(LossError::Shape { what: "ln P", found: vec![], expected });
    }
    Ok(divergence(log_p, log_q))
}

/// [`jensen_shannon`] of what has been checked.
fn divergence(log_p: &Tensor, log_q: &Tensor) -> Tensor {
    let (p, q) = (log_p.exp(), log_q.exp());
    let log_m = ((&p + &q) * 0.5).log();
    let terms = p * (log_p - &log_m) + q * (log_q - &log_m);
    terms.sum_dim_intlist([-1].as_slice(), false, None::<Kind>) * 0.5
}

/// `Σ_k JSD(P_k ‖ Q_k)` of each group, `[groups]`: `rows` `[groups·K, D]` against constant similarities `[groups, K, K]`.
///
/// With `x` the normalised rows, `U = x xᵀ` and `P = softmax(U)`, the gradient in closed form is
/// `∂/∂x = (S + Sᵀ) x`, where `S_kj = ½ P_kj (r_kj − Σ_i P_ki r_ki)` and `r = ln P − ln M`.
pub(crate) fn src_against(
    rows: &Tensor,
    similarity: &Tensor,
    groups: i64,
    gradient: Gradient,
) -> Result<Tensor, LossError> {
    let rows = grouped(("queries", rows), groups)?;
    match gradient {
        Gradient::Recorded => {
            let x = unit(&rows);
            let (log_p, log_q) =
                (x.bmm(&x.transpose(1, 2)).log_softmax(-1, None), similarity.detach().log_softmax(-1, None));
            Ok(divergence(&log_p, &log_q).sum_dim_intlist([1].as_slice(), false, None::<Kind>))
        }
        Gradient::ClosedForm => Ok(with_closed_form(&rows, similarity)),
    }
}

fn with_closed_form(rows: &Tensor, similarity: &Tensor) -> Tensor {
    let wanted = rows.requires_grad();
    let (value, slope) = no_grad(|| {
        let rows = rows.detach();
        let x = unit(&rows);
        let (mut log_p, mut log_q) =
            (x.bmm(&x.transpose(1, 2)).log_softmax(-1, None), similarity.log_softmax(-1, None));
        let (p, q) = (log_p.exp(), log_q.exp());
        let log_m = ((&p + &q) * 0.5).log_();
        let in_rows = |t: &Tensor| t.sum_dim_intlist([-1].as_slice(), true, None::<Kind>);
        let of_p = log_p.subtract_(&log_m) * &p;
        let sums = in_rows(&of_p);
        let value =
            (&sums + in_rows(&(log_q.subtract_(&log_m) * q))).sum_dim_intlist([1, 2].as_slice(), false, None::<Kind>);
        let slope = wanted.then(|| {
            let s = (of_p - p * sums) * 0.5;
            l2_normalize_slope(&rows, &x, &(&s + s.transpose(1, 2)).bmm(&x))
        });
        (value * 0.5, slope)
    });
    with_slope(value, rows, slope, &[1, 2])
}

/// `L_SRC` (Eq. 3) of patch features `q` and `k`, both `[groups·K, D]`; a scalar, not divided by patches or groups.
///
/// Rows are L2-normalised here; `k` is constant, gradient reaches `q` only. The formula is the same in the paper and in
/// both published codes; they differ in roles and groups:
///
/// | | `q` | `k` | `groups` |
/// |---|---|---|---|
/// | paper; single-modal code | output features w | input features z | batch size (single-modal code: 1, at batch size 1) |
/// | multi-modal code | input features z | output features w | batch size |
///
/// The widths D of `q` and `k` may differ.
///
/// # Derivatives
/// With respect to `q`: of every order with [`Gradient::Recorded`], but at rows of zeros, where the norm has a kink and the
/// first one only is finite; the first one with [`Gradient::ClosedForm`], which refuses others. With respect to `k`: none.
///
/// # Errors
/// [`LossError::NotRows`], [`LossError::Groups`], [`LossError::QueryKey`]; [`LossError::ElementType`],
/// [`LossError::ElementTypes`], [`LossError::Devices`], [`LossError::Empty`].
pub fn semantic_relation_consistency(
    q: &Tensor,
    k: &Tensor,
    groups: i64,
    gradient: Gradient,
) -> Result<Tensor, LossError> {
    alike([("queries", q), ("keys", k)])?;
    if q.size().first() != k.size().first() {
        return Err(LossError::QueryKey { query: q.size(), key: k.size() });
    }
    Ok(src_against(q, &similarity_matrix(&k.detach(), groups)?, groups, gradient)?.sum(None::<Kind>))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn features(n: usize) -> impl Strategy<Value = Tensor> {
        prop::collection::vec(-1.0..1.0f64, n * 4).prop_map(|v| Tensor::from_slice(&v).view([-1, 4]))
    }

    fn logs(scale: f64) -> impl Strategy<Value = Tensor> {
        features(5).prop_map(move |x| (x * scale).log_softmax(-1, None))
    }

    fn src(q: &Tensor, k: &Tensor, groups: i64) -> Tensor {
        semantic_relation_consistency(q, k, groups, Gradient::Recorded).unwrap()
    }

    fn value(t: &Tensor) -> f64 {
        t.double_value(&[])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn divergence_is_symmetric_and_bounded(p in logs(30.0), q in logs(30.0)) {
            let (pq, qp) = (jensen_shannon(&p, &q).unwrap(), jensen_shannon(&q, &p).unwrap());
            prop_assert!(value(&(&pq - &qp).abs().max()) < 1e-12);
            prop_assert!(value(&pq.min()) > -1e-12);
            prop_assert!(value(&pq.max()) < 2f64.ln() + 1e-12);
        }

        #[test]
        fn divergence_is_zero_iff_equal(p in logs(2.0), q in logs(2.0)) {
            prop_assert!(value(&jensen_shannon(&p, &p).unwrap().abs().max()) < 1e-14);
            let apart = (p.exp() - q.exp()).abs().amax([-1], false);
            // Pinsker: JSD ≥ ½ (½‖P − Q‖₁)² / 2 ≥ max|P − Q|² / 8.
            let bound = apart.square() / 8.0;
            prop_assert!(value(&(jensen_shannon(&p, &q).unwrap() - bound).min()) > -1e-12);
        }

        #[test]
        fn relation_ignores_scale_and_rotation(x in features(6)) {
            let rotated = x.flip([1]) * 3.0;
            prop_assert!(value(&src(&x, &rotated, 2)).abs() < 1e-5);
        }

        #[test]
        fn sums_over_groups(q in features(6), k in features(6)) {
            let halves = (0..2).map(|i| value(&src(&q.narrow(0, 3 * i, 3), &k.narrow(0, 3 * i, 3), 1)));
            prop_assert!((value(&src(&q, &k, 2)) - halves.sum::<f64>()).abs() < 1e-12);
        }
    }

    #[test]
    fn gradient_is_that_of_the_recorded_formula() {
        for kind in [Kind::Double, Kind::Float] {
            let rows = || Tensor::randn([10, 4], (kind, tch::Device::Cpu));
            let (q, k) = (rows().set_requires_grad(true), rows());
            // A patch of zeros, as a dead unit gives it, and one whose squares underflow to 0 in single precision.
            let _ = no_grad(|| (q.narrow(0, 3, 1).fill_(0.0), q.narrow(0, 7, 1).fill_(1e-24)));
            let recorded = src(&q, &k, 2);
            let closed = semantic_relation_consistency(&q, &k, 2, Gradient::ClosedForm).unwrap();
            let gradient = |loss: &Tensor| Tensor::run_backward(&[loss], &[&q], false, false).remove(0);
            let scale = if kind == Kind::Double { 1e-12 } else { 1e-5 };
            assert!(value(&(&recorded - &closed).abs()) < scale);
            let (recorded, closed) = (gradient(&recorded), gradient(&closed));
            // The unit of a patch of zeros has a slope of 1e7, which multiplies the rounding of its row.
            let limit = (recorded.abs().amax([1], true) + 1.0) * scale;
            assert_eq!(
                value(&(&recorded - &closed).abs().le_tensor(&limit).sum(Kind::Int64)),
                recorded.numel() as f64,
                "{recorded} {closed}"
            );
        }
    }

    #[test]
    fn gradient_reaches_queries_only_and_vanishes_at_equality() {
        let x = Tensor::from_slice(&[0.3, -1.0, 0.5, 0.8, 0.1, -0.2f64]).view([3, 2]);
        let q = x.copy().set_requires_grad(true);
        let k = x.copy().set_requires_grad(true);
        for gradient in [Gradient::Recorded, Gradient::ClosedForm] {
            semantic_relation_consistency(&q, &k, 1, gradient).unwrap().backward();
            assert!(!k.grad().defined());
            assert!(value(&q.grad().abs().max()) < 1e-12);
        }
    }

    #[test]
    fn different_patch_counts_are_an_error() {
        let q = Tensor::zeros([4, 2], (Kind::Float, tch::Device::Cpu));
        assert!(matches!(
            semantic_relation_consistency(&q, &q.narrow(0, 0, 2), 2, Gradient::Recorded),
            Err(LossError::QueryKey { .. })
        ));
    }
}
