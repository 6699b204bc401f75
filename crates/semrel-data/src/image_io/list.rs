//! The image files of a folder.

use super::formats::is_image;
use crate::error::DataError;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Image files under `dir`, at any depth, sorted by path. Hidden files are left out.
///
/// # Errors
/// [`DataError::MissingFolder`] where `dir` is not a folder, [`DataError::Read`] where it cannot be listed. No image at
/// all is not an error.
pub fn list_images(dir: &Path) -> Result<Vec<PathBuf>, DataError> {
    if !dir.is_dir() {
        return Err(DataError::MissingFolder { path: dir.to_owned(), expected: "images" });
    }
    let real = |path: &Path| fs::canonicalize(path).map_err(|e| DataError::read(path, e));
    let mut files = vec![];
    let mut folders = vec![(dir.to_owned(), real(dir)?)];
    let mut visited: HashSet<PathBuf> = folders.iter().map(|(_, real)| real.clone()).collect();
    while let Some((folder, place)) = folders.pop() {
        for path in entries(&folder)? {
            if path.is_dir() {
                // A link may lead back to where it lies in, or to a folder that was seen already.
                let target = real(&path)?;
                if !place.starts_with(&target) && visited.insert(target.clone()) {
                    folders.push((path, target));
                }
            } else if is_image(&path) && may_be_read(&path) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a path is a file, or a link to nowhere, which is an error to report: reading a pipe or device might never
/// end.
fn may_be_read(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |metadata| metadata.is_file())
}

/// Entries of a folder that are not hidden.
pub(crate) fn entries(dir: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut paths = vec![];
    for entry in fs::read_dir(dir).map_err(|e| DataError::read(dir, e))? {
        let entry = entry.map_err(|e| DataError::read(dir, e))?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    Ok(paths)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use semrel_testkit::runs::pipe;

    #[test]
    fn links_in_circles_and_pipes_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a");
        fs::create_dir(&inner).unwrap();
        image::RgbImage::new(4, 3).save(inner.join("0.png")).unwrap();
        for name in ["up", "again"] {
            std::os::unix::fs::symlink("..", inner.join(name)).unwrap();
        }
        std::os::unix::fs::symlink("nowhere", inner.join("lost.png")).unwrap();
        pipe(&inner.join("pipe.png"));
        let names = ["a/0.png", "a/lost.png"].map(|name| dir.path().join(name));
        assert_eq!(list_images(dir.path()).unwrap(), names);
        assert_eq!(list_images(&inner).unwrap(), names);
    }
}
