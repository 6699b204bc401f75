//! Scores besides those that every evaluation has, as many as a configuration asks for.

use crate::error::AtKey;
use crate::{EvalError, ImageSet, ReferenceSet, ReferenceSource};
use image::RgbImage;
use rayon::prelude::*;
use schemars::JsonSchema;
use semrel_data::image_io::read_rgb;
use semrel_loss::Gradient;
use semrel_loss::src::semantic_relation_consistency;
use semrel_metrics::extractor::Extractor;
use semrel_metrics::kid::{PolynomialKernel, Subsets, kid};
use semrel_metrics::mmd::{Pairs, rbf_mmd2};
use semrel_metrics::prdc::{Inside, prdc};
use semrel_metrics::structure::LAYOUT_TAPS;
use semrel_metrics::{networks, structure};
use semrel_train::Progress;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use tch::{Device, Tensor, no_grad};

/// Config key of the scores.
pub const MORE: &str = "eval.more";

/// Pictures on each side that are held in memory at a time.
const AT_ONCE: usize = 20;

/// Subsets of a kernel distance, and most images of each.
const SUBSETS: (usize, usize) = (100, 1000);

/// A score, or a group of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MoreScore {
    /// Kernel distance, `kd`: KID where the features are those of FID.
    Kid,
    /// `precision`, `recall`, `density` and `coverage`.
    Prdc,
    /// Squared maximum mean discrepancy under a Gaussian kernel, `mmd`, without bias.
    Mmd,
    /// Structure distance between a picture and its translation, `structure`, over EfficientNet-Lite0.
    Structure,
    /// Divergence of the patches' relations in a picture from those in its translation, `relations`: what SRC minimises, over the
    /// fixed features of EfficientNet-Lite0.
    Relations,
    /// Means over the training log of the coupling of positives and negatives (Eq. 9), `q_npc`, `q_npc_unrelated` and
    /// `q_npc_related`, of `cut-single`'s methods with InfoNCE or DCE, which adds it.
    Coupling,
}

/// Which further scores an evaluation has, and their settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MoreScores {
    /// The scores, over the features of `eval.extractor` unless they say otherwise.
    pub scores: Vec<MoreScore>,
    /// Neighbours within a ball of `prdc`.
    pub neighbours: i64,
    /// Width σ of the kernel of `mmd`.
    pub sigma: f64,
}

impl Default for MoreScores {
    fn default() -> Self {
        Self { scores: vec![], neighbours: 5, sigma: 10.0 }
    }
}

impl MoreScores {
    /// What cannot be computed: a key below [`MORE`], its value, and what would be right.
    pub fn invalid(&self) -> Option<(&'static str, String, &'static str)> {
        if self.neighbours < 1 {
            return Some(("neighbours", self.neighbours.to_string(), "it must be at least 1"));
        }
        if !self.sigma.is_finite() || self.sigma <= 0.0 {
            return Some(("sigma", self.sigma.to_string(), "it must be finite and positive"));
        }
        None
    }

    /// Whether a score is asked for.
    pub fn has(&self, score: MoreScore) -> bool {
        self.scores.contains(&score)
    }

    /// Whether a score compares features of single pictures.
    fn compares_features(&self) -> bool {
        [MoreScore::Kid, MoreScore::Prdc, MoreScore::Mmd].iter().any(|score| self.has(*score))
    }

