//! Perceptual distances.

use crate::common::{Place, json, metrics, picture};
use image::RgbImage;
use predicates::prelude::*;
use predicates::str::contains;
use rand::RngExt;
use semrel_data::rng::stream;
use semrel_metrics::weights;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tch::Tensor;

/// Made-up weights of LPIPS under the keys of the lpips package, trunk and heads in one file.
fn lpips_weights(path: &Path) {
    let mut state = BTreeMap::new();
    let mut rng = stream(1, "weights", 0);
    let mut add = |key: String, size: &[i64], scale: f32| {
        // Heads are not negative.
        let least = if size[0] == 1 { 0.0 } else { -scale / 2.0 };
        let values: Vec<f32> = (0..size.iter().product()).map(|_| least + rng.random::<f32>() * scale).collect();
        state.insert(key, Tensor::from_slice(&values).view(size));
    };
    let trunk =
        [("1.0", 64, 3, 11), ("2.3", 192, 64, 5), ("3.6", 384, 192, 3), ("4.8", 256, 384, 3), ("5.10", 256, 256, 3)];
    for (i, (key, out, inputs, kernel)) in trunk.into_iter().enumerate() {
        add(format!("net.slice{key}.weight"), &[out, inputs, kernel, kernel], 0.2);
        add(format!("net.slice{key}.bias"), &[out], 0.1);
        add(format!("lins.{i}.model.1.weight"), &[1, out, 1, 1], 1.0);
    }
    semrel_nn::checkpoint::save(path, &state, &BTreeMap::new()).unwrap();
}

#[test]
fn perceptual_distance_pairs_by_name() {
    let place = Place::new();
    for i in 0..6 {
        place.save(&format!("copy/{i}.bmp"), &picture(i, [190, 20, 20]));
    }
    let (red, blue, copy) = (place.text("red"), place.text("blue"), place.text("copy"));
    let same = json(&["lpips", &red, &copy]);
    assert_eq!((&same["score"], &same["mean"]), (&"PD(effnet-lite0)".into(), &0.0.into()));
    let report = json(&["lpips", &red, &blue]);
    let pairs = report["pairs"].as_array().unwrap();
    assert_eq!((pairs.len(), &pairs[2]["name"]), (6, &"2.png".into()));
    let mean = pairs.iter().map(|pair| pair["value"].as_f64().unwrap()).sum::<f64>() / 6.0;
    assert!(mean > 0.05 && (mean - report["mean"].as_f64().unwrap()).abs() < 1e-12, "{report}");
    fs::remove_file(place.path("copy/3.bmp")).unwrap();
    let refused = contains("red: 1 of its pictures have no counterpart").and(contains("3")).and(contains("--common"));
    metrics(&["lpips", &red, &copy]).assert().code(1).stdout("").stderr(refused);
    metrics(&["lpips", &red, &copy, "--common"])
        .assert()
        .success()
        .stdout(contains("1 pictures that only one side has"));
    metrics(&["lpips", &red]).assert().code(2);
    metrics(&["lpips", &red, &blue, "--pairwise", &red]).assert().code(2);
}

#[test]
fn lpips_compares_at_the_pictures_own_size() {
    let place = Place::new();
    lpips_weights(&place.path("lpips.safetensors"));
    let weights = place.text("lpips.safetensors");
    let (red, blue) = (place.text("red"), place.text("blue"));
    let lpips = |args: &[&str]| json(&[&["lpips", "--extractor", "lpips-alex", "--weights", &weights], args].concat());
    let report = lpips(&[&red, &blue]);
    let digest = weights::sha256(Path::new(&weights)).unwrap();
    let named = format!("PD(lpips-alex, lpips.safetensors {})", &digest[..8]);
    assert_eq!((&report["score"], &report["resize"]), (&named.into(), &"none: pictures at their own size".into()));
    assert_eq!(report["weights"], serde_json::json!([{ "file": weights, "sha256": digest, "published": false }]));
    let refused = contains("lpips.safetensors: looks like the weights of LPIPS").and(contains("--extractor"));
    metrics(&["fid", &red, &blue, "--weights", &weights]).assert().code(1).stderr(refused);
    let told = json(&["lpips", &red, &blue, "--weights", &weights]);
    assert_eq!((&told["score"], &told["mean"]), (&report["score"], &report["mean"]));
    assert!(told["chosen"].as_str().unwrap().contains("--weights"), "{told}");
    assert!(report["mean"].as_f64().unwrap() > 0.0, "{report}");
    assert_eq!(lpips(&[&red, &red])["mean"], 0.0);
    // All pairs of three outputs, each of at least 63 pixels.
    for i in 1..4 {
        let large = image::imageops::resize(&picture(i, [90; 3]), 70, 64, image::imageops::FilterType::Triangle);
        place.save(&format!("out/1_{i}.png"), &large);
        place.save(&format!("p/{i}.png"), &large);
        place.save(&format!("q/{}.png", i % 3 + 1), &large);
    }
    let (pairs, of_group) = (lpips(&[&place.text("p"), &place.text("q")]), lpips(&["--pairwise", &place.text("out")]));
    let (a, b) = (pairs["mean"].as_f64().unwrap(), of_group["mean"].as_f64().unwrap());
    assert!(a > 0.0 && (a - b).abs() < 1e-4 * a, "{a} {b}");
    place.save("other/0.png", &RgbImage::new(50, 50));
    let args = ["lpips", &red, &place.text("other"), "--common", "--extractor", "lpips-alex", "--weights", &weights];
    metrics(&args).assert().code(1).stderr(contains("other/0.png: 48 x 40 and 50 x 50 pixels"));
}

#[test]
fn diversity_is_the_mean_over_pairs_of_a_source() {
    let place = Place::new();
    for (task, source, output, seed) in [
        ("a2b", 1, 1, 1),
        ("a2b", 1, 2, 2),
        ("a2b", 1, 3, 3),
        ("a2b", 2, 1, 5),
        ("a2b", 2, 2, 5),
        ("b2a", 1, 1, 8),
        ("b2a", 1, 2, 9),
    ] {
        place.save(&format!("out/{task}/{source:04}_{output:02}.png"), &picture(seed, [100; 3]));
        place.save(&format!("folders/{task}/{source}/{output}.png"), &picture(seed, [100; 3]));
    }
    let report = json(&["lpips", "--pairwise", &place.text("out")]);
    assert_eq!(report["outputs_per_source"], serde_json::json!([2, 3]));
    let pair = |a: u64, b: u64| {
        for (set, seed) in [("p", a), ("q", b)] {
            place.save(&format!("{set}/x.png"), &picture(seed, [100; 3]));
        }
        json(&["lpips", &place.text("p"), &place.text("q")])["mean"].as_f64().unwrap()
    };
    let a2b = ((pair(1, 2) + pair(1, 3) + pair(2, 3)) / 3.0 + 0.0) / 2.0;
    let expected = (a2b + pair(8, 9)) / 2.0;
    let mean = report["mean"].as_f64().unwrap();
    assert!((mean - expected).abs() < 1e-5 * expected, "{mean} {expected}");
    let by_folder = json(&["lpips", "--pairwise", &place.text("folders"), "--group-by", "folder"]);
    assert_eq!(by_folder["mean"], report["mean"]);
    let shown = contains("2 to 3 of each of 3 sources").and(contains("b2a"));
    metrics(&["lpips", "--pairwise", &place.text("out")]).assert().success().stdout(shown);
    let refused = contains("SOURCE_NUMBER").and(contains("--group-by folder"));
    metrics(&["lpips", "--pairwise", &place.text("red")]).assert().code(1).stderr(refused);
}
