//! All subcommands on a small run.
#![cfg(unix)]

mod common;

use common::{Place, assert, json, refuses};
use image::GenericImageView;
use predicates::prelude::predicate;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn every_subcommand_explains_itself() {
    let place = Place::new();
    for (args, word) in [
        (&["--help"][..], "stargan2-multi train configs/"),
        (&["train", "--help"], "--overwrite"),
        (&["eval", "--help"], "--weights"),
        (&["baseline", "--help"], "--out"),
        (&["sample", "--help"], "interpolation"),
        (&["translate", "--help"], "--reference"),
        (&["bench", "--help"], "--plain"),
    ] {
        assert(place.command(args)).success().stdout(predicate::str::contains(word));
    }
    // The checkpoint stands beside the weights that may take its place.
    let help = assert(place.command(&["translate", "--help"])).get_output().stdout.clone();
    let help = String::from_utf8(help).unwrap();
    let words = ["<RUN_DIR> <INPUT>", "--to <", "--psi <", "--checkpoint <", "--weights <"];
    let places = words.map(|word| help.rfind(word));
    assert!(places.is_sorted() && places[0].is_some(), "{help}");
    assert(place.command(&["--version"])).success();
    assert(place.command(&[])).code(2);
    assert(place.command(&["trian"])).code(2).stderr(predicate::str::contains("train"));
}

#[test]
fn a_check_trains_nothing() {
    let place = Place::new();
    let check = |args: &[&str]| place.train("run", &[&["--check"], args].concat());
    assert_eq!(json(check(&[])), serde_json::json!({ "steps": common::STEPS }));
    refuses(check(&["--set", "loss.lamda_src=1"]), &["unknown key `loss.lamda_src`", "loss.lambda_src"]);
    refuses(check(&["--set", "train.batch_size=0"]), &["train.batch_size"]);
    refuses(check(&["--set", "data.root=nowhere"]), &["nowhere"]);
    refuses(check(&["--resume"]), &["--check"]);
    assert!(!place.path("run").exists());
}

/// The 12 ordered pairs have a finite score each, whose mean is `mean`.
fn assert_score(score: &Value, range: std::ops::RangeInclusive<f64>) {
    let pairs = score["pairs"].as_object().unwrap();
    assert_eq!(pairs.len(), 12);
    assert!(pairs.contains_key("autumn2spring") && pairs.contains_key("winter2summer"), "{pairs:?}");
    let values: Vec<f64> = pairs.values().map(|v| v.as_f64().unwrap()).collect();
    assert!(values.iter().all(|v| range.contains(v)), "{values:?}");
    let mean = values.iter().sum::<f64>() / 12.0;
    assert!((score["mean"].as_f64().unwrap() - mean).abs() < 1e-9 * mean.abs().max(1.0));
}

fn assert_protocol(scores: &Value) {
    assert_eq!(scores["extractor"], "effnet-lite0");
    assert_eq!(scores["fd_name"], "FD(effnet-lite0)");
    for (key, value) in [("num_outs", 2), ("sources_per_domain", 2), ("reals_per_domain", 4), ("img_size", 32)] {
        assert_eq!(scores[key], value, "{key}");
    }
    assert!((0.0..=1.0).contains(&scores["real_accuracy"].as_f64().unwrap()));
}

