//! Resamples of the difference of two methods' Fréchet distances.

use super::Resampled;
use crate::frechet::MeanPrecision;
use crate::{Activations, MetricsError};
use tch::Tensor;

/// What a resample consists of, with repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairedLists {
    /// Seeds, for both methods.
    pub seeds: Vec<i64>,
    /// Source pictures, one list for all seeds and both methods.
    pub pictures: Vec<i64>,
    /// Real pictures.
    pub real: Vec<i64>,
}

/// Mean over seeds of `FD(real, A_s) − FD(real, B_s)`, and the same of each resample, in the order of the lists. `a` and `b` hold the
/// features [n, d] of each seed's translations of the same n sources.
///
/// The bias of resampled distances nearly cancels in the difference; its interval is to be taken centred
/// ([`super::IntervalKind::Centred`]).
///
/// # Errors
/// [`MetricsError::Setting`] unless both have the same number of seeds, at least one; those of [`Activations::distance`].
pub fn frechet_difference(
    a: &[Tensor],
    b: &[Tensor],
    real: &Tensor,
    lists: &[PairedLists],
) -> Result<(f64, Vec<f64>), MetricsError> {
    if a.len() != b.len() || a.is_empty() {
        let found =
            format!("{} and {} seeds of two methods; expected as many on both sides, at least one", a.len(), b.len());
        return Err(MetricsError::Setting(found));
    }
    let rows = |features: &Tensor, rows: Option<&Vec<i64>>| {
        let chosen = rows.map(|rows| features.index_select(0, &Tensor::from_slice(rows).to_device(features.device())));
        Activations::new(chosen.as_ref().unwrap_or(features), MeanPrecision::Double)
    };
    let difference = |list: Option<&PairedLists>| -> Result<f64, MetricsError> {
        let real = rows(real, list.map(|list| &list.real))?;
        let all: Vec<i64> = (0..a.len() as i64).collect();
        let seeds = list.map_or(&all, |list| &list.seeds);
        let distance = |set: &Tensor| real.distance(&rows(set, list.map(|list| &list.pictures))?);
        let mut sum = 0.0;
        for &seed in seeds {
            sum += distance(&a[seed as usize])? - distance(&b[seed as usize])?;
        }
        Ok(sum / seeds.len() as f64)
    };
    let resamples = lists.iter().map(|list| difference(Some(list))).collect::<Result<_, _>>()?;
    Ok((difference(None)?, resamples))
}

/// The same as a score with its resamples.
///
/// # Errors
/// As [`frechet_difference`].
pub fn resampled_difference(
    a: &[Tensor],
    b: &[Tensor],
    real: &Tensor,
    lists: &[PairedLists],
) -> Result<Resampled, MetricsError> {
    let (estimate, values) = frechet_difference(a, b, real, lists)?;
    Ok(Resampled::new(estimate, values))
}
