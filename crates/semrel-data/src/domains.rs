//! Folders of images by domain.

use crate::DataError;
use crate::image_io::{entries, list_images};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// One domain: a folder of images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// Name of its folder.
    pub name: String,
    /// Its images, sorted by path.
    pub files: Vec<PathBuf>,
}

/// A split: one subfolder per domain; a domain's index is the alphabetical rank of its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainFolder {
    /// The folder that holds the domains' folders.
    pub root: PathBuf,
    /// The domains, by index.
    pub domains: Vec<Domain>,
}

/// Training and validation images of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splits {
    /// For training and as reference set of Fréchet distances.
    pub train: DomainFolder,
    /// Sources and references of the evaluation.
    pub val: DomainFolder,
}

impl DomainFolder {
    /// Lists `root/<domain>/**` .
    ///
    /// # Errors
    /// [`DataError::MissingFolder`], [`DataError::NoDomains`], and [`DataError::Empty`] with the folder of a domain
    /// that holds no image.
    pub fn open(root: &Path) -> Result<Self, DataError> {
        if !root.is_dir() {
            return Err(DataError::MissingFolder {
                path: root.to_owned(),
                expected: "one folder of images per domain",
            });
        }
        let mut folders: Vec<PathBuf> = entries(root)?.into_iter().filter(|p| p.is_dir()).collect();
        folders.sort();
        if folders.is_empty() {
            return Err(DataError::NoDomains { path: root.to_owned() });
        }
        let mut domains = vec![];
        for folder in folders {
            let files = list_images(&folder)?;
            if files.is_empty() {
                return Err(DataError::Empty { path: folder });
            }
            let name = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            domains.push(Domain { name, files });
        }
        Ok(Self { root: root.to_owned(), domains })
    }

    /// Number of domains.
    pub fn len(&self) -> usize {
        self.domains.len()
    }

    /// Whether there is no domain; never so for an opened folder.
    pub fn is_empty(&self) -> bool {
        self.domains.is_empty()
    }

    /// Names of the domains, by index.
    pub fn names(&self) -> Vec<&str> {
        self.domains.iter().map(|d| d.name.as_str()).collect()
    }
}

impl Splits {
    /// Opens a data set in any of these layouts:
    ///
    /// | layout | validation images |
    /// |---|---|
    /// | `dir/train/<domain>`, `dir/val/<domain>` | those of `val` (or `test`, where there is no `val`) |
    /// | `dir/train/<domain>` | `holdout` of each domain |
    /// | `dir/<domain>` | `holdout` of each domain |
    ///
    /// `holdout` is a share in (0, 1). Which images are held out follows from their names alone, so that the split is
    /// the same on every machine and barely changes when images are added.
    ///
    /// # Errors
    /// Those of [`DomainFolder::open`]; [`DataError::DomainMismatch`] where the splits' domains differ;
    /// [`DataError::TooFew`] where a domain that must be split has a single image; [`DataError::Setting`] for a share
    /// out of range.
    pub fn open(dir: &Path, holdout: f64) -> Result<Self, DataError> {
        let train_dir = dir.join("train");
        if !train_dir.is_dir() {
            return Self::hold_out(DomainFolder::open(dir)?, holdout);
        }
        let train = DomainFolder::open(&train_dir)?;
        let Some(val_dir) = ["val", "test"].map(|name| dir.join(name)).into_iter().find(|d| d.is_dir()) else {
            return Self::hold_out(train, holdout);
        };
        let val = DomainFolder::open(&val_dir)?;
        if val.names() != train.names() {
            let owned = |f: &DomainFolder| f.names().into_iter().map(str::to_owned).collect();
            return Err(DataError::DomainMismatch { path: val_dir, found: owned(&val), expected: owned(&train) });
        }
        Ok(Self { train, val })
    }

