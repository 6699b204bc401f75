//! What a camera adds to a picture.

use crate::noise::unit;
use image::RgbImage;

/// Noise of a sensor: up to 3 levels, stronger in one pixel than in the next.
pub(crate) fn grain(image: &mut RgbImage, seed: u32) {
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        let common = unit(x as i32, y as i32, seed) - 0.5;
        for (c, value) in pixel.0.iter_mut().enumerate() {
            let own = unit(x as i32, y as i32, seed ^ (c as u32 + 1)) - 0.5;
            *value = (f32::from(*value) + 4.0 * common + 3.0 * own).round().clamp(0.0, 255.0) as u8;
        }
    }
}
