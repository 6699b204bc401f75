//! The written table as JSON: what it holds, and how it is read back.

use super::chosen::BEST_ON_TEST;
use super::differences::Differences;
use super::evaluated::{Baselined, Evaluated, parse};
use super::spec::{Program, Spec};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The file, `<table>.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct File {
    pub profile: String,
    pub seeds: Vec<u64>,
    pub set: Vec<String>,
    pub device: String,
    pub processor: Option<String>,
    pub threads: usize,
    pub jobs: usize,
    pub datasets: Vec<FileDataset>,
    /// How rows differ, where there are several seeds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Differences>,
    /// Names of the files.
    pub pictures: Vec<String>,
    /// All numbers of the paper's table.
    pub paper: Vec<Value>,
    pub caption: Vec<String>,
}

/// A data set of the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FileDataset {
    pub dataset: String,
    #[serde(deserialize_with = "Option::deserialize")]
    pub paper: Option<String>,
    /// The result of a baseline, or `failed` with the reason.
    pub no_translation: Value,
    pub runs: Vec<FileRun>,
}

/// A run of the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FileRun {
    pub method: String,
    pub seed: u64,
    pub run: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<Value>,
    /// By checkpoint.
    #[serde(flatten)]
    pub evals: BTreeMap<String, Value>,
}

/// A written table.
#[derive(Debug, Clone)]
pub struct Written {
    /// The profile's name.
    pub profile: String,
    /// What the processor calls itself.
    pub processor: Option<String>,
    /// Its data sets.
    pub datasets: Vec<WrittenDataset>,
    /// Files of the pictures that belong to it.
    pub pictures: Vec<String>,
    /// What is said below it.
    pub caption: Vec<String>,
}

/// A data set of a written table.
#[derive(Debug, Clone)]
pub struct WrittenDataset {
    /// Its name.
    pub name: String,
    /// Name of the paper's data set that it is, or stands in for.
    pub paper: Option<String>,
    /// Scores of the sources, or why there are none.
    pub baseline: Result<Baselined, String>,
    /// Its runs.
    pub runs: Vec<WrittenRun>,
}

/// A run of a written table.
#[derive(Debug, Clone)]
pub struct WrittenRun {
    /// The method's name.
    pub method: String,
    /// Its seed.
    pub seed: u64,
    /// Its folder.
    pub run: PathBuf,
    /// Scores by checkpoint ([`checkpoints`](super::chosen::checkpoints)), or why there are none.
    pub evals: Result<Vec<Evaluated>, String>,
}

impl Written {
    /// Reads the JSON of a table.
    ///
    /// # Errors
    /// Names the key that does not fit, and says how to write the file anew.
    pub fn read(spec: &Spec, text: &str) -> Result<Self, String> {
        let anew = |what: String| {
            let command =
                format!("`cargo xtask {} --resume`, with the options that it was made with, writes it anew", spec.name);
            format!("{what}; the table is left out: it is damaged, or of another version; {command}")
        };
        let value: Value = serde_json::from_str(text).map_err(|error| anew(format!("not JSON: {error}")))?;
        let file: File = parse(&value).map_err(anew)?;
        let datasets = file.datasets.into_iter().map(|dataset| WrittenDataset::new(spec.program, dataset));
        let datasets = datasets.collect::<Result<_, _>>().map_err(anew)?;
        let File { profile, processor, pictures, caption, .. } = file;
        Ok(Self { profile, processor, datasets, pictures, caption })
    }
}

impl WrittenDataset {
    fn new(program: &dyn Program, file: FileDataset) -> Result<Self, String> {
        let place = |what: String| format!("data set `{}`, no_translation: {what}", file.dataset);
        let baseline = match failure(&file.no_translation) {
            Some(reason) => Err(reason),
            None => Ok(program.baselined(&file.no_translation).map_err(place)?),
        };
        let name = file.dataset;
        let runs = file.runs.into_iter().map(|run| {
            let place = |what: String| format!("data set `{name}`, method `{}`: {what}", run.method);
            let eval = |checkpoint: &&str| {
                let value = run.evals.get(*checkpoint).ok_or_else(|| format!("missing field `{checkpoint}`"))?;
                program.evaluated(value).map_err(|what| format!("{checkpoint}: {what}"))
            };
            let evals = match &run.failed {
                Some(reason) => Err(reason.clone()),
                None => {
                    let more = [BEST_ON_TEST].into_iter().filter(|more| run.evals.contains_key(*more));
                    let checkpoints: Vec<&str> = program.checkpoints().iter().copied().chain(more).collect();
                    Ok(checkpoints.iter().map(eval).collect::<Result<_, _>>().map_err(place)?)
                }
            };
            Ok(WrittenRun { method: run.method, seed: run.seed, run: run.run, evals })
        });
        let runs = runs.collect::<Result<_, String>>()?;
        Ok(Self { name, paper: file.paper, baseline, runs })
    }
}

/// What stands in place of scores where there are none.
#[derive(Serialize, Deserialize)]
struct Failed {
    failed: String,
}

/// The same as JSON, where there are none for this `reason`.
pub(crate) fn failed(reason: &str) -> Value {
    json!(Failed { failed: reason.to_owned() })
}

fn failure(value: &Value) -> Option<String> {
    Failed::deserialize(value).ok().map(|failed| failed.failed)
}

#[cfg(test)]
mod tests {
    use super::super::table3::TABLE_3;
    use super::super::testing;
    use super::*;

    fn file() -> Value {
        let eval = |fd: f64| serde_json::to_value(testing::single(fd, None)).unwrap();
        let done = json!({"method": "ours", "seed": 777, "run": "runs/x", "summary": {}, "last": eval(2.0), "best": eval(1.0)});
        let broken = json!({"method": "dce", "seed": 777, "run": "runs/y", "failed": "disk full"});
        let dataset = json!({"dataset": "street", "paper": "cityscapes", "no_translation": testing::baseline(9.0, None),
            "runs": [done, broken]});
        json!({"profile": "sample", "seeds": [777], "set": [], "device": "cpu", "processor": null, "threads": 1, "jobs": 2,
            "datasets": [dataset], "pictures": ["a.png"], "paper": [], "caption": ["one"]})
    }

    #[test]
    fn what_is_written_is_read() {
        let written = Written::read(&TABLE_3, &file().to_string()).unwrap();
        let street = &written.datasets[0];
        assert_eq!((street.name.as_str(), street.paper.as_deref()), ("street", Some("cityscapes")));
        assert_eq!(street.baseline, Ok(testing::baseline(9.0, None)));
        assert_eq!(street.runs[0].evals, Ok(vec![testing::single(2.0, None), testing::single(1.0, None)]));
        assert_eq!(street.runs[1].evals, Err("disk full".into()));
        // The form of the file stays what it was.
        let again = serde_json::to_value(parse::<File>(&file()).unwrap()).unwrap();
        assert_eq!(again, file());
    }

    #[test]
    fn what_does_not_fit_is_named_with_the_way_out() {
        let said = |change: &dyn Fn(&mut Value)| {
            let mut value = file();
            change(&mut value);
            Written::read(&TABLE_3, &value.to_string()).unwrap_err()
        };
        let text = said(&|value| value["datasets"][0]["runs"][0]["best"] = json!({"fd": 1.0}));
        assert!(text.starts_with("data set `street`, method `ours`: best: missing field `checkpoint`"), "{text}");
        assert!(text.contains("`cargo xtask table3 --resume`"), "{text}");
        let text = said(&|value| value["datasets"][0]["runs"][0]["seed"] = json!("one"));
        assert!(text.contains("key `datasets[0].runs[0].seed`"), "{text}");
        let text = said(&|value| drop(value.as_object_mut().unwrap().remove("datasets")));
        assert!(text.contains("missing field `datasets`"), "{text}");
        assert!(Written::read(&TABLE_3, "{").unwrap_err().starts_with("not JSON"));
    }
}
