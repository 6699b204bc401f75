//! Resizing of float images.

use super::Filter;
use super::nearest::floor_positions;
use super::weights::Weights;
use ndarray::{Array2, Array4, ArrayView2, ArrayView4, Axis};

/// Pillow's resize of a single-channel float image [H, W] (mode `F`): the weights of [`super::resize`] in double
/// precision, sums in double, each pass stored as float32, no clamping. Not for [`Filter::Nearest`], which it treats
/// as [`Filter::Box`].
#[allow(clippy::cast_possible_truncation, reason = "sums are stored as float32, as Pillow does")]
pub fn resize_f32(image: ArrayView2<f32>, height: usize, width: usize, filter: Filter) -> Array2<f32> {
    let (h, w) = image.dim();
    let mut wide = image.to_owned();
    if w != width {
        let weights = Weights::new(w, width, filter);
        wide = Array2::zeros((h, width));
        for (row, mut out) in image.rows().into_iter().zip(wide.rows_mut()) {
            for (out, (start, run)) in out.iter_mut().zip(weights.runs(&weights.values)) {
                *out = run.iter().enumerate().map(|(i, k)| f64::from(row[start + i]) * k).sum::<f64>() as f32;
            }
        }
    }
    if h == height {
        return wide;
    }
    let weights = Weights::new(h, height, filter);
    let mut out = Array2::zeros((height, width));
    let mut sums = vec![0.0f64; width];
    for (mut out, (start, run)) in out.rows_mut().into_iter().zip(weights.runs(&weights.values)) {
        sums.fill(0.0);
        for (i, k) in run.iter().enumerate() {
            for (sum, &value) in sums.iter_mut().zip(wide.row(start + i)) {
                *sum += f64::from(value) * k;
            }
        }
        out.iter_mut().zip(&sums).for_each(|(out, &sum)| *out = sum as f32);
    }
    out
}

/// Where a bilinear resize of n to m pixels reads output o.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coordinates {
    /// `(o + ½)·n/m − ½`, at least 0: torch's default.
    HalfPixel,
    /// `o·(n − 1)/(m − 1)`: torch's `align_corners`.
    AlignedCorners,
    /// `o·n/m`: TensorFlow 1, and torch-fidelity after it.
    TopLeft,
}

/// Two taps of one axis: position and weight of the second; the first has `1 − weight` and lies one before, if any.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 0, and truncating is meant")]
fn taps(n: usize, m: usize, coordinates: Coordinates) -> Vec<(usize, usize, f32)> {
    let scale = match (coordinates, m) {
        (Coordinates::AlignedCorners, 0..=1) => 0.0,
        (Coordinates::AlignedCorners, _) => (n - 1) as f32 / (m - 1) as f32,
        _ => n as f32 / m as f32,
    };
    (0..m)
        .map(|o| {
            let at = match coordinates {
                Coordinates::HalfPixel => ((o as f32 + 0.5) * scale - 0.5).max(0.0),
                Coordinates::AlignedCorners | Coordinates::TopLeft => o as f32 * scale,
            };
            let low = (at as usize).min(n - 1);
            (low, (low + 1).min(n - 1), at - low as f32)
        })
        .collect()
}

/// torch's bilinear `interpolate` of [B, C, H, W]: two taps per axis and no antialiasing, even when shrinking.
pub fn torch_bilinear(images: ArrayView4<f32>, height: usize, width: usize, coordinates: Coordinates) -> Array4<f32> {
    let (b, c, h, w) = images.dim();
    let (rows, columns) = (taps(h, height, coordinates), taps(w, width, coordinates));
    let mut out = Array4::zeros((b, c, height, width));
    let planes = images.outer_iter().flat_map(|image| image.into_outer_iter());
    let out_planes = out.outer_iter_mut().flat_map(|image| image.into_outer_iter_mut());
    for (plane, mut out) in planes.zip(out_planes) {
        for (mut out, &(top, bottom, v)) in out.rows_mut().into_iter().zip(&rows) {
            let (upper, lower) = (plane.row(top), plane.row(bottom));
            for (out, &(left, right, u)) in out.iter_mut().zip(&columns) {
                let first = upper[left] * (1.0 - u) + upper[right] * u;
                let second = lower[left] * (1.0 - u) + lower[right] * u;
                *out = first * (1.0 - v) + second * v;
            }
        }
    }
    out
}

/// torch's nearest `interpolate` of [B, C, H, W]: source position `min(⌊o·n/m⌋, n − 1)`.
pub fn torch_nearest(images: ArrayView4<f32>, height: usize, width: usize) -> Array4<f32> {
    let (_, _, h, w) = images.dim();
    images.select(Axis(2), &floor_positions(h, height)).select(Axis(3), &floor_positions(w, width))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]

        #[test]
        fn constants_stay_and_equal_sizes_change_nothing(h in 1usize..20, w in 1usize..20, oh in 1usize..20, ow in 1usize..20, v in -3.0f32..3.0) {
            let flat = Array4::from_elem((1, 2, h, w), v);
            for coordinates in [Coordinates::HalfPixel, Coordinates::AlignedCorners, Coordinates::TopLeft] {
                prop_assert!(torch_bilinear(flat.view(), oh, ow, coordinates).iter().all(|x| (x - v).abs() < 1e-5));
            }
            prop_assert!(resize_f32(flat.slice(ndarray::s![0, 0, .., ..]), oh, ow, Filter::Lanczos).iter().all(|x| (x - v).abs() < 1e-5));
            let ramp = Array4::from_shape_fn((2, 1, h, w), |(b, _, y, x)| (b + 3 * y + 7 * x) as f32);
            prop_assert_eq!(&torch_bilinear(ramp.view(), h, w, Coordinates::HalfPixel), &ramp);
            prop_assert_eq!(&torch_bilinear(ramp.view(), h, w, Coordinates::TopLeft), &ramp);
            prop_assert_eq!(&torch_nearest(ramp.view(), h, w), &ramp);
        }

        #[test]
        fn enlarging_equals_the_triangle_filter(h in 2usize..12, w in 2usize..12, dh in 0usize..12, dw in 0usize..12) {
            let image = Array4::from_shape_fn((1, 1, h, w), |(_, _, y, x)| ((y * 31 + x * 17) % 23) as f32);
            let torch = torch_bilinear(image.view(), h + dh, w + dw, Coordinates::HalfPixel);
            let pillow = resize_f32(image.slice(ndarray::s![0, 0, .., ..]), h + dh, w + dw, Filter::Bilinear);
            prop_assert!(torch.iter().zip(&pillow).all(|(a, b)| (a - b).abs() < 1e-4));
        }
    }
}
