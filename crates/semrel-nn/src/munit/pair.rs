//! The auto-encoders of both domains as one network that translates from the first to the second.

use super::generator::{ContentEncoder, Generator, GeneratorConfig, UnitGenerator};
use crate::generator::{TappedGenerator, position, positions};
use crate::styles::{StyleChoice, Styles};
use crate::{InitType, NetworkError};
use std::collections::BTreeMap;
use tch::{Tensor, nn};

/// MUNIT's auto-encoders. Keys `gen_a.*` (source) and `gen_b.*` (target).
///
/// As a [`TappedGenerator`] it is the translation of a source image in the style in force, and its layers are those of the source's
/// content encoder: 0 the image, 1 the first map, then those after the halvings, and one for each residual block.
#[derive(Debug)]
pub struct Pair {
    /// Of the source domain.
    pub a: Generator,
    /// Of the target domain.
    pub b: Generator,
    styles: Styles,
    halvings: i64,
    least_side: i64,
}

impl Pair {
    /// Parameters start with torch's defaults; see [`initialise`].
    pub fn new(path: &nn::Path, config: &GeneratorConfig) -> Self {
        Self {
            a: Generator::new(&(path / "gen_a"), config),
            b: Generator::new(&(path / "gen_b"), config),
            styles: Styles::new(config.style_dim),
            halvings: config.halvings,
            least_side: config.least_side(),
        }
    }
}

/// UNIT's auto-encoders. Keys and layers as those of [`Pair`]; there is one translation of an image.
#[derive(Debug)]
pub struct UnitPair {
    /// Of the source domain.
    pub a: UnitGenerator,
    /// Of the target domain.
    pub b: UnitGenerator,
    halvings: i64,
    least_side: i64,
}

impl UnitPair {
    /// As [`Pair::new`].
    pub fn new(path: &nn::Path, config: &GeneratorConfig) -> Self {
        Self {
            a: UnitGenerator::new(&(path / "gen_a"), config),
            b: UnitGenerator::new(&(path / "gen_b"), config),
            halvings: config.halvings,
            least_side: config.least_side(),
        }
    }
}

/// Draws the weights of generators as published: every convolution and linear layer by `init`, biases 0, the gains of layer norms
/// uniform in 0..1 and their shifts 0.
pub fn initialise(state: &BTreeMap<String, Tensor>, init: InitType) {
    let drawn = |key: &str| !key.ends_with(".gamma") && !key.ends_with(".weight_u") && !key.ends_with(".weight_v");
    let weights = state.iter().filter(|(key, _)| drawn(key)).map(|(key, tensor)| (key.clone(), tensor.shallow_clone()));
    init.apply(&weights.collect());
    for (key, gamma) in state.iter().filter(|(key, _)| key.ends_with(".gamma")) {
        debug_assert!(gamma.dim() == 1, "{key}");
        let _ = tch::no_grad(|| gamma.shallow_clone().uniform_(0.0, 1.0));
    }
}

/// The maps of an encoder that these layers are.
fn tapped(encoder: &ContentEncoder, x: &Tensor, layers: &[i64]) -> Vec<Tensor> {
    let at = positions(layers, encoder.layers());
    let maps = encoder.maps(x, at.iter().max().map_or(0, |last| last + 1));
    at.into_iter().map(|layer| maps[layer].shallow_clone()).collect()
}

/// The content, and the maps on the way that these layers are.
fn content(encoder: &ContentEncoder, x: &Tensor, layers: &[i64]) -> (Tensor, Vec<Tensor>) {
    let mut maps = encoder.maps(x, encoder.layers());
    let taps = positions(layers, maps.len()).into_iter().map(|at| maps[at].shallow_clone()).collect();
    (maps.pop().expect("it has layers"), taps)
}

fn shapes(
    encoder: &ContentEncoder,
    (halvings, least): (i64, i64),
    (height, width): (i64, i64),
    layers: &[i64],
) -> Result<Vec<(i64, i64, i64)>, NetworkError> {
    let stride = 1 << halvings;
    if height.min(width) < least || height % stride != 0 || width % stride != 0 {
        let expected = format!("multiples of {stride} and at least {least}");
        return Err(NetworkError::Size { height, width, expected });
    }
    let (first, count) = (encoder.width(), encoder.layers());
    let shape = |layer: usize| {
        let level = (layer as i64 - 1).clamp(0, halvings);
        if layer == 0 { (encoder.channels(), height, width) } else { (first << level, height >> level, width >> level) }
    };
    layers.iter().map(|&layer| position(layer, count).map(shape)).collect()
}

impl TappedGenerator for Pair {
    fn forward_tapped(&self, x: &Tensor, layers: &[i64]) -> (Tensor, Vec<Tensor>) {
        let (content, taps) = content(&self.a.content, x, layers);
        (self.b.decode(&content, &self.styles.of(x).unsqueeze(-1).unsqueeze(-1)), taps)
    }

    fn encode(&self, x: &Tensor, layers: &[i64]) -> Vec<Tensor> {
        tapped(&self.a.content, x, layers)
    }

    fn tap_shapes(&self, height: i64, width: i64, layers: &[i64]) -> Result<Vec<(i64, i64, i64)>, NetworkError> {
        shapes(&self.a.content, (self.halvings, self.least_side), (height, width), layers)
    }

    fn stride(&self) -> i64 {
        1 << self.halvings
    }

    fn style_numbers(&self) -> Option<i64> {
        Some(self.styles.numbers())
    }

    fn set_style(&self, choice: StyleChoice) {
        self.styles.set(choice);
    }

    fn style_of(&self, reference: &Tensor) -> Option<Tensor> {
        Some(self.b.style_of(reference).flatten(1, -1))
    }
}

impl TappedGenerator for UnitPair {
    fn forward_tapped(&self, x: &Tensor, layers: &[i64]) -> (Tensor, Vec<Tensor>) {
        let (content, taps) = content(&self.a.content, x, layers);
        (self.b.decode(&content), taps)
    }

    fn encode(&self, x: &Tensor, layers: &[i64]) -> Vec<Tensor> {
        tapped(&self.a.content, x, layers)
    }

    fn tap_shapes(&self, height: i64, width: i64, layers: &[i64]) -> Result<Vec<(i64, i64, i64)>, NetworkError> {
        shapes(&self.a.content, (self.halvings, self.least_side), (height, width), layers)
    }

    fn stride(&self) -> i64 {
        1 << self.halvings
    }
}
