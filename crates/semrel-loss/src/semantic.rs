//! The patch terms together: `λ_SRC·L_SRC + λ_hDCE·L_hDCE` averaged over the feature taps.

use crate::check::alike;
use crate::error::{not_negative, positive};
use crate::hard_negative::hard_negative_weights;
use crate::patch_nce::{ContrastConfig, PatchLoss, log_ratio};
use crate::settings::setters;
use crate::similarity::similarity_matrix;
use crate::src::src_against;
use crate::{Formulation, Gradient, LossError};
use tch::{Kind, Tensor};

/// Settings of [`semantic_relation_losses`]. The defaults are those of the official Seasons run.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(any(feature = "serde", feature = "schemars"), serde(deny_unknown_fields, default))]
#[non_exhaustive]
pub struct PatchLossConfig {
    /// Paper or published code; decides roles of the features, weights and values.
    pub formulation: Formulation,
    /// Weight of semantic relation consistency, 0 or more; 0 leaves it out.
    pub lambda_src: f64,
    /// Weight of (h)DCE, 0 or more; 0 leaves it out.
    pub lambda_dce: f64,
    /// Weight of InfoNCE, 0 or more; 0 leaves it out.
    pub lambda_nce: f64,
    /// Whether negatives get importance weights.
    pub use_hard: bool,
    /// Temperature τ of the contrastive terms.
    pub tau: f64,
    /// How gradients are computed.
    pub gradient: Gradient,
}

impl Default for PatchLossConfig {
    fn default() -> Self {
        Self {
            formulation: Formulation::Official,
            lambda_src: 0.1,
            lambda_dce: 1.0,
            lambda_nce: 0.0,
            use_hard: true,
            tau: 0.07,
            gradient: Gradient::Recorded,
        }
    }
}

impl PatchLossConfig {
    setters! {
        with_formulation(formulation: Formulation),
        with_lambda_src(lambda_src: f64),
        with_lambda_dce(lambda_dce: f64),
        with_lambda_nce(lambda_nce: f64),
        with_use_hard(use_hard: bool),
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
        not_negative("lambda_nce", self.lambda_nce)?;
        positive("tau", self.tau)
    }
}

/// The terms, averaged over taps and multiplied by their λ; scalars.
#[derive(Debug)]
#[non_exhaustive]
pub struct SemanticRelationLosses {
    /// `λ_SRC · L_SRC`: summed over patches and images, hence in proportion to the batch size.
    pub src: Tensor,
    /// `λ_DCE · DCE + λ_NCE · InfoNCE`, to train on.
    pub patch: Tensor,
    /// The same with the InfoNCE value for DCE, to log; no gradient. In the official formulation it equals `patch`.
    pub patch_value: Tensor,
}

/// SRC and contrastive terms of the multi-modal experiment from the projected features of input (`z`) and output (`w`), one
/// `[batch·K, D]` matrix of normalised rows per tap (K may differ between taps).
///
/// * `official`: queries z, keys w, **w constant**: the terms train the encoder on the input and the heads.
/// * `paper`: queries w, keys z, z constant: the terms train the output.
///
/// # Derivatives
/// As [`patch_losses`].
///
/// # Errors
/// As [`patch_losses`].
pub fn semantic_relation_losses(
    z: &[Tensor],
    w: &[Tensor],
    batch: i64,
    config: &PatchLossConfig,
    gamma: f64,
) -> Result<SemanticRelationLosses, LossError> {
    if z.len() != w.len() {
        return Err(LossError::Taps { what: "output features", found: w.len(), expected: z.len() });
    }
    match config.formulation {
        Formulation::Official => patch_losses(z, w, batch, config, gamma),
        Formulation::Paper => patch_losses(w, z, batch, config, gamma),
    }
}

