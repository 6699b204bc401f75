//! The patch discriminators of pix2pix, CycleGAN and CUT.
//!
//! Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017: one logit for each
//! (overlapping) patch of the image.

use crate::NetworkError;
use crate::error::positive;
use crate::layers::{NormType, SpectralConv};
use crate::sequential::{Mode, Module, Sequential};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use tch::{Tensor, nn};

/// What the logits look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchGanKind {
    /// 4×4 convolutions with this many halvings (`basic` has 3). Keys `model.*`.
    NLayers(i64),
    /// 1×1 convolutions: every pixel alone. Keys `net.*`.
    Pixel,
}

/// Normalisation of a patch discriminator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DiscriminatorNorm {
    /// Each channel of each image to mean 0 and variance 1, as published.
    Instance,
    /// The same, then a scale and a shift per channel; scales start at N(1, 0.02²), as published for DistanceGAN.
    InstanceAffine,
    /// None.
    None,
    /// No norm of features; weights of spectral norm 1 instead.
    Spectral,
}

/// What a [`PatchDiscriminator`] consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchGanConfig {
    /// What the logits look at.
    pub kind: PatchGanKind,
    /// First width (`ndf`); later ones are up to eight times as wide.
    pub width: i64,
    /// Channels of the input: 3, or 6 for a pair of images.
    pub in_channels: i64,
    /// Normalisation. Convolutions before a norm have a bias with instance norm only.
    pub norm: NormType,
    /// Halve by blur; otherwise by strided convolutions. [`PatchGanKind::Pixel`] never halves.
    pub antialias: bool,
    /// Give every convolution a weight of spectral norm 1, and a bias.
    pub spectral: bool,
    /// Logits of each patch: one, or one for each domain.
    #[serde(default = "one")]
    pub outputs: i64,
}

fn one() -> i64 {
    1
}

impl PatchGanConfig {
    /// The published discriminator of every unpaired row (`basic`): width 64, three halvings by blur, instance norm.
    pub fn cut() -> Self {
        Self {
            kind: PatchGanKind::NLayers(3),
            width: 64,
            in_channels: 3,
            norm: NormType::Instance,
            antialias: true,
            spectral: false,
            outputs: 1,
        }
    }

    /// The published discriminator of GcGAN: halvings by strides.
    pub fn gcgan() -> Self {
        Self { antialias: false, ..Self::cut() }
    }

    /// The published discriminator of DistanceGAN: norms with scale and shift, too.
    pub fn distancegan() -> Self {
        Self { norm: NormType::InstanceAffine, ..Self::gcgan() }
    }

    /// The same with another normalisation.
    #[must_use]
    pub fn with_norm(self, norm: DiscriminatorNorm) -> Self {
        match norm {
            DiscriminatorNorm::Instance => Self { norm: NormType::Instance, spectral: false, ..self },
            DiscriminatorNorm::InstanceAffine => Self { norm: NormType::InstanceAffine, spectral: false, ..self },
            DiscriminatorNorm::None => Self { norm: NormType::None, spectral: false, ..self },
            DiscriminatorNorm::Spectral => Self { norm: NormType::None, spectral: true, ..self },
        }
    }

    /// Whether a network can be built like this.
    ///
    /// # Errors
    /// [`NetworkError::Setting`] for a width, a number of channels or of logits below 1, a number of halvings that is not 1 to 12.
    pub fn check(&self) -> Result<(), NetworkError> {
        positive("width", self.width)?;
        positive("in_channels", self.in_channels)?;
        positive("outputs", self.outputs)?;
        match self.kind {
            PatchGanKind::NLayers(1..=MOST_HALVINGS) => Ok(()),
            PatchGanKind::NLayers(value) => {
                Err(NetworkError::Setting { setting: "n_layers", value, expected: "1 to 12" })
            }
            PatchGanKind::Pixel => Ok(()),
        }
    }
}

/// Most halvings of a PatchGAN: images of 8192 pixels keep two.
const MOST_HALVINGS: i64 = 12;

/// Patch discriminator: logits without a sigmoid.
#[derive(Debug)]
pub struct PatchDiscriminator {
    model: Sequential,
    in_channels: i64,
    mode: Cell<Mode>,
}

