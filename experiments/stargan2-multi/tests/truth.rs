//! The truth of translations between domains: scores against it, and truths that are refused before anything is trained.
#![cfg(unix)]

mod common;

use common::{NO_EVALUATION, Place, assert, json, refuses};
use serde_json::Value;
use std::fs;

const TRUTH: [&str; 2] = ["--set", "eval.truth=data/truth"];

#[test]
fn outputs_and_sources_are_scored_against_the_truth() {
    let place = Place::new();
    assert(place.train("run", &[&NO_EVALUATION[..], &TRUTH].concat())).success();
    let sets = ["--set", "eval.max_sources=2", "--set", "eval.max_reals=4"];
    let eval = |more: &[&str]| json(place.command(&[&["eval", "run", "--threads", "1"], &sets[..], more].concat()));
    let scores = eval(&[]);
    let mean = |scores: &Value, of: &str| scores["truth"][of]["pd"]["mean"].as_f64().unwrap();
    for guide in ["latent", "reference"] {
        let of_guide = &scores[guide];
        let (all, nearest) = (mean(of_guide, "mean"), mean(of_guide, "nearest"));
        // References hardly change the outputs of so short a run.
        let nearer = if guide == "latent" { all > nearest } else { all >= nearest };
        assert!(nearer && nearest > 0.0, "{guide}: {all} {nearest}");
        for which in ["mean", "nearest"] {
            for score in ["pd", "ssim", "psnr"] {
                let pairs = of_guide["truth"][which][score]["pairs"].as_object().unwrap();
                assert!(pairs.len() == 12 && pairs.values().all(Value::is_f64), "{guide} {which} {score}: {pairs:?}");
            }
        }
    }
    assert_eq!(eval(&[]), scores, "kept");
    // One output is the nearest of its source.
    let single = eval(&["--set", "eval.num_outs=1"]);
    assert_eq!(single["latent"]["truth"]["mean"], single["latent"]["truth"]["nearest"]);
    // All but the scores against it are as without.
    let without = eval(&["--set", "eval.truth=null"]);
    assert!(without["latent"]["truth"].is_null());
    assert_eq!(
        (&without["latent"]["fd"], &without["latent"]["pd"]),
        (&scores["latent"]["fd"], &scores["latent"]["pd"])
    );

    let baseline = |more: &[&str]| json(place.command(&[&["baseline", "tiny.yaml"], &sets[..], &TRUTH, more].concat()));
    let untouched = baseline(&[]);
    assert_eq!(untouched["truth"]["pd"]["pairs"].as_object().unwrap().len(), 12);
    assert!(untouched["truth"]["pd"]["mean"].as_f64().unwrap() > 0.0);
    // Where nothing is to be changed, doing nothing is right. And kept scores are of this truth.
    for i in 1..=2 {
        let file = |folder: &str| place.path(&format!("data/{folder}/000{i}.png"));
        fs::copy(file("val/winter"), file("truth/summer/winter")).unwrap();
    }
    let nothing = baseline(&[]);
    assert_eq!(nothing["truth"]["pd"]["pairs"]["winter2summer"], 0.0);
    assert!(eval(&[])["latent"]["truth"] != scores["latent"]["truth"]);
}

#[test]
fn a_truth_that_does_not_fit_is_refused_before_anything_is_trained() {
    let place = Place::new();
    let refused = |more: &[&str], words: &[&str]| {
        let args = [&NO_EVALUATION[..], &TRUTH, &["--set", "eval.max_sources=2"], more].concat();
        refuses(place.train("run", &args), words);
        refuses(place.train("run", &[&["--check"], &args[..]].concat()), words);
    };
    let none = "data/truth/spring/autumn: no such folder";
    fs::rename(place.path("data/truth/spring/autumn"), place.path("autumn")).unwrap();
    refused(&[], &["config key `eval.truth`", none]);
    fs::rename(place.path("autumn"), place.path("data/truth/spring/autumn")).unwrap();

    let file = place.path("data/truth/winter/summer/0002.png");
    fs::rename(&file, place.path("kept.png")).unwrap();
    refused(&[], &["data/truth/winter/summer: no truth for 1 of 2 test images, the first of which is 0002"]);
    // One source of each domain has its truth.
    let args = [&NO_EVALUATION[..], &TRUTH, &["--check"]].concat();
    assert(place.train("run", &args)).success();
    image::RgbImage::new(36, 32).save(&file).unwrap();
    refused(&[], &["winter/summer/0002.png: 36 × 32 pixels", "has 32 × 32"]);
    fs::copy(place.path("data/train/winter/0004.png"), &file).unwrap();
    refused(&[], &["0002.png is the training picture data/train/winter/0004.png", "hidden from training"]);
    assert!(!place.path("run").exists(), "nothing was started");
}
