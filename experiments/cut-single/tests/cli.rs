//! All subcommands on small runs.
#![cfg(unix)]

mod common;

use common::{METHODS, Place, STEPS, assert, files, json, method, metrics, names, read_json, refuses, sets};
use cut_single::config::Method;
use image::{GenericImageView, RgbImage};
use predicates::prelude::predicate;
use semrel_nn::checkpoint::{load_safetensors, metadata, save, torch_file};
use semrel_run::trained::SingleModal;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

#[test]
fn every_subcommand_explains_itself() {
    let place = Place::new();
    for (args, word) in [
        (&["--help"][..], "cut-single train configs/"),
        (&["train", "--help"], "--overwrite"),
        (&["translate", "--help"], "--size"),
        (&["eval", "--help"], "--weights"),
        (&["baseline", "--help"], "--out"),
        (&["similarity", "--help"], "--at"),
        (&["explore", "--help"], "--positions"),
        (&["export", "--help"], "safetensors"),
        (&["bench", "--help"], "--plain"),
    ] {
        assert(place.command(args)).success().stdout(predicate::str::contains(word));
    }
    assert(place.command(&["--version"])).success();
    assert(place.command(&[])).code(2);
    assert(place.command(&["trian"])).code(2).stderr(predicate::str::contains("train"));
}

fn dimensions(path: &Path) -> (u32, u32) {
    image::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).dimensions()
}

/// Size of a sheet of cells of this size, with a line of two pixels around each.
fn sheet(columns: u32, rows: u32, (width, height): (u32, u32)) -> (u32, u32) {
    (columns * (width + 2) + 2, rows * (height + 2) + 2)
}

/// What a run of each method leaves, and what its generator does.
#[test]
fn every_method_trains_and_translates() {
    let place = Place::new();
    for (name, _) in METHODS.iter().filter(|(name, _)| !name.starts_with("sincut")) {
        assert(place.train(name, &[&method(name)[..], &["--quiet"]].concat())).success().stderr("");
        let summary = read_json(&place.path(name).join("summary.json"));
        assert_eq!(summary["last_step"], STEPS, "{name}");
        assert_eq!(summary["unreadable_images"], 0, "{name}");
        let generator = match *name {
            "cyclegan" | "distancegan" | "distancegan-halves" => "G_A",
            "drit" => "gen",
            _ => "G",
        };
        assert!(summary["parameters"][generator].as_i64().unwrap() > 0, "{name}: {summary}");
        // Three test images above their translations.
        assert_eq!(dimensions(&place.path(name).join("samples/step-00000012.png")), sheet(3, 2, (32, 32)), "{name}");
        let lines = metrics(&place.path(name));
        // Batches of two have twice as many epochs.
        let (epochs, rate) = match *name {
            "recipe" | "distancegan" | "drit" => (4.0, 2e-4 / 3.0),
            // Halved twice, besides.
            "munit" | "unit" => (2.0, 2.5e-5),
            _ => (2.0, 1e-4),
        };
        assert_eq!((lines[0]["epoch"].as_f64(), lines[11]["epoch"].as_f64()), (Some(1.0), Some(epochs)), "{name}");
        let of = |line: &Value| line["lr"].as_f64().unwrap();
        assert!(of(&lines[0]) == 2e-4 && (of(&lines[11]) - rate).abs() < 1e-12, "{name}");

        let out = format!("{name}-out");
        assert(place.command(&["translate", name, "data/testA", "--out", &out, "--threads", "1"])).success();
        assert_eq!(names(&place.path(&out)), ["0.png", "1.png", "2.png"], "{name}");
        assert_eq!(dimensions(&place.path(&out).join("0.png")), (32, 32), "{name}");
    }
    let outputs: Vec<Vec<u8>> =
        ["ours", "cut", "gcgan"].map(|name| fs::read(place.path(&format!("{name}-out/0.png"))).unwrap()).into();
    assert!(outputs[0] != outputs[1] && outputs[1] != outputs[2]);
}