/// SRC and contrastive terms that train the `queries` towards the constant `keys`, one matrix `[groups·K, D]` of normalised
/// rows per tap. In the single-modal experiment queries are patches of the output and keys those of the input.
///
/// The keys' similarity matrix serves both SRC and the importance weights. `gamma` is the temperature of
/// [`hard_negative_weights`] in force, see [`curriculum`](crate::curriculum); it is read with `use_hard` only. Patches are
/// each other's negatives within a group: an image, or a whole batch.
///
/// # Derivatives
/// Of `src` and `patch` with respect to the queries: of every order with [`Gradient::Recorded`] (but at rows of zeros, where
/// `src` has the first one only); the first one with [`Gradient::ClosedForm`], which refuses others. With respect to the
/// keys: none.
///
/// # Errors
/// [`LossError::NoTaps`], [`LossError::Taps`], [`LossError::Setting`], and those of
/// [`semantic_relation_consistency`](crate::src::semantic_relation_consistency) and
/// [`info_nce`](crate::patch_nce::info_nce). All taps have one element type and one device.
pub fn patch_losses(
    queries: &[Tensor],
    keys: &[Tensor],
    groups: i64,
    config: &PatchLossConfig,
    gamma: f64,
) -> Result<SemanticRelationLosses, LossError> {
    config.validate()?;
    if queries.len() != keys.len() {
        return Err(LossError::Taps { what: "keys", found: keys.len(), expected: queries.len() });
    }
    alike(queries.iter().map(|q| ("queries", q)).chain(keys.iter().map(|k| ("keys", k))))?;
    let taps = queries.len() as f64;
    let terms = stacked(queries, keys)
        .iter()
        .map(|(q, k, stack)| tap_terms(q, k, groups * stack, config, gamma))
        .collect::<Result<Vec<_>, _>>()?;
    let stacks = terms.len() as f64;
    let total = terms
        .into_iter()
        .reduce(|a, b| SemanticRelationLosses {
            src: a.src + b.src,
            patch: a.patch + b.patch,
            patch_value: a.patch_value + b.patch_value,
        })
        .ok_or(LossError::NoTaps)?;
    // SRC is a sum over all rows, the contrastive terms are means over the rows of their stack.
    Ok(SemanticRelationLosses {
        src: total.src / taps,
        patch: total.patch / stacks,
        patch_value: total.patch_value / stacks,
    })
}

/// (queries, keys, taps in them): all taps in one stack where their shapes agree, so that each operation runs once.
fn stacked(queries: &[Tensor], keys: &[Tensor]) -> Vec<(Tensor, Tensor, i64)> {
    let pairs = || queries.iter().zip(keys);
    let alike = pairs().all(|(q, k)| q.size() == queries[0].size() && k.size() == queries[0].size());
    if alike && queries.len() > 1 {
        vec![(Tensor::cat(queries, 0), Tensor::cat(keys, 0).detach(), queries.len() as i64)]
    } else {
        pairs().map(|(q, k)| (q.shallow_clone(), k.detach(), 1)).collect()
    }
}

