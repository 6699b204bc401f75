//! The images of one domain in one phase of a data set.

use crate::EvalError;
use image::RgbImage;
use rayon::prelude::*;
use semrel_data::image_io::read_rgb;
use semrel_data::translate::output_names;
use semrel_data::{DataError, PairFolder, PairLayout, Side, half};
use semrel_train::Progress;
use std::path::{Path, PathBuf};

/// Images that are decoded between two steps of a bar.
const CHECKED_AT_ONCE: usize = 64;

/// Files of one domain, in order. Nothing is decoded before it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSet {
    folder: PathBuf,
    files: Vec<PathBuf>,
    /// The domain, where a file shows both side by side.
    half: Option<Side>,
}

impl ImageSet {
    /// The images of a side of a folder.
    pub fn new(folder: &PairFolder, side: Side) -> Self {
        Self {
            folder: folder.folder(side).to_owned(),
            files: folder.files(side).to_owned(),
            half: (folder.layout == PairLayout::Aligned).then_some(side),
        }
    }

    /// The first `most` of them; all if that is `None`.
    #[must_use]
    pub fn first(mut self, most: Option<usize>) -> Self {
        self.files.truncate(most.unwrap_or(usize::MAX));
        self
    }

    /// How many.
    #[expect(clippy::len_without_is_empty, reason = "an opened folder has images")]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Their files; a file of an aligned picture holds the other domain as well.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Where they lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The domain, where a file shows both side by side.
    pub fn half(&self) -> Option<Side> {
        self.half
    }

    /// Names of the pictures that are made of them.
    ///
    /// # Errors
    /// Where two would share one.
    pub fn output_names(&self) -> Result<Vec<PathBuf>, DataError> {
        output_names(&self.files, &self.folder)
    }

    /// Decodes one.
    ///
    /// # Errors
    /// Names the file.
    pub fn read(&self, item: usize) -> Result<RgbImage, DataError> {
        let image = read_rgb(&self.files[item])?;
        Ok(match self.half {
            Some(side) => half(&image, side),
            None => image,
        })
    }

    /// Decodes all, with a bar named `what`, and keeps none.
    ///
    /// # Errors
    /// Names the first file that cannot be read.
    pub fn check(&self, what: &str, quiet: bool) -> Result<(), EvalError> {
        check_each(what, self.len(), |i| Ok(self.read(i).map(drop)?), quiet)
    }
}

/// Looks at items by their number, all of them, and refuses the first that fails.
///
/// # Errors
/// As `look`.
pub(crate) fn check_each(
    what: &str,
    count: usize,
    look: impl Fn(usize) -> Result<(), EvalError> + Sync,
    quiet: bool,
) -> Result<(), EvalError> {
    let mut bar = Progress::new(what, 0, count as u64, quiet);
    for first in (0..count).step_by(CHECKED_AT_ONCE) {
        let end = count.min(first + CHECKED_AT_ONCE);
        if let Some(error) = (first..end).into_par_iter().find_map_first(|i| look(i).err()) {
            return Err(error);
        }
        bar.set(end as u64);
    }
    bar.finish();
    Ok(())
}
