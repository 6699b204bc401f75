//! `search.json`: what a search was, and what it found.

use crate::json_file::{self, JsonFileError};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Name of the file of results within a search's folder.
pub const RESULTS: &str = "search.json";

/// The file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchResults {
    /// Name of the row.
    pub name: String,
    /// Digest of all settings and of the super-net's weights.
    pub settings: String,
    /// Digest of the super-net's weights; older files do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub super_net: Option<String>,
    /// The set of configurations.
    pub set: String,
    /// Members of the set.
    pub set_size: u64,
    /// What a configuration may cost.
    pub budget: Budget,
    /// Width and height of the images.
    pub size: (u32, u32),
    /// What the quality is, such as `FD(effnet-lite0)`.
    pub quality: String,
    /// Images that are looked at.
    pub images: usize,
    /// Real images that a Fréchet distance refers to, where their number is known.
    pub reals: Option<u64>,
    /// Which these are: `search`, `test`, `train`, `all` or `statistics`. None where a mean IoU decides, and in
    /// older files, which do not tell.
    #[serde(default)]
    pub reference: Option<String>,
    /// Step of the super-net.
    pub step: u64,
    /// Different configurations that were evaluated.
    pub evaluated: usize,
    /// The best of the winners, the first of equal ones.
    pub winner: Winner,
    /// How the winners of at least two seeds spread.
    #[serde(deserialize_with = "Option::deserialize")]
    pub spread: Option<Spread>,
    /// Each seed's search; none of an exhaustive one.
    pub searches: Vec<SeedResults>,
}

/// Upper limits; each that is given must hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Multiply-accumulates of one image.
    pub macs: Option<f64>,
    /// Parameters of the stand-alone network.
    pub parameters: Option<f64>,
    /// Measured milliseconds of one image.
    pub milliseconds: Option<f64>,
}

/// What a configuration costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Multiply-accumulates of one image.
    pub macs: u64,
    /// Parameters of the stand-alone network.
    pub parameters: u64,
    /// Measured milliseconds of one image, where the budget asks for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<f64>,
}

/// The cost that a front is drawn over: what the budget limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Axis {
    /// Multiply-accumulates; also where there is no limit.
    Macs,
    /// Parameters, where they alone are limited.
    Parameters,
    /// Milliseconds, where they are limited.
    Milliseconds,
}

impl Axis {
    /// The axis of a budget.
    pub fn of(budget: &Budget) -> Self {
        match (budget.milliseconds, budget.macs, budget.parameters) {
            (Some(_), _, _) => Self::Milliseconds,
            (None, None, Some(_)) => Self::Parameters,
            _ => Self::Macs,
        }
    }

    /// Its name in files.
    pub fn key(self) -> &'static str {
        match self {
            Self::Macs => "macs",
            Self::Parameters => "parameters",
            Self::Milliseconds => "milliseconds",
        }
    }

    /// What it counts, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Macs => "multiply-accumulates of one image",
            Self::Parameters => "parameters",
            Self::Milliseconds => "milliseconds of one image",
        }
    }

    /// This cost of a configuration; none where it was not measured.
    pub fn value(self, cost: &Cost) -> Option<f64> {
        match self {
            Self::Macs => Some(cost.macs as f64),
            Self::Parameters => Some(cost.parameters as f64),
            Self::Milliseconds => cost.milliseconds,
        }
    }

    /// The limit of this cost.
    pub fn limit(self, budget: &Budget) -> Option<f64> {
        match self {
            Self::Macs => budget.macs,
            Self::Parameters => budget.parameters,
            Self::Milliseconds => budget.milliseconds,
        }
    }
}

/// What decides between configurations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// A Fréchet distance.
    Fd,
    /// A mean IoU, in percent.
    Miou,
}

impl Measure {
    /// Its name in files.
    pub fn key(self) -> &'static str {
        match self {
            Self::Fd => "fd",
            Self::Miou => "miou",
        }
    }

    /// Whether more of it is better.
    pub fn more_is_better(self) -> bool {
        self == Self::Miou
    }

    /// This much of it.
    pub fn of(self, value: f64) -> Quality {
        Quality { measure: self, value }
    }
}

