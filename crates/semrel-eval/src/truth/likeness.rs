//! How like two pictures are, and means of that.

use crate::EvalError;
use image::{GrayImage, RgbImage};
use semrel_metrics::ssim::{pixels, psnr, ssim};
use semrel_run::scores::MaskedPsnr;

/// Masks are white from this value on.
const WHITE: u8 = 128;

/// How near a picture comes to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Likeness {
    /// Perceptual distance.
    pub pd: f64,
    /// Structural similarity.
    pub ssim: f64,
    /// PSNR in decibels; infinite for equal pictures.
    pub psnr: f64,
}

impl Likeness {
    /// Of a picture and another, whose perceptual distance is known.
    ///
    /// # Errors
    /// Pictures of different sizes, or with sides below 11 pixels.
    pub fn new(pd: f64, picture: &RgbImage, truth: &RgbImage) -> Result<Self, EvalError> {
        let (a, b) = (pixels(picture), pixels(truth));
        Ok(Self { pd, ssim: ssim(a, b)?, psnr: psnr(a, b)? })
    }
}

/// Means over pictures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct MeanLikeness {
    /// Of the perceptual distance.
    pub pd: f64,
    /// Of the structural similarity.
    pub ssim: f64,
    /// Of the PSNR, where it is finite.
    pub psnr: f64,
    /// How many pictures are equal.
    pub equal: usize,
}

impl MeanLikeness {
    /// Over these; NaN where there are none.
    pub fn over(all: &[Likeness]) -> Self {
        let mean = |values: &mut dyn Iterator<Item = f64>| {
            let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
            sum / f64::from(count)
        };
        Self {
            pd: mean(&mut all.iter().map(|l| l.pd)),
            ssim: mean(&mut all.iter().map(|l| l.ssim)),
            psnr: mean(&mut all.iter().map(|l| l.psnr).filter(|&psnr| psnr != f64::INFINITY)),
            equal: all.iter().filter(|l| l.psnr == f64::INFINITY).count(),
        }
    }
}

/// Squared errors of pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Squares {
    sum: u64,
    count: u64,
}

impl Squares {
    fn plus(self, other: Self) -> Self {
        Self { sum: self.sum + other.sum, count: self.count + other.count }
    }

    /// PSNR of their mean in decibels: infinite where all are 0, NaN where there are none.
    fn psnr(self) -> f64 {
        10.0 * (255.0 * 255.0 * self.count as f64 / self.sum as f64).log10()
    }
}

/// Squared errors inside and outside masks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct MaskedSquares {
    inside: Squares,
    outside: Squares,
}

impl MaskedSquares {
    /// Of two pictures and a mask, all of one size.
    pub fn of(picture: &RgbImage, truth: &RgbImage, mask: &GrayImage) -> Self {
        let mut squares = Self::default();
        for ((a, b), mask) in picture.pixels().zip(truth.pixels()).zip(mask.pixels()) {
            let sum = a.0.iter().zip(b.0).map(|(&a, b)| u64::from(a.abs_diff(b)).pow(2)).sum();
            let part = if mask.0[0] >= WHITE { &mut squares.inside } else { &mut squares.outside };
            *part = part.plus(Squares { sum, count: a.0.len() as u64 });
        }
        squares
    }

    /// Both parts together with another's.
    pub fn plus(self, other: Self) -> Self {
        Self { inside: self.inside.plus(other.inside), outside: self.outside.plus(other.outside) }
    }

    /// The PSNR of each part.
    pub fn psnr(self) -> MaskedPsnr {
        MaskedPsnr { inside: self.inside.psnr(), outside: self.outside.psnr() }
    }

    /// The colour that no mask shows.
    pub fn lacking(self) -> Option<&'static str> {
        match (self.inside.count, self.outside.count) {
            (0, _) => Some("white"),
            (_, 0) => Some("black"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Luma, Rgb};
    use proptest::prelude::*;

    fn picture(level: u8, right: u8) -> RgbImage {
        RgbImage::from_fn(12, 12, |x, _| Rgb([if x < 6 { level } else { right }; 3]))
    }

    #[test]
    fn equal_pictures_are_counted_and_not_averaged() {
        let likeness = |pd, right| Likeness::new(pd, &picture(9, 100), &picture(9, right)).unwrap();
        let mean = MeanLikeness::over(&[likeness(0.0, 100), likeness(2.0, 110), likeness(1.0, 110)]);
        // Half of the pixels differ by 10.
        let expected = 10.0 * (255.0f64 * 255.0 / 50.0).log10();
        assert!((mean.psnr - expected).abs() < 1e-9 && mean.pd == 1.0 && mean.equal == 1, "{mean:?}");
        assert!(mean.ssim < 1.0 && mean.ssim > 0.5);
        assert!(MeanLikeness::over(&[likeness(0.0, 100)]).psnr.is_nan());
        assert!(Likeness::new(0.0, &picture(1, 2), &RgbImage::new(12, 13)).is_err());
    }

    #[test]
    fn masks_divide_the_error() {
        let mask = GrayImage::from_fn(12, 12, |x, _| Luma([if x < 6 { 255 } else { 0 }]));
        let squares = MaskedSquares::of(&picture(9, 100), &picture(9, 105), &mask);
        let MaskedPsnr { inside, outside } = squares.psnr();
        assert!(inside == f64::INFINITY && (outside - 10.0 * (255.0f64 * 255.0 / 25.0).log10()).abs() < 1e-9);
        assert_eq!(squares.lacking(), None);
        let lacking =
            |level| MaskedSquares::of(&picture(1, 1), &picture(1, 1), &GrayImage::from_pixel(12, 12, Luma([level])));
        assert_eq!([lacking(0), lacking(255)].map(MaskedSquares::lacking), [Some("white"), Some("black")]);
        assert!(lacking(0).psnr().inside.is_nan());
    }

    proptest! {
        #[test]
        fn both_parts_make_up_the_whole(a in 0u8..255, b in 0u8..255, c in 0u8..255, edge in 0u32..13) {
            let (one, other) = (picture(a, b), picture(c, b));
            let mask = GrayImage::from_fn(12, 12, |x, _| Luma([if x < edge { 255 } else { 0 }]));
            let MaskedSquares { inside, outside } = MaskedSquares::of(&one, &other, &mask);
            let whole = inside.plus(outside).psnr();
            prop_assert_eq!(whole, psnr(pixels(&one), pixels(&other)).unwrap());
        }
    }
}
