//! A validation part of a training folder, chosen by the content of its files.
//!
//! A checkpoint that is chosen on test images flatters its method. Where a data set has no validation images, some of the training
//! images take their place: which, follows from the bytes of the files alone, not from their names, their order or the platform,
//! and adding files moves few others.

use crate::DataError;
use rayon::prelude::*;
use schemars::JsonSchema;
use semrel_run::input;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// SHA-256 of a content.
pub type ContentDigest = [u8; 32];

/// How a validation part is chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SplitRule {
    /// Contents of a domain that are for validation, in thousandths of all.
    pub permille: u32,
    /// The least number of them. A quarter of all contents is never exceeded.
    pub minimum: usize,
    /// Another salt makes another choice.
    pub salt: String,
}

impl Default for SplitRule {
    fn default() -> Self {
        Self { permille: 100, minimum: 50, salt: "val-1".to_owned() }
    }
}

/// Which files train and which validate, by index; both in the order of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Files that train.
    pub train: Vec<usize>,
    /// Files that validate.
    pub val: Vec<usize>,
    /// Number of different contents.
    pub distinct: usize,
    /// Number of different contents of the validation part.
    pub val_distinct: usize,
}

impl SplitRule {
    /// Splits files (or pairs of files, see [`pair_digest`]) by the digests of their contents. Files of one content go together.
    ///
    /// Of U contents `n = min(max(minimum, ⌈permille·U/1000⌉), ⌊U/4⌋)` validate: those whose `SHA-256(salt ‖ 0x0A ‖ digest)` come
    /// first.
    ///
    /// `None` where n is 0: there are fewer than four contents, or the rule asks for none.
    pub fn split(&self, digests: &[ContentDigest]) -> Option<Split> {
        let mut keys: BTreeMap<ContentDigest, ContentDigest> = BTreeMap::new();
        for digest in digests {
            keys.entry(self.key(digest)).or_insert(*digest);
        }
        let distinct = keys.len();
        let share = (u128::from(self.permille) * distinct as u128).div_ceil(1000).min(distinct as u128) as usize;
        let val_distinct = self.minimum.max(share).min(distinct / 4);
        if val_distinct == 0 {
            return None;
        }
        let last = *keys.keys().nth(val_distinct - 1).expect("no more than there are");
        let (val, train) = (0..digests.len()).partition(|&file| self.key(&digests[file]) <= last);
        Some(Split { train, val, distinct, val_distinct })
    }

    /// Splits the files of a domain's folder.
    ///
    /// # Errors
    /// Names a file that cannot be read; [`DataError::TooFew`] for fewer than four different contents.
    pub fn split_files(&self, folder: &Path, files: &[PathBuf]) -> Result<Split, DataError> {
        let digests = files.par_iter().map(|file| file_digest(file)).collect::<Result<Vec<_>, _>>()?;
        self.split(&digests).ok_or_else(|| DataError::TooFew {
            path: folder.to_owned(),
            found: digests.iter().collect::<std::collections::BTreeSet<_>>().len(),
            needed: 4,
        })
    }

    fn key(&self, digest: &ContentDigest) -> ContentDigest {
        Sha256::new().chain_update(self.salt.as_bytes()).chain_update([0x0A]).chain_update(digest).finalize().into()
    }
}

/// SHA-256 of a file's bytes.
///
/// # Errors
/// Names the file.
pub fn file_digest(path: &Path) -> Result<ContentDigest, DataError> {
    let failed = |e| DataError::read(path, e);
    let (mut file, mut hash, mut buffer) = (input::open(path).map_err(failed)?, Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(hash.finalize().into()),
            n => hash.update(&buffer[..n]),
        }
    }
}

/// The digest of a pair that lies in two folders: one decision for both of its files.
pub fn pair_digest(a: &ContentDigest, b: &ContentDigest) -> ContentDigest {
    Sha256::new().chain_update(a).chain_update(b).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn digests(n: u32) -> Vec<ContentDigest> {
        (0..n).map(|i| Sha256::digest(i.to_le_bytes()).into()).collect()
    }

    #[test]
    fn too_few_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = ["a", "b", "c", "copy"].map(|name| dir.path().join(name)).into();
        for (file, text) in files.iter().zip(["1", "2", "3", "3"]) {
            std::fs::write(file, text).unwrap();
        }
        let text = SplitRule::default().split_files(dir.path(), &files).unwrap_err().to_string();
        assert!(text.contains("3 image(s); at least 4"), "{text}");
        let text = SplitRule::default().split_files(dir.path(), &[dir.path().join("none")]).unwrap_err().to_string();
        assert!(text.contains("none: cannot be read"), "{text}");
        assert_eq!(SplitRule { permille: 0, minimum: 0, ..SplitRule::default() }.split(&digests(9)), None);
        let most = SplitRule { permille: u32::MAX, ..SplitRule::default() }.split(&digests(9)).unwrap();
        assert_eq!(most.val.len(), 2);
    }

    proptest! {
        #[test]
        fn order_plays_no_part_and_copies_stay_together(n in 4u32..80, turn in 0usize..80, copied in 0usize..80) {
            let mut files = digests(n);
            let copy = files[copied % n as usize];
            files.push(copy);
            let rule = SplitRule { minimum: 2, ..SplitRule::default() };
            let split = rule.split(&files).unwrap();
            prop_assert_eq!(split.val.len() + split.train.len(), files.len());
            prop_assert_eq!(split.val.contains(&(n as usize)), split.val.contains(&(copied % n as usize)));
            let chosen = |files: &[ContentDigest], split: &Split| {
                let mut chosen: Vec<_> = split.val.iter().map(|&file| files[file]).collect();
                chosen.sort_unstable();
                chosen
            };
            let mut turned = files.clone();
            turned.rotate_left(turn % files.len());
            let again = rule.split(&turned).unwrap();
            prop_assert_eq!(chosen(&turned, &again), chosen(&files, &split));
        }

        #[test]
        fn another_file_moves_at_most_one_content_each_way(n in 4u32..80) {
            let rule = SplitRule { minimum: 1, ..SplitRule::default() };
            let files = digests(n + 1);
            let before = rule.split(&files[..n as usize]).unwrap();
            let after = rule.split(&files).unwrap();
            let moved = before.val.iter().filter(|file| !after.val.contains(file)).count();
            prop_assert!(moved <= 1);
        }
    }
}
