//! Checkpoints as folders: names, states and digests. What is in their files is the trainer's.
//!
//! `checkpoints/step-00001000/` holds the trainer's files and `state.json`, which carries the step, the state, and the size
//! and SHA-256 of every other file: a checkpoint that was cut short is always noticed. The folder is written under another
//! name, synced, and renamed. `checkpoints/best` names the best one. Names that start with `.` are leftovers of a process
//! that was killed; they are never picked up.

mod error;

use crate::atomic::{self, FileError, TEMPORARY, failed, names_in, sync_folder};
use crate::input;
use crate::run_dir::checkpoints_of;
pub use error::CheckpointFolderError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The folder of a run's checkpoints.
#[derive(Debug, Clone)]
pub struct CheckpointFolder {
    folder: PathBuf,
    keep: usize,
}

/// Ending of the names of a checkpoint's files.
pub const ENDING: &str = ".safetensors";

/// Name of the file with a checkpoint's state and digests.
pub const STATE: &str = "state.json";
const BEST: &str = "best";
/// A checkpoint that a new one of the same step is about to replace.
const REPLACED: &str = ".old-";
/// A checkpoint that is being removed.
const PRUNED: &str = ".gone-";

#[derive(Serialize, Deserialize)]
struct StateFile {
    step: u64,
    files: BTreeMap<String, Digested>,
    state: Value,
}

#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct Digested {
    bytes: u64,
    sha256: String,
}

impl CheckpointFolder {
    /// The checkpoints in `folder`, which need not exist yet. Saving keeps the last `keep` (at least 1) and the best.
    ///
    /// Any process may read; only the one that holds the run folder may save.
    pub fn new(folder: impl Into<PathBuf>, keep: usize) -> Self {
        Self { folder: folder.into(), keep: keep.max(1) }
    }

    /// Steps of which there are checkpoints, ascending.
    ///
    /// # Errors
    /// Where the folder cannot be listed.
    pub fn steps(&self) -> Result<Vec<u64>, CheckpointFolderError> {
        let mut steps: Vec<u64> = names_in(&self.folder)?.iter().filter_map(|name| step_of(name)).collect();
        steps.sort_unstable();
        Ok(steps)
    }

    /// Folder of the checkpoint of `step`.
    pub fn path(&self, step: u64) -> PathBuf {
        self.folder.join(name_of(step))
    }

    /// The file of the checkpoint of `step` with this stem.
    pub fn file(&self, step: u64, stem: &str) -> PathBuf {
        self.path(step).join(file_name(stem))
    }

