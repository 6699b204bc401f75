//! What is done with the sub-network that was found: export, translation, evaluation, profile.
#![cfg(unix)]

mod common;

use common::searched::{STREET, SearchedRow};
use common::{PIPE, assert, files, json, names, pipe, read_json, refuses, sets, signal, write_found};
use predicates::prelude::{PredicateBooleanExt, predicate};
use semrel_nn::checkpoint::{StateDict, load_safetensors, metadata};
use semrel_nn::mobile_resnet::SubMobileResnet;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use tch::{Device, Kind, Tensor};

const FOUND: &str = "8_4_8_4_8_4_4_8";

/// A row whose search has found [`FOUND`].
fn found(keys: &[&str]) -> SearchedRow {
    let place = SearchedRow::distilled(keys);
    write_found(&place.row("search"), FOUND);
    place
}

#[test]
fn every_subcommand_explains_itself() {
    let place = SearchedRow::new();
    for (args, word) in [
        (&["--help"][..], "gancomp-fast translate --onnx"),
        (&["search", "--help"], "--exhaustive"),
        (&["export", "--help"], "(opset 17)"),
        (&["eval", "--help"], "--channels"),
        (&["baseline", "--help"], "--images"),
        (&["profile", "--help"], "--onnx"),
        (&["translate", "--help"], "without libtorch"),
        (&["bench", "search", "--help"], "--repeats"),
    ] {
        assert(place.command(args)).success().stdout(predicate::str::contains(word));
    }
}

#[test]
fn an_export_translates_alike_in_every_way() {
    let place = found(&[]);
    assert(place.stage("export", &[])).success().stdout(predicate::str::contains("tiny/export"));
    let (weights, onnx) = (place.row("export/generator.safetensors"), place.row("export/generator.onnx"));
    assert_eq!(SubMobileResnet::channels_of(&load_safetensors(&weights).unwrap()).unwrap().to_string(), FOUND);
    let about = metadata(&weights).unwrap();
    assert_eq!((about["channels"].as_str(), about["step"].as_str()), (FOUND, "4"));
    let summary = read_json(&place.row("export/summary.json"));
    assert_eq!(summary["channels"], FOUND);
    assert!(summary["onnx_largest_difference"].as_f64().unwrap() < 1e-4, "{summary}");
    assert!(summary["parameters"].as_u64().unwrap() > 0 && summary["macs"].as_u64().unwrap() > 0);

    let pictures = "data/horse2zebra/testA";
    let translate = |args: &[&str], out: &str| {
        assert(place.command(&[&["translate"], args, &["--out", out, "--size", "40x36", "--threads", "1"]].concat()))
            .success()
            .stderr(predicate::str::contains("3 translated: "));
        files(&place.path(out))
    };
    let path = |p: &std::path::Path| p.to_str().unwrap().to_owned();
    let by_weights = translate(&[&path(&weights), pictures], "by-weights");
    assert_eq!(by_weights.keys().collect::<Vec<_>>(), ["0001.png", "0002.png", "0003.png"]);
    assert_eq!(translate(&["tiny.yaml", pictures], "by-row"), by_weights);
    let super_net = path(&place.row("distill/checkpoints/step-00000004/net_G.safetensors"));
    assert_eq!(translate(&[&super_net, pictures, "--channels", FOUND], "cut"), by_weights);
    let by_onnx = translate(&["--onnx", &path(&onnx), pictures], "by-onnx");
    let pixels = |bytes: &[u8]| image::load_from_memory(bytes).unwrap().to_rgb8();
    for (name, bytes) in &by_onnx {
        let (a, b) = (pixels(bytes), pixels(&by_weights[name]));
        assert_eq!((a.dimensions(), b.dimensions()), ((40, 36), (40, 36)));
        assert!(a.iter().zip(b.iter()).all(|(a, b)| a.abs_diff(*b) <= 1), "{name}");
    }
    // One file, beside itself, at its own size (40 × 40).
    fs::copy(place.path("data/horse2zebra/testA/0001.png"), place.path("one.png")).unwrap();
    assert(place.command(&["translate", "--onnx", &path(&onnx), "one.png", "--size", "own"])).success();
    assert_eq!(image::image_dimensions(place.path("one_translated.png")).unwrap(), (40, 40));
    // Where nothing is asked for, the size of the row's tests.
    for args in [[path(&weights), "one.png".into()], ["--onnx=".to_owned() + &path(&onnx), "one.png".into()]] {
        assert(place.command(&["translate", &args[0], &args[1], "--out", "usual"])).success();
        assert_eq!(image::image_dimensions(place.path("usual/one.png")).unwrap(), (32, 32));
    }

    // The teacher is exported as well.
    assert(place.stage("export", &["--of", "teacher", "--out", "teacher"])).success();
    let by_teacher = translate(&["teacher/generator.safetensors", pictures], "by-teacher");
    assert_eq!(translate(&["tiny.yaml", pictures, "--of", "teacher"], "by-teacher-row"), by_teacher);
    assert!(by_teacher != by_weights);
}

