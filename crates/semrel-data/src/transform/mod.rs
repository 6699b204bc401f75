//! Image transforms as pure functions of explicit parameters, and samplers that draw the parameters.

mod multi_modal;
mod single_modal;

pub use multi_modal::{TrainParams, TrainTransform};
pub(crate) use single_modal::resized;
pub use single_modal::{PairParams, PairTransform, Preprocess, multiples_of_four};

use crate::resize::{Filter, resize};
use image::RgbImage;
use ndarray::ArrayViewMut3;

/// `(v/255 − 0.5)/0.5` of every byte, in float32.
const fn normalised() -> [f32; 256] {
    let mut table = [0.0; 256];
    let mut v = 0;
    while v < 256 {
        table[v] = (v as f32 / 255.0 - 0.5) / 0.5;
        v += 1;
    }
    table
}

static NORMALISED: [f32; 256] = normalised();

/// Writes interleaved bytes of a picture `width` wide as planes [C, H, W] in [−1, 1], mirrored left-right with `flip`.
pub(crate) fn normalise_into(bytes: &[u8], flip: bool, mut out: ArrayViewMut3<f32>) {
    let (channels, _, width) = out.dim();
    for (c, mut plane) in out.outer_iter_mut().enumerate() {
        for (mut row, pixels) in plane.rows_mut().into_iter().zip(bytes.chunks_exact(width * channels)) {
            let values = pixels[c..].iter().step_by(channels).map(|&v| NORMALISED[usize::from(v)]);
            if flip {
                row.iter_mut().rev().zip(values).for_each(|(out, v)| *out = v);
            } else {
                row.iter_mut().zip(values).for_each(|(out, v)| *out = v);
            }
        }
    }
}

/// Evaluation transform: resized to `size`² (Pillow bilinear, aspect ratio not kept), in [−1, 1], into [3, size, size].
pub fn eval_into(image: &RgbImage, out: ArrayViewMut3<f32>) {
    let (_, height, width) = out.dim();
    normalise_into(&resize(image, width as u32, height as u32, Filter::Bilinear), false, out);
}
