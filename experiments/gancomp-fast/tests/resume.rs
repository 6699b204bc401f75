//! A stage that is killed at any moment and resumed ends with the same bytes as one that is not.
#![cfg(unix)]

mod common;

use common::{ALIGNED, Place, STEPS, assert, assert_same_files, last_step, metrics, refuses, sets, signal};
use std::fs;

/// Kills a stage once, after its metrics have reached a random step, and resumes it.
fn survives_a_kill(stage: &str, keys: &[&str]) {
    let place = Place::new();
    let before: Vec<&str> = STEPS.iter().map(|(name, _)| *name).take_while(|name| *name != stage).collect();
    place.trained(&before, "whole", keys);
    // The same earlier stages for both.
    if place.path("whole").exists() {
        let copied =
            std::process::Command::new("cp").args(["-r", "whole", "parts"]).current_dir(place.path("")).status();
        assert!(copied.unwrap().success());
    }
    let args = sets(keys);
    assert(place.stage(stage, "whole", &args)).success();
    let steps = STEPS.iter().find(|(name, _)| *name == stage).unwrap().1;
    let run = |runs: &str| match stage {
        "teacher" => format!("{runs}/{}", if keys.contains(&ALIGNED[0]) { "teach-pairs" } else { "teach" }),
        stage => format!("{runs}/rows/tiny/{stage}"),
    };
    let step = rand::random_range(1..steps);
    let mut child = place.start(place.stage(stage, "parts", &args), &run("parts"), step);
    child.kill().unwrap();
    child.wait().unwrap();
    assert(place.stage(stage, "parts", &[&args[..], &["--resume"]].concat())).success();
    let context = format!("{stage}, killed after step {step}");
    let (whole, parts) = (place.path(&run("whole")), place.path(&run("parts")));
    assert_eq!(metrics(&parts), metrics(&whole), "{context}");
    assert_eq!(last_step(&parts), steps, "{context}");
    for folder in ["checkpoints", "samples"] {
        assert_same_files(&parts.join(folder), &whole.join(folder), &context);
    }
    assert!(parts.join("summary.json").exists(), "{context}");
}

#[test]
fn cycle_gan() {
    survives_a_kill("teacher", &[]);
}

#[test]
fn a_decay_from_the_first_epoch_on() {
    survives_a_kill("teacher", &["teacher.train.n_epochs=0", "teacher.train.n_epochs_decay=2"]);
}

#[test]
fn pix2pix() {
    survives_a_kill("teacher", &ALIGNED);
}

const AVERAGED: [&str; 3] = ["teacher.train.ema=0.9", "model.doubling=smooth", "model.norm=pixel"];

#[test]
fn an_averaged_teacher() {
    survives_a_kill("teacher", &AVERAGED);
}

#[test]
fn a_student_of_an_averaged_teacher() {
    survives_a_kill("distill", &AVERAGED);
}

#[test]
fn distillation() {
    survives_a_kill("distill", &["distill.train.eval_every=5"]);
}

#[test]
fn distillation_of_pairs() {
    survives_a_kill("distill", &ALIGNED);
}

#[test]
fn the_baseline() {
    survives_a_kill("distill", &["method=fast"]);
}

#[test]
fn fine_tuning() {
    survives_a_kill("finetune", &ALIGNED);
}

#[test]
fn a_signal_stops_with_a_checkpoint() {
    let place = Place::new();
    place.trained(&["teacher"], "runs", &[]);
    let run = "runs/rows/tiny/distill";
    let long = sets(&["distill.train.n_epochs=100000", "distill.train.save_every=1000000"]);
    for signal_name in ["INT", "TERM"] {
        let more: &[&str] = if signal_name == "INT" { &[] } else { &["--resume"] };
        let reached = last_step(&place.path(run)) + 2;
        let child = place.start(place.stage("distill", "runs", &[&long[..], more].concat()), run, reached);
        signal(&child, signal_name);
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{text}");
        assert!(text.contains("stopped with a checkpoint saved; continue with --resume"), "{text}");
        let last = last_step(&place.path(run));
        assert!(place.last_checkpoint(run).ends_with(format!("step-{last:08}")));
    }
    let steps: Vec<u64> = metrics(&place.path(run)).iter().map(|line| line["step"].as_u64().unwrap()).collect();
    assert_eq!(steps, (1..=steps.len() as u64).collect::<Vec<_>>());
}

#[test]
fn a_stage_is_resumed_with_its_own_settings_and_teacher_alone() {
    let place = Place::new();
    place.trained(&["teacher", "distill"], "runs", &[]);
    let resume = |stage: &str, keys: &[&str]| place.stage(stage, "runs", &[&sets(keys)[..], &["--resume"]].concat());
    let changed = |key: &str| format!("config.yaml: key `{key}` is");
    refuses(resume("distill", &["distill.train.lr=0.5"]), &[&changed("distill.train.lr")]);
    refuses(resume("distill", &["method=fast"]), &[&changed("method")]);
    refuses(resume("teacher", &["teacher.lambda_cycle_a=1"]), &[&changed("teacher.lambda_cycle_a")]);
    // What a stage does not read may change, and so may its rhythm.
    assert(resume("teacher", &["distill.lambda_recon=3", "method=fast"])).success();
    assert(resume("distill", &["distill.train.log_every=5", "search.population=7"])).success();

    assert(place.stage("teacher", "runs", &[&sets(&["seed=1"])[..], &["--overwrite"]].concat())).success();
    refuses(
        resume("distill", &[]),
        &["the run was started with another teacher than runs/teach, step 12", "--overwrite"],
    );
    fs::remove_dir_all(place.path("runs/teach")).unwrap();
    refuses(resume("distill", &[]), &["runs/teach: there is no trained teacher yet"]);
}
