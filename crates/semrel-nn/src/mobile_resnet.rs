//! The generators with separable residual blocks: the mobile one, its once-for-all form and its stand-alone sub-networks.
//!
//! Li et al., "GAN Compression: Efficient Architectures for Interactive Conditional GANs", CVPR 2020, and the code of "Fast GAN
//! Compression". All hold one row of 28 modules, `model.0` to `model.27`, so the same key means the same layer in each, and
//! in the teacher ([`crate::resnet::ResnetConfig::compression_teacher`]):
//!
//! | module | layer |
//! |---|---|
//! | 0, 1 | mirrored border of 3, 7×7 convolution |
//! | 4, 7 | 3×3 convolutions of stride 2 |
//! | 10 … 18 | residual blocks `x + f(x)`, `f` two separable convolutions (`conv_block.1`, `conv_block.6`) with mirrored borders |
//! | 19, 22 | transposed 3×3 convolutions of stride 2, published or [smooth](crate::Doubling) |
//! | 25, 26, 27 | mirrored border of 3, 7×7 convolution, tanh |
//!
//! Norm and rectifier follow modules 1, 4, 7, 19 and 22.
//!
//! | network | widths | input |
//! |---|---|---|
//! | [`MobileResnetGenerator`] | those of its base width | as it comes |
//! | [`SuperMobileResnet`] | those of its base width; a pass runs on leading slices | clamped to [−1, 1] |
//! | [`SubMobileResnet`] | those of a [`Channels`] | clamped to [−1, 1] |
//!
//! A pass at `16_16_32_16_16_64_16_24` and 256 × 256 takes 69 ms on one core of an AMD EPYC (Zen 4), by slices of the super-net
//! as by the stand-alone network: that a convolution copies slices that are not contiguous does not show. Norms are computed
//! as group norms and are a tenth of it; by instance norm's own kernel a pass takes 93 ms. Depth-wise convolutions are a tenth
//! too: channels last would halve them, but makes the backward pass of norms four times as slow.
//!
//! The elastic networks have instance norm (or [plain pixel norm](NormType::PixelPlain)), which owns no parameters and so fits any width. The published code base also has
//! a super batch norm for its SPADE generators, which is out of scope here.

mod export;
mod sub_net;
mod super_net;
mod transfer;
mod widths;

pub use export::export_subnet;
pub use sub_net::SubMobileResnet;
pub use super_net::SuperMobileResnet;
pub use transfer::{Transfer, transfer_by_importance};

use crate::NetworkError;
use crate::chain::{Chain, delegate_to_chain};
use crate::channels::Channels;
use crate::checkpoint::StateDict;
use crate::doubling::Doubling;
use crate::error::positive;
use crate::layers::{NormType, PIXEL_NORM};
use crate::output::Output;
use crate::sequential::{Module, Sequential};
use serde::{Deserialize, Serialize};
use tch::nn;
use widths::Widths;

/// What a [`MobileResnetGenerator`] or a [`SuperMobileResnet`] consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MobileConfig {
    /// First width (`ngf`); the trunk is four times as wide.
    pub width: i64,
    /// Residual blocks; 9 in elastic networks, in three groups.
    pub blocks: i64,
    /// Channels of the input.
    pub in_channels: i64,
    /// Channels of the output.
    pub out_channels: i64,
    /// Normalisation. Convolutions 1, 4, 7, 19 and 22 have a bias with instance and pixel norm only; separable convolutions
    /// always have biases, and an instance norm inside, or plain pixel norm where that is the network's.
    pub norm: NormType,
    /// How the image is made of the last convolution's output.
    #[serde(default)]
    pub output: Output,
    /// How transposed convolutions double.
    #[serde(default)]
    pub doubling: Doubling,
}

/// What a network's widths do not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    /// Normalisation.
    pub norm: NormType,
    /// How the image is made of the last convolution's output.
    pub output: Output,
    /// How transposed convolutions double.
    pub doubling: Doubling,
}

impl Variant {
    /// The variant of the network that a state dict belongs to: a teacher or student of nine blocks and a norm without parameters,
    /// whose images have three channels.
    pub fn of_state(state: &StateDict) -> Self {
        let norm = if state.contains_key(PIXEL_NORM) { NormType::PixelPlain } else { NormType::Instance };
        let output = Output::of_state(state, LAST_OF_NINE_BLOCKS, 3);
        Self { norm, output, doubling: Doubling::of_state(state) }
    }

    /// Registers what tells its weights from those of other variants.
    fn mark(self, root: &nn::Path) {
        self.norm.mark(root);
        self.output.mark(root);
        self.doubling.mark(root);
    }
}

impl Default for Variant {
    /// As published.
    fn default() -> Self {
        Self { norm: NormType::Instance, output: Output::Tanh, doubling: Doubling::Transposed }
    }
}

