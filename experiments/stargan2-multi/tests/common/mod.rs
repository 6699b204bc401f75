//! A folder with a small data set, a small configuration, and the command that runs them.
#![allow(dead_code, reason = "each test file uses a part")]

use assert_cmd::assert::Assert;
use predicates::prelude::{PredicateBooleanExt, predicate};
use semrel_data::sample_world::{DomainSet, write_domains};
use semrel_metrics::weights::EFFICIENTNET_LITE0;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longest that anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

const CONFIG: &str = "
name: tiny
method: ours
data: { root: data, img_size: 32 }
model: { width: 8, max_width: 8, style_dim: 4, latent_dim: 4, mapping_width: 8, patch_dim: 8 }
loss: { num_patches: 8, lsesim_patches: 8 }
train: { iterations: 10, warmup: 2, batch_size: 2, log_every: 1, sample_every: 6, save_every: 2, eval_every: 4 }
eval: { num_outs: 2, batch_size: 8, max_sources: 1, max_reals: 2 }
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
        fs::create_dir(place.path("weights")).unwrap();
        let weights = EFFICIENTNET_LITE0.locate().expect("`cargo xtask setup` fetches the weights");
        std::os::unix::fs::symlink(weights, place.path("weights").join(EFFICIENTNET_LITE0.file)).unwrap();
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The program, in this folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("stargan2-multi"));
        command.args(args).current_dir(self.0.path()).env("SEMREL_WEIGHTS", self.path("weights"));
        // Tests run side by side.
        command.env("OMP_NUM_THREADS", "1").env_remove("RUST_LOG");
        command
    }

    /// `train tiny.yaml --run-dir <run>` with more arguments.
    pub fn train(&self, run: &str, args: &[&str]) -> Command {
        self.command(&[&["train", "tiny.yaml", "--run-dir", run, "--threads", "1"], args].concat())
    }

    /// The newest checkpoint of a run.
    pub fn last_checkpoint(&self, run: &str) -> PathBuf {
        let steps = names(&self.path(run).join("checkpoints")).into_iter().filter(|name| name.starts_with("step-"));
        self.path(run).join("checkpoints").join(steps.max().expect("a checkpoint"))
    }

    /// Starts a command and waits until the run's metrics reach `step`.
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

/// Both runs have logged the same, but for the seconds.
pub fn assert_same_metrics(left: &Path, right: &Path, context: &str) {
    let (a, b) = (metrics(left), metrics(right));
    for (a, b) in a.iter().zip(&b) {
        assert_eq!(a, b, "{context}");
    }
    assert_eq!(a.len(), b.len(), "{context}");
}

/// Both folders hold the same files, byte for byte.
pub fn assert_same_files(left: &Path, right: &Path, context: &str) {
    let (a, b) = (files(left), files(right));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>(), "{context}");
    for (name, bytes) in &a {
        assert!(b[name] == *bytes, "{context}: {name} differs");
    }
}
