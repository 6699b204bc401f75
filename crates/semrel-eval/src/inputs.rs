//! Pictures as generators are given them in tests and in a search.

use crate::translator::{batches, translate_batch};
use crate::{EvalError, ImageSet, ImageTranslator};
use image::RgbImage;
use ndarray::Array3;
use rayon::prelude::*;
use semrel_data::{DataError, translation_input};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use tch::{Device, Kind, Tensor};

/// How pictures become inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputOptions {
    /// Width and height that they are resized to; `None` for their own size, rounded to multiples of 4.
    pub size: Option<(u32, u32)>,
    /// Pictures per batch.
    pub batch: usize,
}

/// Inputs in batches: decoded again each time while the generator works on the batch before, or held in memory.
#[derive(Debug)]
pub struct Inputs {
    source: Source,
    folder: PathBuf,
    count: usize,
}

#[derive(Debug)]
enum Source {
    /// Few batches are in memory at a time.
    Streamed(ImageSet, InputOptions),
    /// On the CPU.
    Held(Vec<Tensor>),
}

impl Inputs {
    /// The pictures of `set`, which are decoded when they are needed. A set that is translated once is best read like this.
    ///
    /// # Errors
    /// [`EvalError::TooFew`] for fewer than two, of which no Fréchet distance can be computed.
    pub fn streamed(set: ImageSet, options: InputOptions) -> Result<Self, EvalError> {
        let (folder, count) = (set.folder().to_owned(), set.len());
        if count < 2 {
            return Err(EvalError::TooFew { folder, what: "picture to translate", found: count });
        }
        Ok(Self { source: Source::Streamed(set, options), folder, count })
    }

    /// The pictures of `set`, decoded now and kept: for a search, which translates them hundreds of times.
    ///
    /// # Errors
    /// Names the first file that cannot be read.
    pub fn held(set: &ImageSet, options: InputOptions) -> Result<Self, EvalError> {
        let mut held = vec![];
        in_batches(set, options, &mut |batch| {
            held.push(batch.shallow_clone());
            Ok(())
        })?;
        Ok(Self { source: Source::Held(held), folder: set.folder().to_owned(), count: set.len() })
    }

    /// Batches `[n, 3, H, W]` at hand.
    pub fn of_batches(batches: Vec<Tensor>) -> Self {
        let count = batches.iter().map(|batch| batch.size()[0] as usize).sum();
        Self { source: Source::Held(batches), folder: PathBuf::new(), count }
    }

    /// Where the pictures lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Number of pictures.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Shows each batch `[n, 3, H, W]`, on the CPU, in order.
    ///
    /// # Errors
    /// The first file that cannot be read; what `show` returns.
    pub fn for_each(&self, show: &mut dyn FnMut(&Tensor) -> Result<(), EvalError>) -> Result<(), EvalError> {
        match &self.source {
            Source::Streamed(set, options) => in_batches(set, *options, show),
            Source::Held(batches) => batches.iter().try_for_each(show),
        }
    }

    /// What a generator makes of them, as 8-bit pictures, truncated as published; `show` is given those of one batch.
    ///
    /// # Errors
    /// As [`Inputs::for_each`] and [`translate_batch`].
    pub fn translated(
        &self,
        translator: &dyn ImageTranslator,
        show: &mut dyn FnMut(Vec<RgbImage>) -> Result<(), EvalError>,
    ) -> Result<(), EvalError> {
        self.for_each(&mut |batch| show(translate_batch(translator, batch)?))
    }

    /// As [`Inputs::translated`], all at once.
    ///
    /// # Errors
    /// As [`Inputs::translated`].
    pub fn outputs(&self, translator: &dyn ImageTranslator) -> Result<Vec<RgbImage>, EvalError> {
        let mut outputs = vec![];
        self.translated(translator, &mut |pictures| {
            outputs.extend(pictures);
            Ok(())
        })?;
        Ok(outputs)
    }

    /// Digest of the pictures and of how they lie in batches, on which roundings depend.
    ///
    /// # Errors
    /// As [`Inputs::for_each`].
    pub fn digest(&self) -> Result<String, EvalError> {
        let (mut digest, mut sizes) = (Sha256::new(), vec![]);
        self.for_each(&mut |batch| {
            update(&mut digest, batch);
            sizes.push(batch.size()[0] as f32);
            Ok(())
        })?;
        update(&mut digest, &Tensor::from_slice(&sizes));
        Ok(hex::encode(digest.finalize()))
    }
}

/// Adds a tensor's numbers in single precision.
fn update(digest: &mut Sha256, tensor: &Tensor) {
    let flat = tensor.to_device(Device::Cpu).to_kind(Kind::Float).reshape([-1]);
    let numbers: Vec<f32> = Vec::try_from(&flat).expect("a vector of floats");
    numbers.iter().for_each(|number| digest.update(number.to_le_bytes()));
}

