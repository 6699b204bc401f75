//! The `segment` command, with a network of made-up weights on small street scenes.

use assert_cmd::Command;
use image::{Rgb, RgbImage};
use predicates::prelude::*;
use predicates::str::contains;
use semrel_metrics::networks::{Drn, drn::Arch};
use semrel_metrics::segmentation::labels::PALETTE;
use semrel_metrics::weights::{EFFICIENTNET_LITE0, sha256};
use semrel_nn::checkpoint::{StateDict, save};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use tch::{Device, Kind, Tensor};

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    /// Three photographs and their labels in colour: sky above road.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["photos", "labels"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        for i in 0..3 {
            let class = |y: u32| if y < 20 + 4 * i { 10 } else { 0 };
            let picture = RgbImage::from_fn(64, 64, |_, y| Rgb(PALETTE[class(y)]));
            picture.save(dir.path().join(format!("photos/{i}.png"))).unwrap();
            picture.save(dir.path().join(format!("labels/{i}.png"))).unwrap();
        }
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// DRN-D-22 that answers with one class everywhere: every weight is 0, and so is the bias of all but this class.
    fn weights(&self, class: i64) -> PathBuf {
        let zeros = |(key, size): (String, Vec<i64>)| {
            let zeros = Tensor::zeros(&size, (Kind::Float, Device::Cpu));
            (key.clone(), if key.ends_with("running_var") { zeros + 1.0 } else { zeros })
        };
        let mut state: StateDict = Drn::shapes(Arch::D22).into_iter().map(zeros).collect();
        let bias = Tensor::zeros([19], (Kind::Float, Device::Cpu));
        let _ = bias.get(class).fill_(5.0);
        state.insert("seg.bias".into(), bias);
        let path = self.path("drn.safetensors");
        save(&path, &state, &Default::default()).unwrap();
        path
    }

    fn segment(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("semrel-metrics"));
        command.arg("segment").arg(self.path("photos")).arg("--labels").arg(self.path("labels")).args(args);
        // No weights but those that are named.
        command.env("SEMREL_WEIGHTS", self.path("none")).env("OMP_NUM_THREADS", "1");
        command
    }

    fn json(&self, weights: &Path, args: &[&str]) -> Value {
        let mut command = self.segment(args);
        let assert = command.arg("--weights").arg(weights).args(["--json", "--quiet"]).assert().success().stderr("");
        serde_json::from_slice(&assert.get_output().stdout).unwrap()
    }
}

/// Rows of sky of the three pictures.
const SKY: f64 = (20 + 24 + 28) as f64 / (3.0 * 64.0);

#[test]
fn both_protocols_score_what_the_network_says() {
    let place = Place::new();
    let weights = place.weights(10);
    let single = place.json(&weights, &[]);
    let digest = sha256(&weights).unwrap();
    let named = format!("drn-d-22, drn.safetensors {}", &digest[..8]);
    assert_eq!((&single["segmenter"], &single["photographs"]), (&named.into(), &3.into()));
    assert_eq!(single["weights"], json!([{ "file": weights, "sha256": digest, "published": null }]));
    // All sky: right where there is sky; road is labelled and never found.
    let accuracy = single["pixel_accuracy"].as_f64().unwrap();
    assert!((accuracy - 100.0 * SKY).abs() < 1.5, "{accuracy}");
    assert!((single["mean_iou"].as_f64().unwrap() - 50.0 * SKY).abs() < 1.0);
    let full = place.json(&weights, &["--protocol", "compression", "--network", "drn-d-22"]);
    assert_eq!(full["mean_iou"].as_f64().unwrap(), (50.0 * SKY * 100.0).round() / 100.0);
    assert!(full["pixel_accuracy"].is_null());
}

#[test]
fn the_published_accuracies_are_read_back_from_the_colour_maps() {
    let place = Place::new();
    let weights = place.weights(0);
    let predictions = place.path("predictions");
    let written = predictions.to_str().unwrap();
    let scores = place.json(&weights, &["--compatible", "--predictions", written]);
    assert!(predictions.join("segmapResult_color/2.png").is_file() && predictions.join("segmapResult/0.png").is_file());
    // Three pictures of 256 x 128, divided by the pixels of 500.
    let expected = 100.0 * (1.0 - SKY) * 3.0 / 500.0;
    let accuracy = scores["pixel_accuracy"].as_f64().unwrap();
    assert!((accuracy - expected).abs() < 0.01, "{accuracy} {expected}");
}

