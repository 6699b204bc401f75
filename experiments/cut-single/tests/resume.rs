//! A run of any method that is killed at any moment and resumed ends with the same bytes as one that is not.
#![cfg(unix)]

mod common;

use common::{Place, STEPS, assert, assert_same_files, last_step, method, metrics, sets, signal};
use std::fs;

/// Kills the run `parts` when its metrics have reached a step, and resumes it.
fn kill_and_resume(place: &Place, args: &[&str], step: u64) {
    let mut child = place.start(place.train("parts", args), "parts", step);
    child.kill().unwrap();
    child.wait().unwrap();
    assert(place.train("parts", &[args, &["--resume"]].concat())).success();
}

/// Kills the run once, after its metrics have reached a random step, and resumes it.
fn survives_a_kill(name: &str) {
    let place = Place::new();
    let args = method(name);
    assert(place.train("whole", &args)).success();
    let step = rand::random_range(1..STEPS);
    kill_and_resume(&place, &args, step);
    let context = format!("{name}, killed after step {step}");
    let (whole, parts) = (place.path("whole"), place.path("parts"));
    assert_eq!(metrics(&parts), metrics(&whole), "{context}");
    assert_eq!(metrics(&parts).len() as u64, STEPS, "{context}");
    for folder in ["checkpoints", "samples"] {
        assert_same_files(&parts.join(folder), &whole.join(folder), &context);
    }
    assert!(whole.join("samples/step-00000006.png").exists() && whole.join("summary.json").exists(), "{context}");
}

macro_rules! kills {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            survives_a_kill($name);
        })*
    };
}

kills! {
    ours: "ours",
    cut: "cut",
    fastcut: "fastcut",
    lsesim: "lsesim",
    cyclegan: "cyclegan",
    distancegan: "distancegan",
    distancegan_of_halves: "distancegan-halves",
    drit: "drit",
    gcgan: "gcgan",
    gcgan_with_two_generators: "gcgan-own",
    munit: "munit",
    negcut: "negcut",
    supervised: "supervised",
    recipe: "recipe",
    unit: "unit",
}

/// Single-image epochs are too long to end in a test: both runs are stopped, and compared at a common checkpoint.
fn single_image_survives_a_kill(name: &str) {
    let place = Place::new();
    let args = [method(name), sets(&["train.keep=1000", "train.sample_every=0"])].concat();
    let mut child = place.start(place.train("parts", &args), "parts", 4);
    child.kill().unwrap();
    child.wait().unwrap();
    for (run, more) in [("whole", &[][..]), ("parts", &["--resume"])] {
        let child = place.start(place.train(run, &[&args[..], more].concat()), run, 9);
        signal(&child, "INT");
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{text}");
        assert!(text.contains("stopped with a checkpoint saved; continue with --resume"), "{text}");
    }
    let (whole, parts) = (place.path("whole"), place.path("parts"));
    for step in [3, 6, 9] {
        let checkpoint = format!("checkpoints/step-{step:08}");
        assert_same_files(&parts.join(&checkpoint), &whole.join(&checkpoint), &format!("{name}, step {step}"));
    }
    let common = last_step(&parts).min(last_step(&whole)) as usize;
    assert_eq!(metrics(&parts)[..common], metrics(&whole)[..common]);
}

#[test]
fn sincut() {
    single_image_survives_a_kill("sincut");
}

#[test]
fn sincut_ours() {
    single_image_survives_a_kill("sincut-ours");
}

#[test]
fn evaluations_and_the_warm_up_resume_as_well() {
    let place = Place::new();
    let args = [method("ours"), sets(&["train.eval_every=4", "train.warmup=3", "train.save_every=2"])].concat();
    assert(place.train("whole", &args)).success();
    kill_and_resume(&place, &args, 8);
    let (whole, parts) = (place.path("whole"), place.path("parts"));
    assert_eq!(metrics(&parts), metrics(&whole));
    assert_eq!(last_step(&parts), STEPS + 3);
    assert_same_files(&parts.join("checkpoints"), &whole.join("checkpoints"), "with evaluations");
    assert!(fs::read_to_string(parts.join("checkpoints/best")).unwrap().starts_with("step-"));
}

#[test]
fn a_decay_from_the_first_epoch_on_resumes_as_well() {
    let place = Place::new();
    let args = [method("ours"), sets(&["train.n_epochs=0", "train.n_epochs_decay=2"])].concat();
    assert(place.train("whole", &args)).success();
    // Resumed from step 3, within the first epoch of six steps.
    kill_and_resume(&place, &args, 4);
    assert_eq!(metrics(&place.path("parts")), metrics(&place.path("whole")));
    assert_same_files(&place.path("parts/checkpoints"), &place.path("whole/checkpoints"), "with a decay");
}

#[test]
fn wide_networks_resume_as_well() {
    let place = Place::new();
    // Convolutions of 128 channels are not computed by their definition.
    let args = [method("ours"), sets(&["model.ngf=32", "train.n_epochs_decay=0"])].concat();
    assert(place.train("whole", &args)).success();
    kill_and_resume(&place, &args, 4);
    assert_same_files(&place.path("parts/checkpoints"), &place.path("whole/checkpoints"), "wide");
}

#[test]
fn a_run_is_resumed_with_its_own_settings_alone() {
    let place = Place::new();
    place.trained("run", &[]);
    let with = |more: &[&str]| {
        place.train("run", &[method("ours"), sets(&["train.n_epochs_decay=0"]), sets(more), vec!["--resume"]].concat())
    };
    common::refuses(
        with(&["optim.lr=0.5"]),
        &["config.yaml: key `optim.lr` is 0.5, but the run was started with 0.0002"],
    );
    assert(with(&["train.log_every=5"])).success();
    common::refuses(place.train("none", &["--resume"]), &["none: holds no run to resume"]);
}