    /// Refuses scores that cannot be computed for so many translations and this reference, before anything is computed:
    /// more neighbours than there are other images, and features of single pictures where an archive has none.
    ///
    /// # Errors
    /// Names the config key.
    pub fn check(&self, sources: usize, reference: &ReferenceSource) -> Result<(), EvalError> {
        match reference {
            ReferenceSource::Archive { .. } if self.compares_features() => {
                Err(EvalError::NoSinglePictures.at_key(MORE))
            }
            ReferenceSource::Images { sets, .. } if self.has(MoreScore::Prdc) => {
                let images = sets.iter().map(ImageSet::len).sum::<usize>().min(sources);
                if self.neighbours >= images as i64 {
                    return Err(EvalError::Neighbours { neighbours: self.neighbours, images });
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Loads what they need.
    ///
    /// # Errors
    /// Names the config key: weights that are missing.
    pub fn load(&self, device: Device) -> Result<More, EvalError> {
        let looks = [MoreScore::Structure, MoreScore::Relations].iter().any(|score| self.has(*score));
        let layout = looks.then(|| networks::load(networks::DEFAULT, device)).transpose().at_key(MORE)?;
        Ok(More { settings: self.clone(), layout })
    }
}

/// Further scores, ready to be computed.
pub struct More {
    settings: MoreScores,
    layout: Option<Box<dyn Extractor>>,
}

impl More {
    fn has(&self, score: MoreScore) -> bool {
        self.settings.has(score)
    }

    /// The scores of translations, whose `features` are those that `reference` is of, and whose files belong to these sources.
    ///
    /// # Errors
    /// Names the config key: statistics in place of real images, too few of them; files that cannot be read.
    pub fn of_files(
        &self,
        reference: &ReferenceSet,
        features: &Tensor,
        sources: &[PathBuf],
        files: &[PathBuf],
        quiet: bool,
    ) -> Result<BTreeMap<String, f64>, EvalError> {
        let mut scores = BTreeMap::new();
        if self.settings.compares_features() {
            self.of_features(reference, features, &mut scores).map_err(|error| error.at_key(MORE))?;
        }
        if let Some(layout) = &self.layout {
            self.of_layouts(layout.as_ref(), sources, files, quiet, &mut scores)?;
        }
        Ok(scores)
    }

    fn of_features(
        &self,
        reference: &ReferenceSet,
        features: &Tensor,
        scores: &mut BTreeMap<String, f64>,
    ) -> Result<(), EvalError> {
        let ReferenceSet::Images { features: reals, .. } = reference else { return Err(EvalError::NoSinglePictures) };
        let reals = reals.features();
        let features = &features.to_device(Device::Cpu);
        let mut insert = |name: &str, value| scores.insert(name.to_owned(), value);
        if self.has(MoreScore::Kid) {
            let (count, max_size) = SUBSETS;
            let subsets = Subsets::Drawn { count, max_size, seed: 0 };
            insert("kd", kid(features, &reals, &subsets, PolynomialKernel::default())?.mean);
        }
        if self.has(MoreScore::Prdc) {
            let found = prdc(&reals, features, self.settings.neighbours, Inside::Strict)?;
            insert("precision", found.precision);
            insert("recall", found.recall);
            insert("density", found.density);
            insert("coverage", found.coverage);
        }
        if self.has(MoreScore::Mmd) {
            insert("mmd", rbf_mmd2(features, &reals, self.settings.sigma, Pairs::Unbiased)?);
        }
        Ok(())
    }

    fn of_layouts(
        &self,
        layout: &dyn Extractor,
        sources: &[PathBuf],
        files: &[PathBuf],
        quiet: bool,
        scores: &mut BTreeMap<String, f64>,
    ) -> Result<(), EvalError> {
        let mut bar = Progress::new("layouts", 0, files.len() as u64, quiet);
        let (mut structure, mut relations) = (0.0, 0.0);
        for (i, (sources, files)) in sources.chunks(AT_ONCE).zip(files.chunks(AT_ONCE)).enumerate() {
            let read = |files: &[PathBuf]| -> Result<Vec<RgbImage>, EvalError> {
                files.par_iter().map(|file| Ok(read_rgb(file)?)).collect()
            };
            let (sources, files) = (read(sources)?, read(files)?);
            if self.has(MoreScore::Structure) {
                structure +=
                    structure::distances_of_images(layout, &LAYOUT_TAPS, &sources, &files)?.iter().sum::<f64>();
            }
            if self.has(MoreScore::Relations) {
                relations += relations_of(layout, &sources, &files)?.iter().sum::<f64>();
            }
            bar.set(((i + 1) * AT_ONCE) as u64);
        }
        bar.finish();
        let count = files.len() as f64;
        for (score, name, sum) in
            [(MoreScore::Structure, "structure", structure), (MoreScore::Relations, "relations", relations)]
        {
            if self.has(score) {
                scores.insert(name.to_owned(), sum / count);
            }
        }
        Ok(())
    }
}

/// For each pair of pictures the mean over patches, and over two maps of fixed features, of the Jensen–Shannon divergence of their
/// similarity distributions (Eq. 1–3), in nats, 0 to ln 2.
fn relations_of(layout: &dyn Extractor, a: &[RgbImage], b: &[RgbImage]) -> Result<Vec<f64>, EvalError> {
    let maps = |images: &[RgbImage]| layout.taps(&layout.preparation().prepare(images, layout.device()));
    no_grad(|| {
        let (a, b) = (maps(a), maps(b));
        let count = a[0].size()[0];
        let of_image = |image: i64| {
            let of_tap = |&tap: &usize| -> Result<f64, EvalError> {
                let (a, b) = (structure::tokens(&a[tap].get(image))?, structure::tokens(&b[tap].get(image))?);
                let patches = a.size()[0] as f64;
                let sum = semantic_relation_consistency(&b, &a, 1, Gradient::Recorded).map_err(EvalError::Loss)?;
                Ok(sum.double_value(&[]) / patches)
            };
            Ok(LAYOUT_TAPS.iter().map(of_tap).sum::<Result<f64, _>>()? / LAYOUT_TAPS.len() as f64)
        };
        (0..count).map(of_image).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    fn more(scores: &[MoreScore]) -> More {
        MoreScores { scores: scores.to_vec(), neighbours: 2, ..MoreScores::default() }.load(Device::Cpu).unwrap()
    }

    fn features(shift: f64) -> Tensor {
        (Tensor::arange(12 * 4, (Kind::Double, Device::Cpu)) * 0.7).sin().view([12, 4]) + shift
    }

    #[test]
    fn equal_sets_have_full_marks_and_statistics_have_none() {
        let more = more(&[MoreScore::Kid, MoreScore::Prdc, MoreScore::Mmd]);
        let reference = ReferenceSet::of_features(&features(0.0)).unwrap();
        let scores = |shift: f64| more.of_files(&reference, &features(shift), &[], &[], true).unwrap();
        let (same, far) = (scores(0.0), scores(9.0));
        assert_eq!(
            same.keys().map(String::as_str).collect::<Vec<_>>(),
            ["coverage", "density", "kd", "mmd", "precision", "recall"]
        );
        assert!((same["recall"] - 1.0).abs() < 1e-9 && far["recall"] == 0.0, "{same:?} {far:?}");
        assert!(far["kd"] > same["kd"] && far["mmd"] > same["mmd"]);
        let ReferenceSet::Images { features: reals, .. } = &reference else { panic!() };
        let archive = ReferenceSet::archive(reals.statistics()).unwrap();
        let error = more.of_files(&archive, &features(0.0), &[], &[], true).unwrap_err();
        assert!(error.to_string().contains(MORE), "{error}");
    }

    #[test]
    fn layouts_are_told_from_colours() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, pixel: &dyn Fn(u32, u32) -> [u8; 3]| {
            let path = dir.path().join(name);
            RgbImage::from_fn(64, 64, |x, y| image::Rgb(pixel(x, y))).save(&path).unwrap();
            vec![path]
        };
        let source = file("source.png", &|x, y| if x < 30 && y > 20 { [200, 40, 40] } else { [30, 30, 90] });
        let turned = file("turned.png", &|x, y| if y < 30 && x > 20 { [200, 40, 40] } else { [30, 30, 90] });
        let more = more(&[MoreScore::Structure, MoreScore::Relations]);
        let reference = ReferenceSet::of_features(&features(0.0)).unwrap();
        let scores = |files: &[PathBuf]| more.of_files(&reference, &features(0.0), &source, files, true).unwrap();
        let (same, other) = (scores(&source), scores(&turned));
        for name in ["structure", "relations"] {
            assert!(same[name].abs() < 1e-6 && other[name] > 1e-3, "{name}: {same:?} {other:?}");
        }
        assert!(other["relations"] < std::f64::consts::LN_2);
    }

    #[test]
    fn settings_without_meaning_are_named() {
        let invalid =
            |neighbours, sigma| MoreScores { scores: vec![], neighbours, sigma }.invalid().map(|(key, ..)| key);
        let prdc = MoreScores { scores: vec![MoreScore::Prdc], ..MoreScores::default() };
        let none = ReferenceSource::Images { key: "eval.reference", sets: vec![] };
        assert!(prdc.check(6, &none).unwrap_err().to_string().contains("`eval.more.neighbours`: 5"));
        let archive = ReferenceSource::Archive { key: "eval.statistics", file: "reals.npz".into() };
        assert!(prdc.check(6, &archive).unwrap_err().to_string().contains(MORE));
        let layouts = MoreScores { scores: vec![MoreScore::Relations, MoreScore::Coupling], ..MoreScores::default() };
        assert!(layouts.check(6, &archive).is_ok() && layouts.check(0, &none).is_ok());
        assert_eq!([invalid(5, 1.0), invalid(0, 1.0), invalid(5, f64::NAN)], [None, Some("neighbours"), Some("sigma")]);
    }
}
