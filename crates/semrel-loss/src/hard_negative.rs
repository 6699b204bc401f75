//! Importance weights of hard negatives: the von Mises–Fisher distribution around the key of the query's place (Eq. 5).

use crate::check::floats;
use crate::error::positive;
use crate::similarity::fill_diagonal;
use crate::{Formulation, LossError};
use tch::Tensor;

/// Similarity that stands for a patch with itself in the published code, which keeps the patch among the negatives.
pub(crate) const SELF_SIMILARITY: f64 = -10.0;

/// Weight of negative `j` for query `i`, from similarities `s` `[groups, K, K]` of the keys; constant (no gradient).
///
/// `gamma` is the published code's γ, a **temperature**: large is flat. The paper's γ is a concentration, `1/gamma` here.
///
/// * `official`: `w_ij = exp((s_ij − max_{j'≠i} s_ij')/γ)`, so in (0, 1] with row maximum 1, to multiply the similarity
///   with. Computed with −10 on the diagonal of `s`; the losses overwrite what results there.
/// * `paper`: `w_ij = exp(s_ij/γ) / mean_{j'≠i} exp(s_ij'/γ)`, row mean 1 over `j ≠ i`, to multiply the exponential of the
///   similarity with; the diagonal is 0.
///
/// # Derivatives
/// None: the weights are constants, to whatever loss they are given.
///
/// # Errors
/// [`LossError::Setting`] where γ is not positive; [`LossError::ElementType`], [`LossError::Empty`]; [`LossError::Weights`] where `similarity` is not a batch of squares;
/// [`LossError::NoNegatives`] in the paper's formulation with one patch per group.
pub fn hard_negative_weights(similarity: &Tensor, gamma: f64, formulation: Formulation) -> Result<Tensor, LossError> {
    positive("gamma", gamma)?;
    let side = square_side(similarity)?;
    let mut scaled = similarity.detach() / gamma;
    match formulation {
        Formulation::Official => {
            fill_diagonal(&scaled, SELF_SIMILARITY / gamma);
            let largest = scaled.amax([-1], true);
            Ok(scaled.subtract_(&largest).exp_())
        }
        Formulation::Paper if side < 2 => Err(LossError::NoNegatives { patches: side }),
        Formulation::Paper => {
            fill_diagonal(&scaled, f64::NEG_INFINITY);
            Ok(scaled.softmax(-1, None) * (side - 1) as f64)
        }
    }
}

/// Official weights as the published single-modal code makes them, whose diagonal mask has side `num_patches`.
///
/// `similarity` is `[1, N, N]`. With `num_patches` = N this is [`hard_negative_weights`]. With `num_patches` = 1 (SinCUT)
/// the mask covers the whole matrix, hence all weights are 1 whatever γ is.
///
/// # Derivatives
/// None, as [`hard_negative_weights`].
///
/// # Errors
/// [`LossError::MaskSide`] for other `num_patches`, where the published code stops; otherwise as
/// [`hard_negative_weights`].
pub fn single_modal_weights(similarity: &Tensor, num_patches: i64, gamma: f64) -> Result<Tensor, LossError> {
    let rows = square_side(similarity)?;
    if num_patches == rows {
        hard_negative_weights(similarity, gamma, Formulation::Official)
    } else if num_patches == 1 {
        Ok(similarity.detach().ones_like())
    } else {
        Err(LossError::MaskSide { num_patches, rows })
    }
}

fn square_side(similarity: &Tensor) -> Result<i64, LossError> {
    floats(("similarities", similarity))?;
    match similarity.size()[..] {
        [_, rows, columns] if rows == columns && rows > 0 => Ok(rows),
        _ => {
            let found = similarity.size();
            let side = found.last().copied().unwrap_or(1).max(1);
            let groups = found.first().copied().unwrap_or(1);
            Err(LossError::Weights { found, expected: vec![groups, side, side] })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::similarity::{diagonal_mask, similarity_matrix};
    use proptest::prelude::*;
    use tch::{Device, Kind};

    fn similarities() -> impl Strategy<Value = Tensor> {
        prop::collection::vec(-1.0..1.0f64, 2 * 5 * 3)
            .prop_map(|v| similarity_matrix(&Tensor::from_slice(&v).view([-1, 3]), 2).unwrap())
    }

    fn without_diagonal(w: &Tensor, fill: f64) -> Tensor {
        w.masked_fill(&diagonal_mask(w.size()[2], Device::Cpu), fill)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn official_rows_have_maximum_one(s in similarities(), gamma in 0.05..60.0f64) {
            let w = hard_negative_weights(&s, gamma, Formulation::Official).unwrap();
            let off = without_diagonal(&w, 0.0);
            prop_assert!((off.amax([-1], false) - 1.0).abs().max().double_value(&[]) < 1e-12);
            prop_assert!(without_diagonal(&w, 1.0).min().double_value(&[]) > 0.0);
        }

        #[test]
        fn paper_rows_have_mean_one(s in similarities(), gamma in 0.05..60.0f64) {
            let w = hard_negative_weights(&s, gamma, Formulation::Paper).unwrap();
            let mean = w.sum_dim_intlist([-1].as_slice(), false, None::<Kind>) / 4.0;
            prop_assert!((mean - 1.0).abs().max().double_value(&[]) < 1e-12);
            prop_assert_eq!(w.diagonal(0, 1, 2).abs().max().double_value(&[]), 0.0);
        }

        #[test]
        fn both_are_the_same_up_to_a_factor_a_row(s in similarities(), gamma in 0.2..5.0f64) {
            let official = without_diagonal(&hard_negative_weights(&s, gamma, Formulation::Official).unwrap(), 0.0);
            let paper = hard_negative_weights(&s, gamma, Formulation::Paper).unwrap();
            let mean = official.sum_dim_intlist([-1].as_slice(), true, None::<Kind>) / 4.0;
            prop_assert!((official / mean - paper).abs().max().double_value(&[]) < 1e-10);
        }
    }

    #[test]
    fn flat_at_large_temperature() {
        let s = Tensor::from_slice(&[1.0, 0.9, -0.9, 0.9, 1.0, 0.0, -0.9, 0.0, 1.0f64]).view([1, 3, 3]);
        for formulation in [Formulation::Official, Formulation::Paper] {
            let w = without_diagonal(&hard_negative_weights(&s, 1e9, formulation).unwrap(), 1.0);
            assert!((w - 1.0).abs().max().double_value(&[]) < 1e-8, "{formulation:?}");
        }
    }

    #[test]
    fn mask_of_the_single_modal_code() {
        let s = Tensor::rand([1, 4, 4], (Kind::Float, Device::Cpu));
        assert_eq!(single_modal_weights(&s, 1, 0.5).unwrap(), s.ones_like());
        assert_eq!(single_modal_weights(&s, 3, 0.5).unwrap_err(), LossError::MaskSide { num_patches: 3, rows: 4 });
    }

    #[test]
    fn bad_inputs_are_named() {
        let s = Tensor::zeros([1, 1, 1], (Kind::Float, Device::Cpu));
        assert!(matches!(hard_negative_weights(&s, 0.0, Formulation::Official), Err(LossError::Setting { .. })));
        let paper = hard_negative_weights(&s, 1.0, Formulation::Paper);
        assert_eq!(paper.unwrap_err(), LossError::NoNegatives { patches: 1 });
        let flat = s.view([1, 1]);
        assert!(matches!(hard_negative_weights(&flat, 1.0, Formulation::Official), Err(LossError::Weights { .. })));
    }
}
