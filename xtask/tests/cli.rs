//! The command line: wrong input, data, and the table against a stand-in for `stargan2-multi`.

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

fn xtask() -> Command {
    Command::cargo_bin("xtask").unwrap()
}

/// A folder of two domains with three small images each.
fn images(dir: &Path) -> PathBuf {
    let root = dir.join("photos");
    for domain in ["day", "night"] {
        fs::create_dir_all(root.join(domain)).unwrap();
        for i in 0..3 {
            // A whole image of two pixels.
            fs::write(root.join(domain).join(format!("{i}.ppm")), b"P6 2 1 255\n012345").unwrap();
        }
    }
    root
}

#[test]
fn help_names_every_command() {
    let commands = ["setup", "data", "weights", "test", "bench", "table1"];
    let assert = xtask().arg("--help").assert().success();
    let text = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    assert!(commands.iter().all(|c| text.contains(&format!("\n  {c} "))), "{text}");
    xtask().args(["table1", "--help"]).assert().success().stdout(contains("--resume").and(contains("Ctrl-C")));
}

#[test]
fn wrong_input_is_told_before_anything_is_built() {
    let dir = tempfile::tempdir().unwrap();
    let photos = images(dir.path());
    let fails = |args: &[&str], words: &str| {
        xtask().args(args).assert().failure().stdout("").stderr(contains(words));
    };
    fails(&["table1", "--profile", "large"], "sample");
    fails(&["table1", "--only", "winter/ours"], "the rows are seasons/stargan-v2");
    fails(&["table1", "--data", "/nowhere"], "/nowhere must hold train/<domain>/ and val/<domain>/");
    fails(&["table1", "--profile", "small"], "--data DIR");
    fails(&["table1", "--set", "train.iterations"], "KEY=VALUE");
    fails(&["table1", "--set", "seed=3"], "--seeds");
    fails(&["table1", "--resume", "--overwrite"], "cannot be used with");
    fails(&["table1", "--seeds", "0"], "0");
    fails(&["bench", "single"], "multi, metrics");
    let empty = dir.path().to_str().unwrap();
    fails(
        &["table1", "--data", photos.to_str().unwrap(), "--configs", empty],
        "data-stargan-v2.yaml: no such configuration",
    );
}

#[test]
fn data_are_written_once_and_checked() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["data", "sample", "--size", "16", "--train", "2", "--val", "1", "--out"];
    xtask().args(args).arg(dir.path()).assert().success().stderr(contains("wrote"));
    xtask().args(args).arg(dir.path()).assert().success().stderr("").stdout(contains("sample-16/weather"));
    let seasons = dir.path().join("sample-16/seasons");
    let summary = contains("4 domains (autumn, spring, summer, winter)").and(contains("16 x 16"));
    xtask().args(["data", "check"]).arg(&seasons).assert().success().stdout(summary.and(contains("can be read")));
    let broken = seasons.join("train/spring/0001.png");
    fs::write(&broken, "no image").unwrap();
    let named = contains("1 unreadable").and(contains(broken.to_str().unwrap()));
    xtask().args(["data", "check"]).arg(&seasons).assert().code(1).stdout(named);
    let horses = contains("two domains, unaligned").and(contains("trainB")).and(contains("16 x 16"));
    xtask().args(["data", "check"]).arg(dir.path().join("sample-16/horse2zebra")).assert().success().stdout(horses);
    let street = dir.path().join("sample-16/street");
    let labels = contains("labels/train").and(contains("can be read"));
    xtask().args(["data", "check"]).arg(&street).assert().success().stdout(labels);
    fs::copy(street.join("trainA/0001.png"), street.join("trainA/lone.png")).unwrap();
    fs::copy(street.join("trainA/0001.png"), street.join("labels/test/0001.png")).unwrap();
    let faults = contains("2 unreadable").and(contains("lone: a picture without labels")).and(contains("one channel"));
    xtask().args(["data", "check"]).arg(&street).assert().code(1).stdout(faults);
    xtask().args(["data", "check", "/nowhere"]).assert().code(1).stderr(contains("no such folder"));
}

