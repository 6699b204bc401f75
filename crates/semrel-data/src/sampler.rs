//! Training batches as a pure function of (seed, step).

use crate::DataError;
use crate::rng::stream;
use crate::store::ImageStore;
use crate::transform::TrainTransform;
use ndarray::{Array4, ArrayViewMut3};
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};
use rayon::prelude::*;
use std::sync::Arc;

/// Draws images so that every domain is equally likely, whatever its size: weight 1/(size of its domain), with
/// replacement.
#[derive(Debug, Clone)]
pub struct BalancedSampler {
    sizes: Vec<usize>,
    populated: Vec<usize>,
}

impl BalancedSampler {
    /// For domains of these sizes; empty ones are never drawn.
    pub fn new(sizes: &[usize]) -> Self {
        Self { sizes: sizes.to_vec(), populated: (0..sizes.len()).filter(|&d| sizes[d] > 0).collect() }
    }

    /// Weight of each image of `domain`.
    pub fn weight(&self, domain: usize) -> f64 {
        1.0 / self.sizes[domain] as f64
    }

    /// Probability that a draw comes from `domain`.
    pub fn probability(&self, domain: usize) -> f64 {
        if self.sizes[domain] == 0 { 0.0 } else { 1.0 / self.populated.len() as f64 }
    }

    /// Draws that count as one epoch: as many as there are images.
    pub fn draws_per_epoch(&self) -> usize {
        self.sizes.iter().sum()
    }

    /// Draws (domain, item). Panics if all domains are empty.
    pub fn draw(&self, rng: &mut impl Rng) -> (usize, usize) {
        let domain = self.populated[rng.random_range(0..self.populated.len())];
        (domain, rng.random_range(0..self.sizes[domain]))
    }
}

/// One training batch of B images; images are [B, 3, S, S] in [−1, 1].
#[derive(Debug, Clone, PartialEq)]
pub struct TrainBatch {
    /// Source images.
    pub x_real: Array4<f32>,
    /// Their domains.
    pub y_org: Vec<i64>,
    /// Reference images of the target domain.
    pub x_ref: Array4<f32>,
    /// A second reference image for each source, of the same domain.
    pub x_ref2: Array4<f32>,
    /// Target domains.
    pub y_trg: Vec<i64>,
}

/// The source and reference loaders of the official multi-modal code.
///
/// Sources and references are drawn by a [`BalancedSampler`] each. References come in pairs: a domain's list of images
/// beside a random permutation of the same list, made once. Every image is augmented from a stream of its own.
#[derive(Debug, Clone)]
pub struct MultiDomainSampler {
    store: Arc<ImageStore>,
    balanced: BalancedSampler,
    partners: Vec<Vec<u32>>,
    transform: TrainTransform,
    size: usize,
    batch: usize,
    seed: u64,
}

impl MultiDomainSampler {
    /// Batches of `batch` images of `size`² pixels.
    ///
    /// # Errors
    /// [`DataError::Setting`] where `batch` or `size` is 0 or the store is empty.
    pub fn new(
        store: Arc<ImageStore>,
        transform: TrainTransform,
        size: usize,
        batch: usize,
        seed: u64,
    ) -> Result<Self, DataError> {
        let sizes = store.sizes();
        if size == 0 || batch == 0 || sizes.iter().all(|&n| n == 0) {
            return Err(DataError::Setting(format!(
                "image size {size}, batch {batch}, domain sizes {sizes:?}: none may be zero"
            )));
        }
        let partners = sizes
            .iter()
            .enumerate()
            .map(|(domain, &n)| {
                let mut permutation: Vec<u32> = (0..n as u32).collect();
                permutation.shuffle(&mut stream(seed, "data.reference-pairs", domain as u64));
                permutation
            })
            .collect();
        Ok(Self { store, balanced: BalancedSampler::new(&sizes), partners, transform, size, batch, seed })
    }

    /// The images that it draws from.
    pub fn store(&self) -> &Arc<ImageStore> {
        &self.store
    }

    /// Number of whole batches in an epoch, at least 1.
    pub fn steps_per_epoch(&self) -> usize {
        (self.balanced.draws_per_epoch() / self.batch).max(1)
    }

    /// The batch of `step` (from 0): always the same bytes, whatever was asked for before and on however many threads.
    ///
    /// Its images are decoded and augmented in parallel on the current rayon pool.
    ///
    /// # Errors
    /// Those of [`ImageStore::get`].
    pub fn batch(&self, step: u64) -> Result<TrainBatch, DataError> {
        let sources = self.draw("data.source", step);
        let references = self.draw("data.reference", step);
        let partners: Vec<_> = references.iter().map(|&(d, i)| (d, self.partners[d][i] as usize)).collect();
        let labels = |drawn: &[(usize, usize)]| drawn.iter().map(|&(domain, _)| domain as i64).collect();
        Ok(TrainBatch {
            y_org: labels(&sources),
            y_trg: labels(&references),
            x_real: self.images(&sources, "augment.source", step)?,
            x_ref: self.images(&references, "augment.reference", step)?,
            x_ref2: self.images(&partners, "augment.reference2", step)?,
        })
    }

