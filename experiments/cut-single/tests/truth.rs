//! The truth of the test images: scores against it, and truths that are refused before anything is trained.
#![cfg(unix)]

mod common;

use common::{Place, assert, files, json, method, refuses, sets};
use image::{GrayImage, Luma, Rgb, RgbImage};
use serde_json::Value;
use std::fs;

const TRUTH: [&str; 2] = ["eval.truth=truth", "eval.masks=masks"];

/// The sources as an evaluation writes them as their own truths, so that doing nothing is right; the left half is masked.
fn with_truth() -> Place {
    let place = Place::new();
    assert(place.command(&["baseline", "tiny.yaml", "--images", "pictures", "--out", "scores.json"])).success();
    fs::rename(place.path("pictures/real_A"), place.path("truth")).unwrap();
    fs::create_dir(place.path("masks")).unwrap();
    for i in 0..3 {
        let mask = GrayImage::from_fn(32, 32, |x, _| Luma([if x < 16 { 255 } else { 0 }]));
        mask.save(place.path(&format!("masks/{i}.png"))).unwrap();
    }
    place
}

#[test]
fn translations_and_sources_are_scored_against_the_truth() {
    let place = with_truth();
    place.trained("run", &TRUTH);
    let baseline = || json(place.command(&[&["baseline", "tiny.yaml"][..], &sets(&TRUTH)].concat()));
    let untouched = baseline();
    let truth = &untouched["truth"];
    assert_eq!(
        (&truth["pd_name"], &truth["pd"], &truth["equal"]),
        (&"PD(effnet-lite0)".into(), &0.0.into(), &3.into())
    );
    assert!((truth["ssim"].as_f64().unwrap() - 1.0).abs() < 1e-9);
    // Infinite, which JSON has no number for.
    assert_eq!((&truth["psnr"], &truth["masked"]["outside"]), (&Value::Null, &Value::Null));

    let eval = |more: &[&str]| json(place.command(&[&["eval", "run"][..], &sets(more)].concat()));
    let scores = eval(&[]);
    let truth = &scores["truth"];
    assert!(truth["pd"].as_f64().unwrap() > 0.0 && truth["ssim"].as_f64().unwrap() < 1.0, "{truth}");
    assert_eq!(truth["equal"], 0);
    // The error over all pixels lies between those of the parts.
    let [inside, outside] = ["inside", "outside"].map(|part| truth["masked"][part].as_f64().unwrap());
    assert!(inside > 0.0 && outside > 0.0 && inside != outside, "{truth}");
    assert_eq!(eval(&[]), scores, "kept");

    // Kept scores are those of this truth, and of these masks.
    RgbImage::from_pixel(32, 32, Rgb([9; 3])).save(place.path("truth/0.png")).unwrap();
    let other = eval(&[]);
    assert!(other["truth"]["pd"] != scores["truth"]["pd"] && other["fd"] == scores["fd"], "{other}");
    GrayImage::from_fn(32, 32, |_, y| Luma([if y < 9 { 255 } else { 0 }])).save(place.path("masks/0.png")).unwrap();
    let masked = eval(&[]);
    assert!(masked["truth"]["masked"] != other["truth"]["masked"] && masked["truth"]["pd"] == other["truth"]["pd"]);
    assert!(baseline()["truth"]["equal"] == 2);

    // The other pictures of the pairs; and no truth at all.
    let pairs = eval(&["eval.truth=pairs", "eval.masks=null"]);
    assert!(pairs["truth"]["pd"].as_f64().unwrap() > 0.0 && pairs["truth"]["masked"].is_null());
    assert!(eval(&["eval.truth=null", "eval.masks=null"])["truth"].is_null());
}

#[test]
fn a_truth_that_does_not_fit_is_refused_before_anything_is_trained() {
    let place = with_truth();
    let train = |keys: &[&str], more: &[&str]| {
        place.train("run", &[&method("ours")[..], &sets(&["train.n_epochs_decay=0"]), &sets(keys), more].concat())
    };
    let refused = |keys: &[&str], words: &[&str]| {
        refuses(train(keys, &[]), words);
        refuses(train(keys, &["--overwrite"]), words);
        let check = [&["train", "tiny.yaml", "--check"], &method("ours")[..], &sets(keys)].concat();
        refuses(place.command(&check), words);
    };
    refused(&["eval.truth=gone"], &["config key `eval.truth`", "gone: no such folder"]);
    refused(&["eval.masks=masks"], &["config key `eval.masks`", "set `eval.truth` as well"]);
    refused(&["eval.perceptual=vgg"], &["`eval.perceptual`: vgg", "effnet-lite0", "lpips-alex"]);
    // Pictures as they are, of 40 x 36 pixels.
    refused(&["eval.truth=data/testB"], &["`eval.truth`", "data/testB/0.png: 40 × 36 pixels", "has 32 × 32"]);
    refused(&["eval.truth=truth", "eval.masks=data/testB"], &["`eval.masks`", "0.png: 40 × 36 pixels"]);

    assert(train(&TRUTH, &[])).success();
    let before = files(&place.path("run"));
    fs::rename(place.path("truth/2.png"), place.path("kept.png")).unwrap();
    let lacks = ["`eval.truth`", "truth: no truth for 1 of 3 test images, the first of which is 2"];
    refuses(train(&TRUTH, &["--overwrite"]), &lacks);
    refuses(place.command(&["eval", "run"]), &lacks);
    refuses(place.command(&[&["baseline", "tiny.yaml"][..], &sets(&TRUTH)].concat()), &lacks);
    fs::rename(place.path("kept.png"), place.path("truth/2.png")).unwrap();
    // A training picture under another name, beside the truths.
    fs::copy(place.path("data/trainB/3.png"), place.path("truth/more.png")).unwrap();
    let words = ["`eval.truth`", "truth/more.png is the training picture data/trainB/3.png", "hidden from training"];
    refuses(train(&TRUTH, &["--overwrite"]), &words);
    // Test pairs, one of which is a training picture.
    fs::copy(place.path("data/trainB/3.png"), place.path("data/testB/1.png")).unwrap();
    refuses(train(&["eval.truth=pairs"], &["--overwrite"]), &["data/testB/1.png is the training picture"]);
    assert!(files(&place.path("run")) == before, "nothing was touched");
}
