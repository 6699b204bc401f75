//! Images of a run as tensors.

use crate::config::{Config, Method};
use crate::sizes;
use anyhow::{Context, Result, bail, ensure};
use semrel_data::transform::{PairTransform, Preprocess};
use semrel_data::validation::SplitRule;
use semrel_data::{
    DataError, Direction, OnCorrupt, PairBatch, PairFolder, PairLayout, PairOptions, PairSampler, Select, SetApart,
    Side, SingleImageOptions, SingleImageSampler, StoreOptions,
};
use semrel_run::SplitRecord;
use semrel_train::StepInfo;
use semrel_train::batches::{Batch, BatchLoader, tensor};
use std::sync::Arc;
use tch::{Device, Tensor};

/// The images of a run.
#[derive(Debug)]
pub struct Data {
    /// Images that train.
    pub train: PairFolder,
    /// Images that evaluations and previews look at.
    pub looked_at: PairFolder,
    /// What is set apart of the training images, where they are these.
    pub split: Option<SplitRecord>,
    /// Which domain is translated.
    pub direction: Direction,
    sampler: Arc<Sampler>,
    /// Batches of an epoch, counting an incomplete last one; DRIT's plan needs it.
    batches: u64,
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
    /// Opens the run's folder for training: `eval.select` says what is looked at meanwhile. Decodes nothing yet, but for the
    /// picture of a single-image run.
    ///
    /// # Errors
    /// Names the config key and the folder or file.
    pub fn open(config: &Config) -> Result<Self> {
        let data = Self::chosen(config)?;
        if !single(config)? {
            sizes::check(config, &data.train, &transform(config)?)?;
        }
        Ok(data)
    }

    /// The images that train, and those that `eval.select` says are looked at.
    fn chosen(config: &Config) -> Result<Self> {
        let (root, single) = (&config.data.root, single(config)?);
        let all = learned_from(config)?;
        if config.eval.select == Select::Test {
            let test = test(config, &all, single)?;
            return Self::new(config, all, test, None);
        }
        if !single {
            // They are needed in the end, and a missing folder is best told now.
            PairFolder::list(root, "test").context("config key `data.root`")?;
        }
        if config.eval.select == Select::Last {
            return Self::new(config, all.clone(), all, None);
        }
        ensure!(
            !single,
            "config key `eval.select`: val: a run that learns from a single picture can set none apart; use `last`, or `test`"
        );
        let SetApart { train, val, record } = set_apart(config, all).context("config key `eval.select`: val")?;
        Self::new(config, train, val, Some(record))
    }

    /// Opens the run's folder for an evaluation of what was trained: all training images, and the test images; the training
    /// images where there are none and the run is of a single picture.
    ///
    /// # Errors
    /// As [`Data::open`].
    pub fn of_tests(config: &Config) -> Result<Self> {
        let all = train(config)?;
        let test = test(config, &all, single(config)?)?;
        Self::new(config, all, test, None)
    }

    fn new(config: &Config, train: PairFolder, looked_at: PairFolder, split: Option<SplitRecord>) -> Result<Self> {
        let (d, direction) = (&config.data, config.data.direction);
        let batch = config.train.batch_size as usize;
        let sampler = if single(config)? {
            let options = SingleImageOptions { crop_size: d.image_size, batch, direction, flip: d.flip };
            Sampler::Single(SingleImageSampler::new(&train, options, config.seed)?)
        } else {
            let options = PairOptions {
                transform: transform(config)?,
                batch,
                direction,
                serial: d.serial,
                constant_epochs: d.whole_in_decay.then_some(config.train.n_epochs as u64),
                flip_together: d.flip_together,
            };
            let [a, b] = [Side::A, Side::B].map(|side| train.files(side).len());
            let larger = train.folder(if a >= b { Side::A } else { Side::B });
            ensure!(
                batch <= train.len(),
                "config key `train.batch_size`: {batch}; it must be at most {}, the number of images of {}",
                train.len(),
                larger.display()
            );
            let on_corrupt = if d.strict { OnCorrupt::Fail } else { OnCorrupt::Skip };
            let store = StoreOptions { on_corrupt, ..Default::default() };
            Sampler::Pairs(PairSampler::new(&train, store, options, config.seed).context("config section `data`")?)
        };
        let batches = match &sampler {
            Sampler::Pairs(_) => train.len().div_ceil(batch) as u64,
            Sampler::Single(s) => s.steps_per_epoch(),
        };
        let warmup = config.train.warmup;
        Ok(Self { train, looked_at, split, direction, sampler: Arc::new(sampler), batches, warmup })
    }

