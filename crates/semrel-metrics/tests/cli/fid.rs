//! Fréchet distances.

use crate::common::{Place, json, metrics, value};
use predicates::prelude::*;
use predicates::str::contains;

#[test]
fn one_distance_says_what_it_is_of() {
    let place = Place::new();
    let (red, blue) = (place.text("red"), place.text("blue"));
    let said = contains("FD(effnet-lite0)  ")
        .and(contains("effnet-lite0, 1280 features"))
        .and(contains("by default, since those of inception-fid are not in the weights folder"))
        .and(contains("Pillow bicubic, 8-bit, to 224 x 224"))
        .and(contains(format!("reference  {red}: 6 pictures, png")))
        .and(contains(format!("{blue}: 6 pictures, png")))
        .and(contains("fewer pictures than features"));
    metrics(&["fid", &red, &blue]).assert().success().stdout(said).stderr(contains("blue 6/6 (100%)"));
    let report = json(&["fid", &red, &blue]);
    assert_eq!(report["score"], "FD(effnet-lite0)");
    assert_eq!(report["sets"][0]["formats"]["png"], 6);
    assert!(value(&report) > 5.0, "{report}");
    assert!((value(&report) - value(&json(&["fid", &blue, &red]))).abs() < 1e-6);
}

#[test]
fn several_sets_make_a_table_with_zeros_on_its_diagonal() {
    let place = Place::new();
    let sets = ["red", "blue", "red"].map(|set| place.text(set));
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let args = [&["fid"], &sets[..]].concat();
    let report = json(&args);
    assert_eq!(report["against"], "all");
    for value in report["values"].as_array().unwrap() {
        let distance = value["value"].as_f64().unwrap();
        if value["set"] == value["reference"] {
            assert!(distance.abs() < 1e-3, "{value}");
        } else {
            assert!(distance > 5.0, "{value}");
        }
    }
    metrics(&args).assert().success().stdout(contains("blue").and(contains("0.000")));
    let first = json(&[&args[..], &["--against", "first"]].concat());
    assert_eq!(first["values"].as_array().unwrap().len(), 2);
}

#[test]
fn another_resize_is_another_score() {
    let place = Place::new();
    let (red, blue) = (place.text("red"), place.text("blue"));
    let own = json(&["fid", &red, &blue]);
    assert_eq!(own, json(&["fid", &red, &blue, "--resize", "pillow"]));
    for (how, words) in [("torch", "torch bilinear"), ("clean", "clean-fid")] {
        let other = json(&["fid", &red, &blue, "--resize", how]);
        assert_eq!(other["score"], format!("FD(effnet-lite0, {how})"));
        assert!(other["resize"].as_str().unwrap().contains(words), "{other}");
        assert!((value(&other) - value(&own)).abs() > 1e-3);
    }
}

#[test]
fn intervals_hold_their_distance() {
    let place = Place::new();
    let (red, blue) = (place.text("red"), place.text("blue"));
    let args = ["fid", &red, &blue, "--bootstrap", "50"];
    let report = json(&args);
    let interval = &report["values"][0]["interval"];
    let of = |key: &str| interval[key].as_f64().unwrap();
    assert!(of("low") < value(&report) && value(&report) < of("high") && of("standard_error") > 0.0, "{report}");
    assert!((of("estimate") - value(&report)).abs() < 1e-6 * value(&report), "{report}");
    assert_eq!(report, json(&args));
    assert_ne!(report, json(&[&args[..], &["--seed", "1"]].concat()));
    let shown = contains("[").and(contains("95 %, centred, 50 resamples"));
    metrics(&["fid", &red, &blue, &red, "--bootstrap", "50"]).assert().success().stdout(shown);
    let of_kernel = json(&["kid", &red, &blue, "--bootstrap", "50"]);
    assert!(of_kernel["values"][0]["interval"]["low"].as_f64().unwrap() > 0.0, "{of_kernel}");
    let stats = place.npz("a.npz", &[("mu", &[2], 1.0), ("sigma", &[2, 2], 0.0)]);
    metrics(&["fid", &red, &stats, "--bootstrap", "50"]).assert().code(1).stderr(contains("a.npz"));
    metrics(&["fid", &red, &blue, "--bootstrap", "1"]).assert().code(2);
}
