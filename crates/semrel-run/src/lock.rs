//! One process a folder.

use crate::atomic::{FileError, failed};
use crate::run_dir::RunError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

/// Name of the lock file; it stays in the folder, and marks it as a run's.
pub(crate) const FILE: &str = ".semrel.lock";

/// Held while it lives. The system releases the lock of a process that was killed.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "closing the file releases the lock")] File);

impl Lock {
    /// Takes the lock of a folder that is there.
    ///
    /// # Errors
    /// [`RunError::Locked`] names the folder and its holder, where another process has it; [`RunError::File`].
    pub fn take(folder: &Path) -> Result<Self, RunError> {
        let path = folder.join(FILE);
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = options.map_err(failed(&path, "open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // A lock that bars reading as well hides its holder; it holds all the same.
                let holder = file.read_to_string(&mut pid).ok().and_then(|_| pid.trim().parse().ok());
                return Err(RunError::Locked { folder: folder.to_owned(), holder });
            }
            Err(TryLockError::Error(reason)) => {
                return Err(FileError { path, action: "lock", reason }.into());
            }
        }
        let wrote = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        wrote.map_err(failed(&path, "write"))?;
        Ok(Self(file))
    }
}
