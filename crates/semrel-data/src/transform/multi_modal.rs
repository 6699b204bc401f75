//! Training transform of the official multi-modal code.

use super::normalise_into;
use crate::resize::{Crop, Filter, resize_crop};
use image::RgbImage;
use ndarray::ArrayViewMut3;
use rand::{Rng, RngExt};

/// With some probability a random crop; resized to a square (Pillow bilinear); flipped half of the time; in [−1, 1].
#[derive(Debug, Clone, PartialEq)]
pub struct TrainTransform {
    /// Probability of the crop. Published: 0.5.
    pub crop_probability: f64,
    /// Range of the crop's share of the area. Published: 0.8 to 1.
    pub area: (f64, f64),
    /// Range of the crop's width over its height, drawn log-uniformly. Published: 0.9 to 1.1.
    pub ratio: (f64, f64),
    /// Probability of a left-right flip. Published: 0.5.
    pub flip_probability: f64,
}

impl Default for TrainTransform {
    /// The published values.
    fn default() -> Self {
        Self { crop_probability: 0.5, area: (0.8, 1.0), ratio: (0.9, 1.1), flip_probability: 0.5 }
    }
}

/// What was drawn for one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrainParams {
    /// The rectangle that is kept.
    pub crop: Crop,
    /// Whether it is mirrored left-right.
    pub flip: bool,
}

impl TrainTransform {
    /// Draws the parameters for an image of this size.
    pub fn sample(&self, rng: &mut impl Rng, width: u32, height: u32) -> TrainParams {
        let crop = if rng.random::<f64>() < self.crop_probability {
            self.sample_crop(rng, width, height)
        } else {
            Crop::whole(width, height)
        };
        TrainParams { crop, flip: rng.random::<f64>() < self.flip_probability }
    }

    fn sample_crop(&self, rng: &mut impl Rng, width: u32, height: u32) -> Crop {
        let between = |rng: &mut dyn Rng, (low, high): (f64, f64)| low + (high - low) * rng.random::<f64>();
        // Ten tries, then the largest centred rectangle whose ratio is allowed.
        for _ in 0..10 {
            let area = f64::from(width) * f64::from(height) * between(rng, self.area);
            let ratio = between(rng, (self.ratio.0.ln(), self.ratio.1.ln())).exp();
            let w = (area * ratio).sqrt().round_ties_even() as u32;
            let h = (area / ratio).sqrt().round_ties_even() as u32;
            if (1..=width).contains(&w) && (1..=height).contains(&h) {
                let (x, y) = (rng.random_range(0..=width - w), rng.random_range(0..=height - h));
                return Crop { x, y, width: w, height: h };
            }
        }
        let ratio = f64::from(width) / f64::from(height);
        let bounded = ratio.clamp(self.ratio.0, self.ratio.1);
        let (w, h) = if ratio < bounded {
            (width, (f64::from(width) / bounded).round_ties_even() as u32)
        } else {
            ((f64::from(height) * bounded).round_ties_even() as u32, height)
        };
        let (w, h) = (w.clamp(1, width), h.clamp(1, height));
        Crop { x: (width - w) / 2, y: (height - h) / 2, width: w, height: h }
    }
}

impl TrainParams {
    /// Applies them; `out` is [3, S, S].
    pub fn apply_into(&self, image: &RgbImage, out: ArrayViewMut3<f32>) {
        let (_, height, width) = out.dim();
        let resized = resize_crop(image, self.crop, width as u32, height as u32, Filter::Bilinear);
        normalise_into(&resized, self.flip, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::stream;
    use ndarray::Array3;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn crops_lie_within_the_image(w in 1u32..300, h in 1u32..300, seed: u64) {
            let p = TrainTransform { crop_probability: 1.0, ..Default::default() }.sample(&mut stream(seed, "t", 0), w, h);
            prop_assert!(p.crop.width >= 1 && p.crop.height >= 1);
            prop_assert!(p.crop.x + p.crop.width <= w && p.crop.y + p.crop.height <= h);
        }

        #[test]
        fn values_lie_between_minus_one_and_one(v: u8, seed: u64) {
            let params = TrainTransform::default().sample(&mut stream(seed, "t", 0), 20, 16);
            let mut out = Array3::zeros((3, 8, 8));
            params.apply_into(&RgbImage::from_pixel(20, 16, image::Rgb([v, 0, 255])), out.view_mut());
            let want = (f32::from(v) / 255.0 - 0.5) / 0.5;
            prop_assert!(out.slice(ndarray::s![0, .., ..]).iter().all(|&x| x == want));
            prop_assert!(out.slice(ndarray::s![1, .., ..]).iter().all(|&x| x == -1.0));
            prop_assert!(out.slice(ndarray::s![2, .., ..]).iter().all(|&x| x == 1.0));
        }
    }

    #[test]
    fn area_ratio_and_frequencies_are_the_published_ones() {
        let transform = TrainTransform::default();
        let draws: Vec<_> = (0..4000).map(|i| transform.sample(&mut stream(3, "t", i), 1000, 1000)).collect();
        let cropped: Vec<_> = draws.iter().filter(|p| p.crop != Crop::whole(1000, 1000)).collect();
        assert!((1850..2150).contains(&cropped.len()), "{}", cropped.len());
        assert!((1850..2150).contains(&draws.iter().filter(|p| p.flip).count()));
        for p in cropped {
            let (w, h) = (f64::from(p.crop.width), f64::from(p.crop.height));
            assert!((0.798..=1.0).contains(&(w * h / 1e6)) && (0.898..1.102).contains(&(w / h)), "{p:?}");
        }
    }

    #[test]
    fn a_flip_mirrors() {
        let image = RgbImage::from_fn(4, 2, |x, y| image::Rgb([x as u8 * 50, y as u8 * 9, 7]));
        let (mut plain, mut mirrored) = (Array3::zeros((3, 2, 4)), Array3::zeros((3, 2, 4)));
        let crop = Crop::whole(4, 2);
        TrainParams { crop, flip: false }.apply_into(&image, plain.view_mut());
        TrainParams { crop, flip: true }.apply_into(&image, mirrored.view_mut());
        assert_eq!(plain.slice(ndarray::s![.., .., ..;-1]), mirrored);
        assert_ne!(plain, mirrored);
    }
}
