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
        config.check()?;
        let fitted_to = head_cache::digest(pairs, format, config)?;
        let head = head_fit::fit(&extractor, pairs, format, config, progress)?;
        Ok(Self { extractor, head, config: config.clone(), fitted_to })
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
        if let Some(state) = place.as_ref().filter(|place| place.is_file()).and_then(|place| load_any(place).ok()) {
            let head = Head::new(config, extractor.device());
            if copy_into(&head.state(), &state, Extras::Refuse).is_ok() {
                return Ok(Self { extractor, head, config: config.clone(), fitted_to });
            }
        }
        let head = head_fit::fit(&extractor, pairs, format, config, progress)?;
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
mod tests {
    use super::super::labels::colors_of_ids;
    use super::super::pairs::pairs_by_stem;
    use super::*;
    use image::{GrayImage, Luma, Rgb};
    use rand::RngExt;
    use std::path::Path;
    use tch::Device;

    const SMALL: HeadConfig =
        HeadConfig { width: 64, height: 64, channels: 16, steps: 60, batch: 4, lr: 1e-2, seed: 1 };

    /// An extractor of made-up weights: what is tested here does not depend on them.
    fn extractor() -> EfficientNetLite0 {
        let state = crate::efficientnet_lite0::empty_state();
        let mut rng = semrel_data::rng::stream(5, "weights", 0);
        for (key, tensor) in &state {
            let bound =
                if tensor.dim() > 1 { (6.0 * tensor.size()[0] as f64 / tensor.numel() as f64).sqrt() } else { 0.1 };
            let middle = if key.ends_with("running_var") { 1.0 } else { 0.0 };
            let values: Vec<f64> =
                (0..tensor.numel()).map(|_| middle + bound * (2.0 * rng.random::<f64>() - 1.0)).collect();
            tch::no_grad(|| tensor.shallow_clone().copy_(&Tensor::from_slice(&values).view_as(tensor)));
        }
        EfficientNetLite0::from_state(&state, Device::Cpu).unwrap()
    }

    /// Noisy sky over noisy road, with a horizon of its own in each of eight images; labels as colours and as ids.
    fn scenes(folder: &Path) -> [Vec<Pair>; 2] {
        let mut rng = semrel_data::rng::stream(3, "scenes", 0);
        for i in 0..8 {
            let sky = |y: u32| y < 20 + 3 * i;
            let ids = GrayImage::from_fn(64, 64, |_, y| Luma([if sky(y) { 10 } else { 0 }]));
            let photo = RgbImage::from_fn(64, 64, |_, y| {
                let base: [u8; 3] = if sky(y) { [120, 160, 220] } else { [90, 80, 80] };
                Rgb(base.map(|v| v + rng.random_range(0..30)))
            });
            let write = |kind: &str| folder.join(kind).join(format!("{i}.png"));
            semrel_data::image_io::write_image(&write("photos"), &photo).unwrap();
            semrel_data::image_io::write_image(&write("ids"), &ids).unwrap();
            semrel_data::image_io::write_image(&write("colors"), &colors_of_ids(&ids)).unwrap();
        }
        ["ids", "colors"].map(|kind| pairs_by_stem(&folder.join("photos"), &folder.join(kind)).unwrap())
    }

    fn go(_: FitProgress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn same(a: &StateDict, b: &StateDict) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && a.equal(b))
    }

    #[test]
    fn heads_are_kept_by_content_and_an_interrupted_fit_leaves_nothing() {
        let network = extractor();
        let dir = tempfile::tempdir().unwrap();
        let [pairs, _] = scenes(dir.path());
        let config = HeadConfig { steps: 3, ..SMALL };
        let digest = |config: &HeadConfig| head_cache::digest(&pairs, LabelFormat::TrainId, config).unwrap();
        let named = |fitted_to: &str| Some(dir.path().join("cache").join(format!("{fitted_to}.safetensors")));
        let fitted_to = digest(&config);
        let place = named(&fitted_to).unwrap();
        let cached = |network, progress: &mut dyn FnMut(FitProgress) -> ControlFlow<()>| {
            HeadSegmenter::cached_at(network, &pairs, LabelFormat::TrainId, &config, named, progress)
        };
        let stopped = cached(network, &mut |state| match state {
            FitProgress::Steps { done: 2, .. } => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        });
        assert!(matches!(stopped, Err(MetricsError::Interrupted)));
        assert!(!place.exists());
        let fitted = cached(extractor(), &mut go).unwrap();
        let kept = cached(extractor(), &mut |_| panic!("fitted again")).unwrap();
        assert!(same(&fitted.state(), &kept.state()));
        assert_eq!([fitted.fitted_to(), kept.fitted_to()], [fitted_to.as_str(); 2]);
        assert_ne!(digest(&HeadConfig { seed: 2, ..config.clone() }), fitted_to);
        // A damaged file is fitted anew.
        std::fs::write(&place, b"damaged").unwrap();
        assert!(same(&cached(extractor(), &mut go).unwrap().state(), &fitted.state()));
        let photo = &pairs[0].photo;
        semrel_data::image_io::write_image(photo, &RgbImage::new(64, 64)).unwrap();
        assert_ne!(digest(&config), fitted_to);
    }

    #[test]
    fn settings_and_labels_are_checked() {
        let network = extractor();
        let odd = HeadConfig { width: 250, ..HeadConfig::default() };
        let text = HeadSegmenter::fit(network, &[], LabelFormat::Color, &odd, &mut go).unwrap_err().to_string();
        assert!(text.contains("multiples of 32"), "{text}");
        let dir = tempfile::tempdir().unwrap();
        let [pairs, _] = scenes(dir.path());
        let ignored = GrayImage::from_pixel(64, 64, Luma([255]));
        pairs.iter().for_each(|p| semrel_data::image_io::write_image(&p.label, &ignored).unwrap());
        let fit = HeadSegmenter::fit(extractor(), &pairs, LabelFormat::TrainId, &SMALL, &mut go);
        assert!(matches!(fit, Err(MetricsError::TooFew { .. })));
    }
}
