//! The checkpoint is chosen without the test images, which nothing reads before training has ended.
#![cfg(unix)]

mod common;

use common::{
    METHODS, Place, assert, assert_same_files, json, method, metrics, picture, put_back, read_json, refuses, sets,
    spoil,
};
use cut_single::config::Config;
use cut_single::data::Data;
use semrel_data::Side;
use semrel_run::Checked;
use semrel_world::Season;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// Training images of each domain; a quarter of them validate.
const IMAGES: u64 = 16;

/// A place with [`IMAGES`] training images of each domain.
fn place() -> Place {
    let place = Place::new();
    for i in 0..IMAGES {
        picture(100 + i, Season::Summer).save(place.path(&format!("data/trainA/{i}.png"))).unwrap();
        picture(200 + i, Season::Winter).save(place.path(&format!("data/trainB/{i}.png"))).unwrap();
    }
    place
}

/// Settings of a run that looks at its images in the middle and at its end.
fn args(select: &str) -> Vec<String> {
    let select = format!("eval.select={select}");
    let keys = ["train.n_epochs_decay=0", "train.eval_every=6", "train.sample_every=6", &select];
    [method("ours"), sets(&keys)].concat().into_iter().map(str::to_owned).collect()
}

fn train(place: &Place, run: &str, select: &str, more: &[&str]) -> std::process::Command {
    let args = args(select);
    let args: Vec<&str> = args.iter().map(String::as_str).chain(more.iter().copied()).collect();
    place.train(run, &args)
}

#[test]
fn training_reads_no_test_image() {
    let place = place();
    let tests: Vec<PathBuf> = ["data/testA", "data/testB"].map(|folder| place.path(folder)).into();
    let held: Vec<_> = tests.iter().map(|folder| spoil(folder)).collect();
    // A run that looks at them notices.
    refuses(train(&place, "test", "test", &[]), &["data/test", ".png: "]);
    for select in ["val", "last"] {
        assert(train(&place, select, select, &[])).success();
    }
    refuses(place.command(&["eval", "val"]), &["data/test", ".png: "]);
    tests.iter().zip(&held).for_each(|(folder, held)| put_back(folder, held));

    let scores = |run: &str| -> Vec<(u64, f64)> {
        let lines = metrics(&place.path(run));
        let scored = lines.iter().filter_map(|line| Some((line["step"].as_u64()?, line["eval/fd"].as_f64()?)));
        scored.collect()
    };
    let steps: Vec<u64> = scores("val").iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [6, 12]);
    assert!(scores("last").is_empty());
    let (best, _) = scores("val").into_iter().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    for (run, checkpoint, step) in [("val", "best", best), ("val", "last", 12), ("last", "best", 16)] {
        let found = json(place.command(&["eval", run, "--checkpoint", checkpoint]));
        assert_eq!((&found["step"], &found["sources"], &found["reals"]), (&json!(step), &json!(3), &json!(3)), "{run}");
        assert!(place.path(&format!("{run}/samples/step-00000006.png")).exists());
    }
    let fd = |more: &[&str]| json(place.command(&[&["eval", "val"], more].concat()));
    let on_test = fd(&["--best-on-test"]);
    let least = ["best", "last"].map(|which| fd(&["--checkpoint", which])["fd"].as_f64().unwrap());
    assert_eq!((&on_test["checkpoint"], &on_test["select"]), (&json!("best-on-test"), &json!("val")));
    assert!(on_test["fd"].as_f64().unwrap() <= least[0].min(least[1]));
    refuses(
        place.command(&["eval", "val", "--best-on-test", "--checkpoint", "best"]),
        &["--checkpoint", "--best-on-test"],
    );
}

