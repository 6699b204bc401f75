//! Which networks measure: the extractor of the Fréchet distance, and the perceptual distance.

use crate::EvalError;
use crate::error::AtKey;
use image::RgbImage;
use semrel_metrics::extractor::Extractor;
use semrel_metrics::networks::{self, Lpips, lpips};
use semrel_metrics::perceptual::{distance_and_features_of_images, distance_of_images};
use std::fmt;
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// Config key of the extractor.
pub const EXTRACTOR: &str = "eval.extractor";
/// Config key of its weights.
pub const EXTRACTOR_WEIGHTS: &str = "eval.extractor_weights";
/// Config key of the perceptual distance.
pub const PERCEPTUAL: &str = "eval.perceptual";

/// Name of LPIPS over AlexNet, beside those of the extractors.
pub const LPIPS: &str = "lpips-alex";

/// The way out that an error names where published weights are missing.
const WITHOUT: &str = "fetch or import the weights that are named below, or measure with those that every setup has: \
                       --set eval.extractor=effnet-lite0";
const WITHOUT_LPIPS: &str = "fetch or import the weights that are named below, or measure with those that every setup has: \
                             --set eval.perceptual=effnet-lite0";

/// An extractor as a configuration names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtractorChoice<'a> {
    /// One of [`networks::NAMES`] (`eval.extractor`).
    pub name: &'a str,
    /// A file of its weights in place of the published one (`eval.extractor_weights`).
    pub weights: Option<&'a Path>,
}

impl ExtractorChoice<'_> {
    /// Loads it.
    ///
    /// # Errors
    /// Names the config key: an unknown name, weights that are missing (and the command that fetches them), damaged or of
    /// another network.
    pub fn load(self, device: Device) -> Result<Box<dyn Extractor>, EvalError> {
        match self.weights {
            // A wrong name is no fault of the file.
            Some(file) => networks::published(self.name)
                .at_key(EXTRACTOR)
                .and_then(|_| networks::load_file(self.name, file, device).at_key(EXTRACTOR_WEIGHTS)),
            None => networks::load(self.name, device).map_err(|error| missing(error, EXTRACTOR, WITHOUT, self.name)),
        }
    }
}

/// An error of a key, with the way out unless the default itself is what fails.
fn missing(error: impl Into<EvalError>, key: &str, remedy: &'static str, name: &str) -> EvalError {
    let source = error.into();
    let weights = matches!(&source, EvalError::Metrics(semrel_metrics::MetricsError::Weights(_)));
    let remedy = (weights && name != networks::DEFAULT).then_some(remedy);
    EvalError::Key { key: key.to_owned(), remedy, source: Box::new(source) }
}

/// How far the outputs of one source are apart.
pub enum PerceptualDistance {
    /// LPIPS over AlexNet, of outputs as the generator gives them.
    Lpips {
        /// The network.
        network: Lpips,
        /// What scores are called: `LPIPS`, or after weights that are not the published ones.
        name: String,
    },
    /// The distance over another network's feature maps, of 8-bit pictures.
    Features(Box<dyn Extractor>),
}

impl fmt::Debug for PerceptualDistance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PerceptualDistance").field(&self.name()).finish()
    }
}

