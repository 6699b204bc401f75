//! Images of a row: which of them each stage sees, and how.

mod parts;

use crate::config::Config;
use anyhow::{Context, Result, ensure};
use rayon::prelude::*;
use semrel_data::resize::Filter;
use semrel_data::transform::PairTransform;
use semrel_data::{
    Direction, OnCorrupt, PairFolder, PairLayout, PairOptions, PairSampler, Side, StoreOptions, translation_input,
};
use semrel_train::Progress;
use semrel_train::batches::{Batch, BatchLoader, tensor};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tch::{Device, Tensor};

/// Images that are decoded between two steps of a bar.
const CHECKED_AT_ONCE: usize = 64;

/// A stage that trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The teacher learns from all training images.
    Teacher,
    /// The super-net learns from those that the search does not look at.
    Distill,
    /// The configuration that was found learns from all training images.
    Finetune,
}

impl Stage {
    /// Its name: that of its command, its section of the configuration and its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Teacher => "teacher",
            Self::Distill => "distill",
            Self::Finetune => "finetune",
        }
    }
}

/// The images of a row.
#[derive(Debug)]
pub struct Data {
    /// All training images.
    pub train: PairFolder,
    /// Test images.
    pub test: PairFolder,
    /// Those of the training images that the distillation learns from.
    pub distill: PairFolder,
    /// Those of the training images that are set aside for the search, if any of the source domain are.
    pub search: Option<PairFolder>,
    /// Which domain is translated.
    pub direction: Direction,
}

impl Data {
    /// Opens the row's folder and its lists. Decodes nothing yet.
    ///
    /// # Errors
    /// Names the config key and the folder or file.
    pub fn open(config: &Config) -> Result<Self> {
        let d = &config.data;
        let open = |phase: &str| -> Result<PairFolder> {
            let folder = PairFolder::open(&d.root, phase).context("config key `data.root`")?;
            if config.aligned() {
                return folder.into_pairs().context("config key `data.layout`: aligned");
            }
            ensure!(
                folder.layout == PairLayout::Unaligned,
                "config key `data.layout`: unaligned, but {} holds A|B pictures; use `aligned`",
                folder.folder(Side::A).display()
            );
            Ok(folder)
        };
        let (train, test) = (open("train")?, open("test")?);
        let (distill, search) = parts::divided(d, &train)?;
        let search = (!search.files(d.direction.source()).is_empty()).then_some(search);
        Ok(Self { train, test, distill, search, direction: d.direction })
    }

    /// The images that a stage learns from.
    pub fn of_stage(&self, stage: Stage) -> &PairFolder {
        match stage {
            Stage::Teacher | Stage::Finetune => &self.train,
            Stage::Distill => &self.distill,
        }
    }

    /// The training batches of a stage.
    ///
    /// # Errors
    /// Settings that do not fit the images.
    pub fn training(&self, config: &Config, stage: Stage) -> Result<Training> {
        let (d, train) = (&config.data, config.train(stage)?);
        let transform = PairTransform {
            preprocess: "resize_and_crop".parse().expect("a known preprocess"),
            load_size: d.load_size,
            crop_size: d.image_size,
            filter: Filter::Bicubic,
            flip: d.flip,
            grayscale: false,
        };
        let options = PairOptions {
            transform,
            batch: train.batch_size as usize,
            direction: d.direction,
            serial: false,
            constant_epochs: None,
        };
        let on_corrupt = if d.strict { OnCorrupt::Fail } else { OnCorrupt::Skip };
        let store = StoreOptions { on_corrupt, ..Default::default() };
        let sampler = PairSampler::new(self.of_stage(stage), store, options, config.seed)
            .with_context(|| format!("config sections `data` and `{}.train`", stage.name()))?;
        let warmup = if stage == Stage::Teacher { train.warmup } else { 0 };
        Ok(Training { sampler: Arc::new(sampler), warmup, epochs: train.epochs() })
    }

