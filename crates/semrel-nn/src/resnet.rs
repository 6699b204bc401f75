//! The residual generator of CycleGAN and CUT (`resnet_9blocks`).
//!
//! Johnson et al., "Perceptual Losses for Real-Time Style Transfer", ECCV 2016; anti-aliased resampling as in Zhang,
//! "Making Convolutional Networks Shift-Invariant Again", ICML 2019.

use crate::NetworkError;
use crate::error::positive;
use crate::generator::{TappedGenerator, position, positions};
use crate::layers::{NormType, channels_last};
use crate::sequential::{Module, Sequential};
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use tch::{Tensor, nn};

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
        }
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
/// before the halvings (raw, before their norm), 12 to 20 the residual blocks and 31 the tanh. The rectifiers work in place,
/// so the recorded output of a norm comes with the rectifier applied, in every method alike.
#[derive(Debug)]
pub struct ResnetGenerator {
    model: Sequential,
    in_channels: i64,
    training: Cell<bool>,
}

impl ResnetGenerator {
    /// Halvings, and doublings.
    const LEVELS: i64 = 2;

    /// Parameters start with torch's defaults; the published code draws them by [`crate::InitType::CUT`].
    pub fn new(path: &nn::Path, config: &ResnetConfig) -> Self {
        let (path, bias) = (&(path / "model"), config.norm.conv_bias());
        let mut model = Sequential::default();
        model.push(Module::ReflectPad(3));
        model.conv(path, (config.in_channels, config.width), (7, 1, 0), bias);
        norm_relu(&mut model, path, config.width, config.norm);
        for level in 0..Self::LEVELS {
            let (cin, cout) = (config.width << level, config.width << (level + 1));
            let stride = if config.antialias { 1 } else { 2 };
            model.conv(path, (cin, cout), (3, stride, 1), bias);
            norm_relu(&mut model, path, cout, config.norm);
            if config.antialias {
                model.down(path, cout);
            }
        }
        for _ in 0..config.blocks {
            let block = residual(&(path / model.len()), config.width << Self::LEVELS, config);
            model.push(Module::Residual(block));
        }
        for level in (0..Self::LEVELS).rev() {
            let (cin, cout) = (config.width << (level + 1), config.width << level);
            if config.antialias_up {
                model.up(path, cin);
                model.conv(path, (cin, cout), (3, 1, 1), bias);
            } else {
                model.conv_double(path, (cin, cout), bias);
            }
            norm_relu(&mut model, path, cout, config.norm);
        }
        model.push(Module::ReflectPad(3));
        model.conv(path, (config.width, config.out_channels), (7, 1, 0), true);
        model.push(Module::Tanh);
        Self { model, in_channels: config.in_channels, training: Cell::new(true) }
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
    block.push(Module::ReflectPad(1));
    block.conv(path, (channels, channels), (3, 1, 0), bias);
    norm_relu(&mut block, path, channels, config.norm);
    if config.dropout {
        block.push(Module::Dropout);
    }
    block.push(Module::ReflectPad(1));
    block.conv(path, (channels, channels), (3, 1, 0), bias);
    block.norm(path, channels, config.norm);
    block
}

impl TappedGenerator for ResnetGenerator {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.model.forward(&channels_last(x), self.training.get())
    }

    fn forward_tapped(&self, x: &Tensor, layers: &[i64]) -> (Tensor, Vec<Tensor>) {
        self.model.forward_tapped(&channels_last(x), &positions(layers, self.model.len()), self.training.get())
    }

    fn encode(&self, x: &Tensor, layers: &[i64]) -> Vec<Tensor> {
        self.model.encode(&channels_last(x), &positions(layers, self.model.len()), self.training.get())
    }

    fn tap_shapes(&self, height: i64, width: i64, layers: &[i64]) -> Result<Vec<(i64, i64, i64)>, NetworkError> {
        let unfit = || NetworkError::Size { height, width, expected: "multiples of 4 and at least 8".to_owned() };
        if height % self.stride() != 0 || width % self.stride() != 0 {
            return Err(unfit());
        }
        let shapes = self.model.shapes((self.in_channels, height, width)).ok_or_else(unfit)?;
        layers.iter().map(|&layer| position(layer, shapes.len()).map(|at| shapes[at])).collect()
    }

    fn stride(&self) -> i64 {
        1 << Self::LEVELS
    }

    fn set_training(&self, training: bool) {
        self.training.set(training);
    }
}
