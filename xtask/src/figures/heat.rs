//! Numbers as colours: viridis, whose lightness grows evenly and which reads the same to the colour-blind.

use image::{Rgb, RgbImage, imageops};

const VIRIDIS: [[u8; 3]; 16] = [
    [68, 1, 84],
    [72, 26, 108],
    [71, 47, 125],
    [65, 68, 135],
    [57, 86, 140],
    [49, 104, 142],
    [42, 120, 142],
    [35, 136, 142],
    [31, 152, 139],
    [34, 168, 132],
    [53, 183, 121],
    [84, 197, 104],
    [122, 209, 81],
    [165, 219, 54],
    [210, 226, 27],
    [253, 231, 37],
];

/// The colour of a share, 0 to 1.
pub fn color(share: f64) -> Rgb<u8> {
    let place = share.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f64;
    let i = (place as usize).min(VIRIDIS.len() - 2);
    let between = |c: usize| {
        let (a, b) = (f64::from(VIRIDIS[i][c]), f64::from(VIRIDIS[i + 1][c]));
        (a + (b - a) * (place - i as f64)).round() as u8
    };
    Rgb(std::array::from_fn(between))
}

/// A map of `rows` × `columns` values on a scale from `low` to `high`, as a picture of this size.
pub fn map(
    values: &[f64],
    [rows, columns]: [usize; 2],
    [low, high]: [f64; 2],
    (width, height): (u32, u32),
) -> RgbImage {
    let small = RgbImage::from_fn(columns as u32, rows as u32, |x, y| {
        color((values[y as usize * columns + x as usize] - low) / (high - low).max(1e-12))
    });
    imageops::resize(&small, width, height, imageops::FilterType::Nearest)
}

/// A red dot with a white edge.
pub fn mark(picture: &mut RgbImage, (x, y): (f64, f64)) {
    let side = f64::from(picture.width().min(picture.height()));
    let (inner, outer) = (side / 32.0, side / 32.0 + (side / 96.0).max(1.0));
    for (px, py, pixel) in picture.enumerate_pixels_mut() {
        let away = (f64::from(px) + 0.5 - x).hypot(f64::from(py) + 0.5 - y);
        if away <= outer {
            *pixel = if away <= inner { Rgb([230, 30, 30]) } else { Rgb([255; 3]) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_span_the_colours() {
        let picture = map(&[0.0, 1.0, 2.0, 9.0], [2, 2], [0.0, 2.0], (4, 4));
        assert_eq!((picture.get_pixel(0, 0).0, picture.get_pixel(0, 3).0), (VIRIDIS[0], VIRIDIS[15]));
        assert_eq!(picture.get_pixel(3, 3).0, VIRIDIS[15]);
        let mut dotted = RgbImage::new(64, 64);
        mark(&mut dotted, (0.0, 63.0));
        assert_eq!(dotted.get_pixel(0, 63).0, [230, 30, 30]);
    }
}
