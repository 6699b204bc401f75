//! A training run from its opened parts to its summary: the run folder, the checkpoint that it goes on from, the loop, and what
//! the run came to. The same for every experiment.

use crate::checkpoints::{Checkpoints, Snapshot, SnapshotError};
use crate::fit::{Ended, Fit, Rhythm, Standing, fit};
use crate::memory::peak_mib;
use crate::{Interrupt, OpenMode, RunDir, RunError};
use semrel_run::summary::{self, Summary, SummaryError};
use semrel_run::{Manifest, SplitRecord, manifest, place, split};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tch::Device;

/// Keys that may differ when a run is resumed: they change how often it logs, saves and evaluates, or what is
/// evaluated, not its steps.
pub const MAY_CHANGE: [&str; 9] = [
    "train.log_every",
    "train.sample_every",
    "train.save_every",
    "train.keep",
    "train.eval_every",
    "eval",
    "data.root",
    "data.pairs",
    "name",
];

/// What a run's loader is by the first step ([`Experiment::start_at`]), for `expect`.
pub const BEGUN: &str = "batches begin before the first step";

/// Where and how to train.
#[derive(Debug, Clone)]
pub struct TrainOptions {
    /// The run's folder.
    pub run_dir: PathBuf,
    /// What to do with a run that is there.
    pub mode: OpenMode,
    /// Where to compute.
    pub device: Device,
    /// Number of compute threads, for the summary.
    pub threads: usize,
    /// Whether to show no progress.
    pub quiet: bool,
    /// The row of a table that the run is, to be stored in its folder.
    pub manifest: Option<Manifest>,
}

/// What a run is called, how long it is, and what its summary tells.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// On the progress line.
    pub label: &'a str,
    /// Name of the run.
    pub name: &'a str,
    /// Seed of everything random.
    pub seed: u64,
    /// Images per batch.
    pub batch_size: u64,
    /// Checkpoints that are kept besides the best.
    pub keep: usize,
    /// Its length, and what is done how often.
    pub rhythm: Rhythm,
    /// The option that names where its folder lies.
    pub option: &'static str,
    /// The folders and files that it reads, with the keys that name them.
    pub inputs: &'a [(&'static str, Option<&'a Path>)],
}

/// What an experiment does for its run besides training ([`Fit`]).
pub trait Experiment: Fit {
    /// What its summary tells besides what all tell.
    type Own: Serialize;

    /// Takes networks and optimisers from the checkpoint of step `at`, which lies at `path`. Where it leaves the run.
    ///
    /// # Errors
    /// Name the checkpoint: tensors that are missing or do not fit, a state of another step ([`Standing::restored`]).
    fn restore(&mut self, saved: &Snapshot, at: u64, path: &Path) -> Result<Standing, Self::Error>;

    /// Makes training batches begin at `step`. Called once, before the first step: loaders work ahead from their start.
    ///
    /// # Errors
    /// Where no thread can be started.
    fn start_at(&mut self, step: u64) -> Result<(), Self::Error>;

    /// Trained numbers by network.
    fn parameters(&mut self) -> BTreeMap<String, i64>;

    /// Seconds that training has waited for images, and images that could not be read.
    fn images(&self) -> (f64, usize);

    /// The training images that it sets apart for validation, if it does.
    fn split(&self) -> Option<&SplitRecord> {
        None
    }

    /// What the summary tells besides what all tell, of a run that took `seconds`.
    fn own(&mut self, seconds: f64) -> Self::Own;
}

/// Trains a run to its end, or until a signal asks it to stop.
///
/// `config` is what the run folder keeps; of a run that is there it may differ in the keys `may_change` alone.
///
/// # Errors
/// Run folders that cannot be opened or hold another run, or one with other images set apart; checkpoints that do not fit, files
/// that cannot be read or written, losses that are not finite.
pub fn drive<E>(
    experiment: &mut E,
    config: &impl Serialize,
    about: About<'_>,
    may_change: &[&str],
    options: &TrainOptions,
    interrupt: &Interrupt,
) -> Result<Ended, E::Error>
where
    E: Experiment,
    E::Error: From<RunError> + From<SummaryError>,
{
    place::check_run(about.option, &options.run_dir, about.inputs).map_err(RunError::from)?;
    if options.mode == OpenMode::Resume {
        split::check(&options.run_dir, experiment.split())?;
    }
    // Until here a signal has ended the process at once, with nothing touched.
    let interrupt = interrupt.watching();
    let run = RunDir::open(&options.run_dir, options.mode, config, may_change)?;
    split::store(run.path(), experiment.split())?;
    if let Some(row) = &options.manifest {
        manifest::write(run.path(), row)?;
    }
    let checkpoints = Checkpoints::from(run.checkpoints(about.keep));
    let mut standing = Standing::default();
    if options.mode == OpenMode::Resume
        && let Some((at, saved)) = checkpoints.latest()?
    {
        let restored = experiment.restore(&saved, at, &checkpoints.path(at))?;
        standing = restored.measured(&saved.state, &experiment.measure());
    }
    experiment.start_at(standing.step)?;
    let (rhythm, label) = (about.rhythm, (about.label, options.quiet));
    let (ended, seconds) = fit(experiment, &run, &checkpoints, standing, &rhythm, label, &interrupt)?;
    if ended == Ended::Interrupted {
        return Ok(ended);
    }
    let (waited, unreadable) = experiment.images();
    let summary = Summary {
        name: about.name.to_owned(),
        seed: about.seed,
        warmup: rhythm.warmup,
        batch_size: about.batch_size,
        parameters: experiment.parameters(),
        seconds,
        seconds_waiting_for_images: waited,
        unreadable_images: unreadable as u64,
        threads: options.threads as u64,
        device: format!("{:?}", options.device),
        peak_memory_mib: peak_mib(),
        best_step: checkpoints.best_step().map_err(SnapshotError::from)?.unwrap_or(rhythm.total),
        last_step: rhythm.total,
        own: experiment.own(seconds),
    };
    summary::write(run.path(), &summary)?;
    Ok(ended)
}
