//! Semantic relations between the taps of a teacher and those of its student (the paper's experiment on GAN compression).
//!
//! As the published compression code computes them, which is neither formulation of [`semantic`](crate::semantic): the terms
//! are sums over taps, not means, and the logged contrastive value has a temperature of its own.

use crate::check::alike;
use crate::error::{not_negative, positive};
use crate::hard_negative::hard_negative_weights;
use crate::patch_nce::{ContrastConfig, log_ratio};
use crate::settings::setters;
use crate::similarity::similarity_matrix;
use crate::src::src_against;
use crate::{Formulation, Gradient, LossError};
use tch::{Kind, Tensor};

/// Temperature of the contrastive term's value, whatever the temperature of its gradient is.
const REPORTED_TAU: f64 = 0.07;

/// Settings of [`distillation_terms`]; the defaults are those of all three published tasks.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(any(feature = "serde", feature = "schemars"), serde(deny_unknown_fields, default))]
#[non_exhaustive]
pub struct DistillationConfig {
    /// Weight of semantic relation consistency, 0 or more. With 0 the negatives get no importance weights either, as
    /// published.
    pub lambda_src: f64,
    /// Weight of the decoupled contrast, 0 or more; 0 leaves it out.
    pub lambda_dce: f64,
    /// Whether negatives get importance weights.
    pub hard: bool,
    /// Temperature τ of the contrast's gradient.
    pub tau: f64,
    /// How gradients are computed.
    pub gradient: Gradient,
}

impl Default for DistillationConfig {
    fn default() -> Self {
        Self { lambda_src: 10.0, lambda_dce: 0.1, hard: true, tau: 0.07, gradient: Gradient::Recorded }
    }
}

impl DistillationConfig {
    setters! {
        with_lambda_src(lambda_src: f64),
        with_lambda_dce(lambda_dce: f64),
        with_hard(hard: bool),
        with_tau(tau: f64),
        with_gradient(gradient: Gradient),
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`LossError::Setting`] names the setting that is out of range.
    pub fn validate(&self) -> Result<(), LossError> {
        not_negative("lambda_src", self.lambda_src)?;
        not_negative("lambda_dce", self.lambda_dce)?;
        positive("tau", self.tau)
    }
}

/// The terms of each tap, multiplied by their λ, `[taps]`. The objective is the sum of all.
#[derive(Debug)]
#[non_exhaustive]
pub struct DistillationTerms {
    /// `λ_SRC · Σ_k JSD(P_k ‖ Q_k)`: a sum over the patches, not a mean.
    pub src: Tensor,
    /// `λ_DCE · DCE`. Its gradient is that of `mean_j ln Σ_m exp((l⁻_jm − l⁺_j)/τ)`, its value the InfoNCE
    /// `mean_j ln(1 + Σ_m exp((l⁻_jm − l⁺_j)/0.07))`.
    pub dce: Tensor,
}

