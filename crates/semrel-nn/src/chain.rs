//! What the residual generators share: a published `nn.Sequential` called `model` whose layers can be tapped.

use crate::NetworkError;
use crate::generator::{TappedGenerator, position, positions};
use crate::output::Output;
use crate::sequential::{Mode, Sequential};
use std::cell::Cell;
use tch::Tensor;

/// A generator that is one row of modules, with two halvings and two doublings of the sides.
#[derive(Debug)]
pub(crate) struct Chain {
    model: Sequential,
    in_channels: i64,
    clamp: bool,
    output: Output,
    mode: Cell<Mode>,
}

impl Chain {
    /// Halvings, and doublings.
    pub const LEVELS: i64 = 2;

    /// `clamp` brings inputs to [−1, 1] before the first module.
    pub fn new(model: Sequential, in_channels: i64, clamp: bool) -> Self {
        Self { model, in_channels, clamp, output: Output::Tanh, mode: Cell::default() }
    }

    /// The chain with another output than tanh, which is one of its modules: made of the last module's output and the input.
    pub fn with_output(self, output: Output) -> Self {
        Self { output, ..self }
    }

    /// The chain with its instance norms computed as group norms, unless the published arithmetic is asked for.
    pub fn with_group_norm(self) -> Self {
        self.mode.set(Mode { group_norm: true, ..self.mode.get() });
        self
    }

    /// The chain with every operation as published, not by a faster equal one.
    pub fn with_published_arithmetic(self) -> Self {
        self.mode.set(Mode { published: true, ..self.mode.get() });
        self
    }

    /// The chain with the gradients of PyTorch's CPU build, which misreads the memory of gradients that enter instance norm with
    /// channels last. Whole passes, whose gradients start at the image, are not affected.
    #[cfg(any(test, feature = "testing"))]
    pub fn with_misread_gradients(self) -> Self {
        self.mode.set(Mode { misread: true, ..self.mode.get() });
        self
    }

    /// Number of modules.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.model.len()
    }

    /// The chain on leading slices of its weights, with these output widths of its convolutions. It computes as this one is
    /// set now.
    pub fn sliced(&self, outputs: &mut dyn Iterator<Item = i64>) -> Self {
        let model = self.model.sliced(&mut self.in_channels.clone(), outputs);
        Self { model, in_channels: self.in_channels, clamp: self.clamp, output: self.output, mode: self.mode.clone() }
    }

    /// Multiply-accumulates of one image.
    pub fn macs(&self, height: i64, width: i64) -> Result<u64, NetworkError> {
        self.tap_shapes(height, width, &[])?;
        Ok(self.model.macs((self.in_channels, height, width)).expect("the shapes fit"))
    }

    /// As [`TappedGenerator::forward_tapped`]; but where gradients are misread, they are so in this pass too.
    pub fn forward_listening(&self, x: &Tensor, layers: &[i64]) -> (Tensor, Vec<Tensor>) {
        self.pass(x, layers, self.mode.get())
    }

    fn pass(&self, x: &Tensor, layers: &[i64], mode: Mode) -> (Tensor, Vec<Tensor>) {
        let x = self.input(x);
        let (last, taps) = self.model.forward_tapped(&x, &positions(layers, self.model.len()), mode);
        let image = match self.output {
            Output::Tanh => last,
            other => other.apply(&last, &x),
        };
        (image, taps)
    }

    fn input(&self, x: &Tensor) -> Tensor {
        if self.clamp { x.clamp(-1.0, 1.0) } else { x.shallow_clone() }
    }

    /// Gradients of a whole pass start at the image, whose memory layout is not misread.
    fn translating(&self) -> Mode {
        Mode { misread: false, ..self.mode.get() }
    }
}

impl TappedGenerator for Chain {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.pass(x, &[], self.translating()).0
    }

    fn forward_tapped(&self, x: &Tensor, layers: &[i64]) -> (Tensor, Vec<Tensor>) {
        self.pass(x, layers, self.translating())
    }

    fn encode(&self, x: &Tensor, layers: &[i64]) -> Vec<Tensor> {
        self.model.encode(&self.input(x), &positions(layers, self.model.len()), self.mode.get())
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
        self.mode.set(Mode { training, ..self.mode.get() });
    }
}

/// Makes a newtype over [`Chain`] a [`TappedGenerator`].
macro_rules! delegate_to_chain {
    ($generator:ty) => {
        impl $crate::TappedGenerator for $generator {
            fn forward(&self, x: &tch::Tensor) -> tch::Tensor {
                self.0.forward(x)
            }

            fn forward_tapped(&self, x: &tch::Tensor, layers: &[i64]) -> (tch::Tensor, Vec<tch::Tensor>) {
                self.0.forward_tapped(x, layers)
            }

            fn encode(&self, x: &tch::Tensor, layers: &[i64]) -> Vec<tch::Tensor> {
                self.0.encode(x, layers)
            }

            fn tap_shapes(
                &self,
                height: i64,
                width: i64,
                layers: &[i64],
            ) -> Result<Vec<(i64, i64, i64)>, $crate::NetworkError> {
                self.0.tap_shapes(height, width, layers)
            }

            fn stride(&self) -> i64 {
                self.0.stride()
            }

            fn set_training(&self, training: bool) {
                self.0.set_training(training);
            }
        }
    };
}

pub(crate) use delegate_to_chain;
