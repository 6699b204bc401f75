//! What MUNIT's networks are made of: padded convolutions with a norm and an activation, and residual blocks of two of them.

use crate::layers::{direction, instance_norm, lrelu};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor, nn};

const EPS: f64 = 1e-5;

/// How borders are filled before a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pad {
    /// Mirrored, the edge left out.
    Reflect,
    /// The edge repeated.
    Replicate,
    /// Zeros.
    Zero,
}

impl Pad {
    fn apply(self, x: &Tensor, by: i64) -> Tensor {
        match (self, by) {
            (_, 0) => x.shallow_clone(),
            (Self::Reflect, _) => x.reflection_pad2d([by; 4]),
            (Self::Replicate, _) => x.replication_pad2d([by; 4]),
            (Self::Zero, _) => x.constant_pad_nd([by; 4]),
        }
    }
}

/// What follows a norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `max(x, 0.2·x)`.
    Lrelu,
    /// Scaled exponential linear unit.
    Selu,
    /// `max(x, a·x)` with a slope that is learned, 0.25 at first; key `activation.weight`.
    Prelu,
}

/// An activation with its parameter, where it has one.
#[derive(Debug)]
pub(super) struct Activate {
    kind: Activation,
    slope: Option<Tensor>,
}

impl Activate {
    /// Of the layer at `path`.
    pub fn new(path: &nn::Path, kind: Activation) -> Self {
        let slope = || (path / "activation").var("weight", &[1], nn::Init::Const(0.25));
        Self { kind, slope: (kind == Activation::Prelu).then(slope) }
    }

    pub fn apply(&self, x: &Tensor) -> Tensor {
        match (self.kind, &self.slope) {
            (Activation::Prelu, Some(slope)) => x.prelu(slope),
            (Activation::Lrelu, _) => lrelu(x),
            (Activation::Selu, _) => x.selu(),
            (Activation::Relu | Activation::Prelu, _) => x.relu(),
        }
    }
}

/// Normalisation of a discriminator's blocks after the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DiscriminatorNorm {
    /// None, as published.
    #[serde(rename = "none")]
    None,
    /// Instance norm without parameters.
    #[serde(rename = "in")]
    Instance,
    /// MUNIT's layer norm.
    #[serde(rename = "ln")]
    Layer,
    /// Weights of spectral norm 1.
    #[serde(rename = "sn")]
    Spectral,
}

/// MUNIT's own layer norm: per image over all of C, H, W, `γ_c · (x − μ) / (σ + 1e-5) + β_c` with the unbiased standard deviation σ.
/// Keys `gamma`, `beta`, `[C]`.
#[derive(Debug)]
pub struct LayerNorm {
    gamma: Tensor,
    beta: Tensor,
}

impl LayerNorm {
    /// For `channels` channels; γ starts uniform in 0..1, as published, and β at 0.
    pub fn new(path: &nn::Path, channels: i64) -> Self {
        let gamma = path.var("gamma", &[channels], nn::Init::Uniform { lo: 0.0, up: 1.0 });
        Self { gamma, beta: path.zeros("beta", &[channels]) }
    }

    /// `[B, C, H, W]`, shape kept.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let all = [1i64, 2, 3];
        let centred = x - x.mean_dim(all.as_slice(), true, None::<Kind>);
        let n = x.size()[1..].iter().product::<i64>();
        let variance = centred.square().sum_dim_intlist(all.as_slice(), true, None::<Kind>) / (n - 1) as f64;
        let of_channel = |t: &Tensor| t.view([1, -1, 1, 1]);
        of_channel(&self.beta).addcmul(&(centred / (variance.sqrt() + EPS)), &of_channel(&self.gamma))
    }
}

/// The parameters `[B, n]` of a decoder's adaptive norms, handed out in the order of the layers.
#[derive(Debug)]
pub struct Assigned {
    rest: Tensor,
}

impl Assigned {
    /// Of all numbers `[B, n]`: for each layer of C channels C shifts and then C gains.
    pub fn new(parameters: &Tensor) -> Self {
        Self { rest: parameters.shallow_clone() }
    }

    /// Shift and gain `[B, C, 1, 1]` of the next layer.
    fn next(&mut self, channels: i64) -> (Tensor, Tensor) {
        let take = |from: i64| self.rest.narrow(1, from, channels).unsqueeze(-1).unsqueeze(-1);
        let (shift, gain) = (take(0), take(channels));
        self.rest = self.rest.narrow(1, 2 * channels, self.rest.size()[1] - 2 * channels);
        (shift, gain)
    }
}

/// Adaptive instance norm `gain · IN(x) + shift`, whose gain and shift are assigned.
///
/// The buffers `running_mean` and `running_var` are in published checkpoints and are never used.
#[derive(Debug)]
pub struct AssignedNorm {
    channels: i64,
}

impl AssignedNorm {
    /// For `channels` channels.
    pub fn new(path: &nn::Path, channels: i64) -> Self {
        let _ = path.zeros_no_train("running_mean", &[channels]);
        let _ = path.ones_no_train("running_var", &[channels]);
        Self { channels }
    }

    /// `[B, C, H, W]`, shape kept; takes its 2·C numbers of `style`.
    pub fn forward(&self, x: &Tensor, style: &mut Assigned) -> Tensor {
        let (shift, gain) = style.next(self.channels);
        shift.addcmul(&instance_norm(x), &gain)
    }
}

/// Normalisation of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NormKind {
    None,
    Instance,
    Layer,
    Assigned,
}

