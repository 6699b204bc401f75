//! The real images that Fréchet distances refer to.

use crate::error::AtKey;
use crate::{EvalError, ImageSet, digest};
use image::RgbImage;
use rayon::prelude::*;
use semrel_data::Side;
use semrel_metrics::Statistics;
use semrel_metrics::extractor::{Extractor, features_of};
use semrel_metrics::feature_cache;
use semrel_metrics::frechet::{Activations, Factored, MeanPrecision};
use semrel_run::input;
use semrel_train::Progress;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use tch::Tensor;

/// Where a reference set is from, with the config key that says so.
#[derive(Debug, Clone, PartialEq)]
pub enum ReferenceSource {
    /// Images at hand, one set after the other.
    Images {
        /// The config key.
        key: &'static str,
        /// The sets.
        sets: Vec<ImageSet>,
    },
    /// Others, of whose features a NumPy archive has mean `mu` and covariance `sigma`.
    Archive {
        /// The config key.
        key: &'static str,
        /// The archive.
        file: PathBuf,
    },
}

impl ReferenceSource {
    /// Refuses images that are too few or cannot be read, and an archive that cannot be read, is of other features or holds no
    /// covariance, before anything is computed.
    ///
    /// # Errors
    /// Names the config key.
    pub fn check(&self, extractor: &dyn Extractor, quiet: bool) -> Result<(), EvalError> {
        match self {
            Self::Images { key, sets } => {
                let found: usize = sets.iter().map(ImageSet::len).sum();
                if found < 2 {
                    let folder = sets.first().map(|set| set.folder().to_owned()).unwrap_or_default();
                    return Err(EvalError::TooFew { folder, what: "real image(s)", found }.at_key(*key));
                }
                sets.iter().try_for_each(|set| set.check("real images", quiet).at_key(key))
            }
            Self::Archive { key, file } => ReferenceSet::of_archive(key, file, extractor).map(drop),
        }
    }
}

/// Features of real images: those themselves, or their mean and covariance from a file.
pub enum ReferenceSet {
    /// Of images at hand.
    Images {
        /// Their features.
        features: Activations,
        /// Their files.
        files: Vec<PathBuf>,
        /// The domain, where a file shows both.
        half: Option<Side>,
    },
    /// Of a NumPy archive; decomposed, for the distances of many generators.
    Archive(Statistics, Factored),
}

impl ReferenceSet {
    /// Reads the features of real images, a few of which are in memory at a time. They are kept on disk for the next time.
    ///
    /// # Errors
    /// Images or an archive that cannot be read, fewer than two images, an archive of other features.
    pub fn new(source: &ReferenceSource, extractor: &dyn Extractor, quiet: bool) -> Result<Self, EvalError> {
        match source {
            ReferenceSource::Images { key, sets } => Self::of_images(key, sets, extractor, quiet),
            ReferenceSource::Archive { key, file } => Self::of_archive(key, file, extractor),
        }
    }

    fn of_images(key: &str, sets: &[ImageSet], extractor: &dyn Extractor, quiet: bool) -> Result<Self, EvalError> {
        let places: Vec<(usize, usize)> =
            sets.iter().enumerate().flat_map(|(i, set)| (0..set.len()).map(move |item| (i, item))).collect();
        let half = sets.first().and_then(ImageSet::half);
        let mut bar = Progress::new("real images", 0, places.len() as u64, quiet);
        let read = |i: usize| sets[places[i].0].read(places[i].1).map(Cow::Owned);
        let looks = format!("{} {half:?}", extractor.name());
        let files: Vec<&Path> = sets.iter().flat_map(ImageSet::files).map(PathBuf::as_path).collect();
        let features = feature_cache::cached(feature_cache::place(&looks, 0, &files), || {
            features_of(extractor, places.len(), read, &mut |done| bar.set(done as u64))
        })?;
        bar.finish();
        let folder = || sets.first().map(|set| set.folder().to_owned()).unwrap_or_default();
        let features = Activations::new(&features, MeanPrecision::Double)
            .map_err(|error| EvalError::from(error).at_key(key).of(folder().display()))?;
        Ok(Self::Images { features, files: files.into_iter().map(Path::to_owned).collect(), half })
    }

    /// Those of an archive that config key `key` names.
    fn of_archive(key: &str, file: &Path, extractor: &dyn Extractor) -> Result<Self, EvalError> {
        let statistics = Statistics::read_npz(file).at_key(key)?;
        let (found, expected) = (statistics.mean.len(), dimensions(extractor));
        if found != expected {
            let (path, extractor) = (file.to_owned(), extractor.name().to_owned());
            return Err(EvalError::OtherFeatures { path, found, expected, extractor }.at_key(key));
        }
        Self::archive(statistics).map_err(|error| error.of(file.display()).at_key(key))
    }

