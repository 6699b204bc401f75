//! Checkpoints: tensors and state of a step, saved so that a crash at any moment leaves a whole checkpoint.
//!
//! `checkpoints/step-00001000/` holds safetensors files and `state.json`, which carries the step, the state, and the
//! size and SHA-256 of every other file: a checkpoint that was cut short is always noticed. The folder is written under
//! another name, synced, and renamed. `checkpoints/best` names the best one. Names that start with `.` are leftovers of
//! a process that was killed; they are never picked up.

use crate::atomic::{self, FileError, TEMPORARY, failed, names_in, sync_folder};
use crate::run_dir::checkpoints_of;
use semrel_nn::checkpoint::{StateDict, load_safetensors};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a checkpoint holds.
#[derive(Debug)]
pub struct Snapshot {
    /// Tensors by file stem: `networks` is saved as `networks.safetensors`.
    pub files: BTreeMap<String, StateDict>,
    /// What is no tensor: optimiser steps, best score.
    pub state: serde_json::Value,
}

/// A checkpoint that could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file system refused. Checkpoints that were there before are intact.
    #[error(transparent)]
    File(#[from] FileError),
    /// A tensor file could not be written, or read though its checksum is right. Older checkpoints are intact.
    #[error(transparent)]
    Tensors(#[from] semrel_nn::checkpoint::CheckpointError),
    /// A file of a checkpoint is missing, cut short or altered.
    #[error("{}: {what}; {remedy}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
        /// The way out.
        remedy: String,
    },
    /// There is no checkpoint of that step.
    #[error("{}: no checkpoint of step {step}; there are: {there_are}", folder.display())]
    Missing {
        /// The folder of checkpoints.
        folder: PathBuf,
        /// The step.
        step: u64,
        /// The steps there are.
        there_are: String,
    },
    /// A run without any checkpoint.
    #[error("{}: the run has no checkpoint yet", .0.display())]
    NoneYet(PathBuf),
    /// A word that names no checkpoint.
    #[error("checkpoint `{0}`: expected `last`, `best` or a step's number")]
    Which(String),
    /// A name that cannot be a file of a checkpoint.
    #[error("`{0}` cannot name a file of a checkpoint; letters, digits, `-` and `_` can")]
    Stem(String),
}

/// The checkpoints of a run.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    folder: PathBuf,
    keep: usize,
}

const STATE: &str = "state.json";
const BEST: &str = "best";
/// A checkpoint that a new one of the same step is about to replace.
const REPLACED: &str = ".old-";
/// A checkpoint that is being removed.
const PRUNED: &str = ".gone-";

#[derive(Serialize, Deserialize)]
struct StateFile {
    step: u64,
    files: BTreeMap<String, Digested>,
    state: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
struct Digested {
    bytes: u64,
    sha256: String,
}

impl Checkpoints {
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
    pub fn steps(&self) -> Result<Vec<u64>, SnapshotError> {
        let mut steps: Vec<u64> = names_in(&self.folder)?.iter().filter_map(|name| step_of(name)).collect();
        steps.sort_unstable();
        Ok(steps)
    }

    /// Folder of the checkpoint of `step`.
    pub fn path(&self, step: u64) -> PathBuf {
        self.folder.join(name_of(step))
    }

    /// Saves the checkpoint of `step`, durably, then removes those beyond the last `keep` and the best.
    ///
    /// Its bytes depend on the arguments alone.
    ///
    /// # Errors
    /// Names the file that could not be written. Checkpoints that were there before are intact.
    pub fn save(&self, step: u64, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        for stem in snapshot.files.keys() {
            if stem.is_empty() || !stem.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
                return Err(SnapshotError::Stem(stem.clone()));
            }
        }
        fs::create_dir_all(&self.folder).map_err(failed(&self.folder, "create"))?;
        sync_folder(atomic::parent(&self.folder))?;
        let temporary = self.folder.join(format!("{TEMPORARY}{}", name_of(step)));
        remove_folder(&temporary)?;
        let written = write_folder(&temporary, step, snapshot).and_then(|()| self.put_in_place(&temporary, step));
        if written.is_err() {
            // The error that led here says more than one of the removal would.
            let _ = remove_folder(&temporary);
        }
        written?;
        self.prune()
    }

    fn put_in_place(&self, temporary: &Path, step: u64) -> Result<(), SnapshotError> {
        let (target, replaced) = (self.path(step), self.folder.join(format!("{REPLACED}{}", name_of(step))));
        remove_folder(&replaced)?;
        if target.exists() {
            fs::rename(&target, &replaced).map_err(failed(&target, "replace"))?;
        }
        if let Err(reason) = fs::rename(temporary, &target) {
            // Fails harmlessly where nothing was replaced.
            let _ = fs::rename(&replaced, &target);
            return Err(failed(&target, "rename to")(reason).into());
        }
        sync_folder(&self.folder)?;
        Ok(remove_folder(&replaced)?)
    }

