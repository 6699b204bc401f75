//! A copy of a file that the user has.

use super::{accept, create_dir, lock, writing};
use anyhow::{Context, Result, ensure};
use semrel_weights::{ALL, Check, WeightsFile, sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// Copies `from` to the file's place if it is the right one.
pub fn import(file: &WeightsFile, from: &Path, folder: &Path) -> Result<PathBuf> {
    ensure!(from.is_file(), "{}: no such file", from.display());
    create_dir(folder)?;
    let _lock = lock(folder)?;
    let temporary = folder.join(format!(".{}.import", file.file));
    // What is checked is what will be loaded: the copy.
    let imported =
        fs::copy(from, &temporary).map_err(|e| writing(e, &temporary)).and_then(|_| accept(file, &temporary, folder));
    let _ = fs::remove_file(&temporary);
    imported.with_context(|| match other(file, from) {
        Some(other) => {
            format!("{} is not {} but {other}: `cargo xtask weights import {other} FILE`", from.display(), file.name)
        }
        None => format!("{}: refused as {}", from.display(), file.name),
    })
}

/// The name of the file that this is instead.
fn other(file: &WeightsFile, from: &Path) -> Option<&'static str> {
    let found = sha256(from).ok()?;
    ALL.into_iter().find(|other| other.name != file.name && other.check(&found) == Check::Matches).map(|f| f.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use semrel_weights::{ALEXNET, DRN_D_105};

    const ABC: WeightsFile = WeightsFile { sha256: Some("ba7816bf"), ..ALEXNET };

    #[test]
    fn the_right_file_is_copied_and_another_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (from, folder) = (dir.path().join("copy.pth"), dir.path().join("weights"));
        fs::write(&from, "abc").unwrap();
        let path = import(&ABC, &from, &folder).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "abc");
        fs::write(&from, "abd").unwrap();
        let text = format!("{:#}", import(&ABC, &from, &folder).unwrap_err());
        assert!(text.contains("copy.pth") && text.contains("a52d159f") && text.contains("ba7816bf"), "{text}");
        // The good one stays, and nothing else but the lock is there.
        assert_eq!(fs::read_to_string(&path).unwrap(), "abc");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        let text = import(&ABC, &dir.path().join("none"), &folder).unwrap_err().to_string();
        assert!(text.contains("none: no such file"), "{text}");
    }

    #[test]
    fn without_a_published_digest_only_what_looks_like_weights_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let (from, folder) = (dir.path().join("copy.pth"), dir.path().join("weights"));
        fs::write(&from, "<html>").unwrap();
        assert!(format!("{:#}", import(&DRN_D_105, &from, &folder).unwrap_err()).contains("<html>"));
        fs::write(&from, b"PK\x03\x04").unwrap();
        assert_eq!(import(&DRN_D_105, &from, &folder).unwrap(), folder.join(DRN_D_105.file));
    }
}
