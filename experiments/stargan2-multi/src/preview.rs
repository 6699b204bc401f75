//! A picture of what the averaged networks do: images that evaluations look at above, below them what is made of them in random styles.

use crate::config::Config;
use crate::data::Data;
use crate::networks::Translator;
use crate::sample::{to_unit, translate_all};
use anyhow::Result;
use image::RgbImage;
use semrel_data::image_io::Quantise;
use semrel_data::resize::{Filter, resize};
use semrel_data::rng::derive_seed;
use semrel_eval::Preview;
use semrel_metrics::extractor::{stack, to_images};
use tch::{Device, Kind, Tensor, no_grad};

/// The first images of each domain that evaluations look at, at most eight in all, `[n, 3, S, S]`, and their domains.
///
/// # Errors
/// The first file that cannot be read.
pub fn sources(data: &Data, config: &Config, device: Device) -> Result<(Tensor, Vec<i64>)> {
    let size = config.data.image_size as u32;
    let most = Preview::COLUMNS;
    let per_domain = (most / data.domains.len()).max(1);
    let (mut images, mut labels) = (vec![], vec![]);
    for (domain, &available) in data.looked_at.sizes().iter().enumerate().take(most) {
        for item in 0..per_domain.min(available) {
            let image = data.looked_at.get(domain, item)?;
            images.push(resize(&image, size, size, Filter::Bilinear));
            labels.push(domain as i64);
        }
    }
    Ok((stack(&images, device)?.contiguous() / 127.5 - 1.0, labels))
}

/// The sources, and below them two random styles of each of at most five domains.
///
/// # Errors
/// None is known.
pub fn grid(translator: &Translator, preview: &Preview, config: &Config, domains: i64) -> Result<RgbImage> {
    tch::manual_seed(derive_seed(config.seed, "preview", 0));
    let options = (Kind::Float, translator.generator.device());
    let latent = || Tensor::randn([2, config.model.latent_dim], options);
    let of_domain = |d| translator.mapping_network.forward(&latent(), &[d, d]);
    let styles: Vec<Tensor> = no_grad(|| (0..domains.min(5)).map(of_domain).collect());
    preview.grid(|sources| {
        // By way of [0, 1], as the pictures of `sample` are rounded.
        let pictures = |outputs: Tensor| Ok(to_images(&(to_unit(&outputs) * 2.0 - 1.0), Quantise::Round)?);
        translate_all(translator, sources, &Tensor::cat(&styles, 0)).map(pictures).collect()
    })
}
