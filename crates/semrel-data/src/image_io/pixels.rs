//! Tensors and sheets as pictures.

use image::{RgbImage, imageops};
use ndarray::ArrayView3;

/// How [−1, 1] becomes 8 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantise {
    /// `⌊clamp((x+1)/2, 0, 1)·255 + ½⌋`: pictures of the official multi-modal code.
    Round,
    /// `⌊(clamp(x, −1, 1)+1)/2·255⌋`: the single-modal and compression code, and the multi-modal videos.
    Truncate,
}

impl Quantise {
    /// One value.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 255.5, and truncating is meant")]
    pub fn byte(self, x: f32) -> u8 {
        let unit = ((x + 1.0) / 2.0).clamp(0.0, 1.0) * 255.0;
        // Casting truncates.
        match self {
            Self::Round => (unit + 0.5) as u8,
            Self::Truncate => unit as u8,
        }
    }
}

/// An image [3, H, W] (or [1, H, W], shown grey) in [−1, 1] as 8-bit RGB.
pub fn to_image(image: ArrayView3<f32>, quantise: Quantise) -> RgbImage {
    let (channels, height, width) = image.dim();
    RgbImage::from_fn(side(width), side(height), |x, y| {
        image::Rgb(std::array::from_fn(|c| quantise.byte(image[[c.min(channels - 1), y as usize, x as usize]])))
    })
}

/// A side as pictures have it.
fn side(length: usize) -> u32 {
    u32::try_from(length).expect("an array in memory has sides below 2^32")
}

/// Images side by side on white, row by row: `columns` per row, `padding` pixels between and around them.
///
/// A cell is as large as the largest image; smaller ones lie at its top left.
pub fn grid(images: &[RgbImage], columns: usize, padding: u32) -> RgbImage {
    let columns = columns.clamp(1, images.len().max(1));
    let rows = images.len().div_ceil(columns);
    let cell_width = images.iter().map(|i| i.width()).max().unwrap_or(0) + padding;
    let cell_height = images.iter().map(|i| i.height()).max().unwrap_or(0) + padding;
    let (width, height) = (side(columns) * cell_width + padding, side(rows) * cell_height + padding);
    let mut sheet = RgbImage::from_pixel(width, height, image::Rgb([255; 3]));
    for (i, image) in images.iter().enumerate() {
        let (column, row) = (side(i % columns), side(i / columns));
        imageops::replace(
            &mut sheet,
            image,
            (padding + column * cell_width).into(),
            (padding + row * cell_height).into(),
        );
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;
    use proptest::prelude::*;

    #[test]
    fn grids_place_images_row_by_row() {
        let cell = |v| RgbImage::from_pixel(3, 2, image::Rgb([v; 3]));
        let sheet = grid(&[cell(1), cell(2), cell(3)], 2, 1);
        assert_eq!(sheet.dimensions(), (9, 7));
        assert_eq!(
            [(1, 1), (5, 1), (1, 4), (5, 4), (0, 0)].map(|(x, y)| sheet.get_pixel(x, y).0[0]),
            [1, 2, 3, 255, 255]
        );
        assert_eq!(grid(&[cell(1), cell(2)], 2, 0).dimensions(), (6, 2));
        assert_eq!(grid(&[], 4, 2).dimensions(), (4, 2));
    }

    proptest! {
        #[test]
        fn rounding_inverts_the_normalisation_and_truncating_is_at_most_one_below(v: u8, x in -3.0f32..3.0) {
            let normalised = (f32::from(v) / 255.0 - 0.5) / 0.5;
            prop_assert_eq!(Quantise::Round.byte(normalised), v);
            let (rounded, truncated) = (Quantise::Round.byte(x), Quantise::Truncate.byte(x));
            prop_assert!(truncated <= rounded && rounded - truncated <= 1);
        }
    }

    #[test]
    fn tensors_become_images() {
        let mut tensor = Array3::from_elem((3, 1, 2), -1.0);
        tensor[[2, 0, 1]] = 7.0;
        assert_eq!(to_image(tensor.view(), Quantise::Round).into_raw(), [0, 0, 0, 0, 0, 255]);
    }
}
