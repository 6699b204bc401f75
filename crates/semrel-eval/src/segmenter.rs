//! The segmenter that looks at translations.

use crate::error::AtKey;
use crate::labels::Labels;
use crate::{EvalError, ImageSet};
use rayon::prelude::*;
use semrel_data::image_io::write_image;
use semrel_metrics::MetricsError;
use semrel_metrics::networks::Drn;
use semrel_metrics::networks::drn::Arch;
use semrel_metrics::segmentation::{self, LabelFormat, Pair, fit_or_find, pairs_by_stem};
use semrel_metrics::weights::{DRN_D_22, DRN_D_105};
use std::fmt;
use std::path::Path;
use tch::Device;

/// Config key of the segmenter.
pub const SEGMENTER: &str = "eval.segmenter";
/// Config key of its weights.
pub const SEGMENTER_WEIGHTS: &str = "eval.segmenter_weights";
/// Config key that asks for segmentation scores.
pub const SEGMENTATION: &str = "eval.segmentation";

/// The head that is fitted to the photographs and labels of the training set, over EfficientNet-Lite0.
pub const HEAD: &str = "effnet-lite0-head";

/// Names that `eval.segmenter` takes.
pub const SEGMENTERS: [&str; 3] = [HEAD, "drn-d-22", "drn-d-105"];

const WITHOUT: &str = "import the weights that are named below, or fit a segmenter to the training set: \
                       --set eval.segmenter=effnet-lite0-head";

/// A segmenter as a configuration names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmenterChoice<'a> {
    /// One of [`SEGMENTERS`] (`eval.segmenter`).
    pub name: &'a str,
    /// A file of its weights in place of the published one (`eval.segmenter_weights`).
    pub weights: Option<&'a Path>,
    /// Steps of the fit of a head (`eval.segmenter_steps`).
    pub steps: u64,
}

impl SegmenterChoice<'_> {
    /// The architecture that is asked for; `None` for the head.
    fn arch(self) -> Result<Option<Arch>, EvalError> {
        let arch = match self.name {
            HEAD => None,
            "drn-d-22" => Some(Arch::D22),
            "drn-d-105" => Some(Arch::D105),
            _ => {
                let (name, known) = (self.name.to_owned(), SEGMENTERS.join(", "));
                return Err(EvalError::UnknownSegmenter { name, known }.at_key(SEGMENTER));
            }
        };
        if arch.is_none() && self.weights.is_some() {
            let (name, instead) = (HEAD.to_owned(), "`eval.segmenter: drn-d-22` or `drn-d-105`".to_owned());
            return Err(EvalError::WeightsForNone { name, instead }.at_key(SEGMENTER_WEIGHTS));
        }
        Ok(arch)
    }

    fn drn(self, arch: Arch, device: Device) -> Result<Drn, EvalError> {
        match self.weights {
            Some(file) => Drn::load_file(arch, file, device).at_key(SEGMENTER_WEIGHTS),
            None => Drn::load(arch, device).map_err(|error| {
                let missing = matches!(error, MetricsError::Weights(_));
                let (key, remedy) = (SEGMENTER.to_owned(), missing.then_some(WITHOUT));
                EvalError::Key { key, remedy, source: Box::new(error.into()) }
            }),
        }
    }

    /// Refuses what [`Segmenter::open`] would, without a fit: unknown names, weights that are missing or of another network, and,
    /// for a head, training images and labels that cannot be read or do not belong together.
    ///
    /// # Errors
    /// As [`Segmenter::open`].
    pub fn check(self, photographs: &ImageSet, labels: &ImageSet, quiet: bool) -> Result<(), EvalError> {
        if let Some(arch) = self.arch()? {
            return self.drn(arch, Device::Cpu).map(drop);
        }
        if labels.half().is_none() {
            pairs_by_stem(photographs.folder(), labels.folder()).map_err(of_training_set)?;
        }
        photographs.check("photographs of the segmenter", quiet).map_err(of_training_set)?;
        Labels::of_colors(labels.clone()).check("labels of the segmenter", quiet).map_err(of_training_set)
    }

    /// Refuses unknown names, and weights that are missing or of another network. Looks at no image.
    ///
    /// # Errors
    /// Names the config key.
    pub fn check_weights(self) -> Result<(), EvalError> {
        self.arch()?.map_or(Ok(()), |arch| self.drn(arch, Device::Cpu).map(drop))
    }
}

