//! A folder with a small data set, a small row, and the command that runs its stages.
#![allow(dead_code, reason = "each test file uses a part")]

pub mod searched;

use assert_cmd::assert::Assert;
use semrel_run::search;
use semrel_suite::made_up;
use semrel_testkit::runs;
pub use semrel_testkit::runs::*;
use semrel_world::render_aerial;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;
use tempfile::TempDir;

/// Longest that anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// Six training images: twelve steps of the teacher, eight of distillation (two images are held back), six of fine-tuning.
const CONFIG: &str = "
name: rows/tiny
method: ours
data: { root: data, layout: unaligned, load_size: 36, image_size: 32, held_back: 2 }
model: { teacher_ngf: 2, student_ngf: 4, ndf: 4 }
teacher:
  name: teach
  pool_size: 2
  train: { n_epochs: 1, n_epochs_decay: 1, log_every: 1, sample_every: 6, save_every: 3 }
distill:
  channels: [[4, 2], [4, 2], [4, 2], [4, 2], [4, 2], [4, 2], [4, 2], [4, 2]]
  semantic: { num_patches: 16 }
  train: { n_epochs: 1, n_epochs_decay: 1, log_every: 1, sample_every: 4, save_every: 3 }
finetune:
  channels: 2_4_2_4_2_4_2_4
  train: { n_epochs: 1, n_epochs_decay: 0, log_every: 1, sample_every: 4, save_every: 2 }
eval: { select: test }
";

/// Steps of the small row's stages.
pub const STEPS: [(&str, u64); 3] = [("teacher", 12), ("distill", 8), ("finetune", 6)];

/// Settings of a row whose images come in pairs.
pub const ALIGNED: [&str; 5] = [
    "data.layout=aligned",
    "data.direction=BtoA",
    "teacher.gan=hinge",
    "distill.gan=hinge",
    "teacher.name=teach-pairs",
];

pub struct Place(TempDir);

impl Place {
    /// Six towns from above with their maps for training, three for tests, and `tiny.yaml`.
    pub fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for (phase, count, first) in [("train", 6, 0), ("test", 3, 20)] {
            for i in 0..count {
                let town = render_aerial(first + i, 40);
                for (side, picture) in [("A", town.photo), ("B", town.map)] {
                    let folder = place.path(&format!("data/{phase}{side}"));
                    fs::create_dir_all(&folder).unwrap();
                    picture.save(folder.join(format!("{i}.png"))).unwrap();
                }
            }
        }
        fs::write(place.path("tiny.yaml"), CONFIG).unwrap();
        // A folder of weights of its own, of which a test may take them away.
        weights_in(&place.path("cache/weights"));
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The program, in this folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let program = assert_cmd::cargo::cargo_bin!("gancomp-fast");
        command(program, args, self.0.path(), &self.path("cache/weights"))
    }

    /// `<stage> tiny.yaml --runs <runs>` with more arguments.
    pub fn stage(&self, stage: &str, runs: &str, args: &[&str]) -> Command {
        self.command(&[&[stage, "tiny.yaml", "--runs", runs, "--threads", "1"], args].concat())
    }

    /// Runs stages to their ends with these settings.
    pub fn trained(&self, stages: &[&str], runs: &str, keys: &[&str]) {
        for stage in stages {
            assert(self.stage(stage, runs, &[&["--quiet"], &sets(keys)[..]].concat())).success().stderr("");
        }
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

/// Writes the file of a search that has found this configuration.
pub fn write_found(folder: &Path, channels: &str) {
    fs::create_dir_all(folder).unwrap();
    search::write(folder, &made_up::search(channels)).unwrap();
}
