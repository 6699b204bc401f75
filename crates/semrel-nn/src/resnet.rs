//! The residual generator of CycleGAN and CUT (`resnet_9blocks`).
//!
//! Johnson et al., "Perceptual Losses for Real-Time Style Transfer", ECCV 2016; anti-aliased resampling as in Zhang,
//! "Making Convolutional Networks Shift-Invariant Again", ICML 2019.
//!
//! With the published arithmetic a pass forwards and backwards at 256 × 256 and the published width takes 2.2 s on two cores of
//! an AMD EPYC (Zen 4): 93 % in convolutions (at 220 GFLOP/s), 4 % in norms and rectifiers, 2 % in blurs, 1 % in mirrored
//! borders. Passes with a graph compute the residual blocks' convolutions by Winograd's F(2×2, 3×3), which saves 0.28 s and
//! rounds as finely; everything else, and all of a pass without a graph, is the published arithmetic, operation by operation.
//! Left out because they round differently, with what they would save: group norm in place of instance norm, 0.05 s; channels
//! last with batch norm of single images, 0.15 s, but its sums over positions err by 1e-5 instead of 7e-7.

use crate::NetworkError;
use crate::chain::{Chain, delegate_to_chain};
use crate::doubling::Doubling;
use crate::error::positive;
use crate::layers::NormType;
use crate::output::Output;
use crate::sequential::{Module, Sequential};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::nn;

/// What a [`ResnetGenerator`] consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResnetConfig {
    /// First width (`ngf`); the residual blocks are four times as wide.
    pub width: i64,
    /// Residual blocks.
    pub blocks: i64,
    /// Channels of the input.
    pub in_channels: i64,
    /// Channels of the output.
    pub out_channels: i64,
    /// Normalisation. Convolutions before a norm have a bias with instance norm only.
    pub norm: NormType,
    /// Halve by blur; otherwise by strided convolutions.
    pub antialias: bool,
    /// Double by blur; otherwise by transposed convolutions.
    pub antialias_up: bool,
    /// Dropout of one half inside the residual blocks.
    pub dropout: bool,
    /// Whether the dropout has a number among a block's modules also where there is none.
    pub dropout_numbered: bool,
    /// Whether inputs are clamped to [−1, 1] first.
    pub clamp: bool,
    /// How the image is made of the last convolution's output.
    #[serde(default)]
    pub output: Output,
    /// Borders of the convolutions.
    #[serde(default)]
    pub border: Border,
    /// How transposed convolutions double, where there are any: without `antialias_up`.
    #[serde(default)]
    pub doubling: Doubling,
}

/// Borders of the convolutions that keep the sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Border {
    /// Mirrored, by modules of their own.
    #[default]
    Reflect,
    /// Zeros, by the convolutions themselves: layers have smaller numbers.
    Zero,
}

impl ResnetConfig {
    /// The published generator of every unpaired row: width 64, 9 blocks, instance norm, blur resampling, no dropout.
    pub fn cut() -> Self {
        Self {
            width: 64,
            blocks: 9,
            in_channels: 3,
            out_channels: 3,
            norm: NormType::Instance,
            antialias: true,
            antialias_up: true,
            dropout: false,
            dropout_numbered: false,
            clamp: false,
            output: Output::Tanh,
            border: Border::Reflect,
            doubling: Doubling::Transposed,
        }
    }

    /// The published generator of GcGAN: strided and transposed convolutions.
    pub fn gcgan() -> Self {
        Self { antialias: false, antialias_up: false, ..Self::cut() }
    }

    /// The published generator of DistanceGAN: borders of zeros, and norms with scale and shift, too.
    pub fn distancegan() -> Self {
        Self { norm: NormType::InstanceAffine, border: Border::Zero, ..Self::gcgan() }
    }

    /// The published teacher of the compression experiment: strided and transposed convolutions in place of blurs, so that
    /// layers carry the numbers of [`crate::mobile_resnet`]; the input is clamped; a block's second convolution is module 6.
    pub fn compression_teacher() -> Self {
        Self { antialias: false, antialias_up: false, dropout_numbered: true, clamp: true, ..Self::cut() }
    }

    /// Whether a network can be built like this.
    ///
    /// # Errors
    /// [`NetworkError::Setting`] for a width or a number of channels below 1, or a negative number of blocks.
    pub fn check(&self) -> Result<(), NetworkError> {
        positive("width", self.width)?;
        positive("in_channels", self.in_channels)?;
        positive("out_channels", self.out_channels)?;
        if self.blocks < 0 {
            return Err(NetworkError::Setting { setting: "blocks", value: self.blocks, expected: "at least 0" });
        }
        Ok(())
    }
}

