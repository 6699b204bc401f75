//! Images of a run as tensors.

use crate::config::Config;
use anyhow::{Context, Result, bail};
use semrel_data::resize::Filter;
use semrel_data::transform::{PairTransform, Preprocess};
use semrel_data::{
    DataError, Direction, OnCorrupt, PairBatch, PairFolder, PairOptions, PairSampler, SingleImageOptions,
    SingleImageSampler, StoreOptions,
};
use semrel_train::batches::{Batch, BatchLoader};
use std::sync::Arc;
use tch::Device;

/// The images of a run.
#[derive(Debug)]
pub struct Data {
    /// Training images.
    pub train: PairFolder,
    /// Test images; the training images where there are none and the run is of a single picture.
    pub test: PairFolder,
    /// Which domain is translated.
    pub direction: Direction,
    sampler: Arc<Sampler>,
    warmup: u64,
}

#[derive(Debug)]
enum Sampler {
    Pairs(PairSampler),
    Single(SingleImageSampler),
}

impl Sampler {
    fn batch(&self, step: u64) -> Result<PairBatch, DataError> {
        match self {
            Self::Pairs(s) => s.batch(step),
            Self::Single(s) => s.batch(step),
        }
    }

    fn steps_per_epoch(&self) -> u64 {
        match self {
            Self::Pairs(s) => s.steps_per_epoch(),
            Self::Single(s) => s.steps_per_epoch(),
        }
    }
}

impl Data {
    /// Opens the run's folder. Decodes nothing yet, but for the picture of a single-image run.
    ///
    /// # Errors
    /// Names the config key and the folder or file.
    pub fn open(config: &Config) -> Result<Self> {
        let (d, direction) = (&config.data, config.data.direction);
        let train = PairFolder::open(&d.root, "train").context("config key `data.root`")?;
        let preprocess: Preprocess = d.preprocess.parse().context("config key `data.preprocess`")?;
        let single = preprocess.zoom && preprocess.patch;
        let test = match PairFolder::open(&d.root, "test") {
            Err(DataError::MissingFolder { .. } | DataError::NoPair { .. }) if single => train.clone(),
            other => other.context("config key `data.root`")?,
        };
        let batch = config.train.batch_size as usize;
        let sampler = if single {
            let options = SingleImageOptions { crop_size: d.image_size, batch, direction, flip: d.flip };
            Sampler::Single(SingleImageSampler::new(&train, options, config.seed)?)
        } else {
            let transform = PairTransform {
                preprocess,
                load_size: d.load_size,
                crop_size: d.image_size,
                filter: Filter::Bicubic,
                flip: d.flip,
                grayscale: false,
            };
            let options = PairOptions {
                transform,
                batch,
                direction,
                serial: d.serial,
                constant_epochs: Some(config.train.n_epochs as u64),
            };
            let on_corrupt = if d.strict { OnCorrupt::Fail } else { OnCorrupt::Skip };
            let store = StoreOptions { on_corrupt, ..Default::default() };
            Sampler::Pairs(PairSampler::new(&train, store, options, config.seed).context("config section `data`")?)
        };
        Ok(Self { train, test, direction, sampler: Arc::new(sampler), warmup: config.train.warmup })
    }

    /// Steps of an epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.sampler.steps_per_epoch()
    }

    /// Epoch (from 1) of a step of the run; those of the warm-up count to the first.
    pub fn epoch_of(&self, step: u64) -> u64 {
        step.saturating_sub(self.warmup) / self.steps_per_epoch() + 1
    }

    /// Training images that could not be read so far.
    pub fn skipped(&self) -> usize {
        match &*self.sampler {
            Sampler::Pairs(s) => s.store().skipped(),
            Sampler::Single(_) => 0,
        }
    }

    /// A loader of training batches from `first_step` on, ahead of the training step on a thread of its own.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn loader(&self, first_step: u64) -> Result<BatchLoader> {
        let (sampler, warmup) = (self.sampler.clone(), self.warmup);
        // The warm-up takes the first batches in advance; then the epochs begin.
        let source = move |step: u64| sampler.batch(if step < warmup { step } else { step - warmup });
        Ok(BatchLoader::spawn(source, first_step)?)
    }

    /// The first `count` training batches, on `device`.
    ///
    /// # Errors
    /// The first file that cannot be read.
    pub fn first_batches(&self, count: u64, device: Device) -> Result<Vec<Batch>> {
        let count = count.min(self.steps_per_epoch());
        if count == 0 {
            bail!("config key `train.batch_size`: larger than the data set");
        }
        (0..count).map(|step| self.batch(step, device)).collect()
    }

    /// The training batch of a step after the warm-up, on `device`.
    ///
    /// # Errors
    /// The first file that cannot be read.
    pub fn batch(&self, step: u64, device: Device) -> Result<Batch> {
        Ok(Batch::new(&self.sampler.batch(step)?, device))
    }
}
