//! What a run was started with, besides its configuration: the teacher and the super-net that it goes on from. Summary and
//! checkpoints tell, and it is not resumed with another.

use anyhow::{Result, ensure};
use semrel_eval::digest;
use semrel_nn::checkpoint::StateDict;
use semrel_run::trained;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tch::Tensor;

/// Keys of the digests in the state of a checkpoint, and in the summary.
pub(crate) const TEACHER: &str = "teacher";
pub(crate) const SUPER_NET: &str = "super_net";

/// Digest of a network's weights, by which results tell which super-net they belong to: the same on every device.
pub fn weights_digest(state: &StateDict) -> String {
    digest(state.values().map(Tensor::shallow_clone))
}

/// A network that a run was started with.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    key: &'static str,
    /// Its name for people.
    what: &'static str,
    path: PathBuf,
    step: u64,
    /// Of its weights.
    digest: String,
}

impl Origin {
    /// The teacher that a run learns from, by its flat parameters.
    pub(crate) fn teacher(path: &Path, step: u64, weights: &Tensor) -> Self {
        let digest = digest([weights.shallow_clone()]);
        Self { key: TEACHER, what: "teacher", path: path.to_owned(), step, digest }
    }

    /// The super-net that fine-tuning begins with.
    pub(crate) fn super_net(path: &Path, step: u64, state: &StateDict) -> Self {
        Self { key: SUPER_NET, what: "super-net", path: path.to_owned(), step, digest: weights_digest(state) }
    }

    /// Digest of its weights.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// Puts it into the state of a checkpoint.
    pub(crate) fn put(&self, state: &mut Value) {
        state[self.key] = self.digest.as_str().into();
    }

    /// What the summary says of that of a key.
    pub(crate) fn describe(origins: &[Self], key: &str) -> Option<trained::Origin> {
        let Self { path, step, digest, .. } = origins.iter().find(|origin| origin.key == key)?;
        Some(trained::Origin { path: path.clone(), step: *step, digest: digest.clone() })
    }

    /// Whether the state of a checkpoint is of a run with this one. Older checkpoints do not tell of every one.
    pub(crate) fn began(&self, state: &Value) -> bool {
        state.get(self.key).is_none_or(|then| then == self.digest.as_str())
    }

    /// Refuses the state of a checkpoint of a run with another one.
    pub(crate) fn check(&self, state: &Value, checkpoint: &Path) -> Result<()> {
        ensure!(
            self.began(state),
            "{}: the run was started with another {} than {}, step {}; resume it with that one, or start over with \
             --overwrite",
            checkpoint.display(),
            self.what,
            self.path.display(),
            self.step
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tch::Tensor;

    #[test]
    fn a_run_is_not_resumed_with_another_super_net() {
        let origin = |weight: f32| {
            let state = StateDict::from([("weight".to_owned(), Tensor::from_slice(&[weight]))]);
            Origin::super_net(Path::new("distill"), 8, &state)
        };
        let mut state = json!({ "step": 3 });
        let checkpoint = Path::new("finetune/checkpoints/step-00000003");
        // A checkpoint that does not tell.
        origin(1.0).check(&state, checkpoint).unwrap();
        origin(1.0).put(&mut state);
        origin(1.0).check(&state, checkpoint).unwrap();
        let text = origin(2.0).check(&state, checkpoint).unwrap_err().to_string();
        assert!(text.contains("step-00000003: the run was started with another super-net than distill, step 8;"));
    }
}
