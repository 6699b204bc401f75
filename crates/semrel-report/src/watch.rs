//! The report as it is now.

use crate::{Folders, Report, ReportError, Sources, build};
use semrel_run::in_a_line;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

/// A report and its version.
pub struct Watched {
    /// Another one for other files.
    pub version: String,
    /// The report.
    pub report: Report,
}

/// Keeps a report up to date.
pub struct Watch {
    folders: Folders,
    now: Mutex<Arc<Watched>>,
}

impl Watch {
    /// Makes the first report.
    ///
    /// # Errors
    /// [`ReportError::Nothing`], and those of reading and making the page.
    pub fn new(folders: Folders) -> Result<Self, ReportError> {
        let watched = make(&folders, fingerprint(&folders))?;
        watched.report.problems.iter().for_each(|problem| eprintln!("warning: {problem}"));
        Ok(Self { now: Mutex::new(Arc::new(watched)), folders })
    }

    /// The report.
    pub fn now(&self) -> Arc<Watched> {
        Arc::clone(&self.now.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes the report anew if files have changed. Where that fails the former one stays.
    pub fn look(&self) {
        let version = fingerprint(&self.folders);
        if version == self.now().version {
            return;
        }
        match make(&self.folders, version) {
            Ok(watched) => *self.now.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(watched),
            Err(error) => eprintln!("warning: the page stays as it was: {}", in_a_line(&error)),
        }
    }
}

fn make(folders: &Folders, version: String) -> Result<Watched, ReportError> {
    let report = build(&Sources::read(folders)?, Some(&version))?;
    Ok(Watched { version, report })
}

/// A digest of names, sizes and times of all files that a report is made of.
fn fingerprint(folders: &Folders) -> String {
    let mut lines = vec![];
    list(&folders.results, 0, &mut lines);
    list(&folders.runs, 0, &mut lines);
    lines.sort();
    hex::encode(Sha256::digest(lines.join("\n")))[..16].to_owned()
}

/// Folders with files that no report shows, and that are large or change all the time.
const SKIPPED: [&str; 3] = ["checkpoints", "logs", "results"];

fn list(folder: &Path, depth: usize, lines: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(about) = entry.metadata() else { continue };
        // A report that `cargo xtask report` writes is no source of one, but for the explorer beside it.
        let skipped = SKIPPED.contains(&name.as_str()) || name.starts_with('.') || name.starts_with("events.out.");
        if skipped || (depth == 1 && folder.ends_with("report") && name != "explorer") {
            continue;
        }
        if about.is_dir() && depth < 7 {
            list(&entry.path(), depth + 1, lines);
        } else if about.is_file() {
            let time =
                about.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok()).map_or(0, |t| t.as_nanos());
            lines.push(format!("{} {} {time}", entry.path().display(), about.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_follows_its_files() {
        let dir = tempfile::tempdir().unwrap();
        let (results, runs) = (dir.path().join("results"), dir.path().join("runs"));
        let folders = Folders::new(results.clone(), runs.clone(), results.join("report"), (false, false)).unwrap();
        assert!(Watch::new(folders.clone()).is_err());
        fs::create_dir_all(runs.join("cut-single/a")).unwrap();
        fs::write(runs.join("cut-single/a/metrics.jsonl"), "{\"step\":1,\"loss\":2.0}\n").unwrap();
        let watch = Watch::new(folders).unwrap();
        let first = watch.now();
        watch.look();
        assert!(Arc::ptr_eq(&first, &watch.now()));
        fs::write(runs.join("cut-single/a/metrics.jsonl"), "{\"step\":1,\"loss\":2.0}\n{\"step\":2,\"loss\":1.5}\n")
            .unwrap();
        watch.look();
        assert!(watch.now().version != first.version && watch.now().report.html.contains(&watch.now().version));
        let second = watch.now();
        // Reports and checkpoints are not sources.
        for folder in [results.join("report"), runs.join("cut-single/a/checkpoints")] {
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("x"), "x").unwrap();
        }
        watch.look();
        assert_eq!(watch.now().version, second.version);
        fs::remove_dir_all(&runs).unwrap();
        watch.look();
        assert_eq!(watch.now().version, second.version);
    }
}