/// How good a configuration is: in files, `fd` or `miou`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "QualityKeys", into = "QualityKeys")]
pub struct Quality {
    /// What is measured.
    pub measure: Measure,
    /// How much of it.
    pub value: f64,
}

#[derive(Serialize, Deserialize)]
struct QualityKeys {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fd: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    miou: Option<f64>,
}

impl TryFrom<QualityKeys> for Quality {
    type Error = &'static str;

    fn try_from(keys: QualityKeys) -> Result<Self, Self::Error> {
        match (keys.fd, keys.miou) {
            (Some(value), None) => Ok(Measure::Fd.of(value)),
            (None, Some(value)) => Ok(Measure::Miou.of(value)),
            (None, None) => Err("missing field `fd` or `miou`"),
            (Some(_), Some(_)) => Err("both `fd` and `miou`, where one of them is the quality"),
        }
    }
}

impl From<Quality> for QualityKeys {
    fn from(quality: Quality) -> Self {
        let of = |measure| (quality.measure == measure).then_some(quality.value);
        Self { fd: of(Measure::Fd), miou: of(Measure::Miou) }
    }
}

/// A configuration that was evaluated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Widths of its layers.
    pub channels: String,
    /// How good it is.
    #[serde(flatten)]
    pub quality: Quality,
}

/// The answer of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Winner {
    /// The configuration.
    #[serde(flatten)]
    pub member: Member,
    /// What it costs.
    #[serde(flatten)]
    pub cost: Cost,
}

/// The best configuration of a search so far, when it was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// The configuration.
    #[serde(flatten)]
    pub member: Member,
    /// The generation that it was found in.
    pub generation: u64,
}

/// The search of one seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeedResults {
    /// The seed.
    pub seed: u64,
    /// Different configurations that it evaluated.
    pub evaluated: usize,
    /// What it found.
    pub winner: Member,
    /// Each best so far, in the order in which they were found.
    pub bests: Vec<Best>,
    /// The last generation.
    pub population: Vec<Member>,
}

/// Mean and sample standard deviation of the winners' quality over several seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Standard deviation, divisor n − 1.
    pub standard_deviation: f64,
}

impl Spread {
    /// Of at least two winners.
    pub fn new(qualities: &[f64]) -> Option<Self> {
        let n = qualities.len() as f64;
        let mean = qualities.iter().sum::<f64>() / n;
        let squares: f64 = qualities.iter().map(|q| (q - mean) * (q - mean)).sum();
        (qualities.len() >= 2).then(|| Self { mean, standard_deviation: (squares / (n - 1.0)).sqrt() })
    }
}

/// A member that an exhaustive search has looked at: a line of its file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Looked {
    /// Widths of its layers.
    pub channels: String,
    /// Multiply-accumulates of one image.
    pub macs: u64,
    /// Parameters of the stand-alone network.
    pub parameters: u64,
    /// Whether it is within budget.
    pub within_budget: bool,
    /// How good it is; of a member that is over budget, what the published search records.
    #[serde(flatten)]
    pub quality: Quality,
}

/// Writes `search.json` of a search's folder, atomically and indented.
///
/// # Errors
/// Names the file.
pub fn write(folder: impl AsRef<Path>, results: &SearchResults) -> Result<(), JsonFileError> {
    json_file::write(folder.as_ref().join(RESULTS), results)
}

