//! `table1` against a stand-in for `stargan2-multi`.

mod common;

use common::{Stage, images};
use predicates::prelude::*;
use predicates::str::contains;
use std::fs;

/// Does what `stargan2-multi` is asked for, in made-up numbers; `lsesim` breaks while `break` exists beside it, and no
/// configuration has a key `nonsense`.
const STAND_IN: &str = r#"#!/bin/sh
case "$* " in *" --check "*nonsense=*) echo 'error: unknown key `nonsense`' >&2; exit 1;; *" --check "*) echo '{"steps": 5}'; exit;; esac
echo "$OMP_NUM_THREADS $*" >> "$0.calls"
action=$1; place=$6; all="$*"; out=; manifest=
while [ $# -gt 0 ]; do case $1 in --run-dir|--out) out=$2;; --manifest) manifest=$2;; esac; shift; done
pair() { echo "{\"mean\":$1,\"pairs\":{\"day2night\":$1}}"; }
scores="{\"fd\":$(pair 1.5),\"pd\":$(pair 0.25),\"target_accuracy\":$(pair 0.75)}"
head='"extractor":"effnet-lite0","fd_name":"FD(effnet-lite0)","pd_name":"PD(effnet-lite0)","num_outs":10,"sources_per_domain":1,"reals_per_domain":2,"img_size":64,"classified_at":4,"real_accuracy":0.9'
case $action in
train)
    case $place in *lsesim*) [ -e "$0.break" ] && { echo "Error: loss is not finite at step 3" >&2; exit 1; };; esac
    mkdir -p "$out"; echo 'data: {image_size: 1}' > "$out/config.yaml"; echo "$manifest" > "$out/manifest.json"
    case $all in *ours*) [ -e "$0.slow" ] && { trap 'echo saved > "$out/checkpoint"; exit 130' INT; touch "$0.training"; while :; do sleep 0.1; done; };; esac
    echo '{"step":5}' > "$out/metrics.jsonl"
    echo '{"name":"x","method":"m","seed":777,"iterations":5,"warmup":0,"batch_size":1,"parameters":{},"seconds":90.0,"seconds_waiting_for_images":0.0,"unreadable_images":0,"threads":1,"device":"cpu","peak_memory_mib":1,"best_step":5,"last_step":5}' > "$out/summary.json";;
eval) echo "{\"checkpoint\":\"last\",\"step\":5,$head,\"latent\":$scores,\"reference\":$scores,\"seconds\":1.0}" > "$out";;
baseline) mkdir -p "${out%/*}"; echo "{$head,\"fd\":$(pair 3.0),\"target_accuracy\":$(pair 0.125)}" > "$out";;
sample) printf 'P6 2 7 255\n012345678901234567890123456789012345678901' > "$out";;
esac
"#;

fn stage() -> Stage {
    let stage = Stage::new("table1", "SEMREL_STARGAN2_MULTI", STAND_IN, &["stargan-v2", "lsesim", "ours"]);
    images(stage.dir());
    stage
}