#[test]
fn single_image_methods_translate_the_whole_picture() {
    let place = Place::new();
    for name in ["sincut", "sincut-ours"] {
        let args = [method(name), sets(&["train.sample_every=4"])].concat();
        let child = place.start(place.train(name, &args), name, 4);
        common::signal(&child, "INT");
        assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130), "{name}");
        let line = &metrics(&place.path(name))[0];
        for term in ["D_R1", "idt", "G_GAN", "G"] {
            assert!(line[term].as_f64().is_some(), "{name}: {term} is not in {line}");
        }
        assert_eq!(line.get("SRC").is_some(), name == "sincut-ours", "{line}");
        // Of its own size, 40 × 36.
        assert_eq!(dimensions(&place.path(name).join("samples/step-00000004.png")), sheet(1, 2, (40, 36)), "{name}");
        let out = format!("{name}-out");
        assert(place.command(&["translate", name, "single/trainA/0.png", "--out", &out])).success();
        assert_eq!(dimensions(&place.path(&out).join("0.png")), (40, 36), "{name}");
        let at = ["similarity", name, "single/trainA/0.png", "--at", "39,35", "--out", "maps"];
        assert(place.command(&at)).success();
        let maps = read_json(&place.path("maps/0-39-35.json"));
        assert_eq!(maps["size"], serde_json::json!([40, 36]));
        assert(place.command(&["export", name, "--out", "sin.safetensors"])).success();
        assert(place.command(&["translate", "sin.safetensors", "single/trainA", "--out", "by-file"])).success();
        assert_eq!(dimensions(&place.path("by-file/0.png")), (40, 36), "{name}");
        // Without what the export tells, the width is unknown.
        let tensors = load_safetensors(place.path("sin.safetensors")).unwrap();
        save(place.path("bare.safetensors"), &tensors, &BTreeMap::new()).unwrap();
        refuses(
            place.command(&["translate", "bare.safetensors", "single/trainA", "--out", "x"]),
            &["bare.safetensors", "its file does not say its width"],
        );
        let config = format!("{name}/config.yaml");
        let file = ["translate", "bare.safetensors", "single/trainA", "--config", &config, "--out", "by-config"];
        assert(place.command(&file)).success();
        assert!(files(&place.path("by-config")) == files(&place.path("by-file")), "{name}");
    }
}

#[test]
fn a_generator_in_any_file_translates_alike() {
    let place = Place::new();
    place.trained("run", &[]);
    let translate = |generator: &str, more: &[&str]| {
        let args = [&["translate", generator, "data/testA", "--out", "out", "--size", "40x36"], more].concat();
        assert(place.command(&args)).success();
        let written = files(&place.path("out"));
        assert_eq!(dimensions(&place.path("out/2.png")), (40, 36));
        fs::remove_dir_all(place.path("out")).unwrap();
        written
    };
    let want = translate("run", &[]);
    assert_eq!(want.len(), 3);

    assert(place.command(&["export", "run", "--out", "files/G.safetensors"]))
        .success()
        .stdout(predicate::str::contains("files/G.safetensors"));
    let exported = load_safetensors(place.path("files/G.safetensors")).unwrap();
    let saved = load_safetensors(place.last_checkpoint("run").join("net_G.safetensors")).unwrap();
    assert_eq!(exported.keys().collect::<Vec<_>>(), saved.keys().collect::<Vec<_>>());
    assert!(exported.iter().all(|(key, tensor)| tensor.equal(&saved[key])), "bit for bit");
    assert_eq!(metadata(place.path("files/G.safetensors")).unwrap()["step"], "6");
    assert!(translate("files/G.safetensors", &[]) == want);

    // As the published code saves it.
    fs::write(place.path("latest_net_G.pth"), torch_file(&exported)).unwrap();
    assert!(translate("latest_net_G.pth", &[]) == want);
    assert!(translate("latest_net_G.pth", &["--config", "run/config.yaml"]) == want);
    // Several at a time: the same pictures but for rounding.
    let together = translate("run", &["--batch", "2"]);
    let pixels = |bytes: &[u8]| image::load_from_memory(bytes).unwrap().to_rgb8().into_raw();
    for (name, bytes) in &want {
        let differs = pixels(bytes).iter().zip(pixels(&together[name])).any(|(a, b)| a.abs_diff(b) > 1);
        assert!(!differs, "{name}");
    }
    // Beside the picture, once: what is there already is not a picture to translate.
    assert(place.command(&["translate", "run", "data/testA"])).success();
    assert(place.command(&["translate", "run", "data/testA"])).success();
    assert_eq!(names(&place.path("data/testA")).len(), 6);
    assert_eq!(dimensions(&place.path("data/testA/1_translated.png")), (32, 32));
}

