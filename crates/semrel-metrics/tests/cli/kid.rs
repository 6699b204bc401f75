//! Kernel distances.

use crate::common::{Place, json, metrics};
use predicates::prelude::*;
use predicates::str::contains;

#[test]
fn kernel_distance_has_a_deviation_over_subsets() {
    let place = Place::new();
    let (red, blue) = (place.text("red"), place.text("blue"));
    let args = ["kid", &red, &blue, "--subsets", "20", "--subset-size", "4"];
    let report = json(&args);
    let first = &report["values"][0];
    assert!(first["mean"].as_f64().unwrap() > 0.01 && first["std"].as_f64().unwrap() > 0.0, "{report}");
    assert_eq!((&first["subset_size"], &report["score"]), (&4.into(), &"KD(effnet-lite0)".into()));
    assert_eq!(report, json(&args), "the seed decides");
    assert_ne!(report["values"], json(&[&args[..], &["--seed", "1"]].concat())["values"]);
    let same = json(&["kid", &red, &red]);
    assert!(same["values"][0]["mean"].as_f64().unwrap() < 0.0, "unbiased: a set against itself is below zero");
    metrics(&["kid", &red, &blue, &red]).assert().success().stdout(contains("±").and(contains("100 of 6 pictures")));
    metrics(&["kid", &red, &blue, "--subset-size", "1"]).assert().code(2);
}
