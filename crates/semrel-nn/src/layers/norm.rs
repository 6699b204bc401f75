//! Normalisation: instance norm, plain and adaptive, and batch norm.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor, nn};

const EPS: f64 = 1e-5;

/// Instance norm without parameters: each channel of each image to mean 0 and (biased) variance 1 over its positions.
pub fn instance_norm(x: &Tensor) -> Tensor {
    // One group a channel: the same numbers as instance_norm, from a kernel that measured 2.2 times as fast.
    x.group_norm(x.size()[1], None::<Tensor>, None::<Tensor>, EPS, true)
}

/// Instance norm with a scale and a shift per channel (`weight`, `bias`), which start at 1 and 0.
#[derive(Debug)]
pub struct InstanceNorm {
    weight: Tensor,
    bias: Tensor,
}

impl InstanceNorm {
    /// For `channels` channels.
    pub fn new(path: nn::Path, channels: i64) -> Self {
        Self { weight: path.ones("weight", &[channels]), bias: path.zeros("bias", &[channels]) }
    }

    /// `weight·IN(x) + bias`, shape kept.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        x.group_norm(x.size()[1], Some(&self.weight), Some(&self.bias), EPS, true)
    }
}

/// Adaptive instance norm: `(1 + γ)·IN(x) + β` with `[γ, β] = fc(s)`.
#[derive(Debug)]
pub struct AdaIn {
    fc: nn::Linear,
}

impl AdaIn {
    /// `fc` maps a style `[B, style_dim]` to `[B, 2·channels]`.
    pub fn new(path: nn::Path, style_dim: i64, channels: i64) -> Self {
        Self { fc: nn::linear(path / "fc", style_dim, 2 * channels, Default::default()) }
    }

    /// `x` is `[B, C, H, W]`, `style` is `[B, style_dim]`.
    pub fn forward(&self, x: &Tensor, style: &Tensor) -> Tensor {
        modulated(&instance_norm(x), &self.fc, style)
    }
}

/// `(1 + γ)·normed + β` with `[γ, β] = fc(style)`.
fn modulated(normed: &Tensor, fc: &nn::Linear, style: &Tensor) -> Tensor {
    let h = style.apply(fc).unsqueeze(-1).unsqueeze(-1);
    let halves = h.chunk(2, 1);
    halves[1].addcmul(normed, &(&halves[0] + 1.0))
}

/// Which normalisation a network has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NormType {
    /// Instance norm without parameters.
    Instance,
    /// Instance norm with scale and shift.
    InstanceAffine,
    /// Batch norm with scale and shift.
    Batch,
    /// Pixel norm with scale and shift.
    Pixel,
    /// Pixel norm without parameters.
    PixelPlain,
    /// None at all.
    None,
}

/// Key of the buffer that tells the weights of a network with plain pixel norm from those of instance norm, which have the same
/// shapes.
pub(crate) const PIXEL_NORM: &str = "pixel_norm";

impl NormType {
    /// Whether the published networks give the convolutions before this norm a bias. Pixel norm, which they do not have,
    /// takes no mean away, so that a bias before it counts.
    pub fn conv_bias(self) -> bool {
        matches!(self, Self::Instance | Self::InstanceAffine | Self::Pixel | Self::PixelPlain)
    }

    /// The norm of separable convolutions, between their two parts: one without parameters.
    pub(crate) fn inside_separable(self) -> Norm {
        if self == Self::PixelPlain { Norm::PixelPlain } else { Norm::Instance }
    }

    /// Registers what tells weights of this norm from those of another: nothing but for [`NormType::PixelPlain`], a buffer
    /// `pixel_norm` of one number at the root of the state dict.
    pub(crate) fn mark(self, root: &nn::Path) {
        if self == Self::PixelPlain {
            let _ = root.ones_no_train(PIXEL_NORM, &[1]);
        }
    }
}

/// A normalisation layer of one of the types.
#[derive(Debug)]
pub enum Norm {
    /// Instance norm without parameters.
    Instance,
    /// Instance norm with scale and shift.
    InstanceAffine(InstanceNorm),
    /// Batch norm.
    Batch(BatchNorm),
    /// Pixel norm with scale and shift.
    Pixel(PixelNorm),
    /// Pixel norm without parameters.
    PixelPlain,
    /// The identity.
    None,
}

