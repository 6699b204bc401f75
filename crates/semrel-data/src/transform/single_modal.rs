//! Transforms of the official single-modal code: `resize_and_crop`, `scale_width_and_crop`, `scale_shortside_and_crop`,
//! `crop`, `trim`, `none`, `zoom_and_patch`.

use super::normalise_into;
use crate::DataError;
use crate::resize::{Crop, Filter, resize, resize_window};
use image::{GrayImage, ImageBuffer, Luma, Pixel, RgbImage};
use ndarray::Array3;
use rand::{Rng, RngExt};
use std::borrow::Cow;
use std::str::FromStr;

/// Steps that a `preprocess` name asks for, in the order in which they are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Preprocess {
    /// To load × load.
    pub resize: bool,
    /// To width load, height `⌊max(load·h/w, crop)⌋`.
    pub scale_width: bool,
    /// The shorter side to load, the aspect ratio kept.
    pub scale_shortside: bool,
    /// The same, where the longer side becomes `⌊load·longer/shorter⌋` (DistanceGAN, MUNIT).
    pub shorter_side: bool,
    /// By one factor for the width and one for the height, to no less than crop.
    pub zoom: bool,
    /// A crop × crop rectangle.
    pub crop: bool,
    /// A tile of a grid of crop × crop tiles.
    pub patch: bool,
    /// Each side that exceeds crop cut to crop; smaller sides stay.
    pub trim: bool,
}

impl FromStr for Preprocess {
    type Err = DataError;

    /// Reads names joined by `_and_`: `resize_and_crop`, `scale_width`, `none`, …
    fn from_str(name: &str) -> Result<Self, DataError> {
        let mut steps = Self::default();
        for part in name.split("_and_") {
            match part {
                "resize" => steps.resize = true,
                "scale_width" => steps.scale_width = true,
                "scale_shortside" => steps.scale_shortside = true,
                "shorter_side" => steps.shorter_side = true,
                "zoom" => steps.zoom = true,
                "crop" => steps.crop = true,
                "patch" => steps.patch = true,
                "trim" => steps.trim = true,
                "none" if name == "none" => {}
                _ => {
                    return Err(DataError::Setting(format!(
                        "preprocess {name:?}: unknown step {part:?}; expected resize, scale_width, scale_shortside, \
                         shorter_side, zoom, crop, patch or trim, or none alone"
                    )));
                }
            }
        }
        let sizes = [steps.resize, steps.scale_width, steps.scale_shortside, steps.shorter_side, steps.zoom];
        if sizes.iter().filter(|asked| **asked).count() > 1 {
            return Err(DataError::Setting(format!(
                "preprocess {name:?}: an image is resized once; expected at most one of resize, scale_width, scale_shortside, \
                 shorter_side and zoom"
            )));
        }
        Ok(steps)
    }
}

/// Everything about the transform that is not random.
#[derive(Debug, Clone, PartialEq)]
pub struct PairTransform {
    /// The steps.
    pub preprocess: Preprocess,
    /// Side that images are resized to.
    pub load_size: u32,
    /// Side that is cut out.
    pub crop_size: u32,
    /// Filter of every resize: bicubic, but bilinear for the single-image pipeline.
    pub filter: Filter,
    /// Whether images are mirrored half of the time.
    pub flip: bool,
    /// One channel of luminance instead of RGB.
    pub grayscale: bool,
    /// What sides of the result are multiples of, if need be by resizing: 4 for the generators of CUT's code, 1 for any size.
    pub multiple_of: u32,
}

/// What was drawn for one image.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PairParams {
    /// Top left of the crop, or of what is left by trimming (x, y).
    pub crop_pos: (u32, u32),
    /// Whether it is mirrored left-right.
    pub flip: bool,
    /// Factors of width and height.
    pub scale_factor: (f64, f64),
    /// Number of the tile, taken modulo the number of tiles.
    pub patch_index: u64,
    /// Left and top margin of the grid of tiles, taken modulo what is free.
    pub patch_offset: (u32, u32),
}

impl PairTransform {
    /// Draws crop position, patch offset and flip for an image of this (width, height). Zoom factors and patch index
    /// belong to a group of items and are passed through.
    pub fn sample(
        &self,
        rng: &mut impl Rng,
        size: (u32, u32),
        scale_factor: (f64, f64),
        patch_index: u64,
    ) -> PairParams {
        let (w, h) = self.zoomed(self.loaded(size), scale_factor);
        let free = |side: u32| side.saturating_sub(self.crop_size);
        let crop_pos = (rng.random_range(0..=free(w)), rng.random_range(0..=free(h)));
        let margin = |side: u32| side % self.crop_size.max(1);
        let patch_offset = (rng.random_range(0..=margin(w)), rng.random_range(0..=margin(h)));
        PairParams { crop_pos, flip: self.flip && rng.random_bool(0.5), scale_factor, patch_index, patch_offset }
    }

