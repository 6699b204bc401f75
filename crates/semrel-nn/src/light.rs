//! A light residual generator for small images and short training: bridges from its encoder to its decoder, and pixel norm.
//!
//! All its convolutions are 3 × 3 or 1 × 1, and it halves by strides. Bridges carry outlines past the residual blocks, so that
//! those only have to learn what changes.

use crate::NetworkError;
use crate::colours::Colours;
use crate::error::positive;
use crate::generator::{TappedGenerator, position, positions, run};
use crate::layers::{Norm, NormType};
use crate::output::{Output, soften};
use std::cell::Cell;
use std::collections::BTreeMap;
use tch::{Tensor, nn};

/// What a [`LightGenerator`] consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LightConfig {
    /// First width; the residual blocks are four times as wide.
    pub width: i64,
    /// Residual blocks.
    pub blocks: i64,
    /// Channels of input and output.
    pub channels: i64,
    /// Normalisation after each convolution but the last.
    pub norm: NormType,
    /// How the image is made of the last convolution's output.
    pub output: Output,
}

impl LightConfig {
    /// Whether a network can be built like this.
    ///
    /// # Errors
    /// [`NetworkError::Setting`] for a width or a number of channels below 1, or a negative number of blocks.
    pub fn check(&self) -> Result<(), NetworkError> {
        positive("width", self.width)?;
        positive("channels", self.channels)?;
        if self.blocks < 0 {
            return Err(NetworkError::Setting { setting: "blocks", value: self.blocks, expected: "at least 0" });
        }
        Ok(())
    }
}

/// A 3×3 convolution over a mirrored border, and its norm.
#[derive(Debug)]
pub(crate) struct Unit {
    conv: nn::Conv2D,
    norm: Norm,
}

impl Unit {
    /// `[B, cin, H, W]` to `[B, cout, H/stride, W/stride]`.
    pub fn new(path: &nn::Path, (cin, cout): (i64, i64), stride: i64, norm: NormType) -> Self {
        let config = nn::ConvConfig { stride, ..Default::default() };
        Self { conv: nn::conv2d(path / "conv", cin, cout, 3, config), norm: Norm::new(&(path / "norm"), cout, norm) }
    }

    /// The norm of the convolution.
    pub fn forward(&self, x: &Tensor, training: bool) -> Tensor {
        self.norm.forward(&x.reflection_pad2d([1; 4]).apply(&self.conv), training)
    }

    /// The same, rectified.
    pub fn rectified(&self, x: &Tensor, training: bool) -> Tensor {
        self.forward(x, training).relu_()
    }
}

/// Residual block `x + unit(relu(unit(x)))`. Keys `first.*`, `second.*`, each with `conv` and `norm`.
#[derive(Debug)]
pub(crate) struct ResidualBlock {
    first: Unit,
    second: Unit,
}

impl ResidualBlock {
    /// Shapes are kept.
    pub fn new(path: &nn::Path, channels: i64, norm: NormType) -> Self {
        let unit = |name| Unit::new(&(path / name), (channels, channels), 1, norm);
        Self { first: unit("first"), second: unit("second") }
    }

    /// `[B, channels, H, W]`, shape kept.
    pub fn forward(&self, x: &Tensor, training: bool) -> Tensor {
        self.second.forward(&self.first.rectified(x, training), training) + x
    }
}

/// `x` by a 1×1 convolution, doubled by nearest neighbours to the size of `bridge`, which is added.
pub(crate) fn doubled_onto(bridge: &Tensor, x: &Tensor, narrow: &nn::Conv2D) -> Tensor {
    let size = bridge.size();
    x.apply(narrow).upsample_nearest2d([size[2], size[3]], None, None) + bridge
}

/// A doubling: 1×1 convolution, nearest neighbours, the bridge's map added, and a [`Unit`].
#[derive(Debug)]
struct Doubling {
    narrow: nn::Conv2D,
    unit: Unit,
}

impl Doubling {
    fn forward(&self, x: &Tensor, bridge: &Tensor, training: bool) -> Tensor {
        self.unit.rectified(&doubled_onto(bridge, x, &self.narrow), training)
    }
}

/// Multiplies the second convolutions of all residual blocks of fresh weights by 0.2. The norm that follows each takes this out of
/// what they compute; under Adam, whose steps have the size of the rate, these weights turn faster at first.
pub(crate) fn soften_blocks(state: &BTreeMap<String, Tensor>) {
    for (_, weight) in state.iter().filter(|(key, _)| key.ends_with(".second.conv.weight")) {
        let _ = tch::no_grad(|| weight.shallow_clone().g_mul_scalar_(0.2));
    }
}

