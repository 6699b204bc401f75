//! Training batches of two domains as a pure function of (seed, step).

use crate::DataError;
use crate::epoch_order::{EpochOrder, permutation};
use crate::pairs::{Direction, PairFolder, PairLayout, Side, half};
use crate::rng::stream;
use crate::store::{ImageStore, OnCorrupt, StoreOptions};
use crate::transform::{PairTransform, Preprocess};
use image::RgbImage;
use ndarray::{Array3, Array4, Axis};
use rand::RngExt;
use rayon::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

/// One training batch of B images of each domain, [B, 3 (1 if grey), H, W] in [−1, 1].
#[derive(Debug, Clone, PartialEq)]
pub struct PairBatch {
    /// Sources (`real_A`): images of folder A, or of B where the direction is BtoA.
    pub a: Array4<f32>,
    /// Targets (`real_B`).
    pub b: Array4<f32>,
}

/// Settings of a [`PairSampler`].
#[derive(Debug, Clone, PartialEq)]
pub struct PairOptions {
    /// What becomes of each image.
    pub transform: PairTransform,
    /// Images of each domain per batch.
    pub batch: usize,
    /// Which domain is the source.
    pub direction: Direction,
    /// Items in order, `A[i]` with `B[i mod |B|]`, instead of shuffled.
    pub serial: bool,
    /// Epochs before the learning rate decays (`n_epochs`): afterwards unaligned images are resized to `crop_size`
    /// instead of `load_size`, so that `resize_and_crop` shows them whole. `None`: `load_size` throughout.
    pub constant_epochs: Option<u64>,
    /// All images of a batch are mirrored, of both domains, or none.
    pub flip_together: bool,
}

/// The unaligned and aligned loaders of the official single-modal code.
///
/// An epoch has max(|A|, |B|) items in random order, each once; an incomplete last batch is dropped. Unaligned: item i is
/// A[i mod |A|] with a random image of B, each transformed with random numbers of its own. Aligned: item i is picture
/// i, and both halves get the same crop and flip. Paired: the same, of two files.
#[derive(Debug)]
pub struct PairSampler {
    store: Arc<ImageStore>,
    layout: PairLayout,
    sizes: [usize; 2],
    order: EpochOrder,
    options: PairOptions,
    seed: u64,
}

impl PairSampler {
    /// Batches of the images of `folder`.
    ///
    /// # Errors
    /// [`DataError::Setting`] for a batch of 0 or more than there are items, or a crop that `load_size` is too small for;
    /// [`DataError::TooSmall`] for an image that the crop does not fit into, where nothing is resized before.
    pub fn new(folder: &PairFolder, store: StoreOptions, options: PairOptions, seed: u64) -> Result<Self, DataError> {
        let (length, batch) = (folder.len(), options.batch);
        if batch == 0 || batch > length {
            return Err(DataError::Setting(format!(
                "a batch of {batch}: expected 1 to {length}, the number of images of {}",
                folder.folder(Side::A).display()
            )));
        }
        check_crop(folder, &options.transform, store.on_corrupt)?;
        Ok(Self {
            store: Arc::new(folder.store(store)),
            layout: folder.layout,
            sizes: [Side::A, Side::B].map(|side| folder.files(side).len()),
            order: EpochOrder::new(seed, "data.pair.order", length, batch, options.serial),
            options,
            seed,
        })
    }

    /// The images that it draws from: domain 0 is A (or the pictures of both), domain 1 is B.
    pub fn store(&self) -> &Arc<ImageStore> {
        &self.store
    }

