//! Statistics that are kept, and those of others.

use crate::common::{Place, json, metrics, value};
use predicates::prelude::*;
use predicates::str::contains;
use std::fs;

#[test]
fn folder_zip_list_and_statistics_give_one_number() {
    let place = Place::new();
    let (red, blue, stats) = (place.text("red"), place.text("blue"), place.text("red.npz"));
    let expected = value(&json(&["fid", &red, &blue]));
    let zip = place.zip("red.zip", "red", None);
    let list: String = (0..6).map(|i| format!("red/{i}.png\n")).collect();
    fs::write(place.path("red.txt"), list).unwrap();
    metrics(&["stats", &red, "-o", &stats]).assert().success().stdout(contains("red.npz").and(contains("6 pictures")));
    for other in [&zip, &place.text("red.txt"), &stats] {
        let got = value(&json(&["fid", other, &blue]));
        assert!((got - expected).abs() < 1e-4 * expected, "{other}: {got} {expected}");
    }
    let refused = contains("exists already").and(contains("--overwrite"));
    metrics(&["stats", &red, "-o", &stats]).assert().code(1).stderr(refused);
    metrics(&["stats", &red, "-o", &stats, "--overwrite", "--threads", "1"]).assert().success();
    assert_eq!(fs::read_dir(place.0.path()).unwrap().count(), 5, "no temporary file stays");
    metrics(&["stats", &red, "-o", &place.text("none/a.npz")]).assert().code(1).stderr(contains("no such folder"));
    metrics(&["kid", &stats, &blue]).assert().code(1).stderr(contains("red.npz").and(contains("pictures are needed")));
}

#[test]
fn wrong_statistics_are_named() {
    let place = Place::new();
    let red = place.text("red");
    let fails = |file: &str, words: &str| {
        let named = contains(file).and(contains(words));
        metrics(&["fid", &red, file, "--quiet"]).assert().code(1).stdout("").stderr(named);
    };
    fails(&place.npz("nan.npz", &[("mu", &[4], f64::NAN), ("sigma", &[4, 4], 0.0)]), "4 values that are NaN");
    let other = place.npz("other.npz", &[("mu", &[4], 0.0), ("sigma", &[4, 4], 0.0)]);
    fails(&other, "of 4 and of 1280 dimensions");
    fails(&place.npz("shape.npz", &[("mu", &[4], 0.0), ("sigma", &[4, 3], 0.0)]), "covariance");
    fails(&place.npz("half.npz", &[("mu", &[4], 0.0)]), "no array sigma");
    fails(&place.npz("hollow.npz", &[("mu", &[0], 0.0), ("sigma", &[0, 0], 0.0)]), "[d] with d > 0");
    fails(&place.npz("huge.npz", &[("mu", &[4], 1e200), ("sigma", &[4, 4], 0.0)]), "values up to 1e200");
    for (count, words) in [(-5.0, "n: -5; expected"), (f64::NAN, "n: NaN; expected"), (0.5, "n: 0.5; expected")] {
        fails(&place.npz("n.npz", &[("mu", &[1], 0.0), ("sigma", &[1, 1], 1.0), ("n", &[], count)]), words);
    }
    fs::write(place.path("text.npz"), "no archive").unwrap();
    fails(&place.text("text.npz"), "not an .npz");
}
