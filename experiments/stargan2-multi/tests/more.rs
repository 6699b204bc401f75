//! Scores that not every evaluation has, of translations between domains.
#![cfg(unix)]

mod common;

use common::{NO_EVALUATION, Place, assert, json, refuses};
use serde_json::Value;

const ASKED: [&str; 2] =
    ["--set", "eval.more={scores: [kid, prdc, mmd, structure, relations], neighbours: 1, sigma: 10.0}"];
const SCORES: [&str; 8] = ["coverage", "density", "kd", "mmd", "precision", "recall", "relations", "structure"];

#[test]
fn scores_that_are_asked_for_are_computed_for_each_pair() {
    let place = Place::new();
    assert(place.train("run", &NO_EVALUATION)).success();
    let sets = ["--set", "eval.max_sources=2", "--set", "eval.max_reals=4"];
    let eval = |more: &[&str]| json(place.command(&[&["eval", "run", "--threads", "1"], &sets[..], more].concat()));
    let (plain, asked) = (eval(&[]), eval(&ASKED));
    for guide in ["latent", "reference"] {
        let (before, after) = (plain[guide].as_object().unwrap(), asked[guide].as_object().unwrap());
        assert!(before.iter().all(|(key, value)| after[key] == *value) && !before.contains_key("more"), "{guide}");
        let more = after["more"].as_object().unwrap();
        assert_eq!(more.keys().collect::<Vec<_>>(), SCORES);
        for (name, scores) in more {
            let pairs = scores["pairs"].as_object().unwrap();
            assert!(pairs.len() == 12 && pairs.values().all(Value::is_f64), "{guide} {name}: {scores}");
        }
        assert!(more["structure"]["mean"].as_f64().unwrap() > 1e-3, "{more:?}");
        assert!(more["relations"]["mean"].as_f64().unwrap() > 1e-4, "{more:?}");
    }
    let baseline = json(place.command(&[&["baseline", "tiny.yaml"], &sets[..], &ASKED].concat()));
    let of_sources = baseline["more"].as_object().unwrap();
    assert_eq!(of_sources.keys().collect::<Vec<_>>(), SCORES);
    assert_eq!((&of_sources["structure"]["mean"], &of_sources["relations"]["mean"]), (&0.0.into(), &0.0.into()));
    assert!(of_sources["kd"]["mean"].as_f64().unwrap() != asked["latent"]["more"]["kd"]["mean"].as_f64().unwrap());
}

#[test]
fn scores_that_cannot_be_computed_are_refused_before_anything_is_trained() {
    let place = Place::new();
    for (set, words) in [
        ("eval.more.scores=[coupling]", &["`eval.more.scores`: coupling; leave it out"][..]),
        ("eval.more.scores=[fid]", &["`eval.more.scores.0`", "`fid`, expected one of `kid`, `prdc`"]),
        ("eval.more.sigma=-1", &["`eval.more.sigma`: -1; it must be finite and positive"]),
        // One source with two outputs.
        ("eval.more={scores: [prdc], neighbours: 2}", &["`eval.more.neighbours`: 2", "it must be below 2"]),
        ("eval.more={scores: [prdc]}", &["`eval.more.neighbours`: 5", "it must be below 2"]),
    ] {
        refuses(place.train("run", &["--set", set]), words);
        refuses(place.train("run", &["--check", "--set", set]), words);
    }
    assert!(!place.path("run").exists(), "nothing was started");
}
