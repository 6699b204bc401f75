//! A folder with two small domains, a small configuration, and the command that runs them.
#![allow(dead_code, reason = "each test file uses a part")]

use assert_cmd::assert::Assert;
use image::RgbImage;
use semrel_testkit::runs;
pub use semrel_testkit::runs::*;
use semrel_world::{Season, render_landscape};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;
use tempfile::TempDir;

/// Longest that anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// Six training images make 12 steps in two epochs.
const CONFIG: &str = "
name: tiny
method: ours
data: { root: data, load_size: 36, image_size: 32 }
model: { ngf: 4, ndf: 4, blocks: 2, nce_layers: [0, 4, 8, 12], patch_dim: 8 }
loss: { contrast: dce, num_patches: 8, lsesim_patches: 8 }
optim: { pool_size: 2 }
train: { n_epochs: 1, n_epochs_decay: 1, log_every: 1, sample_every: 6, save_every: 3, eval_every: 0 }
eval: { select: test, segmenter_steps: 2 }
";

/// What MUNIT and UNIT have in common.
const MUNIT: [&str; 9] = [
    "method=munit",
    "model.init=kaiming",
    "model.discriminator=scales",
    "model.norm_discriminator=spectral",
    "model.scales=2",
    "model.n_layers=2",
    "model.nce_layers=[0, 2, 3]",
    "optim.pool_size=0",
    "optim.halve_every=5",
];

/// Steps of a run of the small configuration.
pub const STEPS: u64 = 12;

/// What each method adds to the small configuration, as the published rows do.
pub const METHODS: [(&str, &[&str]); 17] = [
    (
        "ours",
        &["method=ours", "loss.contrast=dce", "loss.hard=true", "loss.lambda_src=0.05", "loss.identity_branch=true"],
    ),
    ("cut", &["method=cut", "loss.contrast=info-nce", "loss.identity_branch=true"]),
    ("fastcut", &["method=cut", "loss.contrast=info-nce", "loss.flip_equivariance=true", "loss.lambda_contrast=10"]),
    ("lsesim", &["method=lsesim", "loss.lsesim_features=effnet-lite0"]),
    ("cyclegan", &["method=cyclegan", "loss.lambda_identity=0.5"]),
    (
        "distancegan",
        &[
            "method=distancegan",
            "loss.standardise_distances=false",
            "loss.distance_cycle=true",
            "data.flip_together=true",
            "train.batch_size=2",
            "train.n_epochs=2",
            "train.n_epochs_decay=2",
        ],
    ),
    ("distancegan-halves", &["method=distancegan", "loss.distance=halves", "loss.two_sided=false"]),
    ("gcgan", &["method=gcgan", "loss.lambda_identity=1"]),
    (
        "gcgan-own",
        &["method=gcgan", "loss.own_turned_generator=true", "loss.geometry=flip", "model.init_biases=uniform"],
    ),
    ("negcut", &["method=negcut", "loss.contrast=info-nce", "loss.identity_branch=true"]),
    ("munit", &["model.generator=munit"]),
    ("unit", &["model.generator=unit"]),
    (
        "drit",
        &[
            "method=drit",
            "model.generator=drit",
            "model.discriminator=scales",
            "model.norm_discriminator=spectral",
            "model.scales=2",
            "model.content_layers=1",
            "model.content_kernel=4",
            "model.content_last_kernel=2",
            "model.nce_layers=[0, 2, 3, 5, 7]",
            "loss.gan=nonsaturating",
            "optim.pool_size=0",
            "optim.lr_content=1e-4",
            "train.ema=0.9",
            "train.batch_size=2",
            "train.n_epochs=2",
            "train.n_epochs_decay=2",
        ],
    ),
    ("supervised", &["method=supervised", "data.pairs=pairs"]),
    // Every part of the recipe for short runs, at once.
    (
        "recipe",
        &[
            "method=cut",
            "model.generator=light",
            "model.norm=pixel",
            "model.output=gated",
            "model.nce_layers=[0, 2, 3, 4]",
            "model.init=kaiming",
            "model.discriminator=both",
            "model.norm_discriminator=spectral",
            "loss.gan=hinge",
            "loss.contrast=info-nce",
            "loss.identity_branch=true",
            "loss.identity_images=1",
            "optim.lr_discriminator=1e-4",
            "train.ema=0.9",
            "train.batch_size=2",
            "train.n_epochs=2",
            "train.n_epochs_decay=2",
        ],
    ),
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

/// The settings of a method of [`METHODS`], as arguments.
pub fn method(name: &str) -> Vec<&'static str> {
    let (_, keys) = METHODS.iter().find(|(method, _)| *method == name).expect("a method");
    let mut args = sets(keys);
    if ["munit", "unit"].contains(&name) {
        args.extend(sets(&MUNIT));
    }
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
    /// Six images of summer, which `pairs` shows in winter, and five others of winter for training, three of each for tests,
    /// and `tiny.yaml`.
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
        write("pairs", 6, Season::Winter, 0);
        write("data/testA", 3, Season::Summer, 20);
        write("data/testB", 3, Season::Winter, 30);
        write("single/trainA", 1, Season::Summer, 40);
        write("single/trainB", 1, Season::Winter, 50);
        fs::write(place.path("tiny.yaml"), CONFIG).unwrap();
        // A folder of weights of its own: segmenters are cached beside it.
        weights_in(&place.path("cache/weights"));
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The program, in this folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let program = assert_cmd::cargo::cargo_bin!("cut-single");
        command(program, args, self.0.path(), &self.path("cache/weights"))
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