    /// Steps of an epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.sampler.steps_per_epoch()
    }

    /// When a step of the run is; those of the warm-up count to the first epoch.
    pub fn info(&self, step: u64) -> StepInfo {
        let (taken, steps) = (step.saturating_sub(self.warmup), self.steps_per_epoch());
        StepInfo { epoch: taken / steps + 1, step, batch: taken % steps, batches: self.batches }
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
        let source = move |step: u64| same_size(sampler.batch(if step < warmup { step } else { step - warmup })?);
        Ok(BatchLoader::spawn(source, first_step)?)
    }

    /// Whether a run learns from a single picture of each domain.
    pub fn is_single(&self) -> bool {
        matches!(*self.sampler, Sampler::Single(_))
    }

    /// Training images of a folder.
    pub fn images(&self, side: Side) -> usize {
        self.train.files(side).len()
    }

    /// Batch `number` of a pass over the training images of one folder.
    ///
    /// # Errors
    /// The first file that cannot be read.
    pub fn of_folder(&self, side: Side, number: u64) -> Result<Tensor> {
        match &*self.sampler {
            Sampler::Pairs(s) => Ok(tensor(&s.of_folder(side, number)?, Device::Cpu)),
            Sampler::Single(_) => bail!("a run that learns from a single picture has no folder to measure"),
        }
    }

    /// The training batch of a step after the warm-up, on `device`.
    ///
    /// # Errors
    /// The first file that cannot be read.
    pub fn batch(&self, step: u64, device: Device) -> Result<Batch> {
        Ok(Batch::new(&same_size(self.sampler.batch(step)?)?, device))
    }
}

/// Images of both domains pass networks as one batch.
fn same_size(batch: PairBatch) -> Result<PairBatch, DataError> {
    let size = |images: &ndarray::Array4<f32>| (images.dim().3, images.dim().2);
    let (a, b) = (size(&batch.a), size(&batch.b));
    if a == b {
        return Ok(batch);
    }
    Err(DataError::Setting(format!(
        "config key `data.preprocess`: a step has images of {} x {} and of {} x {} pixels, which must be of one size; choose \
         steps that end in `crop`",
        a.0, a.1, b.0, b.1
    )))
}

fn preprocess(config: &Config) -> Result<Preprocess> {
    config.data.preprocess.parse().context("config key `data.preprocess`")
}

fn transform(config: &Config) -> Result<PairTransform> {
    let d = &config.data;
    Ok(PairTransform {
        preprocess: preprocess(config)?,
        load_size: d.load_size,
        crop_size: d.image_size,
        filter: d.filter.into(),
        flip: d.flip,
        grayscale: false,
        multiple_of: 4,
    })
}

/// Whether the run learns from a single picture.
fn single(config: &Config) -> Result<bool> {
    let preprocess = preprocess(config)?;
    Ok(preprocess.zoom && preprocess.patch)
}

/// All training images, in pairs where the method learns from pairs.
fn learned_from(config: &Config) -> Result<PairFolder> {
    let all = train(config)?;
    if config.method != Method::Supervised {
        return Ok(all);
    }
    let Some(partners) = &config.data.pairs else {
        return all
            .into_pairs()
            .context("`method: supervised` learns from pairs; config key `data.pairs` may name them");
    };
    ensure!(
        all.layout != PairLayout::Aligned,
        "config key `data.pairs`: {}, but {} holds A|B pictures, which are pairs already; leave the key out",
        partners.display(),
        all.folders[0].display()
    );
    let (source, partners) = (all.folder(config.data.direction.source()), partners.as_path());
    let [a, b] = match config.data.direction {
        Direction::AtoB => [source, partners],
        Direction::BtoA => [partners, source],
    };
    PairFolder::open_two(a, b).and_then(PairFolder::into_pairs).context("config key `data.pairs`")
}

/// All training images.
fn train(config: &Config) -> Result<PairFolder> {
    PairFolder::open(&config.data.root, "train").context("config key `data.root`")
}

/// The test images.
fn test(config: &Config, train: &PairFolder, single: bool) -> Result<PairFolder> {
    match PairFolder::open(&config.data.root, "test") {
        Err(DataError::MissingFolder { .. } | DataError::NoPair { .. }) if single => Ok(train.clone()),
        other => other.context("config key `data.root`"),
    }
}

/// Sets images apart for validation. Images that meet item by item stay together.
fn set_apart(config: &Config, all: PairFolder) -> Result<SetApart<PairFolder>, DataError> {
    let layout = all.layout;
    let [a, b] = &all.files;
    let pairs = config.data.serial && layout == PairLayout::Unaligned && a.len() == b.len();
    let all = PairFolder { layout: if pairs { PairLayout::Paired } else { layout }, ..all };
    let mut apart = SplitRule::default().set_apart_pairs(&all)?;
    (apart.train.layout, apart.val.layout) = (layout, layout);
    Ok(apart)
}
