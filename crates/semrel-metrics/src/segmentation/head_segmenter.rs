//! The segmenter of a head that is fitted to photographs and labels at hand.
//!
//! It stands in where DRN's weights are not at hand, under a name of its own: its scores compare methods with one another and
//! are never those of DRN.

use super::head::{Head, HeadConfig, pooled_taps};
use super::head_cache;
use super::head_fit::{self, FitProgress};
use super::label_files::LabelFormat;
use super::pairs::Pair;
use super::segmenter::Segmenter;
use crate::extractor::{Extractor, common_size};
use crate::{EfficientNetLite0, MetricsError};
use image::RgbImage;
use semrel_nn::Net;
use semrel_nn::checkpoint::{Extras, StateDict, copy_into, load_any};
use std::ops::ControlFlow;
use std::path::PathBuf;
use tch::{Kind, Tensor};

/// Name that scores carry.
const NAME: &str = "effnet-lite0-head";

/// EfficientNet-Lite0 and a fitted head; named `effnet-lite0-head`.
#[derive(Debug)]
pub struct HeadSegmenter {
    extractor: EfficientNetLite0,
    head: Net<Head>,
    config: HeadConfig,
    fitted_to: String,
}

impl HeadSegmenter {
    /// Fits a head to photographs and their labels; the extractor's feature maps are computed once.
    ///
    /// `progress` is told of every batch and step; where it breaks, the fit ends with [`MetricsError::Interrupted`] and
    /// leaves nothing behind.
    ///
    /// # Errors
    /// [`MetricsError::Setting`], [`MetricsError::TooFew`], the first file that cannot be read.
    pub fn fit(
        extractor: EfficientNetLite0,
        pairs: &[Pair],
        format: LabelFormat,
        config: &HeadConfig,
        progress: &mut dyn FnMut(FitProgress) -> ControlFlow<()>,
    ) -> Result<Self, MetricsError> {
        Self::cached_at(extractor, pairs, format, config, |_| None, progress)
    }

    /// As [`HeadSegmenter::fit`], unless `segmenters/` beside the weights folder holds the head of the same pictures,
    /// labels, settings and extractor, told by a digest of their contents. A new fit is kept there; a folder that cannot be
    /// written only costs the next fit.
    ///
    /// # Errors
    /// As [`HeadSegmenter::fit`].
    pub fn cached(
        extractor: EfficientNetLite0,
        pairs: &[Pair],
        format: LabelFormat,
        config: &HeadConfig,
        progress: &mut dyn FnMut(FitProgress) -> ControlFlow<()>,
    ) -> Result<Self, MetricsError> {
        Self::cached_at(extractor, pairs, format, config, head_cache::place, progress)
    }

    /// As [`HeadSegmenter::cached`], with the file that `place` makes of what the head is fitted to.
    pub(super) fn cached_at(
        extractor: EfficientNetLite0,
        pairs: &[Pair],
        format: LabelFormat,
        config: &HeadConfig,
        place: impl FnOnce(&str) -> Option<PathBuf>,
        progress: &mut dyn FnMut(FitProgress) -> ControlFlow<()>,
    ) -> Result<Self, MetricsError> {
        config.check()?;
        let fitted_to = head_cache::digest(pairs, format, config)?;
        let place = place(&fitted_to);
        let device = extractor.device();
        let kept = || -> Option<Net<Head>> {
            let state = load_any(place.as_ref().filter(|place| place.is_file())?).ok()?;
            let head = Head::new(config, device);
            copy_into(&head.state(), &state, Extras::Refuse).is_ok().then_some(head)
        };
        if let Some(head) = kept() {
            return Ok(Self { extractor, head, config: config.clone(), fitted_to });
        }
        // Rows of a table that end together would fit the same head twice.
        let _turn = place.as_ref().map(|place| head_cache::turn(place, progress)).transpose()?;
        let head = match kept() {
            Some(head) => head,
            None => head_fit::fit(&extractor, pairs, format, config, progress)?,
        };
        if let Some(place) = &place {
            head_cache::keep(place, &head.state(), config);
        }
        Ok(Self { extractor, head, config: config.clone(), fitted_to })
    }

    /// State dict of the head.
    pub fn state(&self) -> StateDict {
        self.head.state()
    }

    /// Digest of all that the fit went by: extractor, settings, and the contents of pictures and labels. It is the same on every
    /// machine, which the fitted weights are not to the last bit.
    pub fn fitted_to(&self) -> &str {
        &self.fitted_to
    }

    /// Settings that it was fitted with.
    pub fn config(&self) -> &HeadConfig {
        &self.config
    }
}

impl Segmenter for HeadSegmenter {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Images are resized to the size of the fit, and the log-probabilities of the cells back to that of the images.
    fn class_scores(&self, images: &[RgbImage]) -> Result<Tensor, MetricsError> {
        let _guard = tch::no_grad_guard();
        let (width, height) = common_size(images)?;
        let batch = self.config.preparation(&self.extractor).prepare(images, self.extractor.device());
        let cells = self.head.forward(&pooled_taps(&self.extractor, &batch)).log_softmax(1, Kind::Float);
        Ok(cells.upsample_bilinear2d([height.into(), width.into()], false, None, None))
    }
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;
