//! The single-modal tables against a stand-in for `cut-single`.

mod common;

use common::{Stage, xtask};
use predicates::prelude::*;
use predicates::str::contains;
use std::fs;
use std::path::Path;

/// Does what `cut-single` is asked for, in made-up numbers; `cut` breaks.
const STAND_IN: &str = r#"#!/bin/sh
case "$* " in *" --check "*) echo '{"steps":9}'; exit;; esac
echo "$*" >> "$0.calls"
action=$1; place=$6; all="$*"; out=; manifest=
while [ $# -gt 0 ]; do case $1 in --run-dir|--out) out=$2;; --manifest) manifest=$2;; esac; shift; done
head='"extractor":"effnet-lite0","fd_name":"FD(effnet-lite0)","sources":2,"reals":3,"reference":"test","size":64,"segmenter":"a-head"'
seen='{"pixel_accuracy":70.0,"class_accuracy":30.0,"mean_iou":20.0}'
case $action in
train)
    case $place in *-cut.yaml) echo "Error: no memory" >&2; exit 1;; esac
    mkdir -p "$out"; echo 'name: x' > "$out/config.yaml"; echo '{"step":9}' > "$out/metrics.jsonl"; echo "$manifest" > "$out/manifest.json"
    echo '{"name":"x","seed":777,"epochs":3,"steps":6,"warmup":3,"batch_size":1,"parameters":{},"seconds":90.0,"seconds_waiting_for_images":0.0,"unreadable_images":0,"threads":1,"device":"Cpu","peak_memory_mib":1,"best_step":9,"last_step":9}' > "$out/summary.json";;
eval)
    fd=1.5; case $all in *best*) fd=1.25;; esac
    for folder in real_A fake_B; do
        mkdir -p "$place/results/test_9/images/$folder"
        for i in 1 2; do printf 'P6 2 1 255\n012345' > "$place/results/test_9/images/$folder/$i.ppm"; done
    done
    echo "{\"checkpoint\":\"last\",\"step\":9,$head,\"fd\":$fd,\"segmentation\":$seen,\"seconds\":1.0}" > "$out";;
baseline) mkdir -p "${out%/*}"; echo "{$head,\"fd\":3.0,\"ceiling\":{\"pixel_accuracy\":90.0,\"class_accuracy\":60.0,\"mean_iou\":50.0}}" > "$out";;
esac
"#;

/// Two domains with two images each, and a folder of labels.
fn images(dir: &Path) {
    for folder in ["trainA", "trainB", "testA", "testB"] {
        let folder = dir.join("photos").join(folder);
        fs::create_dir_all(&folder).unwrap();
        for i in 1..3 {
            fs::write(folder.join(format!("{i}.ppm")), b"P6 2 1 255\n012345").unwrap();
        }
    }
    fs::create_dir(dir.join("photos/labels")).unwrap();
}

fn stage(table: &'static str, methods: &[&str]) -> Stage {
    let stage = Stage::new(table, "SEMREL_CUT_SINGLE", STAND_IN, methods);
    images(stage.dir());
    stage
}

#[test]
fn checkpoints_stand_side_by_side_and_translations_become_pictures() {
    let stage = stage("table-single", &["ours", "cut", "fastcut"]);
    let only = ["--direction", "BtoA", "--only", "ours,cut,fastcut"];
    let scores = contains("best   last  best  last").and(contains("1.250  1.500  20.0  20.0  70.0"));
    let lines = contains("CUT                       failed: no memory (training)")
        .and(contains("no translation                  3.000  3.000     -"))
        .and(contains("real photographs, a-head"));
    let caption = contains("3 epochs (6 steps) after 3 steps of warm-up on cpu")
        .and(contains("64 x 64 pixels; 2 translated, compared with 3 real test images"))
        .and(contains("the segmenter a-head sees"))
        .and(contains("data.direction=BtoA, eval.segmentation=true"));
    stage.table(&only).assert().code(1).stdout(scores.and(lines).and(caption));
    let calls = stage.calls();
    assert!(calls.lines().filter(|call| call.contains("--set data.direction=BtoA")).count() == 4, "{calls}");
    // Two pictures of 128 x 64 side by side, with names beside and a caption below: inputs and a method, inputs and two.
    for (name, lines) in [("-ours", 2), ("-fastcut", 2), ("", 3)] {
        let picture = image::open(stage.path(&format!("out/table-single-photos{name}.png"))).unwrap();
        assert!(picture.width() > 2 * 128 + 50 && picture.height() > lines * 64 + 50, "{name}");
    }
    let markdown = fs::read_to_string(stage.path("out/table-single.md")).unwrap();
    assert!(markdown.contains("from the top: inputs, FastCUT, Ours](table-single-photos.png)"), "{markdown}");
    let csv = fs::read_to_string(stage.path("out/table-single.csv")).unwrap();
    assert!(csv.contains("photos,Ours,best,fd,1.25,,,\nphotos,Ours,best,map,20,,,\n"), "{csv}");
    assert!(!csv.contains("paper"));

    // The other direction is another run.
    let other = ["--direction", "AtoB", "--only", "ours"];
    stage.table(&other).assert().success();
    assert!(!stage.calls().contains("segmentation"));
    stage.table(&["--direction", "BtoA", "--only", "ours", "--resume"]).assert().success();
    assert!(stage.calls().lines().all(|call| call.starts_with("baseline")));
}

