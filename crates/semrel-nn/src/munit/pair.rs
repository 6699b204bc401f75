//! The auto-encoders of both domains as one network that translates from the first to the second.

use super::generator::{Generator, GeneratorConfig, UnitGenerator};
use crate::generator::TappedGenerator;
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
}

impl Pair {
    /// Parameters start with torch's defaults; see [`initialise`].
    pub fn new(path: &nn::Path, config: &GeneratorConfig) -> Self {
        Self {
            a: Generator::new(&(path / "gen_a"), config),
            b: Generator::new(&(path / "gen_b"), config),
            styles: Styles::new(config.style_dim),
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
}

impl UnitPair {
    /// As [`Pair::new`].
    pub fn new(path: &nn::Path, config: &GeneratorConfig) -> Self {
        Self { a: UnitGenerator::new(&(path / "gen_a"), config), b: UnitGenerator::new(&(path / "gen_b"), config) }
    }
}

/// Draws the weights of generators as published: every convolution and linear layer by `init`, biases 0, the gains of layer norms
/// uniform in 0..1 and their shifts 0.
pub fn initialise(state: &BTreeMap<String, Tensor>, init: InitType) {
    init.apply(state);
    for (_, gamma) in state.iter().filter(|(key, _)| key.ends_with(".gamma")) {
        let _ = tch::no_grad(|| gamma.shallow_clone().uniform_(0.0, 1.0));
    }
}

impl TappedGenerator for Pair {
    fn forward_tapped(&self, x: &Tensor, layers: &[i64]) -> (Tensor, Vec<Tensor>) {
        let (content, taps) = self.a.content.forward_tapped(x, layers);
        (self.b.decode(&content, &self.styles.of(x).unsqueeze(-1).unsqueeze(-1)), taps)
    }

    fn encode(&self, x: &Tensor, layers: &[i64]) -> Vec<Tensor> {
        self.a.content.encode(x, layers)
    }

    fn tap_shapes(&self, height: i64, width: i64, layers: &[i64]) -> Result<Vec<(i64, i64, i64)>, NetworkError> {
        self.a.content.shapes(height, width, layers)
    }

    fn stride(&self) -> i64 {
        self.a.content.stride()
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
        let (content, taps) = self.a.content.forward_tapped(x, layers);
        (self.b.decode(&content), taps)
    }

    fn encode(&self, x: &Tensor, layers: &[i64]) -> Vec<Tensor> {
        self.a.content.encode(x, layers)
    }

    fn tap_shapes(&self, height: i64, width: i64, layers: &[i64]) -> Result<Vec<(i64, i64, i64)>, NetworkError> {
        self.a.content.shapes(height, width, layers)
    }

    fn stride(&self) -> i64 {
        self.a.content.stride()
    }
}
