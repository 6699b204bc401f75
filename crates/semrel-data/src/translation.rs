//! Pictures into a trained generator and out of it.

use crate::DataError;
use crate::image_io::{Quantise, read_rgb, to_image};
use crate::resize::Filter;
use crate::transform::{multiples_of_four, normalise_into, resized};
use image::RgbImage;
use ndarray::{Array3, ArrayView3};
use std::borrow::Cow;
use std::path::Path;

/// A picture as a generator takes it: resized to `size` (width, height) if one is given, then each side to the nearest
/// multiple of 4, both by Pillow's bicubic; [3, H, W] in [−1, 1].
///
/// Published: 256 × 256; for single-image translation no `size`.
pub fn translation_input(image: &RgbImage, size: Option<(u32, u32)>) -> Array3<f32> {
    let image = match size {
        Some(size) => resized(image, (size.0.max(1), size.1.max(1)), Filter::Bicubic),
        None => Cow::Borrowed(image),
    };
    let image = resized(&image, multiples_of_four(image.dimensions()), Filter::Bicubic);
    let (width, height) = image.dimensions();
    let mut out = Array3::zeros((3, height as usize, width as usize));
    normalise_into(&image, false, out.view_mut());
    out
}

/// [`translation_input`] of a file.
///
/// # Errors
/// Those of [`read_rgb`].
pub fn read_translation_input(path: &Path, size: Option<(u32, u32)>) -> Result<Array3<f32>, DataError> {
    Ok(translation_input(&read_rgb(path)?, size))
}

/// A generator's output [3, H, W] as the published code saves it: clamped to [−1, 1], `⌊(x + 1)/2·255⌋`.
pub fn translation_output(image: ArrayView3<f32>) -> RgbImage {
    to_image(image, Quantise::Truncate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn inputs_are_resized_to_what_a_generator_takes() {
        let image = RgbImage::from_fn(45, 66, |x, y| image::Rgb([x as u8, y as u8, 7]));
        // 66/4 = 16.5 rounds to the even 16.
        assert_eq!(translation_input(&image, None).dim(), (3, 64, 44));
        assert_eq!(translation_input(&image, Some((32, 16))).dim(), (3, 16, 32));
        assert_eq!(translation_input(&image, Some((33, 18))).dim(), (3, 16, 32));
        let whole = RgbImage::from_pixel(4, 4, image::Rgb([0, 255, 51]));
        let input = translation_input(&whole, None);
        assert_eq!([input[[0, 1, 2]], input[[1, 1, 2]]], [-1.0, 1.0]);
        assert!((input[[2, 1, 2]] + 0.6).abs() < 1e-6);
    }

    #[test]
    fn outputs_are_clamped_and_truncated() {
        let image = array![[[-7.0, -1.0, 0.0]], [[0.9999, 1.0, 3.0]], [[-0.999, 0.5, 0.1]]];
        assert_eq!(translation_output(image.view()).into_raw(), [0, 254, 0, 0, 255, 191, 127, 255, 140]);
    }
}
