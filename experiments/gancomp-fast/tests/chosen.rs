//! Checkpoints and configuration are chosen without the test images, which nothing reads before training and search have ended.
#![cfg(unix)]

mod common;

use common::{Place, assert, json, metrics, put_back, read_json, refuses, sets, spoil};
use semrel_world::render_aerial;
use serde_json::json;
use std::process::Command;

/// A place with sixteen training images of each domain, of which four validate.
fn place() -> Place {
    let place = Place::new();
    for i in 6..16 {
        let town = render_aerial(100 + i, 40);
        for (side, picture) in [("A", town.photo), ("B", town.map)] {
            picture.save(place.path(&format!("data/train{side}/{i}.png"))).unwrap();
        }
    }
    place
}

/// A stage that looks at its images in the middle and at its end.
fn stage(place: &Place, stage: &str, select: &str, more: &[&str]) -> Command {
    let select = format!("eval.select={select}");
    let keys = [
        "teacher.train.n_epochs_decay=0",
        "teacher.train.eval_every=6",
        "distill.train.n_epochs_decay=0",
        "distill.train.eval_every=5",
        "search.population=4",
        "search.generations=1",
        "search.batch_size=2",
        "search.budget.macs=1.0e9",
        "eval.reference=all",
        &select,
    ];
    place.stage(stage, "runs", &[&sets(&keys)[..], more].concat())
}

#[test]
fn training_and_search_read_no_test_image() {
    let place = place();
    let folders = ["data/testA", "data/testB"].map(|folder| place.path(folder));
    let held = [spoil(&folders[0]), spoil(&folders[1])];
    // A stage that looks at them notices.
    refuses(stage(&place, "teacher", "test", &[]), &["data/test", ".png: "]);
    for name in ["teacher", "distill", "search", "finetune"] {
        assert(stage(&place, name, "val", &[])).success();
    }
    refuses(stage(&place, "eval", "val", &["--of", "distill"]), &["data/test", ".png: "]);
    folders.iter().zip(&held).for_each(|(folder, held)| put_back(folder, held));

    for (run, score, steps) in [("teach", "eval/fd", [6, 12]), ("rows/tiny/distill", "eval/fd_largest", [5, 10])] {
        let folder = place.path("runs").join(run);
        let scored = metrics(&folder).into_iter().filter(|line| !line[score].is_null());
        assert_eq!(scored.map(|line| line["step"].as_u64().unwrap()).collect::<Vec<_>>(), steps, "{run}");
        let split = read_json(&folder.join("split.json"));
        let domains = split["domains"].as_array().unwrap();
        assert!(domains.len() == 2 && domains.iter().all(|domain| domain["val_files"] == 4), "{split}");
    }
    let found = read_json(&place.path("runs/rows/tiny/search/search.json"));
    assert_eq!((&found["reference"], &found["reals"]), (&json!("train and val"), &json!(16)));
    let scores = json(stage(&place, "eval", "val", &["--of", "distill"]));
    // All training images and the three of the test.
    assert_eq!((&scores["reference"], &scores["reals"], &scores["sources"]), (&json!("all"), &json!(19), &json!(3)));

    // The search would look at images that the super-net knows.
    refuses(
        stage(&place, "search", "test", &["--overwrite"]),
        &["images that the distillation has not seen", "distill: ", "go on with `eval.select: val`"],
    );
    refuses(stage(&place, "distill", "last", &["--resume"]), &["distill: ", "go on with `eval.select: val`"]);
}

#[test]
fn pairs_are_set_apart_together() {
    let place = place();
    let pairs = sets(&common::ALIGNED);
    assert(stage(&place, "teacher", "val", &pairs)).success();
    let split = read_json(&place.path("runs/teach-pairs/split.json"));
    assert_eq!((&split["domains"][0]["name"], &split["domains"][1]), (&json!("trainA and trainB"), &json!(null)));
    assert_eq!(split["domains"][0]["val"].as_array().unwrap().len(), 4);
}

#[test]
fn too_few_images_are_refused() {
    let place = Place::new();
    let words = ["config key `eval.select`: val", "trainA: 6 different image(s)", "`eval.select: last`"];
    refuses(stage(&place, "teacher", "val", &["--check"]), &words);
    assert(stage(&place, "teacher", "last", &["--check"])).success();
}
