//! From a state dict to convolutions. Keys and shapes are checked in the pass that builds the network, so that one
//! error lists everything that is wrong with a file.

use super::conv::{Conv, Geometry, channels_last};
use crate::MetricsError;
use semrel_nn::checkpoint::{CheckpointError, ShapeMismatch, StateDict};
use std::collections::BTreeMap;
use tch::{Device, Kind, Tensor};

/// Keys that a network needs, with their shapes.
pub type Shapes = BTreeMap<String, Vec<i64>>;

/// Takes tensors out of a state dict and remembers what was asked for and what was wrong.
pub(super) struct Loader<'a> {
    state: &'a StateDict,
    prefix: &'static str,
    device: Device,
    needed: Shapes,
    missing: Vec<String>,
    mismatched: Vec<ShapeMismatch>,
}

impl<'a> Loader<'a> {
    /// `state` may be wrapped as training checkpoints are: `state_dict.` and then `module.` before each key.
    pub fn new(state: &'a StateDict, device: Device) -> Self {
        let prefix = ["state_dict.module.", "state_dict.", "module."]
            .into_iter()
            .find(|prefix| state.keys().any(|key| key.starts_with(prefix)))
            .unwrap_or_default();
        Self { state, prefix, device, needed: Shapes::new(), missing: vec![], mismatched: vec![] }
    }

    /// The tensor of a key, if it is there.
    pub fn get(&self, key: &str) -> Option<&'a Tensor> {
        self.state.get(&format!("{}{key}", self.prefix))
    }

    /// A needed tensor, in double precision on the CPU.
    pub fn tensor(&mut self, key: &str, size: &[i64]) -> Tensor {
        self.needed.insert(key.to_owned(), size.to_vec());
        match self.get(key) {
            None => self.missing.push(key.to_owned()),
            Some(tensor) if self.check(key, tensor, size) => return tensor.to_kind(Kind::Double),
            Some(_) => {}
        }
        // Only until `finish` reports the error.
        Tensor::zeros(vec![1; size.len()], (Kind::Double, Device::Cpu)).expand(size, false)
    }

    /// Checks the shape of a tensor that is not read, where it is there: it tells apart networks of equal layers.
    pub fn check_unused(&mut self, key: &str, size: &[i64]) {
        if let Some(tensor) = self.get(key) {
            self.check(key, tensor, size);
        }
    }

    fn check(&mut self, key: &str, tensor: &Tensor, size: &[i64]) -> bool {
        let is_float = tensor.is_floating_point();
        let fits = tensor.size() == size && is_float;
        if !fits {
            self.mismatched.push(ShapeMismatch {
                key: key.to_owned(),
                target: size.to_vec(),
                source: tensor.size(),
                kinds: (!is_float).then(|| (Kind::Float, tensor.kind())),
            });
        }
        fits
    }

    /// A convolution with a bias of its own: `<key>.weight`, `<key>.bias`.
    pub fn conv(&mut self, key: &str, geometry: Geometry) -> Conv {
        let weight = self.tensor(&format!("{key}.weight"), &geometry.weight());
        let bias = self.tensor(&format!("{key}.bias"), &[geometry.outputs]);
        self.finished_conv(&weight, &bias, geometry)
    }

    /// A convolution without bias and the batch norm after it, as one: `w·γ/√(σ² + ε)` and `β − μ·γ/√(σ² + ε)`.
    pub fn conv_norm(&mut self, conv: &str, norm: &str, epsilon: f64, geometry: Geometry) -> Conv {
        let weight = self.tensor(&format!("{conv}.weight"), &geometry.weight());
        let [scale, shift, mean, variance] = ["weight", "bias", "running_mean", "running_var"]
            .map(|name| self.tensor(&format!("{norm}.{name}"), &[geometry.outputs]));
        let factor = scale / (variance + epsilon).sqrt();
        let bias = shift - mean * &factor;
        self.finished_conv(&(weight * factor.view([-1, 1, 1, 1])), &bias, geometry)
    }

    fn finished_conv(&self, weight: &Tensor, bias: &Tensor, geometry: Geometry) -> Conv {
        Conv { weight: channels_last(&self.finished(weight)), bias: self.finished(bias), geometry }
    }

    /// A tensor as the network keeps it: single precision, on its device.
    pub fn finished(&self, tensor: &Tensor) -> Tensor {
        tensor.to_kind(Kind::Float).to_device(self.device)
    }

    /// Everything that was missing or of another shape is an error.
    pub fn finish(self) -> Result<(), MetricsError> {
        let Self { missing, mismatched, .. } = self;
        if missing.is_empty() && mismatched.is_empty() {
            return Ok(());
        }
        Err(CheckpointError::Mismatch { missing, unexpected: vec![], mismatched }.into())
    }

    /// What `build` asks for.
    pub fn shapes<T>(build: impl FnOnce(&mut Loader) -> T) -> Shapes {
        let empty = StateDict::new();
        let mut loader = Loader::new(&empty, Device::Cpu);
        build(&mut loader);
        loader.needed
    }
}
