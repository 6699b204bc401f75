//! Files into another domain.

use crate::networks::Translator;
use crate::sample::translate_all;
use anyhow::{Context, Result};
use image::RgbImage;
use ndarray::{Array3, Axis, stack};
use semrel_data::image_io::{Quantise, read_rgb};
use semrel_data::transform::eval_into;
use semrel_data::translate::{Job, named, translate_with};
use semrel_metrics::extractor::to_images;
use semrel_train::batches::tensor;
use std::path::{Path, PathBuf};
use tch::{Tensor, no_grad};

/// Translates files at `size`² in each style of `styles` `[R, style_dim]`; each is encoded once. With several styles the pictures
/// are `<name>-1.png`, `<name>-2.png`, …
///
/// # Errors
/// The first file that cannot be read or written; those before it are written.
pub fn translate(
    translator: &Translator,
    jobs: &[Job],
    styles: &Tensor,
    size: u32,
    batch: usize,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<usize> {
    let side = size as usize;
    let read = move |file: &Path| {
        let mut input = Array3::zeros((3, side, side));
        eval_into(&read_rgb(file)?, input.view_mut());
        Ok(input)
    };
    let count = styles.size()[0];
    let outputs = |job: &Job| names(&job.output, count);
    let mut run = |jobs: &[Job], images: &[Array3<f32>]| {
        no_grad(|| in_styles(translator, images, styles)).with_context(|| named(jobs))
    };
    translate_with(jobs, batch, read, &outputs, &mut run, progress)
}

/// Names of the pictures in `count` styles.
pub fn names(output: &Path, count: i64) -> Vec<PathBuf> {
    let stem = output.file_stem().unwrap_or_default().to_string_lossy();
    match count {
        1 => vec![output.to_owned()],
        _ => (1..=count).map(|style| output.with_file_name(format!("{stem}-{style}.png"))).collect(),
    }
}

/// Inputs of one size in all styles, those of an input one after the other.
fn in_styles(translator: &Translator, images: &[Array3<f32>], styles: &Tensor) -> Result<Vec<RgbImage>> {
    let views: Vec<_> = images.iter().map(|image| image.view()).collect();
    let batch = tensor(&stack(Axis(0), &views)?, styles.device());
    let of_styles: Vec<Tensor> = translate_all(translator, &batch, styles).collect();
    // [B, R, 3, S, S]
    Ok(to_images(&Tensor::stack(&of_styles, 1).flatten(0, 1), Quantise::Round)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_in_several_styles_are_numbered() {
        let output = Path::new("out/deep/IMG.001.png");
        assert_eq!(names(output, 1), [output]);
        assert_eq!(names(output, 2), ["out/deep/IMG.001-1.png", "out/deep/IMG.001-2.png"].map(PathBuf::from));
    }
}
