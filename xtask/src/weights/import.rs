//! A copy of a file that the user has.

use super::accept::{accept, create_dir, lock, what_is_wrong, writing};
use anyhow::{Context, Result, bail, ensure};
use semrel_weights::{ALL, Check, WeightsFile, sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// Copies `from` to the file's place if it is the right one.
pub fn import(file: &WeightsFile, from: &Path, folder: &Path) -> Result<PathBuf> {
    let metadata = fs::metadata(from).with_context(|| format!("{}: cannot be read", from.display()))?;
    ensure!(metadata.is_file(), "{}: not a file; name the file of {} itself", from.display(), file.name);
    let refused = || format!("{}: refused as {}", from.display(), file.name);
    if let Some(why) = what_is_wrong(file, from).with_context(refused)? {
        if let Some(other) = other(file, from, metadata.len()) {
            bail!("{} is not {} but {other}: `cargo xtask weights import {other} FILE`", from.display(), file.name);
        }
        return Err(anyhow::anyhow!(why).context(refused()));
    }
    create_dir(folder)?;
    let _lock = lock(folder)?;
    let temporary = folder.join(format!(".{}.import", file.file));
    // Checked again: what will be loaded is the copy.
    let imported =
        fs::copy(from, &temporary).map_err(|e| writing(e, &temporary)).and_then(|_| accept(file, &temporary, folder));
    let _ = fs::remove_file(&temporary);
    imported.with_context(refused)
}

/// The name of the file that this is instead.
fn other(file: &WeightsFile, from: &Path, bytes: u64) -> Option<&'static str> {
    // Weights are below a gigabyte: nothing larger is read to the end for a better word.
    let found = (bytes < 1 << 30).then(|| sha256(from).ok())??;
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
        let text = |from: &str| format!("{:#}", import(&ABC, &dir.path().join(from), &folder).unwrap_err());
        assert!(text("none").contains("none: cannot be read: No such file"), "{}", text("none"));
        assert!(text("weights").contains("weights: not a file"), "{}", text("weights"));
    }

    #[test]
    fn a_wrong_file_is_refused_before_anything_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let (from, folder) = (dir.path().join("huge.pth"), dir.path().join("weights"));
        // A hole of a terabyte, which no disk here could take a copy of and no test would wait to be read.
        fs::File::create(&from).unwrap().set_len(1 << 40).unwrap();
        let sized = WeightsFile { bytes: Some(3), ..ABC };
        let text = format!("{:#}", import(&sized, &from, &folder).unwrap_err());
        assert!(text.contains("huge.pth: refused as alexnet: it has 1099511627776 bytes"), "{text}");
        assert!(!folder.exists());
        fs::write(&from, "abd").unwrap();
        assert!(import(&ABC, &from, &folder).is_err() && !folder.exists());
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
