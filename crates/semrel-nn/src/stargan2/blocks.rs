//! Residual blocks of the StarGAN v2 family, and the plain convolution block of the official multi-modal generator.

use crate::layers::{AdaIn, InstanceNorm, conv, conv1x1_no_bias, lrelu};
use std::f64::consts::FRAC_1_SQRT_2;
use tch::{Tensor, nn};

/// Change of resolution inside a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resample {
    /// Resolution kept.
    Keep,
    /// Halved: 2×2 average pooling (in a [`ConvBlk`], a strided convolution).
    Down,
    /// Doubled: nearest neighbour.
    Up,
}

fn halve(x: &Tensor) -> Tensor {
    x.avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None)
}

fn double(x: &Tensor) -> Tensor {
    let size = x.size();
    x.upsample_nearest2d([size[2] * 2, size[3] * 2], None, None)
}

/// Pixels (of the whole batch) from which on joining a 3×3 convolution with a change of resolution pays: below, adding up
/// the kernel costs more than it saves.
const JOIN_FROM: i64 = 1024;

/// The 4×4 kernel `[.., 4, 4]` of a 3×3 kernel convolved with a 2×2 box of ones: each of its taps falls on four places.
fn boxed(kernel: &Tensor) -> Tensor {
    let rows = kernel.constant_pad_nd([0, 0, 0, 1]) + kernel.constant_pad_nd([0, 0, 1, 0]);
    rows.constant_pad_nd([0, 1, 0, 0]) + rows.constant_pad_nd([1, 0, 0, 0])
}

fn pixels(x: &Tensor) -> i64 {
    let size = x.size();
    size[0] * size[2] * size[3]
}

/// `halve(conv(x))` for a 3×3 convolution with padding 1, as one 4×4 convolution of stride 2: 16 products for each output
/// instead of 36.
fn conv_halve(x: &Tensor, conv: &nn::Conv2D) -> Tensor {
    if pixels(x) < JOIN_FROM {
        return halve(&x.apply(conv));
    }
    x.conv2d(&(boxed(&conv.ws) * 0.25), conv.bs.as_ref(), [2], [1], [1], 1)
}

/// `conv(double(x))` for a 3×3 convolution with padding 1, as one 4×4 transposed convolution of stride 2: 4 products for
/// each output instead of 9.
fn double_conv(x: &Tensor, conv: &nn::Conv2D) -> Tensor {
    if pixels(x) < JOIN_FROM {
        return double(x).apply(conv);
    }
    let kernel = boxed(&conv.ws.flip([2, 3])).transpose(0, 1);
    x.conv_transpose2d(&kernel, conv.bs.as_ref(), [2], [1], [0], 1, [1])
}

/// Residual block: `(shortcut + residual)/√2`.
///
/// residual: `[norm1] → lrelu → conv1 → [avgpool] → [norm2] → lrelu → conv2`; shortcut: `[conv1x1] → [avgpool]`.
/// Keys `conv1.*`, `conv2.*`, `norm1.*`, `norm2.*`, `conv1x1.weight`.
#[derive(Debug)]
pub struct ResBlk {
    norms: Option<(InstanceNorm, InstanceNorm)>,
    conv1: nn::Conv2D,
    conv2: nn::Conv2D,
    conv1x1: Option<nn::Conv2D>,
    downsample: bool,
}

impl ResBlk {
    /// `conv1x1` exists where the width changes.
    pub fn new(path: nn::Path, cin: i64, cout: i64, normalize: bool, downsample: bool) -> Self {
        Self {
            norms: normalize
                .then(|| (InstanceNorm::new(&path / "norm1", cin), InstanceNorm::new(&path / "norm2", cin))),
            conv1: conv(&path / "conv1", cin, cin, 3, 1, 1),
            conv2: conv(&path / "conv2", cin, cout, 3, 1, 1),
            conv1x1: (cin != cout).then(|| conv1x1_no_bias(&path / "conv1x1", cin, cout)),
            downsample,
        }
    }

    /// `[B, cin, H, W]` to `[B, cout, H, W]`, or half the sides where the block downsamples.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        // Pooling and a 1×1 convolution commute; this order costs a quarter.
        let mut shortcut = if self.downsample { halve(x) } else { x.shallow_clone() };
        if let Some(conv1x1) = &self.conv1x1 {
            shortcut = shortcut.apply(conv1x1);
        }
        let normed = |i: usize, h: Tensor| match &self.norms {
            Some(norms) => if i == 0 { &norms.0 } else { &norms.1 }.forward(&h),
            None => h,
        };
        let h = lrelu(&normed(0, x.shallow_clone()));
        let h = if self.downsample { conv_halve(&h, &self.conv1) } else { h.apply(&self.conv1) };
        let residual = lrelu(&normed(1, h)).apply(&self.conv2);
        (shortcut + residual) * FRAC_1_SQRT_2
    }
}

