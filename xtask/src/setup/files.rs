//! Folders and files that setup writes, with what to do about a full disk.

use anyhow::Result;
use std::fs;
use std::io;
use std::path::Path;

/// Makes a folder and those that it lies in.
pub fn create_dir(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(|e| writing(e, dir))
}

/// An error of writing below `dir`, with what to do about a full disk.
pub fn writing(error: io::Error, dir: &Path) -> anyhow::Error {
    let full = error.kind() == io::ErrorKind::StorageFull;
    let advice = if full { "; free 1.5 GB there, or name another place in XDG_CACHE_HOME" } else { "" };
    anyhow::anyhow!("{}: cannot be written: {error}{advice}", dir.display())
}