#[derive(Debug)]
enum Norm {
    None,
    Instance,
    Layer(LayerNorm),
    Assigned(AssignedNorm),
}

/// A convolution's weight, as it is or of spectral norm 1.
#[derive(Debug)]
enum Weight {
    Plain(Tensor),
    /// `W / σ(W)`. Every pass advances the power iteration first, in training and evaluation alike. Keys `module.weight_bar`, and
    /// the parameters without gradient `module.weight_u` `[cout]` and `module.weight_v` `[cin·k·k]`.
    Spectral {
        bar: Tensor,
        u: Tensor,
        v: Tensor,
    },
}

impl Weight {
    fn get(&self) -> Tensor {
        match self {
            Self::Plain(weight) => weight.shallow_clone(),
            Self::Spectral { bar, u, v } => {
                let matrix = bar.flatten(1, -1);
                let unit = |x: Tensor| &x / (x.norm() + 1e-12);
                tch::no_grad(|| {
                    v.shallow_clone().copy_(&unit(matrix.tr().mv(u)));
                    u.shallow_clone().copy_(&unit(matrix.mv(v)));
                });
                bar / u.copy().dot(&matrix.mv(&v.copy()))
            }
        }
    }
}

/// Padding, a convolution with bias, a norm, an activation. Keys `conv.*`, `norm.*`, `activation.weight`.
#[derive(Debug)]
pub(super) struct Block {
    pad: (Pad, i64),
    stride: i64,
    weight: Weight,
    bias: Tensor,
    norm: Norm,
    activation: Option<Activate>,
}

/// Kernel, stride and padding of a convolution.
pub(super) type Geometry = (i64, i64, i64);

/// What is the same in all blocks of a network.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub pad: Pad,
    pub activation: Activation,
}

impl Block {
    pub fn new(path: &nn::Path, channels: (i64, i64), geometry: Geometry, norm: NormKind, style: Style) -> Self {
        Self::build(path, channels, geometry, norm, (style.pad, Some(style.activation)), false)
    }

    /// Without an activation.
    pub fn linear(path: &nn::Path, channels: (i64, i64), geometry: Geometry, norm: NormKind, pad: Pad) -> Self {
        Self::build(path, channels, geometry, norm, (pad, None), false)
    }

    /// Of spectral norm 1.
    pub fn spectral(path: &nn::Path, channels: (i64, i64), geometry: Geometry, style: Style) -> Self {
        Self::build(path, channels, geometry, NormKind::None, (style.pad, Some(style.activation)), true)
    }

    fn build(
        path: &nn::Path,
        (cin, cout): (i64, i64),
        (kernel, stride, padding): Geometry,
        norm: NormKind,
        (pad, activation): (Pad, Option<Activation>),
        spectral: bool,
    ) -> Self {
        let conv = path / "conv";
        let (weight, bias) = if spectral {
            let module = &(&conv / "module");
            let shape = [cout, cin, kernel, kernel];
            let bar = module.var("weight_bar", &shape, nn::init::DEFAULT_KAIMING_UNIFORM);
            let (u, v) = (direction(module, "weight_u", cout), direction(module, "weight_v", cin * kernel * kernel));
            (Weight::Spectral { bar, u, v }, module.zeros("bias", &[cout]))
        } else {
            let nn::Conv2D { ws, bs, .. } = nn::conv2d(&conv, cin, cout, kernel, Default::default());
            (Weight::Plain(ws), bs.expect("convolutions have a bias by default"))
        };
        let norm = match norm {
            NormKind::None => Norm::None,
            NormKind::Instance => Norm::Instance,
            NormKind::Layer => Norm::Layer(LayerNorm::new(&(path / "norm"), cout)),
            NormKind::Assigned => Norm::Assigned(AssignedNorm::new(&(path / "norm"), cout)),
        };
        let activation = activation.map(|kind| Activate::new(path, kind));
        Self { pad: (pad, padding), stride, weight, bias, norm, activation }
    }

    /// `[B, cin, H, W]` to `[B, cout, h, w]`. `style` serves adaptive norms.
    pub fn forward(&self, x: &Tensor, style: Option<&mut Assigned>) -> Tensor {
        let (pad, by) = self.pad;
        let h = pad.apply(x, by).conv2d(&self.weight.get(), Some(&self.bias), [self.stride; 2], [0, 0], [1, 1], 1);
        let h = match &self.norm {
            Norm::None => h,
            Norm::Instance => instance_norm(&h),
            Norm::Layer(norm) => norm.forward(&h),
            Norm::Assigned(norm) => norm.forward(&h, style.expect("decoders are given a style")),
        };
        match &self.activation {
            None => h,
            Some(activation) => activation.apply(&h),
        }
    }
}

/// `x + B(A(x))` with an activation after A only. Keys `model.0.*`, `model.1.*`.
#[derive(Debug)]
pub(super) struct ResBlock(Block, Block);

impl ResBlock {
    pub fn new(path: &nn::Path, channels: i64, norm: NormKind, style: Style) -> Self {
        let (path, both, geometry) = (path / "model", (channels, channels), (3, 1, 1));
        Self(
            Block::new(&(&path / 0), both, geometry, norm, style),
            Block::linear(&(&path / 1), both, geometry, norm, style.pad),
        )
    }

    pub fn forward(&self, x: &Tensor, mut style: Option<&mut Assigned>) -> Tensor {
        let h = self.0.forward(x, style.as_deref_mut());
        self.1.forward(&h, style) + x
    }
}