#[test]
fn a_fit_of_the_segmenter_can_be_stopped() {
    let place = found(&STREET);
    let keys = [sets(&STREET), sets(&["eval.segmenter_steps=100000000"])].concat();
    let mut child = place.stage("eval", &keys).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.by_ref().any(|line| line.contains("fit of the segmenter")));
    signal(&child, "INT");
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    assert!(rest.iter().any(|line| line.starts_with("stopped: ") && line.ends_with("interrupted")), "{rest:?}");
}

#[test]
fn generators_are_scored() {
    let place = found(&STREET);
    let keys = sets(&STREET);
    let scored = |args: &[&str]| json(place.stage("eval", &[&keys[..], args].concat()));
    let export = scored(&[]);
    assert_eq!((export["of"].as_str(), export["channels"].as_str()), (Some("export"), Some(FOUND)));
    assert_eq!((export["fd_name"].as_str(), export["sources"].as_u64()), (Some("FD(effnet-lite0)"), Some(3)));
    assert_eq!((export["reference"].as_str(), export["reals"].as_u64()), (Some("all"), Some(10)));
    assert_eq!((export["size"].as_u64(), export["step"].as_u64()), (Some(32), Some(4)));
    assert!(export["fd"].as_f64().unwrap() > 0.0 && export["milliseconds"].as_f64().unwrap() > 0.0);
    for key in ["pixel_accuracy", "class_accuracy", "mean_iou"] {
        assert!((0.0..=100.0).contains(&export["segmentation"][key].as_f64().unwrap()), "{key}: {export}");
    }
    let images = place.row("results/export/images");
    assert_eq!(names(&images), ["fake_B", "real_A"]);
    assert_eq!(names(&images.join("fake_B")), ["0001.png", "0002.png", "0003.png"]);
    // The same again is not measured again, unless a picture is gone or something else is asked for.
    let but_for_time = |scores: &Value| {
        let mut scores = scores.clone();
        scores.as_object_mut().unwrap().remove("milliseconds");
        scores
    };
    assert_eq!(but_for_time(&scored(&[])), but_for_time(&export));
    let mut last = export["seconds"].clone();
    for gone in ["fake_B/0002.png", "real_A/0002.png"] {
        fs::remove_file(images.join(gone)).unwrap();
        let again = scored(&[]);
        assert_eq!((&again["fd"], &again["segmentation"]), (&export["fd"], &export["segmentation"]));
        assert!(again["seconds"] != last && images.join(gone).exists(), "{gone}");
        last = again["seconds"].clone();
    }
    assert_eq!(scored(&["--set", "eval.max_sources=2"])["sources"], 2);
    assert_eq!(scored(&[])["sources"], 3);
    let to_file = ["--of", "distill", "--channels", FOUND, "--out", "scores.json"];
    assert(place.stage("eval", &[&keys[..], &to_file].concat())).success().stdout("");
    let same = read_json(&place.path("scores.json"));
    assert_eq!((&same["fd"], &same["segmentation"]), (&export["fd"], &export["segmentation"]));
    let largest = scored(&["--of", "distill", "--channels", "largest"]);
    assert_eq!(largest["channels"], "8_8_8_8_8_8_8_8");
    let teacher = scored(&["--of", "teacher"]);
    assert!(teacher["channels"].is_null() && teacher["macs"].as_u64() > Some(0), "{teacher}");
    assert!(place.path("runs/gancomp-fast/tiny/teacher/results/teacher/images/fake_B/0002.png").exists());

    let baseline = json(place.stage("baseline", &[&keys[..], &["--images", "base"]].concat()));
    assert!(baseline["fd"].as_f64().unwrap() > 0.0 && baseline["ceiling"]["mean_iou"].as_f64().is_some());
    assert_eq!(names(&place.path("base")), ["real_A", "real_B"]);
    // Labels by a table.
    let rows = (1..=3).map(|i| format!("000{i} data/street/labels/test/000{i}.png photo/{i}.png\n"));
    fs::write(place.path("table.txt"), rows.collect::<String>()).unwrap();
    let by_table = scored(&["--set", "eval.label_table=table.txt"]);
    assert!(by_table["segmentation"]["mean_iou"].as_f64().is_some());
    fs::write(place.path("table.txt"), "0001 labels photo\nx\n").unwrap();
    let by = |table: &'static str| place.stage("eval", &[&keys[..], &sets(&[table])].concat());
    refuses(by("eval.label_table=table.txt"), &["config key `eval.label_table`", "table.txt: line 2"]);
    fs::write(place.path("table.txt"), "0001 gone.png photo\n0002 gone.png photo\n0003 gone.png photo\n").unwrap();
    refuses(by("eval.label_table=table.txt"), &["config key `eval.label_table`", "gone.png"]);
    // Nothing but what is not to be counted.
    image::GrayImage::from_pixel(32, 32, image::Luma([255])).save(place.path("gone.png")).unwrap();
    refuses(by("eval.label_table=table.txt"), &["config key `eval.label_table`", "no pixel", "0001.png and 2 more"]);
}

