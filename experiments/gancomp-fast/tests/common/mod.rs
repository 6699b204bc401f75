//! A folder with two small data sets, a small row, and the command that runs its stages.
#![allow(dead_code, reason = "each test file uses a part")]

use assert_cmd::assert::Assert;
use predicates::prelude::{PredicateBooleanExt, predicate};
use semrel_data::sample_world::{PairWorld, write_pairs};
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

/// Seven training images, of which the search looks at three: an epoch of the distillation is four steps.
const CONFIG: &str = "
name: tiny
method: ours
seed: 5
data: { root: data/horse2zebra, layout: unaligned, load_size: 36, crop_size: 32, held_back: 3 }
model: { teacher_ngf: 4, student_ngf: 8, ndf: 4 }
teacher: { train: { n_epochs: 1, n_epochs_decay: 0, log_every: 1, sample_every: 0, save_every: 4 } }
distill:
  channels: [[8, 4], [8, 4], [8, 4], [8, 4], [8, 4], [8, 4], [8, 4], [8, 4]]
  semantic: { num_patches: 16 }
  train: { n_epochs: 1, n_epochs_decay: 0, log_every: 1, sample_every: 0, save_every: 2 }
search: { budget: { macs: 3.0e6 }, population: 8, generations: 3, mutation_probability: 0.4, batch_size: 2 }
eval: { segmenter_steps: 2, reference: all }
";

/// What makes the row one of labels and photographs.
pub const STREET: [&str; 4] =
    ["data.root=data/street", "data.layout=aligned", "data.direction=BtoA", "eval.segmentation=true"];

/// `--set` for each of these keys.
pub fn sets<'a>(keys: &[&'a str]) -> Vec<&'a str> {
    keys.iter().flat_map(|key| ["--set", key]).collect()
}

pub struct Place(TempDir);

impl Place {
    /// Both data sets, and `tiny.yaml`.
    pub fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for world in [PairWorld::HorseZebra, PairWorld::Street] {
            write_pairs(&place.path("data").join(world.name()), world, 7, 3, 40, 1).unwrap();
        }
        fs::write(place.path("tiny.yaml"), CONFIG).unwrap();
        // A folder of weights of its own: segmenters and features are kept beside it.
        fs::create_dir_all(place.path("cache/weights")).unwrap();
        let weights = EFFICIENTNET_LITE0.locate().expect("`cargo xtask setup` fetches the weights");
        std::os::unix::fs::symlink(weights, place.path("cache/weights").join(EFFICIENTNET_LITE0.file)).unwrap();
        place
    }

    /// As [`Place::new`], with a teacher and a distilled super-net of a row with these keys.
    pub fn distilled(keys: &[&str]) -> Self {
        let place = Self::new();
        for stage in ["teacher", "distill"] {
            assert(place.stage(stage, &sets(keys))).success();
        }
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A path within the row's folder.
    pub fn row(&self, name: &str) -> PathBuf {
        self.path("runs/gancomp-fast/tiny").join(name)
    }

    /// The program, in this folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("gancomp-fast"));
        command.args(args).current_dir(self.0.path()).env("SEMREL_WEIGHTS", self.path("cache/weights"));
        // Tests run side by side.
        command.env("OMP_NUM_THREADS", "1").env_remove("RUST_LOG");
        command
    }

    /// `<stage> tiny.yaml` with more arguments.
    pub fn stage(&self, stage: &str, args: &[&str]) -> Command {
        self.command(&[&[stage, "tiny.yaml", "--threads", "1"], args].concat())
    }

    /// Starts a command and waits until this file has so many lines.
    pub fn start(&self, mut command: Command, file: &Path, lines: usize) -> Child {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let began = Instant::now();
        while line_count(file) < lines && child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < PATIENCE, "{} does not reach {lines} lines", file.display());
            std::thread::sleep(Duration::from_millis(1));
        }
        child
    }
}

fn line_count(file: &Path) -> usize {
    fs::read(file).map_or(0, |bytes| bytes.iter().filter(|&&byte| byte == b'\n').count())
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

/// The JSON of a file.
pub fn read_json(path: &Path) -> Value {
    let bytes = fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_slice(&bytes).unwrap()
}

/// Sends a signal by its name.
pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(status.unwrap().success());
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
