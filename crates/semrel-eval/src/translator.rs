//! Images through a generator: batches, and files.

use crate::EvalError;
use image::RgbImage;
use ndarray::{Array3, Axis, stack};
use semrel_data::image_io::Quantise;
use semrel_data::translate::{self, Job, TranslateOptions, named};
use semrel_metrics::extractor::to_images;
use semrel_nn::{Net, NetworkError};
use semrel_train::batches::tensor;
use semrel_train::passes::Generator;
use std::fmt;
use tch::{Device, Tensor, no_grad};

/// A generator as an evaluation uses it: images `[n, 3, H, W]` in [−1, 1] to images of the same shape.
pub trait ImageTranslator {
    /// Where it computes.
    fn device(&self) -> Device;

    /// Whether it takes images of this size.
    ///
    /// # Errors
    /// What its sides must be.
    fn check_size(&self, height: i64, width: i64) -> Result<(), NetworkError>;

    /// What it makes of images. It is called without a graph.
    fn forward(&self, images: &Tensor) -> Tensor;
}

impl ImageTranslator for Net<Generator> {
    fn device(&self) -> Device {
        Net::device(self)
    }

    fn check_size(&self, height: i64, width: i64) -> Result<(), NetworkError> {
        self.tap_shapes(height, width, &[]).map(drop)
    }

    fn forward(&self, images: &Tensor) -> Tensor {
        (**self).forward(images)
    }
}

/// Translations stretched to their own range, as MUNIT's published program saves them ([`stretched`]).
pub struct Stretched<'a>(pub &'a dyn ImageTranslator);

impl fmt::Debug for Stretched<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stretched")
    }
}

impl ImageTranslator for Stretched<'_> {
    fn device(&self) -> Device {
        self.0.device()
    }

    fn check_size(&self, height: i64, width: i64) -> Result<(), NetworkError> {
        self.0.check_size(height, width)
    }

    fn forward(&self, images: &Tensor) -> Tensor {
        stretched(&self.0.forward(images))
    }
}

/// Images `[n, C, H, W]` in [−1, 1] as MUNIT's published program stretches them: with s = (x + 1)/2, `(s − min)/max(max − min, 1e-5)` over
/// all numbers of an image, half a byte more, so that truncating to bytes rounds.
pub fn stretched(images: &Tensor) -> Tensor {
    let s = (images + 1.0) * 0.5;
    let rows = s.flatten(1, -1);
    let of_image = |t: Tensor| t.view([-1, 1, 1, 1]);
    let (least, most) = (of_image(rows.amin([1i64].as_slice(), false)), of_image(rows.amax([1i64].as_slice(), false)));
    let range = (most - &least).clamp_min(1e-5);
    ((s - least) / range + 0.5 / 255.0) * 2.0 - 1.0
}

/// A function in place of a generator, for images whose size is known to fit.
pub struct Forward<F> {
    /// Where it computes.
    pub device: Device,
    /// `[n, 3, H, W]` to `[n, 3, H, W]`.
    pub forward: F,
}

impl<F> fmt::Debug for Forward<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forward").field("device", &self.device).finish_non_exhaustive()
    }
}

impl<F: Fn(&Tensor) -> Tensor> ImageTranslator for Forward<F> {
    fn device(&self) -> Device {
        self.device
    }

    fn check_size(&self, _height: i64, _width: i64) -> Result<(), NetworkError> {
        Ok(())
    }

    fn forward(&self, images: &Tensor) -> Tensor {
        (self.forward)(images)
    }
}

/// 8-bit pictures, truncated as published, of a generator's output `[n, 3, H, W]`.
///
/// # Errors
/// [`EvalError::NotFinite`]: a picture of such an output would show nothing.
pub fn pictures(made: &Tensor) -> Result<Vec<RgbImage>, EvalError> {
    if made.isfinite().all().int64_value(&[]) != 1 {
        return Err(EvalError::NotFinite);
    }
    Ok(to_images(made, Quantise::Truncate)?)
}

/// One picture for each row of a batch `[n, 3, H, W]`, as [`pictures`].
///
/// # Errors
/// [`EvalError::Network`]: a size that the translator does not take; [`EvalError::NotFinite`].
pub fn translate_batch(translator: &dyn ImageTranslator, batch: &Tensor) -> Result<Vec<RgbImage>, EvalError> {
    let size = batch.size();
    let (height, width) = (size[2], size[3]);
    translator.check_size(height, width)?;
    pictures(&no_grad(|| translator.forward(&batch.to_device(translator.device()))))
}