#[test]
fn profiles_give_the_published_figures() {
    let place = SearchedRow::new();
    assert(place.command(&["profile", "--runs", "0"]))
        .success()
        .stdout(predicate::str::contains("11.38 M").and(predicate::str::contains("56.80 G")))
        .stdout(predicate::str::contains("0.412 M").and(predicate::str::contains("2.962 G")))
        .stdout(predicate::str::contains("0.667 M").and(predicate::str::contains("4.495 G")))
        .stdout(predicate::str::contains("0.685 M").and(predicate::str::contains("4.390 G")));
    let args =
        ["profile", "16_16_32_16_16_64_16_24", "--size", "32", "--json", "--onnx", "--runs", "2", "--threads", "1"];
    let figures = json(place.command(&args));
    assert_eq!(figures[0]["parameters"], 411_619);
    assert_eq!(figures[0]["torch"]["threads"], 1);
    assert!(figures[0]["onnx"]["milliseconds"].as_f64().unwrap() > 0.0, "{figures}");
    let args = ["profile", "channels-64-pix2pix", "--runs", "0", "--json"];
    let figures = json(place.command(&args));
    assert_eq!(figures[0]["size"], 5_764_801);
    assert_eq!(figures[0]["largest"]["macs"], 18_314_428_416u64);
}

