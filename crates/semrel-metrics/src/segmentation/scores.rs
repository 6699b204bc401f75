//! Scores of a confusion matrix, each as its published script defines it.

use super::confusion::Confusion;
use super::labels::CLASSES;
use crate::MetricsError;
use serde::{Deserialize, Serialize};

/// Pixels that the published accuracy script divides by: 500 images of 128 × 256.
const PUBLISHED_PIXELS: u64 = 128 * 256 * 500;

impl Confusion {
    /// Mean of the defined IoUs in percent, rounded to two decimals (half to even).
    ///
    /// This is both the "mAP" of the single-modal table, which is no average precision, and the mIoU of the compression
    /// table. A class in neither labels nor predictions is left out; one that is only predicted counts 0.
    ///
    /// # Errors
    /// [`MetricsError::TooFew`] where no pixel was counted.
    pub fn mean_iou_percent(&self) -> Result<f64, MetricsError> {
        Ok((self.mean_iou()? * 1e4).round_ties_even() / 100.0)
    }

    /// Mean of the defined IoUs in 0..1.
    ///
    /// # Errors
    /// As [`Confusion::mean_iou_percent`].
    pub fn mean_iou(&self) -> Result<f64, MetricsError> {
        self.not_empty()?;
        let defined: Vec<f64> = self.iou().into_iter().flatten().collect();
        Ok(defined.iter().sum::<f64>() / defined.len() as f64)
    }

    /// Share of the counted pixels whose prediction is right, in 0..1.
    ///
    /// # Errors
    /// As [`Confusion::mean_iou_percent`].
    pub fn pixel_accuracy(&self) -> Result<f64, MetricsError> {
        self.not_empty()?;
        Ok(self.correct() as f64 / self.counted() as f64)
    }

    /// Mean over the classes that are labelled of the share of their pixels that is right, in 0..1.
    ///
    /// # Errors
    /// As [`Confusion::mean_iou_percent`].
    pub fn class_accuracy(&self) -> Result<f64, MetricsError> {
        self.not_empty()?;
        let shares: Vec<f64> = (0..CLASSES)
            .map(|c| self.class(c))
            .filter(|[_, row, _]| *row > 0)
            .map(|[both, row, _]| both as f64 / row as f64)
            .collect();
        Ok(shares.iter().sum::<f64>() / shares.len() as f64)
    }

    fn not_empty(&self) -> Result<(), MetricsError> {
        let found = self.counted() as i64;
        if found == 0 { Err(MetricsError::TooFew { what: "labelled pixels", found, needed: 1 }) } else { Ok(()) }
    }
}

/// How the accuracies of the single-modal table are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AccuracyMode {
    /// Colours in the right order; divided by the number of pixels.
    #[default]
    Corrected,
    /// As published: red and blue exchanged ([`super::ChannelOrder::Swapped`]); divided by 128 · 256 · 500 pixels,
    /// whatever their number is. The paper's numbers contain both.
    Compatible,
}

/// What the published accuracy script prints.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accuracy {
    /// `100·Σ M_cc/pixels`. Pixels without class count in the divisor, so even a perfect prediction stays below 100 where
    /// there are some.
    pub pixel_percent: f64,
    /// `100/19·Σ M_cc/(row_c + 1e-12)`: absent classes count 0.
    pub class_percent: f64,
    /// `1/19·Σ M_cc/(row_c + column_c − M_cc + 1e-6)`, in 0..1: absent classes count 0. The paper does not use it.
    pub mean_iou: f64,
}

impl Accuracy {
    /// Scores of a matrix whose ids were made from colours in the order that belongs to `mode`
    /// ([`super::pipeline::accuracy_confusion`] does so).
    ///
    /// The published script sums in single precision, which shows in its sixth digit; here sums are exact.
    ///
    /// # Errors
    /// [`MetricsError::TooFew`] where no pixel was counted.
    pub fn new(confusion: &Confusion, mode: AccuracyMode) -> Result<Self, MetricsError> {
        confusion.not_empty()?;
        let pixels = match mode {
            AccuracyMode::Corrected => confusion.pixels(),
            AccuracyMode::Compatible => PUBLISHED_PIXELS,
        };
        let mean = |score: fn([f64; 3]) -> f64| {
            (0..CLASSES).map(|c| score(confusion.class(c).map(|count| count as f64))).sum::<f64>() / CLASSES as f64
        };
        Ok(Self {
            pixel_percent: 100.0 * confusion.correct() as f64 / pixels as f64,
            class_percent: 100.0 * mean(|[both, row, _]| both / (row + 1e-12)),
            mean_iou: mean(|[both, row, column]| both / (row + column - both + 1e-6)),
        })
    }
}

/// Accuracies and mean IoU of a segmenter's predictions, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SegmentationMetrics {
    /// Share of the pixels whose class was predicted correctly; pixels without label count as wrong.
    pub pixel_accuracy: f64,
    /// The same by class, mean over the 19 classes; absent ones count 0.
    pub class_accuracy: f64,
    /// Mean IoU over the classes that occur: the single-modal table's "mAP", the compression table's mIoU.
    pub mean_iou: f64,
}

impl SegmentationMetrics {
    /// Corrected accuracies and mean IoU of a matrix.
    ///
    /// # Errors
    /// [`MetricsError::TooFew`] where no pixel was counted.
    pub fn new(confusion: &Confusion) -> Result<Self, MetricsError> {
        let accuracy = Accuracy::new(confusion, AccuracyMode::Corrected)?;
        Ok(Self {
            pixel_accuracy: accuracy.pixel_percent,
            class_accuracy: accuracy.class_percent,
            mean_iou: confusion.mean_iou_percent()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::GrayImage;

    fn confusion(labels: &[u8], predictions: &[u8]) -> Confusion {
        let row = |ids: &[u8]| GrayImage::from_raw(ids.len() as u32, 1, ids.to_vec()).unwrap();
        let mut confusion = Confusion::default();
        confusion.add(&row(labels), &row(predictions)).unwrap();
        confusion
    }

    #[test]
    fn definitions_differ_in_what_absent_classes_count() {
        // Class 0: 3 of 4 right; class 1: right; class 2: only predicted; one pixel without label.
        let confusion = confusion(&[0, 0, 0, 0, 1, 255], &[0, 0, 0, 2, 1, 1]);
        assert_eq!(confusion.mean_iou_percent().unwrap(), 58.33);
        assert_eq!(confusion.pixel_accuracy().unwrap(), 0.8);
        assert_eq!(confusion.class_accuracy().unwrap(), 0.875);
        let corrected = Accuracy::new(&confusion, AccuracyMode::Corrected).unwrap();
        assert!((corrected.pixel_percent - 400.0 / 6.0).abs() < 1e-12);
        assert!((corrected.class_percent - 175.0 / 19.0).abs() < 1e-9);
        assert!((corrected.mean_iou - 1.75 / 19.0).abs() < 1e-6);
        let metrics = SegmentationMetrics::new(&confusion).unwrap();
        assert_eq!((metrics.pixel_accuracy, metrics.mean_iou), (corrected.pixel_percent, 58.33));
        assert_eq!(metrics.class_accuracy, corrected.class_percent);
        let published = Accuracy::new(&confusion, AccuracyMode::Compatible).unwrap();
        assert_eq!(published.pixel_percent, 100.0 * 4.0 / 16_384_000.0);
    }

    #[test]
    fn no_labelled_pixel_is_an_error() {
        let error = confusion(&[255, 19], &[0, 0]).mean_iou_percent().unwrap_err().to_string();
        assert!(error.contains("labelled pixels"), "{error}");
    }
}