/// Key of the weight of the last convolution of a generator of nine blocks, teacher or student.
pub const LAST_OF_NINE_BLOCKS: &str = "model.26.weight";

impl MobileConfig {
    /// The published network of this base width (64 for Table 2): 9 blocks, instance norm, three channels in and out.
    pub fn published(width: i64) -> Self {
        Self {
            width,
            blocks: 9,
            in_channels: 3,
            out_channels: 3,
            norm: NormType::Instance,
            output: Output::Tanh,
            doubling: Doubling::Transposed,
        }
    }

    /// Whether a network can be built like this.
    ///
    /// # Errors
    /// [`NetworkError::Setting`] for a width or a number of channels that is not 1 to [`Channels::MOST`], or a negative
    /// number of blocks.
    pub fn check(&self) -> Result<(), NetworkError> {
        positive("width", self.width)?;
        positive("in_channels", self.in_channels)?;
        positive("out_channels", self.out_channels)?;
        if self.width > Channels::MOST {
            return Err(NetworkError::Setting { setting: "width", value: self.width, expected: "at most 65536" });
        }
        if self.blocks < 0 {
            return Err(NetworkError::Setting { setting: "blocks", value: self.blocks, expected: "at least 0" });
        }
        Ok(())
    }

    /// Whether an elastic network can be built like this.
    ///
    /// # Errors
    /// As [`MobileConfig::check`], and where there are not 9 blocks or the norm has parameters, which have a fixed width.
    pub fn check_elastic(&self) -> Result<(), NetworkError> {
        self.check()?;
        if self.blocks != 9 {
            return Err(NetworkError::Setting {
                setting: "blocks",
                value: self.blocks,
                expected: "9 in an elastic network",
            });
        }
        let value = match self.norm {
            NormType::Instance | NormType::PixelPlain | NormType::None => return Ok(()),
            NormType::InstanceAffine => "instance_affine",
            NormType::Batch => "batch",
            NormType::Pixel => "pixel",
        };
        let expected = "a norm without parameters in an elastic network (instance, pixel_plain) or none: others have a fixed width";
        Err(NetworkError::Choice { setting: "norm", value, expected })
    }

    /// What it is apart from its widths.
    pub fn variant(&self) -> Variant {
        Variant { norm: self.norm, output: self.output, doubling: self.doubling }
    }

    fn widths(&self) -> Widths {
        let c = Channels::full(self.width);
        Widths::of(&c, (self.in_channels, self.output.channels(self.out_channels)), self.blocks)
    }
}

/// The mobile generator (`mobile_resnet_9blocks`): `[B, in, H, W]` to `[B, out, H, W]` in [−1, 1], H and W multiples of 4.
///
/// The input is not clamped.
#[derive(Debug)]
pub struct MobileResnetGenerator(Chain);

impl MobileResnetGenerator {
    /// Parameters start with torch's defaults; the published code draws them by [`crate::InitType::COMPRESSION`]. Panics where
    /// [`MobileConfig::check`] fails.
    pub fn new(path: &nn::Path, config: &MobileConfig) -> Self {
        config.check().unwrap_or_else(|error| panic!("{error}"));
        Self(chain(path, &config.widths(), config.variant(), false))
    }

    /// Multiply-accumulates of one image by the rule of [`Channels::macs`]; affine norms add one per element.
    ///
    /// # Errors
    /// [`NetworkError::Size`] where the sides do not fit.
    pub fn macs(&self, height: i64, width: i64) -> Result<u64, NetworkError> {
        self.0.macs(height, width)
    }
}

delegate_to_chain!(MobileResnetGenerator);

/// The network of these widths.
fn chain(path: &nn::Path, widths: &Widths, variant: Variant, clamp: bool) -> Chain {
    variant.mark(path);
    let modules = modules(path, widths, variant);
    Chain::new(modules, widths.input, clamp).with_output(variant.output).with_group_norm()
}

