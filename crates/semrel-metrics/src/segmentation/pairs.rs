//! Which label image belongs to which photograph.

// Numbers that files state must not change when they are converted. Tests choose theirs.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss))]

use crate::MetricsError;
use semrel_data::DataError;
use semrel_data::image_io::list_images;
use semrel_run::input;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A photograph and its label image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The photograph, real or generated.
    pub photo: PathBuf,
    /// The label image.
    pub label: PathBuf,
}

impl Pair {
    /// The file name of the photograph without extension.
    pub fn stem(&self) -> String {
        stem(&self.photo)
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Images under a folder by file name without extension.
fn by_stem(folder: &Path) -> Result<BTreeMap<String, PathBuf>, MetricsError> {
    let files = list_images(folder)?;
    if files.is_empty() {
        return Err(DataError::Empty { path: folder.to_owned() }.into());
    }
    let mut named = BTreeMap::new();
    for file in files {
        if let Some(other) = named.insert(stem(&file), file.clone()) {
            let why = format!("{} has the same name without extension", other.display());
            return Err(MetricsError::Unpaired { path: file, why });
        }
    }
    Ok(named)
}

/// Pairs the images of two folders by file name without extension, sorted by it.
///
/// The published scripts pair two unsorted listings by position.
///
/// # Errors
/// A missing or empty folder; [`MetricsError::Unpaired`] names the first image on either side that has no counterpart.
pub fn pairs_by_stem(photos: &Path, labels: &Path) -> Result<Vec<Pair>, MetricsError> {
    let (photo_files, mut label_files) = (by_stem(photos)?, by_stem(labels)?);
    let lonely = |path: PathBuf, name: &str, other: &Path| MetricsError::Unpaired {
        path,
        why: format!("no image of the name {name} in {}", other.display()),
    };
    let mut pairs = vec![];
    for (name, photo) in photo_files {
        match label_files.remove(&name) {
            Some(label) => pairs.push(Pair { photo, label }),
            None => return Err(lonely(photo, &name, labels)),
        }
    }
    match label_files.pop_first() {
        Some((name, label)) => Err(lonely(label, &name, photos)),
        None => Ok(pairs),
    }
}

/// Label images by a text table of lines `number label-path photo-path`, as the compression code has it.
#[derive(Debug, Clone)]
pub struct LabelTable {
    path: PathBuf,
    by_number: BTreeMap<String, PathBuf>,
    by_photo: BTreeMap<OsString, PathBuf>,
}

impl LabelTable {
    /// Reads a table; its relative paths are taken from `root`.
    ///
    /// # Errors
    /// [`MetricsError::Io`], [`MetricsError::Labels`] for a malformed line.
    pub fn read(table: &Path, root: &Path) -> Result<Self, MetricsError> {
        let text =
            input::read_to_string(table).map_err(|source| MetricsError::Io { path: table.to_owned(), source })?;
        let (mut by_number, mut by_photo) = (BTreeMap::new(), BTreeMap::new());
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let &[number, label, photo] = line.split_whitespace().collect::<Vec<_>>().as_slice() else {
                let why = format!("line {} is {line:?}; expected: number label-path photo-path", at + 1);
                return Err(MetricsError::Labels { path: table.to_owned(), why });
            };
            by_number.insert(number.to_owned(), root.join(label));
            if let Some(name) = Path::new(photo).file_name() {
                by_photo.insert(name.to_owned(), root.join(label));
            }
        }
        Ok(Self { path: table.to_owned(), by_number, by_photo })
    }

    /// The label image of a photograph: that of the line whose number is its file name without extension, or else of the one
    /// whose photo path ends in its file name.
    ///
    /// # Errors
    /// [`MetricsError::Unpaired`].
    pub fn label_of(&self, photo: &Path) -> Result<&Path, MetricsError> {
        let by_name = || self.by_photo.get(photo.file_name()?);
        let label = self.by_number.get(&stem(photo)).or_else(by_name);
        label.map(PathBuf::as_path).ok_or_else(|| MetricsError::Unpaired {
            path: photo.to_owned(),
            why: format!("{} has neither its number nor its name", self.path.display()),
        })
    }
}

/// Pairs the photographs of a folder with label images by a table ([`LabelTable`]).
///
/// # Errors
/// A missing or empty folder; those of [`LabelTable`].
pub fn pairs_by_table(photos: &Path, table: &Path, root: &Path) -> Result<Vec<Pair>, MetricsError> {
    let table = LabelTable::read(table, root)?;
    let pairs = by_stem(photos)?.into_values().map(|photo| {
        let label = table.label_of(&photo)?.to_owned();
        Ok(Pair { photo, label })
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        files.iter().for_each(|name| std::fs::write(dir.path().join(name), b"").unwrap());
        dir
    }

    #[test]
    fn names_pair_and_what_is_left_over_is_named() {
        let (photos, labels) = (folder(&["b.png", "a.jpg"]), folder(&["a.png", "b.png"]));
        let pairs = pairs_by_stem(photos.path(), labels.path()).unwrap();
        assert_eq!(pairs.iter().map(Pair::stem).collect::<Vec<_>>(), ["a", "b"]);
        assert!(pairs.iter().all(|p| p.photo.file_stem() == p.label.file_stem()));
        std::fs::write(labels.path().join("c.png"), b"").unwrap();
        let text = pairs_by_stem(photos.path(), labels.path()).unwrap_err().to_string();
        assert!(text.contains("c.png"), "{text}");
        let text = pairs_by_stem(labels.path(), photos.path()).unwrap_err().to_string();
        assert!(text.contains("c.png"), "{text}");
        std::fs::write(photos.path().join("a.png"), b"").unwrap();
        let text = pairs_by_stem(photos.path(), labels.path()).unwrap_err().to_string();
        assert!(text.contains("same name"), "{text}");
        assert!(pairs_by_stem(folder(&[]).path(), labels.path()).is_err());
    }

    #[test]
    fn tables_pair_by_number_or_by_name() {
        let photos = folder(&["1.png", "bremen_000.png"]);
        let table = photos.path().join("table.txt");
        std::fs::write(&table, "0 gt/0.png left/bremen_000.png\n\n1 gt/1.png left/other.png\n").unwrap();
        let pairs = pairs_by_table(photos.path(), &table, Path::new("/city")).unwrap();
        let labels: Vec<_> = pairs.iter().map(|p| p.label.to_string_lossy().into_owned()).collect();
        assert_eq!(labels, ["/city/gt/1.png", "/city/gt/0.png"]);
        std::fs::write(photos.path().join("2.png"), b"").unwrap();
        assert!(pairs_by_table(photos.path(), &table, Path::new("")).unwrap_err().to_string().contains("2.png"));
        std::fs::write(&table, "0 gt/0.png\n").unwrap();
        assert!(pairs_by_table(photos.path(), &table, Path::new("")).unwrap_err().to_string().contains("line 1"));
    }
}
