//! Files and folders that a crash leaves old or new, never half.
//!
//! [`write`] and [`write_with`] replace one file; [`put`] gives a finished file or folder its place. All of them sync what
//! they wrote and the folder that names it, so that what was reported as written is there after a power cut.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

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
pub fn failed(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    move |reason| FileError { path, action, reason }
}

/// Writes `bytes` to `path` through a temporary file beside it, which is synced and renamed over it.
///
/// # Errors
/// Names the file; what was there before is untouched and no temporary file stays. What is there must be a file.
pub fn write(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), FileError> {
    let path = path.as_ref();
    write_with(path, |out| out.write_all(bytes).map_err(failed(path, "write")))
}

/// Lets `fill` write a temporary file beside `path`, which is then synced and renamed over it.
///
/// A link is followed: its target is replaced, the link stays.
///
/// # Errors
/// Those of `fill`, and the file system's, which name the file. What was there before is untouched then and no temporary
/// file stays. What is there must be a file: renaming would put one in the place of a device, a pipe or a folder.
pub fn write_with<E: From<FileError>>(
    path: impl AsRef<Path>,
    fill: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
) -> Result<(), E> {
    let path = path.as_ref();
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return Err(failed(path, "write")(io::Error::other("it exists and is not a file")).into());
    }
    let is_link = fs::symlink_metadata(path).is_ok_and(|there| there.is_symlink());
    let place = if is_link { fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()) } else { path.to_owned() };
    // Removed when it is dropped, unless it was renamed.
    let temporary = temporary_beside(&place).map_err(failed(path, "write"))?;
    let (file, temporary) = temporary.into_parts();
    let mut out = BufWriter::with_capacity(1 << 18, file);
    fill(&mut out)?;
    let file = out.into_inner().map_err(|e| failed(path, "write")(e.into_error()))?;
    file.sync_all().map_err(failed(path, "write"))?;
    drop(file);
    temporary.persist(&place).map_err(|e| failed(path, "replace")(e.error))?;
    Ok(sync_folder(parent(&place))?)
}

/// A file with the permissions of any other new file, and a name that [`TEMPORARY`] and that of `place` begin.
fn temporary_beside(place: &Path) -> io::Result<tempfile::NamedTempFile> {
    /// Bytes of the name that are kept, as file systems allow 255 for all of it.
    const KEPT: usize = 200;
    let name = place.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let prefix = format!("{TEMPORARY}{}.", &name[..name.floor_char_boundary(KEPT)]);
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(parent(place))
}

/// Gives a finished file, folder or link its place, on the same file system, and makes that durable.
///
/// A file may replace a file, a link a link; a folder replaces nothing. The content of a file is synced here, that of a
/// folder must have been ([`sync_tree`]).
///
/// # Errors
/// Names `path`; `finished` and what was at `path` are untouched then.
pub fn put(finished: &Path, path: &Path) -> Result<(), FileError> {
    let kind = fs::symlink_metadata(finished).map_err(failed(finished, "read"))?.file_type();
    if let Ok(there) = fs::symlink_metadata(path)
        && (kind.is_dir() || there.file_type() != kind)
    {
        return Err(failed(path, "write")(io::ErrorKind::AlreadyExists.into()));
    }
    if kind.is_file() {
        File::open(finished).and_then(|file| file.sync_all()).map_err(failed(path, "write"))?;
    }
    fs::rename(finished, path).map_err(failed(path, "write"))?;
    sync_folder(parent(path))
}

/// Makes a folder and all that is in it durable.
///
/// # Errors
/// Names the folder or a file in it.
pub fn sync_tree(folder: &Path) -> Result<(), FileError> {
    // One call instead of one per file, of which data sets and libtorch have thousands.
    #[cfg(target_os = "linux")]
    {
        let synced = File::open(folder).and_then(|file| Ok(rustix::fs::syncfs(file)?));
        synced.map_err(failed(folder, "sync"))
    }
    #[cfg(not(target_os = "linux"))]
    {
        for name in names_in(folder)? {
            let path = folder.join(name);
            let kind = fs::symlink_metadata(&path).map_err(failed(&path, "read"))?.file_type();
            if kind.is_dir() {
                sync_tree(&path)?;
            } else if kind.is_file() {
                File::open(&path).and_then(|file| file.sync_all()).map_err(failed(&path, "sync"))?;
            }
        }
        sync_folder(folder)
    }
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
pub const TEMPORARY: &str = ".tmp-";

/// Makes renames and removals within `folder` durable.
///
/// # Errors
/// Names the folder.
pub fn sync_folder(folder: &Path) -> Result<(), FileError> {
    if cfg!(unix) {
        File::open(folder).and_then(|f| f.sync_all()).map_err(failed(folder, "sync"))?;
    }
    Ok(())
}

/// The folder of a path, `.` for a bare name.
pub fn parent(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The names in a folder in order, none where it does not exist.
///
/// # Errors
/// Names the folder.
pub fn names_in(folder: &Path) -> Result<Vec<String>, FileError> {
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
#[path = "atomic_tests.rs"]
mod tests;
