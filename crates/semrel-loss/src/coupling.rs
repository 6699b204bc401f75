//! How much the positive weakens InfoNCE's gradient: the negative-positive coupling multiplier (Eq. 8–9), to be measured.

use crate::LossError;
use crate::check::alike;
use crate::error::positive;
use crate::similarity::{fill_diagonal, grouped};
use tch::{Kind, Tensor, no_grad};

/// Patches are sorted by how related their negatives are; the first and the last of so many parts are told.
const QUARTER: i64 = 4;

/// Means of [`coupling_of_each`]; scalars without gradient.
#[derive(Debug)]
#[non_exhaustive]
pub struct Coupling {
    /// Over all patches.
    pub all: Tensor,
    /// Over the quarter of each group's patches whose negatives are least similar to them on average.
    pub unrelated: Tensor,
    /// Over the quarter whose negatives are most similar to them.
    pub related: Tensor,
}

/// `q_NPC` of every patch, `[groups, K]`, 0 to 1: the factor that InfoNCE's gradient has beside DCE's (Eq. 8), as Eq. 9
/// approximates it by the negatives' similarity to the input patch (InfoNCE itself has `z_j·w_k` there),
/// `1 − e^{z_k·w_k/τ} / (e^{z_k·w_k/τ} + Σ_{j≠k} e^{z_j·z_k/τ})` (Eq. 9), and the mean similarity `z_j·z_k` of its
/// negatives, `[groups, K]`.
///
/// `w`: patches of the output; `z`: those of the input at the same positions; `[groups·K, D]`, normalised by the caller.
///
/// # Derivatives
/// None.
///
/// # Errors
/// As [`coupling`].
pub fn coupling_of_each(w: &Tensor, z: &Tensor, groups: i64, tau: f64) -> Result<[Tensor; 2], LossError> {
    positive("tau", tau)?;
    alike([("queries", w), ("keys", z)])?;
    if w.size() != z.size() {
        return Err(LossError::QueryKey { query: w.size(), key: z.size() });
    }
    let (w, z) = (grouped(("queries", w), groups)?, grouped(("keys", z), groups)?);
    let patches = z.size()[1];
    if patches < 2 {
        return Err(LossError::NoNegatives { patches });
    }
    Ok(no_grad(|| {
        let positives = (&w * &z).sum_dim_intlist([-1].as_slice(), false, None::<Kind>);
        let similarity = z.bmm(&z.transpose(1, 2));
        fill_diagonal(&similarity, 0.0);
        let related = similarity.sum_dim_intlist([-1].as_slice(), false, None::<Kind>) / (patches - 1) as f64;
        fill_diagonal(&similarity, f64::NEG_INFINITY);
        let negatives = (similarity / tau).logsumexp([-1], false);
        [(negatives - positives / tau).sigmoid(), related]
    }))
}

