//! InfoNCE over patches, as CUT has it, with optional importance weights.

use crate::check::{alike, rank};
use crate::closed_form::with_slope;
use crate::error::positive;
use crate::hard_negative::SELF_SIMILARITY;
use crate::settings::setters;
use crate::similarity::{fill_diagonal, grouped};
use crate::{Formulation, Gradient, LossError};
use tch::{Kind, Tensor, no_grad};

/// Settings of [`info_nce`] and [`decoupled_info_nce`](crate::hdce::decoupled_info_nce).
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(any(feature = "serde", feature = "schemars"), serde(deny_unknown_fields, default))]
#[non_exhaustive]
pub struct ContrastConfig {
    /// Temperature τ, greater than 0.
    pub tau: f64,
    /// Paper or published code; decides how weights enter and where the positive stands.
    pub formulation: Formulation,
    /// How the gradient is computed.
    pub gradient: Gradient,
}

impl Default for ContrastConfig {
    /// The published temperature 0.07, the official formulation, a recorded gradient.
    fn default() -> Self {
        Self { tau: 0.07, formulation: Formulation::Official, gradient: Gradient::Recorded }
    }
}

impl ContrastConfig {
    setters! { with_tau(tau: f64), with_formulation(formulation: Formulation), with_gradient(gradient: Gradient) }

    /// Checks the range.
    ///
    /// # Errors
    /// [`LossError::Setting`] where τ is not positive.
    pub fn validate(&self) -> Result<(), LossError> {
        positive("tau", self.tau)
    }
}

/// A contrastive patch loss.
#[derive(Debug)]
#[non_exhaustive]
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
/// # Derivatives
/// Of the objective with respect to `q`: of every order with [`Gradient::Recorded`]; the first one with
/// [`Gradient::ClosedForm`], which refuses others. With respect to keys and weights: none.
///
/// # Errors
/// [`LossError::NotRows`], [`LossError::Groups`], [`LossError::QueryKey`], [`LossError::Weights`], [`LossError::Setting`]
/// (τ not positive), [`LossError::NoNegatives`] (`paper` with one patch per group); [`LossError::ElementType`],
/// [`LossError::ElementTypes`], [`LossError::Devices`], [`LossError::Empty`].
pub fn info_nce(
    q: &Tensor,
    k: &Tensor,
    groups: i64,
    weights: Option<&Tensor>,
    config: &ContrastConfig,
) -> Result<PatchLoss, LossError> {
    Ok(PatchLoss::coupled(&log_ratio(q, k, groups, weights, config)?))
}

/// InfoNCE against given negatives (NEGCUT): mean over rows of
/// `−ln( e^{p_i/τ} / (e^{p_i/τ} + Σ_j e^{q_i·n_j/τ}) )`, `p_i = q_i·k_i`; a scalar.
///
/// `q`, `k`: `[B·K, D]`; `negatives` `[B, M, D]`, those of each image; all normalised by the caller. `k` is constant; the
/// gradient goes to `q` and to the negatives.
///
/// # Derivatives
/// Of every order with respect to `q` and the negatives.
///
/// # Errors
/// [`LossError::QueryKey`], [`LossError::Groups`], [`LossError::NotRows`], [`LossError::Setting`] (τ not positive),
/// [`LossError::Shape`] where the negatives are not `[B, M, D]`; [`LossError::ElementType`],
/// [`LossError::ElementTypes`], [`LossError::Devices`], [`LossError::Empty`].
pub fn info_nce_against(q: &Tensor, k: &Tensor, negatives: &Tensor, tau: f64) -> Result<Tensor, LossError> {
    Ok(info_nce_against_each(q, k, negatives, tau)?.mean(None::<Kind>))
}