#[test]
fn train_evaluate_and_sample() {
    let place = Place::new();
    assert(place.train("run", &["--quiet"])).success().stderr("");
    let summary: Value = serde_json::from_slice(&fs::read(place.path("run/summary.json")).unwrap()).unwrap();
    assert_eq!(summary["last_step"], common::STEPS);
    assert_eq!(summary["unreadable_images"], 0);
    assert_eq!(summary["domains"], serde_json::json!(["autumn", "spring", "summer", "winter"]));
    assert!(summary["parameters"]["patch_sample"].as_i64().unwrap() > 0);
    // In the order of older checkpoints.
    let state = common::read_json(&place.last_checkpoint("run").join("state.json"));
    let keys: Vec<&String> = state["state"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["step", "domains", "adam_steps", "best", "measure"]);
    // Two rows of styles of each domain below the sources, and the learned curriculum in the log.
    assert_eq!(picture(&place.path("run/samples/step-00000012.png")), (8 * 32, 9 * 32));
    let metrics = common::metrics(&place.path("run"));
    assert!(metrics[0]["warmup/reconstruction"].as_f64().unwrap() > 0.0);
    assert_eq!(metrics[2]["gamma"], 50.0);
    let scores: Vec<f64> = metrics.iter().filter_map(|line| line["eval/latent_fd_glance"].as_f64()).collect();
    assert_eq!(scores.len(), 3);

    evaluations(&place);
    grids(&place);
    translations(&place);
    best(&place, &metrics);
}

fn evaluations(place: &Place) {
    let sets = ["--set", "eval.max_sources=2", "--set", "eval.max_reals=4"];
    let evaluate = |args: &[&str]| json(place.command(&[&["eval", "run", "--threads", "1"], &sets[..], args].concat()));
    let mut first = evaluate(&[]);
    assert_protocol(&first);
    assert_eq!((&first["checkpoint"], &first["step"]), (&Value::from("last"), &Value::from(common::STEPS)));
    for guide in ["latent", "reference"] {
        assert_score(&first[guide]["fd"], 0.0..=f64::MAX);
        assert_score(&first[guide]["pd"], 0.0..=f64::MAX);
        assert_score(&first[guide]["target_accuracy"], 0.0..=1.0);
    }
    assert!(first["latent"]["fd"] != first["reference"]["fd"]);
    let kept = evaluate(&[]);
    assert_eq!(kept, first);
    // Computed anew, from the images.
    fs::remove_dir_all(place.path("run/evaluations")).unwrap();
    fs::remove_dir_all(place.path("features")).unwrap();
    let mut second = evaluate(&[]);
    for scores in [&mut first, &mut second] {
        assert!(scores["seconds"].take().as_f64().unwrap() > 0.0);
    }
    assert_eq!(first, second);
    let single = [&["eval", "run", "--out", "scores/single.json"], &sets[..], &["--set", "eval.num_outs=1"]].concat();
    assert(place.command(&single)).success().stdout("");
    let single: Value = serde_json::from_slice(&fs::read(place.path("scores/single.json")).unwrap()).unwrap();
    assert_eq!((&single["num_outs"], &single["latent"]["pd"]["pairs"]), (&Value::from(1), &serde_json::json!({})));
    // One output of one source has no covariance.
    let too_few = place.command(&["eval", "run", "--set", "eval.num_outs=1"]);
    refuses(too_few, &["`eval.num_outs`: 1", "`eval.max_sources: 1`", "a covariance needs two"]);
    refuses(place.command(&["baseline", "tiny.yaml"]), &["`eval.max_sources`", "1 given, at least 2 needed"]);

    let baseline = json(place.command(&[&["baseline", "tiny.yaml"], &sets[..]].concat()));
    assert_protocol(&baseline);
    assert_score(&baseline["fd"], 0.0..=f64::MAX);
    assert_score(&baseline["target_accuracy"], 0.0..=1.0);
    // Nobody to read, nowhere to write: an error, no panic.
    let mut full = place.command(&[&["baseline", "tiny.yaml"], &sets[..]].concat());
    full.stdout(fs::OpenOptions::new().write(true).open("/dev/full").map_or(Stdio::null(), Stdio::from));
    if Path::new("/dev/full").exists() {
        let output = full.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("error: standard output: "));
    }
}

fn picture(path: &Path) -> (u32, u32) {
    image::open(path).unwrap().dimensions()
}