    /// Test images of the source domain.
    pub fn test_sources(&self) -> Pictures<'_> {
        Pictures { folder: &self.test, side: self.direction.source() }
    }

    /// Images of the source domain that the search looks at.
    ///
    /// # Errors
    /// Where none are set aside.
    pub fn search_sources(&self) -> Result<Pictures<'_>> {
        let folder = self.search.as_ref().context(
            "config key `data.held_back`: 0 (or `data.distill_list` names every image), and no `data.search_list`: the \
             search needs training images that the distillation does not see",
        )?;
        Ok(Pictures { folder, side: self.direction.source() })
    }

    /// Images of the target domain that are set aside for the search.
    ///
    /// # Errors
    /// Where these are too few for a Fréchet distance.
    pub fn search_targets(&self) -> Result<Pictures<'_>> {
        let side = self.direction.target();
        let found = self.search.as_ref().map(|folder| Pictures { folder, side });
        let count = found.map_or(0, |pictures| pictures.len());
        found.filter(|_| count >= 2).with_context(|| {
            format!(
                "config key `search.reference`: search: {count} image(s) of the target domain are set aside for it, and a \
                 Fréchet distance needs at least 2; raise `data.held_back`, name more in `data.search_list`, or refer to \
                 `test`, `train` or `all`"
            )
        })
    }
}

/// Images of one domain.
#[derive(Debug, Clone, Copy)]
pub struct Pictures<'a> {
    folder: &'a PairFolder,
    side: Side,
}

impl<'a> Pictures<'a> {
    /// Those of a side of a folder.
    pub fn new(folder: &'a PairFolder, side: Side) -> Self {
        Self { folder, side }
    }

    /// How many.
    #[expect(clippy::len_without_is_empty, reason = "an opened folder has images")]
    pub fn len(&self) -> usize {
        self.files().len()
    }

    /// Their files; a file of an aligned picture holds the other half as well.
    pub fn files(&self) -> &'a [PathBuf] {
        self.folder.files(self.side)
    }

    /// Where they lie.
    pub fn folder(&self) -> &'a Path {
        self.folder.folder(self.side)
    }

    /// Decodes one.
    ///
    /// # Errors
    /// Names the file.
    pub fn read(&self, item: usize) -> Result<image::RgbImage, semrel_data::DataError> {
        self.folder.read(self.side, item)
    }

    /// Decodes the first `count`, with a bar named `what`.
    ///
    /// # Errors
    /// Names the first file that cannot be read.
    pub fn check(&self, what: &str, count: usize, quiet: bool) -> Result<()> {
        check_each(what, count, |i| Ok(self.read(i).map(drop)?), quiet)
    }

    /// Images `items` as the networks take them in tests, of `size` (width, height): `[n, 3, H, W]`.
    ///
    /// # Errors
    /// Names the first file that cannot be read.
    pub fn batch(&self, items: std::ops::Range<usize>, size: (u32, u32), device: Device) -> Result<Tensor> {
        let images = items.map(|item| Ok(translation_input(&self.read(item)?, Some(size))));
        let images = images.collect::<Result<Vec<_>>>()?;
        let views: Vec<_> = images.iter().map(|image| image.view()).collect();
        Ok(tensor(&ndarray::stack(ndarray::Axis(0), &views)?, device))
    }
}

/// Looks at files by their index, all of them, and refuses the first that fails.
///
/// # Errors
/// As `look`.
pub(crate) fn check_each(
    what: &str,
    count: usize,
    look: impl Fn(usize) -> Result<()> + Sync,
    quiet: bool,
) -> Result<()> {
    let mut bar = Progress::new(what, 0, count as u64, quiet);
    for first in (0..count).step_by(CHECKED_AT_ONCE) {
        let end = count.min(first + CHECKED_AT_ONCE);
        if let Some(error) = (first..end).into_par_iter().find_map_first(|i| look(i).err()) {
            return Err(error);
        }
        bar.set(end as u64);
    }
    bar.finish();
    Ok(())
}

