//! Images of a run as tensors.

use crate::config::Config;
use crate::trainer::Batch;
use anyhow::{Context, Result, ensure};
use semrel_data::transform::TrainTransform;
use semrel_data::validation::SplitRule;
use semrel_data::{DataError, MultiDomainSampler, TrainBatch};
use semrel_data::{DomainFolder, Select, Splits};
use semrel_data::{ImageStore, OnCorrupt, StoreOptions};
use semrel_data::{Loader, LoaderError};
use semrel_run::SplitRecord;
use semrel_train::batches::tensor;
use std::sync::Arc;
use tch::Device;

/// Share of each domain held out for validation where a data set has no validation folder.
const HOLDOUT: f64 = 0.1;

/// The images of a run.
pub struct Data {
    /// Names of the domains, by index.
    pub domains: Vec<String>,
    /// Images that train, and that outputs are compared with.
    pub train: Arc<ImageStore>,
    /// Images that evaluations and previews look at.
    pub looked_at: Arc<ImageStore>,
    /// What is set apart of the training images, where they are these.
    pub split: Option<SplitRecord>,
}

impl Data {
    /// Opens the run's folder for training: `eval.select` says what is looked at meanwhile. Decodes nothing yet.
    ///
    /// # Errors
    /// Names the config key and the folder or file.
    pub fn open(config: &Config) -> Result<Self> {
        if config.eval.select == Select::Test {
            return Self::of_tests(config);
        }
        let all = splits(config)?.train;
        if config.eval.select == Select::Last {
            let data = Self::new(config, &all, &all, None);
            return Ok(Self { looked_at: data.train.clone(), ..data });
        }
        let apart = SplitRule::default().set_apart_domains(&all).context("config key `eval.select`: val")?;
        Ok(Self::new(config, &apart.train, &apart.val, Some(apart.record)))
    }

    /// Opens the run's folder for an evaluation of what was trained: all training images, and those of the data set's `val`.
    ///
    /// # Errors
    /// As [`Data::open`].
    pub fn of_tests(config: &Config) -> Result<Self> {
        let splits = splits(config)?;
        Ok(Self::new(config, &splits.train, &splits.val, None))
    }

    fn new(config: &Config, train: &DomainFolder, looked_at: &DomainFolder, split: Option<SplitRecord>) -> Self {
        let options = StoreOptions {
            on_corrupt: if config.data.strict { OnCorrupt::Fail } else { OnCorrupt::Skip },
            ..Default::default()
        };
        Self {
            domains: train.names().into_iter().map(str::to_owned).collect(),
            train: Arc::new(ImageStore::new(train, options.clone())),
            looked_at: Arc::new(ImageStore::new(looked_at, options)),
            split,
        }
    }

    /// Images that could not be read so far.
    pub fn skipped(&self) -> usize {
        let looked_at = if Arc::ptr_eq(&self.train, &self.looked_at) { 0 } else { self.looked_at.skipped() };
        self.train.skipped() + looked_at
    }

    /// Number of domains.
    pub fn num_domains(&self) -> i64 {
        self.domains.len() as i64
    }

    /// A loader of training batches from `first_step` on, ahead of the training step on a thread of its own.
    pub fn loader(&self, config: &Config, first_step: u64) -> Result<BatchLoader> {
        let transform = TrainTransform { crop_probability: config.data.randcrop_prob, ..Default::default() };
        let (size, batch) = (config.data.image_size as usize, config.train.batch_size as usize);
        let sampler = MultiDomainSampler::new(self.train.clone(), transform, size, batch, config.seed)?;
        Ok(BatchLoader(Loader::spawn(move |step| sampler.batch(step), first_step, 4, 1)?))
    }
}

/// The training images, and those of the data set's `val`.
fn splits(config: &Config) -> Result<Splits> {
    let root = &config.data.root;
    let splits = Splits::open(root, HOLDOUT).context("config key `data.root`")?;
    ensure!(
        splits.train.len() >= 2,
        "config key `data.root`: {}: one domain only ({}); translation needs at least two folders of images",
        root.display(),
        splits.train.names()[0]
    );
    Ok(splits)
}

/// Training batches in step order.
pub struct BatchLoader(Loader<TrainBatch, DataError>);

impl BatchLoader {
    /// The next batch, on `device`.
    pub fn next(&mut self, device: Device) -> Result<Batch, LoaderError<DataError>> {
        let batch = self.0.next().expect("the loader has no end")?;
        Ok(Batch {
            x_real: tensor(&batch.x_real, device),
            y_org: batch.y_org,
            x_ref: tensor(&batch.x_ref, device),
            x_ref2: tensor(&batch.x_ref2, device),
            y_trg: batch.y_trg,
        })
    }

    /// Seconds that training has waited for images so far.
    pub fn waited(&self) -> f64 {
        self.0.waited().as_secs_f64()
    }
}