#[test]
fn published_data_are_listed_imported_and_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = |args: &[&str]| {
        let mut command = xtask();
        command.arg("data").args(args).arg("--out").arg(dir.path());
        command
    };
    let listed = contains("trainA 1067").and(contains("cyclegan/datasets/horse2zebra.zip")).and(contains("missing"));
    data(&["list"]).assert().success().stdout(listed);
    fs::create_dir(dir.path().join("horse2zebra")).unwrap();
    let output = data(&["list", "--json"]).assert().success().get_output().stdout.clone();
    let json: serde_json::Value = serde_json::from_slice(&output).unwrap();
    let states: Vec<_> = json["sets"].as_array().unwrap().iter().map(|s| s["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["wrong", "missing", "missing", "missing"]);
    fs::remove_dir(dir.path().join("horse2zebra")).unwrap();

    let file = dir.path().join("page.zip");
    fs::write(&file, "<html>").unwrap();
    let refused = contains("page.zip: refused as horse2zebra").and(contains("neither a zip nor a tar.gz"));
    data(&["import", "horse2zebra", file.to_str().unwrap()]).assert().code(1).stdout("").stderr(refused);
    data(&["import", "zebra2horse", file.to_str().unwrap()]).assert().code(2).stderr(contains("horse2zebra"));
    let by_hand = contains("cityscapes-dataset.com").and(contains("data prepare cityscapes"));
    data(&["fetch", "cityscapes"]).assert().code(1).stdout("").stderr(by_hand);
    let unreadable = contains("page.zip: not a readable zip");
    let page = file.to_str().unwrap();
    data(&["prepare", "cityscapes", "--images", page, "--labels", page]).assert().code(1).stderr(unreadable);
    data(&["prepare", "maps"]).assert().code(1).stderr(contains("data import maps FILE"));
}

#[test]
fn weights_are_listed_imported_and_refused() {
    let dir = tempfile::tempdir().unwrap();
    let weights = |args: &[&str]| {
        let mut command = xtask();
        command.env("SEMREL_WEIGHTS", dir.path().join("weights")).arg("weights").args(args);
        command
    };
    let states = || -> Vec<(String, String)> {
        let output = weights(&["list", "--json"]).assert().success().get_output().stdout.clone();
        let json: serde_json::Value = serde_json::from_slice(&output).unwrap();
        let text = |v: &serde_json::Value| v.as_str().unwrap().to_owned();
        json["files"].as_array().unwrap().iter().map(|f| (text(&f["name"]), text(&f["state"]))).collect()
    };
    assert!(states().len() == 8 && states().iter().all(|(_, state)| state == "missing"));

    let file = dir.path().join("mine.pth");
    let file = file.to_str().unwrap();
    fs::write(file, b"PK\x03\x04").unwrap();
    let unchecked = contains("no digest is published").and(contains("when it is loaded"));
    weights(&["import", "drn-d-22", file]).assert().success().stdout(contains("drn_d_22")).stderr(unchecked);
    let refused = contains("mine.pth: refused as inception-fid").and(contains("begins with 6726825d"));
    weights(&["import", "inception-fid", file]).assert().code(1).stdout("").stderr(refused);
    weights(&["import", "resnet", file]).assert().code(2).stderr(contains("inception-torchvision"));
    fs::write(dir.path().join("weights/alexnet-owt-7be5be79.pth"), "damaged").unwrap();
    for (name, state) in states() {
        let expected = match name.as_str() {
            "drn-d-22" => "unchecked",
            "alexnet" => "wrong",
            _ => "missing",
        };
        assert_eq!(state, expected, "{name}");
    }
    let listed = contains("WRONG").and(contains("from     https://download.pytorch.org/models/vgg16-397923af.pth"));
    weights(&["list"]).assert().success().stdout(listed);

    let no_folder = contains("mine.pth: a file, not a folder");
    weights(&["list"]).env("SEMREL_WEIGHTS", file).assert().code(1).stdout("").stderr(no_folder);
    let in_cache = contains(dir.path().join("cache/semrel/weights").display().to_string());
    let mut elsewhere = weights(&["list"]);
    elsewhere.env_remove("SEMREL_WEIGHTS").env("XDG_CACHE_HOME", dir.path().join("cache"));
    elsewhere.assert().success().stdout(in_cache);

    let by_hand = contains("http://go.yf.io/drn-cityscapes-models").and(contains("import drn-d-105 FILE"));
    weights(&["fetch", "drn-d-105"]).assert().code(1).stdout("").stderr(by_hand);
    weights(&["fetch"]).assert().code(2).stderr(contains("--all"));
}

/// Does what `stargan2-multi` is asked for, in made-up numbers; `lsesim` breaks while `break` exists beside it.
const STAND_IN: &str = r#"#!/bin/sh
echo "$OMP_NUM_THREADS $*" >> "$0.calls"
action=$1; place=$6; all="$*"; out=
while [ $# -gt 0 ]; do case $1 in --run-dir|--out) out=$2;; esac; shift; done
scores='{"fd":{"mean":1.5,"pairs":{"day2night":1.5}},"pd":{"mean":0.25},"target_accuracy":{"mean":0.75}}'
head='"fd_name":"FD(effnet-lite0)","pd_name":"PD(effnet-lite0)","num_outs":10,"sources_per_domain":1,"reals_per_domain":2,"img_size":64,"classified_at":4'
case $action in
train)
    case $place in *lsesim*) [ -e "$0.break" ] && { echo "Error: loss is not finite at step 3" >&2; exit 1; };; esac
    mkdir -p "$out"; echo 'train: {iterations: 5}' > "$out/config.yaml"
    case $all in *ours*) [ -e "$0.slow" ] && { trap 'echo saved > "$out/checkpoint"; exit 130' INT; touch "$0.training"; while :; do sleep 0.1; done; };; esac
    echo '{"step":5}' > "$out/metrics.jsonl"
    echo '{"name":"x","method":"m","seed":777,"iterations":5,"seconds":90.0,"threads":1,"device":"cpu"}' > "$out/summary.json";;
