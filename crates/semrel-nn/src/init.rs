//! Initialisation of weights.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tch::Tensor;

/// How convolution and linear weights start; biases start at 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InitType {
    /// N(0, gain²·2/(fan_in + fan_out)).
    Xavier {
        /// Standard deviation's factor; CUT uses 0.02.
        gain: f64,
    },
    /// N(0, gain²).
    Normal {
        /// Standard deviation.
        gain: f64,
    },
    /// N(0, 2/fan_in).
    Kaiming,
}

impl InitType {
    /// Draws every weight of two or more dimensions of a state dict, in key order, from torch's generator, and sets
    /// biases to 0. Scales of norms (one-dimensional `weight`) stay 1.
    pub fn apply(self, state: &BTreeMap<String, Tensor>) {
        tch::no_grad(|| {
            for (key, tensor) in state {
                let mut tensor = tensor.shallow_clone();
                let size = tensor.size();
                if size.len() >= 2 && key.ends_with("weight") {
                    let receptive: i64 = size[2..].iter().product();
                    let (fan_in, fan_out) = ((size[1] * receptive) as f64, (size[0] * receptive) as f64);
                    let std = match self {
                        Self::Xavier { gain } => gain * (2.0 / (fan_in + fan_out)).sqrt(),
                        Self::Normal { gain } => gain,
                        Self::Kaiming => (2.0 / fan_in).sqrt(),
                    };
                    let _ = tensor.normal_(0.0, std);
                } else if key.ends_with("bias") {
                    let _ = tensor.zero_();
                }
            }
        });
    }
}

/// The multi-modal networks' start: weights N(0, 2/fan_in), biases 0.
pub fn he_normal(state: &BTreeMap<String, Tensor>) {
    InitType::Kaiming.apply(state);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Net;
    use tch::{Device, nn};

    #[test]
    fn he_weights_have_variance_two_over_fan_in() {
        tch::manual_seed(1);
        let net = Net::new(Device::Cpu, |p| nn::conv2d(p, 32, 64, 3, Default::default()));
        he_normal(&net.state());
        let std = net.ws.std(true).double_value(&[]);
        assert!((std / (2f64 / 288.0).sqrt() - 1.0).abs() < 0.03, "{std}");
        assert_eq!(net.bs.as_ref().unwrap().abs().max().double_value(&[]), 0.0);
    }
}
