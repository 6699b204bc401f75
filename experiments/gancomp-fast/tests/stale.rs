//! Results of other settings or other weights: none is taken silently.
#![cfg(unix)]

mod common;

use common::searched::SearchedRow;
use common::{Place, assert, read_json, refuses, sets, signal};
use predicates::prelude::predicate;
use std::fs;
use std::path::Path;

/// A search of a moment.
const SHORT: [&str; 2] = ["search.population=4", "search.generations=1"];

/// Distils another super-net in place of the row's.
fn distil_anew(place: &SearchedRow) {
    assert(place.stage("distill", &["--set", "distill.train.lr=1e-3", "--overwrite"])).success();
}

#[test]
fn a_winner_belongs_to_its_super_net() {
    let place = SearchedRow::distilled(&[]);
    assert(place.stage("search", &sets(&SHORT))).success();
    assert(place.stage("export", &[])).success();
    distil_anew(&place);
    let stale = ["search.json: its winner was found in another super-net", "search again: gancomp-fast search"];
    refuses(place.stage("export", &[]), &stale);
    refuses(place.stage("eval", &[]), &stale);
    refuses(place.stage("finetune", &sets(&["finetune.train.n_epochs=1"])), &stale);
    let found = read_json(&place.row("search/search.json"));
    assert(place.stage("export", &["--channels", found["winner"]["channels"].as_str().unwrap()])).success();

    // The same search: nothing of what it evaluated before counts, which is told once.
    let again = assert(place.stage("search", &sets(&SHORT))).success();
    let text = String::from_utf8_lossy(&again.get_output().stderr).into_owned();
    assert_eq!(text.matches("was evaluated with another super-net").count(), 1, "{text}");
    assert(place.stage("export", &[])).success();
}

#[test]
fn a_search_with_other_settings_leaves_no_old_answer() {
    let place = SearchedRow::distilled(&[]);
    let file = place.row("search/evaluations.jsonl");
    let answer = || {
        let names = ["search.json", "summary.json", "front.csv", "front.svg"];
        names.map(|name| fs::read(place.row("search").join(name)).ok())
    };
    assert(place.stage("search", &sets(&SHORT))).success();
    let [found, _, front, drawing] = answer();
    let kept = fs::read_to_string(&file).unwrap().lines().count();
    let other = sets(&["search.budget.macs=6e6", "search.generations=500"]);
    let child = place.start(place.stage("search", &other), &file, kept + 1);
    signal(&child, "INT");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    assert!(answer().iter().all(Option::is_none));
    refuses(place.stage("export", &[]), &["there is no finished search yet"]);
    // What was evaluated stays, and gives the old answer again.
    assert(place.stage("search", &sets(&SHORT))).success();
    let [again, _, front_again, drawing_again] = answer();
    assert!(found.is_some() && found == again && front == front_again && drawing == drawing_again);
    assert_eq!(read_json(&place.row("search/summary.json"))["computed"], 0);
}

#[test]
fn a_fine_tuned_network_belongs_to_its_row() {
    let place = SearchedRow::distilled(&[]);
    let row = |channels: &'static str| {
        sets(&["finetune.train.n_epochs=1", "finetune.train.n_epochs_decay=0", "finetune.train.log_every=1", channels])
    };
    let (own, other, none) = (
        row("finetune.channels=8_4_8_4_8_4_4_8"),
        row("finetune.channels=4_4_4_4_4_4_4_4"),
        row("finetune.channels=null"),
    );
    assert(place.stage("finetune", &own)).success();
    assert(place.stage("export", &own)).success();
    let holds = "tiny/finetune: it holds a network of 8_4_8_4_8_4_4_8, but";
    let again = "gancomp-fast finetune with the same configuration and --overwrite";
    let asked = "`finetune.channels` asks for 4_4_4_4_4_4_4_4";
    refuses(place.stage("export", &other), &[holds, asked, again]);
    refuses(place.stage("eval", &none), &["there is no finished search yet"]);
    // Within this budget is the smallest alone.
    let small = sets(&["search.budget.macs=2.41e6", SHORT[0], SHORT[1]]);
    assert(place.stage("search", &small)).success();
    refuses(place.stage("export", &none), &[holds, "the search has found 4_4_4_4_4_4_4_4", again]);
    let by_name = ["--channels", "8_4_8_4_8_4_4_8"];
    assert(place.stage("export", &[&none[..], &by_name].concat())).success();

    // The same configuration of another super-net.
    distil_anew(&place);
    refuses(place.stage("export", &own), &["tiny/finetune: it began with another super-net than", again]);
    let resumed = place.stage("finetune", &[&own[..], &["--resume"]].concat());
    refuses(resumed, &["the run was started with another super-net than", "tiny/distill, step 4", "--overwrite"]);
    assert(place.stage("finetune", &[&own[..], &["--overwrite"]].concat())).success();
    assert(place.stage("export", &own)).success();
}