/// SRC and decoupled contrast of one image's patches at each tap: `queries` are the projected patches of the student, `keys`
/// those of the teacher, `[K, D]` of L2-normalised rows each, of the same shape at all taps; the keys are constant.
///
/// With `U`, `V` the cosine similarities among queries and among keys, `P = softmax(U)`, `Q = softmax(V)` row by row:
///
/// * `SRC = Σ_k JSD(P_k ‖ Q_k)` (Eq. 3), natural logarithm, diagonal included;
/// * `l⁺_j = q_j·k_j`, `l⁻_jm = W_jm · q_j·k_m` and `l⁻_jj = −10`, where `W` are the official
///   [`hard_negative_weights`] of `V` at the temperature `gamma` (Eq. 5), or 1.
///
/// # Derivatives
/// With respect to the queries: of every order with [`Gradient::Recorded`] (but at rows of zeros, where `src` has the first
/// one only); the first one with [`Gradient::ClosedForm`], which refuses others. With respect to the keys: none.
///
/// # Errors
/// [`LossError::NoTaps`], [`LossError::Taps`], [`LossError::QueryKey`] where shapes differ, [`LossError::NotRows`],
/// [`LossError::Setting`]; [`LossError::ElementType`], [`LossError::ElementTypes`], [`LossError::Devices`],
/// [`LossError::Empty`].
pub fn distillation_terms(
    queries: &[Tensor],
    keys: &[Tensor],
    config: &DistillationConfig,
    gamma: f64,
) -> Result<DistillationTerms, LossError> {
    config.validate()?;
    let taps = queries.len() as i64;
    let first = queries.first().ok_or(LossError::NoTaps)?;
    if keys.len() != queries.len() {
        return Err(LossError::Taps { what: "keys", found: keys.len(), expected: queries.len() });
    }
    alike(queries.iter().map(|q| ("queries", q)).chain(keys.iter().map(|k| ("keys", k))))?;
    if let Some(other) = queries.iter().chain(keys).find(|rows| rows.size() != first.size()) {
        return Err(LossError::QueryKey { query: first.size(), key: other.size() });
    }
    // All taps in one stack, each a group of its own: every operation runs once.
    let (q, k) = (Tensor::cat(queries, 0), Tensor::cat(keys, 0).detach());
    let nothing = || Tensor::zeros([taps], (first.kind(), first.device()));
    let relations = (config.lambda_src > 0.0).then(|| similarity_matrix(&k, taps)).transpose()?;

    let src = match &relations {
        Some(v) => src_against(&q, v, taps, config.gradient)? * config.lambda_src,
        None => nothing(),
    };
    if config.lambda_dce == 0.0 {
        return Ok(DistillationTerms { src, dce: nothing() });
    }
    let weights = match &relations {
        Some(v) if config.hard => Some(hard_negative_weights(v, gamma, Formulation::Official)?),
        _ => None,
    };
    let ratio = |q: &Tensor, tau: f64| {
        let contrast = ContrastConfig { tau, formulation: Formulation::Official, gradient: config.gradient };
        log_ratio(q, &k, taps, weights.as_ref(), &contrast)
    };
    let v = ratio(&q, config.tau)?;
    let reported = if config.tau == REPORTED_TAU { v.detach() } else { ratio(&q.detach(), REPORTED_TAU)? };
    let mean = |of_rows: Tensor| of_rows.mean_dim([-1].as_slice(), false, None::<Kind>);
    let slope = mean(v);
    let dce = (&slope - slope.detach() + mean(reported.softplus())) * config.lambda_dce;
    Ok(DistillationTerms { src, dce })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hdce::decoupled_info_nce;
    use crate::similarity::l2_normalize;
    use crate::src::semantic_relation_consistency;
    use tch::Device;

    fn rows(taps: usize) -> Vec<Tensor> {
        (0..taps)
            .map(|_| l2_normalize(&Tensor::randn([7, 5], (Kind::Double, Device::Cpu))).unwrap().set_requires_grad(true))
            .collect()
    }

    fn terms(q: &[Tensor], k: &[Tensor], config: &DistillationConfig) -> DistillationTerms {
        distillation_terms(q, k, config, 2.0).unwrap()
    }

    fn close(a: &Tensor, b: &Tensor) {
        assert!((a - b).abs().max().double_value(&[]) < 1e-9, "{a} is not {b}");
    }

    #[test]
    fn every_tap_by_itself_gives_its_share_of_the_stack() {
        let (q, k) = (rows(3), rows(3));
        let config = DistillationConfig::default().with_gradient(Gradient::ClosedForm);
        let all = terms(&q, &k, &config);
        for tap in 0..3 {
            let weights =
                hard_negative_weights(&similarity_matrix(&k[tap], 1).unwrap(), 2.0, Formulation::Official).unwrap();
            let dce = decoupled_info_nce(&q[tap], &k[tap], 1, Some(&weights), &ContrastConfig::default()).unwrap();
            let src = semantic_relation_consistency(&q[tap], &k[tap], 1, Gradient::Recorded).unwrap();
            close(&all.src.get(tap as i64), &(src * 10.0));
            close(&all.dce.get(tap as i64), &(&dce.value * 0.1));
            let gradient = |loss: &Tensor| Tensor::run_backward(&[loss], &[&q[tap]], true, false).remove(0);
            close(&gradient(&all.dce.sum(Kind::Double)), &gradient(&(dce.objective * 0.1)));
        }
    }

    #[test]
    fn the_reported_value_keeps_its_temperature_and_the_gradient_does_not() {
        let (q, k) = (rows(1), rows(1));
        let of = |tau| terms(&q, &k, &DistillationConfig { tau, ..Default::default() }).dce;
        let (cold, warm) = (of(0.07), of(0.3));
        close(&cold, &warm);
        let gradient = |loss: &Tensor| Tensor::run_backward(&[loss.sum(Kind::Double)], &[&q[0]], true, false).remove(0);
        let difference = (gradient(&cold) - gradient(&warm)).abs().max().double_value(&[]);
        assert!(difference > 1e-3, "{difference}");
    }

    #[test]
    fn without_src_the_weights_go_as_well() {
        let (q, k) = (rows(2), rows(2));
        let config = DistillationConfig { lambda_src: 0.0, ..Default::default() };
        let without = terms(&q, &k, &config);
        assert_eq!(without.src.abs().max().double_value(&[]), 0.0);
        close(&without.dce, &terms(&q, &k, &DistillationConfig { hard: false, ..Default::default() }).dce);
        let difference = (without.dce - terms(&q, &k, &DistillationConfig::default()).dce).abs().max();
        assert!(difference.double_value(&[]) > 1e-6);
    }

    #[test]
    fn the_teacher_gets_no_gradient() {
        let (q, k) = (rows(2), rows(2));
        let both = terms(&q, &k, &DistillationConfig::default());
        let loss = (both.src + both.dce).sum(Kind::Double);
        let gradients = Tensor::run_backward(&[loss], &[&q[1], &k[1]], false, false);
        assert!(gradients[0].defined() && !gradients[1].defined());
    }

    #[test]
    fn bad_inputs_are_named() {
        let (q, config) = (rows(2), DistillationConfig::default());
        let of = |q: &[Tensor], k: &[Tensor], c| distillation_terms(q, k, c, 2.0).map(|_| ()).unwrap_err();
        assert_eq!(of(&[], &[], &config), LossError::NoTaps);
        assert!(matches!(of(&q, &q[..1], &config), LossError::Taps { .. }));
        assert!(matches!(of(&q[..1], &[q[0].narrow(0, 0, 3)], &config), LossError::QueryKey { .. }));
        let tau = DistillationConfig { tau: 0.0, ..config };
        assert!(matches!(of(&q, &q, &tau), LossError::Setting { name: "tau", .. }));
    }
}
