//! Writes data sets of the sample world in the layout that the loaders read.

use super::{Look, Season, Weather, render_landscape};
use crate::error::DataError;
use rayon::prelude::*;
use std::fs;
use std::path::Path;

/// Name of the file that tells a finished data set and its parameters.
const MARKER: &str = ".complete";
/// Raise when the renderer changes, so that older folders are redone.
const VERSION: u32 = 1;

/// Which domains to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainSet {
    /// spring, summer, autumn, winter.
    Seasons,
    /// sunny, cloudy, rainy, foggy, snowy.
    Weather,
}

impl DomainSet {
    /// Its domains.
    pub fn looks(self) -> Vec<Look> {
        match self {
            Self::Seasons => Season::ALL.map(Look::from).to_vec(),
            Self::Weather => Weather::ALL.map(Look::from).to_vec(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Seasons => "seasons",
            Self::Weather => "weather",
        }
    }
}

/// Writes `dir/train/<domain>/0001.png` … and `dir/val/<domain>/…`: `train` and `val` landscapes of `size` pixels a domain.
///
/// No two pictures share a layout, so the data set is unpaired. Returns false, having touched nothing, where `dir` already
/// holds this data set complete. A half-written or different data set of the same layout is replaced: `dir/train` and
/// `dir/val` are removed first, unless `dir` was not written by this function, which is an error.
pub fn write_domains(
    dir: &Path,
    set: DomainSet,
    train: u32,
    val: u32,
    size: u32,
    seed: u64,
) -> Result<bool, DataError> {
    let params = format!(
        "sample world {VERSION}\nset: {}\ntrain: {train}\nval: {val}\nsize: {size}\nseed: {seed}\n",
        set.name()
    );
    let marker = dir.join(MARKER);
    let unfinished = dir.join(".unfinished");
    if fs::read_to_string(&marker).is_ok_and(|found| found == params) {
        return Ok(false);
    }
    for split in ["train", "val"] {
        let old = dir.join(split);
        if old.exists() {
            if !marker.exists() && !unfinished.exists() {
                return Err(DataError::NotOurs { path: old });
            }
            fs::remove_dir_all(&old).map_err(|e| DataError::write(&old, e))?;
        }
    }
    fs::create_dir_all(dir).map_err(|e| DataError::write(dir, e))?;
    fs::write(&unfinished, &params).map_err(|e| DataError::write(&unfinished, e))?;
    if marker.exists() {
        fs::remove_file(&marker).map_err(|e| DataError::write(&marker, e))?;
    }
    let mut jobs = vec![];
    let mut scene = 0;
    for look in set.looks() {
        for (split, count) in [("train", train), ("val", val)] {
            let folder = dir.join(split).join(look.name());
            fs::create_dir_all(&folder).map_err(|e| DataError::write(&folder, e))?;
            for i in 1..=count {
                jobs.push((
                    look,
                    crate::rng::derive_seed(seed, "sample-world.scene", scene) as u64,
                    folder.join(format!("{i:04}.png")),
                ));
                scene += 1;
            }
        }
    }
    jobs.par_iter().try_for_each(|(look, scene, path)| {
        render_landscape(*scene, *look, size).image.save(path).map_err(|e| DataError::encode(path, e))
    })?;
    // The marker appears whole or not at all.
    fs::write(&unfinished, &params).map_err(|e| DataError::write(&unfinished, e))?;
    fs::rename(&unfinished, &marker).map_err(|e| DataError::write(&marker, e))?;
    Ok(true)
}