/// Residual generator: two halvings, residual blocks, two doublings, tanh. Keys `model.{index}.*`.
///
/// Layers are the positions in `model`; for the published network 0 is the mirrored border, 4 and 8 are the convolutions
/// before the halvings (raw, before their norm), 12 to 20 the residual blocks and 31 the tanh; with another output the last
/// layer is the convolution that the image is made of. The rectifiers work in place,
/// so the recorded output of a norm comes with the rectifier applied, in every method alike.
#[derive(Debug)]
pub struct ResnetGenerator(Chain);

/// Halvings, and doublings.
const LEVELS: i64 = Chain::LEVELS;

impl ResnetGenerator {
    /// Parameters start with torch's defaults; the published code draws them by [`crate::InitType::CUT`].
    pub fn new(path: &nn::Path, config: &ResnetConfig) -> Self {
        config.norm.mark(path);
        config.output.mark(path);
        if !config.antialias_up {
            config.doubling.mark(path);
        }
        let (path, bias) = (&(path / "model"), config.norm.conv_bias());
        let mut model = Sequential::default();
        bordered(&mut model, path, (config.in_channels, config.width), 7, config.border, bias);
        norm_relu(&mut model, path, config.width, config.norm);
        for level in 0..LEVELS {
            let (cin, cout) = (config.width << level, config.width << (level + 1));
            let stride = if config.antialias { 1 } else { 2 };
            model.conv(path, (cin, cout), (3, stride, 1), bias);
            norm_relu(&mut model, path, cout, config.norm);
            if config.antialias {
                model.down(path, cout);
            }
        }
        for _ in 0..config.blocks {
            let block = residual(&(path / model.len()), config.width << LEVELS, config);
            model.push(Module::Residual(block));
        }
        for level in (0..LEVELS).rev() {
            let (cin, cout) = (config.width << (level + 1), config.width << level);
            if config.antialias_up {
                model.up(path, cin);
                model.conv(path, (cin, cout), (3, 1, 1), bias);
            } else {
                model.conv_double(path, (cin, cout), bias, config.doubling);
            }
            norm_relu(&mut model, path, cout, config.norm);
        }
        let channels = (config.width, config.output.channels(config.out_channels));
        bordered(&mut model, path, channels, 7, config.border, true);
        if config.output == Output::Tanh {
            model.push(Module::Tanh);
        }
        Self(Chain::new(model, config.in_channels, config.clamp).with_output(config.output))
    }

    /// The network with every operation as published, where it otherwise takes faster equal ones: for comparisons of speed.
    pub fn with_published_arithmetic(self) -> Self {
        Self(self.0.with_published_arithmetic())
    }

    /// The network with the gradients of [`TappedGenerator::encode`](crate::TappedGenerator::encode) that PyTorch's CPU build
    /// computes: it misreads the memory of gradients that enter instance norm with channels last. Only for comparing with
    /// reference numbers from that build, of batches of one image: feature `testing`.
    #[cfg(any(test, feature = "testing"))]
    pub fn with_misread_gradients(self) -> Self {
        Self(self.0.with_misread_gradients())
    }

    /// Multiply-accumulates of one image by the rule of [`crate::channels::Channels::macs`]; affine norms add one per
    /// element, blurs count as convolutions.
    ///
    /// # Errors
    /// [`NetworkError::Size`] where the sides do not fit.
    pub fn macs(&self, height: i64, width: i64) -> Result<u64, NetworkError> {
        self.0.macs(height, width)
    }
}

delegate_to_chain!(ResnetGenerator);

/// A convolution that keeps the sides.
fn bordered(model: &mut Sequential, path: &nn::Path, channels: (i64, i64), kernel: i64, border: Border, bias: bool) {
    let by = kernel / 2;
    match border {
        Border::Reflect => {
            model.push(Module::ReflectPad(by));
            model.conv(path, channels, (kernel, 1, 0), bias);
        }
        Border::Zero => model.conv(path, channels, (kernel, 1, by), bias),
    }
}

fn norm_relu(model: &mut Sequential, path: &nn::Path, channels: i64, norm: NormType) {
    model.norm(path, channels, norm);
    model.push(Module::Relu);
}

