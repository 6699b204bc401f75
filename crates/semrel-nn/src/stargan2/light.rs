//! Blocks of the light styled generator: pixel norm that takes its scale and shift from the style, and bridges from the
//! encoder to the decoder.

use crate::layers::{AdaPixelNorm, NormType};
use crate::light::{Unit, doubled_onto};
use tch::{Tensor, nn};

/// A convolution over a mirrored border and pixel norm, rectified, halving the sides. Keys `conv.*`, `norm.*`.
#[derive(Debug)]
pub(super) struct Halving(Unit);

impl Halving {
    pub fn new(path: &nn::Path, cin: i64, cout: i64) -> Self {
        Self(Unit::new(path, (cin, cout), 2, NormType::Pixel))
    }

    /// `[B, cin, H, W]` to `[B, cout, H/2, W/2]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        self.0.rectified(x, true)
    }
}

/// A 3×3 convolution over a mirrored border, and pixel norm in a style.
#[derive(Debug)]
struct StyledUnit {
    conv: nn::Conv2D,
    norm: AdaPixelNorm,
}

impl StyledUnit {
    fn new(path: &nn::Path, channels: i64, style_dim: i64) -> Self {
        Self {
            conv: nn::conv2d(path / "conv", channels, channels, 3, Default::default()),
            norm: AdaPixelNorm::new(path / "norm", style_dim, channels),
        }
    }

    fn forward(&self, x: &Tensor, style: &Tensor) -> Tensor {
        self.norm.forward(&x.reflection_pad2d([1; 4]).apply(&self.conv), style)
    }
}

/// Residual block in a style: `x + unit(relu(unit(x, s)), s)`. Keys `first.*`, `second.*`, each with `conv` and `norm.fc`.
#[derive(Debug)]
pub(super) struct StyledBlock {
    first: StyledUnit,
    second: StyledUnit,
}

impl StyledBlock {
    pub fn new(path: &nn::Path, channels: i64, style_dim: i64) -> Self {
        let unit = |name| StyledUnit::new(&(path / name), channels, style_dim);
        Self { first: unit("first"), second: unit("second") }
    }

    pub fn forward(&self, x: &Tensor, style: &Tensor) -> Tensor {
        self.second.forward(&self.first.forward(x, style).relu(), style) + x
    }
}

/// A doubling: 1×1 convolution, nearest neighbours, the encoder's map of that size added, and a convolution and norm in a
/// style, rectified. Keys `narrow.*`, `conv.*`, `norm.fc.*`.
#[derive(Debug)]
pub(super) struct StyledDoubling {
    narrow: nn::Conv2D,
    unit: StyledUnit,
}

impl StyledDoubling {
    pub fn new(path: &nn::Path, cin: i64, cout: i64, style_dim: i64) -> Self {
        Self {
            narrow: nn::conv2d(path / "narrow", cin, cout, 1, Default::default()),
            unit: StyledUnit::new(path, cout, style_dim),
        }
    }

    /// `[B, cin, H, W]` and `bridge` `[B, cout, 2H, 2W]` to the bridge's shape.
    pub fn forward(&self, x: &Tensor, bridge: &Tensor, style: &Tensor) -> Tensor {
        self.unit.forward(&doubled_onto(bridge, x, &self.narrow), style).relu()
    }
}

#[cfg(test)]
mod tests {
    use crate::stargan2::{Generator, GeneratorConfig, GeneratorKind};
    use crate::{Net, Output, flat_gradients, he_normal};
    use tch::{Device, Kind, Tensor, no_grad};

    fn net() -> Net<Generator> {
        let published = GeneratorConfig::published(GeneratorKind::Light, 32, 5);
        let config = GeneratorConfig { width: 4, max_width: 12, output: Some(Output::Affine), ..published };
        let net = Net::new(Device::Cpu, |p| Generator::new(p, &config));
        he_normal(&net.state());
        net
    }

    fn noise(size: &[i64]) -> Tensor {
        Tensor::rand(size, (Kind::Float, Device::Cpu)) * 2.0 - 1.0
    }

    #[test]
    fn taps_are_a_quarter_of_the_side_and_the_style_is_the_images_own() {
        let net = net();
        assert_eq!((net.encoder_widths(), net.blocks_at(4)), (&[8, 12, 12, 12][..], vec![1, 2, 3]));
        let (x, s) = (noise(&[2, 3, 32, 16]), noise(&[2, 5]));
        let encoded = net.encode(&x, &net.blocks_at(4));
        assert!(encoded.taps.iter().all(|tap| tap.size() == [2, 12, 8, 4]));
        let y = no_grad(|| net.decode(&encoded, &s));
        assert_eq!(y.size(), x.size());
        assert!(y.abs().max().double_value(&[]) <= 1.0, "a mixture of two images");
        // Each image by itself, and both twice in one batch.
        let same = |a: &Tensor, b: &Tensor| (a - b).abs().max().double_value(&[]) < 1e-5;
        let second = no_grad(|| net.forward(&x.narrow(0, 1, 1), &s.narrow(0, 1, 1)));
        assert!(same(&second, &y.narrow(0, 1, 1)));
        let both = no_grad(|| net.decode(&encoded.twice(), &Tensor::cat(&[&s, &s.flip([0])], 0)));
        assert!(same(&both.narrow(0, 0, 2), &y) && !same(&both.narrow(0, 2, 2), &y));
    }

    #[test]
    fn gradients_reach_every_parameter() {
        let net = net();
        let y = net.forward(&noise(&[1, 3, 32, 32]), &noise(&[1, 5]));
        let gradient = flat_gradients(&y.square().sum(Kind::Float), &[net.parameters().collect()]);
        for (key, of) in net.split(&gradient[0]) {
            assert!(of.abs().max().double_value(&[]) > 0.0, "{key}");
        }
    }
}