fn grids(place: &Place) {
    let sample = |grid: &str, out: &str, more: &[&str]| {
        assert(place.command(&[&["sample", "run", "--grid", grid, "--out", out], more].concat())).success();
        fs::read(place.path(out)).unwrap()
    };
    // Eight sources; three styles of each of four domains, eight references, or eight frames of each domain.
    let latent = sample("latent", "pictures/latent.png", &[]);
    assert_eq!(picture(&place.path("pictures/latent.png")), (8 * 32, 13 * 32));
    sample("reference", "reference.png", &[]);
    assert_eq!(picture(&place.path("reference.png")), (9 * 32, 9 * 32));
    sample("interpolation", "interpolation.png", &[]);
    assert_eq!(picture(&place.path("interpolation.png")), (8 * 32, 4 * 32));
    assert!(sample("latent", "again.png", &[]) == latent);
    assert!(sample("latent", "seed.png", &["--seed", "1"]) != latent);
    let weights = common::files(&place.last_checkpoint("run"));
    assert!(weights.contains_key("networks_ema.safetensors"));
    let path = place.last_checkpoint("run").join("networks_ema.safetensors");
    assert!(sample("latent", "weights.png", &["--weights", path.to_str().unwrap()]) == latent);

    // One validation image a domain: references keep their own domains.
    for domain in ["autumn", "spring", "summer", "winter"] {
        fs::remove_file(place.path("data/val").join(domain).join("0002.png")).unwrap();
    }
    let few = sample("reference", "few.png", &[]);
    let (few, all) = (image::load_from_memory(&few).unwrap(), image::open(place.path("reference.png")).unwrap());
    // The last reference: first image of the last domain, on the first source. Batches of other sizes may round differently.
    let (few, all) = (few.crop_imm(32, 4 * 32, 32, 32).to_rgb8(), all.crop_imm(32, 7 * 32, 32, 32).to_rgb8());
    assert!(few.iter().zip(all.iter()).all(|(a, b)| a.abs_diff(*b) <= 1));
}

fn translations(place: &Place) {
    let translate = |args: &[&str]| {
        let folder = ["translate", "run", "data/val/summer", "--to", "winter", "--threads", "1"];
        assert(place.command(&[&folder[..], args].concat())).success();
        common::files(&place.path(args[1]))
    };
    let names = |files: &std::collections::BTreeMap<_, _>| files.keys().cloned().collect::<Vec<String>>();
    let one = translate(&["--out", "winter"]);
    assert_eq!(names(&one), ["0001.png"]);
    assert_eq!(picture(&place.path("winter/0001.png")), (32, 32));
    let two = translate(&["--out", "winters", "--styles", "2", "--seed", "3"]);
    assert_eq!(names(&two), ["0001-1.png", "0001-2.png"]);
    assert!(two["0001-1.png"] != two["0001-2.png"] && !two.values().any(|picture| *picture == one["0001.png"]));
    // The style of a picture, without the data that the run was trained on.
    fs::rename(place.path("data/train"), place.path("data/away")).unwrap();
    let reference = ["--reference", "data/val/winter/0001.png"];
    let styled = translate(&[&["--out", "styled"][..], &reference].concat());
    fs::rename(place.path("data/away"), place.path("data/train")).unwrap();
    assert!(styled["0001.png"] != one["0001.png"]);
    // As the grid has it: the last reference, on the first summer picture.
    assert(place.command(&["sample", "run", "--grid", "reference", "--out", "few.png"])).success();
    let cell = image::open(place.path("few.png")).unwrap().crop_imm(3 * 32, 4 * 32, 32, 32).to_rgb8();
    let styled = image::load_from_memory(&styled["0001.png"]).unwrap().to_rgb8();
    assert!(cell.iter().zip(styled.iter()).all(|(a, b)| a.abs_diff(*b) <= 1));

    let with = |args: &[&str]| place.command(&[&["translate", "run", "--out", "none"], args].concat());
    refuses(with(&["data/val/summer", "--to", "monsoon"]), &["--to monsoon: no domain of run; it has autumn, spring"]);
    refuses(with(&["data/none", "--to", "winter"]), &["data/none: no such file or folder"]);
    fs::write(place.path("broken.png"), b"no picture").unwrap();
    refuses(
        with(&["data/val/summer", "--to", "winter", "--reference", "broken.png"]),
        &["--reference: broken.png: not an image of a supported format"],
    );
    assert!(!place.path("none").exists());
    // The picture whose style is taken stays.
    fs::create_dir(place.path("styles")).unwrap();
    fs::copy(place.path("data/val/winter/0001.png"), place.path("styles/0001.png")).unwrap();
    let over = ["translate", "run", "data/val/summer", "--to", "winter", "--out", "styles", "--reference"];
    refuses(
        place.command(&[&over[..], &["styles/0001.png"]].concat()),
        &["styles/0001.png: a translation would replace this picture, whose style --reference takes"],
    );
}

