//! `split.json`: which training images of a run are set apart for validation, by their contents.

use crate::atomic::failed;
use crate::checkpoints::CheckpointFolder;
use crate::json_file;
use crate::run_dir::{RunError, checkpoints_of};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Name of the file within a run folder.
pub const FILE: &str = "split.json";

/// What a run has set apart, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitRecord {
    /// Salt of the choice.
    pub salt: String,
    /// Contents for validation, in thousandths of all.
    pub permille: u32,
    /// The least number of them.
    pub minimum: usize,
    /// The domains; one where images come in pairs.
    pub domains: Vec<DomainRecord>,
}

/// What is set apart of one domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainRecord {
    /// Name of its folder.
    pub name: String,
    /// Files (pairs) in all.
    pub files: usize,
    /// Different contents in all.
    pub contents: usize,
    /// Files (pairs) for validation.
    pub val_files: usize,
    /// SHA-256 of the contents for validation, in ascending order.
    pub val: Vec<String>,
}

/// Refuses to go on with the run in a folder with another split than it was trained with. Changes nothing.
///
/// # Errors
/// [`RunError::OtherSplit`]; a `split.json` that cannot be read.
pub fn check(run_folder: &Path, now: Option<&SplitRecord>) -> Result<(), RunError> {
    // Before the first checkpoint nothing has been learnt.
    if CheckpointFolder::new(checkpoints_of(run_folder), usize::MAX).steps()?.is_empty() {
        return Ok(());
    }
    let then: Option<SplitRecord> = json_file::read(&run_folder.join(FILE))?;
    let what = match (&then, now) {
        (None, None) => return Ok(()),
        (Some(then), Some(now)) => match then.difference(now) {
            None => return Ok(()),
            Some(difference) => format!("{difference}; go on with the images that it was trained with"),
        },
        (Some(_), None) => {
            "the run has set training images apart for validation; go on with `eval.select: val`".to_owned()
        }
        (None, Some(_)) => {
            "the run has learnt from all training images, of which `eval.select: val` sets some apart; go on with \
             `eval.select: test` or `last`"
                .to_owned()
        }
    };
    Err(RunError::OtherSplit { folder: run_folder.to_owned(), what })
}

/// Writes `split.json` of a run folder, or removes it where nothing is set apart.
///
/// # Errors
/// Names the file.
pub fn store(run_folder: &Path, split: Option<&SplitRecord>) -> Result<(), RunError> {
    let path = run_folder.join(FILE);
    match split {
        Some(split) => Ok(json_file::write(path, split)?),
        None => match fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(failed(&path, "remove")(e).into()),
            _ => Ok(()),
        },
    }
}

impl SplitRecord {
    /// What is different now, in words.
    fn difference(&self, now: &Self) -> Option<String> {
        let rule = |split: &Self| (split.salt.clone(), split.permille, split.minimum);
        if rule(self) != rule(now) {
            return Some("its images for validation were chosen by another rule".to_owned());
        }
        let names = |split: &Self| split.domains.iter().map(|domain| domain.name.clone()).collect::<Vec<_>>();
        if names(self) != names(now) {
            return Some(format!("it was trained on {}, not on {}", names(self).join(", "), names(now).join(", ")));
        }
        let (then, now) = self.domains.iter().zip(&now.domains).find(|(then, now)| then != now)?;
        Some(if then.files == now.files {
            format!("the training images of {} are not those that it was trained on", then.name)
        } else {
            format!("there are {} training images of {}, but it was trained with {}", now.files, then.name, then.files)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(files: usize, val: &[&str]) -> SplitRecord {
        let val: Vec<String> = val.iter().map(|&text| text.to_owned()).collect();
        let domain = DomainRecord { name: "trainA".into(), files, contents: files, val_files: val.len(), val };
        SplitRecord { salt: "val-1".into(), permille: 100, minimum: 50, domains: vec![domain] }
    }

    #[test]
    fn a_run_is_resumed_with_its_own_split_alone() {
        let dir = tempfile::tempdir().unwrap();
        let own = split(9, &["aa", "bb"]);
        store(dir.path(), Some(&own)).unwrap();
        // Nothing is trained yet.
        check(dir.path(), None).unwrap();
        fs::create_dir_all(checkpoints_of(dir.path()).join("step-00000003")).unwrap();
        check(dir.path(), Some(&own)).unwrap();
        let refused = |now: Option<&SplitRecord>| check(dir.path(), now).unwrap_err().to_string();
        assert!(refused(None).contains("`eval.select: val`"));
        assert!(
            refused(Some(&split(10, &["aa", "bb"])))
                .contains("10 training images of trainA, but it was trained with 9")
        );
        assert!(refused(Some(&split(9, &["aa", "cc"]))).contains("images of trainA are not those"));
        assert!(refused(Some(&SplitRecord { minimum: 1, ..own.clone() })).contains("another rule"));
        let mut renamed = own.clone();
        renamed.domains[0].name = "train".into();
        assert!(refused(Some(&renamed)).contains("trained on trainA, not on train"));

        store(dir.path(), None).unwrap();
        store(dir.path(), None).unwrap();
        check(dir.path(), None).unwrap();
        assert!(refused(Some(&own)).contains("`eval.select: test` or `last`"));
        fs::write(dir.path().join(FILE), "{}").unwrap();
        assert!(refused(Some(&own)).contains("split.json"));
    }
}
