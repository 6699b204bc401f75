//! What programs leave behind, and means over seeds.

use super::error::TableError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// `summary.json` of a finished run, as far as it is the same for all programs.
#[derive(Debug, Clone, Deserialize)]
pub struct Summary {
    /// Time of training, resumed parts included.
    pub seconds: f64,
    /// Threads of the processor.
    #[serde(default)]
    pub threads: Option<u64>,
    /// `cpu` or `cuda:0`.
    #[serde(default)]
    pub device: Option<String>,
}

/// Reads a result file.
///
/// # Errors
/// [`TableError::Io`], [`TableError::Json`].
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, TableError> {
    let text = fs::read_to_string(path).map_err(TableError::io(path))?;
    serde_json::from_str(&text).map_err(|source| TableError::Json { path: path.to_owned(), source })
}

/// Reads the result of an evaluation or a baseline, in which `expected` places must be.
///
/// # Errors
/// Those of [`read`], and [`TableError::NoScore`].
pub fn read_scores(path: &Path, expected: impl Iterator<Item = &'static str>) -> Result<Value, TableError> {
    let scores: Value = read(path)?;
    for place in expected {
        // A part that does not apply is null as a whole.
        let parent = place.rfind('/').map_or("", |end| &place[..end]);
        let known = scores.pointer(place).is_some() || scores.pointer(parent).is_some_and(Value::is_null);
        if !known {
            return Err(TableError::NoScore { path: path.to_owned(), place });
        }
    }
    Ok(scores)
}

/// The score at a place: a number, or an object with the `mean` of `pairs`. None where it is not a finite number, was not
/// measured, or is the mean of nothing.
pub fn score(scores: &Value, place: &str) -> Option<f64> {
    let score = scores.pointer(place)?;
    let of_nothing = score["pairs"].as_object().is_some_and(serde_json::Map::is_empty);
    score.as_f64().or_else(|| score["mean"].as_f64()).filter(|_| !of_nothing)
}

/// A number over seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Mean.
    pub mean: f64,
    /// Sample standard deviation, from two seeds on.
    pub std: Option<f64>,
}

impl Measured {
    /// Of one value a seed; none where there is no value, or one is not a number.
    pub fn over(values: &[Option<f64>]) -> Option<Self> {
        let values: Vec<f64> = values.iter().copied().collect::<Option<_>>()?;
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let spread = || (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        (!values.is_empty()).then(|| Self { mean, std: (values.len() > 1).then(spread) })
    }
}

/// The first text or number at a place of several results; `?` where none has it.
pub fn first(results: &[&Value], place: &str) -> String {
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    results.iter().find_map(|result| text(result.pointer(place)?)).unwrap_or_else(|| "?".into())
}

/// Values that differ between data sets, each once.
pub fn each(values: impl Iterator<Item = String>) -> String {
    let mut seen: Vec<String> = vec![];
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    if seen.is_empty() { "?".into() } else { seen.join(" or ") }
}

/// A count a domain in few words: `40`, or `27-213` where domains differ.
pub fn counts(counts: &Value) -> Option<String> {
    let numbers: Vec<u64> = match counts {
        Value::Number(n) => vec![n.as_u64()?],
        Value::Array(list) => list.iter().filter_map(Value::as_u64).collect(),
        Value::Object(map) => map.values().filter_map(Value::as_u64).collect(),
        _ => return None,
    };
    let (low, high) = (numbers.iter().min()?, numbers.iter().max()?);
    Some(if low == high { low.to_string() } else { format!("{low}-{high}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn deviation_is_that_of_a_sample() {
        let m = Measured::over(&[Some(1.0), Some(2.0), Some(3.0)]).unwrap();
        assert_eq!((m.mean, m.std), (2.0, Some(1.0)));
        assert_eq!(Measured::over(&[Some(5.0)]), Some(Measured { mean: 5.0, std: None }));
        assert_eq!(Measured::over(&[]), None);
        assert_eq!(Measured::over(&[Some(1.0), None]), None);
    }

    #[test]
    fn counts_are_numbers_lists_or_maps() {
        assert_eq!(counts(&json!(40)).unwrap(), "40");
        assert_eq!(counts(&json!([27, 19, 27])).unwrap(), "19-27");
        assert_eq!(counts(&json!({"a": 5, "b": 5})).unwrap(), "5");
        assert_eq!(counts(&Value::Null), None);
    }

    #[test]
    fn a_score_is_a_number_or_the_mean_of_something() {
        let scores = json!({
            "latent": {"fd": {"mean": null, "pairs": {"a2b": null}}, "pd": {"mean": 0.1, "pairs": {"a2b": 0.1}}},
            "single": {"pd": {"mean": 0.0, "pairs": {}}}, "fd": 3.5, "segmentation": null,
        });
        assert_eq!(score(&scores, "/latent/fd"), None);
        assert_eq!(score(&scores, "/latent/pd"), Some(0.1));
        assert_eq!(score(&scores, "/single/pd"), None);
        assert_eq!(score(&scores, "/fd"), Some(3.5));
        assert_eq!(score(&scores, "/segmentation/mean_iou"), None);
    }

    #[test]
    fn a_file_of_something_else_is_no_result() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("e.json");
        let read = |text: &str| {
            fs::write(&path, text).unwrap();
            read_scores(&path, ["/fd", "/segmentation/map"].into_iter())
        };
        assert!(read(r#"{"fd": null, "segmentation": {"map": 1.0}}"#).is_ok());
        assert!(read(r#"{"fd": 1.0, "segmentation": null}"#).is_ok());
        let error = |text: &str| read(text).unwrap_err().to_string();
        assert!(error("{\"fd\":").contains("e.json: not as expected"));
        assert!(error("{\"fd\": 1.0}").contains("there is no /segmentation/map"));
        assert!(error("{}").contains("there is no /fd"));
    }
}
