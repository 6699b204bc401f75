//! Networks that turn images into features, and the way of images into them.
//!
//! Images are read and resized on all cores while the network works on the batch before.

use crate::MetricsError;
pub use crate::preparation::{Preparation, Resampling, Resize, common_size, shorter_side, stack};
use crate::source::{Images, Listing};
use image::RgbImage;
use rayon::prelude::*;
use semrel_data::DataError;
use semrel_data::image_io::{Quantise, read_rgb};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use tch::{Device, Kind, Tensor};

/// Images per batch.
const BATCH: usize = 32;

/// A network that features are read from, in inference mode.
///
/// Neither method records gradients.
pub trait Extractor {
    /// Name that scores carry, such as `effnet-lite0`.
    fn name(&self) -> &str;

    /// How a Fréchet distance over these features is called; only the FID Inception's may be called FID.
    fn frechet_name(&self) -> String {
        format!("FD({})", self.name())
    }

    /// How a kernel distance over these features is called: KID where the Fréchet distance is FID.
    fn kernel_name(&self) -> String {
        self.frechet_name().replacen("FID", "KID", 1).replacen("FD", "KD", 1)
    }

    /// How a perceptual distance over these feature maps is called.
    fn perceptual_name(&self) -> String {
        format!("PD({})", self.name())
    }

    /// How an 8-bit image becomes input.
    fn preparation(&self) -> Preparation;

    /// Where the network lies.
    fn device(&self) -> Device;

    /// Features [N, d] of prepared images [N, 3, H, W].
    fn features(&self, batch: &Tensor) -> Tensor;

    /// Feature maps [N, C, h, w] for perceptual distances, of prepared images [N, 3, H, W].
    fn taps(&self, batch: &Tensor) -> Vec<Tensor>;

    /// [`Extractor::features`] and [`Extractor::taps`] from one pass.
    fn features_and_taps(&self, batch: &Tensor) -> (Tensor, Vec<Tensor>);
}

/// Features [N, d] of image files, in their order. `progress` is told how many images are done.
///
/// # Errors
/// The first file that cannot be read.
pub fn features_of_files(
    extractor: &dyn Extractor,
    files: &[PathBuf],
    progress: &mut dyn FnMut(usize),
) -> Result<Tensor, MetricsError> {
    features_of(extractor, files.len(), |i| read_rgb(&files[i]).map(Cow::Owned), progress)
}

/// Features [N, d] of all images under a folder, sorted by path.
///
/// # Errors
/// A missing or empty folder, or the first file that cannot be read.
pub fn features_of_folder(
    extractor: &dyn Extractor,
    folder: &Path,
    progress: &mut dyn FnMut(usize),
) -> Result<Tensor, MetricsError> {
    features_of_source(extractor, &Images::open(folder, Listing::Recursive)?, progress)
}

/// Features [N, d] of the pictures of a folder, a list or a zip, in their order.
///
/// Memory does not grow with their number but for the features: a few batches are held at a time.
///
/// # Errors
/// The first picture that cannot be read.
pub fn features_of_source(
    extractor: &dyn Extractor,
    images: &Images,
    progress: &mut dyn FnMut(usize),
) -> Result<Tensor, MetricsError> {
    features_of(extractor, images.len(), |i| images.read(i).map(Cow::Owned), progress)
}

/// Features [N, d] of images in memory.
///
/// # Errors
/// [`MetricsError::TooFew`] for no image at all.
pub fn features_of_images(extractor: &dyn Extractor, images: &[RgbImage]) -> Result<Tensor, MetricsError> {
    features_of(extractor, images.len(), |i| Ok(Cow::Borrowed(&images[i])), &mut |_| ())
}

/// Features [N, d] of generator outputs [N, 3, H, W] in −1..1, made 8-bit images first, as if they had been written to
/// files and read again.
///
/// # Errors
/// [`MetricsError::Shape`], [`MetricsError::TooFew`].
pub fn features_of_outputs(
    extractor: &dyn Extractor,
    outputs: &Tensor,
    quantise: Quantise,
) -> Result<Tensor, MetricsError> {
    features_of_images(extractor, &to_images(outputs, quantise)?)
}

