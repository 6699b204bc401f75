//! A picture of what the generators do: images that evaluations look at above, below them what each makes of them.

use crate::algorithm::Algorithm;
use crate::config::Config;
use crate::data::Data;
use anyhow::Result;
use image::RgbImage;
use semrel_data::image_io::Quantise;
use semrel_eval::{InputOptions, Preview};
use semrel_metrics::extractor::to_images;
use tch::Device;

/// The first images as the generators take them, all at once.
///
/// # Errors
/// The first file that cannot be read.
pub fn inputs(config: &Config, data: &Data, device: Device) -> Result<Preview> {
    let options = InputOptions { size: Some(config.test_size()), batch: Preview::COLUMNS };
    Ok(Preview::of_set(data.sources(), options, device)?)
}

/// Images, and what the generators make of them, one row each.
///
/// # Errors
/// None is known.
pub fn grid(algorithm: &dyn Algorithm, preview: &Preview) -> Result<RgbImage> {
    preview.grid(|images| {
        let outputs = algorithm.translate(images).into_iter();
        outputs.map(|(_, outputs)| Ok(to_images(&outputs, Quantise::Truncate)?)).collect()
    })
}