/// `conv_block` of a residual block: border, convolution, norm, rectifier, perhaps dropout, border, convolution, norm.
fn residual(path: &nn::Path, channels: i64, config: &ResnetConfig) -> Sequential {
    let (path, bias) = (&(path / "conv_block"), config.norm.conv_bias());
    let mut block = Sequential::default();
    bordered(&mut block, path, (channels, channels), 3, config.border, bias);
    norm_relu(&mut block, path, channels, config.norm);
    if config.dropout {
        block.push(Module::Dropout);
    } else if config.dropout_numbered {
        block.push(Module::Identity);
    }
    bordered(&mut block, path, (channels, channels), 3, config.border, bias);
    block.norm(path, channels, config.norm);
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Net, TappedGenerator};
    use tch::{Device, Kind, Tensor};

    const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);
    const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);

    fn small() -> ResnetConfig {
        ResnetConfig { width: 4, blocks: 2, ..ResnetConfig::cut() }
    }

    fn net(config: &ResnetConfig) -> Net<ResnetGenerator> {
        config.check().unwrap();
        Net::new(Device::Cpu, |p| ResnetGenerator::new(p, config))
    }

    fn same(a: &Tensor, b: &Tensor) -> bool {
        a.size() == b.size() && (a - b).abs().max().double_value(&[]) == 0.0
    }

    #[test]
    fn the_published_network_has_its_size_and_taps() {
        let net = net(&ResnetConfig::cut());
        assert_eq!(net.numel(), 11_378_179);
        let shapes = net.tap_shapes(256, 256, &[0, 4, 8, 12, 16, 31, -1]).unwrap();
        let image = (3, 256, 256);
        let want = [(3, 262, 262), (128, 256, 256), (256, 128, 128), (256, 64, 64), (256, 64, 64), image, image];
        assert_eq!(shapes, want);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let net = net(&small());
        let last = net.0.len() as i64 - 1;
        for layer in [-2, last + 1] {
            assert_eq!(net.tap_shapes(8, 8, &[0, layer]), Err(NetworkError::Layer { layer, last }));
        }
        for (height, width) in [(4, 8), (8, 10), (0, 8), (-4, 8)] {
            assert!(matches!(net.tap_shapes(height, width, &[]), Err(NetworkError::Size { .. })), "{height} {width}");
        }
        assert_eq!(net.forward(&Tensor::zeros([1, 3, 8, 12], CPU)).size(), [1, 3, 8, 12]);
        let zero = ResnetConfig { width: 0, ..small() };
        assert!(matches!(zero.check(), Err(NetworkError::Setting { setting: "width", value: 0, .. })));
    }

    #[test]
    fn every_way_of_listening_hears_the_same() {
        for (norm, antialias) in [(NormType::Instance, true), (NormType::Instance, false), (NormType::None, false)] {
            let net = net(&ResnetConfig { norm, antialias, antialias_up: antialias, ..small() });
            let x = Tensor::rand([2, 3, 16, 12], CPU);
            let all: Vec<i64> = (0..net.0.len() as i64).collect();
            let (image, taps) = net.forward_tapped(&x, &all);
            assert!(same(&image, &net.forward(&x)) && same(&image, &taps[all.len() - 1]));
            let shapes = net.tap_shapes(16, 12, &all).unwrap();
            for ((layer, tap), (c, h, w)) in all.iter().zip(&taps).zip(shapes) {
                assert_eq!(tap.size(), [2, c, h, w], "layer {layer}");
                assert!(same(tap, &net.encode(&x, &[*layer])[0]), "layer {layer}, {norm:?}");
            }
            let listed = net.encode(&x, &[-1, 4, 4]);
            assert!(same(&listed[0], &image) && same(&listed[1], &taps[4]) && same(&listed[2], &taps[4]));
            // The rectifier after the norm works in place.
            assert!(same(&taps[2], &taps[3]) && taps[2].min().double_value(&[]) >= 0.0);
            assert!(net.encode(&x, &[]).is_empty());
        }
    }

    #[test]
    fn dropout_moves_the_second_convolution_and_drops_in_training_only() {
        let net = net(&ResnetConfig { dropout: true, ..small() });
        assert!(net.state().contains_key("model.12.conv_block.6.weight"));
        let x = Tensor::rand([1, 3, 8, 8], CPU);
        assert!(!same(&net.forward(&x), &net.forward(&x)));
        net.set_training(false);
        assert!(same(&net.forward(&x), &net.forward(&x)));
    }

    #[test]
    fn the_compression_teacher_has_its_keys_taps_and_cost() {
        let config = ResnetConfig::compression_teacher();
        let net = net(&config);
        assert_eq!((net.numel(), net.macs(256, 256)), (11_378_179, Ok(56_799_264_768)));
        assert!(net.state().contains_key("model.18.conv_block.6.weight") && net.state().contains_key("model.26.bias"));
        let shapes = net.tap_shapes(256, 256, &crate::distillation::TAPS).unwrap();
        assert_eq!(shapes, [(256, 64, 64); 4]);
        assert!(matches!(net.macs(254, 256), Err(NetworkError::Size { .. })));
        let narrow = self::net(&ResnetConfig { width: 4, ..config });
        let x = Tensor::randn([1, 3, 16, 16], CPU) * 3.0;
        assert!(same(&narrow.forward(&x), &narrow.forward(&x.clamp(-1.0, 1.0))));
        assert!(same(&narrow.encode(&x, &[0])[0], &x.clamp(-1.0, 1.0).reflection_pad2d([3; 4])));
    }

    #[test]
    fn other_norms_drop_the_bias_before_them() {
        for norm in [NormType::Batch, NormType::None] {
            let state = net(&ResnetConfig { norm, ..small() }).state();
            let biases: Vec<&str> = state.keys().filter_map(|k| k.strip_suffix(".bias")).collect();
            let convolutions: Vec<_> =
                biases.iter().filter(|layer| state[&format!("{layer}.weight")].dim() == 4).collect();
            assert_eq!(convolutions, [&"model.23"], "{norm:?}");
        }
    }

    #[test]
    fn a_boxed_generator_serves_as_well() {
        let boxed =
            Net::new(Device::Cpu, |p| -> Box<dyn TappedGenerator> { Box::new(ResnetGenerator::new(p, &small())) });
        assert_eq!(boxed.forward(&Tensor::zeros([1, 3, 8, 8], CPU)).size(), [1, 3, 8, 8]);
    }

    /// Gradient of the image when patches of layer `layer` are picked from a map with channels first, or last.
    fn patch_gradient(net: &Net<ResnetGenerator>, layer: i64, channels_last: bool) -> Tensor {
        // No random numbers: other tests draw from the same generator.
        let wave = |n: usize, step: f64| (Tensor::arange(n as i64, DOUBLE) * step).sin();
        let image = wave(768, 0.7).view([1, 3, 16, 16]).set_requires_grad(true);
        let map = net.encode(&image, &[layer]).remove(0);
        let rows =
            if channels_last { map.permute([0, 2, 3, 1]).flatten(1, 2) } else { map.flatten(2, 3).transpose(1, 2) };
        let loss = (&rows * wave(rows.numel(), 1.3).view(rows.size().as_slice())).sum(Kind::Double);
        Tensor::run_backward(&[loss], &[&image], false, false).remove(0)
    }

    #[test]
    fn gradients_do_not_depend_on_how_patches_are_picked() {
        for (antialias, layers) in [(true, vec![4, 8, 12, 13]), (false, vec![4, 8, 9, 10, 11])] {
            let net = net(&ResnetConfig { antialias, ..small() }).into_kind(Kind::Double);
            for layer in layers {
                let difference = patch_gradient(&net, layer, true) - patch_gradient(&net, layer, false);
                let largest = difference.abs().max().double_value(&[]);
                assert!(largest < 1e-9, "layer {layer}, antialias {antialias}: {largest}");
            }
        }
    }

    #[test]
    fn misread_gradients_are_others_from_the_first_block_on() {
        // Weights by rule: other tests draw from the same generator, and some weights bring the difference below the limit.
        let filled = |net: Net<ResnetGenerator>| {
            let net = net.into_kind(Kind::Double);
            let flat = net.flat();
            tch::no_grad(|| flat.shallow_clone().copy_(&(Tensor::arange(flat.numel() as i64, DOUBLE) * 0.9).sin()));
            net
        };
        let plain = filled(net(&small()));
        let misreading = filled(Net::new(Device::Cpu, |p| ResnetGenerator::new(p, &small()).with_misread_gradients()));
        let [plain, misread] = [plain, misreading].map(|net| [8, 12].map(|layer| patch_gradient(&net, layer, false)));
        let differ = |i: usize| (&plain[i] - &misread[i]).abs().max().double_value(&[]) > 1e-3;
        assert!(!differ(0) && differ(1));
    }
}
