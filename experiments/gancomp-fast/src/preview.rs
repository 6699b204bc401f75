//! A picture of what the generators do: test images above, below them what each makes of them.

use crate::algorithm::Algorithm;
use crate::config::Config;
use crate::data::Data;
use anyhow::Result;
use image::RgbImage;
use semrel_data::image_io::{Quantise, grid as tile};
use semrel_eval::{InputOptions, Inputs};
use semrel_metrics::extractor::to_images;
use tch::{Device, Tensor, no_grad};

/// Pictures shown.
const COLUMNS: usize = 8;

/// The first test images as the generators take them, `[n, 3, H, W]`.
///
/// # Errors
/// The first file that cannot be read.
pub fn inputs(config: &Config, data: &Data, device: Device) -> Result<Tensor> {
    let sources = data.test_sources().first(Some(COLUMNS));
    let options = InputOptions { size: Some(config.test_size()), batch: COLUMNS };
    let mut batches = vec![];
    Inputs::held(&sources, options)?.for_each(&mut |batch| {
        batches.push(batch.to_device(device));
        Ok(())
    })?;
    Ok(Tensor::cat(&batches, 0))
}

/// `inputs`, and what the generators make of them, one row each.
///
/// # Errors
/// None is known.
pub fn grid(algorithm: &dyn Algorithm, inputs: &Tensor) -> Result<RgbImage> {
    let mut pictures = to_images(inputs, Quantise::Truncate)?;
    let columns = pictures.len();
    for (_, outputs) in no_grad(|| algorithm.translate(inputs)) {
        pictures.extend(to_images(&outputs, Quantise::Truncate)?);
    }
    Ok(tile(&pictures, columns, 2))
}