#[test]
fn evaluation_scores_translations_and_baselines() {
    let place = Place::new();
    place.trained("run", &["train.eval_every=2"]);
    let scored: Vec<f64> = metrics(&place.path("run")).iter().filter_map(|line| line["eval/fd"].as_f64()).collect();
    assert_eq!(scored.len(), 3);

    let mut first = json(place.command(&["eval", "run"]));
    assert_eq!((&first["checkpoint"], &first["step"]), (&Value::from("last"), &Value::from(6)));
    for (key, value) in [("sources", 3), ("reals", 3), ("size", 32)] {
        assert_eq!(first[key], value, "{key}");
    }
    assert_eq!((&first["fd_name"], &first["segmenter"]), (&Value::from("FD(effnet-lite0)"), &Value::Null));
    // Files are 8 bits deep, as what is scored in training.
    let fd = first["fd"].as_f64().unwrap();
    assert!((fd - scored[2]).abs() <= 1e-3 * fd, "{fd}, in training {}", scored[2]);
    let images = place.path("run/results/test_6/images");
    for folder in ["real_A", "fake_B"] {
        assert_eq!(names(&images.join(folder)), ["0.png", "1.png", "2.png"]);
        assert_eq!(dimensions(&images.join(folder).join("1.png")), (32, 32));
    }
    let elsewhere = || json(place.command(&["eval", "run", "--images", "elsewhere"]));
    let mut second = elsewhere();
    let seconds = second["seconds"].clone();
    for scores in [&mut first, &mut second] {
        assert!(scores["seconds"].take().as_f64().unwrap() > 0.0);
    }
    assert_eq!(first, second);
    assert!(place.path("elsewhere/fake_B/0.png").exists());
    assert_eq!(elsewhere()["seconds"], seconds);
    // Scores of the run are not taken where the pictures are another generator's now.
    let generator = place.last_checkpoint("run").join("net_G.safetensors");
    let weights = ["--weights", generator.to_str().unwrap(), "--images", "elsewhere"];
    assert(place.command(&[&["eval", "run"], &weights[..]].concat())).success();
    assert!(elsewhere()["seconds"] != seconds);

    let by_file = json(place.command(&["eval", "run", "--weights", generator.to_str().unwrap()]));
    assert_eq!((&by_file["fd"], &by_file["step"]), (&first["fd"], &Value::from(0)));
    let best = json(place.command(&["eval", "run", "--checkpoint", "best"]));
    let least = scored.iter().copied().fold(f64::INFINITY, f64::min);
    assert!((best["fd"].as_f64().unwrap() - least).abs() <= 1e-3 * least);
    let few = json(place.command(&["eval", "run", "--set", "eval.max_sources=2", "--set", "eval.reference=train"]));
    assert_eq!((&few["sources"], &few["reals"]), (&Value::from(2), &Value::from(5)));

    assert(place.command(&["baseline", "tiny.yaml", "--out", "scores/baseline.json"])).success().stdout("");
    let baseline = read_json(&place.path("scores/baseline.json"));
    assert!(baseline["fd"].as_f64().unwrap() > 0.0);
    assert_eq!((&baseline["sources"], &baseline["ceiling"]), (&Value::from(3), &Value::Null));
}

/// Pictures of two classes of Cityscapes and photographs of the same names.
fn with_labels(place: &Place) {
    for phase in ["train", "test"] {
        let (labels, photos) =
            (place.path("city").join(format!("{phase}B")), place.path("city").join(format!("{phase}A")));
        fs::create_dir_all(&labels).unwrap();
        fs::create_dir_all(&photos).unwrap();
        for i in 0..4u32 {
            let label = |_, y| image::Rgb(if y < 12 + 3 * i { [70, 130, 180] } else { [128, 64, 128] });
            let photo = |x, y| {
                image::Rgb(if y < 12 + 3 * i { [150, 180, (200 + x % 9) as u8] } else { [90, 90, (x % 7) as u8] })
            };
            RgbImage::from_fn(40, 40, label).save(labels.join(format!("{i}.png"))).unwrap();
            RgbImage::from_fn(40, 40, photo).save(photos.join(format!("{i}.png"))).unwrap();
        }
    }
}

