//! Two pictures of one scene compared pixel by pixel: PSNR, SSIM and MS-SSIM.
//!
//! Pictures are 8-bit, [H, W, C] with C = 1 or 3, in the space they are stored in: no conversion to luminance, no border cut for
//! the PSNR. SSIM is Wang et al.'s (2004) with a Gaussian window of 11 taps (σ = 1.5), population covariances and a range of 255,
//! per channel, averaged over the pixels whose window lies wholly inside: what scikit-image computes with
//! `gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255`. Its defaults (a uniform window of 7 × 7, sample
//! covariances) give other numbers.

use crate::MetricsError;
use image::RgbImage;
use ndarray::{Array2, Array3, ArrayView2, ArrayView3, Axis, Zip, s};

/// Range of 8-bit pixels.
const RANGE: f64 = 255.0;
/// Standard deviation of the window, in pixels.
const SIGMA: f64 = 1.5;
/// Pixels from the window's middle to its end.
const RADIUS: usize = 5;
/// Pixels along the window.
const WINDOW: usize = 2 * RADIUS + 1;
const C1: f64 = (0.01 * RANGE) * (0.01 * RANGE);
const C2: f64 = (0.03 * RANGE) * (0.03 * RANGE);
/// Exponents of the five scales of MS-SSIM, finest first. They sum to 1.0001, as published.
const SCALES: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
/// The smaller side of a picture must exceed this for MS-SSIM: its coarsest scale must hold a window.
const SMALLEST_MULTI_SCALE: usize = 160;

/// The pixels of an image, [H, W, 3].
pub fn pixels(image: &RgbImage) -> ArrayView3<'_, u8> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    ArrayView3::from_shape((height, width, 3), image.as_raw()).expect("an image holds its pixels")
}

/// Mean squared difference over all pixels and channels, 0 to 255².
///
/// # Errors
/// [`MetricsError::Sizes`] where sizes differ, [`MetricsError::Shape`] where channels do.
pub fn mse(a: ArrayView3<'_, u8>, b: ArrayView3<'_, u8>) -> Result<f64, MetricsError> {
    same_size(a, b)?;
    let sum = Zip::from(a).and(b).fold(0u64, |sum, &a, &b| sum + u64::from(a.abs_diff(b)).pow(2));
    Ok(sum as f64 / a.len() as f64)
}

/// Peak signal-to-noise ratio `10·log₁₀(255² / MSE)` in decibels; infinite for equal pictures.
///
/// # Errors
/// As [`mse`].
pub fn psnr(a: ArrayView3<'_, u8>, b: ArrayView3<'_, u8>) -> Result<f64, MetricsError> {
    Ok(10.0 * (RANGE * RANGE / mse(a, b)?).log10())
}

/// Structural similarity of each pixel whose window lies wholly inside, [H − 10, W − 10, C], −1 to 1:
/// `(2μₐμ_b + C₁)(2σₐ_b + C₂) / ((μₐ² + μ_b² + C₁)(σₐ² + σ_b² + C₂))`, with `C₁ = (0.01·255)²`, `C₂ = (0.03·255)²`.
///
/// # Errors
/// As [`mse`], and [`MetricsError::Setting`] where a side is shorter than the window of 11 pixels.
pub fn ssim_map(a: ArrayView3<'_, u8>, b: ArrayView3<'_, u8>) -> Result<Array3<f64>, MetricsError> {
    same_size(a, b)?;
    let (height, width, channels) = a.dim();
    if height.min(width) < WINDOW {
        return Err(MetricsError::Setting(format!(
            "SSIM of pictures of {width} × {height} pixels; expected sides of at least {WINDOW} pixels"
        )));
    }
    let mut map = Array3::zeros((height - 2 * RADIUS, width - 2 * RADIUS, channels));
    for c in 0..channels {
        let local = Local::new(&double(a, c), &double(b, c));
        map.index_axis_mut(Axis(2), c).assign(&local.ssim());
    }
    Ok(map)
}