    /// Size after `resize`, `scale_width` or `scale_shortside`.
    fn loaded(&self, (width, height): (u32, u32)) -> (u32, u32) {
        if self.preprocess.resize {
            (self.load_size, self.load_size)
        } else if self.preprocess.scale_width {
            let proportional = f64::from(self.load_size) * f64::from(height) / f64::from(width);
            (self.load_size, proportional.max(f64::from(self.crop_size)) as u32)
        } else if self.preprocess.scale_shortside {
            let factor = f64::from(self.load_size) / f64::from(width.min(height).max(1));
            let scaled = |side: u32| (f64::from(side) * factor).round_ties_even() as u32;
            (scaled(width), scaled(height))
        } else if self.preprocess.shorter_side {
            let shorter = u64::from(width.min(height).max(1));
            let scaled = |side: u32| (u64::from(self.load_size) * u64::from(side) / shorter) as u32;
            (scaled(width), scaled(height))
        } else {
            (width, height)
        }
    }

    /// Width and height of what an image of this size becomes; `None` where that is drawn (`zoom` without `crop` or `patch`).
    pub fn size_of(&self, size: (u32, u32)) -> Option<(u32, u32)> {
        let side = self.crop_size;
        if self.preprocess.crop || self.preprocess.patch {
            return Some(multiples_of(self.multiple_of, (side, side)));
        }
        if self.preprocess.zoom {
            return None;
        }
        let (width, height) = self.loaded(size);
        let trimmed = |all: u32| if self.preprocess.trim { all.min(side.max(1)) } else { all };
        Some(multiples_of(self.multiple_of, (trimmed(width.max(1)), trimmed(height.max(1)))))
    }

    /// Size after `zoom`.
    fn zoomed(&self, (width, height): (u32, u32), factor: (f64, f64)) -> (u32, u32) {
        let side =
            |side: u32, factor: f64| (f64::from(side) * factor).max(f64::from(self.crop_size)).round_ties_even() as u32;
        if self.preprocess.zoom { (side(width, factor.0), side(height, factor.1)) } else { (width, height) }
    }

    /// Transforms `image` to [3 (1 if grey), H, W] in [−1, 1].
    ///
    /// # Errors
    /// [`DataError::Setting`] where crop or tile does not fit into the resized image.
    pub fn apply(&self, image: &RgbImage, params: &PairParams) -> Result<Array3<f32>, DataError> {
        if self.grayscale { self.apply_to(&luminance(image), params) } else { self.apply_to(image, params) }
    }

    fn apply_to<P>(&self, image: &ImageBuffer<P, Vec<u8>>, params: &PairParams) -> Result<Array3<f32>, DataError>
    where
        P: Pixel<Subpixel = u8> + 'static,
    {
        let (width, height) = self.loaded(image.dimensions());
        let size = (width.max(1), height.max(1));
        let part = if self.preprocess.zoom {
            let loaded = resized(image, size, self.filter);
            let size = self.zoomed(size, params.scale_factor);
            resize_window(&loaded, size.0, size.1, self.filter, self.window(size, params)?)
        } else {
            resize_window(image, size.0, size.1, self.filter, self.window(size, params)?)
        };
        let part = resized(&part, multiples_of(self.multiple_of, part.dimensions()), self.filter);
        let (w, h) = part.dimensions();
        let mut out = Array3::zeros((usize::from(P::CHANNEL_COUNT), h as usize, w as usize));
        normalise_into(&part, params.flip, out.view_mut());
        Ok(out)
    }

    /// What is kept of a resized image: crop, tile or rest.
    fn window(&self, (width, height): (u32, u32), params: &PairParams) -> Result<Crop, DataError> {
        let mut window = Crop::whole(width, height);
        let side = self.crop_size;
        if self.preprocess.crop {
            let (x, y) = params.crop_pos;
            let fits = |at: u32, all: u32| side > 0 && at.checked_add(side).is_some_and(|end| end <= all);
            if !fits(x, width) || !fits(y, height) {
                return Err(self.too_small((width, height)));
            }
            window = Crop { x, y, width: side, height: side };
        }
        if self.preprocess.patch {
            let (columns, rows) = (window.width / side.max(1), window.height / side.max(1));
            let tiles = u64::from(columns) * u64::from(rows);
            if tiles == 0 || side == 0 {
                return Err(self.too_small((width, height)));
            }
            let tile = (params.patch_index % tiles) as u32;
            let (margin_x, margin_y) = (window.width % side, window.height % side);
            window.x += params.patch_offset.0 % (margin_x + 1) + tile / rows * side;
            window.y += params.patch_offset.1 % (margin_y + 1) + tile % rows * side;
            (window.width, window.height) = (side, side);
        }
        if self.preprocess.trim {
            let (x, y) = params.crop_pos;
            let (w, h) = (window.width.min(side.max(1)), window.height.min(side.max(1)));
            window.x += x.min(window.width - w);
            window.y += y.min(window.height - h);
            (window.width, window.height) = (w, h);
        }
        Ok(window)
    }

    fn too_small(&self, (width, height): (u32, u32)) -> DataError {
        DataError::Setting(format!(
            "no {0} × {0} pixels (crop_size) at the wanted place of an image of {width} × {height}; lower crop_size or raise load_size",
            self.crop_size
        ))
    }
}

