//! Training folders in two parts: images that train, and images that choose between the checkpoints of a run.

use crate::DataError;
use crate::domains::DomainFolder;
use crate::pairs::{PairFolder, PairLayout, Side};
use crate::validation::{ContentDigest, SplitRule, file_digest, pair_digest};
use rayon::prelude::*;
use schemars::JsonSchema;
use semrel_run::{DomainRecord, SplitRecord};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What chooses between the checkpoints of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Select {
    /// Training images that are set apart: a tenth, at least 50, at most a quarter of each domain. Nothing learns from them.
    #[default]
    Val,
    /// The test images, as papers do; the scores of the chosen checkpoint on them then flatter the method.
    Test,
    /// Nothing: the last checkpoint is taken.
    Last,
}

impl Select {
    /// Its name in YAML and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Val => "val",
            Self::Test => "test",
            Self::Last => "last",
        }
    }
}

/// A training folder in its two parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetApart<T> {
    /// Images that train.
    pub train: T,
    /// Images that validate.
    pub val: T,
    /// What is set apart, for the run's folder.
    pub record: SplitRecord,
}

/// Least number of different images that validate: of one, there is no covariance.
const LEAST: usize = 2;

impl SplitRule {
    /// Divides the training images of two domains, each by itself; where they come in pairs, the pairs.
    ///
    /// # Errors
    /// [`DataError::NoValidation`] where there are too few images; [`DataError::Read`] names a file.
    pub fn set_apart_pairs(&self, all: &PairFolder) -> Result<SetApart<PairFolder>, DataError> {
        let (mut train, mut val) = (all.clone(), all.clone());
        let mut domains = vec![];
        let sides: &[Side] = if all.layout == PairLayout::Unaligned { &[Side::A, Side::B] } else { &[Side::A] };
        for &side in sides {
            let mut digests = digests(all.files(side))?;
            let mut name = name_of(all.folder(side));
            if all.layout == PairLayout::Paired {
                let others = self::digests(all.files(Side::B))?;
                digests.iter_mut().zip(&others).for_each(|(digest, other)| *digest = pair_digest(digest, other));
                name = format!("{name} and {}", name_of(all.folder(Side::B)));
            }
            let domain = self.divide(all.folder(side), name, digests)?;
            train.keep(side, &domain.trains);
            val.keep(side, &domain.trains.iter().map(|trains| !trains).collect::<Vec<_>>());
            domains.push(domain);
        }
        Ok(SetApart { train, val, record: self.record(domains) })
    }

    /// Divides the training images of many domains, each by itself.
    ///
    /// # Errors
    /// As [`SplitRule::set_apart_pairs`].
    pub fn set_apart_domains(&self, all: &DomainFolder) -> Result<SetApart<DomainFolder>, DataError> {
        let (mut train, mut val) = (all.clone(), all.clone());
        let mut domains = vec![];
        for (i, domain) in all.domains.iter().enumerate() {
            let divided = self.divide(&all.root.join(&domain.name), domain.name.clone(), digests(&domain.files)?)?;
            let part = |trains: bool| {
                let kept = domain.files.iter().zip(&divided.trains).filter(|(_, own)| **own == trains);
                kept.map(|(file, _)| file.clone()).collect()
            };
            (train.domains[i].files, val.domains[i].files) = (part(true), part(false));
            domains.push(divided);
        }
        Ok(SetApart { train, val, record: self.record(domains) })
    }

    fn divide(&self, folder: &Path, name: String, digests: Vec<ContentDigest>) -> Result<Divided, DataError> {
        let contents: BTreeSet<&ContentDigest> = digests.iter().collect();
        let split = self.split(&digests).filter(|split| split.val_distinct >= LEAST);
        let split = split.ok_or_else(|| DataError::NoValidation { path: folder.to_owned(), found: contents.len() })?;
        let mut trains = vec![false; digests.len()];
        split.train.iter().for_each(|&item| trains[item] = true);
        Ok(Divided { name, trains, contents: contents.len(), digests })
    }

    /// What is set apart. A content of two domains that trains in one and validates in the other is warned of.
    fn record(&self, domains: Vec<Divided>) -> SplitRecord {
        let mut sides: BTreeMap<ContentDigest, BTreeSet<bool>> = BTreeMap::new();
        for (digest, trains) in domains.iter().flat_map(|domain| domain.digests.iter().zip(&domain.trains)) {
            sides.entry(*digest).or_default().insert(*trains);
        }
        let both = sides.values().filter(|sides| sides.len() > 1).count();
        if both > 0 {
            tracing::warn!(
                "{both} image(s) lie in several domains, and validate in one of them while another learns from them"
            );
        }
        let domains = domains.into_iter().map(Divided::record).collect();
        SplitRecord { salt: self.salt.clone(), permille: self.permille, minimum: self.minimum, domains }
    }
}

/// A domain, of each of whose items is known whether it trains.
struct Divided {
    name: String,
    digests: Vec<ContentDigest>,
    trains: Vec<bool>,
    contents: usize,
}