#[test]
fn a_bench_of_the_search_has_its_parts() {
    let place = SearchedRow::new();
    let args = ["bench", "search", "tiny.yaml", "--images", "4", "--repeats", "1", "--threads", "1"];
    let report = json(place.command(&args));
    assert_eq!((report["channels"].as_str(), report["images"].as_u64()), (Some("4_4_4_4_4_4_4_4"), Some(4)));
    for key in ["evaluation_seconds", "forward_seconds", "feature_seconds", "ratio"] {
        assert!(report[key].as_f64().unwrap() > 0.0, "{report}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let place = found(&[]);
    let (row, pictures) = ("tiny.yaml", "data/horse2zebra/testA");
    fs::write(place.path("bad.onnx"), b"no model").unwrap();
    fs::write(place.path("bad.safetensors"), b"no weights").unwrap();
    assert(place.stage("export", &["--of", "teacher", "--out", "teacher"])).success();
    let onnx = "teacher/generator.onnx";
    // A width that nothing else in the file bears out, and weights that overflow.
    let mut teacher = load_safetensors(place.path("teacher/generator.safetensors")).unwrap();
    let write = |name: &str, state: &StateDict| {
        let tensors: Vec<_> = state.iter().collect();
        Tensor::write_safetensors(&tensors, place.path(name)).unwrap();
    };
    for width in [0, 60] {
        let first = Tensor::zeros([width, 3, 7, 7], (Kind::Float, Device::Cpu));
        write(&format!("w{width}.safetensors"), &StateDict::from([("model.1.weight".to_owned(), first)]));
    }
    for weight in teacher.values_mut() {
        *weight = &*weight * 1e30;
    }
    write("huge.safetensors", &teacher);
    pipe(&place.path("pipe.png"));
    for (args, words) in [
        (&["profile", "16_16_32"][..], &["16_16_32", "has 3 numbers; expected 8"][..]),
        (&["profile", "65536_16_16_16_16_16_16_16"], &["width 65536", "1 to 1024"]),
        (&["profile", "16_16_x_16_16_16_16_16"], &["entry 2", "whole number"]),
        (&["profile", "teacher", "--size", "30"], &["30 x 30", "multiples of 4"]),
        (&["profile", "--size", "huge"], &["256x256"]),
        (&["eval", row, "--of", "distill", "--channels", "8_8_8"], &["has 3 numbers; expected 8"]),
        (&["eval", row, "--of", "distill", "--channels", "8_8_8_6_8_8_8_8"], &["c3 is 6; the set has 8 or 4"]),
        (&["export", row, "--channels", "16_8_8_8_8_8_8_8"], &["c0 is 16; the set has 8 or 4"]),
        (&["export", row, "--of", "teacher", "--channels", "largest"], &["a teacher has no configuration"]),
        (&["export", row, "--of", "student"], &["teacher, distill, finetune or export"]),
        (&["eval", row, "--of", "finetune"], &["there is no fine-tuned sub-network yet", "gancomp-fast finetune"]),
        (&["eval", row, "--of", "teacher", "--set", "model.teacher_ngf=8"], &["`model.teacher_ngf`: 8", "has width 4"]),
        (&["eval", row, "--set", "eval.statistics=none.npz"], &["config key `eval.statistics`", "none.npz"]),
        (&["eval", row, "--set", "eval.segmentation=true"], &["config key `eval.segmentation`"]),
        (&["eval", row, "--set", "eval.statistics=pipe.png"], &["config key `eval.statistics`", "pipe.png", PIPE]),
        (&["translate", "--onnx", "none.onnx", pictures], &["none.onnx"]),
        (&["translate", "--onnx", "pipe.png", pictures], &["pipe.png", PIPE]),
        (&["eval", "pipe.png"], &["pipe.png: cannot read the configuration", PIPE]),
        (&["translate", onnx, pictures], &["generator.onnx: an ONNX file", "--onnx"]),
        (&["eval", row, "--out", "/dev/null"], &["/dev/null: cannot write", "not a file"]),
        (&["translate", "--onnx", "bad.onnx", pictures], &["bad.onnx: not an ONNX file", "export"]),
        (&["translate", "--onnx", onnx, row, pictures], &["give only the pictures"]),
        (&["translate", "--onnx", onnx, "none"], &["none: no such file or folder"]),
        (&["translate", pictures], &["expected a network and the pictures"]),
        (&["translate", "bad.safetensors", pictures], &["bad.safetensors"]),
        (&["translate", "none.safetensors", pictures], &["none.safetensors: no such file"]),
        (&["translate", "w0.safetensors", pictures], &["w0.safetensors", "of width 0", "1 to 1024"]),
        (&["translate", "w60.safetensors", pictures], &["w60.safetensors", "of width 60", "8820 numbers in all"]),
        (&["translate", "huge.safetensors", pictures], &["output is NaN"]),
        (&["translate", "teacher/generator.safetensors", "pipe.png"], &["pipe.png: not a file"]),
        (&["translate", "runs", pictures], &["runs: a folder; expected a generator's file"]),
        (&["translate", "teacher/generator.safetensors", pictures, "--channels", FOUND], &["not a super-net"]),
        (&["bench", "search", row, "--channels", "9_8_8_8_8_8_8_8"], &["--channels", "c0 is 9"]),
    ] {
        refuses(place.command(&[args, &["--threads", "1"]].concat()), words);
    }
    fs::remove_dir_all(place.row("search")).unwrap();
    refuses(place.stage("export", &[]), &["there is no finished search yet", "gancomp-fast search"]);
    fs::remove_dir_all(place.row("distill")).unwrap();
    let distilled = ["there is no distilled super-net yet", "gancomp-fast distill"];
    refuses(place.stage("export", &["--channels", "smallest"]), &distilled);
    let narrow = ["translate", "teacher/generator.safetensors", "data/horse2zebra/testA", "--size", "40x34"];
    // Sides go to multiples of 4.
    assert(place.command(&[&narrow[..], &["--out", "out"]].concat())).success();
}
