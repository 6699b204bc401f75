//! Scores that are kept in a run folder, so that what was evaluated once is not evaluated again.
//!
//! Scores are taken only while the pictures of the evaluation are those that were scored: another generator, run or
//! command may have written others in their place.

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
    pictures: Vec<PathBuf>,
}

impl KeptEvaluation {
    /// The evaluation called `name` of a run: `run/evaluations/<name>.json`. Its scores depend on the weights' file, on
    /// `settings`, and on the images' files (path, length and time of change). `None` where a file cannot be asked for
    /// these.
    pub fn of(run: &Path, name: &str, weights: &Path, settings: &impl Serialize, images: &[&Path]) -> Option<Self> {
        let depends_on = json!({
            "version": 1,
            "program": env!("CARGO_PKG_VERSION"),
            "weights": fingerprint("", &[weights])?,
            "settings": serde_json::to_value(settings).ok()?,
            "images": fingerprint("", images)?,
        });
        let file = run.join("evaluations").join(format!("{name}.json"));
        Some(Self { file, depends_on, pictures: vec![] })
    }

    /// The same of an evaluation that writes these pictures.
    #[must_use]
    pub fn with_pictures(self, pictures: Vec<PathBuf>) -> Self {
        Self { pictures, ..self }
    }

    /// What the scores depend on, and the pictures as they are now. `None` where one of them is not there.
    fn state(&self) -> Option<Value> {
        let pictures: Vec<&Path> = self.pictures.iter().map(PathBuf::as_path).collect();
        let mut state = self.depends_on.clone();
        state["pictures"] = fingerprint("", &pictures)?.into();
        Some(state)
    }

    /// The scores, where they are kept, nothing has changed that they depend on, and the pictures are those scored.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        let text = input::read_to_string(&self.file).ok()?;
        let (state, scores): (Value, Value) = serde_json::from_str(&text).ok()?;
        if state == self.state()? { serde_json::from_value(scores).ok() } else { None }
    }

    /// Keeps scores, once the pictures are written. Where that fails they are only computed again the next time.
    pub fn write(&self, scores: &impl Serialize) {
        // Scores are not taken where a picture is gone.
        let Some(state) = self.state() else { return };
        let text = serde_json::to_string_pretty(&(state, scores));
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
        std::fs::write(&image, "another").unwrap();
        assert_eq!(kept(7).read::<f64>(), None);
        assert!(KeptEvaluation::of(dir.path(), "step-1", &dir.path().join("gone"), &7, &[]).is_none());
    }

    #[test]
    fn scores_are_those_of_their_pictures() {
        let dir = tempfile::tempdir().unwrap();
        let [weights, a, b] = ["weights", "a", "b"].map(|name| dir.path().join(name));
        for file in [&weights, &a, &b] {
            std::fs::write(file, "1").unwrap();
        }
        let kept = KeptEvaluation::of(dir.path(), "test", &weights, &7, &[]).unwrap();
        let kept = kept.with_pictures(vec![a.clone(), b.clone()]);
        kept.write(&61.25);
        assert_eq!(kept.read(), Some(61.25));
        std::fs::write(&b, "of another generator").unwrap();
        assert_eq!(kept.read::<f64>(), None);
        kept.write(&61.5);
        assert_eq!(kept.read(), Some(61.5));
        std::fs::remove_file(&a).unwrap();
        assert_eq!(kept.read::<f64>(), None);
    }
}
