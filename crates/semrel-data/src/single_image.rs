//! Training batches of tiles of one large image per domain, as a pure function of (seed, step).

use crate::DataError;
use crate::epoch_order::{EpochOrder, permutation};
use crate::pair_sampler::{PairBatch, stack};
use crate::pairs::{Direction, PairFolder, Side};
use crate::resize::Filter;
use crate::rng::stream;
use crate::transform::{PairTransform, Preprocess};
use image::RgbImage;
use ndarray::{Array3, Array4};
use rand::RngExt;
use rayon::prelude::*;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Settings of a [`SingleImageSampler`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SingleImageOptions {
    /// Side of the tiles. Published: 64.
    pub crop_size: u32,
    /// Tiles of each domain per batch. Published: 16.
    pub batch: usize,
    /// Which image is the source.
    pub direction: Direction,
    /// Whether tiles are mirrored half of the time.
    pub flip: bool,
}

impl Default for SingleImageOptions {
    /// The published values.
    fn default() -> Self {
        Self { crop_size: 64, batch: 16, direction: Direction::AtoB, flip: true }
    }
}

/// The single-image loader (`zoom_and_patch`) of the official single-modal code.
///
/// Pretends that each of the two images is [`SingleImageSampler::ITEMS`] items. Item i of a domain: the image resized
/// (Pillow bilinear) by two factors of i's group of `batch` consecutive items, uniform in [1/3, 1], to no less than the
/// tile; then the tile whose number a fixed permutation of all items assigns to i. Items are shuffled every epoch, so
/// that a batch mixes groups.
#[derive(Debug)]
pub struct SingleImageSampler {
    images: [Tiles; 2],
    order: EpochOrder,
    transform: PairTransform,
    options: SingleImageOptions,
    seed: u64,
}

/// One of the images.
#[derive(Debug)]
struct Tiles {
    image: RgbImage,
    side: Side,
    /// Number of each item's tile, before it is taken modulo the number of tiles.
    patches: Arc<[u32]>,
}

impl SingleImageSampler {
    /// Items that an epoch pretends to have.
    pub const ITEMS: usize = 100_000;
    /// Range of the zoom factors.
    pub const ZOOM: RangeInclusive<f64> = 1.0 / 3.0..=1.0;

    /// Batches of tiles of the two images of `folder`, which it decodes.
    ///
    /// # Errors
    /// [`DataError::Setting`] where a domain has more than one image, or batch or crop is 0; those of
    /// [`PairFolder::read`].
    pub fn new(folder: &PairFolder, options: SingleImageOptions, seed: u64) -> Result<Self, DataError> {
        let SingleImageOptions { crop_size, batch, flip, .. } = options;
        if crop_size == 0 || batch == 0 || batch > Self::ITEMS {
            return Err(DataError::Setting(format!(
                "crop_size {crop_size}, batch {batch}: expected at least 1, and a batch of at most {}",
                Self::ITEMS
            )));
        }
        let open = |side: Side, name: &str| {
            let count = folder.files(side).len();
            if count != 1 {
                return Err(DataError::Setting(format!(
                    "{}: {count} images; single-image translation takes exactly one per domain",
                    folder.folder(side).display()
                )));
            }
            Ok(Tiles { image: folder.read(side, 0)?, side, patches: permutation(seed, name, 0, Self::ITEMS) })
        };
        Ok(Self {
            images: [open(Side::A, "data.single.patch.a")?, open(Side::B, "data.single.patch.b")?],
            order: EpochOrder::new(seed, "data.single.order", Self::ITEMS, batch, false),
            transform: PairTransform {
                preprocess: Preprocess { zoom: true, patch: true, ..Preprocess::default() },
                load_size: crop_size,
                crop_size,
                filter: Filter::Bilinear,
                flip,
                grayscale: false,
                multiple_of: 4,
            },
            options,
            seed,
        })
    }

    /// Whole batches in an epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.order.steps_per_epoch()
    }

    /// The epoch of a step: epochs count from 1, steps from 0.
    pub fn epoch_of(&self, step: u64) -> u64 {
        self.order.epoch_of(step)
    }

    /// The batch of `step` (from 0): always the same bytes, whatever was asked for before and on however many threads.
    ///
    /// # Errors
    /// None is known: tiles fit into images that were zoomed to no less than their size.
    pub fn batch(&self, step: u64) -> Result<PairBatch, DataError> {
        let items = self.order.items(step);
        let domain = |side: Side| self.tiles(side, &items, step);
        let (a, b) = (self.options.direction.source(), self.options.direction.target());
        Ok(PairBatch { a: domain(a)?, b: domain(b)? })
    }

    fn tiles(&self, side: Side, items: &[usize], step: u64) -> Result<Array4<f32>, DataError> {
        let tiles = &self.images[side as usize];
        let position = |i: usize| step * self.options.batch as u64 + i as u64;
        let images: Vec<Array3<f32>> = items
            .par_iter()
            .enumerate()
            .map(|(i, &item)| self.tile(tiles, item, position(i)))
            .collect::<Result<_, _>>()?;
        stack(&images.iter().collect::<Vec<_>>(), |_| unreachable!("tiles have one size"))
    }

    fn tile(&self, tiles: &Tiles, item: usize, position: u64) -> Result<Array3<f32>, DataError> {
        let (zoom, augment) = match tiles.side {
            Side::A => ("data.single.zoom.a", "augment.single.a"),
            Side::B => ("data.single.zoom.b", "augment.single.b"),
        };
        let mut rng = stream(self.seed, zoom, (item / self.options.batch) as u64);
        let factor = (rng.random_range(Self::ZOOM), rng.random_range(Self::ZOOM));
        let mut rng = stream(self.seed, augment, position);
        let params = self.transform.sample(&mut rng, tiles.image.dimensions(), factor, tiles.patches[item].into());
        self.transform.apply(&tiles.image, &params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_io::write_image;
    use std::collections::HashSet;

    /// A: red falls along x, green along y. B: black.
    fn folder() -> (tempfile::TempDir, PairFolder) {
        let dir = tempfile::tempdir().unwrap();
        let a = RgbImage::from_fn(200, 100, |x, y| image::Rgb([x as u8, y as u8, 255]));
        write_image(&dir.path().join("trainA/a.png"), &a).unwrap();
        write_image(&dir.path().join("trainB/b.png"), &RgbImage::new(90, 90)).unwrap();
        let folder = PairFolder::open(dir.path(), "train").unwrap();
        (dir, folder)
    }

    #[test]
    fn an_epoch_is_a_hundred_thousand_tiles_of_all_places_and_zooms() {
        let (_dir, folder) = folder();
        let sampler = SingleImageSampler::new(&folder, SingleImageOptions::default(), 3).unwrap();
        assert_eq!((sampler.steps_per_epoch(), sampler.epoch_of(6249), sampler.epoch_of(6250)), (6250, 1, 2));
        let (mut spans, mut corners) = (HashSet::new(), HashSet::new());
        for step in 0..20 {
            let batch = sampler.batch(step).unwrap();
            assert_eq!((batch.a.dim(), batch.b.dim()), ((16, 3, 64, 64), (16, 3, 64, 64)));
            assert!(batch.b.iter().all(|&v| v == -1.0));
            for tile in batch.a.outer_iter() {
                // How far red changes across the tile tells the zoom.
                let across = (tile[[0, 30, 63]] - tile[[0, 30, 0]]).abs() * 127.5;
                assert!((61.0..194.0).contains(&across), "{across}");
                spans.insert(across as i32 / 10);
                corners.insert(((tile[[0, 0, 0]] * 127.5) as i32, (tile[[1, 0, 0]] * 127.5) as i32));
            }
        }
        assert!(spans.len() > 8 && corners.len() > 150, "{} {}", spans.len(), corners.len());
    }

    #[test]
    fn a_batch_is_a_pure_function_of_seed_and_step_and_directions_swap() {
        let (_dir, folder) = folder();
        let options = SingleImageOptions { batch: 4, ..Default::default() };
        let sampler = |seed, options| SingleImageSampler::new(&folder, options, seed).unwrap();
        let (first, again) = (sampler(3, options), sampler(3, options));
        let ordered: Vec<_> = (0..5).map(|step| first.batch(step * 9000).unwrap()).collect();
        for step in (0..5).rev() {
            assert_eq!(again.batch(step * 9000).unwrap(), ordered[step as usize]);
        }
        assert_ne!(sampler(4, options).batch(0).unwrap(), ordered[0]);
        let swapped = sampler(3, SingleImageOptions { direction: Direction::BtoA, ..options }).batch(0).unwrap();
        assert_eq!((swapped.a, swapped.b), (ordered[0].b.clone(), ordered[0].a.clone()));
    }

    #[test]
    fn one_image_a_domain_is_wanted() {
        let (dir, _) = folder();
        write_image(&dir.path().join("trainB/c.png"), &RgbImage::new(9, 9)).unwrap();
        let folder = PairFolder::open(dir.path(), "train").unwrap();
        let error = SingleImageSampler::new(&folder, SingleImageOptions::default(), 3).unwrap_err();
        assert!(error.to_string().contains("trainB: 2 images"), "{error}");
    }
}
