//! How a residual generator doubles the sides of its maps.

use crate::checkpoint::StateDict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::{Tensor, nn};

/// How a residual generator doubles the sides of its maps, by transposed convolutions of stride 2 with weights
/// `[cin, cout, 3, 3]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Doubling {
    /// By the weights as they are, as published. One, two or four of the nine products meet in a pixel, depending on its place: a
    /// lattice, until training has evened it out.
    #[default]
    Transposed,
    /// By the weights' means over 2 × 2 neighbours, a kernel of 4 × 4: four products meet in each pixel, and even maps stay even.
    Smooth,
}

/// Key of the buffer that tells the weights of smooth doublings from the published ones, which have the same shapes.
pub(crate) const SMOOTH: &str = "smooth";

impl Doubling {
    /// Registers what tells weights of this kind from those of the other: nothing but for [`Doubling::Smooth`], a buffer `smooth`
    /// of one number at the root of the state dict.
    pub fn mark(self, root: &nn::Path) {
        if self == Self::Smooth {
            let _ = root.ones_no_train(SMOOTH, &[1]);
        }
    }

    /// The kind that a state dict was trained with.
    pub fn of_state(state: &StateDict) -> Self {
        if state.contains_key(SMOOTH) { Self::Smooth } else { Self::Transposed }
    }

    /// The kernel `[cin, cout, k, k]` that a pass convolves with, of weights `[cin, cout, 3, 3]`: k is 3, or 4 where it is smooth.
    pub fn kernel(self, weight: &Tensor) -> Tensor {
        match self {
            Self::Transposed => weight.shallow_clone(),
            Self::Smooth => weight.constant_pad_nd([1; 4]).avg_pool2d([2, 2], [1, 1], [0, 0], false, true, None),
        }
    }

    /// Padding of the output that makes its sides twice those of the input, where the padding of the input is 1.
    pub fn output_padding(self) -> i64 {
        match self {
            Self::Transposed => 1,
            Self::Smooth => 0,
        }
    }

    /// Maps `[B, cin, H, W]` to `[B, cout, 2H, 2W]`.
    pub(crate) fn apply(self, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
        x.conv_transpose2d(&self.kernel(weight), bias, [2], [1], [self.output_padding()], 1, [1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    fn random(size: [i64; 4]) -> Tensor {
        let n: i64 = size.iter().product();
        (Tensor::arange(n, (Kind::Double, Device::Cpu)) * 0.73).sin().view(size)
    }

    #[test]
    fn smooth_doublings_are_transposed_ones_averaged_over_neighbours() {
        let (x, weight) = (random([2, 3, 5, 4]), random([3, 2, 3, 3]));
        let smooth = Doubling::Smooth.apply(&x, &weight, None);
        // All that a transposed convolution makes, with no padding, and then the mean of each pixel and those beside and above it.
        let whole = x.conv_transpose2d(&weight, None::<&Tensor>, [2], [0], [0], 1, [1]).constant_pad_nd([1; 4]);
        let mean = whole.avg_pool2d([2, 2], [1, 1], [0, 0], false, true, None);
        assert_eq!(smooth.size(), [2, 2, 10, 8]);
        assert!(smooth.allclose(&mean.narrow(2, 1, 10).narrow(3, 1, 8), 1e-12, 1e-12, false));
        let transposed = Doubling::Transposed.apply(&x, &weight, None);
        assert_eq!(transposed.size(), smooth.size());
    }

    #[test]
    fn even_maps_stay_even() {
        let (x, weight) = (Tensor::ones([1, 3, 6, 6], (Kind::Double, Device::Cpu)), random([3, 1, 3, 3]));
        let spread = |doubling: Doubling| {
            let inside = doubling.apply(&x, &weight, None).narrow(2, 2, 8).narrow(3, 2, 8);
            (inside.max() - inside.min()).double_value(&[])
        };
        assert!(spread(Doubling::Smooth) < 1e-12 && spread(Doubling::Transposed) > 0.1);
    }

    #[test]
    fn weights_tell_their_kind() {
        for doubling in [Doubling::Transposed, Doubling::Smooth] {
            let store = nn::VarStore::new(Device::Cpu);
            doubling.mark(&store.root());
            assert_eq!(Doubling::of_state(&store.variables().into_iter().collect()), doubling);
        }
    }
}
