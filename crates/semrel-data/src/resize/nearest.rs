//! Nearest neighbours, in the conventions of Pillow and of OpenCV and torch.

use super::crop::Crop;
use image::{ImageBuffer, Pixel};

/// Source positions of Pillow: `floor` of a coordinate that starts at `scale/2` and grows by `scale`, so that its
/// rounding errors add up.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "above 0, and truncating is meant")]
fn accumulated_positions(n: u32, m: u32) -> Vec<u32> {
    let scale = f64::from(n) / f64::from(m);
    let mut at = 0.5 * scale;
    let mut positions = Vec::with_capacity(m as usize);
    for _ in 0..m {
        positions.push((at as u32).min(n - 1));
        at += scale;
    }
    positions
}

/// Source positions of OpenCV and torch: `min(⌊o·n/m⌋, n − 1)`.
pub(super) fn floor_positions(n: usize, m: usize) -> Vec<usize> {
    (0..m).map(|o| (o * n / m).min(n - 1)).collect()
}

/// Those of the side of a picture.
fn floor_sides(n: u32, m: u32) -> Vec<u32> {
    let side = |position| u32::try_from(position).expect("positions are below n");
    floor_positions(n as usize, m as usize).into_iter().map(side).collect()
}

/// Pillow's nearest neighbour of a rectangle.
pub(super) fn accumulated<P>(
    image: &ImageBuffer<P, Vec<u8>>,
    crop: Crop,
    width: u32,
    height: u32,
) -> ImageBuffer<P, Vec<u8>>
where
    P: Pixel<Subpixel = u8>,
{
    let (columns, rows) = (accumulated_positions(crop.width, width), accumulated_positions(crop.height, height));
    ImageBuffer::from_fn(width, height, |x, y| {
        *image.get_pixel(crop.x + columns[x as usize], crop.y + rows[y as usize])
    })
}

/// Nearest neighbour as OpenCV and torch have it: source position `min(⌊o·n/m⌋, n − 1)`.
pub fn nearest_floor<P>(image: &ImageBuffer<P, Vec<u8>>, width: u32, height: u32) -> ImageBuffer<P, Vec<u8>>
where
    P: Pixel<Subpixel = u8>,
{
    let (columns, rows) = (floor_sides(image.width(), width), floor_sides(image.height(), height));
    ImageBuffer::from_fn(width, height, |x, y| *image.get_pixel(columns[x as usize], rows[y as usize]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_takes_odd_pixels_in_pillow_and_even_ones_in_opencv() {
        assert_eq!(accumulated_positions(8, 4), [1, 3, 5, 7]);
        assert_eq!(floor_positions(8, 4), [0, 2, 4, 6]);
    }
}