    fn draw(&self, name: &str, step: u64) -> Vec<(usize, usize)> {
        let mut rng = stream(self.seed, name, step);
        (0..self.batch).map(|_| self.balanced.draw(&mut rng)).collect()
    }

    fn images(&self, drawn: &[(usize, usize)], name: &str, step: u64) -> Result<Array4<f32>, DataError> {
        let shape = (3, self.size, self.size);
        let length = 3 * self.size * self.size;
        let mut data = vec![0.0; drawn.len() * length];
        data.par_chunks_exact_mut(length).zip(drawn).enumerate().try_for_each(|(i, (out, &(domain, item)))| {
            let image = self.store.get(domain, item)?;
            let mut rng = stream(self.seed, name, step * self.batch as u64 + i as u64);
            let params = self.transform.sample(&mut rng, image.width(), image.height());
            params.apply_into(&image, ArrayViewMut3::from_shape(shape, out).expect("a chunk is one image"));
            Ok::<_, DataError>(())
        })?;
        Ok(Array4::from_shape_vec((drawn.len(), 3, self.size, self.size), data).expect("one chunk an image"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domains::DomainFolder;
    use crate::image_io::write_image;
    use crate::store::StoreOptions;
    use proptest::prelude::*;

    fn sampler(dir: &std::path::Path, seed: u64, options: StoreOptions) -> MultiDomainSampler {
        for (domain, tint) in ["autumn", "spring", "summer", "winter"].iter().zip([20, 80, 140, 200]) {
            for number in 0..5u8 {
                let pixel = |x: u32, y: u32| image::Rgb([tint, 40 * number, (10 * x).abs_diff(10 * y) as u8]);
                let image = image::RgbImage::from_fn(24, 24, pixel);
                write_image(&dir.join("train").join(domain).join(format!("{number}.png")), &image).unwrap();
            }
        }
        let store = Arc::new(ImageStore::new(&DomainFolder::open(&dir.join("train")).unwrap(), options));
        MultiDomainSampler::new(store, TrainTransform::default(), 16, 4, seed).unwrap()
    }

    #[test]
    fn a_batch_is_a_pure_function_of_seed_and_step() {
        let dir = tempfile::tempdir().unwrap();
        let first = sampler(dir.path(), 7, StoreOptions::default());
        let ordered: Vec<_> = (0..6).map(|step| first.batch(step).unwrap()).collect();
        // Another object, backwards, without cache, on one thread.
        let again = sampler(dir.path(), 7, StoreOptions { budget: 0, ..Default::default() });
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        for step in (0..6).rev() {
            assert_eq!(pool.install(|| again.batch(step).unwrap()), ordered[step as usize]);
        }
        assert_eq!(again.store().bytes(), 0);
        assert!(first.store().bytes() > 0);
        assert_ne!(ordered[0], ordered[1]);
        assert_ne!(sampler(dir.path(), 8, StoreOptions::default()).batch(0).unwrap(), ordered[0]);
    }

    #[test]
    fn shapes_ranges_and_labels_agree() {
        let dir = tempfile::tempdir().unwrap();
        let batch = sampler(dir.path(), 1, StoreOptions::default()).batch(11).unwrap();
        for images in [&batch.x_real, &batch.x_ref, &batch.x_ref2] {
            assert_eq!(images.dim(), (4, 3, 16, 16));
            assert!(images.iter().all(|v| (-1.0..=1.0).contains(v)));
        }
        assert!(batch.y_org.iter().chain(&batch.y_trg).all(|y| (0..4).contains(y)));
        assert_eq!((batch.y_org.len(), batch.y_trg.len()), (4, 4));
        assert_ne!(batch.x_ref, batch.x_ref2);
    }

    #[test]
    fn reference_partners_are_permutations() {
        let dir = tempfile::tempdir().unwrap();
        for partners in sampler(dir.path(), 5, StoreOptions::default()).partners {
            let mut sorted = partners.clone();
            sorted.sort();
            assert_eq!(sorted, (0..5).collect::<Vec<_>>());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]

        #[test]
        fn draws_are_balanced_over_domains_and_over_their_images(sizes in prop::collection::vec(1usize..30, 2..6), seed: u64) {
            let sampler = BalancedSampler::new(&sizes);
            let mut rng = stream(seed, "t", 0);
            let mut counts: Vec<Vec<f64>> = sizes.iter().map(|&n| vec![0.0; n]).collect();
            let draws = 20_000;
            for _ in 0..draws {
                let (domain, item) = sampler.draw(&mut rng);
                counts[domain][item] += 1.0;
            }
            for (domain, items) in counts.iter().enumerate() {
                let expected = f64::from(draws) * sampler.probability(domain);
                // Six standard deviations of a Poisson count.
                prop_assert!((items.iter().sum::<f64>() - expected).abs() < 6.0 * expected.sqrt());
                let each = expected * sampler.weight(domain);
                prop_assert!(items.iter().all(|n| (n - each).abs() < 6.0 * each.sqrt() + 1.0));
            }
        }
    }
}