/// Structural similarity of two pictures, −1 to 1: the mean of [`ssim_map`].
///
/// # Errors
/// As [`ssim_map`].
pub fn ssim(a: ArrayView3<'_, u8>, b: ArrayView3<'_, u8>) -> Result<f64, MetricsError> {
    Ok(mean(ssim_map(a, b)?.iter()))
}

/// Structural similarity over five scales (Wang et al. 2003, as `pytorch-msssim` computes it), 0 to 1: per channel
/// `Π_{j<5} cs_jʷʲ · S_5ʷ⁵`, where `cs` is the mean of `(2σₐ_b + C₂)/(σₐ² + σ_b² + C₂)`, S the mean of SSIM, negative means count
/// as 0, and scales are halved by means of 2 × 2 blocks; then the mean over channels.
///
/// # Errors
/// As [`mse`], and [`MetricsError::Setting`] where a side has 160 pixels or fewer.
pub fn ms_ssim(a: ArrayView3<'_, u8>, b: ArrayView3<'_, u8>) -> Result<f64, MetricsError> {
    same_size(a, b)?;
    let (height, width, channels) = a.dim();
    if height.min(width) <= SMALLEST_MULTI_SCALE {
        return Err(MetricsError::Setting(format!(
            "MS-SSIM of pictures of {width} × {height} pixels; expected sides of more than {SMALLEST_MULTI_SCALE} pixels"
        )));
    }
    let of_channel = |c| {
        let (mut a, mut b) = (double(a, c), double(b, c));
        let mut product = 1.0;
        for (scale, weight) in SCALES.into_iter().enumerate() {
            let local = Local::new(&a, &b);
            let last = scale + 1 == SCALES.len();
            let value = if last { mean(local.ssim().iter()) } else { mean(local.contrast_structure().iter()) };
            product *= value.max(0.0).powf(weight);
            if !last {
                (a, b) = (halved(a.view()), halved(b.view()));
            }
        }
        product
    };
    Ok((0..channels).map(of_channel).sum::<f64>() / channels as f64)
}

fn same_size(a: ArrayView3<'_, u8>, b: ArrayView3<'_, u8>) -> Result<(), MetricsError> {
    let size = |p: ArrayView3<'_, u8>| (p.dim().1 as u32, p.dim().0 as u32);
    if size(a) != size(b) || a.is_empty() {
        return Err(MetricsError::Sizes { what: "pictures that are compared", left: size(a), right: size(b) });
    }
    if a.dim().2 != b.dim().2 {
        let found = b.shape().iter().map(|&n| n as i64).collect();
        return Err(MetricsError::Shape { what: "second picture", found, expected: "as many channels as the first" });
    }
    Ok(())
}

fn double(picture: ArrayView3<'_, u8>, channel: usize) -> Array2<f64> {
    picture.index_axis(Axis(2), channel).mapv(f64::from)
}

fn mean<'a>(values: impl ExactSizeIterator<Item = &'a f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

/// Means, variances and the covariance in the window around each pixel that has one.
struct Local {
    mean_a: Array2<f64>,
    mean_b: Array2<f64>,
    var_a: Array2<f64>,
    var_b: Array2<f64>,
    cov: Array2<f64>,
}

impl Local {
    fn new(a: &Array2<f64>, b: &Array2<f64>) -> Self {
        let (mean_a, mean_b) = (smoothed(a), smoothed(b));
        let var_a = smoothed(&(a * a)) - &mean_a * &mean_a;
        let var_b = smoothed(&(b * b)) - &mean_b * &mean_b;
        let cov = smoothed(&(a * b)) - &mean_a * &mean_b;
        Self { mean_a, mean_b, var_a, var_b, cov }
    }

    /// `(2σₐ_b + C₂)/(σₐ² + σ_b² + C₂)`.
    fn contrast_structure(&self) -> Array2<f64> {
        (&self.cov * 2.0 + C2) / (&self.var_a + &self.var_b + C2)
    }

