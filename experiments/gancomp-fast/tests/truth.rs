//! The truth of the test images: scores of a row's generators against it, and truths that are refused before anything is trained.
#![cfg(unix)]

mod common;

use common::{ALIGNED, Place, json, refuses, sets};
use std::fs;

#[test]
fn teacher_student_and_sources_are_scored_against_the_truth() {
    let place = Place::new();
    let keys = [&ALIGNED[..], &["eval.truth=pairs"]].concat();
    place.trained(&["teacher", "distill"], "runs", &keys);
    let eval = |of: &[&str], more: &[&str]| {
        let keys = [&keys[..], more].concat();
        json(place.stage("eval", "runs", &[&sets(&keys)[..], of].concat()))["truth"].clone()
    };
    let (teacher, student) = (&["--of", "teacher"], &["--of", "distill", "--channels", "largest"]);
    let found = [eval(teacher, &[]), eval(student, &[])];
    for truth in &found {
        assert_eq!((&truth["pd_name"], &truth["equal"]), (&"PD(effnet-lite0)".into(), &0.into()));
        assert!(truth["pd"].as_f64().unwrap() > 0.0 && truth["ssim"].as_f64().unwrap() < 1.0, "{truth}");
        assert!(truth["psnr"].as_f64().unwrap() > 0.0 && truth["masked"].is_null(), "{truth}");
    }
    assert!(found[0] != found[1]);
    let baseline = [&["baseline", "tiny.yaml"][..], &sets(&keys)].concat();
    let untouched = json(place.command(&baseline))["truth"].clone();
    assert!(untouched["pd"].as_f64().unwrap() > 0.0);

    // A folder of the pictures that an evaluation writes is what `pairs` takes, and kept scores are of these files.
    let write = [&baseline[..], &["--images", "pictures"], &sets(&["eval.truth=null"])].concat();
    assert!(json(place.command(&write))["truth"].is_null());
    fs::rename(place.path("pictures/real_A"), place.path("truth")).unwrap();
    let own = eval(teacher, &["eval.truth=truth"]);
    assert!(own != found[0]);
    image::RgbImage::new(32, 32).save(place.path("truth/0.png")).unwrap();
    assert!(eval(teacher, &["eval.truth=truth"]) != own);
}

#[test]
fn a_truth_that_does_not_fit_is_refused_before_anything_is_trained() {
    let place = Place::new();
    for (key, words) in [
        ("eval.truth=gone", &["config key `eval.truth`", "gone: no such folder"][..]),
        ("eval.truth=data/testB", &["`eval.truth`", "data/testB/0.png: 40 × 40 pixels", "has 32 × 32"]),
        ("eval.masks=data/testB", &["config key `eval.masks`", "set `eval.truth` as well"]),
        ("eval.perceptual=vgg", &["`eval.perceptual`: vgg"]),
    ] {
        refuses(place.stage("teacher", "runs", &sets(&[key])), words);
        refuses(place.stage("distill", "runs", &[&["--check"], &sets(&[key])[..]].concat()), words);
    }
    fs::copy(place.path("data/trainA/4.png"), place.path("data/testB/2.png")).unwrap();
    let words = ["data/testB/2.png is the training picture data/trainA/4.png", "hidden from training"];
    refuses(place.stage("teacher", "runs", &sets(&["eval.truth=pairs"])), &words);
    assert!(!place.path("runs").exists(), "nothing was started");
}