/// Digest of numbers, in single precision.
pub fn digest(tensors: impl IntoIterator<Item = Tensor>) -> String {
    let mut digest = Sha256::new();
    tensors.into_iter().for_each(|tensor| update(&mut digest, &tensor));
    hex::encode(digest.finalize())
}

/// Shows the pictures of a set in batches; the next is decoded meanwhile, on all cores.
pub(crate) fn in_batches(
    set: &ImageSet,
    options: InputOptions,
    show: &mut dyn FnMut(&Tensor) -> Result<(), EvalError>,
) -> Result<(), EvalError> {
    let (count, batch) = (set.len(), options.batch.max(1));
    let load = |start: usize| -> Result<Vec<Array3<f32>>, DataError> {
        let items = start..count.min(start + batch);
        items.into_par_iter().map(|item| Ok(translation_input(&set.read(item)?, options.size))).collect()
    };
    std::thread::scope(|scope| {
        // A batch waits while the next one is made.
        let (sender, receiver) = sync_channel(1);
        scope.spawn(move || {
            for start in (0..count).step_by(batch) {
                let loaded = load(start);
                let failed = loaded.is_err();
                // The receiver is gone only after an error.
                if sender.send(loaded).is_err() || failed {
                    break;
                }
            }
        });
        for loaded in receiver {
            for batch in batches(&loaded?) {
                show(&batch)?;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Forward;
    use semrel_data::image_io::write_image;
    use semrel_data::{PairFolder, Side};

    fn folder(sizes: &[u32]) -> (tempfile::TempDir, ImageSet) {
        let dir = tempfile::tempdir().unwrap();
        for side in ["A", "B"] {
            for (i, &size) in sizes.iter().enumerate() {
                let image = RgbImage::from_fn(size, size, |x, y| image::Rgb([x as u8 * 9, y as u8 * 5, i as u8 * 20]));
                write_image(&dir.path().join(format!("test{side}/{i}.png")), &image).unwrap();
            }
        }
        let set = ImageSet::new(&PairFolder::open(dir.path(), "test").unwrap(), Side::A);
        (dir, set)
    }

    #[test]
    fn streamed_and_held_inputs_are_the_same_batches() {
        let (_dir, set) = folder(&[16, 16, 20, 16, 16]);
        let negative = Forward { device: Device::Cpu, forward: |x: &Tensor| -x };
        for (size, batch, sizes) in [(Some((8, 12)), 2, vec![2, 2, 1]), (None, 4, vec![2, 1, 1, 1])] {
            let options = InputOptions { size, batch };
            let streamed = Inputs::streamed(set.clone(), options).unwrap();
            let held = Inputs::held(&set, options).unwrap();
            let mut found = vec![];
            streamed
                .for_each(&mut |batch| {
                    found.push(batch.size()[0]);
                    Ok(())
                })
                .unwrap();
            assert_eq!(found, sizes);
            assert_eq!((streamed.count(), held.count()), (5, 5));
            assert_eq!(streamed.digest().unwrap(), held.digest().unwrap());
            assert_eq!(streamed.outputs(&negative).unwrap(), held.outputs(&negative).unwrap());
        }
        let other = Inputs::held(&set, InputOptions { size: Some((8, 12)), batch: 3 }).unwrap();
        let one = Inputs::held(&set, InputOptions { size: Some((8, 12)), batch: 2 }).unwrap();
        assert_ne!(other.digest().unwrap(), one.digest().unwrap());
    }

    #[test]
    fn too_few_and_unreadable_pictures_are_refused() {
        let (dir, set) = folder(&[16, 16, 16]);
        let options = InputOptions { size: None, batch: 1 };
        let error = Inputs::streamed(set.clone().first(Some(1)), options).unwrap_err().to_string();
        assert!(error.contains("testA holds 1 picture to translate"), "{error}");
        std::fs::write(dir.path().join("testA/1.png"), "no picture").unwrap();
        let inputs = Inputs::streamed(set.clone(), options).unwrap();
        let mut shown = 0;
        let error = inputs.for_each(&mut |_| {
            shown += 1;
            Ok(())
        });
        assert!(error.unwrap_err().to_string().contains("1.png"));
        assert_eq!(shown, 1);
        assert!(Inputs::held(&set, options).unwrap_err().to_string().contains("1.png"));
    }

    #[test]
    fn a_digest_depends_on_every_number() {
        let numbers = |last: f32| digest([Tensor::from_slice(&[1f32, 2.0, last])]);
        assert_eq!(numbers(3.0), numbers(3.0));
        assert_ne!(numbers(3.0), numbers(3.5));
    }
}