#[test]
fn all_stages_of_a_search_have_its_settings() {
    let place = SearchedRow::distilled(&[]);
    for (set, words) in [
        ("distill.train.lr=0.5", "tiny/distill/config.yaml: key `distill.train.lr` is 0.5"),
        ("teacher.lambda_cycle_a=1", "tiny/teacher/config.yaml: key `teacher.lambda_cycle_a` is 1"),
    ] {
        refuses(place.stage("search", &["--all", "--set", set]), &[words]);
    }
    // A teacher of the same width and name is another one where its weights are.
    let checkpoints = place.row("teacher/checkpoints");
    let mut steps: Vec<_> = fs::read_dir(checkpoints).unwrap().map(|entry| entry.unwrap().path()).collect();
    steps.retain(|step| step.join("net_G_A.safetensors").is_file());
    steps.sort();
    let [earlier, last] = &steps[..] else { panic!("{steps:?}") };
    let taught_by = |step: &Path| format!("teacher.weights={}", step.join("net_G_A.safetensors").display());
    let other = place.stage("search", &["--all", "--set", &taught_by(earlier)]);
    refuses(
        other,
        &["`teacher.weights`", "distilled from another teacher than", "gancomp-fast distill", "--overwrite"],
    );
    assert!(!place.row("search").exists());
    let same = taught_by(last);
    assert(place.stage("search", &[&sets(&SHORT)[..], &["--all", "--set", &same]].concat())).success();

    // Nor are images that the distillation has seen searched with.
    let other = place.stage("search", &["--set", "data.held_back=4"]);
    refuses(other, &["config key `data.held_back`: 4", "tiny/distill was distilled with 3"]);

    // A super-net that is finished needs its teacher no more.
    fs::remove_dir_all(place.row("teacher")).unwrap();
    let all = place.stage("search", &[&sets(&SHORT)[..], &["--all", "--overwrite"]].concat());
    assert(all).success().stderr(predicate::str::contains("its teacher is not there any more"));
    assert!(!place.row("teacher").exists());

    // What says that it has ended is there; what it has come to is not.
    let all = || place.stage("search", &["--all"]);
    fs::remove_dir_all(place.row("distill/checkpoints")).unwrap();
    refuses(all(), &["tiny/distill: the run has ended, but its checkpoints are not there", "gancomp-fast distill"]);
    fs::write(place.row("distill/summary.json"), "null").unwrap();
    refuses(all(), &["distill/summary.json: not a summary of a run", "--overwrite"]);
    fs::write(place.row("distill/config.yaml"), "").unwrap();
    refuses(all(), &["distill/config.yaml: not the configuration of a run", "--overwrite"]);
}

#[test]
fn a_distillation_is_resumed_with_its_own_images_alone() {
    let place = Place::new();
    place.trained(&["teacher", "distill"], "runs", &[]);
    fs::write(place.path("list.txt"), "1.png\n2.png\n").unwrap();
    let resumed = |stage: &str| place.stage(stage, "runs", &["--set", "data.search_list=list.txt", "--resume"]);
    refuses(resumed("distill"), &["config.yaml: key `data.search_list` is list.txt"]);
    assert(resumed("teacher")).success();
}

#[test]
fn fine_tuning_tells_that_distillation_has_not_ended() {
    let place = Place::new();
    place.trained(&["teacher"], "runs", &[]);
    let long = sets(&["distill.train.n_epochs=100000"]);
    let child = place.start(place.stage("distill", "runs", &long), "runs/rows/tiny/distill", 2);
    signal(&child, "INT");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    let told = assert(place.stage("finetune", "runs", &[])).success();
    let text = String::from_utf8_lossy(&told.get_output().stderr).into_owned();
    assert!(text.contains("rows/tiny/distill: training has not ended; step"), "{text}");
}
