//! Evaluation images: a domain in file order, resized, without augmentation.

use crate::DataError;
use crate::resize::{Filter, resize};
use crate::store::ImageStore;
use crate::transform::eval_into;
use image::RgbImage;
use ndarray::{Array4, ArrayViewMut3, Axis};
use rayon::prelude::*;
use std::ops::Range;
use std::path::PathBuf;

/// Consecutive images of a domain.
#[derive(Debug, Clone, PartialEq)]
pub struct EvalBatch {
    /// [B, 3, S, S] in [−1, 1].
    pub images: Array4<f32>,
    /// Their files.
    pub files: Vec<PathBuf>,
}

impl ImageStore {
    /// The images of `domain` in file order, resized to `size`² (Pillow bilinear on 8 bits, aspect ratio not kept), in
    /// batches of `batch`; the last may be smaller. Corrupt images fail or are left out, as the store is told.
    ///
    /// Decodes a batch in parallel on the current rayon pool. Panics if `size` or `batch` is 0.
    pub fn eval_batches(
        &self,
        domain: usize,
        size: usize,
        batch: usize,
    ) -> impl Iterator<Item = Result<EvalBatch, DataError>> {
        let ranges = self.ranges(domain, batch);
        ranges
            .map(move |range| self.eval_batch(domain, size, range))
            .filter(|b| !matches!(b, Ok(b) if b.files.is_empty()))
    }

    /// As [`ImageStore::eval_batches`], but 8-bit: the reference images of metrics.
    pub fn eval_images(
        &self,
        domain: usize,
        size: u32,
        batch: usize,
    ) -> impl Iterator<Item = Result<Vec<RgbImage>, DataError>> {
        self.ranges(domain, batch).map(move |range| {
            let images: Result<Vec<_>, DataError> = range
                .into_par_iter()
                .map(|item| Ok(self.try_get(domain, item)?.map(|i| resize(&i, size, size, Filter::Bilinear))))
                .collect();
            Ok(images?.into_iter().flatten().collect())
        })
    }

    fn ranges(&self, domain: usize, batch: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let count = self.sizes()[domain];
        (0..count).step_by(batch).map(move |start| start..(start + batch).min(count))
    }

    fn eval_batch(&self, domain: usize, size: usize, range: Range<usize>) -> Result<EvalBatch, DataError> {
        let length = 3 * size * size;
        let mut data = vec![0.0; range.len() * length];
        let good: Result<Vec<bool>, DataError> = data
            .par_chunks_exact_mut(length)
            .zip(range.clone())
            .map(|(out, item)| {
                let Some(image) = self.try_get(domain, item)? else { return Ok(false) };
                eval_into(&image, ArrayViewMut3::from_shape((3, size, size), out).expect("a chunk is one image"));
                Ok(true)
            })
            .collect();
        let good = good?;
        let mut images = Array4::from_shape_vec((range.len(), 3, size, size), data).expect("one chunk an image");
        if good.contains(&false) {
            let kept: Vec<usize> = (0..good.len()).filter(|&i| good[i]).collect();
            images = images.select(Axis(0), &kept);
        }
        let files =
            range.zip(&good).filter(|(_, good)| **good).map(|(item, _)| self.file(domain, item).clone()).collect();
        Ok(EvalBatch { images, files })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domains::DomainFolder;
    use crate::sampler::MultiDomainSampler;
    use crate::store::{OnCorrupt, StoreOptions};
    use crate::transform::TrainTransform;
    use std::fs;
    use std::sync::Arc;

    /// One domain of five JPEGs, the third cut in half; another of one good image.
    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, level) in
            [("a/1.jpg", 0u8), ("a/2.jpg", 60), ("a/3.jpg", 120), ("a/4.jpg", 180), ("a/5.jpg", 240), ("b/1.jpg", 90)]
        {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            RgbImage::from_pixel(12, 9, image::Rgb([level; 3])).save(&path).unwrap();
        }
        let cut = dir.path().join("a/3.jpg");
        let bytes = fs::read(&cut).unwrap();
        fs::write(&cut, &bytes[..bytes.len() - 20]).unwrap();
        dir
    }

    fn open(dir: &std::path::Path, on_corrupt: OnCorrupt) -> Arc<ImageStore> {
        Arc::new(ImageStore::new(&DomainFolder::open(dir).unwrap(), StoreOptions { on_corrupt, ..Default::default() }))
    }

    #[test]
    fn a_truncated_image_stops_a_strict_store_with_its_name() {
        let dir = folder();
        let store = open(dir.path(), OnCorrupt::Fail);
        let error = store.eval_batches(0, 8, 2).find_map(Result::err).unwrap();
        assert!(matches!(&error, DataError::Corrupt { path, .. } if path.ends_with("3.jpg")), "{error}");
        let sampler = MultiDomainSampler::new(store, TrainTransform::default(), 8, 16, 1).unwrap();
        assert!(sampler.batch(0).is_err());
    }

    #[test]
    fn a_truncated_image_is_skipped_and_counted() {
        let dir = folder();
        let store = open(dir.path(), OnCorrupt::Skip);
        let batches: Vec<EvalBatch> = store.eval_batches(0, 8, 2).map(Result::unwrap).collect();
        let files: Vec<_> = batches.iter().flat_map(|b| &b.files).map(|f| f.file_name().unwrap().to_owned()).collect();
        assert_eq!(files, ["1.jpg", "2.jpg", "4.jpg", "5.jpg"]);
        assert_eq!(batches.iter().map(|b| b.images.dim().0).collect::<Vec<_>>(), [2, 1, 1]);
        assert!((batches[1].images[[0, 0, 0, 0]] - (180.0 / 255.0 - 0.5) / 0.5).abs() < 0.03);
        assert_eq!(store.eval_images(0, 8, 3).map(|b| b.unwrap().len()).sum::<usize>(), 4);
        let sampler = MultiDomainSampler::new(Arc::clone(&store), TrainTransform::default(), 8, 16, 1).unwrap();
        assert_eq!(sampler.batch(0).unwrap(), sampler.batch(0).unwrap());
        assert_eq!(store.skipped(), 1);
        // Where nothing is good, there is nothing to put in its place.
        fs::write(dir.path().join("b/1.jpg"), b"\xff\xd8\xff").unwrap();
        let store = open(dir.path(), OnCorrupt::Skip);
        assert!(matches!(store.get(1, 0), Err(DataError::AllCorrupt { path, .. }) if path.ends_with("b")));
    }

    #[test]
    fn evaluation_is_the_plain_resize() {
        let dir = folder();
        let store = open(dir.path(), OnCorrupt::Skip);
        let batch = store.eval_batches(1, 6, 32).next().unwrap().unwrap();
        let eight_bit = store.eval_images(1, 6, 32).next().unwrap().unwrap();
        let back = crate::image_io::to_image(batch.images.index_axis(Axis(0), 0), crate::image_io::Quantise::Round);
        assert_eq!(back, eight_bit[0]);
    }

    #[test]
    fn a_working_side_reduces_what_is_kept() {
        let dir = folder();
        let options = StoreOptions { working_side: Some(6), ..Default::default() };
        let store = ImageStore::new(&DomainFolder::open(dir.path()).unwrap(), options);
        assert_eq!(store.get(1, 0).unwrap().dimensions(), (8, 6));
        assert_eq!(store.bytes(), 8 * 6 * 3);
    }
}
