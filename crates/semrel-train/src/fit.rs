//! The loop that every training run goes through: step, log, sample, evaluate, save, stop at a signal.
//!
//! What a step computes is the experiment's; *when* something is logged, drawn, scored and saved is decided here, in one
//! place, so that all experiments are interrupted and resumed in the same way.

use crate::checkpoints::{Checkpoints, Snapshot, SnapshotError};
use crate::log::{MetricsLog, NonFinite, first_non_finite};
use crate::{FileError, Interrupt, Progress, RunDir};
use image::RgbImage;
use semrel_data::DataError;
use serde_json::Value;
use tch::Tensor;

/// Named numbers of a step. Tensors stay on their device until [`Losses::read`], which is called at log steps only.
#[derive(Debug, Default)]
pub struct Losses {
    tensors: Vec<(String, Tensor)>,
    numbers: Vec<(String, f64)>,
}

impl Losses {
    /// No losses yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the present value of a scalar tensor, detached from its graph.
    pub fn push(&mut self, name: impl Into<String>, value: &Tensor) {
        // A copy: sums may go on in place.
        self.tensors.push((name.into(), value.detach().copy()));
    }

    /// Adds a number that is known without computing: a schedule's value.
    pub fn number(&mut self, name: impl Into<String>, value: f64) {
        self.numbers.push((name.into(), value));
    }

    /// The scalar tensor of this name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|(n, _)| n == name).map(|(_, t)| t)
    }

    /// The tensors' names and values, in the order in which they were added.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.tensors.iter().map(|(name, t)| (name.as_str(), t))
    }

    /// All names and values; waits for the device.
    pub fn read(&self) -> Vec<(&str, f64)> {
        let values = self.tensors.iter().map(|(name, t)| (name.as_str(), t.double_value(&[])));
        values.chain(self.numbers.iter().map(|(name, v)| (name.as_str(), *v))).collect()
    }
}

/// How often something is done, in steps; 0 is never (but for the last step, which does everything).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    /// Steps of the whole run.
    pub total: u64,
    /// Between log lines.
    pub log_every: u64,
    /// Between sample pictures.
    pub sample_every: u64,
    /// Between checkpoints.
    pub save_every: u64,
    /// Between evaluations, which decide on the best checkpoint; 0 for none at all.
    pub eval_every: u64,
    /// Steps before which nothing is evaluated, and from which on `eval_every` counts.
    pub warmup: u64,
}

impl Rhythm {
    fn due(&self, every: u64, step: u64) -> bool {
        step == self.total || (every > 0 && step.is_multiple_of(every))
    }

    fn evaluates(&self, step: u64) -> bool {
        self.eval_every > 0 && step > self.warmup && self.due(self.eval_every, step - self.warmup)
            || self.eval_every > 0 && step == self.total
    }
}

/// A non-finite loss: the run has diverged.
#[derive(Debug, thiserror::Error)]
#[error("step {step}: {term}; the checkpoints of earlier steps are kept")]
pub struct Diverged {
    /// The step, counted from 1.
    pub step: u64,
    /// The term and its value.
    pub term: NonFinite,
}

/// What an experiment does for the loop.
pub trait Fit {
    /// What its parts fail with.
    type Error: From<SnapshotError> + From<FileError> + From<DataError> + From<Diverged>;

    /// Trains one step, whose index counts from 0.
    ///
    /// # Errors
    /// The experiment's.
    fn step(&mut self, step: u64) -> Result<Losses, Self::Error>;

    /// The checkpoint after `step` completed steps.
    ///
    /// # Errors
    /// The experiment's.
    fn snapshot(&mut self, step: u64, best: Option<(u64, f64)>) -> Result<Snapshot, Self::Error>;

