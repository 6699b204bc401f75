//! Sets of pictures as arguments.

use crate::common::{Place, json, metrics, picture};
use predicates::prelude::*;
use predicates::str::contains;
use semrel_testkit::runs::{PIPE, pipe};
use std::fs;
use std::time::Duration;

#[test]
fn wrong_sets_are_named() {
    let place = Place::new();
    let red = place.text("red");
    let fails = |set: &str, words: &str| {
        for command in ["fid", "kid"] {
            let named = contains(set).and(contains(words));
            metrics(&[command, &red, set, "--quiet"]).assert().code(1).stdout("").stderr(named);
        }
    };
    place.save("one/0.png", &picture(1, [9; 3]));
    fails(&place.text("one"), "1 picture; at least 2");
    fs::create_dir(place.path("none")).unwrap();
    fails(&place.text("none"), "no images");
    fails(&place.text("missing"), "cannot be read");
    place.save("mixed/0.png", &picture(1, [9; 3]));
    let whole = fs::read(place.path("mixed/0.png")).unwrap();
    fs::write(place.path("mixed/1.png"), &whole[..whole.len() / 2]).unwrap();
    fails(&place.text("mixed"), "1.png: truncated or corrupt");
    fails(&place.zip("broken.zip", "red", Some(3)), "broken.zip/3.png: truncated or corrupt");
    fs::write(place.path("list.txt"), "red/0.png\nred/7.png\n").unwrap();
    fails(&place.text("list.txt"), "line 2");
    metrics(&["fid", &red]).assert().code(2).stderr(contains("1 set(s) given; expected 2 or more"));
    metrics(&["fid", &red, &red, "--extractor", "vgg"]).assert().code(2).stderr(contains("effnet-lite0"));
    metrics(&["fid", &red, &red, "--resize", "opencv"]).assert().code(2).stderr(contains("pillow, torch, clean"));
    metrics(&["fid", &red, &red, "--device", "tpu"]).assert().code(1).stderr(contains("unknown device `tpu`"));
}

#[test]
fn pipes_are_refused_and_not_waited_for() {
    let place = Place::new();
    let pipes = ["pipe", "pipe.npz", "pipe.zip", "pipe.txt"];
    pipes.iter().for_each(|name| pipe(&place.path(name)));
    let (red, blue) = (place.text("red"), place.text("blue"));
    let refused = |args: &[&str], named: &str| {
        let told = contains(named).and(contains(PIPE));
        metrics(args).timeout(Duration::from_secs(120)).assert().code(1).stdout("").stderr(told);
    };
    for name in pipes {
        refused(&["fid", &red, &place.text(name), "--quiet"], name);
    }
    refused(&["stats", &place.text("pipe.zip"), "-o", &place.text("a.npz")], "pipe.zip");
    refused(&["lpips", &red, &place.text("pipe.txt")], "pipe.txt");
    refused(&["fid", &red, &blue, "--weights", &place.text("pipe")], "pipe");
}

#[test]
fn options_may_stand_between_sets() {
    let place = Place::new();
    let (red, blue) = (place.text("red"), place.text("blue"));
    for command in ["fid", "kid", "lpips"] {
        let report = json(&[command, &red, "--threads", "1", &blue]);
        assert_eq!(report["sets"][1]["path"], blue, "{report}");
        assert_eq!(report["sets"].as_array().unwrap().len(), 2);
    }
    metrics(&["lpips", &red, &blue, &red]).assert().code(2).stderr(contains("3 set(s) given; expected 2"));
}
