//! A run that is stopped at any moment and resumed ends with the same bytes as one that is not.
#![cfg(unix)]

mod common;

use common::{NO_EVALUATION, Place, STEPS, assert, assert_same_files, assert_same_metrics, metrics};
use std::fs;
use std::time::Duration;

/// Kills the run `rounds` times: at a random moment after its metrics have reached the round's step.
fn killed_at_random_moments(method: &str, more: &[&str]) {
    let place = Place::new();
    let set = format!("method={method}");
    let args = [&["--set", &set], more].concat();
    assert(place.train("whole", &args)).success();
    let mut moments = vec![];
    for step in [1, 4, 7, 9] {
        // Until the metrics are there, there may be no run to resume.
        let resume = if moments.is_empty() { &[][..] } else { &["--resume"] };
        let mut child = place.start(place.train("parts", &[&args, resume].concat()), "parts", step);
        let delay = rand::random_range(0..150);
        std::thread::sleep(Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
        moments.push(format!("{delay} ms after step {step}"));
    }
    assert(place.train("parts", &[&args, &["--resume"][..]].concat())).success();
    let context = format!("{method}, killed {}", moments.join(", "));
    let (whole, parts) = (place.path("whole"), place.path("parts"));
    assert_same_metrics(&parts, &whole, &context);
    assert!(metrics(&parts).iter().filter(|line| line.get("d_latent/total").is_some()).count() == 10, "{context}");
    assert_same_files(&parts.join("checkpoints"), &whole.join("checkpoints"), &context);
    assert_eq!(fs::read(parts.join("config.yaml")).unwrap(), fs::read(whole.join("config.yaml")).unwrap());
    for picture in ["samples/step-00000006.png", "samples/step-00000012.png"] {
        assert!(
            fs::read(parts.join(picture)).unwrap() == fs::read(whole.join(picture)).unwrap(),
            "{context}: {picture}"
        );
    }
}

#[test]
fn ours_survives_kills() {
    killed_at_random_moments("ours", &[]);
}

#[test]
fn stargan_v2_survives_kills() {
    killed_at_random_moments("stargan-v2", &["--set", "model.generator=stargan-v2", "--set", "optim.beta1=0.5"]);
}

#[test]
fn lsesim_survives_kills() {
    killed_at_random_moments("lsesim", &NO_EVALUATION);
}

/// Every part of the recipe for short runs, at once.
#[test]
fn the_recipe_survives_kills() {
    let keys = [
        "model.generator=light",
        "model.output=affine",
        "model.discriminator=both",
        "loss.lambda_r1=0",
        "optim.lr_discriminator=5e-4",
        "loss.formulation=paper",
        "loss.lambda_adv=0.5",
    ];
    let keys: Vec<&str> = keys.iter().flat_map(|key| ["--set", *key]).collect();
    killed_at_random_moments("ours", &[&NO_EVALUATION[..], &keys].concat());
}

#[test]
fn an_interrupted_run_saves_and_goes_on() {
    let place = Place::new();
    // No regular checkpoint before the end: the one that is resumed is that of the signal.
    let args = ["--set", "train.save_every=1000", "--set", "train.eval_every=0"];
    assert(place.train("whole", &args)).success();
    for (name, step) in [("INT", 1), ("TERM", 5)] {
        let child = place.start(place.train(name, &args), name, step);
        common::signal(&child, name);
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{text}");
        assert!(text.contains("stopped with a checkpoint saved; continue with --resume"), "{text}");
        let (parts, whole) = (place.path(name), place.path("whole"));
        let stopped = common::last_step(&parts);
        assert!((step..STEPS).contains(&stopped), "{stopped}");
        assert_eq!(place.last_checkpoint(name), parts.join(format!("checkpoints/step-{stopped:08}")));
        assert!(!parts.join("summary.json").exists());

        assert(place.train(name, &[&args[..], &["--resume"]].concat())).success();
        let (context, last) = (format!("{name} at step {stopped}"), "checkpoints/step-00000012");
        assert_same_metrics(&parts, &whole, &context);
        assert_same_files(&parts.join(last), &whole.join(last), &context);
    }
}

#[test]
fn a_kill_between_saving_and_marking_the_best_loses_no_mark() {
    let place = Place::new();
    let args = ["--set", "train.iterations=2", "--set", "train.warmup=0", "--set", "train.eval_every=2"];
    assert(place.train("run", &args)).success();
    let mark = place.path("run/checkpoints/best");
    assert_eq!(fs::read_to_string(&mark).unwrap(), "step-00000002\n");
    fs::remove_file(&mark).unwrap();
    assert(place.train("run", &[&args[..], &["--resume"]].concat())).success();
    assert_eq!(fs::read_to_string(&mark).unwrap(), "step-00000002\n");
}

#[test]
fn a_run_is_resumed_with_its_own_settings_alone() {
    let place = Place::new();
    let short = ["--set", "train.iterations=2", "--set", "train.warmup=0", "--set", "train.eval_every=0"];
    assert(place.train("run", &short)).success();
    let with = |more: &[&str]| place.train("run", &[&short[..], &["--resume"], more].concat());
    common::refuses(
        with(&["--set", "optim.lr=0.5"]),
        &["config.yaml: key `optim.lr` is 0.5, but the run was started with 0.0001", "old value"],
    );
    assert(with(&["--set", "train.log_every=5"])).success();
    common::refuses(place.train("none", &["--resume"]), &["none: holds no run to resume", "omit `--resume`"]);
}