    /// A picture of what the networks do now; its tag in the event file.
    ///
    /// # Errors
    /// The experiment's.
    fn preview(&mut self) -> Result<Option<(&'static str, RgbImage)>, Self::Error>;

    /// Scores of the networks as they are now, with their names in the log. The first decides on the best checkpoint; lower is
    /// better.
    ///
    /// # Errors
    /// The experiment's.
    fn score(&mut self) -> Result<Vec<(&'static str, f64)>, Self::Error>;

    /// The settings that scores depend on: those of runs that differ in them are not compared.
    fn measure(&self) -> Value;

    /// Names of the terms that the progress line shows.
    fn shown(&self) -> &[&str];
}

/// How training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// All steps done.
    Finished,
    /// Stopped by a signal after saving a checkpoint; can be resumed.
    Interrupted,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Standing {
    /// Completed steps.
    pub step: u64,
    /// Step and score of the best checkpoint so far.
    pub best: Option<(u64, f64)>,
}

impl Standing {
    /// Where the checkpoint of step `at` leaves a run, whose state says `found`.
    ///
    /// # Errors
    /// [`OtherStep`] where these differ.
    pub fn restored(at: u64, found: u64, best: Option<(u64, f64)>) -> Result<Self, OtherStep> {
        if found == at { Ok(Self { step: at, best }) } else { Err(OtherStep { found }) }
    }

    /// Forgets the best checkpoint if the state of the checkpoint says that its score was measured differently from
    /// `measure` ([`Fit::measure`]): the two cannot be compared.
    #[must_use]
    pub fn measured(self, state: &Value, measure: &Value) -> Self {
        let same = state.get(MEASURE).is_none_or(|then| then == measure);
        if let (false, Some((step, _))) = (same, self.best) {
            tracing::warn!(
                "evaluations are measured otherwise than before (`eval`): the best checkpoint so far, of step {step}, is not \
                 compared with later ones"
            );
        }
        Self { best: self.best.filter(|_| same), ..self }
    }
}

/// Key of [`Fit::measure`] in the state of a checkpoint.
const MEASURE: &str = "measure";

/// A checkpoint whose state is from another step than its folder's name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its state.json is from step {found}: the file was changed")]
pub struct OtherStep {
    /// The step that it records.
    pub found: u64,
}

/// When a step is, in training that goes by epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StepInfo {
    /// Epoch, from 1.
    pub epoch: u64,
    /// Step of the whole run, from 0.
    pub step: u64,
    /// Batch of the epoch, from 0.
    pub batch: u64,
    /// Batches of an epoch, with an incomplete last one, which no step takes.
    pub batches: u64,
}

/// Trains from `start` to the last step of `rhythm`, or until a signal asks it to stop.
///
/// Losses are checked whenever they are logged or saved: one that is not finite ends the run before a checkpoint
/// of it is written. `label` names the run on the progress line. Returns how it ended and the seconds trained in all.
///
/// # Errors
/// Those of the experiment, of the file system, and [`Diverged`].
pub fn fit<F: Fit>(
    experiment: &mut F,
    run: &RunDir,
    checkpoints: &Checkpoints,
    start: Standing,
    rhythm: &Rhythm,
    (label, quiet): (&str, bool),
    interrupt: &Interrupt,
) -> Result<(Ended, f64), F::Error> {
    let Standing { mut step, mut best } = start;
    if best.is_some_and(|(at, _)| at == step) {
        // The process may have been killed after saving it, before marking it.
        checkpoints.mark_best(step).map_err(SnapshotError::from)?;
    }
    let mut log = MetricsLog::open(run.path(), step)?;
    let mut progress = Progress::new(label, step, rhythm.total, quiet);
    while step < rhythm.total {
        let losses = experiment.step(step)?;
        step += 1;
        let (logged, evaluated) = (rhythm.due(rhythm.log_every, step), rhythm.evaluates(step));
        let stop = interrupt.requested();
        let saved = rhythm.due(rhythm.save_every, step) || evaluated || stop;
        if logged || saved {
            let values = losses.read();
            if logged {
                log.log(step, &values)?;
                progress.message(message(&values, experiment.shown()));
            }
            check(step, &values)?;
        }
        if rhythm.due(rhythm.sample_every, step)
            && let Some((tag, picture)) = experiment.preview()?
        {
            semrel_data::image_io::write_image(&run.sample_path(step, None), &picture)?;
            log.image(step, tag, &picture)?;
        }
        if evaluated {
            let scores = experiment.score()?;
            log.log(step, &scores)?;
            check(step, &scores)?;
            if let Some(&(_, score)) = scores.first()
                && best.is_none_or(|(_, least)| score < least)
            {
                best = Some((step, score));
            }
        }
        if saved {
            log.flush()?;
            let mut snapshot = experiment.snapshot(step, best)?;
            snapshot.state[MEASURE] = experiment.measure();
            checkpoints.save(step, &snapshot)?;
            if best.is_some_and(|(at, _)| at == step) {
                checkpoints.mark_best(step).map_err(SnapshotError::from)?;
            }
        }
        progress.set(step);
        if stop && step < rhythm.total {
            progress.finish();
            return Ok((Ended::Interrupted, log.seconds()));
        }
    }
    progress.finish();
    Ok((Ended::Finished, log.seconds()))
}

/// Ends a run that has diverged. Steps that are neither logged nor saved are not checked.
fn check(step: u64, values: &[(&str, f64)]) -> Result<(), Diverged> {
    first_non_finite(values).map_or(Ok(()), |term| Err(Diverged { step, term }))
}

fn message(values: &[(&str, f64)], shown: &[&str]) -> String {
    let parts = values.iter().filter(|(name, _)| shown.contains(name));
    parts.map(|(name, v)| format!("{name} {v:.3}")).collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_last_step_does_everything_and_the_warm_up_is_not_scored() {
        let rhythm = Rhythm { total: 25, log_every: 10, sample_every: 0, save_every: 4, eval_every: 5, warmup: 3 };
        let steps = |due: &dyn Fn(u64) -> bool| (1..=25).filter(|&s| due(s)).collect::<Vec<u64>>();
        assert_eq!(steps(&|s| rhythm.due(rhythm.log_every, s)), [10, 20, 25]);
        assert_eq!(steps(&|s| rhythm.due(rhythm.sample_every, s)), [25]);
        assert_eq!(steps(&|s| rhythm.evaluates(s)), [8, 13, 18, 23, 25]);
        let never = Rhythm { eval_every: 0, ..rhythm };
        assert!(steps(&|s| never.evaluates(s)).is_empty());
    }

    #[test]
    fn scores_that_are_measured_otherwise_are_not_compared() {
        let standing = Standing { step: 9, best: Some((6, 1.5)) };
        let resumed = |state: Value| standing.measured(&state, &json!(["test", 8]));
        assert_eq!(resumed(json!({ "measure": ["test", 8] })), standing);
        assert_eq!(resumed(json!({ "measure": ["test", 9] })), Standing { step: 9, best: None });
        // A checkpoint that does not record it.
        assert_eq!(resumed(json!({})), standing);
    }

    #[test]
    fn terms_keep_their_order_and_forget_their_graph() {
        let x = Tensor::from_slice(&[2f32]).set_requires_grad(true);
        let mut losses = Losses::new();
        losses.push("loss", &(&x * 3.0).sum(tch::Kind::Float));
        losses.number("gamma", 0.5);
        assert_eq!(losses.read(), [("loss", 6.0), ("gamma", 0.5)]);
        assert!(!losses.get("loss").unwrap().requires_grad());
        assert!(check(4, &losses.read()).is_ok());
        let error = check(4, &[("loss", f64::NAN)]).unwrap_err().to_string();
        assert!(error.contains("step 4") && error.contains("loss"), "{error}");
    }
}
