//! The summaries (`summary.json`) of stages that train nothing: of a search, and of an export.

use crate::search::Winner;
use serde::{Deserialize, Serialize};

/// How long work took, and on what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// Seconds that it took.
    pub seconds: f64,
    /// Threads of the processor.
    pub threads: u64,
    /// `Cpu` or `Cuda(0)`.
    pub device: String,
}

/// The summary of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchSummary {
    /// Name of the row.
    pub name: String,
    /// `search`.
    pub stage: String,
    /// What it found; a part of an exhaustive search has none.
    #[serde(deserialize_with = "Option::deserialize")]
    pub winner: Option<Winner>,
    /// Configurations that it has looked at.
    pub evaluations: u64,
    /// Of these, how many no earlier search had evaluated.
    pub computed: u64,
    /// How long it took, and on what.
    #[serde(flatten)]
    pub work: Work,
}

/// The summary of an export.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportSummary {
    /// Name of the row.
    pub name: String,
    /// `export`.
    pub stage: String,
    /// Which generator: `teacher`, `distill`, `finetune` or `export`.
    pub of: String,
    /// The configuration of a sub-network.
    #[serde(deserialize_with = "Option::deserialize")]
    pub channels: Option<String>,
    /// Steps that its weights have seen; 0 for a file.
    pub step: u64,
    /// Its parameters.
    pub parameters: u64,
    /// Multiply-accumulates of one image of `size`.
    pub macs: u64,
    /// Width and height of the row's pictures.
    pub size: (u32, u32),
    /// Names of the files.
    pub files: Vec<String>,
    /// Their sizes, in their order.
    pub bytes: Vec<u64>,
    /// Version of the operators of the ONNX file.
    pub onnx_opset: i64,
    /// Largest difference between its output and the network's.
    pub onnx_largest_difference: f64,
    /// How long it took, and on what.
    #[serde(flatten)]
    pub work: Work,
}