/// Two halvings, residual blocks, two doublings that the encoder's maps are added to, and the output.
///
/// Layers: 0 is the image, 1 the first convolution's map (width), 2 and 3 those after the halvings (twice and four times as
/// wide), all rectified, and then one for each residual block. The decoder cannot be tapped. Keys `down.{0,1,2}`,
/// `blocks.{i}.{first,second}`, `up.{0,1}`, each with `conv` and `norm`, `up.{0,1}.narrow`, `output`, and
/// `colours` of an output that changes them.
#[derive(Debug)]
pub struct LightGenerator {
    config: LightConfig,
    down: [Unit; 3],
    blocks: Vec<ResidualBlock>,
    up: [Doubling; 2],
    output: nn::Conv2D,
    colours: Option<Colours>,
    training: Cell<bool>,
}

/// Layers before the residual blocks.
const ENCODER: usize = 4;

impl LightGenerator {
    /// Parameters start with torch's defaults; draw them by [`crate::InitType::Kaiming`], then call
    /// [`LightGenerator::soften`].
    pub fn new(path: &nn::Path, config: &LightConfig) -> Self {
        config.output.mark(path);
        let (width, norm) = (config.width, config.norm);
        let down = path / "down";
        let unit = |i: i64, cin, cout, stride| Unit::new(&(&down / i), (cin, cout), stride, norm);
        let down = [unit(0, config.channels, width, 1), unit(1, width, 2 * width, 2), unit(2, 2 * width, 4 * width, 2)];
        let wide = 4 * width;
        let block = |i: i64| ResidualBlock::new(&(path / "blocks" / i), wide, norm);
        let up = [(0i64, wide), (1, 2 * width)].map(|(i, cin)| {
            let (path, cout) = (&(path / "up" / i), cin / 2);
            let narrow = nn::conv2d(path / "narrow", cin, cout, 1, Default::default());
            Doubling { narrow, unit: Unit::new(path, (cout, cout), 1, norm) }
        });
        let channels = config.output.channels(config.channels);
        Self {
            config: config.clone(),
            down,
            blocks: (0..config.blocks).map(block).collect(),
            up,
            output: nn::conv2d(path / "output", width, channels, 3, Default::default()),
            colours: config.output.colours(path, wide, config.channels),
            training: Cell::new(true),
        }
    }

    /// Makes fresh weights of the state dict start mildly: the convolutions of the output and of colours are multiplied by 0.1, the
    /// mask of [`Output::Affine`] starts nearly closed, and the second convolutions of residual blocks are multiplied by 0.2.
    pub fn soften(state: &BTreeMap<String, Tensor>) {
        soften_blocks(state);
        soften(state, "output");
    }

    /// Layer `index` from the one before.
    fn layer(&self, index: usize, h: Tensor) -> Tensor {
        let training = self.training.get();
        match index {
            0 => h,
            1..ENCODER => self.down[index - 1].rectified(&h, training),
            _ => self.blocks[index - ENCODER].forward(&h, training),
        }
    }

    fn layers(&self) -> usize {
        ENCODER + self.blocks.len()
    }
}

impl TappedGenerator for LightGenerator {
    fn forward_tapped(&self, x: &Tensor, layers: &[i64]) -> (Tensor, Vec<Tensor>) {
        let asked = positions(layers, self.layers());
        let bridges = [1, 2];
        let taps: Vec<usize> = asked.iter().copied().chain(bridges).collect();
        let (h, mut kept) = run(x, self.layers(), &taps, |index, h| self.layer(index, h));
        let maps = kept.split_off(asked.len());
        let training = self.training.get();
        let recoloured = self.colours.as_ref().map(|colours| colours.recolour(&h, x));
        let h = self.up[0].forward(&h, &maps[1], training);
        let h = self.up[1].forward(&h, &maps[0], training);
        let o = h.reflection_pad2d([1; 4]).apply(&self.output);
        (self.config.output.apply(&o, recoloured.as_ref().unwrap_or(x)), kept)
    }

    fn encode(&self, x: &Tensor, layers: &[i64]) -> Vec<Tensor> {
        let taps = positions(layers, self.layers());
        let end = taps.iter().max().map_or(0, |last| last + 1);
        run(x, end, &taps, |index, h| self.layer(index, h)).1
    }

