//! A picture of what the generator does: images that evaluations look at above, their translations below.

use crate::config::Config;
use crate::data::Data;
use crate::networks::Generator;
use anyhow::Result;
use image::RgbImage;
use semrel_data::rng::derive_seed;
use semrel_eval::{ImageSet, InputOptions, Preview, translate_batch};
use semrel_nn::Net;
use tch::Device;

/// The first images as the generator takes them, each by itself.
///
/// # Errors
/// The first file that cannot be read.
pub fn inputs(config: &Config, data: &Data, device: Device) -> Result<Preview> {
    let sources = ImageSet::new(&data.looked_at, data.direction.source());
    Ok(Preview::of_set(sources, InputOptions { size: config.test_size(), batch: 1 }, device)?)
}

/// Images, and what the generator makes of them.
///
/// # Errors
/// Images whose size the generator does not take; outputs that are not finite.
pub fn grid(generator: &Net<Generator>, preview: &Preview, config: &Config) -> Result<RgbImage> {
    tch::manual_seed(derive_seed(config.seed, "preview", 0));
    preview.grid(|image| Ok(vec![translate_batch(generator, image)?]))
}