    /// Those of an archive.
    ///
    /// # Errors
    /// A covariance that is none.
    pub fn archive(statistics: Statistics) -> Result<Self, EvalError> {
        let factored = Factored::new(&statistics)?;
        Ok(Self::Archive(statistics, factored))
    }

    /// Of features `[n, d]` at hand, n ≥ 2.
    ///
    /// # Errors
    /// Features that are not finite.
    pub fn of_features(features: &Tensor) -> Result<Self, EvalError> {
        let features = Activations::new(features, MeanPrecision::Double)?;
        Ok(Self::Images { features, files: vec![], half: None })
    }

    /// Number of real images, where it is known.
    pub fn count(&self) -> Option<u64> {
        match self {
            Self::Images { features, .. } => Some(features.count() as u64),
            Self::Archive(statistics, _) => statistics.count,
        }
    }

    /// Fréchet distance of features `[n, d]`, n ≥ 2.
    ///
    /// # Errors
    /// Features that are not finite.
    pub fn distance(&self, features: &Tensor) -> Result<f64, EvalError> {
        let own = Activations::new(features, MeanPrecision::Double)?;
        Ok(match self {
            Self::Images { features: reals, .. } => own.distance(reals)?,
            Self::Archive(_, reals) => reals.distance(&own)?,
        })
    }

    /// Digest of the contents of the images' files, or of an archive's numbers: the same on every machine, which features are
    /// not to the last bit.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub fn digest(&self) -> Result<String, EvalError> {
        match self {
            Self::Images { files, half, .. } => {
                let contents = |file: &PathBuf| -> Result<_, EvalError> {
                    let what = || file.display().to_string();
                    Ok(Sha256::digest(input::read(file).map_err(|source| EvalError::Io { what: what(), source })?))
                };
                let contents: Vec<_> = files.par_iter().map(contents).collect::<Result<_, _>>()?;
                let mut digest = Sha256::new().chain_update(format!("{half:?}\n"));
                contents.into_iter().for_each(|content| digest.update(content));
                Ok(hex::encode(digest.finalize()))
            }
            Self::Archive(statistics, _) => {
                let values = statistics.mean.iter().chain(&statistics.covariance);
                Ok(digest([Tensor::from_slice(&values.copied().collect::<Vec<f64>>())]))
            }
        }
    }
}

/// Number of features of an extractor.
fn dimensions(extractor: &dyn Extractor) -> usize {
    let black = [RgbImage::new(8, 8)];
    let input = extractor.preparation().prepare(&black, extractor.device());
    extractor.features(&input).size()[1] as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, Array2};
    use std::fs;
    use tch::{Device, Kind};

    fn activations(n: i64, step: f64) -> Activations {
        Activations::new(&features(n, step), MeanPrecision::Double).unwrap()
    }

    fn features(n: i64, step: f64) -> Tensor {
        (Tensor::arange(n * 5, (Kind::Double, Device::Cpu)) * step).sin().view([n, 5])
    }

    #[test]
    fn an_archive_and_the_images_themselves_give_one_distance() {
        let reals = activations(40, 0.9);
        let archive = ReferenceSet::archive(reals.statistics()).unwrap();
        let images = ReferenceSet::Images { features: reals, files: vec![], half: None };
        let made = features(30, 1.7);
        let (a, b) = (images.distance(&made).unwrap(), archive.distance(&made).unwrap());
        assert!((a - b).abs() < 1e-8 && a > 0.1, "{a} {b}");
        assert_eq!((images.count(), archive.count()), (Some(40), Some(40)));
        let other = ReferenceSet::archive(Statistics::new(Array1::zeros(5), Array2::eye(5), None).unwrap()).unwrap();
        assert_ne!(archive.digest().unwrap(), other.digest().unwrap());
    }

    #[test]
    fn real_images_are_known_by_their_contents_and_not_by_their_features() {
        let dir = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = ["a", "b"].iter().map(|name| dir.path().join(name)).collect();
        files.iter().for_each(|file| fs::write(file, "picture").unwrap());
        let digest = |step: f64, half: Option<Side>| {
            let reals = ReferenceSet::Images { features: activations(9, step), files: files.clone(), half };
            reals.digest().unwrap()
        };
        let known = digest(0.9, None);
        // As another machine rounds.
        assert_eq!(digest(0.9 + 1e-6, None), known);
        assert_ne!(digest(0.9, Some(Side::A)), known);
        assert_ne!(digest(0.9, Some(Side::A)), digest(0.9, Some(Side::B)));
        fs::write(&files[1], "another picture").unwrap();
        assert_ne!(digest(0.9, None), known);
        fs::remove_file(&files[1]).unwrap();
        let gone = ReferenceSet::Images { features: activations(9, 0.9), files: files.clone(), half: None };
        assert!(gone.digest().unwrap_err().to_string().contains(&files[1].display().to_string()));
    }
}