fn of_training_set(error: impl Into<EvalError>) -> EvalError {
    error.into().of("photographs and labels of the training set").at_key(SEGMENTATION)
}

/// A segmenter, with what tells it from others of its name.
pub struct Segmenter {
    network: Box<dyn segmentation::Segmenter>,
    name: String,
    digest: String,
}

impl fmt::Debug for Segmenter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Segmenter").field(&self.name()).finish()
    }
}

impl Segmenter {
    /// Loads the network that is chosen, or fits a head to the photographs and labels of the training set.
    ///
    /// # Errors
    /// Weights that are missing or of another network; pictures that are not photographs and labels.
    pub fn open(
        choice: SegmenterChoice<'_>,
        photographs: &ImageSet,
        labels: &ImageSet,
        device: Device,
        quiet: bool,
    ) -> Result<Self, EvalError> {
        if let Some(arch) = choice.arch()? {
            let network = Box::new(choice.drn(arch, device)?);
            let (name, digest) = match choice.weights {
                // A score with weights of one's own is never named as if they were the published ones.
                Some(file) => {
                    let published = if arch == Arch::D22 { DRN_D_22 } else { DRN_D_105 };
                    let examined = published.examine(file).map_err(MetricsError::from).at_key(SEGMENTER_WEIGHTS)?;
                    (format!("{}, {}", arch.name(), examined.label()), examined.sha256)
                }
                None => (arch.name().to_owned(), "published".to_owned()),
            };
            return Ok(Self { network, name, digest });
        }
        // A head is fitted to files, each of one picture.
        let halves = tempfile::tempdir()
            .map_err(|source| EvalError::Io { what: "a temporary folder cannot be made".into(), source })?;
        let pairs = match labels.half() {
            Some(_) => write_halves(photographs, labels, halves.path()).map_err(of_training_set)?,
            None => pairs_by_stem(photographs.folder(), labels.folder()).map_err(of_training_set)?,
        };
        let head = fit_or_find(&pairs, LabelFormat::Color, choice.steps, device, quiet).map_err(of_training_set)?;
        // What it was fitted to, not its weights: those of another machine differ in roundings.
        let digest = head.fitted_to().to_owned();
        Ok(Self { name: HEAD.to_owned(), network: Box::new(head), digest })
    }

    /// Name that scores carry.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The network.
    pub fn network(&self) -> &dyn segmentation::Segmenter {
        self.network.as_ref()
    }

    /// Digest of its weights, or of what it was fitted to.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// Writes each half of aligned pictures to a file of its own.
fn write_halves(photographs: &ImageSet, labels: &ImageSet, folder: &Path) -> Result<Vec<Pair>, EvalError> {
    let write = |i: usize| -> Result<Pair, EvalError> {
        let name = format!("{i:06}.png");
        let pair = Pair { photo: folder.join("photos").join(&name), label: folder.join(&name) };
        for (set, path) in [(photographs, &pair.photo), (labels, &pair.label)] {
            write_image(path, &set.read(i)?)?;
        }
        Ok(pair)
    };
    (0..labels.len()).into_par_iter().map(write).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_weights_that_do_not_go_together_are_refused() {
        let check = |name, weights| {
            let error = SegmenterChoice { name, weights, steps: 1 }.check_weights().unwrap_err();
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            format!("{error}: {source}")
        };
        let text = check("drn", None);
        assert!(
            text.contains("`eval.segmenter`: no segmenter `drn`; the known ones are effnet-lite0-head, drn-d-22"),
            "{text}"
        );
        let text = check(HEAD, Some(Path::new("drn.pth")));
        assert!(text.contains("`eval.segmenter_weights`: effnet-lite0-head is fitted"), "{text}");
        let text = check("drn-d-105", Some(Path::new("no-such-file.pth")));
        assert!(text.contains("`eval.segmenter_weights`") && text.contains("no-such-file.pth"), "{text}");
        assert!(SegmenterChoice { name: HEAD, weights: None, steps: 1 }.check_weights().is_ok());
    }
}
