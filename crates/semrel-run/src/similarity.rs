//! Similarity maps of one patch, as `cut-single similarity` writes them and figures are drawn of them.

use crate::json_file::{self, JsonFileError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Maps of all layers for one query. `T` is a similarity, which is computed in single precision and drawn in double.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimilarityMaps<T = f32> {
    /// Query position in the picture as it enters the generator, in pixels: x, y.
    pub at: [u32; 2],
    /// Width and height of that picture.
    pub size: [u32; 2],
    /// Whether features went through the projection heads.
    pub projected: bool,
    /// The layers.
    pub layers: Vec<LayerMaps<T>>,
}

/// Maps of one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerMaps<T = f32> {
    /// The layer.
    pub layer: i64,
    /// Height and width of its map.
    pub size: [usize; 2],
    /// Row and column of the query in it.
    pub query: [usize; 2],
    /// Cosine similarity of each position of the input to the query, row by row.
    pub input: Vec<T>,
    /// The same of the output.
    pub output: Vec<T>,
    /// Jensen–Shannon divergence of the two softmax distributions, in nats.
    pub divergence: f64,
}

/// Reads a file of maps; `None` where there is none.
///
/// # Errors
/// Names the file and, where its content does not fit, the key.
pub fn read<T: DeserializeOwned>(file: &Path) -> Result<Option<SimilarityMaps<T>>, JsonFileError> {
    json_file::read(file)
}