#[test]
fn checkpoints_are_called_by_what_chose_them() {
    let stage = stage("table-single", &["ours"]);
    let told = STAND_IN.replace(r#"\"step\":9,$head,\"fd\""#, r#"\"step\":9,\"select\":\"val\",$head,\"fd\""#);
    let told = told.replace("case $all in *best*)", "case $all in *--best-on-test*) fd=1.125;; *best*)");
    fs::write(stage.path("stand-in"), told).unwrap();
    let names = contains("chosen on val   last").and(contains("†").not());
    let caption = contains("Checkpoints: chosen on val: the one with the least distance on training images");
    stage.table(&["--only", "ours"]).assert().success().stdout(names.and(caption));
    assert!(stage.calls().lines().all(|call| !call.contains("--best-on-test")));
    let names = contains("chosen on val   last  best on test†").and(contains("best on test†: the best"));
    stage.table(&["--only", "ours", "--best-on-test", "--resume"]).assert().success().stdout(names);
    let calls = stage.calls();
    assert!(calls.lines().any(|call| call.starts_with("eval") && call.contains("--best-on-test")), "{calls}");
    let csv = fs::read_to_string(stage.path("out/table-single.csv")).unwrap();
    for line in
        ["photos,Ours,best,fd,1.25,,,\n", "photos,Ours,last,fd,1.5,,,\n", "photos,Ours,best-on-test,fd,1.125,,,\n"]
    {
        assert!(csv.contains(line), "{csv}");
    }
}

#[test]
fn the_ablation_has_its_own_rows() {
    let stage = stage("table3", &["infonce", "dce-hard", "ours"]);
    let rows = contains("InfoNCE").and(contains("DCE + SRC + Hneg")).and(contains("DCE + Hneg"));
    stage.table(&["--only", "infonce,dce-hard,ours"]).assert().success().stdout(rows);
    let json = fs::read_to_string(stage.path("out/table3.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let paper = json["paper"].as_array().unwrap();
    let infonce = paper.iter().find(|row| row["dataset"] == "cityscapes" && row["method"] == "infonce").unwrap();
    assert_eq!((&infonce["fid"], &infonce["map"]), (&56.4.into(), &24.7.into()));
    assert_eq!(json["datasets"][0]["runs"][0]["best"]["fd"], 1.25);
}

#[test]
fn a_table_by_the_papers_metric_is_called_by_it() {
    let stage = stage("table3", &["ours"]);
    fs::write(stage.path("stand-in"), STAND_IN.replace("FD(effnet-lite0)", "FID")).unwrap();
    let named = contains("FID ↓").and(contains("FD(").not());
    let caption = contains("photos: these are your own images, of which the paper has no numbers.")
        .and(contains("may be compared").not())
        .and(contains("cannot").not());
    stage.table(&["--profile", "paper", "--only", "ours"]).assert().success().stdout(named.and(caption));
    let json = fs::read_to_string(stage.path("runs/table3-paper-photos-ours-s777/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&manifest["table"], &manifest["row"], &manifest["seed"]),
        (&"table3".into(), &"ours".into(), &777.into())
    );
}

#[test]
fn results_of_another_version_are_made_anew() {
    let stage = stage("table3", &["ours"]);
    stage.table(&["--only", "ours"]).assert().success();
    let (run, eval) = ("runs/table3-small-photos-ours-s777", "runs/table3-small-photos-ours-s777/eval-best.json");
    stage.calls();
    let old = fs::read_to_string(stage.path(eval)).unwrap().replace("fd_name", "name_of_fd");
    fs::write(stage.path(eval), old).unwrap();
    stage.table(&["--only", "ours", "--resume"]).assert().success();
    assert_eq!(stage.calls().lines().map(|call| call.split(' ').next().unwrap()).collect::<Vec<_>>(), ["eval"]);
    // A run that was trained before there were manifests gets one.
    fs::remove_file(stage.path(run).join("manifest.json")).unwrap();
    stage.table(&["--only", "ours", "--resume"]).assert().success();
    assert!(stage.calls().starts_with("train") && stage.path(run).join("manifest.json").is_file());
}

#[test]
fn wrong_input_is_told_before_anything_is_built() {
    let dir = tempfile::tempdir().unwrap();
    images(dir.path());
    let photos = dir.path().join("photos");
    let fails = |args: &[&str], words: &str| {
        xtask().args(args).assert().failure().stdout("").stderr(contains(words));
    };
    fails(&["table-single", "--direction", "BtoA"], "--data");
    fails(&["table-single", "--data", "x", "--direction", "up"], "expected AtoB or BtoA");
    fails(&["table3", "--data", "/nowhere"], "/nowhere must hold trainA, trainB, testA and testB");
    fails(&["table3", "--only", "cut"], "the rows are horse2zebra/infonce");
    fails(&["table-single", "--only", "cityscapes"], "street/ours");
    fails(&["table1", "--direction", "BtoA"], "unexpected argument");
    fs::remove_dir_all(photos.join("testB")).unwrap();
    fails(&["table-single", "--data", photos.to_str().unwrap()], "testB");
}