    /// Whole batches in an epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.order.steps_per_epoch()
    }

    /// The epoch of a step: epochs count from 1, steps from 0.
    pub fn epoch_of(&self, step: u64) -> u64 {
        self.order.epoch_of(step)
    }

    /// The files of a step's batch: (of folder A, of folder B), whatever the direction.
    pub fn files(&self, step: u64) -> Vec<(&PathBuf, &PathBuf)> {
        let b = if self.layout == PairLayout::Aligned { 0 } else { 1 };
        self.items(step).into_iter().map(|(i, j)| (self.store.file(0, i), self.store.file(b, j))).collect()
    }

    /// The batch of `step` (from 0): always the same bytes, whatever was asked for before and on however many threads.
    ///
    /// Its images are decoded and transformed in parallel on the current rayon pool.
    ///
    /// # Errors
    /// Those of [`ImageStore::get`]; [`DataError::UnequalSizes`] where images of a batch differ in size after the
    /// transform; [`DataError::Transform`] where it cannot be applied.
    pub fn batch(&self, step: u64) -> Result<PairBatch, DataError> {
        let transform = self.transform(step);
        let flip = self.flip_of_batch("augment.pair.flip", step);
        let pairs: Vec<[Array3<f32>; 2]> = self
            .items(step)
            .into_par_iter()
            .enumerate()
            .map(|(i, items)| self.pair(&transform, items, step * self.options.batch as u64 + i as u64, flip))
            .collect::<Result<_, DataError>>()?;
        let files = self.files(step);
        let [a, b] = [Side::A, Side::B].map(|side| {
            let images: Vec<&Array3<f32>> = pairs.iter().map(|pair| &pair[side as usize]).collect();
            stack(&images, |i| if side == Side::A { files[i].0.clone() } else { files[i].1.clone() })
        });
        Ok(match self.options.direction {
            Direction::AtoB => PairBatch { a: a?, b: b? },
            Direction::BtoA => PairBatch { a: b?, b: a? },
        })
    }

    /// Batch `number` of a pass over the images of one folder alone, each once in random order, transformed as in the first epoch;
    /// `[B, 3, H, W]`. Batches are numbered from 0; the last may be incomplete, and is not given.
    ///
    /// # Errors
    /// As [`PairSampler::batch`]; [`DataError::Setting`] behind the last full batch.
    pub fn of_folder(&self, side: Side, number: u64) -> Result<Array4<f32>, DataError> {
        let (domain, batch) = (side as usize, self.options.batch);
        let name = ["augment.pass.a", "augment.pass.b"][domain];
        let order = permutation(self.seed, ["data.pass.a", "data.pass.b"][domain], 0, self.sizes[domain]);
        let Some(items) = (number as usize).checked_mul(batch).and_then(|first| order.get(first..first + batch)) else {
            let full = self.sizes[domain] / batch;
            return Err(DataError::Setting(format!("batch {number} of a folder with {full} full batches")));
        };
        let flip = self.flip_of_batch("augment.pass.flip", number);
        let position = |i: usize| number * batch as u64 + i as u64;
        let image = |(i, &item): (usize, &u32)| match self.layout {
            PairLayout::Unaligned => {
                self.image(&self.options.transform, (domain, item as usize), name, position(i), flip)
            }
            PairLayout::Aligned | PairLayout::Paired => {
                let both = self.transformed(&self.options.transform, item as usize, name, position(i), flip)?;
                Ok(both.into_iter().nth(domain).expect("two sides"))
            }
        };
        let images: Vec<Array3<f32>> = items.par_iter().enumerate().map(image).collect::<Result<_, DataError>>()?;
        let of_layout = if self.layout == PairLayout::Aligned { 0 } else { domain };
        stack(&images.iter().collect::<Vec<_>>(), |i| self.store.file(of_layout, items[i] as usize).clone())
    }

    /// Whether a batch is mirrored, where that is decided for all of its images.
    fn flip_of_batch(&self, name: &str, number: u64) -> Option<bool> {
        let draw = || self.options.transform.flip && stream(self.seed, name, number).random_bool(0.5);
        self.options.flip_together.then(draw)
    }

    /// Items of A and of B that a step's batch consists of.
    fn items(&self, step: u64) -> Vec<(usize, usize)> {
        let mut rng = stream(self.seed, "data.pair.partner", step);
        let [a, b] = self.sizes;
        let partner = |i: usize, drawn: usize| match (self.layout, self.options.serial) {
            (PairLayout::Aligned | PairLayout::Paired, _) => i,
            (PairLayout::Unaligned, true) => i % b,
            (PairLayout::Unaligned, false) => drawn,
        };
        self.order.items(step).into_iter().map(|i| (i % a, partner(i, rng.random_range(0..b)))).collect()
    }

    fn transform(&self, step: u64) -> PairTransform {
        let mut transform = self.options.transform.clone();
        let decays = self.options.constant_epochs.is_some_and(|epochs| self.epoch_of(step) > epochs);
        if decays && self.layout == PairLayout::Unaligned {
            transform.load_size = transform.crop_size;
        }
        transform
    }

    fn pair(
        &self,
        transform: &PairTransform,
        (i, j): (usize, usize),
        position: u64,
        flip: Option<bool>,
    ) -> Result<[Array3<f32>; 2], DataError> {
        match self.layout {
            PairLayout::Unaligned => Ok([
                self.image(transform, (0, i), "augment.pair.a", position, flip)?,
                self.image(transform, (1, j), "augment.pair.b", position, flip)?,
            ]),
            PairLayout::Aligned | PairLayout::Paired => {
                self.transformed(transform, i, "augment.pair.a", position, flip)
            }
        }
    }

    /// Both images of pair `i`, with the same random numbers.
    fn transformed(
        &self,
        transform: &PairTransform,
        i: usize,
        name: &str,
        position: u64,
        flip: Option<bool>,
    ) -> Result<[Array3<f32>; 2], DataError> {
        let halves = self.halves(i)?;
        let mut params =
            transform.sample(&mut stream(self.seed, name, position), halves[0].dimensions(), (1.0, 1.0), 0);
        params.flip = flip.unwrap_or(params.flip);
        let [a, b] = halves.map(|image| transform.apply(&image, &params));
        let of_b = if self.layout == PairLayout::Paired { 1 } else { 0 };
        Ok([a.map_err(|e| self.named(e, 0, i))?, b.map_err(|e| self.named(e, of_b, i))?])
    }

    /// Both images of pair `i`; those of the next good pair where one cannot be decoded and such are skipped.
    fn halves(&self, i: usize) -> Result<[RgbImage; 2], DataError> {
        if self.layout == PairLayout::Aligned {
            let picture = self.store.get(0, i)?;
            return Ok([half(&picture, Side::A), half(&picture, Side::B)]);
        }
        let pairs = self.sizes[0];
        for item in (0..pairs).map(|step| (i + step) % pairs) {
            if let (Some(a), Some(b)) = (self.store.try_get(0, item)?, self.store.try_get(1, item)?) {
                return Ok([a.as_ref().clone(), b.as_ref().clone()]);
            }
        }
        // None is left: what the first good image of either side says, or that there is none.
        Err(self
            .store
            .get(0, i)
            .and(self.store.get(1, i))
            .err()
            .unwrap_or_else(|| DataError::Setting("no pair of images of which both can be decoded".into())))
    }

    fn image(
        &self,
        transform: &PairTransform,
        (domain, item): (usize, usize),
        name: &str,
        position: u64,
        flip: Option<bool>,
    ) -> Result<Array3<f32>, DataError> {
        let image: Arc<RgbImage> = self.store.get(domain, item)?;
        let mut params =
            transform.sample(&mut stream(self.seed, name, position), image.dimensions(), (1.0, 1.0), position);
        params.flip = flip.unwrap_or(params.flip);
        transform.apply(&image, &params).map_err(|error| self.named(error, domain, item))
    }

    fn named(&self, error: DataError, domain: usize, item: usize) -> DataError {
        DataError::Transform { path: self.store.file(domain, item).clone(), why: error.to_string() }
    }
}

