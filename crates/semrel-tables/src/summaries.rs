//! What finished stages of a row tell of themselves.

use super::evaluated::parse;
use super::leaves::Leaves;
use super::spec::Stage;
use semrel_run::Summary;
use semrel_run::trained::{Epochs, Iterations};
use semrel_run::work::{ExportSummary, SearchSummary, Work};
use serde_json::{Map, Value, json};

/// The summary of a stage.
#[derive(Debug, Clone)]
pub struct StageSummary {
    /// The stage's command.
    pub action: &'static str,
    /// Seconds that it took.
    pub seconds: f64,
    threads: u64,
    device: String,
    length: Option<String>,
    raw: Value,
}

impl StageSummary {
    /// Reads the summary of a stage.
    ///
    /// # Errors
    /// Names the key that does not fit.
    pub fn new(stage: &Stage, raw: Value) -> Result<Self, String> {
        let trained = |seconds, threads, device, length| (Work { seconds, threads, device }, Some(length));
        let (work, length) = match stage.leaves {
            Leaves::Epochs => {
                let summary: Summary<Epochs> = parse(&raw)?;
                let length = format!("{} epochs ({} steps)", summary.own.epochs, summary.own.steps);
                let length = match summary.warmup {
                    0 => length,
                    warmup => format!("{length} after {warmup} steps of warm-up"),
                };
                trained(summary.seconds, summary.threads, summary.device, length)
            }
            Leaves::Iterations => {
                let summary: Summary<Iterations> = parse(&raw)?;
                let length = format!("{} iterations", summary.own.iterations);
                let length = match summary.warmup {
                    0 => length,
                    warmup => format!("{length} after {warmup} of warm-up"),
                };
                trained(summary.seconds, summary.threads, summary.device, length)
            }
            Leaves::Search => {
                let SearchSummary { evaluations, work, .. } = parse(&raw)?;
                (work, Some(format!("{evaluations} evaluations")))
            }
            Leaves::Export => {
                let ExportSummary { work, .. } = parse(&raw)?;
                (work, None)
            }
        };
        let Work { seconds, threads, device } = work;
        Ok(Self { action: stage.action, seconds, threads, device, length, raw })
    }
}

/// The summaries of a row: of its stages, in their order.
#[derive(Debug, Clone)]
pub struct RowSummary(pub Vec<StageSummary>);

impl RowSummary {
    /// Seconds of all stages.
    pub fn seconds(&self) -> f64 {
        self.0.iter().map(|stage| stage.seconds).sum()
    }

    /// How long each stage was; a stage is named where there are several kinds of rows or stages.
    pub fn length(&self, named: bool) -> String {
        let one = |stage: &StageSummary| {
            let length = stage.length.as_ref()?;
            Some(if named { format!("{} {length}", stage.action) } else { length.clone() })
        };
        self.0.iter().filter_map(one).collect::<Vec<_>>().join(", ")
    }

    /// The device, of the first stage.
    pub fn device(&self) -> String {
        self.0.first().map(|stage| stage.device.to_lowercase()).unwrap_or_default()
    }

    /// Threads, of the first stage.
    pub fn threads(&self) -> u64 {
        self.0.first().map_or(0, |stage| stage.threads)
    }

    /// As the written table has it: the summary itself, or those of several stages by their commands.
    pub fn json(&self, several: bool) -> Value {
        match self.0.as_slice() {
            [stage] if !several => stage.raw.clone(),
            stages => {
                let each: Map<String, Value> =
                    stages.iter().map(|stage| (stage.action.to_owned(), stage.raw.clone())).collect();
                let device = stages.first().map(|stage| &stage.device);
                json!({"threads": self.threads(), "device": device, "seconds": self.seconds(), "stages": each})
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Program;
    use crate::{gancomp_fast, stargan2_multi};

    fn trained(more: Value) -> Value {
        let mut value = json!({"name": "x", "seed": 1, "warmup": 0, "batch_size": 1, "parameters": {}, "seconds": 30.0,
            "seconds_waiting_for_images": 0.0, "unreadable_images": 0, "threads": 1, "device": "Cpu", "peak_memory_mib": 1,
            "best_step": 1, "last_step": 1});
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        value
    }

    fn searched() -> Value {
        let work = Work { seconds: 6.0, threads: 1, device: "Cpu".into() };
        let (name, stage) = ("x".to_owned(), "search".to_owned());
        json!(SearchSummary { name, stage, winner: None, evaluations: 40, computed: 40, work })
    }

    #[test]
    fn lengths_are_those_of_the_stages() {
        let stages = gancomp_fast::GancompFast.stages("ours");
        let found = searched();
        let raw = [trained(json!({"epochs": 3, "steps": 30})), found.clone()];
        let row = RowSummary(
            stages.iter().zip(raw).map(|(stage, raw)| StageSummary::new(stage, raw).unwrap()).collect::<Vec<_>>(),
        );
        assert_eq!(row.length(true), "distill 3 epochs (30 steps), search 40 evaluations");
        assert_eq!((row.seconds(), row.device().as_str(), row.threads()), (36.0, "cpu", 1));
        assert_eq!(row.json(true)["stages"]["search"], found);
        let stage = &stargan2_multi::StarGan2Multi.stages("ours")[0];
        let summary = StageSummary::new(stage, trained(json!({"iterations": 9, "warmup": 2}))).unwrap();
        assert_eq!(RowSummary(vec![summary]).length(false), "9 iterations after 2 of warm-up");
    }

    #[test]
    fn what_is_absent_is_named() {
        let stage = &stargan2_multi::StarGan2Multi.stages("ours")[0];
        let error = |raw| StageSummary::new(stage, raw).unwrap_err();
        assert!(error(trained(json!({}))).contains("missing field `iterations`"));
        assert!(error(json!({"iterations": 3})).contains("missing field `name`"));
        let search = &gancomp_fast::GancompFast.stages("ours")[1];
        let without = |key: &str| {
            let mut value = searched();
            value.as_object_mut().unwrap().shift_remove(key);
            StageSummary::new(search, value).unwrap_err()
        };
        for key in ["evaluations", "seconds"] {
            assert!(without(key).contains(&format!("missing field `{key}`")), "{}", without(key));
        }
    }
}