    fn tap_shapes(&self, height: i64, width: i64, layers: &[i64]) -> Result<Vec<(i64, i64, i64)>, NetworkError> {
        // The mirrored border at the blocks needs two positions.
        if [height, width].iter().any(|side| side % self.stride() != 0 || *side < 2 * self.stride()) {
            return Err(NetworkError::Size { height, width, expected: "multiples of 4 and at least 8".to_owned() });
        }
        let shape = |at: usize| {
            let (channels, halvings) = match at {
                0 => (self.config.channels, 0),
                1 => (self.config.width, 0),
                2 => (2 * self.config.width, 1),
                _ => (4 * self.config.width, 2),
            };
            (channels, height >> halvings, width >> halvings)
        };
        layers.iter().map(|&layer| position(layer, self.layers()).map(shape)).collect()
    }

    fn stride(&self) -> i64 {
        4
    }

    fn set_training(&self, training: bool) {
        self.training.set(training);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InitType, Net};
    use tch::{Device, Kind};

    fn config(output: Output) -> LightConfig {
        LightConfig { width: 4, blocks: 2, channels: 3, norm: NormType::Pixel, output }
    }

    fn net(output: Output) -> Net<LightGenerator> {
        config(output).check().unwrap();
        let net = Net::new(Device::Cpu, |p| LightGenerator::new(p, &config(output)));
        InitType::Kaiming.apply(&net.state());
        LightGenerator::soften(&net.state());
        net
    }

    fn same(a: &Tensor, b: &Tensor) -> bool {
        a.size() == b.size() && (a - b).abs().max().double_value(&[]) == 0.0
    }

    #[test]
    fn every_way_of_listening_hears_the_same() {
        for output in [Output::Tanh, Output::Residual, Output::Gated, Output::Affine] {
            let net = net(output);
            let x = Tensor::rand([2, 3, 16, 12], (Kind::Float, Device::Cpu));
            let all: Vec<i64> = (0..6).collect();
            let (image, taps) = net.forward_tapped(&x, &all);
            assert!(same(&image, &net.forward(&x)) && image.size() == x.size() && same(&taps[0], &x));
            for ((layer, tap), (c, h, w)) in all.iter().zip(&taps).zip(net.tap_shapes(16, 12, &all).unwrap()) {
                assert_eq!(tap.size(), [2, c, h, w], "layer {layer}");
                assert!(same(tap, &net.encode(&x, &[*layer])[0]), "layer {layer}");
            }
            let last = net.tap_shapes(16, 12, &[-1, 6]).unwrap_err();
            assert_eq!(last, NetworkError::Layer { layer: 6, last: 5 });
        }
    }

    #[test]
    fn it_starts_near_the_identity() {
        for output in [Output::Residual, Output::Affine] {
            tch::manual_seed(3);
            let net = net(output);
            let x = Tensor::rand([1, 3, 32, 32], (Kind::Float, Device::Cpu)) - 0.5;
            let change = || (net.forward(&x) - &x).abs().mean(Kind::Float).double_value(&[]);
            let soft = change();
            InitType::Kaiming.apply(&net.state());
            let hard = change();
            assert!(soft > 0.0 && soft < hard / 2.0, "{output:?}: {soft} {hard}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let net = net(Output::Gated);
        for (height, width) in [(4, 8), (8, 10), (0, 8)] {
            assert!(matches!(net.tap_shapes(height, width, &[]), Err(NetworkError::Size { .. })), "{height} {width}");
        }
        assert_eq!(net.forward(&Tensor::zeros([1, 3, 8, 12], (Kind::Float, Device::Cpu))).size(), [1, 3, 8, 12]);
        let zero = LightConfig { width: 0, ..config(Output::Tanh) };
        assert!(matches!(zero.check(), Err(NetworkError::Setting { setting: "width", value: 0, .. })));
    }

    #[test]
    fn gradients_reach_every_parameter() {
        let net = net(Output::Affine);
        let x = Tensor::rand([1, 3, 16, 16], (Kind::Float, Device::Cpu));
        let gradient = crate::flat_gradients(&net.forward(&x).square().sum(Kind::Float), &[net.parameters().collect()]);
        for (key, of) in net.split(&gradient[0]) {
            assert!(of.abs().max().double_value(&[]) > 0.0, "{key}");
        }
    }
}
