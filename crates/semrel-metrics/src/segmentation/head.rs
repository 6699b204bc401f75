//! A small segmentation head on the feature maps of EfficientNet-Lite0, fitted to photographs and labels at hand.
//!
//! It stands in where DRN's weights are not at hand, under a name of its own: its scores compare methods with one
//! another and are never those of DRN. A feature pyramid in the manner of Kirillov et al. (CVPR 2019): a 1 × 1
//! convolution per tap, bilinearly enlarged to a quarter of the image, summed; a 3 × 3 and a 1 × 1 convolution.

use super::head_cache;
use super::head_fit::{self, FitProgress};
use super::label_files::LabelFormat;
use super::labels::CLASSES;
use super::pairs::Pair;
use super::segmenter::Segmenter;
use crate::extractor::{Extractor, Preparation, Resize, common_size};
use crate::{EfficientNetLite0, MetricsError};
use image::RgbImage;
use rand::RngExt;
use semrel_data::resize::Filter;
use semrel_nn::Net;
use semrel_nn::checkpoint::{Extras, StateDict, copy_into, load_any};
use std::ops::ControlFlow;
use std::path::PathBuf;
use tch::{Device, Kind, Tensor, nn, nn::Module};

/// Name that scores carry.
const NAME: &str = "effnet-lite0-head";

/// Channels of the extractor's taps, at strides 2 to 32.
const TAPS: [i64; 5] = [16, 24, 40, 112, 320];

/// Side in pixels of a cell, the unit that the head labels.
pub(super) const CELL: u32 = 4;

/// Sides are multiples of the last tap's stride.
const STRIDE: u32 = 32;

/// Settings of the head and of its fit. A fit is a function of them, the pictures, and the number of threads.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadConfig {
    /// Width that photographs are resized to, a multiple of 32.
    pub width: u32,
    /// Height likewise.
    pub height: u32,
    /// Channels of the head.
    pub channels: i64,
    /// Steps of the fit.
    pub steps: u64,
    /// Images per step.
    pub batch: usize,
    /// Largest learning rate of Adam.
    pub lr: f64,
    /// Seed of the start and of the order of the images.
    pub seed: u64,
}

impl Default for HeadConfig {
    fn default() -> Self {
        Self { width: 256, height: 256, channels: 64, steps: 1500, batch: 8, lr: 3e-3, seed: 0 }
    }
}

impl HeadConfig {
    pub(super) fn check(&self) -> Result<(), MetricsError> {
        let Self { width, height, channels, steps, batch, lr, .. } = *self;
        let side = |side: u32| side > 0 && side.is_multiple_of(STRIDE);
        if side(width) && side(height) && channels > 0 && steps > 0 && batch > 0 && lr > 0.0 && lr.is_finite() {
            return Ok(());
        }
        Err(MetricsError::Setting(format!(
            "{self:?}: width and height must be multiples of {STRIDE}, channels, steps, batch and lr above 0"
        )))
    }

    /// The extractor's normalisation at the head's size.
    pub(super) fn preparation(&self, extractor: &EfficientNetLite0) -> Preparation {
        Preparation {
            width: self.width,
            height: self.height,
            resize: Resize::Pillow(Filter::Bicubic),
            ..extractor.preparation()
        }
    }
}

/// The layers. State-dict keys: `taps.<i>.weight`, `taps.<i>.mean`, `taps.<i>.std`, `fuse.*`, `classify.*`.
#[derive(Debug)]
pub(super) struct Head {
    taps: Vec<Tap>,
    bias: Tensor,
    fuse: nn::Conv2D,
    classify: nn::Conv2D,
}

#[derive(Debug)]
struct Tap {
    weight: Tensor,
    mean: Tensor,
    std: Tensor,
}

impl Head {
    /// A head whose weights are drawn from a stream of the seed: uniform with variance 2/fan_in.
    pub(super) fn new(config: &HeadConfig, device: Device) -> Net<Self> {
        let net = Net::new(device, |path| Self::build(path, config.channels));
        let mut rng = semrel_data::rng::stream(config.seed, "segmenter.init", 0);
        let _guard = tch::no_grad_guard();
        for (key, mut tensor) in net.state() {
            if key.ends_with("weight") {
                let fan_in: i64 = tensor.size()[1..].iter().product();
                let bound = (6.0 / fan_in as f64).sqrt();
                let values: Vec<f32> =
                    (0..tensor.numel()).map(|_| (bound * (2.0 * rng.random::<f64>() - 1.0)) as f32).collect();
                tensor.copy_(&Tensor::from_slice(&values).view_as(&tensor));
            } else if key.ends_with("bias") {
                let _ = tensor.zero_();
            }
        }
        net
    }

    fn build(path: &nn::Path, channels: i64) -> Self {
        let taps = TAPS.iter().enumerate().map(|(i, &inputs)| {
            let path = path / "taps" / i;
            Tap {
                weight: path.var("weight", &[channels, inputs, 1, 1], nn::Init::Const(0.0)),
                mean: path.zeros_no_train("mean", &[inputs]),
                std: path.ones_no_train("std", &[inputs]),
            }
        });
        let padded = nn::ConvConfig { padding: 1, ..Default::default() };
        Self {
            taps: taps.collect(),
            bias: path.zeros("bias", &[channels]),
            fuse: nn::conv2d(path / "fuse", channels, channels, 3, padded),
            classify: nn::conv2d(path / "classify", channels, CLASSES as i64, 1, Default::default()),
        }
    }

    /// Sets the normalisation of tap `i` [C] each.
    pub(super) fn set_normalisation(&self, i: usize, mean: &Tensor, std: &Tensor) {
        let _guard = tch::no_grad_guard();
        self.taps[i].mean.shallow_clone().copy_(mean);
        self.taps[i].std.shallow_clone().copy_(std);
    }

    /// Logits [N, 19, H/4, W/4] of pooled taps ([`pooled_taps`]).
    pub(super) fn forward(&self, taps: &[Tensor]) -> Tensor {
        let size: [i64; 2] = [taps[0].size()[2], taps[0].size()[3]];
        let channel = |t: &Tensor| t.view([1, -1, 1, 1]);
        let projected = self.taps.iter().zip(taps).map(|(tap, features)| {
            let normal = (features - channel(&tap.mean)) / channel(&tap.std);
            // A 1 × 1 convolution commutes with the resize: it comes first, where there are fewer pixels.
            let projected = normal.conv2d(&tap.weight, None::<Tensor>, [1, 1], [0, 0], [1, 1], 1);
            let small = projected.size()[2..] != size;
            if small { projected.upsample_bilinear2d(size, false, None, None) } else { projected }
        });
        let sum = projected.fold(channel(&self.bias), |sum, tap| sum + tap);
        self.classify.forward(&self.fuse.forward(&sum.relu()).relu())
    }
}

/// The extractor's taps of prepared images, the first pooled to the size of the second: cells of 4 × 4 pixels.
pub(super) fn pooled_taps(extractor: &EfficientNetLite0, batch: &Tensor) -> Vec<Tensor> {
    let mut taps = extractor.taps(batch);
    taps[0] = taps[0].avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None);
    taps
}

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
#[path = "head_tests.rs"]
mod tests;
