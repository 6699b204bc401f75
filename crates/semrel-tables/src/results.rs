//! What programs leave behind, and means over seeds.

use super::differences::LEVEL;
use super::error::TableError;
use semrel_run::input;
use semrel_statistics::{Interval, mean, standard_deviation, t_interval};
use serde_json::Value;
use std::path::Path;

/// Reads a result file; `parse` says which key does not fit.
///
/// # Errors
/// [`TableError::Io`], and [`TableError::Result`], which says how to make the file anew.
pub fn read<T>(path: &Path, parse: impl FnOnce(&Value) -> Result<T, String>) -> Result<T, TableError> {
    let text = input::read_to_string(path).map_err(TableError::io(path))?;
    let value: Result<Value, String> = serde_json::from_str(&text).map_err(|error| format!("not JSON: {error}"));
    let parsed = value.and_then(|value| parse(&value));
    parsed.map_err(|what| TableError::Result { path: path.to_owned(), what })
}

/// A number over seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Mean.
    pub mean: f64,
    /// Sample standard deviation, from two seeds on.
    pub std: Option<f64>,
    /// t interval of the mean at 95 %, from two seeds on.
    pub interval: Option<Interval>,
}

impl Measured {
    /// Of one value per seed; none where there is no value, or one of them is absent.
    pub fn over(values: &[Option<f64>]) -> Option<Self> {
        let values: Vec<f64> = values.iter().copied().collect::<Option<_>>()?;
        (!values.is_empty()).then(|| Self {
            mean: mean(&values),
            std: (values.len() > 1).then(|| standard_deviation(&values)),
            interval: t_interval(&values, LEVEL),
        })
    }
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

/// Counts by domain in few words: `40`, or `27-213` where domains differ.
pub fn range(counts: &[u64]) -> String {
    match (counts.iter().min(), counts.iter().max()) {
        (Some(low), Some(high)) if low != high => format!("{low}-{high}"),
        (Some(count), _) => count.to_string(),
        (None, _) => "?".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cut_single::CutSingle;
    use crate::spec::Program;
    use crate::testing;
    use std::fs;

    #[test]
    fn deviation_is_that_of_a_sample() {
        let m = Measured::over(&[Some(1.0), Some(2.0), Some(3.0)]).unwrap();
        assert_eq!((m.mean, m.std), (2.0, Some(1.0)));
        let Interval { low, high } = m.interval.unwrap();
        assert!((low + high - 4.0).abs() < 1e-9 && (high - low - 2.0 * 2.484).abs() < 1e-3);
        assert_eq!(Measured::over(&[Some(5.0)]), Some(Measured { mean: 5.0, std: None, interval: None }));
        assert_eq!(Measured::over(&[]), None);
        assert_eq!(Measured::over(&[Some(1.0), None]), None);
    }

    #[test]
    fn counts_are_told_in_few_words() {
        assert_eq!([range(&[40]), range(&[27, 19, 27]), range(&[5, 5])], ["40", "19-27", "5"]);
    }

    #[test]
    fn a_file_of_something_else_is_refused_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("e.json");
        let said = |text: &str| {
            fs::write(&path, text).unwrap();
            let said = read(&path, |value| CutSingle.evaluated(value)).unwrap_err().to_string();
            assert!(said.contains("e.json: ") && said.contains("`--resume`"), "{said}");
            said
        };
        assert!(said("{\"fd\":").contains("not JSON: EOF"));
        let mut value = serde_json::to_value(testing::single(1.5, None)).unwrap();
        fs::write(&path, value.to_string()).unwrap();
        assert!(read(&path, |value| CutSingle.evaluated(value)).is_ok());
        value.as_object_mut().unwrap().remove("segmentation");
        assert!(said(&value.to_string()).contains("missing field `segmentation`"));
        assert!(said("{}").contains("missing field `checkpoint`"));
    }
}
