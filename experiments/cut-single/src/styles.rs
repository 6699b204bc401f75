//! Translations in several styles, by generators that have them (MUNIT, DRIT).

use crate::networks::{Generator, takes};
use anyhow::{Context, Result, ensure};
use image::RgbImage;
use ndarray::{Array3, Axis};
use semrel_data::read_translation_input;
use semrel_data::translate::{Job, TranslateOptions, check_references, named, translate_with};
use semrel_eval::{EvalError, ImageTranslator, translate_images};
use semrel_nn::{Net, StyleChoice};
use semrel_train::batches::tensor;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tch::{Device, no_grad};

/// Refuses a generator that has no styles. `option` is what asked for one.
///
/// # Errors
/// Says which methods have styles.
pub fn check(generator: &Net<Generator>, option: &str) -> Result<()> {
    ensure!(
        generator.style_numbers().is_some(),
        "{option}: this generator has one translation of each picture; MUNIT and DRIT have styles"
    );
    Ok(())
}

/// Translates in the style of a picture of the target domain from now on.
///
/// # Errors
/// A picture that cannot be read, or is too small.
pub fn follow(generator: &Net<Generator>, reference: &Path, size: Option<(u32, u32)>, device: Device) -> Result<()> {
    let picture = read_translation_input(reference, size).context("--reference")?;
    let (_, height, width) = picture.dim();
    takes(generator, &picture, &[])
        .with_context(|| format!("--reference: {} as {width} x {height}", reference.display()))?;
    let picture = tensor(&picture.insert_axis(Axis(0)), device);
    let style = no_grad(|| generator.style_of(&picture)).context("--reference: this generator has no styles")?;
    generator.set_style(StyleChoice::Given(style));
    Ok(())
}

/// Names of the translations of a picture in `styles` styles: those of one, with `_1`, `_2` … behind.
pub fn outputs(job: &Job, styles: u32) -> Vec<PathBuf> {
    let stem = job.output.file_stem().unwrap_or_default().to_string_lossy();
    (1..=styles).map(|k| job.output.with_file_name(format!("{stem}_{k}.png"))).collect()
}

/// Refuses translations, in as many styles as are asked for, that would replace pictures that are translated, or the one whose style
/// they take.
///
/// # Errors
/// Names the first of these.
pub fn check_outputs(jobs: &[Job], styles: Option<u32>, reference: Option<&Path>) -> Result<()> {
    let inputs: BTreeSet<PathBuf> = jobs.iter().filter_map(|job| job.input.canonicalize().ok()).collect();
    let of_job = |job: &Job| styles.map_or_else(|| vec![job.output.clone()], |styles| outputs(job, styles));
    let outputs: Vec<PathBuf> = jobs.iter().flat_map(of_job).collect();
    check_references(outputs.iter().cloned(), &reference.map(Path::to_owned).into_iter().collect::<Vec<_>>())?;
    for output in outputs {
        ensure!(
            !output.canonicalize().is_ok_and(|output| inputs.contains(&output)),
            "{}: a translation of another picture would replace this input; choose another output folder",
            output.display()
        );
    }
    Ok(())
}

/// Translates files, each in `styles` random styles, which `seed` and its pixels decide. Returns how many files were translated.
///
/// # Errors
/// As [`translate_files`](semrel_eval::translate_files).
pub fn translate_in_styles(
    generator: &Net<Generator>,
    translator: &dyn ImageTranslator,
    jobs: &[Job],
    options: TranslateOptions,
    (styles, seed): (u32, u64),
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<usize, EvalError> {
    let read = move |file: &Path| read_translation_input(file, options.size);
    let mut run = |jobs: &[Job], images: &[Array3<f32>]| -> Result<Vec<RgbImage>, EvalError> {
        let mut in_styles = vec![];
        for k in 0..u64::from(styles) {
            generator.set_style(StyleChoice::Random { seed: seed.wrapping_add(k) });
            let made = translate_images(translator, images).map_err(|error| error.of(named(jobs)))?;
            in_styles.push(made.into_iter());
        }
        Ok((0..images.len())
            .flat_map(|_| in_styles.iter_mut().filter_map(Iterator::next).collect::<Vec<_>>())
            .collect())
    };
    translate_with(jobs, options.batch, read, &|job| outputs(job, styles), &mut run, progress)
}
