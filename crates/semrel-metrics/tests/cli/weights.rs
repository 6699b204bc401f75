//! Weights: of the default, of others, of none.

use crate::common::{Place, default_weights, json, metrics};
use predicates::prelude::*;
use predicates::str::contains;
use semrel_metrics::weights;
use std::fs;
use std::path::Path;

#[test]
fn missing_weights_say_how_to_get_them() {
    let place = Place::new();
    let red = place.text("red");
    let advice = contains("cargo xtask weights fetch effnet-lite0").and(contains("weights import effnet-lite0 FILE"));
    metrics(&["fid", &red, &red]).env("SEMREL_WEIGHTS", place.path("empty")).assert().code(1).stderr(advice);
    // Statistics alone need no network.
    let stats = place.npz("a.npz", &[("mu", &[2], 1.0), ("sigma", &[2, 2], 0.0)]);
    let zero = place.npz("b.npz", &[("mu", &[2], 0.0), ("sigma", &[2, 2], 0.0)]);
    let shown = contains("FD  2.0000").and(contains("unknown number of pictures")).and(contains("not recorded"));
    metrics(&["fid", &stats, &zero]).env("SEMREL_WEIGHTS", place.path("empty")).assert().success().stdout(shown);
}

#[test]
fn networks_without_weights_say_how_to_get_them() {
    let place = Place::new();
    let (red, blue) = (place.text("red"), place.text("blue"));
    let fails = |args: &[&str], words: &str| {
        let mut command = metrics(args);
        command.env("SEMREL_WEIGHTS", place.path("empty")).assert().code(1).stdout("").stderr(contains(words));
    };
    for name in ["inception-fid", "inception-torchvision"] {
        fails(&["fid", &red, &blue, "--extractor", name], &format!("cargo xtask weights fetch {name}"));
    }
    fails(&["lpips", &red, &blue, "--extractor", "lpips-alex"], "cargo xtask weights fetch alexnet");
    fails(&["lpips", &red, &blue, "--extractor", "lpips-alex", "--resize", "clean"], "own size");
    let missing = ["fid", &red, &blue, "--weights", &place.text("none.pth")];
    let once = predicate::function(|text: &str| text.matches("No such file").count() == 1);
    metrics(&missing).assert().code(1).stderr(contains("none.pth").and(once));
    fs::write(place.path("w.pth"), "no weights").unwrap();
    fails(&["fid", &red, &blue, "--extractor", "inception-fid", "--weights", &place.text("w.pth")], "w.pth");
}

#[test]
fn the_second_judge_is_named_and_known_by_its_keys() {
    let place = Place::new();
    let (red, blue) = (place.text("red"), place.text("blue"));
    let second = ["--extractor", "effnet-lite2"];
    let shown = contains("FD(effnet-lite2)  ")
        .and(contains("effnet-lite2, 1280 features"))
        .and(contains("to 260 x 260"))
        .and(contains("9656183e…: the published file of effnet-lite2"));
    metrics(&[&["fid", &red, &blue][..], &second].concat()).assert().success().stdout(shown);
    let report = json(&[&["lpips", &red, &blue][..], &second].concat());
    assert_eq!(report["score"], "PD(effnet-lite2)");
    let file = |file: weights::WeightsFile| default_weights().join(file.file).to_str().unwrap().to_owned();
    let [first, own] = [weights::EFFICIENTNET_LITE0, weights::EFFICIENTNET_LITE2].map(file);
    let found = json(&["lpips", &red, &blue, "--weights", &own]);
    assert_eq!((&found["score"], &found["mean"]), (&report["score"], &report["mean"]));
    let other = [&["fid", &red, &blue, "--weights", &first][..], &second].concat();
    let refused = contains("looks like the weights of EfficientNet-Lite0").and(contains("EfficientNet-Lite2"));
    metrics(&other).assert().code(1).stderr(refused);
    let missing = [&["fid", &red, &blue][..], &second].concat();
    let advice = contains("cargo xtask weights fetch effnet-lite2");
    metrics(&missing).env("SEMREL_WEIGHTS", place.path("empty")).assert().code(1).stderr(advice);
}

#[test]
fn weights_of_ones_own_are_named() {
    let place = Place::new();
    let (red, blue, other) = (place.text("red"), place.text("blue"), place.other_weights());
    let digest = weights::sha256(Path::new(&other)).unwrap();
    let named = format!("effnet-lite0, other.safetensors {}", &digest[..8]);
    let own = ["--weights", &other];
    let weights = serde_json::json!([{ "file": other, "sha256": digest, "published": false }]);
    let report = json(&[&["fid", &red, &blue][..], &own].concat());
    assert_eq!((&report["score"], &report["weights"]), (&format!("FD({named})").into(), &weights));
    let published = json(&["fid", &red, &blue]);
    assert_eq!(report["values"], published["values"], "the same numbers in another file");
    assert_eq!(
        (&published["score"], &published["weights"][0]["published"]),
        (&"FD(effnet-lite0)".into(), &true.into())
    );
    let kernel = json(&[&["kid", &red, &blue, "--resize", "clean"][..], &own].concat());
    assert_eq!((&kernel["score"], &kernel["weights"]), (&format!("KD({named}, clean)").into(), &weights));
    let perceptual = json(&[&["lpips", &red, &blue][..], &own].concat());
    assert_eq!((&perceptual["score"], &perceptual["weights"]), (&format!("PD({named})").into(), &weights));
    let stats = json(&[&["stats", &red, "-o", &place.text("red.npz")][..], &own].concat());
    assert_eq!((&stats["extractor"], &stats["weights"]), (&named.clone().into(), &weights));
    let shown = contains(format!("FD({named})  "))
        .and(contains(format!("other.safetensors, SHA-256 {}…: not the published file", &digest[..8])))
        .and(contains("chosen"));
    metrics(&[&["fid", &red, &blue][..], &own].concat()).assert().success().stdout(shown);
    let shown = contains("57934424…: the published file of effnet-lite0");
    metrics(&["stats", &red, "-o", &place.text("blue.npz")]).assert().success().stdout(shown);
}