/// The values of [`info_nce_against`] of all rows, `[B·K]`, before their mean is taken.
///
/// # Errors
/// As [`info_nce_against`].
pub fn info_nce_against_each(q: &Tensor, k: &Tensor, negatives: &Tensor, tau: f64) -> Result<Tensor, LossError> {
    positive("tau", tau)?;
    alike([("queries", q), ("keys", k), ("negatives", negatives)])?;
    if q.size() != k.size() {
        return Err(LossError::QueryKey { query: q.size(), key: k.size() });
    }
    rank(("negatives", negatives), 3, "[batch, negatives, channels]")?;
    let groups = negatives.size()[0];
    let (q, k) = (grouped(("queries", q), groups)?, grouped(("keys", &k.detach()), groups)?);
    let width = q.size()[2];
    if negatives.size()[2] != width {
        let expected = format!("[{groups}, negatives, {width}]");
        return Err(LossError::Shape { what: "negatives", found: negatives.size(), expected });
    }
    let q = q / tau;
    let positives = (&q * &k).sum_dim_intlist([-1].as_slice(), false, None::<Kind>);
    let v = q.bmm(&negatives.transpose(1, 2)).logsumexp([-1], false) - positives;
    Ok(v.softplus().view([-1]))
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
/// are functions of it.
pub(crate) fn log_ratio(
    q: &Tensor,
    k: &Tensor,
    groups: i64,
    weights: Option<&Tensor>,
    config: &ContrastConfig,
) -> Result<Tensor, LossError> {
    config.validate()?;
    alike([("queries", q), ("keys", k)].into_iter().chain(weights.map(|w| ("importance weights", w))))?;
    if q.size() != k.size() {
        return Err(LossError::QueryKey { query: q.size(), key: k.size() });
    }
    let (q, k) = (grouped(("queries", q), groups)?, grouped(("keys", &k.detach()), groups)?);
    let patches = q.size()[1];
    if config.formulation == Formulation::Paper && patches < 2 {
        return Err(LossError::NoNegatives { patches });
    }
    let weights = weights.map(|w| checked(w, &[groups, patches, patches])).transpose()?;
    Ok(match config.gradient {
        Gradient::Recorded => recorded(&q, &k, weights.as_ref(), config),
        Gradient::ClosedForm => with_closed_form(&q, &k, weights.as_ref(), config),
    })
}

/// What stands for the similarity of a patch with itself, which is not its own negative; constant.
fn itself(config: &ContrastConfig) -> f64 {
    match config.formulation {
        Formulation::Official => SELF_SIMILARITY / config.tau,
        Formulation::Paper => f64::NEG_INFINITY,
    }
}

fn recorded(q: &Tensor, k: &Tensor, weights: Option<&Tensor>, config: &ContrastConfig) -> Tensor {
    let similarity = q.bmm(&k.transpose(1, 2));
    let n = match (config.formulation, weights) {
        (Formulation::Paper, Some(w)) => similarity / config.tau + w.log(),
        (Formulation::Official, Some(w)) => similarity * w / config.tau,
        (_, None) => similarity / config.tau,
    };
    let diagonal = Tensor::eye(q.size()[1], (Kind::Bool, q.device()));
    let positives = (q * k).sum_dim_intlist([-1].as_slice(), false, None::<Kind>) / config.tau;
    n.masked_fill(&diagonal, itself(config)).logsumexp([-1], false) - positives
}

/// The gradient with respect to `q_i` is `(Σ_j s_ij k_j − k_i)/τ`, where `s_ij` is the share of `e^{n_ij/τ}` in the sum, times
/// `w_ij` in the official formulation.
fn with_closed_form(q: &Tensor, k: &Tensor, weights: Option<&Tensor>, config: &ContrastConfig) -> Tensor {
    let (tau, formulation) = (config.tau, config.formulation);
    let wanted = q.requires_grad();
    let (value, slope) = no_grad(|| {
        let (q, transposed) = (q.detach(), k.transpose(1, 2));
        let mut n = match (formulation, weights) {
            (Formulation::Paper, Some(w)) => w.log().baddbmm(&q, &transposed, 1.0, 1.0 / tau),
            (Formulation::Official, Some(w)) => q.bmm(&transposed).multiply_(w).divide_scalar_(tau),
            (_, None) => q.bmm(&transposed).divide_scalar_(tau),
        };
        fill_diagonal(&n, itself(config));
        let in_rows = |t: &Tensor| t.sum_dim_intlist([-1].as_slice(), true, None::<Kind>);
        // The logarithm of a sum of exponentials and, from the same exponentials, its gradient.
        let largest = n.amax([-1], true);
        let mut share = n.subtract_(&largest).exp_();
        let sums = in_rows(&share);
        let value = (largest + sums.log() - in_rows(&(q * k)) / tau).squeeze_dim(-1);
        let slope = wanted.then(|| {
            let mut share = share.divide_(&sums);
            if let (Formulation::Official, Some(w)) = (formulation, weights) {
                share = share.multiply_(w);
            }
            fill_diagonal(&share, 0.0);
            k.baddbmm(&share, k, -1.0 / tau, 1.0 / tau)
        });
        (value, slope)
    });
    with_slope(value, q, slope, &[-1])
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
        prop::collection::vec(-1.0..1.0f64, n * 3)
            .prop_map(|v| l2_normalize(&Tensor::from_slice(&v).view([-1, 3])).unwrap())
    }

    fn all_configs() -> impl Iterator<Item = ContrastConfig> {
        let formulations = [Formulation::Official, Formulation::Paper];
        let gradients = [Gradient::Recorded, Gradient::ClosedForm];
        formulations.into_iter().flat_map(move |formulation| {
            gradients.map(|gradient| ContrastConfig { formulation, gradient, ..Default::default() })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn equals_cross_entropy(q in unit_rows(8), k in unit_rows(8)) {
            let got = info_nce(&q, &k, 2, None, &ContrastConfig::default().with_tau(0.1)).unwrap();
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
            let official = ContrastConfig::default().with_tau(0.2);
            let paper = info_nce(&q, &k, 2, None, &official.with_formulation(Formulation::Paper)).unwrap();
            let official = info_nce(&q, &k, 2, None, &official).unwrap();
            prop_assert!((official.per_patch - paper.per_patch).abs().max().double_value(&[]) < 1e-8);
        }

        #[test]
        fn unit_weights_change_nothing(q in unit_rows(8), k in unit_rows(8)) {
            let ones = Tensor::ones([2, 4, 4], (Kind::Double, Device::Cpu));
            for config in all_configs() {
                let plain = info_nce(&q, &k, 2, None, &config).unwrap();
                let weighted = info_nce(&q, &k, 2, Some(&ones), &config).unwrap();
                prop_assert!((plain.per_patch - weighted.per_patch).abs().max().double_value(&[]) < 1e-10);
            }
        }
    }

    #[test]
    fn given_negatives_that_are_the_other_keys_make_plain_info_nce() {
        let rows = || l2_normalize(&Tensor::randn([8, 3], (Kind::Double, Device::Cpu))).unwrap();
        let (q, k) = (rows(), rows());
        let got = info_nce_against(&q, &k, &k.view([2, 4, 3]), 0.2).unwrap();
        // All keys, the positive too: its own place holds no −10 but the positive once more.
        let (q3, k3) = ((&q / 0.2).view([2, 4, 3]), k.view([2, 4, 3]));
        let positive = (&q3 * &k3).sum_dim_intlist([-1].as_slice(), true, None::<Kind>);
        let logits = Tensor::cat(&[positive, q3.bmm(&k3.transpose(1, 2))], 2);
        let want = -logits.log_softmax(-1, None).select(2, 0).mean(None::<Kind>);
        assert!((got - want).abs().double_value(&[]) < 1e-10);
        assert!(matches!(info_nce_against(&q, &k, &k.view([2, 4, 3]), 0.0), Err(LossError::Setting { .. })));
        for negatives in [k.shallow_clone(), k.view([2, 6, 2])] {
            let error = info_nce_against(&q, &k, &negatives, 0.2).unwrap_err();
            assert!(matches!(error, LossError::Shape { what: "negatives", .. }), "{error}");
        }
    }

    #[test]
    fn keys_get_no_gradient() {
        let q = Tensor::rand([4, 3], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let k = Tensor::rand([4, 3], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        for config in all_configs() {
            info_nce(&q, &k, 2, None, &config).unwrap().objective.backward();
        }
        assert!(q.grad().defined() && !k.grad().defined());
    }

    #[test]
    fn bad_inputs_are_named() {
        let q = Tensor::zeros([4, 3], (Kind::Float, Device::Cpu));
        let with = |k: &Tensor, groups, w, tau, f| {
            let config = ContrastConfig::default().with_tau(tau).with_formulation(f);
            info_nce(&q, k, groups, w, &config).map(|_| ()).unwrap_err()
        };
        let official = Formulation::Official;
        assert!(matches!(with(&q.narrow(1, 0, 2), 2, None, 0.07, official), LossError::QueryKey { .. }));
        assert!(matches!(with(&q, 3, None, 0.07, official), LossError::Groups { .. }));
        assert!(matches!(with(&q, 2, Some(&q), 0.07, official), LossError::Weights { .. }));
        assert!(matches!(with(&q, 2, None, 0.0, official), LossError::Setting { .. }));
        assert_eq!(with(&q, 4, None, 0.07, Formulation::Paper), LossError::NoNegatives { patches: 1 });
    }
}
