//! Scores that are kept in a run folder, so that what was evaluated once is not evaluated again.

use semrel_metrics::feature_cache::fingerprint;
use semrel_run::{atomic, input};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The file of an evaluation, and what its scores depend on.
#[derive(Debug)]
pub struct KeptEvaluation {
    file: PathBuf,
    depends_on: Value,
}

fn file(run: &Path, name: &str) -> PathBuf {
    run.join("evaluations").join(format!("{name}.json"))
}

impl KeptEvaluation {
    /// The evaluation called `name` of a run: `run/evaluations/<name>.json`. Its scores depend on the weights' file, on `settings`, and on the images'
    /// files (path, length and time of change). `None` where a file cannot be asked for these.
    pub fn of(run: &Path, name: &str, weights: &Path, settings: &impl Serialize, images: &[&Path]) -> Option<Self> {
        let depends_on = json!({
            "version": 1,
            "program": env!("CARGO_PKG_VERSION"),
            "weights": fingerprint("", &[weights])?,
            "settings": serde_json::to_value(settings).ok()?,
            "images": fingerprint("", images)?,
        });
        Some(Self { file: file(run, name), depends_on })
    }

    /// The scores, where they are kept and nothing has changed that they depend on.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        let text = input::read_to_string(&self.file).ok()?;
        let (depends_on, scores): (Value, Value) = serde_json::from_str(&text).ok()?;
        if depends_on == self.depends_on { serde_json::from_value(scores).ok() } else { None }
    }

    /// Forgets what is kept under `name`, where the pictures that it belongs to are about to be replaced by others.
    pub fn forget(run: &Path, name: &str) {
        // Mostly there is none.
        let _ = std::fs::remove_file(file(run, name));
    }

    /// Keeps scores. Where that fails they are only computed again the next time.
    pub fn write(&self, scores: &impl Serialize) {
        let text = serde_json::to_string_pretty(&(&self.depends_on, scores));
        let folder = self.file.parent().map_or(Ok(()), std::fs::create_dir_all);
        let written = match (text, folder) {
            (Ok(text), Ok(())) => atomic::write(&self.file, text.as_bytes()).map_err(|e| e.to_string()),
            (Err(error), _) => Err(error.to_string()),
            (_, Err(error)) => Err(error.to_string()),
        };
        if let Err(error) = written {
            tracing::warn!("the scores are not kept for another time: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_found_again_until_something_changes() {
        let dir = tempfile::tempdir().unwrap();
        let [weights, image] = ["weights", "image"].map(|name| dir.path().join(name));
        std::fs::write(&weights, "1").unwrap();
        std::fs::write(&image, "2").unwrap();
        let kept = |seed: u64| KeptEvaluation::of(dir.path(), "step-1", &weights, &seed, &[&image]).unwrap();
        assert_eq!(kept(7).read::<f64>(), None);
        kept(7).write(&61.25);
        assert_eq!(kept(7).read(), Some(61.25));
        assert_eq!(kept(8).read::<f64>(), None);
        assert_eq!(kept(7).read::<String>(), None);
        KeptEvaluation::forget(dir.path(), "step-2");
        assert_eq!(kept(7).read(), Some(61.25));
        KeptEvaluation::forget(dir.path(), "step-1");
        assert_eq!(kept(7).read::<f64>(), None);
        kept(7).write(&61.25);
        std::fs::write(&image, "another").unwrap();
        assert_eq!(kept(7).read::<f64>(), None);
        assert!(KeptEvaluation::of(dir.path(), "step-1", &dir.path().join("gone"), &7, &[]).is_none());
    }
}