#[test]
fn what_is_set_apart_does_not_train_and_is_written_down() {
    let place = place();
    let with = |select: &str| {
        let mut config = Checked::<Config>::load(&[place.path("tiny.yaml")], &[]).unwrap().into_inner();
        config.data.root = place.path("data");
        config.eval.select = serde_json::from_value(json!(select)).unwrap();
        Data::open(&config).unwrap()
    };
    let data = with("val");
    for side in [Side::A, Side::B] {
        let (train, val) = (data.train.files(side), data.looked_at.files(side));
        assert_eq!((train.len(), val.len()), (12, 4));
        assert!(val.iter().all(|file| !train.contains(file) && file.starts_with(data.train.folder(side))));
    }
    assert_eq!((data.steps_per_epoch(), with("test").steps_per_epoch()), (12, 16));
    let last = with("last");
    assert_eq!((last.steps_per_epoch(), last.split.is_none(), last.looked_at == last.train), (16, true, true));

    assert(train(&place, "run", "val", &[])).success();
    let split = read_json(&place.path("run/split.json"));
    assert_eq!((&split["salt"], &split["permille"], &split["minimum"]), (&json!("val-1"), &json!(100), &json!(50)));
    assert_eq!(serde_json::from_value::<semrel_run::SplitRecord>(split.clone()).unwrap(), data.split.unwrap());
    let domains: Vec<(&Value, &Value, &Value)> = split["domains"]
        .as_array()
        .unwrap()
        .iter()
        .map(|domain| {
            assert_eq!(domain["val"].as_array().unwrap().len(), 4);
            (&domain["name"], &domain["files"], &domain["val_files"])
        })
        .collect();
    assert_eq!(domains, [(&json!("trainA"), &json!(16), &json!(4)), (&json!("trainB"), &json!(16), &json!(4))]);
    assert!(!place.path("last/split.json").exists());
    // Another run in its place has none.
    assert(train(&place, "run", "last", &["--overwrite"])).success();
    assert!(!place.path("run/split.json").exists());
}

#[test]
fn a_run_is_resumed_with_its_own_split_alone() {
    let place = place();
    let mut child = place.start(train(&place, "run", "val", &[]), "run", 7);
    child.kill().unwrap();
    child.wait().unwrap();
    let stored = fs::read(place.path("run/config.yaml")).unwrap();
    refuses(train(&place, "run", "test", &["--resume"]), &["run: ", "go on with `eval.select: val`"]);
    let another = place.path("data/trainB/another.png");
    picture(300, Season::Winter).save(&another).unwrap();
    refuses(train(&place, "run", "val", &["--resume"]), &["17 training images of trainB", "trained with 16"]);
    fs::remove_file(another).unwrap();
    assert!(fs::read(place.path("run/config.yaml")).unwrap() == stored);

    assert(train(&place, "run", "val", &["--resume"])).success();
    assert(train(&place, "whole", "val", &[])).success();
    assert_eq!(metrics(&place.path("run")), metrics(&place.path("whole")));
    for folder in ["checkpoints", "samples"] {
        assert_same_files(&place.path("run").join(folder), &place.path("whole").join(folder), "with a split");
    }
    assert(train(&place, "all", "test", &[])).success();
    refuses(train(&place, "all", "val", &["--resume"]), &["all: ", "`eval.select: test` or `last`"]);
}

#[test]
fn too_few_images_are_refused() {
    let place = Place::new();
    let remedies = ["`eval.select: test`", "`eval.select: last`"];
    refuses(
        train(&place, "run", "val", &["--check"]),
        &[&["config key `eval.select`: val", "trainA: 6 different image(s)", "at least 8"], &remedies[..]].concat(),
    );
    for (name, _) in METHODS.iter().filter(|(name, _)| name.starts_with("sincut")) {
        let single = [method(name), sets(&["eval.select=val"]), vec!["--check"]].concat();
        refuses(
            place.train("run", &single),
            &["config key `eval.select`: val", "a single picture", "`last`, or `test`"],
        );
    }
    refuses(train(&place, "run", "best", &[]), &["`eval.select`", "best"]);
    assert!(!place.path("run").exists());
}
