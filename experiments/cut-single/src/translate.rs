//! Files through a generator.

use crate::networks::Generator;
use anyhow::{Context, Result};
use image::RgbImage;
use ndarray::{Array3, Axis, stack};
use semrel_data::image_io::Quantise;
use semrel_data::translate::{self, Job, TranslateOptions};
use semrel_metrics::extractor::to_images;
use semrel_nn::Net;
use semrel_train::batches::tensor;
use tch::{Tensor, no_grad};

/// Translates files ([`translate::translate`]); pictures of one size that follow each other are one batch.
///
/// # Errors
/// The first file that cannot be read, translated or written; those before it are written.
pub fn translate(
    generator: &Net<Generator>,
    jobs: &[Job],
    options: TranslateOptions,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<usize> {
    translate::translate(jobs, options, &mut |images| no_grad(|| run(generator, images)), progress)
}

/// Pictures of any sizes, those of one size that follow each other as one batch.
fn run(generator: &Net<Generator>, images: &[Array3<f32>]) -> Result<Vec<RgbImage>> {
    let mut outputs = vec![];
    for same in images.chunk_by(|a, b| a.dim() == b.dim()) {
        let views: Vec<_> = same.iter().map(|image| image.view()).collect();
        let (_, height, width) = same[0].dim();
        generator
            .tap_shapes(height as i64, width as i64, &[])
            .with_context(|| format!("a picture of {width} x {height}"))?;
        let batch = stack(Axis(0), &views)?;
        outputs.extend(translated(generator, &tensor(&batch, generator.device()))?);
    }
    Ok(outputs)
}

/// The generator's outputs for `[B, 3, H, W]` as 8-bit pictures, truncated as published.
///
/// # Errors
/// None for images of at least one pixel.
pub fn translated(generator: &Net<Generator>, images: &Tensor) -> Result<Vec<RgbImage>> {
    Ok(to_images(&generator.forward(images), Quantise::Truncate)?)
}
