//! The checkpoint is chosen without the images that scores are reported of, which nothing reads before training has ended.
#![cfg(unix)]

mod common;

use common::{Place, STEPS, assert, json, metrics, put_back, read_json, refuses, sets, spoil};
use semrel_world::{DomainSet, write_domains};
use serde_json::json;
use std::fs;
use std::process::Command;

/// A place with eight training images of each domain, of which two validate.
fn place() -> Place {
    let place = Place::new();
    fs::remove_dir_all(place.path("data")).unwrap();
    write_domains(&place.path("data"), DomainSet::Seasons, 8, 2, 32, 1).unwrap();
    place
}

fn train(place: &Place, run: &str, select: &str, more: &[&str]) -> Command {
    let select = format!("eval.select={select}");
    // A picture that is none is an error, and not passed over.
    place.train(run, &[&sets(&[&select, "data.strict=true"])[..], more].concat())
}

#[test]
fn training_reads_no_test_image() {
    let place = place();
    let held = spoil(&place.path("data/val"));
    // A run that looks at them notices.
    refuses(train(&place, "test", "test", &[]), &["data/val/"]);
    for select in ["val", "last"] {
        assert(train(&place, select, select, &[])).success();
    }
    refuses(place.command(&["eval", "val"]), &["data/val/"]);
    put_back(&place.path("data/val"), &held);

    let scores = |run: &str| -> Vec<(u64, f64)> {
        let lines = metrics(&place.path(run));
        let score = |line: &serde_json::Value| Some((line["step"].as_u64()?, line["eval/latent_fd_glance"].as_f64()?));
        lines.iter().filter_map(score).collect()
    };
    assert_eq!(scores("val").iter().map(|(step, _)| *step).collect::<Vec<_>>(), [6, 10, STEPS]);
    assert!(scores("last").is_empty());
    let (best, _) = scores("val").into_iter().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    for (run, step) in [("val", best), ("last", STEPS)] {
        let all = ["--set", "eval.max_reals=100"];
        let found = json(place.command(&[&["eval", run, "--checkpoint", "best"][..], &all].concat()));
        // All training images are compared with, those that were set apart as well.
        assert_eq!((&found["step"], &found["reals_per_domain"]), (&json!(step), &json!(8)), "{run}");
        assert!(place.path(&format!("{run}/samples/step-00000006.png")).exists());
    }
    let on_test = json(place.command(&["eval", "val", "--best-on-test"]));
    let last = json(place.command(&["eval", "val"]));
    assert_eq!((&on_test["checkpoint"], &on_test["select"]), (&json!("best-on-test"), &json!("val")));
    let mean = |scores: &serde_json::Value| scores["latent"]["fd"]["mean"].as_f64().unwrap();
    assert!(mean(&on_test) <= mean(&last));
    let split = read_json(&place.path("val/split.json"));
    let domains = split["domains"].as_array().unwrap();
    let names: Vec<_> = domains.iter().map(|domain| domain["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["autumn", "spring", "summer", "winter"]);
    assert!(domains.iter().all(|domain| domain["files"] == 8 && domain["val"].as_array().unwrap().len() == 2));
    assert!(!place.path("last/split.json").exists());

    refuses(train(&place, "val", "test", &["--resume"]), &["val: ", "go on with `eval.select: val`"]);
    refuses(train(&place, "last", "val", &["--resume"]), &["last: ", "`eval.select: test` or `last`"]);
}

#[test]
fn too_few_images_are_refused() {
    let place = Place::new();
    let words = ["config key `eval.select`: val", "data/train/", "6 different image(s)", "`eval.select: last`"];
    refuses(train(&place, "run", "val", &["--check"]), &words);
    assert(train(&place, "run", "last", &["--check"])).success();
}