impl Norm {
    /// For `channels` channels; parameters and buffers, where the type has them, lie under `path`.
    pub fn new(path: &nn::Path, channels: i64, kind: NormType) -> Self {
        match kind {
            NormType::Instance => Self::Instance,
            NormType::InstanceAffine => Self::InstanceAffine(InstanceNorm::new(path.clone(), channels)),
            NormType::Batch => Self::Batch(BatchNorm::new(path, channels)),
            NormType::Pixel => Self::Pixel(PixelNorm::new(path, channels)),
            NormType::PixelPlain => Self::PixelPlain,
            NormType::None => Self::None,
        }
    }

    /// `[B, C, H, W]`, shape kept.
    pub fn forward(&self, x: &Tensor, training: bool) -> Tensor {
        match self {
            // The published kernel, not group norm as in `instance_norm`: 2 % of a pass of the generator dearer, but with it
            // the networks equal the published ones bit for bit. Other roundings put single rectifier inputs on the other
            // side of 0, and one of them may move a gradient by percents.
            Self::Instance => x.instance_norm(None::<Tensor>, None, None, None, true, 0.1, EPS, true),
            Self::InstanceAffine(norm) => norm.forward(x),
            Self::Batch(norm) => norm.forward(x, training),
            Self::Pixel(norm) => norm.forward(x),
            Self::PixelPlain => pixel_norm(x),
            Self::None => x.shallow_clone(),
        }
    }
}

/// Pixel norm with scale and shift: `x / sqrt(mean_c x² + 1e-6) · weight + bias`, the mean over the channels of a position.
///
/// Karras et al., "Progressive Growing of GANs", ICLR 2018. Unlike instance norm it keeps what is the same all over the image:
/// its brightness and its colours. Keys `weight`, `bias`, `[C]`, which start at 1 and 0.
#[derive(Debug)]
pub struct PixelNorm {
    weight: Tensor,
    bias: Tensor,
}

impl PixelNorm {
    /// For `channels` channels.
    pub fn new(path: &nn::Path, channels: i64) -> Self {
        Self { weight: path.ones("weight", &[channels]), bias: path.zeros("bias", &[channels]) }
    }

    /// `[B, C, H, W]`, shape kept.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let of_channel = |t: &Tensor| t.view([1, -1, 1, 1]);
        of_channel(&self.bias).addcmul(&pixel_norm(x), &of_channel(&self.weight))
    }
}

/// Pixel norm without parameters: `x / sqrt(mean_c x² + 1e-6)`.
fn pixel_norm(x: &Tensor) -> Tensor {
    x * (x.square().mean_dim([1i64].as_slice(), true, None::<Kind>) + 1e-6).rsqrt()
}

/// Adaptive pixel norm: `(1 + γ)·x / sqrt(mean_c x² + 1e-6) + β` with `[γ, β] = fc(s)`.
#[derive(Debug)]
pub struct AdaPixelNorm {
    fc: nn::Linear,
}

impl AdaPixelNorm {
    /// `fc` maps a style `[B, style_dim]` to `[B, 2·channels]`.
    pub fn new(path: nn::Path, style_dim: i64, channels: i64) -> Self {
        Self { fc: nn::linear(path / "fc", style_dim, 2 * channels, Default::default()) }
    }

    /// `x` is `[B, C, H, W]`, `style` is `[B, style_dim]`.
    pub fn forward(&self, x: &Tensor, style: &Tensor) -> Tensor {
        modulated(&pixel_norm(x), &self.fc, style)
    }
}

/// Batch norm: eps 1e-5, momentum 0.1. Keys `weight`, `bias`, `running_mean`, `running_var`, `num_batches_tracked`.
#[derive(Debug)]
pub struct BatchNorm {
    weight: Tensor,
    bias: Tensor,
    mean: Tensor,
    variance: Tensor,
    batches: Tensor,
}

impl BatchNorm {
    /// For `channels` channels; scale and running variance start at 1, shift and running mean at 0.
    pub fn new(path: &nn::Path, channels: i64) -> Self {
        let counter = Tensor::zeros([0i64; 0], (Kind::Int64, path.device()));
        Self {
            weight: path.ones("weight", &[channels]),
            bias: path.zeros("bias", &[channels]),
            mean: path.zeros_no_train("running_mean", &[channels]),
            variance: path.ones_no_train("running_var", &[channels]),
            batches: path.add("num_batches_tracked", counter, false),
        }
    }

