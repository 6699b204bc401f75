//! What the patch losses need of a generator: its image, and the outputs of layers on the way.

use crate::NetworkError;
use crate::styles::StyleChoice;
use std::rc::Rc;
use tch::Tensor;

/// An image-to-image generator whose layers can be tapped.
///
/// Images are `[B, C, H, W]` in [−1, 1]. Layers are numbered as the published code numbers them; −1 is the last. The
/// methods that take tensors panic where a layer does not exist or sides do not fit: check with
/// [`TappedGenerator::tap_shapes`] first.
///
/// A network starts in training mode: dropout drops, batch norm uses (and tracks) the batch's statistics. Networks with
/// instance norm and without dropout, as all published rows have them, compute the same in both modes.
pub trait TappedGenerator: std::fmt::Debug {
    /// G(x).
    fn forward(&self, x: &Tensor) -> Tensor {
        self.forward_tapped(x, &[]).0
    }

    /// G(x) and the outputs of the tapped layers, in the list's order, from one pass.
    fn forward_tapped(&self, x: &Tensor, layers: &[i64]) -> (Tensor, Vec<Tensor>);

    /// Outputs of the tapped layers, in the list's order; the pass ends after the last of them.
    fn encode(&self, x: &Tensor, layers: &[i64]) -> Vec<Tensor>;

    /// (channels, height, width) of each tapped layer for images of `height` × `width`.
    ///
    /// # Errors
    /// [`NetworkError::Layer`] names a layer that does not exist, [`NetworkError::Size`] sides that do not fit.
    fn tap_shapes(&self, height: i64, width: i64, layers: &[i64]) -> Result<Vec<(i64, i64, i64)>, NetworkError>;

    /// Sides must be multiples of this.
    fn stride(&self) -> i64;

    /// Switches between training (`true`, as networks start) and evaluation.
    fn set_training(&self, _training: bool) {}

    /// Numbers of a style, of generators that can translate an image in many.
    fn style_numbers(&self) -> Option<i64> {
        None
    }

    /// Chooses the style of later passes; of no effect where there is one translation of an image.
    fn set_style(&self, _choice: StyleChoice) {}

    /// The styles `[B, n]` of images of the target domain, where there are styles.
    fn style_of(&self, _reference: &Tensor) -> Option<Tensor> {
        None
    }
}

/// A generator that its trainer also holds by its own type.
impl<T: TappedGenerator> TappedGenerator for Rc<T> {
    fn forward(&self, x: &Tensor) -> Tensor {
        (**self).forward(x)
    }

    fn forward_tapped(&self, x: &Tensor, layers: &[i64]) -> (Tensor, Vec<Tensor>) {
        (**self).forward_tapped(x, layers)
    }

    fn encode(&self, x: &Tensor, layers: &[i64]) -> Vec<Tensor> {
        (**self).encode(x, layers)
    }

    fn tap_shapes(&self, height: i64, width: i64, layers: &[i64]) -> Result<Vec<(i64, i64, i64)>, NetworkError> {
        (**self).tap_shapes(height, width, layers)
    }

    fn stride(&self) -> i64 {
        (**self).stride()
    }

    fn set_training(&self, training: bool) {
        (**self).set_training(training);
    }

    fn style_numbers(&self) -> Option<i64> {
        (**self).style_numbers()
    }

    fn set_style(&self, choice: StyleChoice) {
        (**self).set_style(choice);
    }

    fn style_of(&self, reference: &Tensor) -> Option<Tensor> {
        (**self).style_of(reference)
    }
}

/// Position of layer `layer` among `count`, −1 being the last.
pub(crate) fn position(layer: i64, count: usize) -> Result<usize, NetworkError> {
    let last = count as i64 - 1;
    match layer {
        -1 => Ok(count - 1),
        0.. if layer <= last => Ok(layer as usize),
        _ => Err(NetworkError::Layer { layer, last }),
    }
}

/// Positions of `layers`; panics where one does not exist.
pub(crate) fn positions(layers: &[i64], count: usize) -> Vec<usize> {
    layers.iter().map(|&layer| position(layer, count).unwrap_or_else(|error| panic!("{error}"))).collect()
}

/// The outputs of `layers` out of `count`, of a network that gives the maps of its first so many layers.
pub(crate) fn tapped(layers: &[i64], count: usize, maps: impl FnOnce(usize) -> Vec<Tensor>) -> Vec<Tensor> {
    let at = positions(layers, count);
    let maps = maps(at.iter().max().map_or(0, |last| last + 1));
    at.into_iter().map(|layer| maps[layer].shallow_clone()).collect()
}

/// The last of all maps of a network, and those of `layers`.
pub(crate) fn last_and_tapped(maps: Vec<Tensor>, layers: &[i64]) -> (Tensor, Vec<Tensor>) {
    let last = maps.last().expect("it has layers").shallow_clone();
    (last, tapped(layers, maps.len(), |_| maps))
}

/// Runs modules `0..end` over `x` and keeps the outputs of those at `taps`, in the order of `taps`.
///
/// The kept tensor *is* the module's output, so that a module that works in place afterwards shows in it.
pub(crate) fn run(
    x: &Tensor,
    end: usize,
    taps: &[usize],
    module: impl Fn(usize, Tensor) -> Tensor,
) -> (Tensor, Vec<Tensor>) {
    let mut kept: Vec<Option<Tensor>> = taps.iter().map(|_| None).collect();
    let mut h = x.shallow_clone();
    for index in 0..end {
        h = module(index, h);
        for (slot, _) in kept.iter_mut().zip(taps).filter(|(_, tap)| **tap == index) {
            *slot = Some(h.shallow_clone());
        }
    }
    (h, kept.into_iter().map(|tap| tap.expect("every tap lies before the end")).collect())
}
