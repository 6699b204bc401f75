//! StyleGAN2's layers: equalised convolutions, blur, the scaled leaky rectifier.
//!
//! The published rectifier is √2·lrelu(x + b). A leaky rectifier commutes with positive factors, so the √2, and the 1/√2 of
//! a residual sum, are multiplied into weights and biases, which are small, instead of into maps, which are large.

use crate::layers::{binomial_filter, lrelu};
use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};
use tch::{Tensor, nn};

/// Blur with the outer product of [1, 3, 3, 1], divided by its sum, over zeros beyond the border. Buffer `kernel` `[4, 4]`.
#[derive(Debug)]
struct Blur {
    kernel: Tensor,
    padding: i64,
    stride: i64,
}

impl Blur {
    fn new(path: nn::Path, gain: f64, padding: i64, stride: i64) -> Self {
        let kernel = path.add("kernel", (binomial_filter(4) * gain).to_device(path.device()), false);
        Self { kernel, padding, stride }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let channels = x.size()[1];
        let kernel = self.kernel.expand([channels, 1, 4, 4], false);
        x.conv2d(&kernel, None::<Tensor>, [self.stride; 2], [self.padding; 2], [1, 1], channels)
    }
}

/// Convolution with weights `w/√(cin·k²)`, and √2·lrelu(· + b) where it has an activation.
///
/// Keys `0.weight`, `1.bias`; where it halves, `0.kernel`, `1.weight`, `2.bias`.
#[derive(Debug)]
pub(super) struct ConvLayer {
    blur: Option<Blur>,
    weight: Tensor,
    scale: f64,
    bias: Option<Tensor>,
    stride: i64,
    padding: i64,
}

impl ConvLayer {
    /// Kernel of 1 or 3, resolution kept, with activation.
    pub fn new(path: &nn::Path, cin: i64, cout: i64, kernel: i64) -> Self {
        Self {
            blur: None,
            weight: (path / 0).randn_standard("weight", &[cout, cin, kernel, kernel]),
            scale: 1.0 / ((cin * kernel * kernel) as f64).sqrt(),
            bias: Some((path / 1).zeros("bias", &[1, cout, 1, 1])),
            stride: 1,
            padding: kernel / 2,
        }
    }

    /// Kernel of 3, half the resolution, with activation.
    pub fn halving(path: &nn::Path, cin: i64, cout: i64) -> Self {
        Self {
            blur: Some(Blur::new(path / 0, 1.0, 2, 1)),
            weight: (path / 1).randn_standard("weight", &[cout, cin, 3, 3]),
            scale: 1.0 / ((cin * 9) as f64).sqrt(),
            bias: Some((path / 2).zeros("bias", &[1, cout, 1, 1])),
            stride: 2,
            padding: 0,
        }
    }

    /// Kernel of 1, half the resolution, without activation and bias.
    pub fn halving_shortcut(path: &nn::Path, cin: i64, cout: i64) -> Self {
        Self {
            // A 1×1 convolution of stride 2 sees every second position: the blur need not compute the others.
            blur: Some(Blur::new(path / 0, 1.0, 1, 2)),
            weight: (path / 1).randn_standard("weight", &[cout, cin, 1, 1]),
            scale: 1.0 / (cin as f64).sqrt(),
            bias: None,
            stride: 1,
            padding: 0,
        }
    }

    /// `gain` times the layer.
    pub fn forward_scaled(&self, x: &Tensor, gain: f64) -> Tensor {
        let blurred = self.blur.as_ref().map(|blur| blur.forward(x));
        let x = blurred.as_ref().unwrap_or(x);
        let gain = if self.bias.is_some() { gain * SQRT_2 } else { gain };
        let bias = self.bias.as_ref().map(|b| b.flatten(0, -1) * gain);
        let weight = &self.weight * (self.scale * gain);
        let y = x.conv2d(&weight, bias.as_ref(), [self.stride; 2], [self.padding; 2], [1, 1], 1);
        if self.bias.is_some() { lrelu(&y) } else { y }
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        self.forward_scaled(x, 1.0)
    }