/// The 28 modules (with 9 blocks) of these widths; with another output than tanh the last one is missing.
fn modules(path: &nn::Path, widths: &Widths, variant: Variant) -> Sequential {
    let norm = variant.norm;
    let (path, bias) = (&(path / "model"), norm.conv_bias());
    let mut model = Sequential::default();
    let norm_relu = |model: &mut Sequential, path: &nn::Path, channels: i64| {
        model.norm(path, channels, norm);
        model.push(Module::Relu);
    };
    model.push(Module::ReflectPad(3));
    model.conv(path, (widths.input, widths.stem), (7, 1, 0), bias);
    norm_relu(&mut model, path, widths.stem);
    for (cin, cout) in [(widths.stem, widths.half), (widths.half, widths.trunk)] {
        model.conv(path, (cin, cout), (3, 2, 1), bias);
        norm_relu(&mut model, path, cout);
    }
    for &inner in &widths.inner {
        let path = &(path / model.len() / "conv_block");
        let mut block = Sequential::default();
        block.push(Module::ReflectPad(1));
        block.separable(path, (widths.trunk, inner), norm);
        norm_relu(&mut block, path, inner);
        // The place of a dropout of rate 0.
        block.push(Module::Identity);
        block.push(Module::ReflectPad(1));
        block.separable(path, (inner, widths.trunk), norm);
        block.norm(path, widths.trunk, norm);
        model.push(Module::Residual(block));
    }
    for (cin, cout) in [(widths.trunk, widths.half_up), (widths.half_up, widths.full_up)] {
        model.conv_double(path, (cin, cout), bias, variant.doubling);
        norm_relu(&mut model, path, cout);
    }
    model.push(Module::ReflectPad(3));
    model.conv(path, (widths.full_up, widths.output), (7, 1, 0), true);
    if variant.output == Output::Tanh {
        model.push(Module::Tanh);
    }
    model
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Net, TappedGenerator};
    use std::collections::BTreeMap;
    use tch::{Device, Kind, Tensor};

    #[test]
    fn the_published_network_has_its_size_cost_and_taps() {
        let net = Net::new(Device::Cpu, |p| MobileResnetGenerator::new(p, &MobileConfig::published(64)));
        assert_eq!((net.numel(), net.macs(256, 256)), (1_987_075, Ok(18_314_428_416)));
        let taps = net.tap_shapes(256, 128, &crate::distillation::TAPS).unwrap();
        assert_eq!(taps, [(256, 64, 32); 4]);
        assert!(matches!(net.tap_shapes(256, 126, &[]), Err(NetworkError::Size { .. })));
        let shapes: BTreeMap<String, Vec<i64>> = net.state().into_iter().map(|(key, t)| (key, t.size())).collect();
        assert_eq!(shapes, MobileConfig::published(64).widths().shapes(true));
    }

    #[test]
    fn inputs_are_not_clamped_and_small_maps_are_refused() {
        let config = MobileConfig { blocks: 2, ..MobileConfig::published(4) };
        let net = Net::new(Device::Cpu, |p| MobileResnetGenerator::new(p, &config));
        let x = Tensor::randn([1, 3, 8, 12], (Kind::Float, Device::Cpu)) * 3.0;
        let y = net.forward(&x);
        assert_eq!(y.size(), [1, 3, 8, 12]);
        assert!((y - net.forward(&x.clamp(-1.0, 1.0))).abs().max().double_value(&[]) > 1e-3);
        assert!(matches!(net.tap_shapes(4, 8, &[]), Err(NetworkError::Size { .. })));
    }

    #[test]
    fn with_batch_norm_only_the_last_and_the_separable_convolutions_have_a_bias() {
        let config = MobileConfig { norm: NormType::Batch, blocks: 1, ..MobileConfig::published(2) };
        let state = Net::new(Device::Cpu, |p| MobileResnetGenerator::new(p, &config)).state();
        let biased = |layer: &&str| state[&format!("{layer}.weight")].dim() == 4;
        let layers: Vec<&str> = state.keys().filter_map(|k| k.strip_suffix(".bias")).filter(biased).collect();
        let block = ["1.conv.0", "1.conv.2", "6.conv.0", "6.conv.2"].map(|k| format!("model.10.conv_block.{k}"));
        assert_eq!(layers[..4], block);
        assert_eq!(layers[4..], ["model.18"]);
        assert!(state.contains_key("model.10.conv_block.7.running_var"));
    }

    #[test]
    fn what_cannot_be_built_is_named() {
        let published = MobileConfig::published(8);
        let said = |config: MobileConfig| config.check_elastic().unwrap_err().to_string();
        assert!(published.check_elastic().is_ok());
        assert!(said(MobileConfig { width: 0, ..published.clone() }).contains("width is 0"));
        assert!(said(MobileConfig { width: 70_000, ..published.clone() }).contains("width is 70000"));
        assert!(said(MobileConfig { blocks: 6, ..published.clone() }).contains("blocks is 6; expected 9"));
        let batch = said(MobileConfig { norm: NormType::Batch, ..published.clone() });
        assert!(batch.contains("norm is batch") && batch.contains("fixed width"), "{batch}");
        assert!(said(MobileConfig { norm: NormType::Pixel, ..published.clone() }).contains("norm is pixel;"));
        assert!(MobileConfig { norm: NormType::PixelPlain, ..published.clone() }.check_elastic().is_ok());
        assert!(MobileConfig { blocks: -1, ..published }.check().is_err());
    }
}