/// Reads `search.json` of a search's folder; `None` where there is none.
///
/// # Errors
/// Names the file and, where its content does not fit, the key.
pub fn read(folder: impl AsRef<Path>) -> Result<Option<SearchResults>, JsonFileError> {
    json_file::read(&folder.as_ref().join(RESULTS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn results() -> SearchResults {
        let member = |channels: &str, value| Member { channels: channels.to_owned(), quality: Measure::Fd.of(value) };
        let cost = Cost { macs: 30, parameters: 7, milliseconds: None };
        SearchResults {
            name: "row".into(),
            settings: "abc".into(),
            super_net: Some("weights".into()),
            set: "test".into(),
            set_size: 4,
            budget: Budget { macs: Some(3e9), ..Budget::default() },
            size: (64, 64),
            quality: "FD(x)".into(),
            images: 5,
            reals: None,
            reference: Some("search".into()),
            step: 12,
            evaluated: 2,
            winner: Winner { member: member("4_4", 9.0), cost },
            spread: None,
            searches: vec![SeedResults {
                seed: 1,
                evaluated: 2,
                winner: member("4_4", 9.0),
                bests: vec![Best { member: member("4_4", 9.0), generation: 2 }],
                population: vec![member("4_4", 9.0), member("8_8", 10.5)],
            }],
        }
    }

    #[test]
    fn what_is_written_is_read_and_keys_keep_their_order() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
        write(dir.path(), &results()).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Some(results()));
        let text = serde_json::to_string(&results()).unwrap();
        let head = r#"{"name":"row","settings":"abc","super_net":"weights","set":"test","set_size":4,"budget":{"macs":3000000000.0,"#;
        assert!(text.starts_with(head), "{text}");
        let winner =
            r#""step":12,"evaluated":2,"winner":{"channels":"4_4","fd":9.0,"macs":30,"parameters":7},"spread":null,"#;
        assert!(text.contains(winner), "{text}");
        let best = r#""bests":[{"channels":"4_4","fd":9.0,"generation":2}],"population":[{"channels":"4_4","fd":9.0},"#;
        assert!(text.contains(best), "{text}");
        let cost = Cost { milliseconds: Some(1.5), ..results().winner.cost };
        let member = Member { quality: Measure::Miou.of(40.0), ..results().winner.member };
        let text = serde_json::to_string(&Winner { member, cost }).unwrap();
        assert_eq!(text, r#"{"channels":"4_4","miou":40.0,"macs":30,"parameters":7,"milliseconds":1.5}"#);
    }

    #[test]
    fn older_files_are_read_and_errors_name_file_and_key() {
        let dir = tempfile::tempdir().unwrap();
        let with = |change: &dyn Fn(&mut serde_json::Value)| {
            let mut value = serde_json::to_value(results()).unwrap();
            change(&mut value);
            fs::write(dir.path().join(RESULTS), value.to_string()).unwrap();
            read(dir.path())
        };
        let without = |keys: &[&str]| {
            with(&|value| keys.iter().for_each(|key| drop(value.as_object_mut().unwrap().shift_remove(*key))))
        };
        let old = without(&["super_net", "reference"]).unwrap().unwrap();
        assert_eq!((old.super_net, old.reference), (None, None));
        let text = without(&["budget"]).unwrap_err().to_string();
        assert!(text.contains("search.json: missing field `budget`"), "{text}");
        let text = with(&|value| value["winner"]["fd"] = "few".into()).unwrap_err().to_string();
        assert!(text.contains("search.json: key `winner`: "), "{text}");
        let text = with(&|value| drop(value["winner"].as_object_mut().unwrap().shift_remove("fd"))).unwrap_err();
        assert!(text.to_string().contains("missing field `fd` or `miou`"), "{text}");
        let text = with(&|value| value["colour"] = 1.into()).unwrap_err().to_string();
        assert!(text.contains("unknown field `colour`"), "{text}");
    }

    #[test]
    fn the_axis_is_what_the_budget_limits() {
        let budget = |macs, parameters, milliseconds| Axis::of(&Budget { macs, parameters, milliseconds });
        assert_eq!(budget(None, None, None), Axis::Macs);
        assert_eq!(budget(Some(1.0), Some(1.0), None), Axis::Macs);
        assert_eq!(budget(None, Some(1.0), None), Axis::Parameters);
        assert_eq!(budget(Some(1.0), None, Some(2.5)), Axis::Milliseconds);
    }
}