/// Inputs `[3, H, W]` as batches on the CPU: those of one size that follow each other are one.
pub(crate) fn batches(images: &[Array3<f32>]) -> impl Iterator<Item = Tensor> {
    images.chunk_by(|a, b| a.dim() == b.dim()).map(|same| {
        let views: Vec<_> = same.iter().map(|image| image.view()).collect();
        tensor(&stack(Axis(0), &views).expect("images of one size"), Device::Cpu)
    })
}

/// Pictures of inputs `[3, H, W]` in [−1, 1] of any sizes.
///
/// # Errors
/// As [`translate_batch`].
pub fn translate_images(translator: &dyn ImageTranslator, images: &[Array3<f32>]) -> Result<Vec<RgbImage>, EvalError> {
    let mut outputs = vec![];
    for batch in batches(images) {
        outputs.extend(translate_batch(translator, &batch)?);
    }
    Ok(outputs)
}

/// Translates files ([`translate::translate`]); pictures of one size that follow each other are one batch. Returns how many
/// were written.
///
/// # Errors
/// The first file that cannot be read, translated or written; those before it are written.
pub fn translate_files(
    translator: &dyn ImageTranslator,
    jobs: &[Job],
    options: TranslateOptions,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<usize, EvalError> {
    let mut run =
        |jobs: &[Job], images: &[_]| translate_images(translator, images).map_err(|error| error.of(named(jobs)));
    translate::translate(jobs, options, &mut run, progress)
}

#[cfg(test)]
mod tests {
    use super::*;
    use semrel_data::translation_output;
    use tch::Kind;

    struct Wide;

    impl ImageTranslator for Wide {
        fn device(&self) -> Device {
            Device::Cpu
        }
        fn check_size(&self, height: i64, width: i64) -> Result<(), NetworkError> {
            if width > height { Ok(()) } else { Err(NetworkError::Size { height, width, expected: "wide".into() }) }
        }
        fn forward(&self, images: &Tensor) -> Tensor {
            -images
        }
    }

    fn image(height: usize, width: usize) -> Array3<f32> {
        Array3::from_shape_fn((3, height, width), |(c, y, x)| (c * 31 + y * 7 + x) as f32 / 100.0 - 0.5)
    }

    #[test]
    fn images_of_several_sizes_keep_their_order() {
        let images = [image(4, 8), image(4, 8), image(8, 12), image(4, 8)];
        let made = translate_images(&Wide, &images).unwrap();
        let sizes: Vec<_> = made.iter().map(RgbImage::dimensions).collect();
        assert_eq!(sizes, [(8, 4), (8, 4), (12, 8), (8, 4)]);
        assert_eq!(made[2], translation_output((-images[2].clone()).view()));
    }

    #[test]
    fn stretched_images_reach_from_black_to_white() {
        let image = Tensor::from_slice(&[-0.5f32, 0.0, 0.1, 0.5]).view([1, 1, 2, 2]).expand([1, 3, 2, 2], false);
        let bytes = pictures(&stretched(&image)).unwrap().remove(0);
        // 0.6·255 = 153.
        assert_eq!(bytes.pixels().map(|p| p.0[1]).collect::<Vec<_>>(), [0, 128, 153, 255]);
        let grey = stretched(&Tensor::zeros([1, 3, 2, 2], (Kind::Float, Device::Cpu)));
        assert!(pictures(&grey).unwrap()[0].pixels().all(|p| p.0 == [0; 3]));
    }

    #[test]
    fn sizes_that_do_not_fit_and_outputs_that_are_not_finite_are_refused() {
        let error = translate_images(&Wide, &[image(8, 4)]).unwrap_err();
        assert_eq!(error.to_string(), "images of 4 x 8 pixels do not fit this network: both sides must be wide");
        let nan = Forward { device: Device::Cpu, forward: |x: &Tensor| x * f64::NAN };
        assert!(matches!(translate_images(&nan, &[image(8, 4)]), Err(EvalError::NotFinite)));
        let infinite = Tensor::full([1, 3, 2, 2], f64::INFINITY, (Kind::Float, Device::Cpu));
        assert!(matches!(pictures(&infinite), Err(EvalError::NotFinite)));
    }
}
