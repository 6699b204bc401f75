//! Initialisation of weights.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tch::Tensor;
use tch::nn::Init;

/// How convolution and linear weights start; biases start at 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// `gain` times a random matrix `[cout, cin·k·k]` with orthonormal rows, or columns where those are fewer.
    Orthogonal {
        /// Factor of the matrix.
        gain: f64,
    },
}

impl InitType {
    /// How the single-modal code starts G, D and F.
    pub const CUT: Self = Self::Xavier { gain: 0.02 };

    /// Its gain, where it has one.
    pub fn gain(self) -> Option<f64> {
        match self {
            Self::Xavier { gain } | Self::Normal { gain } | Self::Orthogonal { gain } => Some(gain),
            Self::Kaiming => None,
        }
    }

    /// How the compression code starts generators, discriminators, adapters and heads.
    pub const COMPRESSION: Self = Self::Normal { gain: 0.02 };

    /// Draws every weight of two or more dimensions of a state dict, in key order, from torch's generator, and sets
    /// biases to 0. The fans of a convolution include the kernel's area. Scales of batch norm become N(1, 0.02²); those
    /// of instance norm stay 1.
    ///
    /// StyleGAN2's networks keep the values that they are built with: this is not for them.
    pub fn apply(self, state: &BTreeMap<String, Tensor>) {
        self.draw(state, Biases::Zero);
    }

    /// As [`InitType::apply`], with a choice of the biases.
    pub fn draw(self, state: &BTreeMap<String, Tensor>, biases: Biases) {
        tch::no_grad(|| {
            for (key, tensor) in state {
                let mut tensor = tensor.shallow_clone();
                let size = tensor.size();
                if size.len() >= 2 && key.ends_with("weight") {
                    let receptive: i64 = size[2..].iter().product();
                    let (fan_in, fan_out) = ((size[1] * receptive) as f64, (size[0] * receptive) as f64);
                    let std = match self {
                        Self::Orthogonal { gain } => {
                            tensor.init(Init::Orthogonal { gain });
                            continue;
                        }
                        Self::Xavier { gain } => gain * (2.0 / (fan_in + fan_out)).sqrt(),
                        Self::Normal { gain } => gain,
                        Self::Kaiming => (2.0 / fan_in).sqrt(),
                    };
                    let _ = tensor.normal_(0.0, std);
                } else if let Some(layer) = key.strip_suffix("bias") {
                    let weight = state.get(&format!("{layer}weight")).map(Tensor::size).filter(|size| size.len() >= 2);
                    match (biases, weight) {
                        (Biases::Uniform, Some(weight)) => {
                            draw_uniform(&mut tensor, &weight);
                        }
                        _ => {
                            let _ = tensor.zero_();
                        }
                    }
                } else if key.strip_suffix("weight").is_some_and(|layer| is_batch_norm(state, layer)) {
                    let _ = tensor.normal_(1.0, 0.02);
                }
            }
        });
    }
}

/// How the biases of convolutions and linear layers start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Biases {
    /// At 0.
    Zero,
    /// As PyTorch draws them where the published code leaves them alone: uniform in ±1/√fan_in, the fan with the kernel's area.
    Uniform,
}

/// Draws a tensor as PyTorch draws weights of linear layers and biases: uniform in ±1/√fan_in, with the fan of a weight of this
/// size.
pub(crate) fn draw_uniform(tensor: &mut Tensor, weight: &[i64]) {
    let bound = 1.0 / (weight[1..].iter().product::<i64>() as f64).sqrt();
    let _ = tensor.uniform_(-bound, bound);
}

/// Draws scales of instance norm from N(1, 0.02²), as DistanceGAN does; shifts stay 0.
pub fn draw_scales(state: &BTreeMap<String, Tensor>) {
    tch::no_grad(|| {
        for (_, weight) in state.iter().filter(|(key, tensor)| key.ends_with("weight") && tensor.dim() == 1) {
            let _ = weight.shallow_clone().normal_(1.0, 0.02);
        }
    });
}

/// Only batch norm tracks a running mean beside its scale.
fn is_batch_norm(state: &BTreeMap<String, Tensor>, layer: &str) -> bool {
    state.contains_key(&format!("{layer}running_mean"))
}

/// The multi-modal networks' start: weights N(0, 2/fan_in), biases 0.
pub fn he_normal(state: &BTreeMap<String, Tensor>) {
    InitType::Kaiming.apply(state);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Net;
    use tch::{Device, Kind, nn};

    #[test]
    fn he_weights_have_variance_two_over_fan_in() {
        tch::manual_seed(1);
        let net = Net::new(Device::Cpu, |p| nn::conv2d(p, 32, 64, 3, Default::default()));
        he_normal(&net.state());
        let std = net.ws.std(true).double_value(&[]);
        assert!((std / (2f64 / 288.0).sqrt() - 1.0).abs() < 0.03, "{std}");
        assert_eq!(net.bs.as_ref().unwrap().abs().max().double_value(&[]), 0.0);
    }

    #[test]
    fn xavier_counts_both_fans_and_the_kernel() {
        tch::manual_seed(2);
        let net = Net::new(Device::Cpu, |p| nn::conv2d(p, 32, 64, 3, Default::default()));
        InitType::CUT.apply(&net.state());
        let std = net.ws.std(true).double_value(&[]);
        assert!((std / (0.02 * (2f64 / (96.0 * 9.0)).sqrt()) - 1.0).abs() < 0.03, "{std}");
    }

    #[test]
    fn orthogonal_rows_have_the_gain_as_their_length() {
        let net = Net::new(Device::Cpu, |p| nn::conv2d(p, 4, 8, 3, Default::default()));
        InitType::Orthogonal { gain: 0.5 }.apply(&net.state());
        let rows = net.ws.view([8, 36]);
        let difference = rows.matmul(&rows.tr()) - Tensor::eye(8, (Kind::Float, Device::Cpu)) * 0.25;
        assert!(difference.abs().max().double_value(&[]) < 1e-6);
        assert!(net.ws.requires_grad());
    }

    #[test]
    fn scales_of_batch_norm_are_drawn_and_those_of_instance_norm_stay() {
        use crate::layers::{BatchNorm, InstanceNorm};
        tch::manual_seed(3);
        let net = Net::new(Device::Cpu, |p| (BatchNorm::new(&(p / "b"), 4000), InstanceNorm::new(p / "i", 4)));
        InitType::CUT.apply(&net.state());
        let state = net.state();
        let (mean, std) = (state["b.weight"].mean(Kind::Float), state["b.weight"].std(true));
        assert!((mean.double_value(&[]) - 1.0).abs() < 0.002 && (std.double_value(&[]) - 0.02).abs() < 0.002);
        assert_eq!(state["i.weight"].std(false).double_value(&[]), 0.0);
    }
}
