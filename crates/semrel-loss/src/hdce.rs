//! Decoupled InfoNCE (DCE, Eq. 6) and, with importance weights, hDCE (Eq. 4): the positive leaves the denominator, so
//! easy negatives no longer weaken the gradient.

use crate::patch_nce::{ContrastConfig, PatchLoss, log_ratio};
use crate::{Formulation, LossError};
use tch::{Kind, Tensor};

/// hDCE: gradient of mean over rows of `v_i = ln Σ_j e^{n_ij/τ} − p_i/τ`. Arguments, `n_ij`, `p_i` and errors are those of
/// [`info_nce`](crate::patch_nce::info_nce); `weights` absent gives plain DCE.
///
/// With the paper's weights (row mean 1), `v_i` is `−ln( e^{p_i/τ} / (N·E_q[e^{q·k⁻/τ}]) )` of Eq. 4, N = K − 1.
///
/// The gradient is that of `mean v` in both formulations. The number that the objective evaluates to is `mean v` in
/// `paper`; in `official` it is the InfoNCE value, `mean v − sg(mean v) + sg(mean ln(1 + e^v))`, where `sg` stops the
/// gradient.
///
/// # Derivatives
/// As [`info_nce`](crate::patch_nce::info_nce). In both formulations those of every order are those of `mean v`.
///
/// # Errors
/// As [`info_nce`](crate::patch_nce::info_nce).
pub fn decoupled_info_nce(
    q: &Tensor,
    k: &Tensor,
    groups: i64,
    weights: Option<&Tensor>,
    config: &ContrastConfig,
) -> Result<PatchLoss, LossError> {
    Ok(PatchLoss::decoupled(&log_ratio(q, k, groups, weights, config)?, config.formulation))
}

impl PatchLoss {
    /// DCE from `v` of [`log_ratio`].
    pub(crate) fn decoupled(v: &Tensor, formulation: Formulation) -> Self {
        let per_patch = v.detach().softplus().view([-1]);
        let value = per_patch.mean(None::<Kind>);
        let mean = v.mean(None::<Kind>);
        let objective = match formulation {
            Formulation::Official => &mean - mean.detach() + &value,
            Formulation::Paper => mean,
        };
        Self { objective, value, per_patch }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Gradient;
    use crate::hard_negative::hard_negative_weights;
    use crate::patch_nce::info_nce;
    use crate::similarity::{diagonal_mask, l2_normalize, similarity_matrix};
    use proptest::prelude::*;
    use tch::Device;

    fn unit_rows(n: usize) -> impl Strategy<Value = Tensor> {
        prop::collection::vec(-1.0..1.0f64, n * 3)
            .prop_map(|v| l2_normalize(&Tensor::from_slice(&v).view([-1, 3])).unwrap())
    }

    fn at(tau: f64, formulation: Formulation, gradient: Gradient) -> ContrastConfig {
        ContrastConfig::default().with_tau(tau).with_formulation(formulation).with_gradient(gradient)
    }

    fn hdce(q: &Tensor, k: &Tensor, groups: i64, weights: Option<&Tensor>, config: &ContrastConfig) -> PatchLoss {
        decoupled_info_nce(q, k, groups, weights, config).unwrap()
    }

    fn gradient(q: &Tensor, f: impl Fn(&Tensor) -> Tensor) -> Tensor {
        let q = q.copy().set_requires_grad(true);
        f(&q).backward();
        q.grad()
    }

    fn largest(difference: Tensor) -> f64 {
        difference.abs().max().double_value(&[])
    }

    /// mean_i of logsumexp_{j≠i}(similarity_ij/τ + bias_ij) − p_i/τ, written out.
    fn plain_formula(q: &Tensor, k: &Tensor, factor: &Tensor, bias: &Tensor, tau: f64) -> Tensor {
        let (q, k) = (q.view([2, 4, 3]), k.view([2, 4, 3]));
        let logits = (q.bmm(&k.transpose(1, 2)) * factor / tau + bias)
            .masked_fill(&diagonal_mask(4, Device::Cpu), f64::NEG_INFINITY);
        let p = (q * k).sum_dim_intlist([-1].as_slice(), false, None::<Kind>) / tau;
        (logits.logsumexp([-1], false) - p).mean(None::<Kind>)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn gradient_is_that_of_logsumexp(q in unit_rows(8), k in unit_rows(8), gamma in 0.2..50.0f64) {
            let s = similarity_matrix(&k, 2).unwrap();
            let one = s.ones_like();
            for formulation in [Formulation::Official, Formulation::Paper] {
                let w = hard_negative_weights(&s, gamma, formulation).unwrap();
                let (factor, bias) = match formulation {
                    Formulation::Official => (&w, one.zeros_like()),
                    Formulation::Paper => (&one, w.log()),
                };
                let want = gradient(&q, |q| plain_formula(q, &k, factor, &bias, 0.2));
                for how in [Gradient::Recorded, Gradient::ClosedForm] {
                    let got = gradient(&q, |q| hdce(q, &k, 2, Some(&w), &at(0.2, formulation, how)).objective);
                    prop_assert!(largest(got - &want) < 1e-8, "{formulation:?} {how:?}");
                }
            }
        }

        #[test]
        fn value_is_info_nce(q in unit_rows(8), k in unit_rows(8)) {
            for formulation in [Formulation::Official, Formulation::Paper] {
                let config = at(0.07, formulation, Gradient::ClosedForm);
                let decoupled = hdce(&q, &k, 2, None, &config);
                let coupled = info_nce(&q, &k, 2, None, &config).unwrap();
                prop_assert!(largest(&decoupled.value - &coupled.objective) < 1e-12);
                if formulation == Formulation::Official {
                    prop_assert!(largest(decoupled.objective - coupled.objective) < 1e-12);
                }
            }
        }

        #[test]
        fn formulations_share_the_gradient_at_uniform_weights(q in unit_rows(8), k in unit_rows(8)) {
            let uniform = Tensor::ones([2, 4, 4], (Kind::Double, Device::Cpu));
            let of = |f| {
                let config = at(0.2, f, Gradient::ClosedForm);
                gradient(&q, |q| hdce(q, &k, 2, Some(&uniform), &config).objective)
            };
            prop_assert!(largest(of(Formulation::Official) - of(Formulation::Paper)) < 1e-8);
        }

        #[test]
        fn gradient_survives_rows_of_zeros(k in unit_rows(8)) {
            let zero = k.zeros_like();
            for formulation in [Formulation::Official, Formulation::Paper] {
                for how in [Gradient::Recorded, Gradient::ClosedForm] {
                    let config = at(0.07, formulation, how);
                    let g = gradient(&zero, |q| hdce(&l2_normalize(q).unwrap(), &k, 2, None, &config).objective);
                    prop_assert!(bool::try_from(g.isfinite().all()).unwrap());
                }
            }
        }
    }

    #[test]
    fn well_separated_positives_keep_their_gradient() {
        // At v ≪ 0 InfoNCE's gradient is smaller by σ(v); decoupling removes that factor.
        let k = Tensor::eye(3, (Kind::Double, Device::Cpu));
        let config = ContrastConfig::default().with_tau(0.1);
        let dce = gradient(&k, |q| hdce(q, &k, 1, None, &config).objective);
        let nce = gradient(&k, |q| info_nce(q, &k, 1, None, &config).unwrap().objective);
        let v = 2f64.ln() - 10.0;
        let factor = 1.0 / (1.0 + (-v).exp());
        assert!(largest(dce * factor - nce) < 1e-12);
    }
}
