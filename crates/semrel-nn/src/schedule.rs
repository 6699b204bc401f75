//! Learning-rate schedules of the single-modal experiment. Epochs count from 1.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Shape of the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LrPolicy {
    /// Constant for `n_epochs`, then linearly to 0 over `n_epochs_decay + 1` epochs.
    Linear,
    /// GcGAN's: as `linear`, one epoch earlier, so that the rate of the last epoch is 0.
    LinearGcgan,
    /// DistanceGAN's: as `linear`, over `n_epochs_decay` epochs, and one epoch later.
    LinearDistancegan,
    /// DRIT's: as `linear`, one epoch later.
    LinearDrit,
    /// Times 0.1 every `lr_decay_iters` epochs.
    Step,
    /// Half a cosine over `n_epochs`.
    Cosine,
}

/// Learning rate by epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LrSchedule {
    /// Shape.
    pub policy: LrPolicy,
    /// Rate of the first epoch.
    pub lr: f64,
    /// Epochs at the first rate (length of the cosine).
    pub n_epochs: i64,
    /// Epochs of linear decay.
    pub n_epochs_decay: i64,
    /// Epochs between steps.
    pub lr_decay_iters: i64,
    /// First epoch of the run. The linear schedule goes by the true epoch; the others count from this one.
    pub epoch_count: i64,
}

impl LrSchedule {
    /// Rate in effect during epoch `epoch ≥ epoch_count`.
    pub fn at(&self, epoch: i64) -> f64 {
        let since_start = (epoch - self.epoch_count) as f64;
        let linear = |epoch: i64, over: i64| {
            let past = (epoch - self.n_epochs).max(0) as f64;
            self.lr * (1.0 - past / over as f64)
        };
        match self.policy {
            LrPolicy::Linear => linear(epoch, self.n_epochs_decay + 1),
            LrPolicy::LinearGcgan => linear(epoch + 1, self.n_epochs_decay + 1),
            LrPolicy::LinearDistancegan => linear(epoch - 1, self.n_epochs_decay.max(1)),
            LrPolicy::LinearDrit => linear(epoch - 1, self.n_epochs_decay + 1),
            LrPolicy::Step => self.lr * 0.1f64.powf((since_start / self.lr_decay_iters as f64).floor()),
            LrPolicy::Cosine => {
                self.lr * (1.0 + (std::f64::consts::PI * since_start / self.n_epochs as f64).cos()) / 2.0
            }
        }
    }
}

/// Learning rate by iteration (MUNIT): times `gamma` after every `every` iterations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepDecay {
    /// Rate of the first iterations.
    pub lr: f64,
    /// Factor.
    pub gamma: f64,
    /// Iterations between falls.
    pub every: u64,
}

impl StepDecay {
    /// Rate in effect during iteration `iteration`, from 0.
    pub fn at(&self, iteration: u64) -> f64 {
        self.lr * self.gamma.powf((iteration / self.every.max(1)) as f64)
    }
}