    /// Marks the checkpoint of `step` as the best, which is kept whatever its age.
    ///
    /// # Errors
    /// [`SnapshotError::Missing`], or the file system's.
    pub fn mark_best(&self, step: u64) -> Result<(), SnapshotError> {
        self.require(step)?;
        atomic::write(self.folder.join(BEST), format!("{}\n", name_of(step)).as_bytes())?;
        self.prune()
    }

    /// Step of the best checkpoint, where one is marked.
    ///
    /// # Errors
    /// [`SnapshotError::Damaged`] where the mark is unreadable.
    pub fn best_step(&self) -> Result<Option<u64>, SnapshotError> {
        let path = self.folder.join(BEST);
        let text = match fs::read_to_string(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(failed(&path, "read"))?,
        };
        step_of(text.trim_end()).map(Some).ok_or_else(|| SnapshotError::Damaged {
            path,
            what: format!("`{}` names no checkpoint", text.trim_end().escape_debug()),
            remedy: "delete the file, or write the name of the best checkpoint's folder into it".into(),
        })
    }

    /// Loads the checkpoint of `step`.
    ///
    /// # Errors
    /// [`SnapshotError::Missing`]; [`SnapshotError::Damaged`] names the file and the way out.
    pub fn load(&self, step: u64) -> Result<Snapshot, SnapshotError> {
        let state = self.read_state(step)?;
        let mut files = BTreeMap::new();
        for (name, digested) in &state.files {
            let stem = name.strip_suffix(".safetensors").unwrap_or(name);
            files.insert(stem.to_owned(), self.load_verified(step, name, digested)?);
        }
        Ok(Snapshot { files, state: state.state })
    }

    /// Loads one file of the checkpoint of `step`, by stem: averaged networks, without what only training needs.
    ///
    /// # Errors
    /// As [`Checkpoints::load`].
    pub fn load_file(&self, step: u64, stem: &str) -> Result<StateDict, SnapshotError> {
        let state = self.read_state(step)?;
        let name = format!("{stem}.safetensors");
        match state.files.get(&name) {
            Some(digested) => self.load_verified(step, &name, digested),
            None => {
                let there_are: Vec<&str> = state.files.keys().map(String::as_str).collect();
                let what = format!("the checkpoint has no such file, only {}", there_are.join(", "));
                let remedy = "name one of these, or a checkpoint of another run".into();
                Err(SnapshotError::Damaged { path: self.path(step).join(name), what, remedy })
            }
        }
    }

    /// The state of the checkpoint of `step`, without its tensors.
    ///
    /// # Errors
    /// As [`Checkpoints::load`].
    pub fn load_state(&self, step: u64) -> Result<serde_json::Value, SnapshotError> {
        Ok(self.read_state(step)?.state)
    }

    /// Step of the checkpoint that `which` names: `last`, `best` (the last where none is marked), or a step's number. `None`
    /// where there is none at all.
    ///
    /// # Errors
    /// [`SnapshotError::Which`] for another word, [`SnapshotError::Missing`] for a step that is not there.
    pub fn find(&self, which: &str) -> Result<Option<u64>, SnapshotError> {
        let steps = self.steps()?;
        let last = steps.last().copied();
        match which {
            "last" => Ok(last),
            "best" => Ok(self.best_step()?.or(last)),
            step => {
                let step: u64 = step.parse().map_err(|_| SnapshotError::Which(step.to_owned()))?;
                if steps.contains(&step) { Ok(Some(step)) } else { Err(self.missing(step, &steps)) }
            }
        }
    }

    /// The checkpoints of a run folder, and the step of the one that `which` names ([`Checkpoints::find`]).
    ///
    /// # Errors
    /// As [`Checkpoints::find`]; [`SnapshotError::NoneYet`].
    pub fn of_run(run_dir: &Path, which: &str) -> Result<(Self, u64), SnapshotError> {
        let checkpoints = Self::new(checkpoints_of(run_dir), usize::MAX);
        let step = checkpoints.find(which)?.ok_or_else(|| SnapshotError::NoneYet(run_dir.to_owned()))?;
        Ok((checkpoints, step))
    }

    fn missing(&self, step: u64, steps: &[u64]) -> SnapshotError {
        let steps: Vec<String> = steps.iter().map(u64::to_string).collect();
        let there_are = if steps.is_empty() { "none".to_owned() } else { steps.join(", ") };
        SnapshotError::Missing { folder: self.folder.clone(), step, there_are }
    }