/// Generator outputs [N, 3, H, W] in −1..1 as 8-bit images.
///
/// # Errors
/// [`MetricsError::Shape`].
pub fn to_images(outputs: &Tensor, quantise: Quantise) -> Result<Vec<RgbImage>, MetricsError> {
    let &[_, 3, height @ 1..=i64::MAX, width @ 1..=i64::MAX] = outputs.size().as_slice() else {
        let found = outputs.size();
        return Err(MetricsError::Shape { what: "generator outputs", found, expected: "[N, 3, H, W] of images" });
    };
    let _guard = tch::no_grad_guard();
    let unit = ((outputs + 1.0) / 2.0).clamp(0.0, 1.0) * 255.0;
    // Conversion to bytes truncates.
    let bytes = match quantise {
        Quantise::Round => unit + 0.5,
        Quantise::Truncate => unit,
    };
    let bytes = bytes.to_kind(Kind::Uint8).to_device(Device::Cpu).permute([0, 2, 3, 1]).contiguous();
    let mut pixels = vec![0u8; bytes.numel()];
    bytes.copy_data(&mut pixels, bytes.numel());
    let image =
        |pixels: &[u8]| RgbImage::from_raw(width as u32, height as u32, pixels.to_vec()).expect("three bytes a pixel");
    Ok(pixels.chunks_exact((3 * height * width) as usize).map(image).collect())
}

/// Features [N, d] of `count` images that `read` gives by number, from files, archives or memory. Images are read and
/// resized one batch ahead of the network, on all cores. `progress` is told how many images are done.
///
/// # Errors
/// The first image of a batch that cannot be read, [`MetricsError::TooFew`] for no image at all.
pub fn features_of<'a>(
    extractor: &dyn Extractor,
    count: usize,
    read: impl Fn(usize) -> Result<Cow<'a, RgbImage>, DataError> + Sync,
    progress: &mut dyn FnMut(usize),
) -> Result<Tensor, MetricsError> {
    let preparation = extractor.preparation();
    let prepare = |start: usize| -> Result<Vec<f32>, DataError> {
        let mut numbers = vec![0.0; BATCH.min(count - start) * preparation.numel()];
        numbers.par_chunks_exact_mut(preparation.numel()).enumerate().try_for_each(|(i, place)| {
            preparation.write(&*read(start + i)?, place);
            Ok(())
        })?;
        Ok(numbers)
    };
    let mut features = vec![];
    std::thread::scope(|scope| {
        // A batch waits while the next one is made: no more than three are held.
        let (sender, receiver) = sync_channel(1);
        scope.spawn(move || {
            for start in (0..count).step_by(BATCH) {
                let batch = prepare(start);
                let failed = batch.is_err();
                // The receiver is gone only after an error.
                if sender.send(batch).is_err() || failed {
                    break;
                }
            }
        });
        let mut done = 0;
        for numbers in receiver {
            let batch = preparation.tensor(&numbers?, extractor.device());
            features.push(extractor.features(&batch));
            done += batch.size()[0] as usize;
            progress(done);
        }
        join(&features)
    })
}

/// Features of images that arrive little by little: the same numbers as [`features_of_images`] of all of them, with no more
/// than a batch in memory.
pub struct FeatureStream<'a> {
    extractor: &'a dyn Extractor,
    waiting: Vec<RgbImage>,
    features: Vec<Tensor>,
}

impl<'a> FeatureStream<'a> {
    /// Of no images yet.
    pub fn new(extractor: &'a dyn Extractor) -> Self {
        Self { extractor, waiting: vec![], features: vec![] }
    }

    /// Adds images.
    pub fn push(&mut self, images: impl IntoIterator<Item = RgbImage>) {
        self.waiting.extend(images);
        while self.waiting.len() >= BATCH {
            let rest = self.waiting.split_off(BATCH);
            self.extract();
            self.waiting = rest;
        }
    }

    /// Features [N, d] of all images, in their order.
    ///
    /// # Errors
    /// [`MetricsError::TooFew`] for no image at all.
    pub fn finish(mut self) -> Result<Tensor, MetricsError> {
        if !self.waiting.is_empty() {
            self.extract();
        }
        join(&self.features)
    }

    fn extract(&mut self) {
        let input = self.extractor.preparation().prepare(&self.waiting, self.extractor.device());
        self.features.push(self.extractor.features(&input));
        self.waiting.clear();
    }
}