    pub fn width(&self) -> i64 {
        self.weight.size()[0]
    }
}

/// `(conv2(conv1(x)) + skip(x))/√2`. Keys `conv1.*`, `conv2.*`, and `skip.*` where it halves.
#[derive(Debug)]
pub(super) struct ResBlock {
    conv1: ConvLayer,
    conv2: ConvLayer,
    skip: Option<ConvLayer>,
}

impl ResBlock {
    /// Resolution and width kept.
    pub fn new(path: &nn::Path, channels: i64) -> Self {
        Self {
            conv1: ConvLayer::new(&(path / "conv1"), channels, channels, 3),
            conv2: ConvLayer::new(&(path / "conv2"), channels, channels, 3),
            skip: None,
        }
    }

    /// Half the resolution.
    pub fn halving(path: &nn::Path, cin: i64, cout: i64) -> Self {
        Self {
            conv1: ConvLayer::new(&(path / "conv1"), cin, cin, 3),
            conv2: ConvLayer::halving(&(path / "conv2"), cin, cout),
            skip: Some(ConvLayer::halving_shortcut(&(path / "skip"), cin, cout)),
        }
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        let skip = match &self.skip {
            Some(skip) => skip.forward_scaled(x, FRAC_1_SQRT_2),
            None => x * FRAC_1_SQRT_2,
        };
        skip + self.conv2.forward_scaled(&self.conv1.forward(x), FRAC_1_SQRT_2)
    }

    pub fn width(&self) -> i64 {
        self.conv2.width()
    }

    pub fn halves(&self) -> bool {
        self.skip.is_some()
    }
}

/// Doubles the resolution: demodulated transposed convolution, blur, noise, √2·lrelu(· + b).
///
/// Keys `conv.weight` `[1, cout, cin, 3, 3]`, `conv.blur.kernel`, `noise.weight` `[1]`, `activate.bias`.
#[derive(Debug)]
pub(super) struct StyledUp {
    weight: Tensor,
    blur: Blur,
    noise: Tensor,
    bias: Tensor,
}

impl StyledUp {
    pub fn new(path: &nn::Path, cin: i64, cout: i64) -> Self {
        Self {
            weight: (path / "conv").randn_standard("weight", &[1, cout, cin, 3, 3]),
            blur: Blur::new(path / "conv" / "blur", 4.0, 1, 1),
            noise: (path / "noise").zeros("weight", &[1]),
            bias: (path / "activate").zeros("bias", &[1, cout, 1, 1]),
        }
    }

    /// `x` is `[B, cin, H, W]`, `noise` `[B, 1, 2H, 2W]`.
    pub fn forward(&self, x: &Tensor, noise: &Tensor) -> Tensor {
        let weight = self.weight.squeeze_dim(0) * (1.0 / (self.weight.size()[2] * 9) as f64).sqrt();
        let squares = weight.square().sum_dim_intlist([1i64, 2, 3].as_slice(), true, None);
        let kernel = (weight * ((squares + 1e-8).rsqrt() * SQRT_2)).transpose(0, 1);
        let y = self.blur.forward(&x.conv_transpose2d(&kernel, None::<Tensor>, [2], [0], [0], 1, [1]));
        let shift = (noise * &self.noise + &self.bias) * SQRT_2;
        lrelu(&(y + shift))
    }
}

/// Linear layer with weights `w/√cin`. Keys `weight`, `bias`.
#[derive(Debug)]
pub(super) struct EqualLinear {
    weight: Tensor,
    bias: Tensor,
}

impl EqualLinear {
    pub fn new(path: nn::Path, cin: i64, cout: i64) -> Self {
        Self { weight: path.randn_standard("weight", &[cout, cin]), bias: path.zeros("bias", &[cout]) }
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        let scale = (1.0 / self.weight.size()[1] as f64).sqrt();
        x.linear(&(&self.weight * scale), Some(&self.bias))
    }

    /// √2·lrelu of the layer.
    pub fn forward_lrelu(&self, x: &Tensor) -> Tensor {
        lrelu(&(self.forward(x) * SQRT_2))
    }
}