impl PerceptualDistance {
    /// Names that `eval.perceptual` takes.
    pub fn names() -> Vec<&'static str> {
        [&networks::NAMES[..], &[LPIPS]].concat()
    }

    /// Loads the one that `eval.perceptual` names.
    ///
    /// # Errors
    /// Names the config key: an unknown name, weights that are missing (and the command that fetches them).
    pub fn load(name: &str, device: Device) -> Result<Self, EvalError> {
        if name != LPIPS {
            if !networks::NAMES.contains(&name) {
                let known = Self::names().join(", ");
                let unknown = semrel_metrics::MetricsError::Unknown { what: "network", name: name.to_owned(), known };
                return Err(EvalError::from(unknown).at_key(PERCEPTUAL));
            }
            let network = networks::load(name, device);
            return network.map(Self::Features).map_err(|error| missing(error, PERCEPTUAL, WITHOUT_LPIPS, name));
        }
        let load = || -> Result<_, semrel_metrics::MetricsError> { Ok((lpips::load(device)?, lpips::examine()?)) };
        let (network, examined) = load().map_err(|error| missing(error, PERCEPTUAL, WITHOUT_LPIPS, name))?;
        Ok(Self::Lpips { network, name: networks::lpips_score_name(&examined) })
    }

    /// What scores are called: `LPIPS`, `PD(effnet-lite0)`.
    pub fn name(&self) -> String {
        match self {
            Self::Lpips { name, .. } => name.clone(),
            Self::Features(network) => network.perceptual_name(),
        }
    }

    /// The network whose feature maps of 8-bit pictures are compared, if that is how it is done.
    pub fn extractor(&self) -> Option<&dyn Extractor> {
        match self {
            Self::Lpips { .. } => None,
            Self::Features(network) => Some(network.as_ref()),
        }
    }

    /// Distances of pairs of 8-bit pictures.
    ///
    /// # Errors
    /// As many pictures on both sides are expected, at least one, and for LPIPS pictures of 31 pixels or more.
    pub fn of_pairs(&self, left: &[RgbImage], right: &[RgbImage]) -> Result<Vec<f64>, EvalError> {
        Ok(match self {
            Self::Lpips { network, .. } => network.distance_of_images(left, right)?,
            Self::Features(network) => distance_of_images(network.as_ref(), left, right)?,
        })
    }

    /// [`PerceptualDistance::of_pairs`], and the features [N, d] of the left pictures where `extractor` is the network that
    /// compares: both come from one pass then.
    ///
    /// # Errors
    /// As [`PerceptualDistance::of_pairs`].
    pub fn of_pairs_with_features(
        &self,
        left: &[RgbImage],
        right: &[RgbImage],
        extractor: &dyn Extractor,
    ) -> Result<(Vec<f64>, Option<Tensor>), EvalError> {
        match self {
            // Networks are named after their weights.
            Self::Features(network) if network.name() == extractor.name() => {
                let (distances, features) = distance_and_features_of_images(network.as_ref(), left, right)?;
                Ok((distances, Some(features)))
            }
            _ => Ok((self.of_pairs(left, right)?, None)),
        }
    }

    /// LPIPS of a batch as the official multi-modal protocol takes it: the mean over all pairs of its outputs, each
    /// `[n, 3, H, W]` in [−1, 1], neither clamped nor quantised, of the same n sources. `None` where other feature maps are
    /// compared.
    ///
    /// # Errors
    /// Fewer than two outputs, and sides below 63.
    pub fn of_outputs(&self, outputs: &[Tensor]) -> Option<Result<f64, EvalError>> {
        let Self::Lpips { network, .. } = self else { return None };
        let mean = network.pair_distances(outputs).map(|pairs| pairs.mean(Kind::Double).double_value(&[]));
        Some(mean.map_err(EvalError::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use semrel_metrics::weights::{ALEXNET, Check, Examined, LPIPS_ALEX};

    fn refused(error: EvalError) -> String {
        let mut text = error.to_string();
        let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&error);
        while let Some(error) = cause {
            text += &format!(": {error}");
            cause = error.source();
        }
        text
    }

    #[test]
    fn unknown_names_list_those_that_there_are() {
        let choice = |name, weights| ExtractorChoice { name, weights }.load(Device::Cpu).map(drop).unwrap_err();
        let text = refused(choice("inception", None));
        assert!(
            text.contains("`eval.extractor`: no extractor inception; the known ones are effnet-lite0, effnet-lite2,"),
            "{text}"
        );
        let text = refused(choice("inception", Some(Path::new("x.pth"))));
        assert!(text.contains("`eval.extractor`: no extractor inception"), "{text}");
        let text = refused(choice("inception-fid", Some(Path::new("no-such-file.pth"))));
        assert!(text.contains("`eval.extractor_weights`") && text.contains("no-such-file.pth"), "{text}");
        let text = refused(PerceptualDistance::load("lpips", Device::Cpu).unwrap_err());
        assert!(text.contains("`eval.perceptual`: no network lpips") && text.contains("lpips-alex"), "{text}");
    }

    #[test]
    fn missing_weights_name_the_command_that_fetches_them_and_the_way_without() {
        // Published nowhere that a test could reach.
        let error = semrel_metrics::MetricsError::from(
            semrel_metrics::weights::FID_INCEPTION.locate_in("no-such-folder".into()).unwrap_err(),
        );
        let text = refused(missing(error, EXTRACTOR, WITHOUT, "inception-fid"));
        assert!(text.contains("cargo xtask weights") && text.contains("--set eval.extractor=effnet-lite0"), "{text}");
    }

    #[test]
    fn only_published_weights_make_lpips() {
        let file = |check| Examined { path: "heads.pth".into(), sha256: "0123456789".into(), file: LPIPS_ALEX, check };
        assert_eq!(networks::lpips_score_name(&[file(Check::Matches), file(Check::Unpublished)]), "LPIPS");
        let other = Examined { file: ALEXNET, ..file(Check::Differs { expected: "7be5be79" }) };
        assert_eq!(networks::lpips_score_name(&[file(Check::Matches), other]), "PD(lpips-alex, heads.pth 01234567)");
    }
}
