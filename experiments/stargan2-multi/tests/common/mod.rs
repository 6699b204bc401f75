//! A folder with a small data set, a small configuration, and the command that runs them.
#![allow(dead_code, reason = "each test file uses a part")]

use assert_cmd::assert::Assert;
use semrel_testkit::runs;
pub use semrel_testkit::runs::*;
use semrel_world::{DomainSet, write_domains};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;
use tempfile::TempDir;

/// Longest that anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

const CONFIG: &str = "
name: tiny
method: ours
data: { root: data, image_size: 32 }
model: { width: 8, max_width: 8, style_dim: 4, latent_dim: 4, mapping_width: 8, patch_dim: 8 }
loss: { num_patches: 8, lsesim_patches: 8 }
train: { iterations: 10, warmup: 2, batch_size: 2, log_every: 1, sample_every: 6, save_every: 2, eval_every: 4 }
eval: { select: test, num_outs: 2, batch_size: 8, max_sources: 1, max_reals: 2 }
";

/// Steps of a run of the small configuration, the warm-up's included.
pub const STEPS: u64 = 12;

/// `--set` that leaves evaluations out, for runs whose scores do not matter.
pub const NO_EVALUATION: [&str; 2] = ["--set", "train.eval_every=0"];

pub struct Place(TempDir);

impl Place {
    /// Four domains of six training and two validation images of 32 pixels, and `tiny.yaml`.
    pub fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        write_domains(&place.path("data"), DomainSet::Seasons, 6, 2, 32, 1).unwrap();
        fs::write(place.path("tiny.yaml"), CONFIG).unwrap();
        // A folder of weights of its own: features are cached beside it.
        weights_in(&place.path("weights"));
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The program, in this folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let program = assert_cmd::cargo::cargo_bin!("stargan2-multi");
        command(program, args, self.0.path(), &self.path("weights"))
    }

    /// `train tiny.yaml --run-dir <run>` with more arguments.
    pub fn train(&self, run: &str, args: &[&str]) -> Command {
        self.command(&[&["train", "tiny.yaml", "--run-dir", run, "--threads", "1"], args].concat())
    }

    /// The newest checkpoint of a run.
    pub fn last_checkpoint(&self, run: &str) -> PathBuf {
        last_checkpoint(&self.path(run))
    }

    /// Starts a command and waits until the metrics of `run` reach `step`.
    pub fn start(&self, command: Command, run: &str, step: u64) -> Child {
        start(command, &self.path(run), step, PATIENCE)
    }
}

/// Runs a command to its end.
pub fn assert(command: Command) -> Assert {
    runs::assert(command, PATIENCE)
}

/// The command fails with an error message that contains these words, and without a panic.
pub fn refuses(command: Command, words: &[&str]) {
    runs::refuses(command, PATIENCE, words);
}

/// The JSON that a command prints.
pub fn json(command: Command) -> Value {
    runs::json(command, PATIENCE)
}
