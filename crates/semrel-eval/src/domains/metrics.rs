//! The networks that measure translations between domains.

use crate::{EvalError, ExtractorChoice, PerceptualDistance};
use semrel_metrics::EfficientNetLite0;
use semrel_metrics::extractor::Extractor;
use semrel_metrics::networks;
use tch::Device;

/// The extractor of the Fréchet distance, the perceptual distance, and the network that a classifier sees images with.
///
/// Where two of them are one network, images pass it once.
pub struct DomainMetrics {
    extractor: Box<dyn Extractor>,
    /// Absent where it compares the taps of the extractor.
    perceptual: Option<PerceptualDistance>,
    /// Absent where it is the extractor. Which domain an image shows is always judged by EfficientNet-Lite0, at which the
    /// classifier was chosen.
    classifying: Option<EfficientNetLite0>,
}

impl DomainMetrics {
    /// Loads the networks that `eval.extractor` and `eval.perceptual` name.
    ///
    /// # Errors
    /// Names the config key: unknown names, weights that are missing (and the command that fetches them).
    pub fn load(extractor: ExtractorChoice<'_>, perceptual: &str, device: Device) -> Result<Self, EvalError> {
        let own_weights = extractor.weights.is_some();
        let (is_default, is_shared) =
            (extractor.name == networks::DEFAULT && !own_weights, extractor.name == perceptual && !own_weights);
        let perceptual = if is_shared { None } else { Some(PerceptualDistance::load(perceptual, device)?) };
        let classifying = if is_default { None } else { Some(EfficientNetLite0::load(device)?) };
        Ok(Self { extractor: extractor.load(device)?, perceptual, classifying })
    }

    /// The extractor of the Fréchet distance.
    pub fn extractor(&self) -> &dyn Extractor {
        self.extractor.as_ref()
    }

    /// The perceptual distance, where it does not compare the taps of the extractor.
    pub(super) fn perceptual(&self) -> Option<&PerceptualDistance> {
        self.perceptual.as_ref()
    }

    /// The network that a classifier sees images with.
    pub(super) fn classifying(&self) -> &dyn Extractor {
        self.classifying.as_ref().map_or(self.extractor(), |network| network)
    }

    /// What the perceptual distance is called.
    pub fn perceptual_name(&self) -> String {
        self.perceptual.as_ref().map_or_else(|| self.extractor.perceptual_name(), PerceptualDistance::name)
    }
}
