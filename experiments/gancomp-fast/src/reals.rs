//! The real images that Fréchet distances refer to.

use crate::config::{Config, SearchReference};
use crate::data::{Data, Pictures};
use crate::score::digest;
use anyhow::{Context, Result, ensure};
use image::RgbImage;
use rayon::prelude::*;
use semrel_data::{PairLayout, Side};
use semrel_metrics::Statistics;
use semrel_metrics::extractor::{Extractor, features_of};
use semrel_metrics::feature_cache;
use semrel_metrics::frechet::{Activations, Factored, MeanPrecision};
use semrel_train::Progress;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use tch::Tensor;

/// Which real images a Fréchet distance refers to, with the config key that says so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RealSource<'a> {
    /// Images of the row.
    Images(&'static str, SearchReference),
    /// Others, of whose features a NumPy archive has mean and covariance.
    Archive(&'static str, &'a Path),
}

impl<'a> RealSource<'a> {
    /// Those of evaluations.
    pub fn of_tests(config: &'a Config) -> Self {
        match &config.eval.statistics {
            Some(file) => Self::Archive("eval.statistics", file),
            None => Self::Images("eval.reference", config.eval.reference.into()),
        }
    }

    /// Those of the search: as published, the search's own where images come in pairs, and those of evaluations where they do
    /// not.
    pub fn of_search(config: &'a Config) -> Self {
        match (&config.search.statistics, config.search.reference) {
            (Some(file), _) => Self::Archive("search.statistics", file),
            (None, Some(reference)) => Self::Images("search.reference", reference),
            (None, None) if config.aligned() => Self::Images("search.reference", SearchReference::Search),
            (None, None) => Self::of_tests(config),
        }
    }

    /// Its name in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Archive(..) => "statistics",
            Self::Images(_, SearchReference::Search) => "search",
            Self::Images(_, SearchReference::Test) => "test",
            Self::Images(_, SearchReference::Train) => "train",
            Self::Images(_, SearchReference::All) => "all",
        }
    }

    /// Refuses images that are too few or cannot be read, and an archive that cannot be read, is of other features or holds no
    /// covariance, before anything is computed.
    ///
    /// # Errors
    /// Names the config key.
    pub fn check(self, data: &Data, extractor: &dyn Extractor, quiet: bool) -> Result<()> {
        match self {
            Self::Images(key, reference) => {
                let pictures = pictures(reference, data)?;
                let count: usize = pictures.iter().map(Pictures::len).sum();
                ensure!(
                    count >= 2,
                    "config key `{key}`: {} holds {count} real image(s); a Fréchet distance needs at least 2",
                    pictures[0].folder().display()
                );
                for pictures in pictures {
                    pictures
                        .check("real images", pictures.len(), quiet)
                        .with_context(|| format!("config key `{key}`"))?;
                }
            }
            Self::Archive(key, file) => drop(Reals::of_archive(key, file, extractor)?),
        }
        Ok(())
    }
}

/// Real images of the target domain.
fn pictures(reference: SearchReference, data: &Data) -> Result<Vec<Pictures<'_>>> {
    let of = |folder| Pictures::new(folder, data.direction.target());
    Ok(match reference {
        SearchReference::Search => vec![data.search_targets()?],
        SearchReference::Test => vec![of(&data.test)],
        SearchReference::Train => vec![of(&data.train)],
        SearchReference::All => vec![of(&data.train), of(&data.test)],
    })
}

/// Features of real images: those themselves, or their mean and covariance from a file.
pub enum Reals {
    /// Of images at hand.
    Images {
        /// Their features.
        features: Activations,
        /// Their files.
        files: Vec<PathBuf>,
        /// The domain, where a file shows both.
        half: Option<Side>,
    },
    /// Of a NumPy archive; decomposed, for the distances of many configurations.
    Archive(Statistics, Factored),
}

impl Reals {
    /// Reads the features of real images.
    ///
    /// # Errors
    /// Images or an archive that cannot be read, fewer than two images, an archive of other features.
    pub fn new(source: RealSource<'_>, data: &Data, extractor: &dyn Extractor, quiet: bool) -> Result<Self> {
        match source {
            RealSource::Images(key, reference) => Self::of_pictures(key, reference, data, extractor, quiet),
            RealSource::Archive(key, file) => Self::of_archive(key, file, extractor),
        }
    }

