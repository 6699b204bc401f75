//! Schedules: the hardness γ of negatives (Section 3.2, "curriculum learning") and the decay of λ_ds.
//!
//! γ is the published codes' **temperature**, which falls while negatives get harder; the paper's γ is `1/γ` here.

use crate::LossError;
use crate::error::positive;
use crate::settings::setters;

/// γ of the multi-modal experiment: `γ(i) = γ_start + (γ_end − γ_start)·i/total_iters`, i from 0.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(any(feature = "serde", feature = "schemars"), serde(deny_unknown_fields, default))]
#[non_exhaustive]
pub struct IterationCurriculum {
    /// γ at iteration 0, and always where `enabled` is off.
    pub gamma_start: f64,
    /// γ that the line reaches after the last iteration.
    pub gamma_end: f64,
    /// Whether γ moves at all.
    pub enabled: bool,
}

impl Default for IterationCurriculum {
    /// 50 → 1, as in the official runs.
    fn default() -> Self {
        Self { gamma_start: 50.0, gamma_end: 1.0, enabled: true }
    }
}

impl IterationCurriculum {
    setters! { with_gamma_start(gamma_start: f64), with_gamma_end(gamma_end: f64), with_enabled(enabled: bool) }

    /// γ in force during `iteration` (0-based) of `total_iters`; beyond the end it stays at `gamma_end`.
    pub fn gamma(&self, iteration: u64, total_iters: u64) -> f64 {
        if self.enabled { line(self.gamma_start, self.gamma_end, iteration, total_iters) } else { self.gamma_start }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`LossError::Setting`] where a γ is not positive.
    pub fn validate(&self) -> Result<(), LossError> {
        positive("gamma_start", self.gamma_start)?;
        positive("gamma_end", self.gamma_end)
    }
}

/// γ of the single-modal experiment: `γ(e) = γ_0 + (γ_min − γ_0)·e/total_epochs`, e from 1, constant inside an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(any(feature = "serde", feature = "schemars"), serde(deny_unknown_fields, default))]
#[non_exhaustive]
pub struct EpochCurriculum {
    /// γ_0; in force throughout where `enabled` is off.
    pub gamma: f64,
    /// γ of the last epoch.
    pub gamma_min: f64,
    /// Whether γ moves at all.
    pub enabled: bool,
    /// With this, γ = 1 in all epochs **after** this one (Cityscapes: 200). Read with `enabled` only.
    pub step_epoch: Option<u64>,
}

impl Default for EpochCurriculum {
    /// 50 → 10 without step, as in the official horse → zebra run.
    fn default() -> Self {
        Self { gamma: 50.0, gamma_min: 10.0, enabled: true, step_epoch: None }
    }
}

impl EpochCurriculum {
    setters! {
        with_gamma(gamma: f64),
        with_gamma_min(gamma_min: f64),
        with_enabled(enabled: bool),
        with_step_epoch(step_epoch: Option<u64>),
    }

    /// γ in force in `epoch` (counted from 1) of `total_epochs` (constant-rate and decaying ones together).
    pub fn gamma(&self, epoch: u64, total_epochs: u64) -> f64 {
        match self.step_epoch {
            _ if !self.enabled => self.gamma,
            Some(last) if epoch > last => 1.0,
            _ => line(self.gamma, self.gamma_min, epoch, total_epochs),
        }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`LossError::Setting`] where a γ is not positive.
    pub fn validate(&self) -> Result<(), LossError> {
        positive("gamma", self.gamma)?;
        positive("gamma_min", self.gamma_min)
    }
}

/// Weight of style diversification during `iteration` (0-based): `max(0, initial·(1 − iteration/ds_iter))`.
///
/// A function of the iteration, so a resumed run continues where it was (the published code restarts at `initial`).
/// `ds_iter` = 0 means no decay.
pub fn lambda_ds(initial: f64, iteration: u64, ds_iter: u64) -> f64 {
    if ds_iter == 0 { initial } else { line(initial, 0.0, iteration, ds_iter) }
}

/// From `start` at 0 to `end` at `total` and after.
fn line(start: f64, end: f64, at: u64, total: u64) -> f64 {
    if at >= total { end } else { start + (end - start) * (at as f64 / total as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn iteration_ends() {
        let c = IterationCurriculum::default();
        assert_eq!((c.gamma(0, 100), c.gamma(50, 100), c.gamma(100, 100), c.gamma(500, 100)), (50.0, 25.5, 1.0, 1.0));
        assert_eq!(IterationCurriculum { enabled: false, ..c }.gamma(70, 100), 50.0);
    }

    #[test]
    fn step_comes_after_its_epoch_and_needs_the_curriculum() {
        let c = EpochCurriculum { step_epoch: Some(200), ..Default::default() };
        assert_eq!((c.gamma(200, 400), c.gamma(201, 400)), (30.0, 1.0));
        assert_eq!(EpochCurriculum { enabled: false, ..c }.gamma(201, 400), 50.0);
        assert_eq!(EpochCurriculum::default().gamma(400, 400), 10.0);
    }

    #[test]
    fn diversification_decays_to_zero_and_stays() {
        assert_eq!([0, 25, 50, 60].map(|i| lambda_ds(2.0, i, 50)), [2.0, 1.0, 0.0, 0.0]);
        assert_eq!(lambda_ds(2.0, 1000, 0), 2.0);
    }

    #[test]
    fn ranges_are_checked() {
        assert!(IterationCurriculum::default().validate().is_ok());
        assert!(EpochCurriculum { gamma_min: 0.0, ..Default::default() }.validate().is_err());
    }

    proptest! {
        #[test]
        fn gamma_stays_between_its_ends(start in 0.1..100.0f64, end in 0.1..100.0f64, i in 0u64..200) {
            let g = IterationCurriculum { gamma_start: start, gamma_end: end, enabled: true }.gamma(i, 150);
            prop_assert!(g >= start.min(end) - 1e-9 && g <= start.max(end) + 1e-9);
        }
    }
}
