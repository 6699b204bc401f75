//! Files that a crash leaves old or new, never half.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The file system refused.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot {action}: {reason}", path.display())]
pub struct FileError {
    /// The file or folder.
    pub path: PathBuf,
    /// What was tried, such as `read`.
    pub action: &'static str,
    /// Why it failed.
    pub reason: io::Error,
}

/// For `map_err`: names the file and what was tried.
pub(crate) fn failed(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    move |reason| FileError { path, action, reason }
}

/// Writes `bytes` to `path` through a temporary file beside it, which is synced and renamed over it.
///
/// # Errors
/// Names the file; what was there before is untouched and no temporary file stays. What is there must be a file.
pub fn write(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), FileError> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let path = path.as_ref();
    // Renaming would put a file in the place of a device or a folder.
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return Err(failed(path, "write")(io::Error::other("it is there and no file")));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let unique = format!("{TEMPORARY}{name}.{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let temporary = path.with_file_name(unique);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(failed(path, "write"))?;
    sync_folder(parent(path))
}

/// Removes a file if it is there.
///
/// # Errors
/// Names the file.
pub fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path, "remove")(error)),
        _ => Ok(()),
    }
}

/// Start of the name of a file or folder that is being written.
pub(crate) const TEMPORARY: &str = ".tmp-";

/// Makes renames and removals within `folder` durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), FileError> {
    if cfg!(unix) {
        File::open(folder).and_then(|f| f.sync_all()).map_err(failed(folder, "sync"))?;
    }
    Ok(())
}

/// The folder of a path, `.` for a bare name.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The names in a folder in order, none where it does not exist.
pub(crate) fn names_in(folder: &Path) -> Result<Vec<String>, FileError> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        other => other.map_err(failed(folder, "list"))?,
    };
    let mut names = vec![];
    for entry in entries {
        names.push(entry.map_err(failed(folder, "list"))?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_replaced_and_nothing_else_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        write(&path, b"old").unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names_in(dir.path()).unwrap(), ["a.json"]);
    }

    #[test]
    fn a_failed_write_is_named_and_leaves_no_litter() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("folder");
        fs::create_dir_all(path.join("inside")).unwrap();
        let text = write(&path, b"x").unwrap_err().to_string();
        assert!(text.contains("folder: cannot write: "), "{text}");
        assert_eq!(names_in(dir.path()).unwrap(), ["folder"]);
        let text = write(dir.path().join("none/a"), b"x").unwrap_err().to_string();
        assert!(text.contains("none/a: cannot write: "), "{text}");
    }
}
