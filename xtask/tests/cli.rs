//! The command line: wrong input, data and weights.

mod common;

use common::{images, xtask};
use predicates::prelude::*;
use predicates::str::contains;
use std::fs;

#[test]
fn help_names_every_command() {
    let commands = [
        "setup",
        "data",
        "weights",
        "test",
        "bench",
        "table1",
        "table2",
        "table-single",
        "table3",
        "report",
        "serve",
        "figures",
        "explore",
        "docs",
    ];
    let assert = xtask().arg("--help").assert().success();
    let text = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    assert!(commands.iter().all(|c| text.contains(&format!("\n  {c} "))), "{text}");
    for table in ["table1", "table-single", "table3"] {
        let help = contains("--resume").and(contains("Ctrl-C")).and(contains(format!("cargo xtask {table} --only")));
        xtask()
            .args([table, "--help"])
            .assert()
            .success()
            .stdout(help.and(contains("direction").count(0).or(contains("--direction <AtoB|BtoA>"))));
    }
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
    fails(&["bench", "everything"], "single, multi, compress, metrics");
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
    let aligned = contains("A|B pictures, aligned").and(contains("32 x 16")).and(contains("can be read"));
    xtask().args(["data", "check"]).arg(dir.path().join("sample-16/maps")).assert().success().stdout(aligned);
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
    assert!(states().len() == 18 && states().iter().all(|(_, state)| state == "missing"));

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
