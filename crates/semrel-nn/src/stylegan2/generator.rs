//! Generator of single-image translation.

use super::layers::{ConvLayer, ResBlock, StyledUp};
use super::{check_resolution, width_at};
use crate::NetworkError;
use crate::error::positive;
use crate::generator::{TappedGenerator, position, positions, run};
use serde::{Deserialize, Serialize};
use tch::{Tensor, nn};

/// What a [`Generator`] consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratorConfig {
    /// Width setting (`ngf`): 32 gives StyleGAN2's widths.
    pub width: i64,
    /// Resolution that sets the widths, a power of two ([`super::resolution`]); the network takes other images too.
    pub resolution: i64,
    /// Halvings, and doublings.
    pub downsamplings: i64,
    /// Residual blocks at the lowest resolution, half of them in the encoder and half in the decoder.
    pub blocks: i64,
}

impl GeneratorConfig {
    /// SinCUT: width 10, crops of 64, one halving, 6 blocks.
    pub fn sincut() -> Self {
        Self { width: 10, resolution: 64, downsamplings: 1, blocks: 6 }
    }

    /// Whether a network can be built like this.
    ///
    /// # Errors
    /// [`NetworkError::Setting`] for widths below 1, a resolution that is not a power of two, more halvings than lead to
    /// 4 × 4, or a negative number of halvings or blocks.
    pub fn check(&self) -> Result<(), NetworkError> {
        positive("width", self.width)?;
        check_resolution(self.resolution)?;
        let most = i64::from(self.resolution.trailing_zeros()) - 2;
        if !(0..=most).contains(&self.downsamplings) {
            let expected = "0 up to as many as lead to 4 × 4";
            return Err(NetworkError::Setting { setting: "downsamplings", value: self.downsamplings, expected });
        }
        if self.blocks < 0 {
            return Err(NetworkError::Setting { setting: "blocks", value: self.blocks, expected: "at least 0" });
        }
        positive("width at the full resolution", self.width_after(0))
    }

    fn width_after(&self, halvings: i64) -> i64 {
        width_at(self.resolution >> halvings, self.width as f64 / 32.0, f64::round_ties_even, 512)
    }
}

#[derive(Debug)]
enum EncoderLayer {
    Identity,
    Conv(ConvLayer),
    Block(ResBlock),
}

impl EncoderLayer {
    fn forward(&self, x: Tensor) -> Tensor {
        match self {
            Self::Identity => x,
            Self::Conv(conv) => conv.forward(&x),
            Self::Block(block) => block.forward(&x),
        }
    }
}

/// Generator with an encoder that halves and a decoder that doubles; it ends in a leaky rectifier, not in a tanh.
/// Keys `encoder.convs.*`, `decoder.convs.*`.
///
/// Layers are those of the encoder: 0 the image itself, 1 the first convolution, then halvings and residual blocks. The
/// noise of the doublings comes from torch's generator; [`Generator::forward_with_noise`] takes it from outside.
#[derive(Debug)]
pub struct Generator {
    encoder: Vec<EncoderLayer>,
    blocks: Vec<ResBlock>,
    doublings: Vec<StyledUp>,
    to_image: ConvLayer,
}

impl Generator {
    /// Colour images in and out. Weights are drawn from N(0, 1), in the order of the layers; the rest starts at 0.
    pub fn new(path: &nn::Path, config: &GeneratorConfig) -> Self {
        let width = |halvings: i64| config.width_after(halvings);
        let (lowest, half) = (width(config.downsamplings), config.blocks / 2);
        let convs = path / "encoder" / "convs";
        let mut encoder =
            vec![EncoderLayer::Identity, EncoderLayer::Conv(ConvLayer::new(&(&convs / 1), 3, width(0), 1))];
        for level in 0..config.downsamplings {
            let path = &convs / encoder.len();
            encoder.push(EncoderLayer::Block(ResBlock::halving(&path, width(level), width(level + 1))));
        }
        for _ in 0..half {
            encoder.push(EncoderLayer::Block(ResBlock::new(&(&convs / encoder.len()), lowest)));
        }
        let convs = path / "decoder" / "convs";
        let blocks = (0..half).map(|i| ResBlock::new(&(&convs / i), lowest)).collect();
        let doublings = (0..config.downsamplings)
            .map(|i| {
                let level = config.downsamplings - i;
                StyledUp::new(&(&convs / (half + i)), width(level), width(level - 1))
            })
            .collect();
        let to_image = ConvLayer::new(&(&convs / (half + config.downsamplings)), width(0), 3, 1);
        Self { encoder, blocks, doublings, to_image }
    }

    /// G(x) with the noise of each doubling given, `[B, 1, H, W]` at the sides after that doubling.
    pub fn forward_with_noise(&self, x: &Tensor, noise: &[Tensor]) -> Tensor {
        assert_eq!(noise.len(), self.doublings.len(), "one noise map a doubling");
        let h = self.encoder_pass(x, self.encoder.len(), &[]).0;
        self.decode(h, |level, _| noise[level].shallow_clone())
    }

    fn encoder_pass(&self, x: &Tensor, end: usize, taps: &[usize]) -> (Tensor, Vec<Tensor>) {
        run(x, end, taps, |index, h| self.encoder[index].forward(h))
    }

