//! InfoNCE over patches, as CUT has it, with optional importance weights.

use crate::closed_form::with_slope;
use crate::error::positive;
use crate::hard_negative::SELF_SIMILARITY;
use crate::similarity::{fill_diagonal, grouped};
use crate::{Formulation, LossError};
use tch::{Kind, Tensor, no_grad};

/// A contrastive patch loss.
#[derive(Debug)]
pub struct PatchLoss {
    /// Scalar to train on.
    pub objective: Tensor,
    /// Scalar to log, without gradient: the InfoNCE value, whatever the objective is.
    pub value: Tensor,
    /// InfoNCE of every row, `[groups·K]`, without gradient; `value` is its mean.
    pub per_patch: Tensor,
}

/// Patch InfoNCE: mean over rows of `−ln( e^{p_i/τ} / (e^{p_i/τ} + Σ_j e^{n_ij/τ}) )`, `p_i = q_i·k_i`.
///
/// `q`, `k`: `[groups·K, D]`, normalised by the caller; `k` is constant. Negatives are the keys of the same group: one
/// image with `groups` = batch size, the whole minibatch with `groups` = 1. `weights` `[groups, K, K]` are those of
/// [`hard_negative_weights`](crate::hard_negative::hard_negative_weights) in the same formulation; constant.
///
/// * `official`: `n_ij = w_ij · q_i·k_j` and `n_ii = −10` (CUT keeps the positive's place among the negatives so).
/// * `paper`: `e^{n_ij/τ} = w_ij · e^{q_i·k_j/τ}`, `j ≠ i`.
///
/// # Errors
/// [`LossError::NotRows`], [`LossError::Groups`], [`LossError::QueryKey`], [`LossError::Weights`], [`LossError::Setting`]
/// (τ not positive), [`LossError::NoNegatives`] (`paper` with one patch a group).
pub fn info_nce(
    q: &Tensor,
    k: &Tensor,
    groups: i64,
    weights: Option<&Tensor>,
    tau: f64,
    formulation: Formulation,
) -> Result<PatchLoss, LossError> {
    Ok(PatchLoss::coupled(&log_ratio(q, k, groups, weights, tau, formulation)?))
}

/// InfoNCE against given negatives (NEGCUT): mean over rows of
/// `−ln( e^{p_i/τ} / (e^{p_i/τ} + Σ_j e^{q_i·n_j/τ}) )`, `p_i = q_i·k_i`; a scalar.
///
/// `q`, `k`: `[B·K, D]`; `negatives` `[B, M, D]`, those of each image; all normalised by the caller. `k` is constant; the
/// gradient goes to `q` and to the negatives.
///
/// # Errors
/// [`LossError::QueryKey`], [`LossError::Groups`], [`LossError::NotRows`], [`LossError::Setting`] (τ not positive).
pub fn info_nce_against(q: &Tensor, k: &Tensor, negatives: &Tensor, tau: f64) -> Result<Tensor, LossError> {
    positive("tau", tau)?;
    if q.size() != k.size() {
        return Err(LossError::QueryKey { query: q.size(), key: k.size() });
    }
    let groups = negatives.size()[0];
    let (q, k) = (grouped(q, groups)? / tau, grouped(&k.detach(), groups)?);
    let positives = (&q * &k).sum_dim_intlist([-1].as_slice(), false, None::<Kind>);
    let v = q.bmm(&negatives.transpose(1, 2)).logsumexp([-1], false) - positives;
    Ok(v.softplus().mean(None::<Kind>))
}

impl PatchLoss {
    /// InfoNCE from `v` of [`log_ratio`]: with the positive in the denominator, a row's value is `ln(1 + e^v)`.
    pub(crate) fn coupled(v: &Tensor) -> Self {
        let per_patch = v.softplus().view([-1]);
        let objective = per_patch.mean(None::<Kind>);
        Self { value: objective.detach(), objective, per_patch: per_patch.detach() }
    }
}

/// `v_i = ln Σ_j e^{n_ij/τ} − p_i/τ`, `[groups, K]`: how far the negatives of a row outweigh its positive. All patch losses
/// are functions of it. Its gradient with respect to `q_i` is `(Σ_j s_ij k_j − k_i)/τ`, where `s_ij` is the share of `e^{n_ij/τ}` in
/// the sum, times `w_ij` in the official formulation.
pub(crate) fn log_ratio(
    q: &Tensor,
    k: &Tensor,
    groups: i64,
    weights: Option<&Tensor>,
    tau: f64,
    formulation: Formulation,
) -> Result<Tensor, LossError> {
    positive("tau", tau)?;
    if q.size() != k.size() {
        return Err(LossError::QueryKey { query: q.size(), key: k.size() });
    }
    let (q, k) = (grouped(q, groups)?, grouped(&k.detach(), groups)?);
    let patches = q.size()[1];
    if formulation == Formulation::Paper && patches < 2 {
        return Err(LossError::NoNegatives { patches });
    }
    let weights = weights.map(|w| checked(w, &[groups, patches, patches])).transpose()?;
    let wanted = q.requires_grad();
    let (value, slope) = no_grad(|| {
        let (q, transposed) = (q.detach(), k.transpose(1, 2));
        let mut n = match (formulation, &weights) {
            (Formulation::Paper, Some(w)) => w.log().baddbmm(&q, &transposed, 1.0, 1.0 / tau),
            (Formulation::Official, Some(w)) => q.bmm(&transposed).multiply_(w).divide_scalar_(tau),
            (_, None) => q.bmm(&transposed).divide_scalar_(tau),
        };
        // A patch is not its own negative: what stands there is constant.
        let itself = match formulation {
            Formulation::Official => SELF_SIMILARITY / tau,
            Formulation::Paper => f64::NEG_INFINITY,
        };
        fill_diagonal(&n, itself);
        let in_rows = |t: &Tensor| t.sum_dim_intlist([-1].as_slice(), true, None::<Kind>);
        // The logarithm of a sum of exponentials and, from the same exponentials, its gradient.
        let largest = n.amax([-1], true);
        let mut share = n.subtract_(&largest).exp_();
        let sums = in_rows(&share);
        let value = (largest + sums.log() - in_rows(&(q * &k)) / tau).squeeze_dim(-1);
        let slope = wanted.then(|| {
            let mut share = share.divide_(&sums);
            if let (Formulation::Official, Some(w)) = (formulation, &weights) {
                share = share.multiply_(w);
            }
            fill_diagonal(&share, 0.0);
            k.baddbmm(&share, &k, -1.0 / tau, 1.0 / tau)
        });
        (value, slope)
    });
    Ok(with_slope(value, &q, slope, &[-1]))
}

