//! A small segmentation head on the feature maps of EfficientNet-Lite0: its settings and its layers.
//!
//! A feature pyramid in the manner of Kirillov et al. (CVPR 2019): a 1 × 1 convolution per tap, bilinearly enlarged to a quarter
//! of the image, summed; a 3 × 3 and a 1 × 1 convolution.

use super::labels::CLASSES;
use crate::extractor::{Extractor, Preparation, Resize};
use crate::{EfficientNetLite0, MetricsError};
use rand::RngExt;
use semrel_data::resize::Filter;
use semrel_nn::Net;
use tch::{Device, Tensor, nn, nn::Module};

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