impl PatchDiscriminator {
    /// Parameters start with torch's defaults; the published code draws them by [`crate::InitType::CUT`].
    pub fn new(path: &nn::Path, config: &PatchGanConfig) -> Self {
        let model = match config.kind {
            PatchGanKind::NLayers(layers) => n_layers(&(path / "model"), config, layers),
            PatchGanKind::Pixel => pixel(&(path / "net"), config),
        };
        Self { model, in_channels: config.in_channels, mode: Cell::default() }
    }

    /// `[B, C, H, W]` to logits `[B, outputs, h, w]` with the sides of [`PatchDiscriminator::logits_size`].
    ///
    /// Panics where the image is too small.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        self.model.forward(x, self.mode.get())
    }

    /// (height, width) of the logits for images of `height` × `width`.
    ///
    /// # Errors
    /// [`NetworkError::Size`] where the image is too small.
    pub fn logits_size(&self, height: i64, width: i64) -> Result<(i64, i64), NetworkError> {
        let expected = || format!("at least {}", self.smallest_side());
        match self.model.shape((self.in_channels, height, width)) {
            Some((_, h, w)) => Ok((h, w)),
            None => Err(NetworkError::Size { height, width, expected: expected() }),
        }
    }

    /// The smallest side of a square image that the network takes.
    pub fn smallest_side(&self) -> i64 {
        (1..).find(|&side| self.model.shape((self.in_channels, side, side)).is_some()).expect("some side fits")
    }

    /// Switches between training (`true`, as networks start) and evaluation, which only batch norm tells apart.
    pub fn set_training(&self, training: bool) {
        self.mode.set(Mode { training, ..self.mode.get() });
    }

    /// Advances the power iterations of spectral norm, where the network has it; once before each of its steps.
    pub fn iterate_spectral(&self) {
        self.spectral_convs().for_each(SpectralConv::iterate);
    }

    /// All convolutions by weights of spectral norm 1.
    pub(crate) fn spectral_convs(&self) -> impl Iterator<Item = &SpectralConv> {
        self.model.spectral_convs()
    }
}

/// A convolution of the network, with spectral norm where it is asked for.
fn conv(
    model: &mut Sequential,
    path: &nn::Path,
    config: &PatchGanConfig,
    channels: (i64, i64),
    geometry: (i64, i64, i64),
    bias: bool,
) {
    if config.spectral {
        model.spectral(path, channels, geometry);
    } else {
        model.conv(path, channels, geometry, bias);
    }
}

fn n_layers(path: &nn::Path, config: &PatchGanConfig, layers: i64) -> Sequential {
    let width = |level: i64| config.width << level.min(3);
    let stride = if config.antialias { 1 } else { 2 };
    let mut model = Sequential::default();
    for level in 0..=layers {
        let cin = if level == 0 { config.in_channels } else { width(level - 1) };
        let halves = level < layers;
        // The first convolution has no norm after it, and always a bias.
        let bias = level == 0 || config.norm.conv_bias();
        conv(&mut model, path, config, (cin, width(level)), (4, if halves { stride } else { 1 }, 1), bias);
        if level > 0 {
            model.norm(path, width(level), config.norm);
        }
        model.push(Module::LeakyRelu);
        if halves && config.antialias {
            model.down(path, width(level));
        }
    }
    conv(&mut model, path, config, (width(layers), config.outputs), (4, 1, 1), true);
    model
}