fn join(features: &[Tensor]) -> Result<Tensor, MetricsError> {
    if features.is_empty() {
        return Err(MetricsError::TooFew { what: "images", found: 0, needed: 1 });
    }
    Ok(Tensor::cat(features, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean of each channel; taps: the image itself.
    struct Means;

    impl Extractor for Means {
        fn name(&self) -> &str {
            "means"
        }
        fn preparation(&self) -> Preparation {
            let resize = Resize::Pillow(semrel_data::resize::Filter::Bilinear);
            Preparation { width: 8, height: 4, resize, mean: [1.0, 2.0, 3.0], std: [2.0; 3] }
        }
        fn device(&self) -> Device {
            Device::Cpu
        }
        fn features(&self, batch: &Tensor) -> Tensor {
            batch.mean_dim([2i64, 3].as_slice(), false, Kind::Float)
        }
        fn taps(&self, batch: &Tensor) -> Vec<Tensor> {
            vec![batch.shallow_clone()]
        }
        fn features_and_taps(&self, batch: &Tensor) -> (Tensor, Vec<Tensor>) {
            (self.features(batch), self.taps(batch))
        }
    }

    fn plain(shade: u8) -> RgbImage {
        RgbImage::from_pixel(16, 16, image::Rgb([shade, 2 * shade, 0]))
    }

    fn values(features: &Tensor) -> Vec<f32> {
        Vec::try_from(features.reshape([-1])).unwrap()
    }

    #[test]
    fn files_arrive_in_order_and_progress_is_told() {
        let dir = tempfile::tempdir().unwrap();
        for i in 0..70u8 {
            plain(i).save(dir.path().join(format!("{i:03}.png"))).unwrap();
        }
        let mut told = vec![];
        let features = features_of_folder(&Means, dir.path(), &mut |done| told.push(done)).unwrap();
        assert_eq!(told, [32, 64, 70]);
        let want: Vec<f32> =
            (0..70).flat_map(|i| [(i as f32 - 1.0) / 2.0, (2.0 * i as f32 - 2.0) / 2.0, -1.5]).collect();
        assert_eq!(values(&features), want);
        let images: Vec<RgbImage> = (0..70).map(plain).collect();
        assert_eq!(values(&features_of_images(&Means, &images).unwrap()), want);
        let mut stream = FeatureStream::new(&Means);
        images.chunks(9).for_each(|images| stream.push(images.to_vec()));
        assert_eq!(values(&stream.finish().unwrap()), want);
        assert!(matches!(FeatureStream::new(&Means).finish(), Err(MetricsError::TooFew { .. })));
    }

    #[test]
    fn unreadable_and_missing_images_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        assert!(features_of_folder(&Means, dir.path(), &mut |_| ()).is_err());
        for i in 0..100u8 {
            plain(i).save(dir.path().join(format!("{i:03}.png"))).unwrap();
        }
        std::fs::write(dir.path().join("050.png"), b"no image").unwrap();
        let text = features_of_folder(&Means, dir.path(), &mut |_| ()).unwrap_err().to_string();
        assert!(text.contains("050.png"), "{text}");
        assert!(matches!(features_of_images(&Means, &[]), Err(MetricsError::TooFew { .. })));
    }

    #[test]
    fn outputs_are_quantised_as_pictures_are() {
        let outputs = Tensor::linspace(-1.3, 1.3, 2 * 3 * 5 * 7, (Kind::Float, Device::Cpu)).view([2, 3, 5, 7]);
        for quantise in [Quantise::Round, Quantise::Truncate] {
            let images = to_images(&outputs, quantise).unwrap();
            for (n, image) in images.iter().enumerate() {
                let values: Vec<f32> = Vec::try_from(outputs.get(n as i64).reshape([-1])).unwrap();
                let array = ndarray::Array3::from_shape_vec((3, 5, 7), values).unwrap();
                assert_eq!(image, &semrel_data::image_io::to_image(array.view(), quantise));
            }
        }
        assert!(matches!(to_images(&outputs.narrow(1, 0, 1), Quantise::Round), Err(MetricsError::Shape { .. })));
        assert_eq!(features_of_outputs(&Means, &outputs, Quantise::Round).unwrap().size(), [2, 3]);
    }
}
