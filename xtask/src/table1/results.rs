//! What `stargan2-multi` leaves behind, and means over seeds.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// `summary.json` of a finished run.
#[derive(Debug, Clone, Deserialize)]
pub struct Summary {
    /// Iterations of training.
    pub iterations: u64,
    /// Iterations of self-reconstruction before them.
    #[serde(default)]
    pub warmup: u64,
    /// Their time, resumed parts included.
    pub seconds: f64,
    /// Threads of the processor.
    #[serde(default)]
    pub threads: Option<u64>,
    /// `cpu` or `cuda:0`.
    #[serde(default)]
    pub device: Option<String>,
}

/// One score: its mean over ordered pairs of domains. The pairs stay in the file.
#[derive(Debug, Clone, Deserialize)]
pub struct Score {
    /// None where it is not a finite number.
    pub mean: Option<f64>,
}

/// Scores of one way of translating.
#[derive(Debug, Clone, Deserialize)]
pub struct Scores {
    /// Fréchet distance.
    pub fd: Score,
    /// Perceptual distance between outputs of one source.
    pub pd: Score,
    /// Share of outputs that a classifier of real images takes for the target domain.
    pub target_accuracy: Score,
}

/// Conditions of an evaluation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Header {
    /// Name of the Fréchet distance, with its features.
    pub fd_name: Option<String>,
    /// Name of the perceptual distance.
    pub pd_name: Option<String>,
    /// Outputs per source and target domain.
    pub num_outs: Option<u64>,
    /// Source images per domain: a number, or one a domain.
    pub sources_per_domain: Value,
    /// Real images per domain that outputs are compared with.
    pub reals_per_domain: Value,
    /// Side of the images.
    pub img_size: Option<u64>,
    /// How many times smaller a side of an image is made before it is classified.
    pub classified_at: Option<u32>,
}

/// Result of `eval`.
#[derive(Debug, Clone, Deserialize)]
pub struct Eval {
    /// Conditions.
    #[serde(flatten)]
    pub header: Header,
    /// With random styles.
    pub latent: Scores,
    /// With the styles of reference images.
    pub reference: Scores,
}

/// Result of `baseline`: the sources themselves in place of outputs.
#[derive(Debug, Clone, Deserialize)]
pub struct Baseline {
    /// Conditions.
    #[serde(flatten)]
    pub header: Header,
    /// Fréchet distance between sources and target domain.
    pub fd: Score,
    /// Share of sources that the classifier takes for the target domain.
    pub target_accuracy: Score,
    /// The classifier's accuracy on real validation images.
    #[serde(default)]
    pub real_accuracy: Option<f64>,
}

/// Reads a result file.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| format!("{}: not as expected", path.display()))
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

/// A count a domain in few words: `40`, or `27-213` where domains differ.
pub fn per_domain(counts: &Value) -> Option<String> {
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
        assert_eq!(per_domain(&json!(40)).unwrap(), "40");
        assert_eq!(per_domain(&json!([27, 19, 27])).unwrap(), "19-27");
        assert_eq!(per_domain(&json!({"a": 5, "b": 5})).unwrap(), "5");
        assert_eq!(per_domain(&Value::Null), None);
    }

    #[test]
    fn a_diverged_score_is_no_number() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("e.json");
        let scores =
            json!({"fd": {"mean": null}, "pd": {"mean": 0.1, "pairs": {"a2b": 0.1}}, "target_accuracy": {"mean": 1.0}});
        let eval = json!({"step": 7, "img_size": 64, "latent": scores, "reference": scores});
        fs::write(&path, eval.to_string()).unwrap();
        let eval: Eval = read(&path).unwrap();
        assert_eq!((eval.latent.fd.mean, eval.latent.pd.mean, eval.header.img_size), (None, Some(0.1), Some(64)));
        fs::write(&path, "{\"latent\":").unwrap();
        assert!(format!("{:#}", read::<Eval>(&path).unwrap_err()).contains("e.json"));
    }
}
