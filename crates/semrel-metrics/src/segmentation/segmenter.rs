//! Networks that label pixels, and their arg-max.

use super::labels::CLASSES;
use crate::MetricsError;
use image::{GrayImage, RgbImage};
use ndarray::{Array3, ArrayView3, Axis};
use rayon::prelude::*;
use semrel_data::resize::{Filter, resize_f32};
use tch::{Kind, Tensor};

/// A network that labels pixels with the 19 classes, in inference mode.
pub trait Segmenter {
    /// Name that scores carry, such as `drn-d-22`.
    fn name(&self) -> &'static str;

    /// Log-probabilities (or logits, whose arg-max is the same) [N, 19, H, W], float, of images that have one size H × W
    /// ([`stack`](crate::extractor::stack) makes a tensor of them). Normalisation, and any resize that the network wants, happen within. Records no
    /// gradients.
    ///
    /// # Errors
    /// Those of [`common_size`](crate::extractor::common_size).
    fn class_scores(&self, images: &[RgbImage]) -> Result<Tensor, MetricsError>;
}

/// Scores [19, h, w] of each image of a batch.
///
/// # Errors
/// [`MetricsError::Shape`] where the segmenter breaks its contract, [`MetricsError::NotFinite`] for scores that are NaN.
pub fn scores_of(segmenter: &dyn Segmenter, images: &[RgbImage]) -> Result<Vec<Array3<f32>>, MetricsError> {
    let scores = segmenter.class_scores(images)?;
    let (width, height) = images.first().map_or((0, 0), |image| image.dimensions());
    split(&scores, i64::from(height), i64::from(width))
}

/// One array [19, H, W] an image of scores [N, 19, H, W].
fn split(scores: &Tensor, height: i64, width: i64) -> Result<Vec<Array3<f32>>, MetricsError> {
    let expected = "[N, 19, H, W] with height and width of the images";
    let &[_, classes, h, w] = scores.size().as_slice() else {
        return Err(MetricsError::Shape { what: "class scores", found: scores.size(), expected });
    };
    if (classes, h, w) != (CLASSES as i64, height, width) {
        return Err(MetricsError::Shape { what: "class scores", found: scores.size(), expected });
    }
    let scores = scores.detach().to_device(tch::Device::Cpu).to_kind(Kind::Float).contiguous();
    let count = scores.isnan().sum(Kind::Int64).int64_value(&[]);
    if count > 0 {
        return Err(MetricsError::NotFinite { what: "class scores".into(), count });
    }
    let mut values = vec![0f32; scores.numel()];
    scores.copy_data(&mut values, scores.numel());
    let shape = (CLASSES, h as usize, w as usize);
    let images = values.chunks_exact(CLASSES * shape.1 * shape.2);
    Ok(images.map(|image| Array3::from_shape_vec(shape, image.to_vec()).expect("one plane a class")).collect())
}

/// Class planes [C, h, w] at another size by Pillow's float bilinear resize ([`resize_f32`]), each on a core of its own.
pub fn enlarge(scores: ArrayView3<f32>, height: usize, width: usize) -> Array3<f32> {
    let mut out = Array3::zeros((scores.dim().0, height, width));
    out.axis_iter_mut(Axis(0)).into_par_iter().zip(scores.axis_iter(Axis(0)).into_par_iter()).for_each(
        |(mut out, plane)| {
            out.assign(&resize_f32(plane, height, width, Filter::Bilinear));
        },
    );
    out
}

/// The class of the largest score at each pixel of [C, H, W], the first on ties.
pub fn argmax(scores: ArrayView3<f32>) -> GrayImage {
    let (_, height, width) = scores.dim();
    let mut ids = vec![0u8; height * width];
    ids.par_chunks_mut(width.max(1)).enumerate().for_each(|(y, row)| {
        let mut best = vec![f32::NEG_INFINITY; width];
        for (class, plane) in scores.axis_iter(Axis(0)).enumerate() {
            for ((id, best), &score) in row.iter_mut().zip(&mut best).zip(plane.row(y)) {
                if score > *best {
                    (*id, *best) = (class as u8, score);
                }
            }
        }
    });
    GrayImage::from_raw(width as u32, height as u32, ids).expect("one id a pixel")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_largest_score_wins() {
        let scores = Array3::from_shape_vec((3, 1, 3), vec![0.0, 2.0, -5.0, 1.0, 2.0, -3.0, 1.0, 0.0, -4.0]).unwrap();
        assert_eq!(argmax(scores.view()).into_raw(), [1, 0, 1]);
        let wide = enlarge(scores.view(), 2, 6);
        assert_eq!(wide.dim(), (3, 2, 6));
        assert_eq!((wide[[0, 1, 0]], wide[[0, 0, 5]]), (0.0, -5.0));
    }

    #[test]
    fn wrong_scores_are_errors() {
        let small = Tensor::zeros([1, 19, 2, 2], (Kind::Float, tch::Device::Cpu));
        assert!(matches!(split(&small, 2, 4), Err(MetricsError::Shape { .. })));
        assert!(matches!(split(&(small * f64::NAN), 2, 2), Err(MetricsError::NotFinite { count: 76, .. })));
    }
}
