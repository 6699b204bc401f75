//! A folder with two small data sets, and a small row whose super-net is searched.

use super::{PATIENCE, assert, command, sets, weights_in};
use semrel_world::{PairWorld, write_pairs};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Seven training images, of which the search looks at three: an epoch of the distillation is four steps.
const CONFIG: &str = "
name: tiny
method: ours
seed: 5
data: { root: data/horse2zebra, layout: unaligned, load_size: 36, image_size: 32, held_back: 3 }
model: { teacher_ngf: 4, student_ngf: 8, ndf: 4 }
teacher: { train: { n_epochs: 1, n_epochs_decay: 0, log_every: 1, sample_every: 0, save_every: 4 } }
distill:
  channels: [[8, 4], [8, 4], [8, 4], [8, 4], [8, 4], [8, 4], [8, 4], [8, 4]]
  semantic: { num_patches: 16 }
  train: { n_epochs: 1, n_epochs_decay: 0, log_every: 1, sample_every: 0, save_every: 2 }
search: { budget: { macs: 3.0e6 }, population: 8, generations: 3, mutation_probability: 0.4, batch_size: 2 }
eval: { select: test, segmenter_steps: 2, reference: all }
";

/// What makes the row one of labels and photographs.
pub const STREET: [&str; 4] =
    ["data.root=data/street", "data.layout=aligned", "data.direction=BtoA", "eval.segmentation=true"];

/// A temporary folder with all that.
pub struct SearchedRow(TempDir);

impl SearchedRow {
    /// Both data sets, and `tiny.yaml`.
    pub fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for world in [PairWorld::HorseZebra, PairWorld::Street] {
            write_pairs(&place.path("data").join(world.name()), world, 7, 3, 40, 1).unwrap();
        }
        fs::write(place.path("tiny.yaml"), CONFIG).unwrap();
        // A folder of weights of its own: segmenters and features are kept beside it.
        weights_in(&place.path("cache/weights"));
        place
    }

    /// As [`SearchedRow::new`], with a teacher and a distilled super-net of a row with these keys.
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
        let program = assert_cmd::cargo::cargo_bin!("gancomp-fast");
        command(program, args, self.0.path(), &self.path("cache/weights"))
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