/// Each side as the nearest multiple of 4 (`round(side/4)·4`, halves to even), at least 4: what the generators take.
pub fn multiples_of_four(size: (u32, u32)) -> (u32, u32) {
    multiples_of(4, size)
}

fn multiples_of(unit: u32, (width, height): (u32, u32)) -> (u32, u32) {
    let nearest = |side: u32| ((f64::from(side) / f64::from(unit)).round_ties_even() as u32 * unit).max(unit);
    (nearest(width), nearest(height))
}

/// The image itself where it has the size already.
pub(crate) fn resized<P>(
    image: &ImageBuffer<P, Vec<u8>>,
    size: (u32, u32),
    filter: Filter,
) -> Cow<'_, ImageBuffer<P, Vec<u8>>>
where
    P: Pixel<Subpixel = u8>,
{
    if image.dimensions() == size { Cow::Borrowed(image) } else { Cow::Owned(resize(image, size.0, size.1, filter)) }
}

/// Luminance `(19595 R + 38470 G + 7471 B + 32768) >> 16`, as Pillow has it.
fn luminance(image: &RgbImage) -> GrayImage {
    GrayImage::from_fn(image.width(), image.height(), |x, y| {
        let [r, g, b] = image.get_pixel(x, y).0.map(u32::from);
        Luma([((19595 * r + 38470 * g + 7471 * b + 32768) >> 16) as u8])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::stream;
    use proptest::prelude::*;

    fn transform(preprocess: &str, load_size: u32, crop_size: u32) -> PairTransform {
        let preprocess = preprocess.parse().unwrap();
        PairTransform {
            preprocess,
            load_size,
            crop_size,
            filter: Filter::Bicubic,
            flip: true,
            grayscale: false,
            multiple_of: 4,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn the_size_that_is_told_is_the_one_that_comes(w in 1u32..90, h in 1u32..90, seed: u64) {
            let image = RgbImage::new(w, h);
            for preprocess in ["none", "resize", "scale_width", "scale_shortside", "shorter_side", "trim", "resize_and_crop"] {
                let transform = transform(preprocess, 36, 32);
                let params = transform.sample(&mut stream(seed, "t", 0), (w, h), (1.0, 1.0), 0);
                let (_, height, width) = transform.apply(&image, &params).unwrap().dim();
                prop_assert_eq!(transform.size_of((w, h)), Some((width as u32, height as u32)), "{}", preprocess);
            }
        }

        #[test]
        fn sampled_parameters_always_fit(w in 1u32..90, h in 1u32..90, seed: u64, zoom in 0.34f64..1.0, index: u64) {
            let image = RgbImage::new(w, h);
            for preprocess in ["resize_and_crop", "scale_width_and_crop", "scale_shortside_and_crop", "shorter_side_and_crop", "zoom_and_patch", "resize_and_trim"] {
                let transform = transform(preprocess, 36, 32);
                let params = transform.sample(&mut stream(seed, "t", 0), (w, h), (zoom, zoom), index);
                prop_assert_eq!(transform.apply(&image, &params).unwrap().dim(), (3, 32, 32));
            }
        }
    }

    #[test]
    fn trimming_cuts_only_what_is_too_long_and_the_shorter_side_sets_the_scale() {
        let image = RgbImage::from_fn(40, 24, |x, _| image::Rgb([x as u8; 3]));
        let params = PairParams { crop_pos: (5, 3), ..PairParams::default() };
        let trimmed = transform("trim", 0, 32).apply(&image, &params).unwrap();
        assert_eq!(trimmed.dim(), (3, 24, 32));
        assert_eq!(trimmed[[0, 0, 0]], (5.0 / 255.0 - 0.5) / 0.5);
        assert_eq!(transform("scale_shortside", 48, 32).apply(&image, &params).unwrap().dim(), (3, 48, 80));
        let cropped = transform("scale_shortside_and_crop", 36, 32).apply(&image, &PairParams::default()).unwrap();
        assert_eq!(cropped.dim(), (3, 32, 32));
        // 48·33/20 = 79.2.
        let any = PairTransform { multiple_of: 1, ..transform("shorter_side", 48, 32) };
        assert_eq!(any.apply(&RgbImage::new(33, 20), &params).unwrap().dim(), (3, 48, 79));
    }

    #[test]
    fn sides_become_multiples_of_four() {
        let out = transform("none", 0, 0).apply(&RgbImage::new(45, 66), &PairParams::default()).unwrap();
        // 66/4 = 16.5 rounds to the even 16.
        assert_eq!(out.dim(), (3, 64, 44));
    }

    #[test]
    fn what_does_not_fit_is_an_error_that_says_so() {
        let error = transform("crop", 0, 32).apply(&RgbImage::new(31, 40), &PairParams::default()).unwrap_err();
        assert!(error.to_string().contains("31 × 40"), "{error}");
        assert!("resize_and_twist".parse::<Preprocess>().unwrap_err().to_string().contains("twist"));
    }
}