#[test]
fn a_failed_row_is_reported_and_resume_redoes_only_that() {
    let stage = stage();
    fs::write(stage.path("stand-in.break"), "").unwrap();
    fs::create_dir(stage.path("out")).unwrap();
    fs::write(stage.path("out/table1-photos-lsesim.png"), "of an earlier table").unwrap();
    let reason = contains("+ LSeSim").and(contains("failed: loss is not finite at step 3 (training)"));
    let numbers = contains("no translation").and(contains("3.000")).and(contains("12.5%")).and(contains("75.0%"));
    let caption = contains("FD(effnet-lite0)")
        .and(contains("4 times smaller"))
        .and(contains("see docs/fidelity.md"))
        .and(contains("64 x 64"))
        .and(contains("photos/ours 1.5"))
        .and(contains("Latent FD(effnet-lite0) ↓"))
        .and(contains("photos: these are your own images, of which the paper has no numbers."));
    let told = contains("photos/ours is training: pictures of its progress appear in ")
        .and(contains("runs/table1-small-photos-ours-s777/samples/\n"));
    let table = stage.table(&["--jobs", "2", "--threads", "3"]).assert().code(1);
    table.stdout(reason.and(numbers).and(caption)).stderr(told);
    let calls = stage.calls();
    assert!(calls.lines().all(|call| call.starts_with("3 ")), "{calls}");
    assert!(
        calls.contains("--set data.root=")
            && calls.contains("train --device cpu --threads 3 ")
            && calls.contains("--set seed=777"),
        "{calls}"
    );
    assert!(fs::read_to_string(stage.path("out/logs/photos-lsesim.log")).unwrap().contains("loss is not finite"));
    // Drawn into the run's folder, where tables of other profiles and settings do not draw over it.
    assert!(stage.path("runs/table1-small-photos-ours-s777/drawing.png").exists());
    for file in ["table1.md", "table1.csv", "table1.json", "table1-photos-ours.png"] {
        assert!(stage.path("out").join(file).exists(), "{file}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(stage.path("out/table1.json")).unwrap()).unwrap();
    assert_eq!(json["datasets"][0]["runs"][0]["last"]["latent"]["fd"]["pairs"]["day2night"], 1.5);
    assert_eq!(
        json["pictures"],
        serde_json::json!(["table1-photos.png", "table1-photos-stargan-v2.png", "table1-photos-ours.png"])
    );
    let markdown = fs::read_to_string(stage.path("out/table1.md")).unwrap();
    assert!(markdown.contains("photos-ours.png") && !markdown.contains("photos-lsesim.png"), "{markdown}");
    // The user's own images have no numbers of the paper beside them.
    assert!(json["datasets"][0].get("paper").unwrap().is_null());
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
    fs::write(stage.path("data-ours.yaml"), "train: {iterations: 9}\n").unwrap();
    stage.table(&["--resume"]).assert().code(1).stderr(contains("another configuration"));
    stage.table(&["--overwrite", "--only", "ours"]).assert().success().stdout(contains("LSeSim").not());
    let calls = stage.calls();
    assert!(calls.contains("--overwrite") && calls.lines().count() == 5, "{calls}");
}

#[test]
fn seeds_give_means_with_deviations() {
    let stage = stage();
    let two = contains("1.500 ± 0.000").and(contains("seeds: 777, 778"));
    stage.table(&["--seeds", "2", "--only", "ours"]).assert().success().stdout(two);
    assert!(stage.path("runs/table1-small-photos-ours-s778/eval-best.json").exists());
}

#[test]
fn other_settings_have_other_runs() {
    let stage = stage();
    stage.table(&["--only", "ours"]).assert().success();
    stage.table(&["--only", "ours", "--set", "train.iterations=9"]).assert().success();
    stage.table(&["--only", "ours", "--set", "train.iterations=8"]).assert().success();
    let runs: Vec<_> = fs::read_dir(stage.path("runs")).unwrap().map(|e| e.unwrap().file_name()).collect();
    let trained = |name: &&std::ffi::OsString| name.to_string_lossy().starts_with("table1-small-photos-ours-s777");
    assert_eq!(runs.iter().filter(trained).count(), 3, "{runs:?}");
    // The same settings are the same run.
    stage.table(&["--only", "ours", "--set", "train.iterations=9"]).assert().code(1).stderr(contains("--overwrite"));
}

#[test]
fn a_mistyped_setting_is_told_before_anything_is_removed_or_trained() {
    let stage = stage();
    stage.table(&["--only", "ours"]).assert().success();
    fs::write(stage.path("stand-in"), STAND_IN.replace("*nonsense=*)", "*)")).unwrap();
    stage.calls();
    let told = || contains("photos/ours: unknown key `nonsense`").and(contains("evaluating").not());
    stage.table(&["--only", "ours", "--overwrite"]).assert().code(1).stdout("").stderr(told());
    stage.table(&["--only", "ours", "--set", "nonsense=1"]).assert().code(1).stdout("").stderr(told());
    assert_eq!(stage.calls(), "");
    assert!(stage.path("runs/table1-small-photos-ours-s777/eval-best.json").exists());
}

#[test]
fn domains_that_differ_and_single_outputs_are_told_as_such() {
    let stage = stage();
    let stand_in = STAND_IN
        .replace("\"sources_per_domain\":1", "\"sources_per_domain\":[3,1]")
        .replace("\"num_outs\":10", "\"num_outs\":1")
        .replace("$(pair 0.25)", "{\\\"mean\\\":0.0,\\\"pairs\\\":{}}");
    fs::write(stage.path("stand-in"), stand_in).unwrap();
    let told =
        contains("1-3 sources and 2 training images per domain; outputs per source: 1.").and(contains("0.000").not());
    stage.table(&["--only", "ours"]).assert().success().stdout(told);
    assert!(!fs::read_to_string(stage.path("out/table1.csv")).unwrap().contains(",pd,"));
}

#[test]
fn interrupting_saves_and_tells_how_to_go_on() {
    let stage = stage();
    fs::write(stage.path("stand-in.slow"), "").unwrap();
    let child = std::process::Command::new(assert_cmd::cargo::cargo_bin("xtask"))
        .env("SEMREL_STARGAN2_MULTI", stage.path("stand-in"))
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
    let stage = stage();
    stage.table(&["--only", "ours"]).assert().success();
    let table = || ["md", "csv", "json"].map(|end| fs::read(stage.path(&format!("out/table1.{end}"))).unwrap());
    let before = table();
    fs::write(stage.path("stand-in.break"), "").unwrap();
    let kept = contains("no row succeeded").and(contains("stays as it is"));
    stage.table(&["--only", "lsesim"]).assert().code(1).stdout(contains("failed: ")).stderr(kept);
    assert!(table() == before);
}