/// Finds out, as far as settings and headers tell, whether the crop fits into every image.
fn check_crop(folder: &PairFolder, transform: &PairTransform, on_corrupt: OnCorrupt) -> Result<(), DataError> {
    let Preprocess { resize, scale_width, scale_shortside, shorter_side, zoom, crop, patch, trim } =
        transform.preprocess;
    let PairTransform { load_size: load, crop_size: side, .. } = *transform;
    let cuts = crop || patch;
    let loads = resize || scale_width || scale_shortside || shorter_side;
    if (loads && load == 0) || ((cuts || trim || zoom) && side == 0) {
        return Err(DataError::Setting(format!("load_size {load}, crop_size {side}: expected at least 1")));
    }
    if !cuts || zoom {
        return Ok(());
    }
    if loads {
        return if load >= side {
            Ok(())
        } else {
            Err(DataError::Setting(format!(
                "crop_size {side} is larger than load_size {load}, the size that images are resized to before"
            )))
        };
    }
    for which in [Side::A, Side::B] {
        for (item, path) in folder.files(which).iter().enumerate() {
            let (width, height) = match (folder.size(which, item), on_corrupt) {
                (Ok(size), _) => size,
                (Err(DataError::Corrupt { .. } | DataError::Unsupported { .. }), OnCorrupt::Skip) => continue,
                (Err(error), _) => return Err(error),
            };
            if width.min(height) < side {
                return Err(DataError::TooSmall { path: path.clone(), width, height, crop: side });
            }
        }
    }
    Ok(())
}

/// Images of one size as a batch; `file` names the i-th where sizes differ.
pub(crate) fn stack(images: &[&Array3<f32>], file: impl Fn(usize) -> PathBuf) -> Result<Array4<f32>, DataError> {
    let size = |image: &Array3<f32>| (image.dim().2 as u32, image.dim().1 as u32);
    if let Some(i) = images.iter().position(|image| image.dim() != images[0].dim()) {
        return Err(DataError::UnequalSizes { path: file(i), found: size(images[i]), expected: size(images[0]) });
    }
    let views: Vec<_> = images.iter().map(|image| image.view()).collect();
    Ok(ndarray::stack(Axis(0), &views).expect("equal shapes, at least one"))
}

#[cfg(test)]
#[path = "pair_sampler_tests.rs"]
mod tests;