fn tap_terms(
    q: &Tensor,
    k: &Tensor,
    groups: i64,
    config: &PatchLossConfig,
    gamma: f64,
) -> Result<SemanticRelationLosses, LossError> {
    if q.size() != k.size() {
        return Err(LossError::QueryKey { query: q.size(), key: k.size() });
    }
    let nothing = || Tensor::zeros([0i64; 0], (q.kind(), q.device()));
    let contrastive = config.lambda_dce > 0.0 || config.lambda_nce > 0.0;
    let hard = config.use_hard && contrastive;
    let key_similarity = if hard || config.lambda_src > 0.0 { Some(similarity_matrix(k, groups)?) } else { None };

    let src = match &key_similarity {
        Some(s) if config.lambda_src > 0.0 => {
            src_against(q, s, groups, config.gradient)?.sum(None::<Kind>) * config.lambda_src
        }
        _ => nothing(),
    };
    if !contrastive {
        return Ok(SemanticRelationLosses { src, patch: nothing(), patch_value: nothing() });
    }

    let weights = match &key_similarity {
        Some(s) if hard => Some(hard_negative_weights(s, gamma, config.formulation)?),
        _ => None,
    };
    let contrast = ContrastConfig { tau: config.tau, formulation: config.formulation, gradient: config.gradient };
    let v = log_ratio(q, k, groups, weights.as_ref(), &contrast)?;
    let dce = (config.lambda_dce > 0.0).then(|| (config.lambda_dce, PatchLoss::decoupled(&v, config.formulation)));
    let nce = (config.lambda_nce > 0.0).then(|| (config.lambda_nce, PatchLoss::coupled(&v)));
    let (mut patch, mut patch_value) = (nothing(), nothing());
    for (lambda, loss) in dce.into_iter().chain(nce) {
        patch += loss.objective * lambda;
        patch_value += loss.value * lambda;
    }
    Ok(SemanticRelationLosses { src, patch, patch_value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hdce::decoupled_info_nce;
    use crate::patch_nce::info_nce;
    use crate::similarity::l2_normalize;
    use crate::src::semantic_relation_consistency;
    use tch::Device;

    const BATCH: i64 = 2;

    fn taps(patches: &[i64]) -> Vec<Tensor> {
        patches
            .iter()
            .map(|k| {
                l2_normalize(&Tensor::randn([BATCH * k, 6], (Kind::Double, Device::Cpu)))
                    .unwrap()
                    .set_requires_grad(true)
            })
            .collect()
    }

    fn close(a: &Tensor, b: f64) {
        assert!((a.double_value(&[]) - b).abs() < 1e-9, "{a} is not {b}");
    }

    /// The definition, tap by tap, from the public parts.
    fn by_hand(z: &[Tensor], w: &[Tensor], c: &PatchLossConfig, gamma: f64) -> (f64, f64, f64) {
        let (mut s, mut p, mut value) = (0.0, 0.0, 0.0);
        for (z, w) in z.iter().zip(w) {
            let (q, k) = if c.formulation == Formulation::Official { (z, w) } else { (w, z) };
            let similarity = similarity_matrix(k, BATCH).unwrap();
            let weights = c.use_hard.then(|| hard_negative_weights(&similarity, gamma, c.formulation).unwrap());
            let contrast = ContrastConfig { tau: c.tau, formulation: c.formulation, gradient: c.gradient };
            let dce = decoupled_info_nce(q, k, BATCH, weights.as_ref(), &contrast).unwrap();
            let nce = info_nce(q, k, BATCH, weights.as_ref(), &contrast).unwrap();
            let number = |t: Tensor| t.double_value(&[]) / 2.0;
            s += c.lambda_src * number(semantic_relation_consistency(q, k, BATCH, c.gradient).unwrap());
            p += c.lambda_dce * number(dce.objective) + c.lambda_nce * number(nce.objective);
            value += c.lambda_dce * number(dce.value) + c.lambda_nce * number(nce.value);
        }
        (s, p, value)
    }

    #[test]
    fn averages_over_taps_stacked_or_not() {
        for patches in [[7, 7], [7, 4]] {
            for formulation in [Formulation::Official, Formulation::Paper] {
                for (use_hard, gradient) in
                    [(false, Gradient::Recorded), (true, Gradient::Recorded), (true, Gradient::ClosedForm)]
                {
                    let c = PatchLossConfig { formulation, use_hard, lambda_nce: 0.3, gradient, ..Default::default() };
                    let (z, w) = (taps(&patches), taps(&patches));
                    let got = semantic_relation_losses(&z, &w, BATCH, &c, 1.5).unwrap();
                    let (s, p, value) = by_hand(&z, &w, &c, 1.5);
                    close(&got.src, s);
                    close(&got.patch, p);
                    close(&got.patch_value, value);
                }
            }
        }
    }

    #[test]
    fn official_trains_the_input_paper_the_output() {
        for patches in [[5, 5], [5, 3]] {
            for formulation in [Formulation::Official, Formulation::Paper] {
                let (z, w) = (taps(&patches), taps(&patches));
                let c = PatchLossConfig { formulation, ..Default::default() };
                let losses = semantic_relation_losses(&z, &w, BATCH, &c, 2.0).unwrap();
                let all: Vec<Tensor> = z.iter().chain(&w).map(Tensor::shallow_clone).collect();
                for loss in [losses.src, losses.patch] {
                    let grads = Tensor::run_backward(&[loss], &all, true, false);
                    for (i, g) in grads.iter().enumerate() {
                        let trained = (i < 2) == (formulation == Formulation::Official);
                        assert_eq!(g.defined(), trained, "{formulation:?}, tensor {i}");
                    }
                }
            }
        }
    }

    #[test]
    fn absent_terms_are_zero() {
        let (z, w) = (taps(&[5]), taps(&[5]));
        let c = PatchLossConfig { lambda_src: 0.0, lambda_dce: 0.0, ..Default::default() };
        let losses = semantic_relation_losses(&z, &w, BATCH, &c, 2.0).unwrap();
        for loss in [losses.src, losses.patch, losses.patch_value] {
            assert_eq!(loss.double_value(&[]), 0.0);
        }
    }

    #[test]
    fn bad_inputs_are_named() {
        let (c, z) = (PatchLossConfig::default(), taps(&[5, 5]));
        let of = |z: &[Tensor], w: &[Tensor], c| semantic_relation_losses(z, w, BATCH, c, 2.0).map(|_| ()).unwrap_err();
        assert_eq!(of(&[], &[], &c), LossError::NoTaps);
        assert!(matches!(of(&z, &z[..1], &c), LossError::Taps { .. }));
        assert!(matches!(of(&z[..1], &taps(&[4]), &c), LossError::QueryKey { .. }));
        let negative = PatchLossConfig { lambda_src: -1.0, ..c };
        assert!(matches!(of(&z, &z, &negative), LossError::Setting { name: "lambda_src", .. }));
    }

    #[cfg(feature = "serde")]
    #[test]
    fn configuration_rejects_unknown_names() {
        let c: PatchLossConfig = serde_json::from_str(r#"{"formulation": "paper", "lambda_dce": 0.1}"#).unwrap();
        assert_eq!(c, PatchLossConfig { formulation: Formulation::Paper, lambda_dce: 0.1, ..Default::default() });
        assert!(serde_json::from_str::<PatchLossConfig>(r#"{"lambda_hdce": 1}"#).is_err());
    }
}