    fn of_pictures(
        key: &str,
        reference: SearchReference,
        data: &Data,
        extractor: &dyn Extractor,
        quiet: bool,
    ) -> Result<Self> {
        let (target, layout) = (data.direction.target(), data.train.layout);
        let pictures = pictures(reference, data)?;
        let places: Vec<(usize, usize)> =
            pictures.iter().enumerate().flat_map(|(i, p)| (0..p.len()).map(move |item| (i, item))).collect();
        let mut bar = Progress::new("real images", 0, places.len() as u64, quiet);
        let read = |i: usize| pictures[places[i].0].read(places[i].1).map(Cow::Owned);
        // Of a picture of both domains, one half.
        let looks = format!("{} {layout:?} {target:?}", extractor.name());
        let files: Vec<&Path> = pictures.iter().flat_map(|p| p.files()).map(PathBuf::as_path).collect();
        let features = feature_cache::cached(feature_cache::place(&looks, 0, &files), || {
            features_of(extractor, places.len(), read, &mut |done| bar.set(done as u64))
        })?;
        bar.finish();
        let features = Activations::new(&features, MeanPrecision::Double)
            .with_context(|| format!("{}: config key `{key}`", pictures[0].folder().display()))?;
        let half = (layout == PairLayout::Aligned).then_some(target);
        Ok(Self::Images { features, files: files.into_iter().map(Path::to_owned).collect(), half })
    }

    /// Those of an archive that config key `key` names.
    fn of_archive(key: &str, file: &Path, extractor: &dyn Extractor) -> Result<Self> {
        let statistics = Statistics::read_npz(file).with_context(|| format!("config key `{key}`"))?;
        let (found, expected) = (statistics.mean.len(), dimensions(extractor));
        ensure!(
            found == expected,
            "config key `{key}`: {}: statistics of {found} features, but {} has {expected}; make them with the same \
             extractor",
            file.display(),
            extractor.name()
        );
        Self::archive(statistics).with_context(|| format!("config key `{key}`: {}", file.display()))
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
            Self::Images { features, .. } => Some(features.count() as u64),
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
            Self::Images { features: reals, .. } => own.distance(reals)?,
            Self::Archive(_, reals) => reals.distance(&own)?,
        })
    }

    /// Digest of the contents of the images' files, or of an archive's numbers: the same on every machine, which features are
    /// not to the last bit.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub fn digest(&self) -> Result<String> {
        match self {
            Self::Images { files, half, .. } => {
                let contents = |file: &PathBuf| -> Result<_> {
                    Ok(Sha256::digest(fs::read(file).with_context(|| file.display().to_string())?))
                };
                let contents: Vec<_> = files.par_iter().map(contents).collect::<Result<_>>()?;
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
    use serde_json::{Value, json};
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
        let archive = Reals::archive(reals.statistics()).unwrap();
        let images = Reals::Images { features: reals, files: vec![], half: None };
        let made = features(30, 1.7);
        let (a, b) = (images.distance(&made).unwrap(), archive.distance(&made).unwrap());
        assert!((a - b).abs() < 1e-8 && a > 0.1, "{a} {b}");
        assert_eq!((images.count(), archive.count()), (Some(40), Some(40)));
        let other = Reals::archive(Statistics::new(Array1::zeros(5), Array2::eye(5), None).unwrap()).unwrap();
        assert_ne!(archive.digest().unwrap(), other.digest().unwrap());
    }

    #[test]
    fn real_images_are_known_by_their_contents_and_not_by_their_features() {
        let dir = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = ["a", "b"].iter().map(|name| dir.path().join(name)).collect();
        files.iter().for_each(|file| fs::write(file, "picture").unwrap());
        let digest = |step: f64, half: Option<Side>| {
            let reals = Reals::Images { features: activations(9, step), files: files.clone(), half };
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
        let gone = Reals::Images { features: activations(9, 0.9), files: files.clone(), half: None };
        assert!(gone.digest().unwrap_err().to_string().contains(&files[1].display().to_string()));
    }

    #[test]
    fn searches_of_pairs_refer_to_images_of_their_own() {
        let named = |layout: &str, search: Value, eval: Value| {
            let config = json!({
                "name": "x", "method": "fast", "data": { "root": "x", "layout": layout },
                "distill": { "channels": "test" }, "search": search, "eval": eval,
            });
            let config: Config = serde_json::from_value(config).unwrap();
            [RealSource::of_tests(&config), RealSource::of_search(&config)].map(RealSource::name)
        };
        assert_eq!(named("aligned", json!({}), json!({})), ["test", "search"]);
        assert_eq!(named("aligned", json!({}), json!({ "statistics": "a.npz" })), ["statistics", "search"]);
        let chosen = json!({ "reference": "test" });
        assert_eq!(named("aligned", chosen, json!({ "reference": "train" })), ["train", "test"]);
        assert_eq!(named("unaligned", json!({}), json!({ "reference": "all" })), ["all", "all"]);
        assert_eq!(named("unaligned", json!({}), json!({ "statistics": "a.npz" })), ["statistics", "statistics"]);
        let chosen = json!({ "reference": "search" });
        assert_eq!(named("unaligned", chosen, json!({ "statistics": "a.npz" })), ["statistics", "search"]);
        let archive = json!({ "reference": "train", "statistics": "a.npz" });
        assert_eq!(named("aligned", archive, json!({})), ["test", "statistics"]);
    }
}