/// Residual block whose norms take their scale and shift from the style: `(residual + shortcut)/√2`.
///
/// residual: `AdaIN → lrelu → [upsample] → conv1 → AdaIN → lrelu → conv2`; shortcut: `[upsample] → [conv1x1]`.
/// Keys `conv1.*`, `conv2.*`, `norm1.fc.*`, `norm2.fc.*`, `conv1x1.weight`.
#[derive(Debug)]
pub struct AdainResBlk {
    norm1: AdaIn,
    norm2: AdaIn,
    conv1: nn::Conv2D,
    conv2: nn::Conv2D,
    conv1x1: Option<nn::Conv2D>,
    upsample: bool,
}

impl AdainResBlk {
    /// `conv1x1` exists where the width changes.
    pub fn new(path: nn::Path, cin: i64, cout: i64, style_dim: i64, upsample: bool) -> Self {
        Self {
            norm1: AdaIn::new(&path / "norm1", style_dim, cin),
            norm2: AdaIn::new(&path / "norm2", style_dim, cout),
            conv1: conv(&path / "conv1", cin, cout, 3, 1, 1),
            conv2: conv(&path / "conv2", cout, cout, 3, 1, 1),
            conv1x1: (cin != cout).then(|| conv1x1_no_bias(&path / "conv1x1", cin, cout)),
            upsample,
        }
    }

    /// `[B, cin, H, W]` and style `[B, style_dim]` to `[B, cout, H, W]`, or twice the sides where it upsamples.
    pub fn forward(&self, x: &Tensor, style: &Tensor) -> Tensor {
        let mut shortcut = match &self.conv1x1 {
            // A 1×1 convolution and nearest-neighbour upsampling commute; this order costs a quarter.
            Some(conv1x1) => x.apply(conv1x1),
            None => x.shallow_clone(),
        };
        let h = lrelu(&self.norm1.forward(x, style));
        let h = if self.upsample {
            shortcut = double(&shortcut);
            double_conv(&h, &self.conv1)
        } else {
            h.apply(&self.conv1)
        };
        let residual = lrelu(&self.norm2.forward(&h, style)).apply(&self.conv2);
        (residual + shortcut) * FRAC_1_SQRT_2
    }
}

/// Plain convolution block of the official multi-modal generator; no shortcut, no style.
///
/// down: `norm1 → lrelu → conv1 4×4, stride 2`; up: `upsample → norm1 → lrelu → conv1 3×3`. Keys `norm1.*`, `conv1.*`.
#[derive(Debug)]
pub struct ConvBlk {
    norm1: Option<InstanceNorm>,
    conv1: nn::Conv2D,
    upsample: bool,
}

impl ConvBlk {
    /// `resample` is `Down`, `Up` or `Keep` (3×3 convolution at the same size).
    pub fn new(path: nn::Path, cin: i64, cout: i64, normalize: bool, resample: Resample) -> Self {
        let (kernel, stride) = if resample == Resample::Down { (4, 2) } else { (3, 1) };
        Self {
            norm1: normalize.then(|| InstanceNorm::new(&path / "norm1", cin)),
            conv1: conv(&path / "conv1", cin, cout, kernel, stride, 1),
            upsample: resample == Resample::Up,
        }
    }

    /// `[B, cin, H, W]` to `[B, cout, H/2, W/2]` or `[B, cout, 2H, 2W]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let normed = match &self.norm1 {
            Some(norm) => norm.forward(x),
            None => x.shallow_clone(),
        };
        // Repeating every pixel changes neither mean nor variance: norm and rectifier run before it, on a quarter.
        let h = lrelu(&normed);
        if self.upsample { double_conv(&h, &self.conv1) } else { h.apply(&self.conv1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn joined_convolutions_equal_their_parts() {
        let store = nn::VarStore::new(Device::Cpu);
        let layer = conv(store.root() / "c", 3, 5, 3, 1, 1);
        let mut store = store;
        store.double();
        for (h, w) in [(34, 32), (2, 6)] {
            let x = Tensor::randn([2, 3, h, w], (Kind::Double, Device::Cpu));
            for (joined, parts) in
                [(conv_halve(&x, &layer), halve(&x.apply(&layer))), (double_conv(&x, &layer), double(&x).apply(&layer))]
            {
                assert_eq!(joined.size(), parts.size());
                assert!((joined - parts).abs().max().double_value(&[]) < 1e-12);
            }
        }
    }
}
