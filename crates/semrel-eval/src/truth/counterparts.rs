//! Files that belong to test images by their names, and what they must be.

use super::TruthError;
use crate::EvalError;
use crate::image_set::check_each;
use rayon::prelude::*;
use semrel_data::image_io::{list_images, read_rgb};
use semrel_data::translate::output_names;
use semrel_data::validation::{ContentDigest, file_digest};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Width and height.
pub(super) type Size = (u32, u32);

/// Something by the name of each translation.
///
/// # Errors
/// [`TruthError::Lacks`].
pub(super) fn by_name<T: Copy>(
    found: &BTreeMap<PathBuf, T>,
    names: &[PathBuf],
    folder: &Path,
    what: &'static str,
) -> Result<Vec<T>, TruthError> {
    let missing: Vec<&PathBuf> = names.iter().filter(|name| !found.contains_key(*name)).collect();
    if let Some(first) = missing.first() {
        let first = first.with_extension("");
        return Err(TruthError::Lacks {
            folder: folder.to_owned(),
            what,
            missing: missing.len(),
            of: names.len(),
            first,
        });
    }
    Ok(names.iter().map(|name| found[name]).collect())
}

/// The pictures of `folder` that have these names, whatever their extensions, in the order of the names.
///
/// # Errors
/// A folder that is not there, two pictures of one name, and [`TruthError::Lacks`].
pub(crate) fn in_folder(folder: &Path, names: &[PathBuf], what: &'static str) -> Result<Vec<PathBuf>, EvalError> {
    let files = list_images(folder)?;
    let named: BTreeMap<PathBuf, usize> = output_names(&files, folder)?.into_iter().zip(0..).collect();
    let places = by_name(&named, names, folder, what)?;
    Ok(places.into_iter().map(|place| files[place].clone()).collect())
}

/// Refuses a picture that has another size than the translation.
///
/// # Errors
/// [`TruthError::Size`].
pub(super) fn expect_size(path: &Path, found: Size, expected: Size) -> Result<(), TruthError> {
    if found == expected {
        return Ok(());
    }
    Err(TruthError::Size { path: path.to_owned(), found, expected })
}

/// Decodes truths and refuses those of another size, with a bar.
///
/// # Errors
/// Names the first file that cannot be read, and [`TruthError::Size`].
pub(crate) fn check_pictures(files: &[PathBuf], sizes: &[Size], quiet: bool) -> Result<(), EvalError> {
    let look = |i: usize| Ok(expect_size(&files[i], read_rgb(&files[i])?.dimensions(), sizes[i])?);
    check_each("truth of the test images", files.len(), look, quiet)
}

/// Refuses files that are training pictures, whatever they are called: those with the same bytes.
///
/// # Errors
/// [`TruthError::Training`], and files that cannot be read.
pub(crate) fn check_hidden<'a>(
    files: &[PathBuf],
    training: impl Iterator<Item = &'a PathBuf>,
) -> Result<(), EvalError> {
    // Files of different lengths differ: few are read.
    let length = |file: &Path| fs::metadata(file).map(|metadata| metadata.len()).ok();
    let lengths: BTreeSet<u64> = files.iter().filter_map(|file| length(file)).collect();
    let alike: Vec<&PathBuf> =
        training.filter(|file| length(file).is_some_and(|length| lengths.contains(&length))).collect();
    if alike.is_empty() {
        return Ok(());
    }
    let digests = alike.par_iter().map(|file| Ok((file_digest(file)?, *file)));
    let training: BTreeMap<ContentDigest, &PathBuf> = digests.collect::<Result<_, EvalError>>()?;
    let digests: Vec<ContentDigest> =
        files.par_iter().map(|file| Ok(file_digest(file)?)).collect::<Result<_, EvalError>>()?;
    let mut seen = files.iter().zip(&digests).filter_map(|(file, digest)| Some((file, *training.get(digest)?)));
    match seen.next() {
        None => Ok(()),
        Some((path, training)) => {
            let others = seen.count();
            Err(TruthError::Training { path: path.clone(), training: training.clone(), others }.into())
        }
    }
}