    /// Saves the checkpoint of `step`, durably, then removes those beyond the last `keep` and the best.
    ///
    /// `write` is called with each of the stems and the path of its file, which it must write and sync. The other bytes
    /// depend on the arguments alone.
    ///
    /// # Errors
    /// Names the file that could not be written. Checkpoints that were there before are intact.
    pub fn save<'s, E: From<CheckpointFolderError>>(
        &self,
        step: u64,
        state: &Value,
        stems: impl Iterator<Item = &'s String> + Clone,
        write: impl FnMut(&str, &Path) -> Result<(), E>,
    ) -> Result<(), E> {
        for stem in stems.clone() {
            if stem.is_empty() || !stem.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
                return Err(CheckpointFolderError::Stem(stem.clone()).into());
            }
        }
        let temporary = self.prepare(step)?;
        let written =
            write_folder(&temporary, step, state, stems, write).and_then(|()| Ok(self.put_in_place(&temporary, step)?));
        if written.is_err() {
            // The error that led here says more than one of the removal would.
            let _ = remove_folder(&temporary);
        }
        written?;
        Ok(self.prune()?)
    }

    /// The place to write a checkpoint of `step` in, which is free.
    fn prepare(&self, step: u64) -> Result<PathBuf, CheckpointFolderError> {
        fs::create_dir_all(&self.folder).map_err(failed(&self.folder, "create"))?;
        sync_folder(atomic::parent(&self.folder))?;
        let temporary = self.folder.join(format!("{TEMPORARY}{}", name_of(step)));
        remove_folder(&temporary)?;
        Ok(temporary)
    }

    fn put_in_place(&self, temporary: &Path, step: u64) -> Result<(), CheckpointFolderError> {
        let (target, replaced) = (self.path(step), self.folder.join(format!("{REPLACED}{}", name_of(step))));
        remove_folder(&replaced)?;
        if target.exists() {
            fs::rename(&target, &replaced).map_err(failed(&target, "replace"))?;
        }
        if let Err(error) = atomic::put(temporary, &target) {
            // Fails harmlessly where nothing was replaced.
            let _ = fs::rename(&replaced, &target);
            return Err(error.into());
        }
        Ok(remove_folder(&replaced)?)
    }

    /// Marks the checkpoint of `step` as the best, which is kept whatever its age.
    ///
    /// # Errors
    /// [`CheckpointFolderError::Missing`], or the file system's.
    pub fn mark_best(&self, step: u64) -> Result<(), CheckpointFolderError> {
        self.require(step)?;
        atomic::write(self.folder.join(BEST), format!("{}\n", name_of(step)).as_bytes())?;
        self.prune()
    }

    /// Step of the best checkpoint, where one is marked.
    ///
    /// # Errors
    /// [`CheckpointFolderError::Damaged`] where the mark is unreadable.
    pub fn best_step(&self) -> Result<Option<u64>, CheckpointFolderError> {
        let path = self.folder.join(BEST);
        let text = match input::read_to_string(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(failed(&path, "read"))?,
        };
        step_of(text.trim_end()).map(Some).ok_or_else(|| CheckpointFolderError::Damaged {
            path,
            what: format!("`{}` names no checkpoint", text.trim_end().escape_debug()),
            remedy: "delete the file, or write the name of the best checkpoint's folder into it".into(),
        })
    }

    /// The state of the checkpoint of `step`.
    ///
    /// # Errors
    /// [`CheckpointFolderError::Missing`]; [`CheckpointFolderError::Damaged`] names the file and the way out.
    pub fn load_state(&self, step: u64) -> Result<Value, CheckpointFolderError> {
        Ok(self.read_state(step)?.state)
    }

    /// The state of the checkpoint of `step`, and its files by stem, whose sizes and digests are right.
    ///
    /// # Errors
    /// As [`CheckpointFolder::load_state`].
    pub fn load(&self, step: u64) -> Result<(Value, BTreeMap<String, PathBuf>), CheckpointFolderError> {
        let StateFile { files, state, .. } = self.read_state(step)?;
        let verified = files.iter().map(|(name, digested)| {
            let stem = name.strip_suffix(ENDING).unwrap_or(name).to_owned();
            Ok((stem, self.verified(step, name, digested)?))
        });
        Ok((state, verified.collect::<Result<_, CheckpointFolderError>>()?))
    }

    /// One file of the checkpoint of `step`, by stem, whose size and digest are right.
    ///
    /// # Errors
    /// As [`CheckpointFolder::load_state`].
    pub fn load_file(&self, step: u64, stem: &str) -> Result<PathBuf, CheckpointFolderError> {
        let state = self.read_state(step)?;
        let name = file_name(stem);
        match state.files.get(&name) {
            Some(digested) => self.verified(step, &name, digested),
            None => {
                let there_are: Vec<&str> = state.files.keys().map(String::as_str).collect();
                let what = format!("the checkpoint has no such file, only {}", there_are.join(", "));
                let remedy = "name one of these, or a checkpoint of another run".into();
                Err(CheckpointFolderError::Damaged { path: self.file(step, stem), what, remedy })
            }
        }
    }

    /// Step of the checkpoint that `which` names: `last`, `best` (the last where none is marked), or a step's number. `None`
    /// where there is none at all.
    ///
    /// # Errors
    /// [`CheckpointFolderError::Which`] for another word, [`CheckpointFolderError::Missing`] for a step that is not there.
    pub fn find(&self, which: &str) -> Result<Option<u64>, CheckpointFolderError> {
        let steps = self.steps()?;
        let last = steps.last().copied();
        match which {
            "last" => Ok(last),
            "best" => Ok(self.best_step()?.or(last)),
            step => {
                let step: u64 = step.parse().map_err(|_| CheckpointFolderError::Which(step.to_owned()))?;
                if steps.contains(&step) { Ok(Some(step)) } else { Err(self.missing(step, &steps)) }
            }
        }
    }

    /// The checkpoints of a run folder, and the step of the one that `which` names ([`Checkpoints::find`]).
    ///
    /// # Errors
    /// As [`Checkpoints::find`]; [`CheckpointFolderError::NoneYet`].
    pub fn of_run(run_dir: &Path, which: &str) -> Result<(Self, u64), CheckpointFolderError> {
        let checkpoints = Self::new(checkpoints_of(run_dir), usize::MAX);
        let step = checkpoints.find(which)?.ok_or_else(|| CheckpointFolderError::NoneYet(run_dir.to_owned()))?;
        Ok((checkpoints, step))
    }

    fn missing(&self, step: u64, steps: &[u64]) -> CheckpointFolderError {
        let steps: Vec<String> = steps.iter().map(u64::to_string).collect();
        let there_are = if steps.is_empty() { "none".to_owned() } else { steps.join(", ") };
        CheckpointFolderError::Missing { folder: self.folder.clone(), step, there_are }
    }

    /// Removes what a killed process has left half done. Only for the process that holds the run folder.
    ///
    /// # Errors
    /// The file system's.
    pub fn clean(&self) -> Result<(), CheckpointFolderError> {
        for name in names_in(&self.folder)? {
            let path = self.folder.join(&name);
            let original = name.strip_prefix(REPLACED).map(|original| self.folder.join(original));
            if let Some(original) = original.filter(|original| !original.exists()) {
                // Killed between moving the old one away and putting the new one in its place.
                fs::rename(&path, &original).map_err(failed(&original, "restore"))?;
            } else if [TEMPORARY, REPLACED, PRUNED].iter().any(|prefix| name.starts_with(prefix)) {
                if path.is_dir() {
                    remove_folder(&path)?;
                } else {
                    fs::remove_file(&path).map_err(failed(&path, "remove"))?;
                }
            }
        }
        Ok(())
    }

    fn prune(&self) -> Result<(), CheckpointFolderError> {
        let (steps, best) = (self.steps()?, self.best_step()?);
        for &step in &steps[..steps.len().saturating_sub(self.keep)] {
            if Some(step) != best {
                // Renamed first, so that a crash leaves no checkpoint without its files.
                let (path, pruned) = (self.path(step), self.folder.join(format!("{PRUNED}{}", name_of(step))));
                remove_folder(&pruned)?;
                fs::rename(&path, &pruned).map_err(failed(&path, "remove"))?;
                remove_folder(&pruned)?;
            }
        }
        Ok(())
    }

    fn require(&self, step: u64) -> Result<(), CheckpointFolderError> {
        if self.path(step).is_dir() {
            return Ok(());
        }
        Err(self.missing(step, &self.steps()?))
    }

    fn read_state(&self, step: u64) -> Result<StateFile, CheckpointFolderError> {
        self.require(step)?;
        let path = self.path(step).join(STATE);
        let bytes = input::read(&path).map_err(|e| self.unread(step, &path, e))?;
        let state: StateFile = serde_json::from_slice(&bytes)
            .map_err(|e| self.damaged(step, &path, format!("cut short or altered: {e}")))?;
        match state.step {
            s if s == step => Ok(state),
            s => Err(self.damaged(step, &path, format!("it is of step {s}, but its folder of step {step}"))),
        }
    }

    fn verified(&self, step: u64, name: &str, expected: &Digested) -> Result<PathBuf, CheckpointFolderError> {
        let path = self.path(step).join(name);
        let found = digest(&path).map_err(|e| self.unread(step, &path, e))?;
        if found.bytes != expected.bytes {
            let what = format!("{} bytes, but {} were saved", found.bytes, expected.bytes);
            return Err(self.damaged(step, &path, what));
        }
        if found != *expected {
            return Err(self.damaged(step, &path, "its content is not what was saved (SHA-256 differs)".into()));
        }
        Ok(path)
    }

    fn unread(&self, step: u64, path: &Path, reason: io::Error) -> CheckpointFolderError {
        match reason.kind() {
            io::ErrorKind::NotFound => self.damaged(step, path, "missing".into()),
            _ => failed(path, "read")(reason).into(),
        }
    }

    fn damaged(&self, step: u64, path: &Path, what: String) -> CheckpointFolderError {
        let before = self.steps().unwrap_or_default().into_iter().rev().find(|&s| s < step);
        let then = before.map_or("start from the beginning".to_owned(), |s| format!("resume from step {s}"));
        let remedy = format!("delete {} to {then}", self.path(step).display());
        CheckpointFolderError::Damaged { path: path.to_owned(), what, remedy }
    }
}