eval) echo "{\"checkpoint\":\"last\",$head,\"latent\":$scores,\"reference\":$scores}" > "$out";;
baseline) mkdir -p "${out%/*}"; echo "{$head,\"fd\":{\"mean\":3.0},\"target_accuracy\":{\"mean\":0.125},\"real_accuracy\":0.9}" > "$out";;
sample) echo picture > "$out";;
esac
"#;

struct Stage {
    dir: tempfile::TempDir,
    program: PathBuf,
}

impl Stage {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        images(dir.path());
        for method in ["stargan-v2", "lsesim", "ours"] {
            fs::write(dir.path().join(format!("data-{method}.yaml")), "train: {iterations: 5}\n").unwrap();
        }
        let program = dir.path().join("stand-in");
        fs::write(&program, STAND_IN).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self { dir, program }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn args(&self) -> Vec<PathBuf> {
        let options = [("--data", "photos"), ("--configs", "."), ("--out", "out"), ("--runs", "runs")];
        options.iter().flat_map(|(option, name)| [PathBuf::from(option), self.path(name)]).collect()
    }

    fn table(&self, args: &[&str]) -> Command {
        let mut command = xtask();
        command.env("SEMREL_STARGAN2_MULTI", &self.program).arg("table1").args(self.args()).args(args);
        command
    }

    /// Calls of the stand-in since the last look.
    fn calls(&self) -> String {
        let file = self.path("stand-in.calls");
        let calls = fs::read_to_string(&file).unwrap_or_default();
        let _ = fs::remove_file(file);
        calls
    }
}

