//! `table2` against a stand-in for `gancomp-fast`.

mod common;

use common::Stage;
use predicates::prelude::*;
use predicates::str::contains;
use std::fs;

/// Does what `gancomp-fast` is asked for, in made-up numbers; distillation breaks while `break` exists beside it, and teachers
/// while `break-teacher` does. Rows go without fine-tuning.
const STAND_IN: &str = r#"#!/bin/sh
case "$* " in *" --check "*nonsense=*) echo 'error: unknown key `nonsense`' >&2; exit 1;;
    "finetune "*" --check "*) echo '{"steps": 0}'; exit;; *" --check "*) echo '{"steps": 5}'; exit;; esac
echo "$OMP_NUM_THREADS $*" >> "$0.calls"
action=$1; all="$*"; out=; runs=; name=; of=; manifest=
while [ $# -gt 0 ]; do case $1 in --runs) runs=$2;; --out) out=$2;; --of) of=$2;; --manifest) manifest=$2;; name=*) name=${1#name=};; esac; shift; done
row="$runs/$name"; head='"extractor":"effnet-lite0","fd_name":"FD(effnet-lite0)","size":64,"sources":3,"reals":3,"reference":"test","segmenter":"a head"'
seen() { echo "{\"mean_iou\":$1,\"pixel_accuracy\":70.0,\"class_accuracy\":40.0}"; }
summary='{"name":"x","seed":777,"warmup":0,"batch_size":1,"parameters":{},"seconds":30.0,"seconds_waiting_for_images":0.0,"unreadable_images":0,"threads":1,"device":"cpu","peak_memory_mib":1,"best_step":5,"last_step":5,"epochs":2,"steps":5}'
done_in() { mkdir -p "$1"; echo 'name: x' > "$1/config.yaml"; echo "$manifest" > "$1/manifest.json"; echo '{"step":5}' > "$1/metrics.jsonl"; echo "$summary" > "$1/summary.json"; }
case $action in
teacher) [ -e "$0.break-teacher" ] && { echo "Error: no teacher" >&2; exit 1; }; done_in "$row";;
distill) [ -e "$0.break" ] && { echo "Error: loss is not finite at step 3" >&2; exit 1; }; done_in "$row/distill";;
search) mkdir -p "$row/search"; echo '{"name":"x","stage":"search","winner":null,"evaluations":40,"computed":40,"seconds":6.0,"threads":1,"device":"cpu"}' > "$row/search/summary.json"; echo plot > "$row/search/front.svg";;
finetune) exit 1;;
export) mkdir -p "$row/export"; echo '{"name":"x","stage":"export","of":"export","channels":"16_16","step":5,"parameters":411619,"macs":2961702912,"size":[64,64],"files":[],"bytes":[],"onnx_opset":17,"onnx_largest_difference":0.0,"seconds":1.0,"threads":1,"device":"cpu"}' > "$row/export/summary.json";;
eval)
    params=411619; macs=2961702912; [ $of = teacher ] && params=11378179 && macs=56799264768
    echo "{\"name\":\"x\",\"of\":\"$of\",\"step\":5,\"milliseconds\":1.0,\"threads\":1,\"seconds\":1.0,$head,\"fd\":1.5,\"segmentation\":$(seen 30.0),\"parameters\":$params,\"macs\":$macs,\"channels\":\"16_16\",\"images\":\"results/x\"}" > "$out";;
baseline) mkdir -p "${out%/*}"; echo "{$head,\"fd\":3.0,\"ceiling\":$(seen 50.0)}" > "$out";;
esac
"#;

fn stage() -> Stage {
    let stage = Stage::new("table2", "SEMREL_GANCOMP_FAST", STAND_IN, &[]);
    for method in ["fast", "ours"] {
        fs::write(stage.path(&format!("pairs-{method}.yaml")), "method: x\n").unwrap();
    }
    for folder in ["trainA", "trainB", "testA", "testB"] {
        fs::create_dir_all(stage.path("photos").join(folder)).unwrap();
        fs::write(stage.path("photos").join(folder).join("1.ppm"), b"P6 2 1 255\n012345").unwrap();
    }
    stage
}

#[test]
fn rows_follow_their_teacher_through_all_stages() {
    let stage = stage();
    let numbers = contains("11.38M").and(contains("56.80G")).and(contains("0.412M")).and(contains("2.962G"));
    let caption = contains("search 40 evaluations").and(contains("photos/ours 0.6")).and(contains("real photographs"));
    stage.table(&["--only", "ours", "--jobs", "2"]).assert().success().stdout(numbers.and(caption));
    let calls = stage.calls();
    let actions: Vec<&str> = calls.lines().map(|call| call.split(' ').nth(1).unwrap()).collect();
    let place = |action: &str| actions.iter().position(|a| *a == action).unwrap();
    assert!(place("teacher") < place("distill") && place("distill") < place("search"), "{calls}");
    assert!(place("search") < place("export") && !actions.contains(&"finetune"), "{calls}");
    assert!(calls.lines().all(|call| call.contains("pairs-ours.yaml")), "{calls}");
    let names = "--set name=table2-small-photos-ours-s777";
    let line = calls.lines().find(|call| call.contains(" distill ")).unwrap();
    assert!(line.contains(names) && line.contains("--set teacher.name=table2-small-photos-teacher-s777"), "{line}");
    // Stages that train are told which row they are.
    let told = |call: &&str| call.contains("--manifest {") && call.contains("\"table\":\"table2\"");
    assert_eq!(calls.lines().filter(told).count(), 2, "{calls}");
    assert!(stage.path("runs/table2-small-photos-ours-s777/distill/manifest.json").is_file());
    assert!(calls.contains("--of teacher") && calls.contains("--of export"), "{calls}");
    assert_eq!(fs::read_to_string(stage.path("out/table2-photos-ours-front.svg")).unwrap(), "plot\n");
    let markdown = fs::read_to_string(stage.path("out/table2.md")).unwrap();
    assert!(markdown.contains("| Teacher | 11.38M | 56.80G |"), "{markdown}");

    stage.table(&["--only", "ours", "--resume"]).assert().success();
    assert_eq!(stage.calls(), "");
    stage.table(&["--only", "ours"]).assert().code(1).stderr(contains("--resume").and(contains("--overwrite")));
}

#[test]
fn a_stage_that_fails_is_told_and_resumed() {
    let stage = stage();
    fs::write(stage.path("stand-in.break"), "").unwrap();
    let told = contains("failed: loss is not finite at step 3 (distilling)").and(contains("11.38M"));
    stage.table(&["--only", "ours"]).assert().code(1).stdout(told);
    fs::remove_file(stage.path("stand-in.break")).unwrap();
    stage.calls();
    stage.table(&["--only", "ours", "--resume"]).assert().success().stdout(contains("failed").not());
    assert!(!stage.calls().contains(" teacher --device"));
}

#[test]
fn there_are_no_checkpoints_to_choose_from() {
    let stage = stage();
    let refused = contains("--best-on-test").and(contains("no checkpoints to choose from"));
    stage.table(&["--best-on-test"]).assert().failure().stderr(refused);
    assert_eq!(stage.calls(), "");
}

#[test]
fn without_its_teacher_a_row_fails_with_the_reason() {
    let stage = stage();
    fs::write(stage.path("stand-in.break-teacher"), "").unwrap();
    let told = contains("failed: no teacher (training)").and(contains("failed: photos/teacher failed"));
    stage.table(&[]).assert().code(1).stdout(told);
    assert!(!stage.calls().contains("distill"));
}