fn name_of(step: u64) -> String {
    format!("step-{step:08}")
}

fn file_name(stem: &str) -> String {
    format!("{stem}{ENDING}")
}

/// The step of a checkpoint's folder name, which must be exactly what [`name_of`] gives.
fn step_of(name: &str) -> Option<u64> {
    let step = name.strip_prefix("step-")?.parse().ok()?;
    (name_of(step) == name).then_some(step)
}

fn write_folder<'s, E: From<CheckpointFolderError>>(
    folder: &Path,
    step: u64,
    state: &Value,
    stems: impl Iterator<Item = &'s String>,
    mut write: impl FnMut(&str, &Path) -> Result<(), E>,
) -> Result<(), E> {
    let of_file = CheckpointFolderError::File;
    fs::create_dir(folder).map_err(failed(folder, "create")).map_err(of_file)?;
    let mut files = BTreeMap::new();
    for stem in stems {
        let name = file_name(stem);
        let path = folder.join(&name);
        write(stem, &path)?;
        files.insert(name, digest(&path).map_err(failed(&path, "read back")).map_err(of_file)?);
    }
    let path = folder.join(STATE);
    let state = StateFile { step, files, state: state.clone() };
    let mut text = serde_json::to_vec_pretty(&state).map_err(|e| of_file(failed(&path, "write")(e.into())))?;
    text.push(b'\n');
    Ok(atomic::write(&path, &text).map_err(of_file)?)
}