/// The training batches of a stage.
#[derive(Debug)]
pub struct Training {
    sampler: Arc<PairSampler>,
    warmup: u64,
    epochs: u64,
}

impl Training {
    /// Steps of an epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.sampler.steps_per_epoch()
    }

    /// Epoch (from 1) of a step of the run; those of the warm-up count to the first.
    pub fn epoch_of(&self, step: u64) -> u64 {
        step.saturating_sub(self.warmup) / self.steps_per_epoch() + 1
    }

    /// Steps of the stage, its warm-up included.
    pub fn steps(&self) -> u64 {
        self.warmup + self.epochs * self.steps_per_epoch()
    }

    /// Steps of the warm-up.
    pub fn warmup(&self) -> u64 {
        self.warmup
    }

    /// Training images that could not be read so far.
    pub fn skipped(&self) -> usize {
        self.sampler.store().skipped()
    }

    /// A loader of batches from `first_step` on, ahead of the training step on a thread of its own.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn loader(&self, first_step: u64) -> Result<BatchLoader> {
        let (sampler, warmup) = (self.sampler.clone(), self.warmup);
        // The warm-up takes the first batches in advance; then the epochs begin.
        let source = move |step: u64| sampler.batch(if step < warmup { step } else { step - warmup });
        Ok(BatchLoader::spawn(source, first_step)?)
    }

    /// One batch.
    ///
    /// # Errors
    /// The file that cannot be read.
    pub fn batch(&self, step: u64, device: Device) -> Result<Batch> {
        Ok(Batch::new(&self.sampler.batch(step)?, device))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::RgbImage;
    use semrel_data::image_io::write_image;
    use serde_json::json;

    /// Six images of each domain for training, two for tests, lists of two, of two others and of all; opened with more keys of
    /// `data`.
    pub(super) fn opened(layout: &str, more: serde_json::Value) -> (tempfile::TempDir, Result<Data>) {
        let dir = tempfile::tempdir().unwrap();
        for (phase, count) in [("train", 6u8), ("test", 2)] {
            for (side, level) in [("A", 0u8), ("B", 100)] {
                for i in 0..count {
                    let image = RgbImage::from_pixel(20, 20, image::Rgb([level + i; 3]));
                    write_image(&dir.path().join(format!("{phase}{side}/{i}.png")), &image).unwrap();
                }
            }
        }
        let lists = [
            ("list.txt", "1.png\n4.png\n"),
            ("rest.txt", "0.png\n5.png\n"),
            ("all.txt", "0.png\n1.png\n2.png\n3.png\n4.png\n5.png\n"),
        ];
        lists.iter().for_each(|(name, text)| std::fs::write(dir.path().join(name), text).unwrap());
        let mut data =
            json!({ "root": dir.path(), "layout": layout, "direction": "BtoA", "load_size": 16, "image_size": 16 });
        for (key, value) in more.as_object().unwrap() {
            let full = |text: String, name: &str| text.replace(name, &dir.path().join(name).display().to_string());
            let text = lists.iter().fold(value.to_string(), |text, (name, _)| full(text, name));
            data[key] = serde_json::from_str(&text).unwrap();
        }
        let config = json!({ "name": "x", "method": "fast", "data": data, "distill": { "channels": "test" } });
        let config: Config = serde_json::from_value(config).unwrap();
        let data = Data::open(&config);
        (dir, data)
    }

    #[test]
    fn test_images_come_in_batches_of_the_crop_s_size() {
        let (_dir, data) = opened("aligned", json!({}));
        let data = data.unwrap();
        let batch = data.test_sources().batch(0..2, (16, 16), Device::Cpu).unwrap();
        assert_eq!(batch.size(), [2, 3, 16, 16]);
        assert!((batch.double_value(&[1, 0, 5, 5]) - (101.0 / 127.5 - 1.0)).abs() < 1e-6);
    }
}