    /// Loads the checkpoint of the highest step; `None` where there is none.
    ///
    /// # Errors
    /// As [`Checkpoints::load`]: a damaged checkpoint is never passed over in silence.
    pub fn latest(&self) -> Result<Option<(u64, Snapshot)>, SnapshotError> {
        let Some(&step) = self.steps()?.last() else { return Ok(None) };
        Ok(Some((step, self.load(step)?)))
    }

    /// Loads the best checkpoint; `None` where none is marked.
    ///
    /// # Errors
    /// As [`Checkpoints::load`].
    pub fn best(&self) -> Result<Option<(u64, Snapshot)>, SnapshotError> {
        let Some(step) = self.best_step()? else { return Ok(None) };
        Ok(Some((step, self.load(step)?)))
    }

    /// Removes what a killed process has left half done. Only for the process that holds the run folder.
    ///
    /// # Errors
    /// The file system's.
    pub fn clean(&self) -> Result<(), SnapshotError> {
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

    fn prune(&self) -> Result<(), SnapshotError> {
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

    fn require(&self, step: u64) -> Result<(), SnapshotError> {
        if self.path(step).is_dir() {
            return Ok(());
        }
        Err(self.missing(step, &self.steps()?))
    }

    fn read_state(&self, step: u64) -> Result<StateFile, SnapshotError> {
        self.require(step)?;
        let path = self.path(step).join(STATE);
        let bytes = self.read(step, &path)?;
        let state: StateFile = serde_json::from_slice(&bytes)
            .map_err(|e| self.damaged(step, &path, format!("cut short or altered: {e}")))?;
        match state.step {
            s if s == step => Ok(state),
            s => Err(self.damaged(step, &path, format!("it is of step {s}, but its folder of step {step}"))),
        }
    }

    fn load_verified(&self, step: u64, name: &str, expected: &Digested) -> Result<StateDict, SnapshotError> {
        let path = self.path(step).join(name);
        let bytes = self.read(step, &path)?;
        if bytes.len() as u64 != expected.bytes {
            let what = format!("{} bytes, but {} were saved", bytes.len(), expected.bytes);
            return Err(self.damaged(step, &path, what));
        }
        if digest(&bytes).sha256 != expected.sha256 {
            return Err(self.damaged(step, &path, "its content is not what was saved (SHA-256 differs)".into()));
        }
        drop(bytes);
        Ok(load_safetensors(path)?)
    }

    fn read(&self, step: u64, path: &Path) -> Result<Vec<u8>, SnapshotError> {
        fs::read(path).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => self.damaged(step, path, "missing".into()),
            _ => failed(path, "read")(e).into(),
        })
    }

    fn damaged(&self, step: u64, path: &Path, what: String) -> SnapshotError {
        let before = self.steps().unwrap_or_default().into_iter().rev().find(|&s| s < step);
        let then = before.map_or("start from the beginning".to_owned(), |s| format!("resume from step {s}"));
        let remedy = format!("delete {} to {then}", self.path(step).display());
        SnapshotError::Damaged { path: path.to_owned(), what, remedy }
    }
}

fn name_of(step: u64) -> String {
    format!("step-{step:08}")
}

/// The step of a checkpoint's folder name, which must be exactly what [`name_of`] gives.
fn step_of(name: &str) -> Option<u64> {
    let step = name.strip_prefix("step-")?.parse().ok()?;
    (name_of(step) == name).then_some(step)
}

fn write_folder(folder: &Path, step: u64, snapshot: &Snapshot) -> Result<(), SnapshotError> {
    fs::create_dir(folder).map_err(failed(folder, "create"))?;
    let mut files = BTreeMap::new();
    for (stem, tensors) in &snapshot.files {
        let name = format!("{stem}.safetensors");
        let path = folder.join(&name);
        // Synced by `save`.
        semrel_nn::checkpoint::save(&path, tensors, &BTreeMap::new())?;
        files.insert(name, digest(&fs::read(&path).map_err(failed(&path, "read back"))?));
    }
    let path = folder.join(STATE);
    let state = StateFile { step, files, state: snapshot.state.clone() };
    let mut text = serde_json::to_vec_pretty(&state).map_err(|e| failed(&path, "write")(e.into()))?;
    text.push(b'\n');
    Ok(atomic::write(&path, &text)?)
}

fn digest(bytes: &[u8]) -> Digested {
    Digested { bytes: bytes.len() as u64, sha256: hex::encode(Sha256::digest(bytes)) }
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
                if file == STATE || file.ends_with(".safetensors") || file.starts_with('.') {
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
