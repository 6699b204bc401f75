//! Whether the sizes that training images have after the preprocessing go together, and with the networks, as their headers tell.

use crate::config::{Config, Geometry, Method};
use crate::networks;
use anyhow::{Context, Result, ensure};
use semrel_data::transform::PairTransform;
use semrel_data::{PairFolder, PairLayout, Side};
use std::path::Path;

/// Refuses training images of different sizes, or of a size that the networks do not take, where no crop makes one size of them.
///
/// The images of a step, and those that the buffer holds, pass the discriminator together. Pairs of one picture may differ from
/// step to step where neither batch nor buffer joins them.
///
/// # Errors
/// Names the first file that does not fit, and what would.
pub fn check(config: &Config, folder: &PairFolder, transform: &PairTransform) -> Result<()> {
    if transform.preprocess.crop || transform.preprocess.patch {
        // Then all have the size that the settings were checked with, and no header needs to be read.
        return Ok(());
    }
    let (key, remedy) = ("config key `data.preprocess`", "choose steps that end in `crop`");
    let aligned = folder.layout != PairLayout::Unaligned;
    let apart = aligned && config.train.batch_size == 1 && config.optim.pool_size == 0;
    let mut first = None;
    let mut least = u32::MAX;
    let sides: &[Side] = if folder.layout == PairLayout::Aligned { &[Side::A] } else { &[Side::A, Side::B] };
    for &side in sides {
        for (item, path) in folder.files(side).iter().enumerate() {
            // What cannot be read is told, or skipped, when it is its turn.
            let Ok(found) = folder.size(side, item) else { continue };
            // Zooming draws a size of its own for each image.
            let Some(size) = transform.size_of(found) else { return Ok(()) };
            let (width, height) = size;
            let (first_path, _, first_size) = *first.get_or_insert((path, found, size));
            ensure!(
                apart || size == first_size,
                "{key}: {} has {width} x {height} pixels after it, {} {} x {}, but images are compared with each other; {remedy}",
                path.display(),
                first_path.display(),
                first_size.0,
                first_size.1
            );
            let turned = config.method == Method::Gcgan && config.loss.geometry == Geometry::Rotate;
            ensure!(
                !turned || width == height,
                "config key `loss.geometry`: rotate: {} has {width} x {height} pixels after `data.preprocess`, but squares are \
                 rotated; {remedy}, or use `flip`",
                path.display()
            );
            if width.min(height) < least {
                least = width.min(height);
                fits(config, least).with_context(|| {
                    format!("{} has {width} x {height} pixels after `data.preprocess`", path.display())
                })?;
            }
        }
    }
    match first {
        Some((path, found, before)) if !aligned => decays(config, transform, path, found, before),
        _ => Ok(()),
    }
}

/// Whether the networks take images of this side, where it is smaller than the one that the settings were checked with.
fn fits(config: &Config, side: u32) -> Result<()> {
    if side >= config.data.image_size {
        return Ok(());
    }
    let mut smaller = config.clone();
    smaller.data.test_size = Some(smaller.data.test_size.unwrap_or(smaller.data.image_size));
    smaller.data.image_size = side;
    networks::check(&smaller)
}

/// Whether images keep their size when the rates decay and they are resized to `data.image_size`, where a buffer holds earlier ones.
fn decays(
    config: &Config,
    transform: &PairTransform,
    path: &Path,
    found: (u32, u32),
    before: (u32, u32),
) -> Result<()> {
    let held = config.optim.pool_size > 0 && config.data.whole_in_decay && config.train.n_epochs_decay > 0;
    let later = PairTransform { load_size: transform.crop_size, ..transform.clone() };
    let after = later.size_of(found).unwrap_or(before);
    ensure!(
        !held || before == after,
        "config key `data.whole_in_decay`: {} has {} x {} pixels after `data.preprocess`, and {} x {} in the decay, but the \
         buffer of `optim.pool_size` holds images of one size; use false, no buffer, or steps that end in `crop`",
        path.display(),
        before.0,
        before.1,
        after.0,
        after.1
    );
    Ok(())
}
