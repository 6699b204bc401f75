//! Precision and recall, kernel distances of a width, and the distance of infinitely many pictures.

use crate::common::{Place, json, metrics, picture};
use predicates::prelude::*;
use predicates::str::contains;

#[test]
fn balls_of_neighbours_tell_precision_from_recall() {
    let place = Place::new();
    let (red, blue) = (place.text("red"), place.text("blue"));
    for i in 0..6 {
        place.save(&format!("copy/{i}.png"), &picture(i, [190, 20, 20]));
    }
    let report = json(&["prdc", &red, &place.text("copy"), &blue, "--k", "2"]);
    let score = |set: usize, name: &str| report["values"][set][name].as_f64().unwrap();
    for name in ["precision", "recall", "density", "coverage", "f_score"] {
        assert!((score(0, name) - 1.0).abs() < 1e-9, "{name}: {report}");
        assert!(score(1, name) < 0.5, "{name}: {report}");
    }
    assert_eq!(report["sets"].as_array().unwrap().len(), 3);
    let text = metrics(&["prdc", &red, &blue, "--k", "2", "--inside", "non-strict"]).assert().success();
    text.stdout(contains("precision 0.000").and(contains("of 2 neighbours, inside by <=")));
    metrics(&["prdc", &red, &blue, "--k", "6"])
        .assert()
        .code(1)
        .stderr(contains("blue and").and(contains("at least 7 needed")));
    metrics(&["prdc", &red]).assert().code(2);
}

#[test]
fn a_gaussian_kernel_is_named_with_its_width() {
    let place = Place::new();
    let (red, blue) = (place.text("red"), place.text("blue"));
    let far = json(&["mmd", &red, &blue, "--sigma", "5"]);
    assert_eq!(far["score"], "MMD-RBF(effnet-lite0, sigma 5)");
    assert!(far["values"][0]["value"].as_f64().unwrap() > 0.01, "{far}");
    let unit = json(&["mmd", &red, &red, "--biased", "--unit"]);
    assert_eq!(unit["score"], "MMD-RBF(effnet-lite0, unit length, sigma 10, biased)");
    assert!(unit["values"][0]["value"].as_f64().unwrap().abs() < 1e-9, "{unit}");
    metrics(&["mmd", &red, &blue, "--sigma", "0"])
        .assert()
        .code(1)
        .stderr(contains("--sigma 0: expected a finite positive"));
}

#[test]
fn what_few_pictures_cannot_tell_is_refused() {
    let place = Place::new();
    let (red, blue) = (place.text("red"), place.text("blue"));
    let few = ["fd-infinity", &red, &blue, "--least", "3", "--points", "3"];
    metrics(&few).assert().code(1).stderr(contains("blue").and(contains("`kid` and `mmd` take few pictures")));
    let forced = json(&[&few[..], &["--force"]].concat());
    assert!(forced["value"].as_f64().unwrap().is_finite() && forced["trustworthy"] == false, "{forced}");
    assert_eq!(forced["points"].as_array().unwrap().len(), 3);
    metrics(&["fd-infinity", &red, &blue, "--least", "6"]).assert().code(1).stderr(contains("expected 2 to 5"));
    let text = metrics(&[&few[..], &["--force"]].concat()).assert().success();
    text.stdout(contains("do not rely on it"));
}

#[test]
fn networks_without_weights_say_where_to_get_them() {
    let place = Place::new();
    let (red, blue) = (place.text("red"), place.text("blue"));
    for args in
        [&["fid", &red, &blue, "--extractor", "dinov2-s14"][..], &["compare", &red, &blue, "--structure", "dino-b8"]]
    {
        metrics(args).assert().code(1).stderr(contains("`cargo xtask weights fetch"));
    }
}
