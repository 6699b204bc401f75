//! Pillow's 8-bit resize: two passes in fixed point, horizontal first, each rounded to 8 bits.

use super::crop::Crop;
use super::weights::{PRECISION, Weights};
use super::{Filter, nearest};
use image::{ImageBuffer, Pixel, imageops};

/// Resizes an 8-bit image of one to four channels (alpha, if any, is treated like a colour).
///
/// Per axis the weights are `f((i − c + ½)/max(n/m, 1))`, normalised, with `c = (o + ½)·n/m`, in 22-bit fixed point;
/// each pass is rounded and clamped to 8 bits; an axis whose size stays is left out. Filters other than
/// [`Filter::Nearest`] are antialiased. Panics if a side of input or output is 0.
pub fn resize<P>(image: &ImageBuffer<P, Vec<u8>>, width: u32, height: u32, filter: Filter) -> ImageBuffer<P, Vec<u8>>
where
    P: Pixel<Subpixel = u8>,
{
    resize_crop(image, Crop::whole(image.width(), image.height()), width, height, filter)
}

/// Resizes a rectangle of `image`, which must lie within it, as if it had been cut out first.
pub fn resize_crop<P>(
    image: &ImageBuffer<P, Vec<u8>>,
    crop: Crop,
    width: u32,
    height: u32,
    filter: Filter,
) -> ImageBuffer<P, Vec<u8>>
where
    P: Pixel<Subpixel = u8>,
{
    assert!(width > 0 && height > 0 && crop.width > 0 && crop.height > 0, "empty image");
    let fits = |start: u32, length: u32, all: u32| start.checked_add(length).is_some_and(|end| end <= all);
    assert!(fits(crop.x, crop.width, image.width()) && fits(crop.y, crop.height, image.height()), "crop out of image");
    if filter == Filter::Nearest {
        return nearest::accumulated(image, crop, width, height);
    }
    let source = Rows::of(image, crop);
    let narrowed;
    let rows = if crop.width == width {
        source
    } else {
        narrowed = horizontal_of::<P>(&source, &Weights::new(crop.width as usize, width as usize, filter));
        Rows::whole(&narrowed, width as usize * usize::from(P::CHANNEL_COUNT))
    };
    let data = if crop.height == height {
        (0..rows.count).flat_map(|y| rows.row(y)).copied().collect()
    } else {
        vertical(&rows, &Weights::new(crop.height as usize, height as usize, filter), 0)
    };
    ImageBuffer::from_raw(width, height, data).expect("two passes fill the image")
}

/// Resizes to `width` × `height` and cuts out `window`, computing nothing else: the same bytes as the two in turn.
///
/// Panics if a side is 0 or `window` does not lie within the resized image.
pub fn resize_window<P>(
    image: &ImageBuffer<P, Vec<u8>>,
    width: u32,
    height: u32,
    filter: Filter,
    window: Crop,
) -> ImageBuffer<P, Vec<u8>>
where
    P: Pixel<Subpixel = u8> + 'static,
{
    assert!(window.width > 0 && window.height > 0 && image.width() > 0 && image.height() > 0, "empty image");
    let fits = |start: u32, length: u32, all: u32| start.checked_add(length).is_some_and(|end| end <= all);
    assert!(fits(window.x, window.width, width) && fits(window.y, window.height, height), "window out of image");
    let Crop { x, y, width: w, height: h } = window;
    if image.dimensions() == (width, height) {
        return imageops::crop_imm(image, x, y, w, h).to_image();
    }
    if filter == Filter::Nearest {
        return imageops::crop_imm(&resize(image, width, height, filter), x, y, w, h).to_image();
    }
    let weights = |from: u32, to: u32, start: u32, length: u32| {
        Weights::window(from as usize, to as usize, start as usize..(start + length) as usize, filter)
    };
    let columns = weights(image.width(), width, x, w);
    let rows = weights(image.height(), height, y, h);
    let needed = rows.needed();
    let side = |rows: usize| u32::try_from(rows).expect("rows of the image");
    let band = Crop { x: 0, y: side(needed.start), width: image.width(), height: side(needed.len()) };
    let narrowed = horizontal_of::<P>(&Rows::of(image, band), &columns);
    let narrowed = Rows::whole(&narrowed, w as usize * usize::from(P::CHANNEL_COUNT));
    ImageBuffer::from_raw(w, h, vertical(&narrowed, &rows, needed.start)).expect("two passes fill the window")
}

/// Rows of bytes at equal distances.
struct Rows<'a> {
    data: &'a [u8],
    stride: usize,
    first: usize,
    length: usize,
    count: usize,
}

impl<'a> Rows<'a> {
    /// Those of a rectangle of an image.
    fn of<P: Pixel<Subpixel = u8>>(image: &'a ImageBuffer<P, Vec<u8>>, crop: Crop) -> Self {
        let channels = usize::from(P::CHANNEL_COUNT);
        let stride = image.width() as usize * channels;
        let first = crop.y as usize * stride + crop.x as usize * channels;
        Self {
            data: image.as_raw(),
            stride,
            first,
            length: crop.width as usize * channels,
            count: crop.height as usize,
        }
    }

    /// Rows of `length` bytes one after another.
    fn whole(data: &'a [u8], length: usize) -> Self {
        Self { data, stride: length, first: 0, length, count: data.len() / length }
    }

