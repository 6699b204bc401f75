//! A folder with two small domains, a small configuration, and the command that runs them.
#![allow(dead_code, reason = "each test file uses a part")]

use assert_cmd::assert::Assert;
use image::RgbImage;
use predicates::prelude::{PredicateBooleanExt, predicate};
use semrel_data::sample_world::{Season, render_landscape};
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

/// Six training images make 12 steps in two epochs.
const CONFIG: &str = "
name: tiny
method: ours
data: { root: data, load_size: 36, crop_size: 32 }
model: { ngf: 4, ndf: 4, blocks: 2, nce_layers: [0, 4, 8, 12], patch_dim: 8 }
loss: { contrast: dce, num_patches: 8, lsesim_patches: 8 }
optim: { pool_size: 2 }
train: { n_epochs: 1, n_epochs_decay: 1, log_every: 1, sample_every: 6, save_every: 3, eval_every: 0 }
eval: { segmenter_steps: 2 }
";

/// Steps of a run of the small configuration.
pub const STEPS: u64 = 12;

/// What each method adds to the small configuration, as the published rows do.
pub const METHODS: [(&str, &[&str]); 10] = [
    (
        "ours",
        &["method=ours", "loss.contrast=dce", "loss.hard=true", "loss.lambda_src=0.05", "loss.identity_branch=true"],
    ),
    ("cut", &["method=cut", "loss.contrast=info-nce", "loss.identity_branch=true"]),
    ("fastcut", &["method=cut", "loss.contrast=info-nce", "loss.flip_equivariance=true", "loss.lambda_contrast=10"]),
    ("lsesim", &["method=lsesim", "loss.lsesim_features=effnet-lite0"]),
    ("cyclegan", &["method=cyclegan", "loss.lambda_identity=0.5"]),
    ("distancegan", &["method=distancegan", "loss.lambda_identity=1"]),
    ("gcgan", &["method=gcgan", "loss.lambda_identity=1"]),
    ("negcut", &["method=negcut", "loss.identity_branch=true"]),
    ("sincut", &["method=cut", "loss.contrast=info-nce", "loss.lambda_contrast=4"]),
    (
        "sincut-ours",
        &["method=ours", "loss.contrast=dce", "loss.lambda_contrast=4", "loss.hard=true", "loss.lambda_src=10"],
    ),
];

/// Networks and images of the single-image methods. An epoch of 100 000 tiles in batches of 16 is longer than a test: runs are
/// compared where they stop.
pub const SINGLE: [&str; 14] = [
    "data.root=single",
    "data.preprocess=zoom_and_patch",
    "model.generator=stylegan2",
    "model.discriminator=stylegan2",
    "model.ngf=2",
    "model.ndf=1",
    "model.nce_layers=[0, 2, 4]",
    "model.blocks=4",
    "loss.gan=nonsaturating",
    "loss.num_patches=1",
    "loss.minibatch_negatives=true",
    "loss.identity_branch=true",
    "loss.lambda_r1=1",
    "loss.lambda_identity=1",
];

/// `--set` for each of these keys.
pub fn sets<'a>(keys: &[&'a str]) -> Vec<&'a str> {
    keys.iter().flat_map(|key| ["--set", key]).collect()
}

/// The settings of a method of [`METHODS`], as arguments.
pub fn method(name: &str) -> Vec<&'static str> {
    let (_, keys) = METHODS.iter().find(|(method, _)| *method == name).expect("a method");
    let mut args = sets(keys);
    if name.starts_with("sincut") {
        args.extend(sets(&SINGLE));
        // 8333 batches of 12, of which a run takes as many as it is left to.
        args.extend(sets(&["train.batch_size=12", "optim.beta1=0", "optim.beta2=0.99"]));
    }
    args
}

/// A picture of 40 × 36 pixels.
pub fn picture(seed: u64, season: Season) -> RgbImage {
    image::imageops::crop_imm(&render_landscape(seed, season, 40).image, 0, 0, 40, 36).to_image()
}

pub struct Place(TempDir);

impl Place {
    /// Six images of summer and five of winter for training, three of each for tests, and `tiny.yaml`.
    pub fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let write = |folder: &str, count: u64, season: Season, first: u64| {
            let folder = place.path(folder);
            fs::create_dir_all(&folder).unwrap();
            for i in 0..count {
                picture(first + i, season).save(folder.join(format!("{i}.png"))).unwrap();
            }
        };
        write("data/trainA", 6, Season::Summer, 0);
        write("data/trainB", 5, Season::Winter, 10);
        write("data/testA", 3, Season::Summer, 20);
        write("data/testB", 3, Season::Winter, 30);
        write("single/trainA", 1, Season::Summer, 40);
        write("single/trainB", 1, Season::Winter, 50);
        fs::write(place.path("tiny.yaml"), CONFIG).unwrap();
        // A folder of weights of its own: segmenters are cached beside it.
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
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("cut-single"));
        command.args(args).current_dir(self.0.path()).env("SEMREL_WEIGHTS", self.path("cache/weights"));
        // Tests run side by side.
        command.env("OMP_NUM_THREADS", "1").env_remove("RUST_LOG");
        command
    }

    /// `train tiny.yaml --run-dir <run>` with more arguments.
    pub fn train(&self, run: &str, args: &[&str]) -> Command {
        self.command(&[&["train", "tiny.yaml", "--run-dir", run, "--threads", "1"], args].concat())
    }

    /// A run of `ours` of one epoch, without previews on the way.
    pub fn trained(&self, run: &str, keys: &[&str]) {
        let args = [method("ours"), sets(&["train.n_epochs_decay=0"]), sets(keys)].concat();
        assert(self.train(run, &args)).success();
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