#[test]
fn a_head_is_fitted_for_as_many_steps_as_asked() {
    let place = Place::new();
    let file = EFFICIENTNET_LITE0.locate().expect("`cargo xtask setup` fetches the weights");
    fs::create_dir_all(place.path("cache/weights")).unwrap();
    fs::copy(file, place.path("cache/weights").join(EFFICIENTNET_LITE0.file)).unwrap();
    let (photos, labels) = (place.path("photos"), place.path("labels"));
    let run = |steps: &str| -> Value {
        let fit = ["--fit-photos", photos.to_str().unwrap(), "--fit-labels", labels.to_str().unwrap()];
        let mut command = place.segment(&[&fit[..], &["--fit-steps", steps, "--json", "--quiet"]].concat());
        let output = command.env("SEMREL_WEIGHTS", place.path("cache/weights")).assert().success();
        serde_json::from_slice(&output.get_output().stdout).unwrap()
    };
    let fitted = run("60");
    assert_eq!((&fitted["segmenter"], &fitted["weights"][0]["published"]), (&"effnet-lite0-head".into(), &true.into()));
    assert!(fitted["pixel_accuracy"].as_f64().unwrap() > 90.0, "{fitted}");
    let fewer = run("1");
    assert!(fewer["pixel_accuracy"].as_f64().unwrap() < 90.0, "{fewer}");
    let names = fs::read_dir(place.path("cache/segmenters")).unwrap().map(|entry| entry.unwrap().path());
    let kept = names.filter(|name| name.extension().is_some_and(|ending| ending == "safetensors"));
    assert_eq!(kept.count(), 2, "both are kept");
    place.segment(&["--fit-steps", "9"]).assert().code(2).stderr(contains("--fit-photos"));
}

#[test]
fn a_table_pairs_where_names_do_not() {
    let place = Place::new();
    let weights = place.weights(10);
    let expected = place.json(&weights, &[]);
    let lines = (0..3).map(|i| format!("{i} labels/made-{i}.png photos/{i}.png\n"));
    fs::write(place.path("table.txt"), lines.collect::<String>()).unwrap();
    for i in 0..3 {
        fs::rename(place.path(&format!("labels/{i}.png")), place.path(&format!("labels/made-{i}.png"))).unwrap();
    }
    let (table, root) = (place.path("table.txt"), place.path(""));
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("semrel-metrics"));
    command.arg("segment").arg(place.path("photos")).arg("--labels").arg(root).arg("--table").arg(table);
    let predictions = place.path("predictions");
    command.arg("--weights").arg(weights).args(["--json", "--quiet", "--compatible", "--predictions"]).arg(predictions);
    let report: Value = serde_json::from_slice(&command.assert().success().get_output().stdout).unwrap();
    assert_eq!(report["mean_iou"], expected["mean_iou"]);
}

#[test]
fn what_is_wrong_is_named() {
    let place = Place::new();
    let missing = contains("drn_d_22_cityscapes.pth").and(contains("weights import drn-d-22 FILE"));
    place.segment(&[]).assert().code(1).stderr(missing.and(contains("--fit-photos")));
    let weights = place.weights(0);
    let weights = weights.to_str().unwrap();
    let other = contains("looks like the weights of DRN-D-22").and(contains("DRN-D-105"));
    place.segment(&["--network", "drn-d-105", "--weights", weights]).assert().code(1).stderr(other);
    place.segment(&["--weights", weights, "--label-format", "train-id"]).assert().code(1).stderr(contains("labels/"));
    place.segment(&["--weights", weights, "--compatible"]).assert().code(1).stderr(contains("--predictions"));
    place.segment(&["--fit-photos", weights]).assert().code(2).stderr(contains("--fit-labels"));
    let green = RgbImage::from_pixel(64, 64, Rgb([30, 220, 40]));
    let label = fs::read(place.path("labels/1.png")).unwrap();
    green.save(place.path("labels/1.png")).unwrap();
    let foreign = contains("labels/1.png: 100 % of its pixels are far from every colour of Cityscapes");
    place.segment(&["--weights", weights]).assert().code(1).stdout("").stderr(foreign);
    fs::write(place.path("labels/1.png"), label).unwrap();
    fs::write(place.path("photos/1.png"), "no image").unwrap();
    place.segment(&["--weights", weights]).assert().code(1).stderr(contains("photos/1.png"));
    fs::remove_file(place.path("photos/1.png")).unwrap();
    place.segment(&["--weights", weights]).assert().code(1).stderr(contains("labels/1.png"));
}