/// `--checkpoint best` is the step of the least score in the log.
fn best(place: &Place, metrics: &[Value]) {
    let scored =
        metrics.iter().filter_map(|line| Some((line["step"].as_u64()?, line["eval/latent_fd_glance"].as_f64()?)));
    let (step, _) = scored.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    let mark = fs::read_to_string(place.path("run/checkpoints/best")).unwrap();
    assert_eq!(mark, format!("step-{step:08}\n"));
    assert(place.command(&["sample", "run", "--checkpoint", "best", "--out", "best.png"])).success();
}

/// `bench` of the Seasons run of the profile `sample`, in the workspace.
fn bench(method: &str, more: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("stargan2-multi"));
    command.args(["bench", "--profile", "sample", "--method", method, "--steps", "1", "--threads", "1"]).args(more);
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).env("OMP_NUM_THREADS", "1");
    command
}

#[test]
fn bench_measures_both_orders_of_the_same_losses() {
    // Weights that hardly move: Adam's first step would turn rounding into a whole step of either sign.
    let published = ["model.discriminator=stargan-v2", "model.output=plain", "loss.r1_every=1"];
    let still = ["optim.lr=1e-12", "optim.mapping_lr=1e-12", "optim.lr_discriminator=1e-12"];
    let keys = published.iter().chain(&still).flat_map(|key| ["--set", *key]);
    for (method, generator) in [("ours", "model.generator=official"), ("stargan-v2", "model.generator=stargan-v2")] {
        let still: Vec<&str> = keys.clone().chain(["--set", generator]).collect();
        let shared = json(bench(method, &still));
        let plain = json(bench(method, &[&still[..], &["--plain"]].concat()));
        assert_eq!((&shared["order"], &plain["order"]), (&Value::from("shared"), &Value::from("plain")));
        let losses =
            |report: &Value| -> Vec<(String, f64)> { serde_json::from_value(report["losses"].clone()).unwrap() };
        let (a, b) = (losses(&shared), losses(&plain));
        assert_eq!(a.len(), b.len());
        assert!(a.iter().any(|(name, _)| name == "g_ref/total"));
        for ((name, a), (other, b)) in a.iter().zip(&b) {
            assert_eq!(name, other);
            assert!((a - b).abs() <= 1e-4 * b.abs(), "{method}: {name} is {a}, in the plain order {b}");
        }
        assert!(shared["seconds"].as_f64().unwrap() > 0.0 && shared["parts"]["encode"].as_f64().unwrap() > 0.0);
        assert_eq!(shared["batch_size"], 1);
    }
    let short = json(bench("ours", &[]));
    assert!(short["parts"]["discriminator"].as_f64().unwrap() > 0.0);
    refuses(bench("ours", &["--plain"]), &["the plain order covers `model.discriminator: stargan-v2`"]);
    let lsesim = ["--plain", "--set", "model.discriminator=stargan-v2"];
    refuses(bench("lsesim", &lsesim), &["`lsesim` has no published loop to follow"]);
    refuses(bench("cyclegan", &[]), &["configs/stargan2-multi/sample/seasons-cyclegan.yaml: cannot read"]);
    let place = Place::new();
    assert(place.command(&["bench", "--profile", "sample", "--steps", "0"]))
        .code(2)
        .stderr(predicate::str::contains("--steps"));
    refuses(bench("ours", &["--batch", "0"]), &["`train.batch_size`: 0; it must be at least 1"]);
}
