//! A picture of what the generator does: test images above, their translations below.

use crate::config::Config;
use crate::data::Data;
use crate::networks::Generator;
use anyhow::Result;
use image::RgbImage;
use ndarray::{Array3, Axis, stack};
use semrel_data::image_io::{Quantise, grid as tile, to_image};
use semrel_data::read_translation_input;
use semrel_data::rng::derive_seed;
use semrel_eval::translate_batch;
use semrel_nn::Net;
use semrel_train::batches::tensor;

/// Pictures shown.
const COLUMNS: usize = 8;

/// The first test images as the generator takes them.
///
/// # Errors
/// The first file that cannot be read.
pub fn sources(data: &Data, config: &Config) -> Result<Vec<Array3<f32>>> {
    let size = config.test_size();
    data.sources().iter().take(COLUMNS).map(|file| Ok(read_translation_input(file, size)?)).collect()
}

/// Test images, and what the generator makes of them.
///
/// # Errors
/// As [`sources`].
pub fn grid(generator: &Net<Generator>, data: &Data, config: &Config) -> Result<RgbImage> {
    tch::manual_seed(derive_seed(config.seed, "preview", 0));
    let images = sources(data, config)?;
    let mut above = vec![];
    let mut below = vec![];
    for image in &images {
        above.push(to_image(image.view(), Quantise::Truncate));
        let one = stack(Axis(0), &[image.view()])?;
        below.extend(translate_batch(generator, &tensor(&one, generator.device()))?);
    }
    let columns = above.len();
    above.extend(below);
    Ok(tile(&above, columns, 2))
}
