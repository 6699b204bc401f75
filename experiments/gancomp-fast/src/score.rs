//! The Fréchet distance of a generator's outputs to real images, without files: what decides on checkpoints and in the search.

use crate::config::{Config, Reference};
use crate::data::{Data, Pictures};
use crate::inputs::Inputs;
use anyhow::{Context, Result, ensure};
use image::RgbImage;
use semrel_metrics::extractor::{Extractor, features_of, features_of_images};
use semrel_metrics::feature_cache;
use semrel_metrics::frechet::{Activations, Factored, MeanPrecision};
use semrel_metrics::{Statistics, networks};
use semrel_train::Progress;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
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

/// Features of real images: those themselves, or their mean and covariance from a file.
pub enum Reals {
    /// Features of images at hand.
    Images(Activations),
    /// Of a NumPy archive; decomposed, for the distances of many configurations.
    Archive(Statistics, Factored),
}

impl Reals {
    /// Reads the features of the real images of the target domain that `eval.reference` names, or the archive `statistics`
    /// (config key `key`).
    ///
    /// # Errors
    /// Images or an archive that cannot be read, fewer than two images, an archive of other features.
    pub fn new(
        config: &Config,
        data: &Data,
        extractor: &dyn Extractor,
        (key, statistics): (&str, Option<&Path>),
        quiet: bool,
    ) -> Result<Self> {
        if let Some(file) = statistics {
            let context = || format!("config key `{key}`");
            let statistics = Statistics::read_npz(file).with_context(context)?;
            let (found, expected) = (statistics.mean.len(), dimensions(extractor));
            ensure!(
                found == expected,
                "config key `{key}`: {}: statistics of {found} features, but {} has {expected}; make them with the same \
                 extractor",
                file.display(),
                extractor.name()
            );
            return Self::archive(statistics).with_context(|| file.display().to_string());
        }
        let target = data.direction.target();
        let folders = match config.eval.reference {
            Reference::Test => vec![&data.test],
            Reference::Train => vec![&data.train],
            Reference::All => vec![&data.train, &data.test],
        };
        let pictures: Vec<Pictures<'_>> = folders.into_iter().map(|folder| Pictures::new(folder, target)).collect();
        let places: Vec<(usize, usize)> =
            pictures.iter().enumerate().flat_map(|(i, p)| (0..p.len()).map(move |item| (i, item))).collect();
        let mut bar = Progress::new("real images", 0, places.len() as u64, quiet);
        let read = |i: usize| pictures[places[i].0].read(places[i].1).map(Cow::Owned);
        // Of a picture of both domains, one half.
        let looks = format!("{} {:?} {target:?}", extractor.name(), data.train.layout);
        let files: Vec<&Path> = pictures.iter().flat_map(|p| p.files()).map(PathBuf::as_path).collect();
        let features = feature_cache::cached(feature_cache::place(&looks, 0, &files), || {
            features_of(extractor, places.len(), read, &mut |done| bar.set(done as u64))
        })?;
        bar.finish();
        let activations = Activations::new(&features, MeanPrecision::Double)
            .with_context(|| format!("{}: config key `eval.reference`", pictures[0].folder().display()))?;
        Ok(Self::Images(activations))
    }

    /// Those of an archive.
    ///
    /// # Errors
    /// A covariance that is none.
    pub fn archive(statistics: Statistics) -> Result<Self> {
        let factored = Factored::new(&statistics)?;
        Ok(Self::Archive(statistics, factored))
    }

    /// Number of real images, where it is known.
    pub fn count(&self) -> Option<u64> {
        match self {
            Self::Images(activations) => Some(activations.count() as u64),
            Self::Archive(statistics, _) => statistics.count,
        }
    }

    /// Fréchet distance of features `[n, d]`, n ≥ 2.
    ///
    /// # Errors
    /// Features that are no numbers.
    pub fn distance(&self, features: &Tensor) -> Result<f64> {
        let own = Activations::new(features, MeanPrecision::Double)?;
        Ok(match self {
            Self::Images(reals) => own.distance(reals)?,
            Self::Archive(_, reals) => reals.distance(&own)?,
        })
    }
}

impl Reals {
    fn digest(&self) -> String {
        let statistics = match self {
            Self::Images(activations) => &activations.statistics(),
            Self::Archive(statistics, _) => statistics,
        };
        let values = statistics.mean.iter().chain(&statistics.covariance);
        digest([Tensor::from_slice(&values.copied().collect::<Vec<f64>>())])
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

/// Number of features of an extractor.
fn dimensions(extractor: &dyn Extractor) -> usize {
    let black = [RgbImage::new(8, 8)];
    let input = extractor.preparation().prepare(&black, extractor.device());
    extractor.features(&input).size()[1] as usize
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
        let statistics = ("eval.statistics", config.eval.statistics.as_deref());
        Self::new(config, data, Inputs::of_tests(config, data, device)?, statistics, device, quiet)
    }

    /// Scores what is made of the images that are set aside for the search.
    ///
    /// # Errors
    /// As [`Scorer::of_tests`]; where no image is set aside.
    pub fn of_search(config: &Config, data: &Data, device: Device, quiet: bool) -> Result<Self> {
        let statistics = match &config.search.statistics {
            Some(file) => ("search.statistics", Some(file.as_path())),
            None => ("eval.statistics", config.eval.statistics.as_deref()),
        };
        Self::new(config, data, Inputs::of_search(config, data, device)?, statistics, device, quiet)
    }

    fn new(
        config: &Config,
        data: &Data,
        inputs: Inputs,
        statistics: (&str, Option<&Path>),
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
        let reals = Reals::new(config, data, extractor.as_ref(), statistics, quiet)?;
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

    /// A text that two scorers share where they give the same distances: the extractor, and digests of the real side and of the
    /// inputs.
    pub fn identity(&self) -> String {
        format!("{} {} {}", self.extractor.name(), self.reals.digest(), self.inputs.digest())
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
    use ndarray::{Array1, Array2};

    #[test]
    fn an_archive_and_the_images_themselves_give_one_distance() {
        let features =
            |n: i64, step: f64| (Tensor::arange(n * 5, (Kind::Double, Device::Cpu)) * step).sin().view([n, 5]);
        let reals = Activations::new(&features(40, 0.9), MeanPrecision::Double).unwrap();
        let archive = Reals::archive(reals.statistics()).unwrap();
        let images = Reals::Images(reals);
        let made = features(30, 1.7);
        let (a, b) = (images.distance(&made).unwrap(), archive.distance(&made).unwrap());
        assert!((a - b).abs() < 1e-8 && a > 0.1, "{a} {b}");
        assert_eq!((images.count(), archive.count()), (Some(40), Some(40)));
        assert_eq!(images.digest(), archive.digest());
        let other = Reals::archive(Statistics::new(Array1::zeros(5), Array2::eye(5), None).unwrap()).unwrap();
        assert_ne!(images.digest(), other.digest());
    }

    #[test]
    fn a_digest_depends_on_every_number() {
        let numbers = |last: f32| digest([Tensor::from_slice(&[1f32, 2.0, last])]);
        assert_eq!(numbers(3.0), numbers(3.0));
        assert_ne!(numbers(3.0), numbers(3.5));
    }
}
