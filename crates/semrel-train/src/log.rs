//! Metrics of a run: `metrics.jsonl`, one JSON object per line, and event files for TensorBoard.

use image::{ImageFormat, RgbImage};
use protobuf::{Message, RepeatedField};
use semrel_run::atomic::{FileError, failed};
pub use semrel_run::log::FILE;
use semrel_run::log::{EVENTS, Line, cut_back};
use serde_json::json;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Cursor, Write};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tensorboard_proto::event::{Event, SessionLog, SessionLog_SessionStatus};
use tensorboard_proto::summary::{Summary, Summary_Image, Summary_Value};
use tensorboard_rs::record_writer::RecordWriter;

/// A value that ends a run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("`{name}` is {value}; the run has diverged (lower the learning rate, or check the data)")]
pub struct NonFinite {
    /// Name of the value.
    pub name: String,
    /// NaN or ±∞.
    pub value: f64,
}

/// The first value that is NaN or infinite.
pub fn first_non_finite(scalars: &[(&str, f64)]) -> Option<NonFinite> {
    let &(name, value) = scalars.iter().find(|(_, value)| !value.is_finite())?;
    Some(NonFinite { name: name.to_owned(), value })
}

/// Writes metrics and pictures of a run.
pub struct MetricsLog {
    path: PathBuf,
    lines: File,
    events_path: PathBuf,
    events: RecordWriter<BufWriter<File>>,
    began: Instant,
    seconds_before: f64,
}

impl MetricsLog {
    /// Opens the log of a run that has completed `step` steps: 0 for a new one.
    ///
    /// Lines of later steps, which a killed process wrote after its last checkpoint, are removed (and TensorBoard is
    /// told to drop its own), so that a resumed run's log is that of an uninterrupted one but for the seconds. These go
    /// on from the last line that stays.
    ///
    /// # Errors
    /// Names the file.
    pub fn open(run_folder: impl AsRef<Path>, step: u64) -> Result<Self, FileError> {
        let folder = run_folder.as_ref();
        let path = folder.join(FILE);
        let seconds_before = cut_back(&path, step)?;
        let lines = OpenOptions::new().append(true).create(true).open(&path).map_err(failed(&path, "open"))?;
        let (events_path, file) = create_events(folder)?;
        let events = RecordWriter::new(BufWriter::new(file));
        let mut log = Self { path, lines, events_path, events, began: Instant::now(), seconds_before };
        let mut version = Event::new();
        version.set_file_version("brain.Event:2".into());
        log.record(version, 0)?;
        if step > 0 {
            let mut session = SessionLog::new();
            session.set_status(SessionLog_SessionStatus::START);
            let mut start = Event::new();
            start.set_session_log(session);
            // TensorBoard drops what earlier files have from the step of this event on.
            log.record(start, step + 1)?;
        }
        log.flush_events()?;
        Ok(log)
    }

    /// Logs scalars, in the given order. `step` counts completed steps. NaN and infinities become `null` in
    /// `metrics.jsonl`.
    ///
    /// # Errors
    /// Names the file.
    pub fn log(&mut self, step: u64, scalars: &[(&str, f64)]) -> Result<(), FileError> {
        let seconds = self.seconds();
        let line = Line {
            step,
            seconds: Some((seconds * 1e3).round() / 1e3),
            // JSON has no NaN: `json!` makes it null.
            scalars: scalars.iter().map(|&(name, value)| (name.to_owned(), json!(value))).collect(),
        };
        let mut text = json!(line).to_string();
        text.push('\n');
        // One write per line: a kill leaves whole lines.
        self.lines.write_all(text.as_bytes()).map_err(failed(&self.path, "write"))?;

        let values = scalars.iter().map(|&(name, value)| {
            let mut scalar = Summary_Value::new();
            scalar.set_tag(name.to_owned());
            scalar.set_simple_value(value as f32);
            scalar
        });
        self.record_summary(values.collect(), step)
    }

    /// Seconds that the run has taken so far, those before a resume included.
    pub fn seconds(&self) -> f64 {
        self.seconds_before + self.began.elapsed().as_secs_f64()
    }

    /// Logs a picture, to the event file alone.
    ///
    /// # Errors
    /// Names the file.
    pub fn image(&mut self, step: u64, tag: &str, picture: &RgbImage) -> Result<(), FileError> {
        let mut png = Cursor::new(vec![]);
        let encoded = picture.write_to(&mut png, ImageFormat::Png);
        encoded.map_err(|e| failed(&self.events_path, "encode a picture for")(io::Error::other(e)))?;
        let mut content = Summary_Image::new();
        content.set_width(picture.width() as i32);
        content.set_height(picture.height() as i32);
        content.set_colorspace(3);
        content.set_encoded_image_string(png.into_inner());
        let mut value = Summary_Value::new();
        value.set_tag(tag.to_owned());
        value.set_image(content);
        self.record_summary(vec![value], step)
    }

    /// Makes all that was logged durable; call it before saving a checkpoint, whose resume relies on the lines up to
    /// it.
    ///
    /// # Errors
    /// Names the file.
    pub fn flush(&mut self) -> Result<(), FileError> {
        self.lines.sync_all().map_err(failed(&self.path, "write"))?;
        self.flush_events()
    }

    fn flush_events(&mut self) -> Result<(), FileError> {
        self.events.flush().map_err(failed(&self.events_path, "write"))
    }

    fn record_summary(&mut self, values: Vec<Summary_Value>, step: u64) -> Result<(), FileError> {
        let mut summary = Summary::new();
        summary.set_value(RepeatedField::from_vec(values));
        let mut event = Event::new();
        event.set_summary(summary);
        self.record(event, step)?;
        self.flush_events()
    }

    fn record(&mut self, mut event: Event, step: u64) -> Result<(), FileError> {
        event.set_wall_time(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |t| t.as_secs_f64()));
        event.set_step(step as i64);
        let bytes = event.write_to_bytes().map_err(io::Error::other);
        bytes.and_then(|b| self.events.write(&b)).map_err(failed(&self.events_path, "write"))
    }
}

/// A new event file; TensorBoard reads those of a folder in the order of their names.
fn create_events(folder: &Path) -> Result<(PathBuf, File), FileError> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs());
    let mut attempt = 0;
    loop {
        let path = folder.join(format!("{EVENTS}{seconds:010}.{}.{attempt:03}", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => attempt += 1,
            other => return other.map_err(failed(&path, "create")).map(|file| (path, file)),
        }
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
