//! Images of a row: which of them each stage sees, and how.

mod parts;

use crate::config::Config;
pub use crate::stage::Stage;
use anyhow::{Context, Result, ensure};
use semrel_data::resize::Filter;
use semrel_data::transform::PairTransform;
use semrel_data::validation::SplitRule;
use semrel_data::{
    DataError, Direction, OnCorrupt, PairFolder, PairLayout, PairOptions, PairSampler, Select, Side, StoreOptions,
};
use semrel_eval::ImageSet;
use semrel_run::SplitRecord;
use semrel_train::batches::{Batch, BatchLoader};
use std::sync::Arc;
use tch::Device;

/// The images of a row.
#[derive(Debug)]
pub struct Data {
    /// All training images.
    pub all: PairFolder,
    /// Those of them that train.
    pub train: PairFolder,
    /// Images that evaluations and previews look at.
    pub looked_at: PairFolder,
    /// Which these are.
    pub select: Select,
    /// What is set apart of the training images, where they are these.
    pub split: Option<SplitRecord>,
    /// Those of the training images that the distillation learns from.
    pub distill: PairFolder,
    /// Those of the training images that are set aside for the search, if any of the source domain are.
    pub search: Option<PairFolder>,
    /// Which domain is translated.
    pub direction: Direction,
}

impl Data {
    /// Opens the row's folder and its lists for training and search: `eval.select` says what is looked at meanwhile. Decodes
    /// nothing yet.
    ///
    /// # Errors
    /// Names the config key and the folder or file.
    pub fn open(config: &Config) -> Result<Self> {
        let select = config.eval.select;
        if select == Select::Test {
            return Self::of_tests(config);
        }
        // They are needed in the end, and what is wrong with their names is best told now.
        layout(config, PairFolder::list(&config.data.root, "test"))?;
        let all = train(config)?;
        if select == Select::Last {
            return Self::new(config, (all.clone(), all.clone(), all), select, None);
        }
        let apart = SplitRule::default().set_apart_pairs(&all).context("config key `eval.select`: val")?;
        Self::new(config, (all, apart.train, apart.val), select, Some(apart.record))
    }

    /// Opens the row's folder and its lists for an evaluation of what was trained, on the test images.
    ///
    /// # Errors
    /// As [`Data::open`].
    pub fn of_tests(config: &Config) -> Result<Self> {
        let all = train(config)?;
        let test = layout(config, PairFolder::open(&config.data.root, "test"))?;
        Self::new(config, (all.clone(), all, test), Select::Test, None)
    }

    fn new(
        config: &Config,
        (all, train, looked_at): (PairFolder, PairFolder, PairFolder),
        select: Select,
        split: Option<SplitRecord>,
    ) -> Result<Self> {
        let d = &config.data;
        let (distill, search) = parts::divided(d, &train)?;
        let search = (!search.files(d.direction.source()).is_empty()).then_some(search);
        Ok(Self { all, train, looked_at, select, split, distill, search, direction: d.direction })
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
            multiple_of: 4,
        };
        let options = PairOptions {
            transform,
            batch: train.batch_size as usize,
            direction: d.direction,
            serial: false,
            constant_epochs: None,
            flip_together: false,
        };
        let on_corrupt = if d.strict { OnCorrupt::Fail } else { OnCorrupt::Skip };
        let store = StoreOptions { on_corrupt, ..Default::default() };
        let sampler = PairSampler::new(self.of_stage(stage), store, options, config.seed)
            .with_context(|| format!("config sections `data` and `{}.train`", stage.name()))?;
        let warmup = if stage == Stage::Teacher { train.warmup } else { 0 };
        Ok(Training { sampler: Arc::new(sampler), warmup, epochs: train.epochs() })
    }

    /// Images of the source domain that evaluations and previews look at.
    pub fn sources(&self) -> ImageSet {
        ImageSet::new(&self.looked_at, self.direction.source())
    }

    /// Images of the source domain that the search looks at.
    ///
    /// # Errors
    /// Where none are set aside.
    pub fn search_sources(&self) -> Result<ImageSet> {
        let folder = self.search.as_ref().context(
            "config key `data.held_back`: 0 (or `data.distill_list` names every image), and no `data.search_list`: the \
             search needs training images that the distillation does not see",
        )?;
        Ok(ImageSet::new(folder, self.direction.source()))
    }

    /// Images of the target domain that are set aside for the search.
    ///
    /// # Errors
    /// Where these are too few for a Fréchet distance.
    pub fn search_targets(&self) -> Result<ImageSet> {
        let found = self.search.as_ref().map(|folder| ImageSet::new(folder, self.direction.target()));
        let count = found.as_ref().map_or(0, ImageSet::len);
        found.filter(|_| count >= 2).with_context(|| {
            format!(
                "config key `search.reference`: search: {count} image(s) of the target domain are set aside for it, and a \
                 Fréchet distance needs at least 2; raise `data.held_back`, name more in `data.search_list`, or refer to \
                 `test`, `train` or `all`"
            )
        })
    }
}

/// All training images.
fn train(config: &Config) -> Result<PairFolder> {
    layout(config, PairFolder::open(&config.data.root, "train"))
}

/// Images in the row's layout.
fn layout(config: &Config, folder: Result<PairFolder, DataError>) -> Result<PairFolder> {
    let folder = folder.context("config key `data.root`")?;
    if config.aligned() {
        return folder.into_pairs().context("config key `data.layout`: aligned");
    }
    ensure!(
        folder.layout == PairLayout::Unaligned,
        "config key `data.layout`: unaligned, but {} holds A|B pictures; use `aligned`",
        folder.folder(Side::A).display()
    );
    Ok(folder)
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
        let data = Data::of_tests(&config);
        (dir, data)
    }
}
