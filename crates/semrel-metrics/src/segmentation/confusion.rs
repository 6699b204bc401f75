//! The confusion matrix, and intersection over union.

use super::labels::CLASSES;
use crate::MetricsError;
use image::GrayImage;
use std::ops::AddAssign;

/// `M[label, prediction]`: pixels by label and predicted class, summed over images. Exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    counts: [[u64; CLASSES]; CLASSES],
    pixels: u64,
}

impl Default for Confusion {
    fn default() -> Self {
        Self { counts: [[0; CLASSES]; CLASSES], pixels: 0 }
    }
}

impl Confusion {
    /// Adds an image. Pixels whose label or prediction is none of the 19 classes are not counted in the matrix.
    ///
    /// # Errors
    /// [`MetricsError::Sizes`] where label and prediction differ in size.
    pub fn add(&mut self, label: &GrayImage, prediction: &GrayImage) -> Result<(), MetricsError> {
        if label.dimensions() != prediction.dimensions() {
            return Err(MetricsError::Sizes {
                what: "label and prediction",
                left: label.dimensions(),
                right: prediction.dimensions(),
            });
        }
        self.pixels += label.as_raw().len() as u64;
        for (&label, &prediction) in label.as_raw().iter().zip(prediction.as_raw()) {
            let row = self.counts.get_mut(usize::from(label));
            if let Some(count) = row.and_then(|row| row.get_mut(usize::from(prediction))) {
                *count += 1;
            }
        }
        Ok(())
    }

    /// Pixels by label (rows) and prediction (columns).
    pub fn counts(&self) -> &[[u64; CLASSES]; CLASSES] {
        &self.counts
    }

    /// All pixels of the images, those without class included.
    pub fn pixels(&self) -> u64 {
        self.pixels
    }

    /// Pixels in the matrix.
    pub fn counted(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// Pixels in the matrix whose prediction is right.
    pub fn correct(&self) -> u64 {
        (0..CLASSES).map(|c| self.counts[c][c]).sum()
    }

    /// Pixels of a class that were predicted as it, that are labelled so, and that are predicted so.
    pub(super) fn class(&self, class: usize) -> [u64; 3] {
        let row = self.counts[class].iter().sum();
        let column = self.counts.iter().map(|row| row[class]).sum();
        [self.counts[class][class], row, column]
    }

    /// `IoU_c = M_cc/(row_c + column_c − M_cc)` of each class in 0..1; `None` where a class occurs in neither labels nor
    /// predictions.
    pub fn iou(&self) -> [Option<f64>; CLASSES] {
        std::array::from_fn(|c| {
            let [both, row, column] = self.class(c);
            let union = row + column - both;
            (union > 0).then(|| both as f64 / union as f64)
        })
    }
}

impl AddAssign<&Confusion> for Confusion {
    fn add_assign(&mut self, other: &Self) {
        self.pixels += other.pixels;
        let cells = self.counts.iter_mut().flatten();
        cells.zip(other.counts.iter().flatten()).for_each(|(sum, count)| *sum += count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(ids: &[u8]) -> GrayImage {
        GrayImage::from_raw(ids.len() as u32, 1, ids.to_vec()).unwrap()
    }

    #[test]
    fn intersection_over_union_by_hand() {
        let mut confusion = Confusion::default();
        confusion.add(&row(&[0, 0, 0, 1, 255, 3]), &row(&[0, 0, 1, 1, 1, 19])).unwrap();
        assert_eq!((confusion.pixels(), confusion.counted(), confusion.correct()), (6, 4, 3));
        let iou = confusion.iou();
        assert_eq!(&iou[..4], [Some(2.0 / 3.0), Some(0.5), None, None]);
    }

    #[test]
    fn sizes_must_agree() {
        let error = Confusion::default().add(&row(&[0, 1]), &row(&[0])).unwrap_err().to_string();
        assert!(error.contains("2 × 1") && error.contains("1 × 1"), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn matrices_of_images_add_up(ids in prop::collection::vec((0u8..22, 0u8..20), 2..200), cut in 1usize..199) {
            let (labels, predictions): (Vec<u8>, Vec<u8>) = ids.into_iter().unzip();
            let cut = cut.min(labels.len() - 1);
            let of = |range: std::ops::Range<usize>| {
                let mut confusion = Confusion::default();
                confusion.add(&row(&labels[range.clone()]), &row(&predictions[range])).unwrap();
                confusion
            };
            let mut sum = of(0..cut);
            sum += &of(cut..labels.len());
            prop_assert_eq!(&sum, &of(0..labels.len()));
            prop_assert!(sum.iou().iter().flatten().all(|v| (0.0..=1.0).contains(v)));
        }
    }
}