    /// Normalises by the batch's statistics and tracks them in training, by the tracked ones otherwise.
    pub fn forward(&self, x: &Tensor, training: bool) -> Tensor {
        if training {
            let _ = self.batches.shallow_clone().g_add_scalar_(1);
        }
        let (weight, bias) = (Some(&self.weight), Some(&self.bias));
        x.batch_norm(weight, bias, Some(&self.mean), Some(&self.variance), training, 0.1, EPS, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn pixel_norm_gives_every_position_the_same_length() {
        let store = nn::VarStore::new(Device::Cpu);
        let norm = PixelNorm::new(&store.root(), 2);
        let x = Tensor::from_slice(&[3f32, 0.0, 4.0, 5.0]).view([1, 2, 1, 2]);
        let y = norm.forward(&x);
        assert!((Norm::PixelPlain.forward(&x, false) - &y).abs().max().double_value(&[]) < 1e-6);
        // (3, 4) has the root mean square 3.5355, (0, 5) too.
        for (at, want) in [([0, 0, 0, 0], 0.6), ([0, 1, 0, 0], 0.8), ([0, 0, 0, 1], 0.0), ([0, 1, 0, 1], 1.0)] {
            assert!((y.double_value(&at) - want * 2f64.sqrt()).abs() < 1e-5, "{at:?}");
        }
        let _ = tch::no_grad(|| (norm.weight.shallow_clone().fill_(2.0), norm.bias.shallow_clone().fill_(1.0)));
        assert!((norm.forward(&x) - (y * 2.0 + 1.0)).abs().max().double_value(&[]) < 1e-6);
    }

    #[test]
    fn a_style_scales_and_shifts_what_pixel_norm_gives() {
        let store = nn::VarStore::new(Device::Cpu);
        let norm = AdaPixelNorm::new(store.root() / "norm", 1, 2);
        tch::no_grad(|| {
            // Scales 1 + s and 1 − s, shifts 2 s and 0.
            norm.fc.ws.shallow_clone().copy_(&Tensor::from_slice(&[1f32, -1.0, 2.0, 0.0]).view([4, 1]));
            let _ = norm.fc.bs.as_ref().expect("a bias").shallow_clone().zero_();
        });
        let x = Tensor::from_slice(&[3f32, 4.0]).view([1, 2, 1, 1]);
        let y = norm.forward(&x, &Tensor::from_slice(&[0.5f32]).view([1, 1]));
        let unit = 2f64.sqrt();
        for (channel, want) in [(0, 1.5 * 0.6 * unit + 1.0), (1, 0.5 * 0.8 * unit)] {
            assert!((y.double_value(&[0, channel, 0, 0]) - want).abs() < 1e-5, "{channel}");
        }
    }

    #[test]
    fn batch_norm_tracks_in_training_and_reads_in_evaluation() {
        let store = nn::VarStore::new(Device::Cpu);
        let norm = BatchNorm::new(&store.root(), 2);
        let x = Tensor::from_slice(&[0f32, 2.0, 10.0, 30.0]).view([1, 2, 1, 2]);
        let y = norm.forward(&x, true);
        assert!(
            (y - Tensor::from_slice(&[-1f32, 1.0, -1.0, 1.0]).view([1, 2, 1, 2])).abs().max().double_value(&[]) < 1e-4
        );
        let tracked = store.variables();
        assert_eq!(tracked["num_batches_tracked"].int64_value(&[]), 1);
        // A tenth of the batch's mean and of its unbiased variance.
        assert_eq!(Vec::<f32>::try_from(&tracked["running_mean"]).unwrap(), [0.1, 2.0]);
        assert!((tracked["running_var"].double_value(&[1]) - (0.9 + 20.0)).abs() < 1e-4);
        let z = norm.forward(&x, false);
        assert!((z.double_value(&[0, 1, 0, 0]) - 8.0 / 20.9f64.sqrt()).abs() < 1e-4);
        assert_eq!(tracked["num_batches_tracked"].int64_value(&[]), 1);
    }
}
