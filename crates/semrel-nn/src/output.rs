//! How a generator makes its image of what its last convolution gives.

use crate::colours::{COLOURS, Colours};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tch::{Tensor, nn};

/// Logit of a mask that is nearly closed: 0.05.
const CLOSED: f64 = -3.0;

/// Slope of clamped values beyond [−1, 1] in training: a clamped value would get no gradient.
const SLOPE: f64 = 0.01;

/// What becomes of the last convolution's output `o` and the input image `x`, both `[B, C, H, W]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// `tanh(o)`: the image is made from nothing, as published.
    #[default]
    Tanh,
    /// `x + o`, clamped to [−1, 1]; with a slope of 0.01 beyond where gradients are recorded.
    Residual,
    /// `a · tanh(o₁…o₃) + (1 − a) · x` with `a = sigmoid(o₄)`: one more channel says where the image changes.
    Gated,
    /// As gated, but over a recoloured input: `a · tanh(o₁…o₃) + (1 − a) · clamp(x + M x + b)`, where each place has a matrix M and a
    /// vector b that change smoothly over the image, and a clamped value has a slope of 0.01 where gradients are recorded. It starts
    /// with the mask nearly closed, and first learns changes of colour. Only light generators have it.
    Affine,
}

/// Key of the buffer that tells the weights of a residual output from those of tanh, which have the same shapes.
pub(crate) const RESIDUAL: &str = "residual";

impl Output {
    /// Registers what tells weights of this output from those of another: nothing but for [`Output::Residual`], a buffer
    /// `residual` of one number at the root of the state dict.
    pub fn mark(self, root: &nn::Path) {
        if self == Self::Residual {
            let _ = root.ones_no_train(RESIDUAL, &[1]);
        }
    }

    /// The output that a state dict was trained with, whose images have `channels`; `last` is the key of the weight of its last
    /// convolution.
    pub fn of_state(state: &BTreeMap<String, Tensor>, last: &str, channels: i64) -> Self {
        let outputs = state.get(last).and_then(|weight| weight.size().first().copied());
        match outputs {
            _ if state.contains_key(RESIDUAL) => Self::Residual,
            _ if state.contains_key(&format!("{COLOURS}.weight")) => Self::Affine,
            Some(outputs) if outputs == Self::Gated.channels(channels) => Self::Gated,
            _ => Self::Tanh,
        }
    }

    /// Channels of the last convolution for images of `channels`.
    pub fn channels(self, channels: i64) -> i64 {
        channels + i64::from(matches!(self, Self::Gated | Self::Affine))
    }

    /// What changes the colours of images of `channels` before they are mixed, from maps of `width` channels.
    pub(crate) fn colours(self, root: &nn::Path, width: i64, channels: i64) -> Option<Colours> {
        (self == Self::Affine).then(|| Colours::new(root, width, channels))
    }

    /// The image. Where gradients of `o` are recorded, a clamped value still gets one, and lies a little beyond.
    ///
    /// For [`Output::Affine`], `x` is the recoloured input.
    pub fn apply(self, o: &Tensor, x: &Tensor) -> Tensor {
        match self {
            Self::Tanh => o.tanh(),
            Self::Residual => clamped(&(x + o)),
            Self::Gated | Self::Affine => {
                let channels = o.size()[1] - 1;
                let gate = o.narrow(1, channels, 1).sigmoid();
                // x + a·(tanh(o) − x): one product fewer than the definition.
                x.addcmul(&gate, &(o.narrow(1, 0, channels).tanh() - x))
            }
        }
    }
}

/// Values clamped to [−1, 1]; where their gradients are recorded, with a slope of 0.01 beyond.
pub(crate) fn clamped(values: &Tensor) -> Tensor {
    let inside = values.clamp(-1.0, 1.0);
    if values.requires_grad() { &inside + (values - &inside) * SLOPE } else { inside }
}

/// Makes the output of fresh weights start near its input: the last convolution, whose keys begin with `last`, and that of colours
/// are multiplied by 0.1, and the mask of [`Output::Affine`] starts nearly closed.
pub(crate) fn soften(state: &BTreeMap<String, Tensor>, last: &str) {
    let weight = |name: &str| state.get(&format!("{name}.weight")).map(Tensor::shallow_clone);
    tch::no_grad(|| {
        for mut weight in [weight(last), weight(COLOURS)].into_iter().flatten() {
            let _ = weight.g_mul_scalar_(0.1);
        }
        if let (Some(_), Some(bias)) = (weight(COLOURS), state.get(&format!("{last}.bias"))) {
            let _ = bias.narrow(0, bias.size()[0] - 1, 1).fill_(CLOSED);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    fn image(values: &[f32]) -> Tensor {
        Tensor::from_slice(values).view([1, -1, 1, 1])
    }

    fn values(t: &Tensor) -> Vec<f32> {
        Vec::try_from(t.view([-1])).unwrap()
    }

    #[test]
    fn a_closed_gate_keeps_the_image_and_an_open_one_replaces_it() {
        let x = image(&[0.5, -0.25, 0.0]);
        let out = |gate| values(&Output::Gated.apply(&image(&[9.0, -9.0, 0.0, gate]), &x));
        assert_eq!(out(-100.0), [0.5, -0.25, 0.0]);
        assert!(out(100.0).iter().zip([1.0, -1.0, 0.0]).all(|(got, want)| (got - want).abs() < 1e-6));
        let half = out(0.0);
        assert!((half[0] - 0.75).abs() < 1e-6 && (half[1] + 0.625).abs() < 1e-6, "{half:?}");
        assert_eq!((Output::Gated.channels(3), Output::Residual.channels(3)), (4, 3));
    }

    #[test]
    fn a_residual_is_clamped_and_still_learns() {
        let x = image(&[0.5, 0.5, -0.5]);
        let o = image(&[0.25, 1.5, -0.75]).set_requires_grad(true);
        assert_eq!(values(&tch::no_grad(|| Output::Residual.apply(&(&o + 0.0), &x))), [0.75, 1.0, -1.0]);
        let training = Output::Residual.apply(&o, &x);
        let want = [0.75, 1.01, -1.0025];
        assert!(values(&training).iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-6));
        let gradient = Tensor::run_backward(&[training.sum(Kind::Float)], &[&o], false, false).remove(0);
        assert!(values(&gradient).iter().zip([1.0, 0.01, 0.01]).all(|(got, want)| (got - want).abs() < 1e-6));
    }

    #[test]
    fn weights_tell_their_output() {
        for output in [Output::Tanh, Output::Residual, Output::Gated, Output::Affine] {
            let store = nn::VarStore::new(Device::Cpu);
            output.mark(&store.root());
            let _ = output.colours(&store.root(), 8, 3);
            let _ = (store.root() / "last").zeros("weight", &[output.channels(3), 8, 1, 1]);
            assert_eq!(Output::of_state(&store.variables().into_iter().collect(), "last.weight", 3), output);
        }
    }

    #[test]
    fn tanh_does_not_look_at_the_input() {
        let nothing = Tensor::zeros([1, 3, 1, 1], (Kind::Float, Device::Cpu));
        assert_eq!(values(&Output::Tanh.apply(&image(&[0.0, 20.0, -20.0]), &nothing)), [0.0, 1.0, -1.0]);
    }
}