fn checked(weights: &Tensor, expected: &[i64]) -> Result<Tensor, LossError> {
    if weights.size() == expected {
        Ok(weights.detach())
    } else {
        Err(LossError::Weights { found: weights.size(), expected: expected.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::similarity::{diagonal_mask, l2_normalize};
    use proptest::prelude::*;
    use tch::Device;

    fn unit_rows(n: usize) -> impl Strategy<Value = Tensor> {
        prop::collection::vec(-1.0..1.0f64, n * 3).prop_map(|v| l2_normalize(&Tensor::from_slice(&v).view([-1, 3])))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn equals_cross_entropy(q in unit_rows(8), k in unit_rows(8)) {
            let got = info_nce(&q, &k, 2, None, 0.1, Formulation::Official).unwrap();
            let (q, k) = (q.view([2, 4, 3]), k.view([2, 4, 3]));
            let positive = (&q * &k).sum_dim_intlist([-1].as_slice(), true, None::<Kind>);
            let negatives = q.bmm(&k.transpose(1, 2)).masked_fill(&diagonal_mask(4, Device::Cpu), -10.0);
            let logits = Tensor::cat(&[positive, negatives], 2).view([8, 5]) / 0.1;
            let want = -logits.log_softmax(-1, None).select(1, 0).mean(None::<Kind>);
            prop_assert!((got.objective - want).abs().double_value(&[]) < 1e-8);
        }

        #[test]
        fn formulations_agree_without_weights(q in unit_rows(8), k in unit_rows(8)) {
            // They differ by the positive's place among the negatives, e^{(−10 − p)/τ}.
            let official = info_nce(&q, &k, 2, None, 0.2, Formulation::Official).unwrap();
            let paper = info_nce(&q, &k, 2, None, 0.2, Formulation::Paper).unwrap();
            prop_assert!((official.per_patch - paper.per_patch).abs().max().double_value(&[]) < 1e-8);
        }

        #[test]
        fn unit_weights_change_nothing(q in unit_rows(8), k in unit_rows(8)) {
            let ones = Tensor::ones([2, 4, 4], (Kind::Double, Device::Cpu));
            for formulation in [Formulation::Official, Formulation::Paper] {
                let plain = info_nce(&q, &k, 2, None, 0.07, formulation).unwrap();
                let weighted = info_nce(&q, &k, 2, Some(&ones), 0.07, formulation).unwrap();
                prop_assert!((plain.per_patch - weighted.per_patch).abs().max().double_value(&[]) < 1e-10);
            }
        }
    }

    #[test]
    fn given_negatives_that_are_the_other_keys_make_plain_info_nce() {
        let rows = || l2_normalize(&Tensor::randn([8, 3], (Kind::Double, Device::Cpu)));
        let (q, k) = (rows(), rows());
        let got = info_nce_against(&q, &k, &k.view([2, 4, 3]), 0.2).unwrap();
        // All keys, the positive too: its own place holds no −10 but the positive once more.
        let (q3, k3) = ((&q / 0.2).view([2, 4, 3]), k.view([2, 4, 3]));
        let positive = (&q3 * &k3).sum_dim_intlist([-1].as_slice(), true, None::<Kind>);
        let logits = Tensor::cat(&[positive, q3.bmm(&k3.transpose(1, 2))], 2);
        let want = -logits.log_softmax(-1, None).select(2, 0).mean(None::<Kind>);
        assert!((got - want).abs().double_value(&[]) < 1e-10);
        assert!(matches!(info_nce_against(&q, &k, &k.view([2, 4, 3]), 0.0), Err(LossError::Setting { .. })));
    }

    #[test]
    fn keys_get_no_gradient() {
        let q = Tensor::rand([4, 3], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let k = Tensor::rand([4, 3], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        for formulation in [Formulation::Official, Formulation::Paper] {
            info_nce(&q, &k, 2, None, 0.07, formulation).unwrap().objective.backward();
        }
        assert!(q.grad().defined() && !k.grad().defined());
    }

    #[test]
    fn bad_inputs_are_named() {
        let q = Tensor::zeros([4, 3], (Kind::Float, Device::Cpu));
        let with = |k: &Tensor, groups, w, tau, f| info_nce(&q, k, groups, w, tau, f).map(|_| ()).unwrap_err();
        let official = Formulation::Official;
        assert!(matches!(with(&q.narrow(1, 0, 2), 2, None, 0.07, official), LossError::QueryKey { .. }));
        assert!(matches!(with(&q, 3, None, 0.07, official), LossError::Groups { .. }));
        assert!(matches!(with(&q, 2, Some(&q), 0.07, official), LossError::Weights { .. }));
        assert!(matches!(with(&q, 2, None, 0.0, official), LossError::Setting { .. }));
        assert_eq!(with(&q, 4, None, 0.07, Formulation::Paper), LossError::NoNegatives { patches: 1 });
    }
}
