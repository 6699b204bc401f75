//! What translations should be, where the configuration of a run tells it (`eval.truth`): pictures of equal names.

use crate::error::TableError;
use image::RgbImage;
use semrel_data::image_io::{list_images, read_rgb};
use semrel_data::{Direction, PairFolder, PairLayout, Side, half};
use semrel_run::stored::StoredConfig;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the key says where the truth is the other picture of a test pair.
const PAIRS: &str = "pairs";

/// Pictures by their paths without extension, from their folder on.
pub struct Truth {
    files: BTreeMap<PathBuf, PathBuf>,
    /// Which half of them, where they show both domains.
    half: Option<Side>,
}

impl Truth {
    /// Lists the pictures; `None` where the configuration names none. Its relative paths begin in `root`.
    ///
    /// # Errors
    /// Folders that cannot be read.
    pub fn open(root: &Path, config: &StoredConfig) -> Result<Option<Self>, TableError> {
        let Some(truth) = &config.eval.truth else { return Ok(None) };
        if truth != PAIRS {
            let folder = root.join(truth);
            return Ok(Some(Self { files: by_name(&folder, &list_images(&folder)?), half: None }));
        }
        let side = match &config.data.direction {
            Some(direction) => direction.parse::<Direction>()?.target(),
            None => Direction::default().target(),
        };
        let images = root.join(config.data.root.as_deref().unwrap_or_default());
        let pairs = PairFolder::open(&images, "test")?;
        let half = (pairs.layout == PairLayout::Aligned).then_some(side);
        Ok(Some(Self { files: by_name(pairs.folder(side), pairs.files(side)), half }))
    }

    /// The picture that has this path but for the extension, if there is one.
    ///
    /// # Errors
    /// A picture that cannot be read.
    pub fn of(&self, path: &Path) -> Result<Option<RgbImage>, TableError> {
        let Some(file) = self.files.get(&path.with_extension("")) else { return Ok(None) };
        let picture = read_rgb(file)?;
        Ok(Some(self.half.map_or_else(|| picture.clone(), |side| half(&picture, side))))
    }
}

fn by_name(folder: &Path, files: &[PathBuf]) -> BTreeMap<PathBuf, PathBuf> {
    let name = |file: &PathBuf| file.strip_prefix(folder).unwrap_or(file).with_extension("");
    files.iter().map(|file| (name(file), file.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;
    use std::fs;

    /// A picture whose left half is black and whose right half is white.
    fn save(file: PathBuf, width: u32) {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        RgbImage::from_fn(width, 2, |x, _| Rgb([if x < width / 2 { 0 } else { 255 }; 3])).save(file).unwrap();
    }

    #[test]
    fn pictures_are_found_by_their_names_without_extension() {
        let dir = tempfile::tempdir().unwrap();
        let open = |yaml: &str| Truth::open(dir.path(), &StoredConfig::from_yaml(yaml).unwrap());
        save(dir.path().join("truth/b/1.bmp"), 3);
        let truth = open("eval: {truth: truth}").unwrap().unwrap();
        assert_eq!(truth.of(Path::new("b/1.png")).unwrap().unwrap().dimensions(), (3, 2));
        assert!(truth.of(Path::new("1.png")).unwrap().is_none());
        assert!(open("eval: {truth: none}").is_err() && open("seed: 1").unwrap().is_none());

        // Of pairs it is the picture of the domain that is translated to.
        save(dir.path().join("two/testA/1.bmp"), 4);
        save(dir.path().join("two/testB/1.bmp"), 6);
        let width = |yaml: &str| open(yaml).unwrap().unwrap().of(Path::new("1.png")).unwrap().unwrap().width();
        assert_eq!(width("{data: {root: two}, eval: {truth: pairs}}"), 6);
        assert_eq!(width("{data: {root: two, direction: BtoA}, eval: {truth: pairs}}"), 4);
        save(dir.path().join("aligned/test/1.bmp"), 8);
        let truth = open("{data: {root: aligned}, eval: {truth: pairs}}").unwrap().unwrap();
        let right = truth.of(Path::new("1.png")).unwrap().unwrap();
        assert_eq!((right.width(), right.get_pixel(0, 0).0), (4, [255; 3]));
        assert!(open("{data: {root: two, direction: up}, eval: {truth: pairs}}").is_err());
    }
}