    fn row(&self, y: usize) -> &[u8] {
        let start = self.first + y * self.stride;
        &self.data[start..start + self.length]
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte")]
fn to_byte(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

fn horizontal_of<P: Pixel<Subpixel = u8>>(source: &Rows, weights: &Weights) -> Vec<u8> {
    match P::CHANNEL_COUNT {
        1 => horizontal::<1>(source, weights),
        2 => horizontal::<2>(source, weights),
        3 => horizontal::<3>(source, weights),
        _ => horizontal::<4>(source, weights),
    }
}

fn horizontal<const C: usize>(source: &Rows, weights: &Weights) -> Vec<u8> {
    let width = weights.starts.len();
    let fixed = weights.fixed();
    let mut out = vec![0; source.count * width * C];
    for (y, out_row) in out.chunks_exact_mut(width * C).enumerate() {
        let (pixels, _) = source.row(y).as_chunks::<C>();
        let (out_pixels, _) = out_row.as_chunks_mut::<C>();
        for (out_pixel, (start, run)) in out_pixels.iter_mut().zip(weights.runs(&fixed)) {
            let mut sums = [1 << (PRECISION - 1); C];
            for (pixel, &weight) in pixels[start..start + run.len()].iter().zip(run) {
                for c in 0..C {
                    sums[c] += i32::from(pixel[c]) * weight;
                }
            }
            *out_pixel = sums.map(to_byte);
        }
    }
    out
}

/// `first` is the input position that `source` begins at.
fn vertical(source: &Rows, weights: &Weights, first: usize) -> Vec<u8> {
    let height = weights.starts.len();
    let fixed = weights.fixed();
    let mut out = vec![0; height * source.length];
    let mut sums = vec![0i32; source.length];
    for (out_row, (start, run)) in out.chunks_exact_mut(source.length).zip(weights.runs(&fixed)) {
        // Whole rows at a time, which the compiler turns into vector code.
        sums.fill(1 << (PRECISION - 1));
        for (y, &weight) in run.iter().enumerate() {
            for (sum, &value) in sums.iter_mut().zip(source.row(start + y - first)) {
                *sum += i32::from(value) * weight;
            }
        }
        for (value, &sum) in out_row.iter_mut().zip(&sums) {
            *value = to_byte(sum);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, RgbImage};
    use proptest::prelude::*;

    const FILTERS: [Filter; 6] =
        [Filter::Nearest, Filter::Box, Filter::Bilinear, Filter::Hamming, Filter::Bicubic, Filter::Lanczos];

    fn picture(width: u32, height: u32, seed: u64) -> RgbImage {
        use rand::Rng;
        let mut rng = crate::rng::stream(seed, "picture", 0);
        RgbImage::from_fn(width, height, |_, _| {
            image::Rgb((rng.next_u32() & 0xff_ff_ff).to_le_bytes()[..3].try_into().unwrap())
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn a_constant_image_stays_constant(w in 1u32..40, h in 1u32..40, ow in 1u32..40, oh in 1u32..40, v: [u8; 3], f in 0usize..6) {
            let out = resize(&RgbImage::from_pixel(w, h, image::Rgb(v)), ow, oh, FILTERS[f]);
            prop_assert_eq!(out.dimensions(), (ow, oh));
            prop_assert!(out.pixels().all(|p| p.0 == v));
        }

        #[test]
        fn the_same_size_is_the_identity(w in 1u32..30, h in 1u32..30, seed: u64, f in 0usize..6) {
            let image = picture(w, h, seed);
            prop_assert_eq!(&resize(&image, w, h, FILTERS[f]), &image);
        }

        #[test]
        fn a_crop_is_the_same_as_cutting_first(x in 0u32..9, y in 0u32..9, w in 1u32..12, h in 1u32..12, ow in 1u32..20, oh in 1u32..20, seed: u64, f in 0usize..6) {
            let image = picture(21, 21, seed);
            let cut = imageops::crop_imm(&image, x, y, w, h).to_image();
            let crop = Crop { x, y, width: w, height: h };
            prop_assert_eq!(resize_crop(&image, crop, ow, oh, FILTERS[f]), resize(&cut, ow, oh, FILTERS[f]));
        }

        #[test]
        fn a_window_is_the_same_as_cutting_afterwards(w in 1u32..30, h in 1u32..30, ow in 1u32..30, oh in 1u32..30, at: [u16; 4], seed: u64, f in 0usize..6) {
            let part = |at: u16, length: u16, all: u32| {
                let start = u32::from(at) % all;
                (start, 1 + u32::from(length) % (all - start))
            };
            let ((x, width), (y, height)) = (part(at[0], at[1], ow), part(at[2], at[3], oh));
            let image = picture(w, h, seed);
            let cut = imageops::crop_imm(&resize(&image, ow, oh, FILTERS[f]), x, y, width, height).to_image();
            prop_assert_eq!(resize_window(&image, ow, oh, FILTERS[f], Crop { x, y, width, height }), cut);
        }

        #[test]
        fn channels_do_not_mix(w in 1u32..20, h in 1u32..20, ow in 1u32..20, oh in 1u32..20, seed: u64, f in 0usize..6) {
            let image = picture(w, h, seed);
            let green = GrayImage::from_fn(w, h, |x, y| image::Luma([image.get_pixel(x, y).0[1]]));
            let (all, one) = (resize(&image, ow, oh, FILTERS[f]), resize(&green, ow, oh, FILTERS[f]));
            prop_assert!(all.pixels().zip(one.pixels()).all(|(a, b)| a.0[1] == b.0[0]));
        }
    }

    #[test]
    fn shrinking_averages_all_pixels() {
        let stripes = GrayImage::from_fn(64, 8, |x, _| image::Luma([if x % 2 == 0 { 0 } else { 200 }]));
        assert!(resize(&stripes, 16, 8, Filter::Box).pixels().all(|p| p.0[0] == 100));
    }
}
