//! Metrics of a run, as files: `metrics.jsonl`, one JSON object per line with `step` and `seconds`, and TensorBoard's.

use crate::atomic::{self, FileError, failed};
use crate::input;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::io;
use std::path::Path;

/// Name of the file of metrics within a run folder.
pub const FILE: &str = "metrics.jsonl";

/// Start of the names of TensorBoard's event files.
pub const EVENTS: &str = "events.out.tfevents.";

/// Whether this is the name of an event file.
pub fn is_event_file(name: &str) -> bool {
    name.starts_with(EVENTS)
}

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Completed steps.
    pub step: u64,
    /// Seconds that the run has taken so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// What was logged, by its name; `null` where it was not finite.
    #[serde(flatten)]
    pub scalars: Map<String, Value>,
}

impl Line {
    /// Reads a line.
    ///
    /// # Errors
    /// What does not fit.
    pub fn parse(line: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(line)
    }
}

/// The lines of a file's text. Damaged ones do not count.
pub fn lines(text: &[u8]) -> impl Iterator<Item = Line> {
    text.split(|&b| b == b'\n').filter_map(|line| Line::parse(line).ok())
}

/// The last step that a file of metrics tells of; 0 where there is none. Damaged lines do not count.
///
/// # Errors
/// Names the file.
pub fn last_step(path: &Path) -> Result<u64, FileError> {
    match input::read(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(e) => Err(failed(path, "read")(e)),
        Ok(text) => Ok(lines(&text).map(|line| line.step).max().unwrap_or(0)),
    }
}

/// Removes the lines after `step`, atomically, and returns the seconds of the last line that stays. Damaged lines go, too.
///
/// # Errors
/// Names the file, which is as it was then.
pub fn cut_back(path: &Path, step: u64) -> Result<f64, FileError> {
    let text = match input::read(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(0.0),
        other => other.map_err(failed(path, "read"))?,
    };
    let (mut kept, mut seconds) = (vec![], 0.0);
    for line in text.split_inclusive(|&b| b == b'\n').filter(|_| step > 0) {
        match Line::parse(line).ok().filter(|_| line.ends_with(b"\n")) {
            Some(parsed) if parsed.step <= step => {
                kept.extend_from_slice(line);
                seconds = parsed.seconds.unwrap_or(seconds);
            }
            Some(_) => {}
            None => tracing::warn!("{}: dropped a damaged line of {} bytes", path.display(), line.len()),
        }
    }
    if kept != text {
        atomic::write(path, &kept)?;
    }
    Ok(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn later_and_damaged_lines_go_and_seconds_are_those_of_the_last_that_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        assert_eq!((cut_back(&path, 3).unwrap(), last_step(&path).unwrap()), (0.0, 0));
        let kept = "{\"step\":1,\"seconds\":0.5}\n{\"step\":2,\"seconds\":1.5,\"d\":null}\n";
        fs::write(&path, format!("{kept}no JSON\n{{\"step\":3,\"seconds\":9}}\n{{\"step\":2,\"sec")).unwrap();
        assert_eq!(last_step(&path).unwrap(), 3);
        assert_eq!(cut_back(&path, 2).unwrap(), 1.5);
        assert_eq!(fs::read_to_string(&path).unwrap(), kept);
        assert_eq!(cut_back(&path, 0).unwrap(), 0.0);
        assert_eq!(fs::read(&path).unwrap(), b"");
    }
}