impl Divided {
    fn record(self) -> DomainRecord {
        let validates = self.digests.iter().zip(&self.trains).filter(|(_, trains)| !**trains);
        let val: BTreeSet<ContentDigest> = validates.map(|(digest, _)| *digest).collect();
        DomainRecord {
            name: self.name,
            files: self.trains.len(),
            contents: self.contents,
            val_files: self.trains.iter().filter(|trains| !**trains).count(),
            val: val.iter().map(hex::encode).collect(),
        }
    }
}

fn digests(files: &[PathBuf]) -> Result<Vec<ContentDigest>, DataError> {
    files.par_iter().map(|file| file_digest(file)).collect()
}

fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_io::write_image;
    use image::RgbImage;

    /// Different pictures in the folders of `root`.
    fn pictures(root: &Path, folders: &[(&str, u8)]) {
        for (folder, count) in folders {
            for i in 0..*count {
                let image = RgbImage::from_fn(8, 4, |x, y| image::Rgb([i, folder.len() as u8 * 9 + x as u8, y as u8]));
                write_image(&root.join(folder).join(format!("{i}.png")), &image).unwrap();
            }
        }
    }

    fn names(files: &[PathBuf]) -> Vec<String> {
        files.iter().map(|file| name_of(file)).collect()
    }

    fn rule() -> SplitRule {
        SplitRule { minimum: 2, ..SplitRule::default() }
    }

    #[test]
    fn each_domain_is_divided_by_itself() {
        let dir = tempfile::tempdir().unwrap();
        pictures(dir.path(), &[("trainA", 12), ("trainB", 40)]);
        let all = PairFolder::open(dir.path(), "train").unwrap();
        let SetApart { train, val, record } = rule().set_apart_pairs(&all).unwrap();
        for (side, (rest, apart)) in [(Side::A, (10, 2)), (Side::B, (36, 4))] {
            assert_eq!((train.files(side).len(), val.files(side).len()), (rest, apart));
            let mut both = [train.files(side), val.files(side)].concat();
            both.sort();
            assert_eq!(both, all.files(side));
        }
        let [a, b] = &record.domains[..] else { panic!("two domains") };
        assert_eq!((a.name.as_str(), a.files, a.contents, a.val_files), ("trainA", 12, 12, 2));
        assert_eq!((b.name.as_str(), b.val.len()), ("trainB", 4));
        let digest = |file: &PathBuf| hex::encode(file_digest(file).unwrap());
        let mut apart: Vec<String> = val.files(Side::B).iter().map(digest).collect();
        apart.sort();
        assert_eq!(apart, b.val);
    }

    #[test]
    fn pairs_stay_together() {
        let dir = tempfile::tempdir().unwrap();
        pictures(dir.path(), &[("trainA", 12), ("trainB", 12), ("wide/train", 9)]);
        let all = PairFolder::open(dir.path(), "train").unwrap().into_pairs().unwrap();
        let SetApart { train, val, record } = rule().set_apart_pairs(&all).unwrap();
        assert_eq!((train.len(), val.len()), (10, 2));
        assert_eq!(names(val.files(Side::A)), names(val.files(Side::B)));
        assert_eq!((record.domains.len(), record.domains[0].name.as_str()), (1, "trainA and trainB"));
        let wide = PairFolder::open(&dir.path().join("wide"), "train").unwrap();
        let wide = rule().set_apart_pairs(&wide).unwrap();
        assert_eq!((wide.train.len(), wide.val.len()), (7, 2));
        assert_eq!(wide.val.files(Side::A), wide.val.files(Side::B));
    }

    #[test]
    fn too_few_images_are_refused_and_counted() {
        let dir = tempfile::tempdir().unwrap();
        pictures(dir.path(), &[("trainA", 12), ("trainB", 7)]);
        std::fs::copy(dir.path().join("trainB/0.png"), dir.path().join("trainB/copy.png")).unwrap();
        let all = PairFolder::open(dir.path(), "train").unwrap();
        let text = SplitRule::default().set_apart_pairs(&all).unwrap_err().to_string();
        for words in ["trainB: 7 different image(s)", "at least 8", "`eval.select: last`", "`eval.select: test`"] {
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn many_domains_are_divided_each_by_itself() {
        let dir = tempfile::tempdir().unwrap();
        pictures(dir.path(), &[("summer", 8), ("winter", 20)]);
        let all = DomainFolder::open(dir.path()).unwrap();
        let SetApart { train, val, record } = rule().set_apart_domains(&all).unwrap();
        let sizes = |folder: &DomainFolder| folder.domains.iter().map(|domain| domain.files.len()).collect::<Vec<_>>();
        assert_eq!((sizes(&train), sizes(&val)), (vec![6, 18], vec![2, 2]));
        assert_eq!((train.names(), record.domains[1].name.as_str()), (vec!["summer", "winter"], "winter"));
        assert!(val.domains[1].files.iter().all(|file| !train.domains[1].files.contains(file)));
    }
}