    fn ssim(&self) -> Array2<f64> {
        let luminance =
            (&self.mean_a * &self.mean_b * 2.0 + C1) / (&self.mean_a * &self.mean_a + &self.mean_b * &self.mean_b + C1);
        luminance * self.contrast_structure()
    }
}

/// Weights of the window along one axis; they sum to 1.
fn window() -> [f64; WINDOW] {
    let weights: [f64; WINDOW] = std::array::from_fn(|i| {
        let distance = i as f64 - RADIUS as f64;
        (-distance * distance / (2.0 * SIGMA * SIGMA)).exp()
    });
    let sum: f64 = weights.iter().sum();
    weights.map(|weight| weight / sum)
}

/// Gaussian means of the pixels whose window lies inside, [H − 10, W − 10].
fn smoothed(x: &Array2<f64>) -> Array2<f64> {
    let (height, width) = x.dim();
    let weights = window();
    let mut rows = Array2::zeros((height - 2 * RADIUS, width));
    for (i, weight) in weights.into_iter().enumerate() {
        rows.scaled_add(weight, &x.slice(s![i..i + height - 2 * RADIUS, ..]));
    }
    let mut both = Array2::zeros((height - 2 * RADIUS, width - 2 * RADIUS));
    for (i, weight) in weights.into_iter().enumerate() {
        both.scaled_add(weight, &rows.slice(s![.., i..i + width - 2 * RADIUS]));
    }
    both
}

/// Means of blocks of 2 × 2. An odd side has a zero added at both ends first, and these zeros count.
fn halved(x: ArrayView2<'_, f64>) -> Array2<f64> {
    let (height, width) = x.dim();
    let (top, left) = (height % 2, width % 2);
    let mut padded = Array2::zeros((height + 2 * top, width + 2 * left));
    padded.slice_mut(s![top..top + height, left..left + width]).assign(&x);
    Array2::from_shape_fn((padded.nrows() / 2, padded.ncols() / 2), |(y, x)| {
        padded.slice(s![2 * y..2 * y + 2, 2 * x..2 * x + 2]).sum() / 4.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn picture(seed: u32, height: usize, width: usize) -> Array3<u8> {
        Array3::from_shape_fn((height, width, 3), |(y, x, c)| {
            ((y as u32 * 31 + x as u32 * 17 + c as u32 * 7).wrapping_mul(seed | 1) >> 3) as u8
        })
    }

    #[test]
    fn equal_pictures_are_alike() {
        let a = picture(9, 170, 165);
        assert_eq!(psnr(a.view(), a.view()).unwrap(), f64::INFINITY);
        assert!((ssim(a.view(), a.view()).unwrap() - 1.0).abs() < 1e-12);
        assert!((ms_ssim(a.view(), a.view()).unwrap() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let [a, b, narrow] = [picture(1, 12, 12), picture(1, 12, 13), picture(1, 20, 10)];
        let text = psnr(a.view(), b.view()).unwrap_err().to_string();
        assert!(text.contains("12 × 12 and 13 × 12"), "{text}");
        let text = ssim(narrow.view(), narrow.view()).unwrap_err().to_string();
        assert!(text.contains("10 × 20") && text.contains("at least 11"), "{text}");
        let text = ms_ssim(a.view(), a.view()).unwrap_err().to_string();
        assert!(text.contains("more than 160"), "{text}");
        let grey = Array3::<u8>::zeros((12, 12, 1));
        assert!(matches!(mse(a.view(), grey.view()), Err(MetricsError::Shape { .. })));
    }

    proptest! {
        #[test]
        fn both_orders_give_the_same(seed in 1u32..999, other in 1u32..999) {
            let (a, b) = (picture(seed, 15, 14), picture(other, 15, 14));
            prop_assert_eq!(psnr(a.view(), b.view()).unwrap(), psnr(b.view(), a.view()).unwrap());
            let (there, back) = (ssim(a.view(), b.view()).unwrap(), ssim(b.view(), a.view()).unwrap());
            prop_assert!((there - back).abs() < 1e-12 && (-1.0..=1.0 + 1e-12).contains(&there));
        }
    }
}
