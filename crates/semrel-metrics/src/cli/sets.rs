//! The sets that a command compares.

use anyhow::{Result, bail};
use clap::error::ErrorKind;
use semrel_metrics::source::Listing;
use semrel_metrics::{Images, Statistics};
use serde_json::{Value, json};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// Pictures, or statistics in their place.
pub enum Content {
    Pictures(Images),
    Statistics(Statistics),
}

/// A set as it was named.
pub struct Set {
    pub path: PathBuf,
    /// The last part of the path, or all of it where two sets would be called alike.
    pub label: String,
    pub content: Content,
}

/// Ends the program as for wrong usage unless so many sets are named. clap counts only those that follow one another, and
/// options may stand between them.
pub fn expect_number(paths: &[PathBuf], expected: RangeInclusive<usize>) {
    if !expected.contains(&paths.len()) {
        let more = if expected.start() == expected.end() { "" } else { " or more" };
        let why = format!("{} set(s) given; expected {}{more}\n", paths.len(), expected.start());
        clap::Error::raw(ErrorKind::WrongNumberOfValues, why).exit();
    }
}

/// Opens all sets, so that what is wrong with the last is told before the first is worked on.
pub fn open(paths: &[PathBuf], listing: Listing) -> Result<Vec<Set>> {
    let set = |(path, label): (&PathBuf, String)| Ok(Set { label, ..open_one(path, listing)? });
    paths.iter().zip(labels(paths)).map(set).collect()
}

/// Opens a set.
pub fn open_one(path: &Path, listing: Listing) -> Result<Set> {
    let content = if is_statistics(path) {
        Content::Statistics(Statistics::read_npz(path)?)
    } else {
        Content::Pictures(Images::open(path, listing)?)
    };
    Ok(Set { path: path.to_owned(), label: last_part(path), content })
}

pub fn is_statistics(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npz"))
}

fn last_part(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into())
}

fn labels(paths: &[PathBuf]) -> Vec<String> {
    let short: Vec<String> = paths.iter().map(|path| last_part(path)).collect();
    let unique = |label: &String| short.iter().filter(|other| *other == label).count() == 1;
    short.iter().zip(paths).map(|(s, path)| if unique(s) { s.clone() } else { path.display().to_string() }).collect()
}

impl Set {
    /// Number of pictures, where it is known.
    pub fn count(&self) -> Option<u64> {
        match &self.content {
            Content::Pictures(images) => Some(images.len() as u64),
            Content::Statistics(statistics) => statistics.count,
        }
    }

    /// The pictures; statistics in their place are refused.
    pub fn pictures(&self) -> Result<&Images> {
        match &self.content {
            Content::Pictures(images) => Ok(images),
            Content::Statistics(_) => {
                bail!("{}: statistics hold no features of single pictures; pictures are needed", self.path.display())
            }
        }
    }

    /// Refuses a set of fewer than two pictures, which has neither covariance nor pairs.
    pub fn ensure_two(&self) -> Result<()> {
        match self.count() {
            Some(found @ 0..2) => bail!("{}: {found} picture; at least 2 are needed", self.path.display()),
            _ => Ok(()),
        }
    }

    /// Path, number of pictures and file format, in words.
    pub fn describe(&self) -> String {
        let what = match &self.content {
            Content::Pictures(images) => describe_pictures(images),
            Content::Statistics(statistics) => {
                let count = statistics.count.map_or("an unknown number of".into(), |n| n.to_string());
                format!("statistics of {count} pictures, {} dimensions", statistics.mean.len())
            }
        };
        format!("{}: {what}", self.path.display())
    }

    /// The same as JSON.
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Pictures(images) => pictures_to_json(images),
            Content::Statistics(statistics) => json!({
                "path": self.path, "kind": "statistics", "pictures": statistics.count,
                "dimensions": statistics.mean.len(),
            }),
        }
    }
}

/// Number and format of pictures, in words.
pub fn describe_pictures(images: &Images) -> String {
    let formats = images.formats();
    let names = match formats.len() {
        1 => formats.keys().next().cloned().unwrap_or_default(),
        _ => formats.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", "),
    };
    format!("{} pictures, {names}", images.len())
}

/// Path, kind, number and formats of pictures as JSON.
pub fn pictures_to_json(images: &Images) -> Value {
    json!({
        "path": images.path(), "kind": images.kind().name(), "pictures": images.len(), "formats": images.formats(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_short_where_they_tell_sets_apart() {
        let paths = ["a/rain", "b/rain", "b/sun", "b/sun.npz"].map(PathBuf::from);
        assert_eq!(labels(&paths), ["a/rain", "b/rain", "sun", "sun.npz"]);
        assert_eq!(labels(&["..".into()]), [".."]);
    }
}