    fn hold_out(all: DomainFolder, share: f64) -> Result<Self, DataError> {
        if !(share > 0.0 && share < 1.0) {
            return Err(DataError::Setting(format!("validation share {share}: expected a number between 0 and 1")));
        }
        let (mut train, mut val) = (all.clone(), all.clone());
        for (i, domain) in all.domains.iter().enumerate() {
            let n = domain.files.len();
            if n < 2 {
                return Err(DataError::TooFew { path: all.root.join(&domain.name), found: n, needed: 2 });
            }
            let mut ranked: Vec<(Vec<u8>, &PathBuf)> =
                domain.files.iter().map(|f| (rank(f.strip_prefix(&all.root).unwrap_or(f)), f)).collect();
            ranked.sort();
            let held = ((n as f64 * share).round() as usize).clamp(1, n - 1);
            let sorted = |part: &[(Vec<u8>, &PathBuf)]| {
                let mut files: Vec<PathBuf> = part.iter().map(|(_, f)| (*f).clone()).collect();
                files.sort();
                files
            };
            val.domains[i].files = sorted(&ranked[..held]);
            train.domains[i].files = sorted(&ranked[held..]);
        }
        Ok(Self { train, val })
    }
}

/// Pseudo-random, fixed rank of a path, the same under every separator.
pub(crate) fn rank(relative: &Path) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in relative.components() {
        hash.update(part.as_os_str().to_string_lossy().as_bytes());
        hash.update([0]);
    }
    hash.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn touch(root: &Path, names: &[&str]) {
        for name in names {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"x").unwrap();
        }
    }

    #[test]
    fn domains_rank_alphabetically_and_files_are_found_at_any_depth() {
        let dir = tempfile::tempdir().unwrap();
        touch(
            dir.path(),
            &["b/2.PNG", "b/1.jpg", "a/deep/er/x.JPeG", "a/notes.txt", "a/.hidden.png", ".cache/z.png", "readme.md"],
        );
        let folder = DomainFolder::open(dir.path()).unwrap();
        assert_eq!(folder.names(), ["a", "b"]);
        assert_eq!(folder.domains[0].files, [dir.path().join("a/deep/er/x.JPeG")]);
        assert_eq!(folder.domains[1].files, [dir.path().join("b/1.jpg"), dir.path().join("b/2.PNG")]);
    }

    #[test]
    fn what_is_wrong_with_a_folder_is_told() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(DomainFolder::open(&dir.path().join("no")), Err(DataError::MissingFolder { .. })));
        assert!(matches!(DomainFolder::open(dir.path()), Err(DataError::NoDomains { .. })));
        touch(dir.path(), &["full/1.png", "hollow/readme.txt"]);
        let error = DomainFolder::open(dir.path()).unwrap_err();
        assert!(matches!(&error, DataError::Empty { path } if path.ends_with("hollow")), "{error}");
    }

    #[test]
    fn splits_must_agree() {
        let dir = tempfile::tempdir().unwrap();
        touch(dir.path(), &["train/a/1.png", "train/b/1.png", "val/a/1.png", "val/c/1.png"]);
        let error = Splits::open(dir.path(), 0.1).unwrap_err();
        assert!(error.to_string().contains("\"c\""), "{error}");
    }

    #[test]
    fn holding_out_is_a_fixed_partition() {
        let dir = tempfile::tempdir().unwrap();
        let names: Vec<String> =
            (0..40).map(|i| format!("a/{i}.png")).chain((0..3).map(|i| format!("b/{i}.png"))).collect();
        touch(dir.path(), &names.iter().map(String::as_str).collect::<Vec<_>>());
        let splits = Splits::open(dir.path(), 0.25).unwrap();
        assert_eq!((splits.train.domains[0].files.len(), splits.val.domains[0].files.len()), (30, 10));
        assert_eq!((splits.train.domains[1].files.len(), splits.val.domains[1].files.len()), (2, 1));
        assert!(splits.val.domains[0].files.iter().all(|f| !splits.train.domains[0].files.contains(f)));
        assert_eq!(Splits::open(dir.path(), 0.25).unwrap(), splits);
        touch(dir.path(), &["a/new.png"]);
        let grown = Splits::open(dir.path(), 0.25).unwrap();
        let kept = splits.val.domains[0].files.iter().filter(|f| grown.val.domains[0].files.contains(f)).count();
        assert!(kept >= 9, "{kept}");
        assert!(matches!(Splits::open(dir.path(), 1.0), Err(DataError::Setting(_))));
        touch(dir.path(), &["c/only.png"]);
        assert!(matches!(Splits::open(dir.path(), 0.25), Err(DataError::TooFew { found: 1, .. })));
    }
}
