//! What is taken for a weights file, and how it gets its place.

use anyhow::{Result, bail};
use semrel_run::{atomic, input};
use semrel_weights::{Check, WeightsFile, sha256};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// What to do where the folder of weights is not the place to write to.
pub const ELSEWHERE: &str = "SEMREL_WEIGHTS names another folder";

/// Says what is wrong with a file that should be this one; `None` where nothing is. What costs least is looked at first.
pub fn what_is_wrong(file: &WeightsFile, path: &Path) -> Result<Option<String>> {
    let length = fs::metadata(path)?.len();
    if let Some(expected) = file.bytes.filter(|&expected| expected != length) {
        return Ok(Some(format!("it has {length} bytes, the published {} has {expected}", file.file)));
    }
    if file.sha256.is_none() {
        return not_a_checkpoint(path);
    }
    let found = sha256(path)?;
    Ok(match file.check(&found) {
        Check::Matches | Check::Unpublished => None,
        Check::Differs { expected } => Some(format!(
            "SHA-256 {found}, but that of the published {} begins with {expected}: it is a different or a damaged file",
            file.file
        )),
    })
}

/// Checks a whole temporary file and gives it its name. A wrong file is removed.
pub fn accept(file: &WeightsFile, temporary: &Path, folder: &Path) -> Result<PathBuf> {
    if let Some(why) = what_is_wrong(file, temporary)? {
        fs::remove_file(temporary).map_err(|e| writing(e, temporary))?;
        bail!(why);
    }
    if file.sha256.is_none() {
        eprintln!(
            "{}: no digest is published to compare with (this file's SHA-256 is {}); its keys and shapes are checked \
             when it is loaded",
            file.name,
            sha256(temporary)?
        );
    }
    let path = folder.join(file.file);
    // The same folder, hence the same file system: all or nothing.
    atomic::put(temporary, &path).map_err(|e| writing(e.reason, &path))?;
    Ok(path)
}

/// Says what a file is where it does not begin as PyTorch's files do, with a zip or a pickle header.
fn not_a_checkpoint(path: &Path) -> Result<Option<String>> {
    let mut start = vec![];
    io::Read::read_to_end(&mut io::Read::take(input::open(path)?, 16), &mut start)?;
    let known = start.starts_with(b"PK\x03\x04") || matches!(start[..], [0x80, 2..=5, ..]);
    Ok((!known).then(|| format!("not a PyTorch file: it begins with {:?}", String::from_utf8_lossy(&start))))
}

/// One writer at a time in the folder; the lock goes with the process.
pub fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(".lock");
    let file = File::create(&path).map_err(|e| writing(e, &path))?;
    if file.try_lock().is_err() {
        eprintln!("waiting for another process that fetches weights");
        file.lock()?;
    }
    Ok(file)
}

/// Makes the folder.
pub fn create_dir(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(|e| writing(e, dir))
}

/// An error of writing a file of the folder.
pub fn writing(error: io::Error, path: &Path) -> anyhow::Error {
    anyhow::anyhow!("{}: cannot be written: {error} ({ELSEWHERE})", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_digest_the_header_is_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let said = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            not_a_checkpoint(&path).unwrap()
        };
        assert_eq!(said(b"PK\x03\x04rest"), None);
        assert_eq!(said(b"\x80\x02\x8a\x0al"), None);
        assert!(said(b"<!DOCTYPE html>").unwrap().contains("<!DOCTYPE"));
        assert!(said(b"").is_some());
    }
}
