//! Pictures of two sets, paired by name.

use anyhow::{Result, bail, ensure};
use semrel_metrics::Images;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Places of the pictures of each pair in both sets, in the order of names.
#[derive(Debug)]
pub struct Pairs {
    pub places: Vec<(usize, usize)>,
    /// Pictures without counterpart.
    pub left_out: usize,
}

impl Pairs {
    /// Pairs pictures whose paths within their sets are equal once extensions are left out. Pictures without counterpart
    /// are an error unless `common`.
    pub fn by_name(a: &Images, b: &Images, common: bool) -> Result<Self> {
        let (left, right) = (by_stem(a.path(), a.names())?, by_stem(b.path(), b.names())?);
        let places: Vec<_> = left.iter().filter_map(|(stem, &i)| Some((i, *right.get(stem)?))).collect();
        let lonely = |mine: &BTreeMap<PathBuf, usize>, others: &BTreeMap<PathBuf, usize>| -> BTreeSet<PathBuf> {
            mine.keys().filter(|stem| !others.contains_key(*stem)).cloned().collect()
        };
        let (only_left, only_right) = (lonely(&left, &right), lonely(&right, &left));
        ensure!(
            !places.is_empty(),
            "{} and {}: no picture of the one has the name of one of the other",
            a.path().display(),
            b.path().display()
        );
        for (lonely, path, other) in [(&only_left, a.path(), b.path()), (&only_right, b.path(), a.path())] {
            if let Some(first) = lonely.first().filter(|_| !common) {
                bail!(
                    "{}: {} of its pictures have no counterpart in {}, {} for one; --common leaves them out",
                    path.display(),
                    lonely.len(),
                    other.display(),
                    first.display()
                );
            }
        }
        Ok(Self { places, left_out: only_left.len() + only_right.len() })
    }
}

fn by_stem(path: &Path, names: &[PathBuf]) -> Result<BTreeMap<PathBuf, usize>> {
    let mut stems = BTreeMap::new();
    for (i, name) in names.iter().enumerate() {
        let stem = name.with_extension("");
        if stems.insert(stem.clone(), i).is_some() {
            bail!("{}: two of its pictures are called {} but for their extensions", path.display(), stem.display());
        }
    }
    Ok(stems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_keep_their_folders_and_must_differ() {
        let names = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let stems = by_stem(Path::new("set"), &names(&["a/1.png", "b/1.jpg"])).unwrap();
        assert_eq!(stems.into_keys().collect::<Vec<_>>(), names(&["a/1", "b/1"]));
        let text = by_stem(Path::new("set"), &names(&["a/1.png", "a/1.jpg"])).unwrap_err().to_string();
        assert!(text.contains("set") && text.contains("a/1"), "{text}");
    }
}