/// Size and digest of a file, read piece by piece.
fn digest(path: &Path) -> io::Result<Digested> {
    let (mut file, mut hash) = (input::open(path)?, Sha256::new());
    let (mut buffer, mut bytes) = (vec![0; 1 << 16], 0);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(Digested { bytes, sha256: hex::encode(hash.finalize()) }),
            n => {
                hash.update(&buffer[..n]);
                bytes += n as u64;
            }
        }
    }
}

fn remove_folder(folder: &Path) -> Result<(), FileError> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(failed(folder, "remove")(e)),
        _ => Ok(()),
    }
}

/// Removes the checkpoints of `folder`, file by file: what is not a checkpoint's stays.
pub(crate) fn remove_all(folder: &Path) -> Result<(), FileError> {
    for name in names_in(folder)? {
        let path = folder.join(&name);
        let leftover = [TEMPORARY, REPLACED, PRUNED].iter().find_map(|prefix| name.strip_prefix(prefix));
        if path.is_dir() && step_of(leftover.unwrap_or(&name)).is_some() {
            for file in names_in(&path)? {
                if file == STATE || file.ends_with(ENDING) || file.starts_with('.') {
                    let file = path.join(file);
                    fs::remove_file(&file).map_err(failed(&file, "remove"))?;
                }
            }
            // Fails where something of another's is in it.
            let _ = fs::remove_dir(&path);
        } else if name == BEST || (name.starts_with(TEMPORARY) && path.is_file()) {
            fs::remove_file(&path).map_err(failed(&path, "remove"))?;
        }
    }
    let _ = fs::remove_dir(folder);
    Ok(())
}

#[cfg(test)]
#[path = "checkpoints_tests.rs"]
mod tests;
