//! Profile `paper` prints the paper's own metric, by the real `cut-single`.

mod common;
#[path = "common/inception.rs"]
mod inception;

use assert_cmd::Command;
use common::xtask;
use predicates::prelude::*;
use predicates::str::contains;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// A picture of 64 x 64 whose stripes `number` turns.
fn picture(number: usize) -> Vec<u8> {
    let pixel = |i: usize| {
        let (x, y) = (i % 64, i / 64);
        let stripe = (x * (number + 1) + y * 3) % 32 * 8;
        [stripe as u8, (255 - stripe) as u8, (y * 4) as u8]
    };
    [b"P6 64 64 255\n".to_vec(), (0..64 * 64).flat_map(pixel).collect()].concat()
}

fn data(root: &Path) {
    for (i, folder) in ["trainA", "trainB", "testA", "testB"].into_iter().enumerate() {
        fs::create_dir_all(root.join(folder)).unwrap();
        for number in 0..3 {
            fs::write(root.join(folder).join(format!("{number}.ppm")), picture(4 * i + number)).unwrap();
        }
    }
}

/// The published size and evaluation, and as little training as there can be.
const SHORT: [&str; 8] = [
    "model.ngf=4",
    "model.ndf=4",
    "model.blocks=2",
    "model.nce_layers=[0,4,8]",
    "model.patch_dim=8",
    "loss.num_patches=16",
    "train.n_epochs=1",
    "train.n_epochs_decay=0",
];

/// The table of one row on the images in `dir`, with weights from `dir/weights`.
fn table(dir: &Path) -> Command {
    let mut command = xtask();
    // What the tests of the workspace have built; else it is built now.
    let built = Path::new(command.get_program()).with_file_name("cut-single");
    if built.exists() {
        command.env("SEMREL_CUT_SINGLE", built);
    }
    command.args(["table3", "--profile", "paper", "--only", "horse2zebra/ours"]);
    for (option, name) in [("--data", "horse2zebra"), ("--out", "out"), ("--runs", "runs")] {
        command.arg(option).arg(dir.join(name));
    }
    for set in SHORT {
        command.args(["--set", set]);
    }
    command.env("SEMREL_WEIGHTS", dir.join("weights")).timeout(Duration::from_secs(600));
    command
}

#[test]
fn profile_paper_prints_fid_where_the_inception_s_weights_are_there() {
    let dir = tempfile::tempdir().unwrap();
    data(&dir.path().join("horse2zebra"));
    fs::create_dir(dir.path().join("weights")).unwrap();
    let missing = contains("eval.extractor")
        .and(contains("cargo xtask weights fetch inception-fid"))
        .and(contains("--set eval.extractor=effnet-lite0"));
    // Before anything is trained.
    let refused = table(dir.path()).assert().failure().get_output().clone();
    let said = [refused.stdout, refused.stderr].concat();
    assert!(missing.eval(&String::from_utf8_lossy(&said)), "{}", String::from_utf8_lossy(&said));
    assert!(!dir.path().join("runs").exists() || fs::read_dir(dir.path().join("runs")).unwrap().next().is_none());

    inception::write(&dir.path().join("weights").join(inception::FILE));
    let printed = contains("FID").and(contains("FD(").not()).and(contains("256 x 256 pixels"));
    table(dir.path()).assert().success().stdout(printed);
}