#[test]
fn a_failed_row_is_reported_and_resume_redoes_only_that() {
    let stage = Stage::new();
    fs::write(stage.path("stand-in.break"), "").unwrap();
    let reason = contains("+ LSeSim").and(contains("failed: loss is not finite at step 3 (training)"));
    let numbers = contains("no translation").and(contains("3.000")).and(contains("12.5%")).and(contains("75.0%"));
    let caption = contains("FD(effnet-lite0)")
        .and(contains("4 times smaller"))
        .and(contains("see docs/fidelity.md"))
        .and(contains("64 x 64"))
        .and(contains("photos/ours 1.5"));
    stage.table(&["--jobs", "2", "--threads", "3"]).assert().code(1).stdout(reason.and(numbers).and(caption));
    let calls = stage.calls();
    assert!(calls.lines().all(|call| call.starts_with("3 ")), "{calls}");
    assert!(
        calls.contains("--set data.root=")
            && calls.contains("train --device cpu --threads 3 ")
            && calls.contains("--set seed=777"),
        "{calls}"
    );
    assert!(fs::read_to_string(stage.path("out/logs/photos-lsesim.log")).unwrap().contains("loss is not finite"));
    for file in ["table1.md", "table1.csv", "table1.json", "table1-photos-ours.png"] {
        assert!(stage.path("out").join(file).exists(), "{file}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(stage.path("out/table1.json")).unwrap()).unwrap();
    assert_eq!(json["halves"][0]["runs"][0]["last"]["latent"]["fd"]["pairs"]["day2night"], 1.5);
    // The user's own images have no numbers of the paper beside them.
    assert!(!fs::read_to_string(stage.path("out/table1.csv")).unwrap().contains("paper"));

    stage.table(&[]).assert().code(1).stderr(contains("--resume").and(contains("--overwrite")));
    assert_eq!(stage.calls(), "");

    fs::remove_file(stage.path("stand-in.break")).unwrap();
    stage.table(&["--resume"]).assert().success().stdout(contains("failed").not());
    let calls = stage.calls();
    assert!(calls.lines().all(|call| call.contains("lsesim")), "{calls}");
    // The broken run had no folder yet: training, two evaluations, the picture.
    assert_eq!(calls.lines().count(), 4, "{calls}");
    // Nothing is left to do, and numbers of another configuration are not taken for this one's.
    stage.table(&["--resume"]).assert().success();
    assert_eq!(stage.calls(), "");
    stage
        .table(&["--resume", "--set", "train.iterations=9"])
        .assert()
        .code(1)
        .stderr(contains("another configuration"));
    stage.table(&["--overwrite", "--only", "ours"]).assert().success().stdout(contains("LSeSim").not());
    let calls = stage.calls();
    assert!(calls.contains("--overwrite") && calls.lines().count() == 5, "{calls}");
}

#[test]
fn seeds_give_means_with_deviations() {
    let stage = Stage::new();
    let two = contains("1.500 ± 0.000").and(contains("seeds: 777, 778"));
    stage.table(&["--seeds", "2", "--only", "ours"]).assert().success().stdout(two);
    assert!(stage.path("runs/table1-small-photos-ours-s778/eval-best.json").exists());
}

#[test]
fn interrupting_saves_and_tells_how_to_go_on() {
    let stage = Stage::new();
    fs::write(stage.path("stand-in.slow"), "").unwrap();
    let child = std::process::Command::new(assert_cmd::cargo::cargo_bin("xtask"))
        .env("SEMREL_STARGAN2_MULTI", &stage.program)
        .arg("table1")
        .args(stage.args())
        .args(["--only", "ours"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let started = std::time::Instant::now();
    while !stage.path("stand-in.training").exists() {
        assert!(started.elapsed().as_secs() < 60, "training never began");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    std::process::Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("cargo xtask table1 --data") && said.contains("--resume"), "{said}");
    assert!(stage.path("runs/table1-small-photos-ours-s777/checkpoint").exists());
    fs::remove_file(stage.path("stand-in.slow")).unwrap();
    stage.calls();
    stage.table(&["--only", "ours", "--resume"]).assert().success();
    assert!(stage.calls().lines().next().unwrap().contains("--resume"));
}

#[test]
fn a_table_is_not_replaced_by_one_without_any_row() {
    let stage = Stage::new();
    stage.table(&["--only", "ours"]).assert().success();
    let table = || ["md", "csv", "json"].map(|end| fs::read(stage.path(&format!("out/table1.{end}"))).unwrap());
    let before = table();
    fs::write(stage.path("stand-in.break"), "").unwrap();
    let kept = contains("no row succeeded").and(contains("stays as it is"));
    stage.table(&["--only", "lsesim"]).assert().code(1).stdout(contains("failed: ")).stderr(kept);
    assert!(table() == before);
}
