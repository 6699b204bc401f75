//! The Fréchet distance of a generator's outputs to real images, without files: what decides on checkpoints and in the search.

use crate::config::Config;
use crate::data::Data;
use crate::inputs::Inputs;
use crate::reals::{RealSource, Reals};
use anyhow::{Context, Result, ensure};
use image::RgbImage;
use semrel_metrics::extractor::{Extractor, features_of_images};
use semrel_metrics::networks;
use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};

/// The features that distances are measured in: of the FID Inception where its weights are named, of EfficientNet-Lite0
/// otherwise.
///
/// # Errors
/// Weights that are missing or of another network.
pub fn extractor(config: &Config, device: Device) -> Result<Box<dyn Extractor>> {
    match &config.eval.inception {
        Some(file) => networks::load_file("inception-fid", file, device).context("config key `eval.inception`"),
        None => networks::load(networks::DEFAULT, device).context("the evaluation's extractor"),
    }
}

/// Digest of numbers, in single precision.
pub(crate) fn digest(tensors: impl IntoIterator<Item = Tensor>) -> String {
    let mut digest = Sha256::new();
    for tensor in tensors {
        let flat = tensor.to_device(Device::Cpu).to_kind(Kind::Float).reshape([-1]);
        let numbers: Vec<f32> = Vec::try_from(&flat).expect("a vector of floats");
        numbers.iter().for_each(|number| digest.update(number.to_le_bytes()));
    }
    hex::encode(digest.finalize())
}

/// Real images, and inputs for the generators that are compared with them.
pub struct Scorer {
    extractor: Box<dyn Extractor>,
    reals: Reals,
    inputs: Inputs,
}

impl Scorer {
    /// Scores what is made of the test images.
    ///
    /// # Errors
    /// Weights that are missing, images that cannot be read, fewer than two of them.
    pub fn of_tests(config: &Config, data: &Data, device: Device, quiet: bool) -> Result<Self> {
        Self::new(config, data, Inputs::of_tests(config, data, device)?, RealSource::of_tests(config), device, quiet)
    }

    /// Scores what is made of the images that are set aside for the search.
    ///
    /// # Errors
    /// As [`Scorer::of_tests`]; where no image is set aside.
    pub fn of_search(config: &Config, data: &Data, device: Device, quiet: bool) -> Result<Self> {
        Self::new(config, data, Inputs::of_search(config, data, device)?, RealSource::of_search(config), device, quiet)
    }

    fn new(
        config: &Config,
        data: &Data,
        inputs: Inputs,
        source: RealSource<'_>,
        device: Device,
        quiet: bool,
    ) -> Result<Self> {
        ensure!(
            inputs.count() >= 2,
            "{} holds {} picture to translate; a Fréchet distance needs at least 2",
            inputs.folder().display(),
            inputs.count()
        );
        let extractor = extractor(config, device)?;
        let reals = Reals::new(source, data, extractor.as_ref(), quiet)?;
        Ok(Self { extractor, reals, inputs })
    }

    /// Of parts at hand.
    pub fn of_parts(extractor: Box<dyn Extractor>, reals: Reals, inputs: Inputs) -> Self {
        Self { extractor, reals, inputs }
    }

    /// The extractor.
    pub fn extractor(&self) -> &dyn Extractor {
        self.extractor.as_ref()
    }

    /// The real images.
    pub fn reals(&self) -> &Reals {
        &self.reals
    }

    /// What generators are given.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// A text that two scorers share where they give the same distances, on whatever machine: the extractor, which is named
    /// after its weights, and digests of the real side and of the inputs.
    ///
    /// # Errors
    /// As [`Reals::digest`].
    pub fn identity(&self) -> Result<String> {
        Ok(format!("{} {} {}", self.extractor.name(), self.reals.digest()?, self.inputs.digest()))
    }

    /// As [`Inputs::outputs`].
    ///
    /// # Errors
    /// None is known.
    pub fn outputs(&self, generate: &dyn Fn(&Tensor) -> Tensor) -> Result<Vec<RgbImage>> {
        self.inputs.outputs(generate)
    }

    /// Fréchet distance of pictures to the real images.
    ///
    /// # Errors
    /// As [`Reals::distance`].
    pub fn distance_of(&self, pictures: &[RgbImage]) -> Result<f64> {
        self.reals.distance(&features_of_images(self.extractor.as_ref(), pictures)?)
    }

    /// Fréchet distance of [`Scorer::outputs`].
    ///
    /// # Errors
    /// As [`Reals::distance`].
    pub fn frechet(&self, generate: &dyn Fn(&Tensor) -> Tensor) -> Result<f64> {
        self.distance_of(&self.outputs(generate)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_depends_on_every_number() {
        let numbers = |last: f32| digest([Tensor::from_slice(&[1f32, 2.0, last])]);
        assert_eq!(numbers(3.0), numbers(3.0));
        assert_ne!(numbers(3.0), numbers(3.5));
    }
}
