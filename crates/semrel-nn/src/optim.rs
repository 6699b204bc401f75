//! Adam, with state that can be saved.

use crate::Net;
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

/// Hyper-parameters of [`Adam`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AdamConfig {
    /// Learning rate.
    pub lr: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// L2 weight decay, added to the gradient (not decoupled).
    pub weight_decay: f64,
}

/// Adam over a network's flat parameter buffer.
///
/// With gradient `g ← g + wd·w` at step `t`: `m ← β₁m + (1−β₁)g`, `v ← β₂v + (1−β₂)g²`,
/// `w ← w − lr/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε)`.
#[derive(Debug)]
pub struct Adam {
    /// Hyper-parameters; the learning rate may be changed between steps.
    pub config: AdamConfig,
    steps: i64,
    /// Absent where β₁ = 0: the first moment is the gradient itself.
    m: Option<Tensor>,
    v: Tensor,
}

/// Numbers per slice on the CPU: all operands of one slice stay in the cache while the update's operations pass over it.
const SLICE: i64 = 1 << 16;

impl Adam {
    /// Fresh state for `network`.
    pub fn new<T>(config: AdamConfig, network: &Net<T>) -> Self {
        Self::over(config, network.flat())
    }

    /// Fresh state for a flat parameter buffer.
    pub fn over(config: AdamConfig, flat: &Tensor) -> Self {
        let m = (config.beta1 != 0.0).then(|| flat.zeros_like());
        Self { config, steps: 0, m, v: flat.zeros_like() }
    }

    /// One step with a flat gradient, which is used as scratch space.
    pub fn step<T>(&mut self, network: &Net<T>, gradient: Tensor) {
        self.step_flat(network.flat(), gradient);
    }

    /// As [`Adam::step`], on a flat parameter buffer.
    pub fn step_flat(&mut self, flat: &Tensor, gradient: Tensor) {
        self.steps += 1;
        let n = flat.numel() as i64;
        let slice = if flat.device() == Device::Cpu { SLICE } else { n.max(1) };
        tch::no_grad(|| {
            let mut start = 0;
            while start < n {
                let len = slice.min(n - start);
                self.step_slice(start, len, &flat.narrow(0, start, len), gradient.narrow(0, start, len));
                start += len;
            }
        });
    }

    fn step_slice(&self, start: i64, len: i64, weights: &Tensor, mut g: Tensor) {
        let c = self.config;
        let correction = |beta: f64| 1.0 - beta.powi(self.steps as i32);
        if c.weight_decay != 0.0 {
            let _ = g.g_add_(&(weights * c.weight_decay));
        }
        let mut v = self.v.narrow(0, start, len);
        let _ = v.lerp_(&g.square(), 1.0 - c.beta2);
        let m = match &self.m {
            Some(m) => m.narrow(0, start, len).lerp_(&g, 1.0 - c.beta1),
            None => g,
        };
        let mut denominator = v.sqrt();
        let _ = denominator.g_mul_scalar_(1.0 / correction(c.beta2).sqrt());
        let _ = denominator.g_add_scalar_(c.eps);
        // −lr/(1−β₁ᵗ) goes into the denominator, so that the weights are passed over once.
        let _ = denominator.g_mul_scalar_(-correction(c.beta1) / c.lr);
        let _ = weights.shallow_clone().addcdiv_(&m, &denominator);
    }

    /// Number of steps taken.
    pub fn steps(&self) -> i64 {
        self.steps
    }

    /// State to save: flat moments by name (`m` only where β₁ ≠ 0) besides [`Adam::steps`].
    pub fn moments(&self) -> Vec<(&'static str, &Tensor)> {
        self.m.iter().map(|m| ("m", m)).chain([("v", &self.v)]).collect()
    }

    /// Restores saved state: copies moments (of the same names and sizes as [`Adam::moments`] gives) and steps.
    pub fn restore(&mut self, steps: i64, moment: impl Fn(&str) -> Option<Tensor>) -> Result<(), String> {
        for (name, own) in self.moments() {
            let saved = moment(name).ok_or_else(|| format!("no moment `{name}`"))?;
            if saved.size() != own.size() {
                return Err(format!("moment `{name}` has {} numbers, expected {}", saved.numel(), own.numel()));
            }
            tch::no_grad(|| own.shallow_clone().copy_(&saved));
        }
        self.steps = steps;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    fn config(beta1: f64) -> AdamConfig {
        AdamConfig { lr: 1e-3, beta1, beta2: 0.99, eps: 1e-8, weight_decay: 0.0 }
    }

    #[test]
    fn first_step_is_the_learning_rate_in_the_gradients_direction() {
        for beta1 in [0.0, 0.5] {
            let w = Tensor::zeros([3], (Kind::Float, Device::Cpu));
            Adam::over(config(beta1), &w).step_flat(&w, Tensor::from_slice(&[2f32, -0.1, 30.0]));
            let moved = Vec::<f32>::try_from(w).unwrap();
            for (got, want) in moved.iter().zip([-1e-3, 1e-3, -1e-3]) {
                assert!((got - want).abs() < 1e-8, "{moved:?}");
            }
        }
    }

    #[test]
    fn slices_do_not_change_the_result() {
        tch::manual_seed(3);
        let n = SLICE * 2 + 17;
        let (w, g) = (Tensor::randn([n], (Kind::Float, Device::Cpu)), Tensor::randn([n], (Kind::Float, Device::Cpu)));
        let whole = w.copy();
        let adam = Adam { steps: 1, ..Adam::over(config(0.5), &whole) };
        tch::no_grad(|| adam.step_slice(0, n, &whole, g.copy()));
        Adam::over(config(0.5), &w).step_flat(&w, g);
        assert_eq!((w - whole).abs().max().double_value(&[]), 0.0);
    }

    #[test]
    fn restored_state_continues_alike() {
        tch::manual_seed(5);
        let w = Tensor::randn([40], (Kind::Float, Device::Cpu));
        let grads: Vec<Tensor> = (0..4).map(|_| Tensor::randn([40], (Kind::Float, Device::Cpu))).collect();
        let mut adam = Adam::over(config(0.5), &w);
        adam.step_flat(&w, grads[0].copy());
        let other = w.copy();
        let mut resumed = Adam::over(config(0.5), &other);
        let saved: Vec<(String, Tensor)> = adam.moments().into_iter().map(|(k, t)| (k.to_owned(), t.copy())).collect();
        resumed.restore(1, |k| saved.iter().find(|(n, _)| n == k).map(|(_, t)| t.copy())).unwrap();
        for g in &grads[1..] {
            adam.step_flat(&w, g.copy());
            resumed.step_flat(&other, g.copy());
        }
        assert_eq!((w - other).abs().max().double_value(&[]), 0.0);
        assert!(resumed.restore(1, |_| None).is_err());
    }
}
