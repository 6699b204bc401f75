//! Writes data sets of the sample world in the layout that the loaders read.

use super::{Look, Season, Weather, render_landscape};
use crate::error::DataError;
use crate::rng::derive_seed;
use rayon::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

/// Name of the file that tells a finished data set and its parameters.
const MARKER: &str = ".complete";
/// Its name while the data set is being written.
const UNFINISHED: &str = ".unfinished";
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
    let (marker, unfinished) = (dir.join(MARKER), dir.join(UNFINISHED));
    if fs::read_to_string(&marker).is_ok_and(|found| found == params) {
        return Ok(false);
    }
    let old: Vec<PathBuf> = ["train", "val"].map(|split| dir.join(split)).into_iter().filter(|d| d.exists()).collect();
    if let Some(path) = old.first().filter(|_| !marker.exists() && !unfinished.exists()) {
        return Err(DataError::NotOurs { path: path.clone() });
    }
    fs::create_dir_all(dir).map_err(|e| DataError::write(dir, e))?;
    // From here to the end the folder counts as unfinished, so that a run that is cut off is redone.
    fs::write(&unfinished, &params).map_err(|e| DataError::write(&unfinished, e))?;
    if marker.exists() {
        fs::remove_file(&marker).map_err(|e| DataError::write(&marker, e))?;
    }
    for folder in old {
        fs::remove_dir_all(&folder).map_err(|e| DataError::write(&folder, e))?;
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
                    derive_seed(seed, "sample-world.scene", scene) as u64,
                    folder.join(format!("{i:04}.png")),
                ));
                scene += 1;
            }
        }
    }
    jobs.par_iter().try_for_each(|(look, scene, path)| {
        render_landscape(*scene, *look, size).image.save(path).map_err(|e| DataError::encode(path, e))
    })?;
    fs::rename(&unfinished, &marker).map_err(|e| DataError::write(&marker, e))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, size: u32) -> Result<bool, DataError> {
        write_domains(dir, DomainSet::Weather, 2, 1, size, 9)
    }

    #[test]
    fn a_complete_folder_is_left_alone_and_any_other_is_redone() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        assert!(write(dir, 16).unwrap());
        let picture = dir.join("train/foggy/0002.png");
        assert_eq!(image::open(&picture).unwrap().width(), 16);
        assert!(dir.join("val/sunny/0001.png").exists() && !dir.join("val/sunny/0002.png").exists());
        assert!(!write(dir, 16).unwrap());
        // Other parameters.
        assert!(write(dir, 20).unwrap());
        assert_eq!(image::open(&picture).unwrap().width(), 20);
        // Cut off half-way: the marker is still called unfinished.
        fs::rename(dir.join(MARKER), dir.join(UNFINISHED)).unwrap();
        fs::remove_file(&picture).unwrap();
        assert!(write(dir, 20).unwrap());
        assert!(picture.exists() && !dir.join(UNFINISHED).exists());
    }

    #[test]
    fn a_folder_of_the_users_is_never_removed() {
        let dir = tempfile::tempdir().unwrap();
        let mine = dir.path().join("train/holiday/me.png");
        fs::create_dir_all(mine.parent().unwrap()).unwrap();
        fs::write(&mine, b"mine").unwrap();
        assert!(matches!(write(dir.path(), 16), Err(DataError::NotOurs { .. })));
        assert!(mine.exists());
    }
}