/// Means of [`coupling_of_each`] over all taps, one matrix `[groups·K, D]` per tap (K may differ between taps): over all
/// patches, and over those whose negatives are related to them least and most. The paper argues that unrelated negatives make
/// it small, and InfoNCE's gradient with it.
///
/// # Derivatives
/// None.
///
/// # Errors
/// [`LossError::NoTaps`], [`LossError::Taps`], [`LossError::QueryKey`], [`LossError::NotRows`], [`LossError::Groups`],
/// [`LossError::NoNegatives`], [`LossError::Setting`] (τ not positive), [`LossError::ElementType`],
/// [`LossError::ElementTypes`], [`LossError::Devices`], [`LossError::Empty`].
pub fn coupling(w: &[Tensor], z: &[Tensor], groups: i64, tau: f64) -> Result<Coupling, LossError> {
    if w.len() != z.len() {
        return Err(LossError::Taps { what: "keys", found: z.len(), expected: w.len() });
    }
    let of_tap = |(w, z): (&Tensor, &Tensor)| -> Result<Coupling, LossError> {
        let [coupling, related] = coupling_of_each(w, z, groups, tau)?;
        let quarter = (coupling.size()[1] / QUARTER).max(1);
        let of = |most: bool| {
            let (_, patches) = related.topk(quarter, -1, most, false);
            coupling.gather(-1, &patches, false).mean(None::<Kind>)
        };
        Ok(Coupling { all: coupling.mean(None::<Kind>), unrelated: of(false), related: of(true) })
    };
    let taps = w.iter().zip(z).map(of_tap).collect::<Result<Vec<_>, _>>()?;
    let count = taps.len() as f64;
    let sum = taps.into_iter().reduce(|a, b| Coupling {
        all: a.all + b.all,
        unrelated: a.unrelated + b.unrelated,
        related: a.related + b.related,
    });
    let Coupling { all, unrelated, related } = sum.ok_or(LossError::NoTaps)?;
    Ok(Coupling { all: all / count, unrelated: unrelated / count, related: related / count })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::similarity::l2_normalize;
    use proptest::prelude::*;

    fn rows(values: &[f64]) -> Tensor {
        l2_normalize(&Tensor::from_slice(values).view([-1, 3])).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Eq. 9, written out.
        #[test]
        fn each_patch_has_that_of_the_equation(
            w in prop::collection::vec(-1.0..1.0f64, 24), z in prop::collection::vec(-1.0..1.0f64, 24), tau in 0.07..2.0f64,
        ) {
            let (w, z) = (rows(&w), rows(&z));
            let [coupling, related] = coupling_of_each(&w, &z, 2, tau).unwrap();
            let dot = |a: &Tensor, i: i64, b: &Tensor, j: i64| a.get(i).dot(&b.get(j)).double_value(&[]);
            for k in 0..8 {
                let group = k / 4;
                let others: Vec<i64> = (4 * group..4 * group + 4).filter(|j| *j != k).collect();
                let positive = (dot(&z, k, &w, k) / tau).exp();
                let negatives: f64 = others.iter().map(|j| (dot(&z, *j, &z, k) / tau).exp()).sum();
                let expected = 1.0 - positive / (positive + negatives);
                let mean = others.iter().map(|j| dot(&z, *j, &z, k)).sum::<f64>() / 3.0;
                prop_assert!((coupling.double_value(&[group, k % 4]) - expected).abs() < 1e-9);
                prop_assert!((related.double_value(&[group, k % 4]) - mean).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn unrelated_negatives_make_it_small() {
        // Seven patches look alike; the eighth, alike to none, is the only one without related negatives.
        let z = rows(&[[1.0, 0.0, 0.0]; 7].iter().chain(&[[0.0, 1.0, 0.0]]).flatten().copied().collect::<Vec<_>>());
        let of = coupling(&[z.shallow_clone()], &[z], 1, 0.07).unwrap();
        let [all, unrelated, related] = [of.all, of.unrelated, of.related].map(|mean| mean.double_value(&[]));
        // A quarter of eight is two: the eighth with next to nothing, and one of the others with 6/7.
        assert!((related - 6.0 / 7.0).abs() < 1e-6 && (unrelated - 3.0 / 7.0).abs() < 1e-4, "{unrelated} {related}");
        assert!((all - 6.0 / 8.0).abs() < 1e-4, "{all}");
    }

    #[test]
    fn bad_inputs_are_named() {
        let z = rows(&[1.0; 12]);
        assert_eq!(coupling(&[], &[], 1, 0.07).unwrap_err(), LossError::NoTaps);
        assert!(matches!(coupling(&[z.shallow_clone()], &[], 1, 0.07), Err(LossError::Taps { .. })));
        let of =
            |z: &Tensor, groups, tau| coupling(&[z.shallow_clone()], &[z.shallow_clone()], groups, tau).map(|_| ());
        assert_eq!(of(&z, 4, 0.07).unwrap_err(), LossError::NoNegatives { patches: 1 });
        assert!(matches!(of(&z, 1, 0.0), Err(LossError::Setting { name: "tau", .. })));
        assert!(of(&z, 2, 0.07).is_ok());
    }
}