#[test]
fn labels_are_scored_by_a_segmenter() {
    let place = Place::new();
    with_labels(&place);
    let keys = ["data.root=city", "data.direction=BtoA", "eval.segmentation=true"];
    place.trained("run", &keys);
    let scores = json(place.command(&["eval", "run"]));
    let check = |scores: &Value| {
        for name in ["pixel_accuracy", "class_accuracy", "mean_iou"] {
            assert!((0.0..=100.0).contains(&scores[name].as_f64().unwrap()), "{scores}");
        }
    };
    check(&scores["segmentation"]);
    assert!(scores["segmenter"].as_str().unwrap().contains("effnet-lite0"), "{scores}");
    let baseline = json(place.command(&[&["baseline", "tiny.yaml"][..], &sets(&keys)].concat()));
    check(&baseline["ceiling"]);

    // Other colours: photographs in the place of labels.
    fs::copy(place.path("data/testA/0.png"), place.path("city/testB/2.png")).unwrap();
    refuses(place.command(&["eval", "run"]), &["real_A/2.png", "far from every colour of Cityscapes"]);
    let grey = image::GrayImage::from_pixel(40, 40, image::Luma([7]));
    grey.save(place.path("city/trainB/1.png")).unwrap();
    refuses(place.command(&["eval", "run"]), &["city/trainB/1.png: a grey image", "colours of Cityscapes"]);
    fs::rename(place.path("city/trainB/1.png"), place.path("city/trainB/one.png")).unwrap();
    refuses(place.command(&["eval", "run"]), &["`eval.segmentation`", "has no counterpart"]);
}

#[test]
fn similarity_maps_are_drawn_and_written() {
    let place = Place::new();
    place.trained("run", &[]);
    let similarity = |more: &[&str]| {
        let base = ["similarity", "run", "data/testA/1.png", "--out", "maps"];
        place.command(&[&base[..], more].concat())
    };
    assert(similarity(&["--at", "0,0", "--at", "31,20"])).success().stdout("maps/1-0-0.png\nmaps/1-31-20.png\n");
    assert_eq!(names(&place.path("maps")), ["1-0-0.json", "1-0-0.png", "1-31-20.json", "1-31-20.png"]);
    // The pictures and four layers, twice.
    assert_eq!(dimensions(&place.path("maps/1-31-20.png")), sheet(5, 2, (32, 32)));
    let maps = read_json(&place.path("maps/1-31-20.json"));
    assert_eq!((&maps["at"], &maps["size"]), (&serde_json::json!([31, 20]), &serde_json::json!([32, 32])));
    assert_eq!(maps["projected"], true);
    let sizes = [(0, 38), (4, 32), (8, 16), (12, 8)];
    for (layer, (number, side)) in maps["layers"].as_array().unwrap().iter().zip(sizes) {
        assert_eq!((&layer["layer"], &layer["size"]), (&Value::from(number), &serde_json::json!([side, side])));
        let query: Vec<u64> = serde_json::from_value(layer["query"].clone()).unwrap();
        let scaled = |at: u64| at * side / 32;
        assert_eq!(query, [scaled(20), scaled(31)], "layer {number}");
        for which in ["input", "output"] {
            let values: Vec<f64> = serde_json::from_value(layer[which].clone()).unwrap();
            assert_eq!(values.len() as u64, side * side);
            assert!(values.iter().all(|v| v.abs() <= 1.0 + 1e-5));
            let own = values[(query[0] * side + query[1]) as usize];
            assert!((own - 1.0).abs() < 1e-4, "the query is like itself: {own}");
        }
        let divergence = layer["divergence"].as_f64().unwrap();
        assert!((-1e-6..=2f64.ln()).contains(&divergence), "{divergence}");
    }

    // Other layers than those of the heads are compared as they are, and so are those of a generator's file.
    assert(similarity(&["--at", "3,4", "--layers", "8,-1", "--size", "40x36"])).success();
    let maps = read_json(&place.path("maps/1-3-4.json"));
    assert_eq!((&maps["projected"], &maps["size"]), (&Value::from(false), &serde_json::json!([40, 36])));
    assert_eq!(maps["layers"][0]["size"], serde_json::json!([18, 20]));
    assert_eq!(dimensions(&place.path("maps/1-3-4.png")), sheet(3, 2, (40, 36)));
    let generator = place.last_checkpoint("run").join("net_G.safetensors");
    let of_file = [
        "similarity",
        generator.to_str().unwrap(),
        "data/testA/0.png",
        "--at",
        "255,255",
        "--layers",
        "4",
        "--out",
        "m",
    ];
    assert(place.command(&of_file)).success();
    assert_eq!(read_json(&place.path("m/0-255-255.json"))["size"], serde_json::json!([256, 256]));

    for at in ["32,0", "0,32", "4000000000,1"] {
        refuses(similarity(&["--at", at]), &[&format!("--at {at}: outside of the picture"), "32 x 32 pixels"]);
    }
    refuses(similarity(&["--at", "-1,0"]), &["--at"]);
    refuses(similarity(&["--at", "1.5"]), &["--at", "expected x,y in pixels"]);
    refuses(similarity(&["--at", "1,1", "--layers", "99"]), &["99"]);
    refuses(similarity(&[]), &["--at"]);
}