fn pixel(path: &nn::Path, config: &PatchGanConfig) -> Sequential {
    let (width, bias, geometry) = (config.width, config.norm.conv_bias(), (1, 1, 0));
    let mut net = Sequential::default();
    conv(&mut net, path, config, (config.in_channels, width), geometry, true);
    net.push(Module::LeakyRelu);
    conv(&mut net, path, config, (width, 2 * width), geometry, bias);
    net.norm(path, 2 * width, config.norm);
    net.push(Module::LeakyRelu);
    // Published with the bias of the others, although no norm follows.
    conv(&mut net, path, config, (2 * width, config.outputs), geometry, bias);
    net
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Net;
    use tch::{Device, Kind};

    fn net(config: &PatchGanConfig) -> Net<PatchDiscriminator> {
        config.check().unwrap();
        Net::new(Device::Cpu, |p| PatchDiscriminator::new(p, config))
    }

    #[test]
    fn the_published_network_has_its_size() {
        let net = net(&PatchGanConfig::cut());
        assert_eq!(net.numel(), 2_764_737);
        assert_eq!(net.logits_size(256, 128), Ok((30, 14)));
    }

    #[test]
    fn each_patch_has_a_logit_for_each_output() {
        let of = |outputs| PatchGanConfig { outputs, width: 2, ..PatchGanConfig::cut() };
        let x = Tensor::rand([2, 3, 24, 32], (Kind::Float, Device::Cpu));
        assert_eq!(net(&of(3)).forward(&x).size()[..2], [2, 3]);
        assert!(matches!(of(0).check(), Err(NetworkError::Setting { setting: "outputs", value: 0, .. })));
    }

    #[test]
    fn the_smallest_image_gives_a_logit_and_a_smaller_one_an_error() {
        let with = |kind, antialias| PatchGanConfig { kind, antialias, width: 2, ..PatchGanConfig::cut() };
        for (config, least) in [
            (with(PatchGanKind::NLayers(3), true), 24),
            (with(PatchGanKind::NLayers(3), false), 24),
            (with(PatchGanKind::NLayers(1), true), 6),
            (with(PatchGanKind::NLayers(5), true), 96),
            (with(PatchGanKind::Pixel, true), 2),
        ] {
            let net = net(&config);
            assert_eq!(net.smallest_side(), least, "{config:?}");
            let x = Tensor::rand([2, 3, least, least + 1], (Kind::Float, Device::Cpu));
            let (h, w) = net.logits_size(least, least + 1).unwrap();
            assert_eq!(net.forward(&x).size(), [2, 1, h, w]);
            let small = net.logits_size(least - 1, least - 1);
            assert!(
                matches!(&small, Err(NetworkError::Size { expected, .. }) if expected.contains(&least.to_string()))
            );
        }
    }

    #[test]
    fn settings_without_meaning_are_refused() {
        let none = PatchGanConfig { kind: PatchGanKind::NLayers(0), ..PatchGanConfig::cut() };
        assert!(matches!(none.check(), Err(NetworkError::Setting { setting: "n_layers", value: 0, .. })));
    }

    #[test]
    fn with_spectral_norm_a_factor_of_the_weights_changes_nothing() {
        let config = PatchGanConfig { norm: NormType::None, width: 2, spectral: true, ..PatchGanConfig::cut() };
        let net = net(&config);
        let x = Tensor::rand([1, 3, 32, 32], (Kind::Float, Device::Cpu));
        let before = net.forward(&x);
        for (key, weight) in net.state().iter().filter(|(key, _)| key.ends_with("weight")) {
            assert!(net.state().contains_key(&key.replace("weight", "u")), "{key}");
            let _ = tch::no_grad(|| weight.shallow_clone().g_mul_scalar_(2.0));
        }
        assert!((net.forward(&x) - &before).abs().max().double_value(&[]) < 1e-6);
        net.iterate_spectral();
        assert!((net.forward(&x) - &before).abs().max().double_value(&[]) > 0.0);
    }

    #[test]
    fn with_batch_norm_only_the_outer_convolutions_have_a_bias() {
        let config = PatchGanConfig { norm: NormType::Batch, width: 2, ..PatchGanConfig::cut() };
        let of = |kind| {
            let state = net(&PatchGanConfig { kind, ..config.clone() }).state();
            let biased = |layer: &&str| state[&format!("{layer}.weight")].dim() == 4;
            let layers: Vec<&str> = state.keys().filter_map(|k| k.strip_suffix(".bias")).filter(biased).collect();
            layers.join(" ")
        };
        assert_eq!(of(PatchGanKind::NLayers(3)), "model.0 model.14");
        assert_eq!(of(PatchGanKind::Pixel), "net.0");
    }
}
