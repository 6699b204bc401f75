//! What the summaries of training runs tell besides what all tell ([`Summary`](crate::Summary)), a type per program.
//!
//! Tables read the length of a run alone ([`Epochs`], [`Iterations`]): a part of the programs' types, so that a field that is
//! renamed fails to compile on both sides. `M` is the program's own type of methods; what reads any takes text.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Length of a run that is counted in epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epochs {
    /// Epochs.
    pub epochs: u64,
    /// Steps, those of the warm-up left out.
    pub steps: u64,
}

/// Length of a run that is counted in iterations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Iterations {
    /// Iterations, those of the warm-up left out.
    pub iterations: u64,
}

/// What the summary of a single-modal run tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SingleModal<M = String> {
    /// Which algorithm trained.
    pub method: M,
    /// Folder of the source domain's training images.
    pub source: PathBuf,
    /// Folder of the target domain's.
    pub target: PathBuf,
    /// Length of the run.
    #[serde(flatten)]
    pub length: Epochs,
    /// Side of the images.
    pub image_size: u32,
    /// Seconds per step, the warm-up included.
    pub seconds_per_step: f64,
}

/// What the summary of a multi-modal run tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MultiModal<M = String> {
    /// Losses on top of StarGAN v2's.
    pub method: M,
    /// Names of the domains, by index.
    pub domains: Vec<String>,
    /// Length of the run.
    #[serde(flatten)]
    pub length: Iterations,
    /// Side of the images.
    pub image_size: u32,
    /// Seconds per iteration, the warm-up included.
    pub seconds_per_iteration: f64,
}

/// What the summary of a training stage of a compression row tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compression<M = String> {
    /// `teacher`, `distill` or `finetune`.
    pub stage: String,
    /// Method of the row; a teacher has none.
    pub method: Option<M>,
    /// The teacher that was learnt from.
    pub teacher: Option<Origin>,
    /// The super-net that fine-tuning began with.
    pub super_net: Option<Origin>,
    /// The configuration that was fine-tuned.
    pub channels: Option<String>,
    /// Folder of the source domain's training images.
    pub source: PathBuf,
    /// Folder of the target domain's.
    pub target: PathBuf,
    /// Number of the source domain's training images.
    pub sources: usize,
    /// Number of the target domain's.
    pub targets: usize,
    /// Length of the run.
    #[serde(flatten)]
    pub length: Epochs,
    /// Side of the images.
    pub image_size: u32,
    /// Seconds per step, the warm-up included.
    pub seconds_per_step: f64,
}

/// A network that a run began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The run or file that it was taken from.
    pub path: PathBuf,
    /// Steps that its weights had seen.
    pub step: u64,
    /// Digest of its weights.
    pub digest: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_beside_each_other_in_their_order() {
        let length = Epochs { epochs: 3, steps: 30 };
        let (source, target) = ("a".into(), "b".into());
        let run = SingleModal { method: "ours", source, target, length, image_size: 64, seconds_per_step: 0.5 };
        let text = r#"{"method":"ours","source":"a","target":"b","epochs":3,"steps":30,"image_size":64,"seconds_per_step":0.5}"#;
        assert_eq!(serde_json::to_string(&run).unwrap(), text);
        assert_eq!(serde_json::from_str::<Epochs>(text).unwrap(), length);
        assert_eq!(serde_json::from_str::<SingleModal>(text).unwrap().length, length);

        let length = Iterations { iterations: 9 };
        let domains = vec!["a".to_owned()];
        let run = MultiModal { method: "ours", domains, length, image_size: 64, seconds_per_iteration: 0.5 };
        let want = json!({"method": "ours", "domains": ["a"], "iterations": 9, "image_size": 64, "seconds_per_iteration": 0.5});
        assert_eq!(serde_json::to_string(&run).unwrap(), want.to_string());
    }
}
