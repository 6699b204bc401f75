//! Exponential moving average of a network's parameters.

use crate::Net;

/// `ema ← β·ema + (1 − β)·w` after every iteration; `ema` is a second copy of the network, used for evaluation.
#[derive(Debug, Clone, Copy)]
pub struct Ema {
    /// β; 0.999 as published.
    pub beta: f64,
}

impl Ema {
    /// Starts the average at the network's present weights.
    pub fn start<T>(average: &Net<T>, network: &Net<T>) {
        tch::no_grad(|| average.flat().shallow_clone().copy_(network.flat()));
    }

    /// One update.
    pub fn update<T>(self, average: &Net<T>, network: &Net<T>) {
        let _ = tch::no_grad(|| average.flat().shallow_clone().lerp_(network.flat(), 1.0 - self.beta));
    }
}
