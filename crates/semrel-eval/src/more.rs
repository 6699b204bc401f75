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
use tch::{Device, Tensor};

/// Config key of the scores.
pub const MORE: &str = "eval.more";

/// Pictures on each side that are held in memory at a time.
const AT_ONCE: usize = 20;

/// Subsets of a kernel distance, and most images of each.
const SUBSETS: (usize, usize) = (100, 1000);

/// Compares the tokens `[P, C]` of a map of a picture with those of its translation.
type OfTokens = fn(&Tensor, &Tensor) -> Result<f64, EvalError>;

/// Scores that compare layouts, their names in results, and what computes them.
const LAYOUTS: [(MoreScore, &str, OfTokens); 2] =
    [(MoreScore::Structure, "structure", structure_distance), (MoreScore::Relations, "relations", relations)];

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
    /// As [`MoreScores::invalid`], for programs whose logs have no coupling of positives and negatives.
    pub fn invalid_without_coupling(&self) -> Option<(&'static str, String, &'static str)> {
        let not_logged = || ("scores", "coupling".to_owned(), "leave it out: only methods of cut-single log it");
        self.invalid().or_else(|| self.has(MoreScore::Coupling).then(not_logged))
    }

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

    /// The scores that compare layouts.
    fn layouts(&self) -> impl Iterator<Item = (MoreScore, &'static str, OfTokens)> {
        LAYOUTS.into_iter().filter(|(score, ..)| self.has(*score))
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
            ReferenceSource::Images { sets, .. } => {
                self.check_neighbours(sets.iter().map(ImageSet::len).sum::<usize>().min(sources))
            }
            _ => Ok(()),
        }
    }

    /// Refuses more neighbours than there are other images, where they are asked for, on the smaller of both sides.
    ///
    /// # Errors
    /// Names the config key.
    pub fn check_neighbours(&self, images: usize) -> Result<(), EvalError> {
        if self.has(MoreScore::Prdc) && self.neighbours >= images as i64 {
            return Err(EvalError::Neighbours { neighbours: self.neighbours, images });
        }
        Ok(())
    }

    /// Loads what they need.
    ///
    /// # Errors
    /// Names the config key: weights that are missing.
    pub fn load(&self, device: Device) -> Result<More, EvalError> {
        let looks = self.layouts().next().is_some();
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

    /// Whether a score compares pictures with their translations.
    pub(crate) fn compares_layouts(&self) -> bool {
        self.layout.is_some()
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
            let ReferenceSet::Images { features: reals, .. } = reference else {
                return Err(EvalError::NoSinglePictures.at_key(MORE));
            };
            scores = self.of_features(&reals.features(), features).at_key(MORE)?;
        }
        if self.compares_layouts() {
            scores.extend(self.of_layouts(sources, files, quiet)?.means());
        }
        Ok(scores)
    }

    /// The scores that compare features of translations [N, D] with those of real pictures [M, D].
    pub(crate) fn of_features(&self, reals: &Tensor, features: &Tensor) -> Result<BTreeMap<String, f64>, EvalError> {
        let mut scores = BTreeMap::new();
        let features = &features.to_device(Device::Cpu);
        let mut insert = |name: &str, value| scores.insert(name.to_owned(), value);
        if self.has(MoreScore::Kid) {
            let (count, max_size) = SUBSETS;
            let subsets = Subsets::Drawn { count, max_size, seed: 0 };
            insert("kd", kid(features, reals, &subsets, PolynomialKernel::default())?.mean);
        }
        if self.has(MoreScore::Prdc) {
            let found = prdc(reals, features, self.settings.neighbours, Inside::Strict)?;
            insert("precision", found.precision);
            insert("recall", found.recall);
            insert("density", found.density);
            insert("coverage", found.coverage);
        }
        if self.has(MoreScore::Mmd) {
            insert("mmd", rbf_mmd2(features, reals, self.settings.sigma, Pairs::Unbiased)?);
        }
        Ok(scores)
    }

    fn of_layouts(&self, sources: &[PathBuf], files: &[PathBuf], quiet: bool) -> Result<Layouts, EvalError> {
        let mut layouts = Layouts::default();
        let mut bar = Progress::new("layouts", 0, files.len() as u64, quiet);
        for (i, (sources, files)) in sources.chunks(AT_ONCE).zip(files.chunks(AT_ONCE)).enumerate() {
            let read = |files: &[PathBuf]| -> Result<Vec<RgbImage>, EvalError> {
                files.par_iter().map(|file| Ok(read_rgb(file)?)).collect()
            };
            self.add_layouts(&read(sources)?, &read(files)?, &mut layouts)?;
            bar.set(((i + 1) * AT_ONCE) as u64);
        }
        bar.finish();
        Ok(layouts)
    }

    /// Compares the layouts of pictures with those of their translations, of which each has as many, side by side.
    pub(crate) fn add_layouts(
        &self,
        sources: &[RgbImage],
        translations: &[RgbImage],
        layouts: &mut Layouts,
    ) -> Result<(), EvalError> {
        let Some(network) = &self.layout else { return Ok(()) };
        let maps = |images: &[RgbImage]| network.taps(&network.preparation().prepare(images, network.device()));
        let _guard = tch::no_grad_guard();
        let (of_sources, of_translations) = (maps(sources), maps(translations));
        let each = translations.len() / sources.len();
        for translation in 0..translations.len() {
            for tap in LAYOUT_TAPS {
                let tokens = |maps: &[Tensor], image: usize| structure::tokens(&maps[tap].get(image as i64));
                let (a, b) = (tokens(&of_sources, translation / each)?, tokens(&of_translations, translation)?);
                for (_, name, of_tokens) in self.settings.layouts() {
                    layouts.add(name, of_tokens(&a, &b)?);
                }
            }
        }
        layouts.maps += translations.len() * LAYOUT_TAPS.len();
        Ok(())
    }

    /// The layout of pictures compared with their own.
    pub(crate) fn of_unchanged_layouts(&self) -> BTreeMap<String, f64> {
        self.settings.layouts().map(|(_, name, _)| (name.to_owned(), 0.0)).collect()
    }
}

/// Scores that compare the layouts of pictures with those of their translations, summed over maps of fixed features.
#[derive(Debug, Default)]
pub(crate) struct Layouts {
    sums: BTreeMap<&'static str, f64>,
    /// Pairs of maps.
    maps: usize,
}

impl Layouts {
    fn add(&mut self, name: &'static str, score: f64) {
        *self.sums.entry(name).or_default() += score;
    }

    /// Means over pairs of pictures and their maps.
    pub(crate) fn means(&self) -> impl Iterator<Item = (String, f64)> {
        self.sums.iter().map(|(name, sum)| ((*name).to_owned(), sum / self.maps as f64))
    }
}

/// [`structure::distance_of_tokens`].
fn structure_distance(a: &Tensor, b: &Tensor) -> Result<f64, EvalError> {
    Ok(structure::distance_of_tokens(a, b)?)
}

/// Mean over the patches of two maps [P, C] of the Jensen–Shannon divergence of their similarity distributions (Eq. 1–3), in nats,
/// 0 to ln 2.
fn relations(a: &Tensor, b: &Tensor) -> Result<f64, EvalError> {
    let sum = semantic_relation_consistency(b, a, 1, Gradient::Recorded).map_err(EvalError::Loss)?;
    Ok(sum.double_value(&[]) / a.size()[0] as f64)
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
