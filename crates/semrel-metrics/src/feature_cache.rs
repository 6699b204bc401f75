//! Features of real images, kept on disk between evaluations of the same images.

use semrel_nn::checkpoint::{StateDict, load_safetensors, save};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use tch::Tensor;

/// A file for the features of `files` at `size` pixels: named after the features (extractor and way of looking), the size,
/// and each file's path, length and time of change. `None` where a file cannot be asked for these.
pub fn place(features: &str, size: i64, files: &[&Path]) -> Option<PathBuf> {
    let name = fingerprint(&format!("features 2\n{features}\n{size}\n"), files)?;
    let cache = crate::weights::folder().parent()?.join("features");
    Some(cache.join(format!("{name}.safetensors")))
}

/// Digest of a text and of each file's path, length and time of change. `None` where a file cannot be asked for these.
pub fn fingerprint(text: &str, files: &[&Path]) -> Option<String> {
    let mut hash = Sha256::new().chain_update(text);
    for file in files {
        let metadata = file.metadata().ok()?;
        let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
        let path = file.canonicalize().ok()?;
        hash.update(format!("{} {} {changed}\n", path.display(), metadata.len()));
    }
    Some(hex::encode(hash.finalize()))
}

/// Stored features, or those that `compute` makes, which are then stored. A cache that cannot be written or read only
/// costs time.
pub fn cached<E>(place: Option<PathBuf>, compute: impl FnOnce() -> Result<Tensor, E>) -> Result<Tensor, E> {
    let Some(place) = place else { return compute() };
    if let Ok(mut stored) = load_safetensors(&place)
        && let Some(features) = stored.remove("features")
    {
        return Ok(features);
    }
    let features = compute()?;
    let tensors = StateDict::from([("features".to_owned(), features.shallow_clone())]);
    let written = place.parent().map_or(Ok(()), std::fs::create_dir_all).is_ok()
        && save(&place, &tensors, &BTreeMap::new()).is_ok();
    if !written {
        tracing::debug!("{}: features are not kept", place.display());
    }
    Ok(features)
}