    fn decode(&self, h: Tensor, noise: impl Fn(usize, &[i64]) -> Tensor) -> Tensor {
        let mut h = self.blocks.iter().fold(h, |h, block| block.forward(&h));
        for (level, doubling) in self.doublings.iter().enumerate() {
            let size = h.size();
            h = doubling.forward(&h, &noise(level, &[size[0], 1, 2 * size[2], 2 * size[3]]));
        }
        self.to_image.forward(&h)
    }
}

impl TappedGenerator for Generator {
    fn forward_tapped(&self, x: &Tensor, layers: &[i64]) -> (Tensor, Vec<Tensor>) {
        let taps = positions(layers, self.encoder.len());
        let (h, features) = self.encoder_pass(x, self.encoder.len(), &taps);
        let options = (x.kind(), x.device());
        (self.decode(h, |_, size| Tensor::randn(size, options)), features)
    }

    fn encode(&self, x: &Tensor, layers: &[i64]) -> Vec<Tensor> {
        let taps = positions(layers, self.encoder.len());
        self.encoder_pass(x, taps.iter().max().map_or(0, |last| last + 1), &taps).1
    }

    fn tap_shapes(&self, height: i64, width: i64, layers: &[i64]) -> Result<Vec<(i64, i64, i64)>, NetworkError> {
        let stride = self.stride();
        if [height, width].iter().any(|side| *side < 1 || side % stride != 0) {
            return Err(NetworkError::Size { height, width, expected: format!("positive multiples of {stride}") });
        }
        let shapes: Vec<_> = self
            .encoder
            .iter()
            .scan((3, height, width), |shape, layer| {
                let (_, h, w) = *shape;
                *shape = match layer {
                    EncoderLayer::Identity => *shape,
                    EncoderLayer::Conv(conv) => (conv.width(), h, w),
                    EncoderLayer::Block(block) if block.halves() => (block.width(), h / 2, w / 2),
                    EncoderLayer::Block(block) => (block.width(), h, w),
                };
                Some(*shape)
            })
            .collect();
        layers.iter().map(|&layer| position(layer, shapes.len()).map(|at| shapes[at])).collect()
    }

    fn stride(&self) -> i64 {
        1 << self.doublings.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Net;
    use tch::{Device, Kind};

    const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

    fn net(config: &GeneratorConfig) -> Net<Generator> {
        config.check().unwrap();
        Net::new(Device::Cpu, |p| Generator::new(p, config))
    }

    #[test]
    fn the_published_network_has_its_size_and_taps() {
        let net = net(&GeneratorConfig::sincut());
        assert_eq!(net.numel(), 3_068_404);
        let shapes = net.tap_shapes(64, 32, &[0, 2, 4, -1]).unwrap();
        assert_eq!(shapes, [(3, 64, 32), (160, 32, 16), (160, 32, 16), (160, 32, 16)]);
    }

    #[test]
    fn two_halvings_give_back_the_sides_and_the_foretold_taps() {
        let net = net(&GeneratorConfig { width: 1, resolution: 16, downsamplings: 2, blocks: 2 });
        let x = Tensor::randn([2, 3, 8, 4], CPU);
        let all = [0, 1, 2, 3, 4];
        let (image, taps) = net.forward_tapped(&x, &all);
        assert_eq!(image.size(), x.size());
        let encoded = net.encode(&x, &all);
        for ((tap, alone), (c, h, w)) in taps.iter().zip(encoded).zip(net.tap_shapes(8, 4, &all).unwrap()) {
            assert_eq!(tap.size(), [2, c, h, w]);
            assert!((tap - alone).abs().max().double_value(&[]) == 0.0);
        }
        assert!(matches!(net.tap_shapes(8, 6, &[]), Err(NetworkError::Size { .. })));
        assert_eq!(net.tap_shapes(8, 8, &[5]), Err(NetworkError::Layer { layer: 5, last: 4 }));
    }

    #[test]
    fn noise_counts_as_its_weight_says() {
        let net = net(&GeneratorConfig { width: 1, resolution: 8, downsamplings: 1, blocks: 0 });
        let x = Tensor::randn([1, 3, 8, 8], CPU);
        let noise = |fill: f64| [Tensor::full([1, 1, 8, 8], fill, CPU)];
        let moved = || {
            let difference = net.forward_with_noise(&x, &noise(1.0)) - net.forward_with_noise(&x, &noise(0.0));
            difference.abs().max().double_value(&[])
        };
        assert_eq!(moved(), 0.0);
        let _ = tch::no_grad(|| net.state()["decoder.convs.0.noise.weight"].shallow_clone().fill_(0.5));
        assert!(moved() > 0.0);
    }

    #[test]
    fn settings_without_meaning_are_refused() {
        let sincut = GeneratorConfig::sincut();
        for (config, name) in [
            (GeneratorConfig { downsamplings: 5, ..sincut.clone() }, "downsamplings"),
            (GeneratorConfig { resolution: 65, ..sincut.clone() }, "resolution"),
            (GeneratorConfig { blocks: -1, ..sincut }, "blocks"),
        ] {
            assert!(matches!(config.check(), Err(NetworkError::Setting { setting, .. }) if setting == name));
        }
    }
}
