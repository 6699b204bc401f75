//! What all programs' stored configurations (`config.yaml`) have in common, and what `--check` prints.

use crate::config::yaml;
use serde::{Deserialize, Serialize};

/// Keys that the stored configurations of all programs have. What an older file lacks is none; keys of a program's own are left
/// out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct StoredConfig {
    /// Seed of everything random.
    pub seed: Option<u64>,
    /// Images.
    pub data: StoredData,
    /// Evaluation.
    pub eval: StoredEval,
}

/// The section `data`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct StoredData {
    /// Folder of the images.
    pub root: Option<String>,
    /// Side of the images.
    pub image_size: Option<u32>,
    /// Which of two domains is translated: `AtoB`, `BtoA`.
    pub direction: Option<String>,
}

/// The section `eval`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct StoredEval {
    /// Name of the feature extractor.
    pub extractor: Option<String>,
    /// What translations should be: a folder, or `pairs`.
    pub truth: Option<String>,
}

impl StoredConfig {
    /// Reads YAML, the text that [`text_of`](crate::config::text_of) gives.
    ///
    /// # Errors
    /// The key that does not fit; brackets that are nested too deep, aliases that expand without end.
    pub fn from_yaml(text: &str) -> Result<Self, String> {
        yaml::parse(text)
    }
}

/// What `--check` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Steps, evaluations or files that the command would make; 0 if the row skips the stage.
    pub steps: u64,
}

impl CheckResult {
    /// Reads what was printed.
    ///
    /// # Errors
    /// The key that does not fit.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        crate::json_file::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_keys_are_found_among_others() {
        let text = "name: x\nseed: 5\ndata: {root: a/b, load_size: 9, image_size: 8}\ninit: !normal {gain: 0.02}\n";
        let stored = StoredConfig::from_yaml(text).unwrap();
        assert_eq!((stored.seed, stored.data.root.as_deref()), (Some(5), Some("a/b")));
        assert_eq!((stored.data.image_size, stored.eval.extractor), (Some(8), None));
        assert!(StoredConfig::from_yaml("seed: many").unwrap_err().contains("seed: invalid type"));
        assert!(StoredConfig::from_yaml("a: [").is_err());
        let deep = StoredConfig::from_yaml(&"[".repeat(300)).unwrap_err();
        assert!(deep.contains("nested more than 256 deep"), "{deep}");
    }

    #[test]
    fn answers_of_check_have_steps() {
        let answer = CheckResult { steps: 9 };
        let text = serde_json::to_vec(&answer).unwrap();
        assert_eq!((text.as_slice(), CheckResult::parse(&text)), (br#"{"steps":9}"#.as_slice(), Ok(answer)));
        assert!(CheckResult::parse(b"{}").unwrap_err().contains("missing field `steps`"));
    }
}