#[test]
fn bench_measures_both_orders_of_the_same_losses_and_translation() {
    let place = Place::new();
    let keys = sets(&method("ours").into_iter().filter(|arg| *arg != "--set").collect::<Vec<_>>());
    let bench = |more: &[&str]| {
        place.command(&[&["bench", "--config", "tiny.yaml", "--threads", "1"], &keys[..], more].concat())
    };
    let both = json(bench(&["--paired", "--steps", "2"]));
    assert!(both["speedup"].as_f64().unwrap() > 0.0 && both["parts"]["encoder"].as_f64().unwrap() > 0.0);
    let orders = both["orders"].as_array().unwrap();
    assert_eq!((&orders[0]["order"], &orders[1]["order"]), (&Value::from("shared"), &Value::from("plain")));
    let losses = |report: &Value| -> Vec<(String, f64)> { serde_json::from_value(report["losses"].clone()).unwrap() };
    let (a, b) = (losses(&orders[0]), losses(&orders[1]));
    assert!(a.iter().any(|(name, _)| name == "HDCE_Y") && a.len() == b.len());
    for ((name, a), (other, b)) in a.iter().zip(&b) {
        assert_eq!(name, other);
        assert!((a - b).abs() <= 1e-4 * b.abs().max(1e-3), "{name} is {a}, in the plain order {b}");
    }
    let plain = json(bench(&["--plain", "--steps", "1"]));
    assert_eq!((&plain["orders"][0]["order"], &plain["speedup"]), (&Value::from("plain"), &Value::Null));
    let files = json(bench(&["--translate", "3"]));
    assert!(files["share"].as_f64().unwrap() > 0.0 && files["size"] == 32, "{files}");
    refuses(bench(&["--plain", "--set", "method=cyclegan"]), &["have a published order to compare; Cyclegan has not"]);
    assert!(json(bench(&["--steps", "1", "--set", "method=cyclegan"]))["orders"][0]["seconds"].as_f64().unwrap() > 0.0);
    refuses(
        place.command(&["bench", "--profile", "none"]),
        &["configs/cut-single/none/horse2zebra-ours.yaml: cannot read"],
    );
    refuses(bench(&["--steps", "0"]), &["--steps"]);
}

#[test]
fn a_run_of_a_table_keeps_its_manifest_and_its_summary_is_typed() {
    let place = Place::new();
    let manifest = r#"{"format":1,"program":"cut-single","table":"table3","profile":"sample","data_set":"horse2zebra",
        "row":"ours","seed":777,"name":"tiny"}"#;
    let args = [method("ours"), sets(&["train.n_epochs_decay=0"]), vec!["--manifest", manifest]].concat();
    assert(place.train("run", &args)).success();
    let stored = semrel_run::manifest::read(place.path("run")).unwrap().unwrap();
    assert_eq!(stored, manifest.parse().unwrap());
    let summary: semrel_run::Summary<SingleModal<Method>> =
        semrel_run::summary::read(place.path("run")).unwrap().unwrap();
    assert_eq!((summary.last_step, summary.own.image_size), (summary.own.length.steps + summary.warmup, 32));
    refuses(place.train("other", &["--manifest", "{}"]), &["--manifest", "missing field `format`"]);
}

/// The coupling of positives and negatives is logged by methods that contrast patches, and evaluations tell its mean.
#[test]
fn coupling_is_measured_in_training() {
    let place = Place::new();
    for (name, measured) in [("ours", true), ("cyclegan", false)] {
        assert(place.train(name, &[&method(name)[..], &["--quiet"]].concat())).success();
        let lines = metrics(&place.path(name));
        let logged: Vec<f64> = lines.iter().filter_map(|line| line["q_npc"].as_f64()).collect();
        assert_eq!(logged.len(), if measured { lines.len() } else { 0 }, "{name}");
        assert!(logged.iter().all(|value| (0.0..=1.0).contains(value)), "{logged:?}");
        let args = ["eval", name, "--set", "eval.more.scores=[coupling]"];
        let scores = json(place.command(&args));
        let mean = measured.then(|| logged.iter().sum::<f64>() / logged.len() as f64);
        assert_eq!(scores["more"]["q_npc"].as_f64(), mean, "{name}: {scores}");
        // Also where the scores were kept.
        assert_eq!(json(place.command(&args))["more"], scores["more"], "{name}");
    }
    fs::remove_file(place.path("ours/metrics.jsonl")).unwrap();
    let args = ["eval", "ours", "--set", "eval.more.scores=[coupling]"];
    refuses(place.command(&args), &["ours/metrics.jsonl: `coupling` of `eval.more` needs it"]);
}
