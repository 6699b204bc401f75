//! A folder with a small data set, a small row, and the command that runs its stages.
#![allow(dead_code, reason = "each test file uses a part")]

pub mod searched;

use assert_cmd::assert::Assert;
use predicates::prelude::{PredicateBooleanExt, predicate};
use semrel_data::sample_world::render_aerial;
use semrel_metrics::weights::EFFICIENTNET_LITE0;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longest that anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// Six training images: twelve steps of the teacher, eight of distillation (two images are held back), six of fine-tuning.
const CONFIG: &str = "
name: rows/tiny
method: ours
data: { root: data, layout: unaligned, load_size: 36, crop_size: 32, held_back: 2 }
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
";

/// Steps of the small row's stages.
pub const STEPS: [(&str, u64); 3] = [("teacher", 12), ("distill", 8), ("finetune", 6)];

/// `--set` for each of these keys.
pub fn sets<'a>(keys: &[&'a str]) -> Vec<&'a str> {
    keys.iter().flat_map(|key| ["--set", key]).collect()
}

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
        fs::create_dir_all(place.path("cache/weights")).unwrap();
        let weights = EFFICIENTNET_LITE0.locate().expect("`cargo xtask setup` fetches the weights");
        std::os::unix::fs::symlink(weights, place.path("cache/weights").join(EFFICIENTNET_LITE0.file)).unwrap();
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The program, in this folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("gancomp-fast"));
        command.args(args).current_dir(self.0.path()).env("SEMREL_WEIGHTS", self.path("cache/weights"));
        // Tests run side by side.
        command.env("OMP_NUM_THREADS", "1").env_remove("RUST_LOG");
        command
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
        let steps = names(&self.path(run).join("checkpoints")).into_iter().filter(|name| name.starts_with("step-"));
        self.path(run).join("checkpoints").join(steps.max().expect("a checkpoint"))
    }

    /// Starts a command and waits until the metrics of `run` reach `step`.
    pub fn start(&self, mut command: Command, run: &str, step: u64) -> Child {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let began = Instant::now();
        while last_step(&self.path(run)) < step && child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < PATIENCE, "{run} does not reach step {step}");
            std::thread::sleep(Duration::from_millis(2));
        }
        child
    }
}

/// Runs a command to its end.
pub fn assert(command: Command) -> Assert {
    assert_cmd::Command::from_std(command).timeout(PATIENCE).assert()
}

/// The command fails with an error message that contains these words, and without a panic.
pub fn refuses(command: Command, words: &[&str]) {
    let shown = format!("{command:?}");
    let failed = assert(command).code(predicate::in_iter([1, 2])).stderr(predicate::str::contains("panicked").not());
    let text = String::from_utf8_lossy(&failed.get_output().stderr).into_owned();
    for word in words {
        assert!(text.contains(word), "{shown}: `{word}` is not in\n{text}");
    }
}

/// The JSON that a command prints.
pub fn json(command: Command) -> Value {
    serde_json::from_slice(&assert(command).success().get_output().stdout).unwrap()
}

pub fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))).unwrap()
}

/// Sends a signal by its name.
pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(status.unwrap().success());
}

/// Lines of `metrics.jsonl` without the seconds.
pub fn metrics(run: &Path) -> Vec<Value> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
    // The last line may be in the writing.
    let mut lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    lines.iter_mut().for_each(|line| line["seconds"] = Value::Null);
    lines
}

/// The last step in `metrics.jsonl`, 0 where there is none.
pub fn last_step(run: &Path) -> u64 {
    metrics(run).last().map_or(0, |line| line["step"].as_u64().unwrap())
}

pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Every file below a folder with its bytes.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for name in names(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            all.extend(files(&path).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
        } else {
            all.insert(name, fs::read(path).unwrap());
        }
    }
    all
}

/// Both folders hold the same files, byte for byte.
pub fn assert_same_files(left: &Path, right: &Path, context: &str) {
    let (a, b) = (files(left), files(right));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>(), "{context}");
    for (name, bytes) in &a {
        assert!(b[name] == *bytes, "{context}: {name} differs");
    }
}

/// Leaves half of a file.
pub fn cut(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}
