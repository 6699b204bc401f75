//! Searches: what they leave, how they go on, and what they refuse.
#![cfg(unix)]

mod common;

use common::searched::{STREET, SearchedRow};
use common::{assert, json, names, read_json, refuses, sets, signal};
use predicates::prelude::{PredicateBooleanExt, predicate};
use semrel_metrics::Statistics;
use semrel_nn::channels::Channels;
use std::collections::BTreeSet;
use std::fs;

/// The files that depend on nothing but the search.
fn results(place: &SearchedRow) -> [Vec<u8>; 3] {
    ["search.json", "front.csv", "front.svg"].map(|name| fs::read(place.row("search").join(name)).unwrap())
}

fn evaluations(place: &SearchedRow) -> Vec<String> {
    let text = fs::read_to_string(place.row("search/evaluations.jsonl")).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_killed_search_goes_on_and_ends_alike() {
    let place = SearchedRow::distilled(&[]);
    assert(place.stage("search", &[])).success().stdout(predicate::str::contains("winner "));
    let whole = results(&place);
    let kept = evaluations(&place);
    let found = read_json(&place.row("search/search.json"));
    let winner: Channels = found["winner"]["channels"].as_str().unwrap().parse().unwrap();
    assert!(winner.macs(32, 32) <= 3_000_000 && found["winner"]["macs"] == winner.macs(32, 32));
    assert_eq!(found["evaluated"], kept.len());
    let table = String::from_utf8(whole[1].clone()).unwrap();
    assert!(table.starts_with("channels,macs,parameters,fd,front,winner\n"));
    assert_eq!(table.lines().count(), 1 + kept.len());
    assert_eq!(table.lines().filter(|line| line.ends_with(",true")).count(), 1, "one winner");
    let summary = read_json(&place.row("search/summary.json"));
    assert_eq!((summary["evaluations"].as_u64(), summary["computed"].as_u64()), (Some(32), Some(kept.len() as u64)));
    assert_eq!(summary["winner"], found["winner"]);

    // Killed at several moments in a row, with a line torn at the end.
    fs::remove_dir_all(place.row("search")).unwrap();
    let file = place.row("search/evaluations.jsonl");
    for lines in [1, 3, 6] {
        let mut child = place.start(place.stage("search", &[]), &file, lines.min(kept.len() - 1));
        child.kill().unwrap();
        child.wait().unwrap();
        let mut bytes = fs::read(&file).unwrap();
        bytes.extend(b"{\"of\": \"fd\", \"key\": \"12");
        fs::write(&file, bytes).unwrap();
    }
    assert(place.stage("search", &["--resume"])).success();
    assert!(results(&place) == whole, "the winner and the front are those of the search that was not killed");
    assert_eq!(evaluations(&place), kept);
    // Nothing is evaluated twice.
    assert(place.stage("search", &[])).success();
    assert_eq!(read_json(&place.row("search/summary.json"))["computed"], 0);
    assert!(results(&place) == whole);
    assert(place.stage("search", &["--resume"])).success().stderr(predicate::str::contains("already searched"));
    // A fresh one finds the same.
    assert(place.stage("search", &["--overwrite"])).success();
    assert_eq!(read_json(&place.row("search/summary.json"))["computed"], kept.len());
    assert!(results(&place) == whole);
}

#[test]
fn ctrl_c_keeps_evaluations_and_says_how_to_go_on() {
    let place = SearchedRow::distilled(&[]);
    let file = place.row("search/evaluations.jsonl");
    let many = sets(&["search.generations=500"]);
    let child = place.start(place.stage("search", &many), &file, 2);
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(text.contains("evaluations.jsonl; the same command continues the search"), "{text}");
    assert!(evaluations(&place).len() >= 2 && !place.row("search/search.json").exists());
    refuses(place.stage("finetune", &sets(&["finetune.train.n_epochs=1"])), &["there is no finished search yet"]);
}

#[test]
fn several_searches_show_their_spread() {
    let place = SearchedRow::distilled(&[]);
    assert(place.stage("search", &["--seeds", "3"]))
        .success()
        .stdout(predicate::str::contains("seed 7: "))
        .stdout(predicate::str::contains("3 searches: FD(effnet-lite0)").and(predicate::str::contains("±")));
    let found = read_json(&place.row("search/search.json"));
    let qualities: Vec<f64> =
        found["searches"].as_array().unwrap().iter().map(|s| s["winner"]["fd"].as_f64().unwrap()).collect();
    assert_eq!(qualities.len(), 3);
    let best = qualities.iter().copied().fold(f64::MAX, f64::min);
    assert_eq!(found["winner"]["fd"], best);
    let mean = qualities.iter().sum::<f64>() / 3.0;
    assert!((found["spread"]["mean"].as_f64().unwrap() - mean).abs() < 1e-9);
    // The first of them is the search of one seed.
    assert(place.stage("search", &[])).success();
    let one = read_json(&place.row("search/search.json"));
    assert_eq!(one["searches"][0], found["searches"][0]);
}

#[test]
fn an_exhaustive_search_looks_at_all_in_parts_or_whole() {
    let keys = ["distill.channels=[[8],[8,4],[8],[8,4],[8],[8],[8],[8]]", "search.budget.macs=6.6e6"];
    let place = SearchedRow::distilled(&keys[..1]);
    let keys = sets(&keys);
    let exhaustive = |more: &[&str]| place.stage("search", &[&keys[..], &["--exhaustive"], more].concat());
    assert_eq!(json(exhaustive(&["--check"]))["steps"], 4);
    for part in ["1/3", "2/3", "3/3"] {
        assert(exhaustive(&["--split", part])).success().stderr(predicate::str::contains("configurations looked at"));
    }
    assert!(!place.row("search/search.json").exists(), "a part has no answer");
    let lines = |name: &str| -> Vec<serde_json::Value> {
        let text = fs::read_to_string(place.row("search").join(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let parts: Vec<_> = (1..=3).flat_map(|i| lines(&format!("exhaustive-{i}-of-3.jsonl"))).collect();
    let evaluated = evaluations(&place).len();
    assert(exhaustive(&[])).success();
    assert_eq!(lines("exhaustive-1-of-1.jsonl"), parts);
    assert_eq!(parts.len(), 4);
    assert_eq!(evaluations(&place).len(), evaluated, "all was known");
    let (within, over): (Vec<_>, Vec<_>) = parts.iter().partition(|record| record["within_budget"] == true);
    assert_eq!(within.len(), evaluated);
    assert!(!over.is_empty() && over.iter().all(|record| record["fd"] == 1e9), "{over:?}");
    let best = within.iter().map(|r| r["fd"].as_f64().unwrap()).fold(f64::MAX, f64::min);
    assert_eq!(read_json(&place.row("search/search.json"))["winner"]["fd"], best);
}

#[test]
fn labels_are_searched_by_their_mean_iou() {
    let place = SearchedRow::distilled(&STREET);
    let keys = [&STREET[..], &["search.criterion=miou"]].concat();
    assert(place.stage("search", &sets(&keys))).success();
    let found = read_json(&place.row("search/search.json"));
    assert_eq!(found["quality"], "mIoU(effnet-lite0-head)");
    let best = found["winner"]["miou"].as_f64().unwrap();
    assert!((0.0..=100.0).contains(&best), "{found}");
    let table = fs::read_to_string(place.row("search/front.csv")).unwrap();
    assert!(table.starts_with("channels,macs,parameters,miou,front,winner\n"), "{table}");
    assert!(found["reference"].is_null() && found["reals"].is_null(), "{found}");
}

#[test]
fn pairs_are_compared_with_real_images_of_the_search() {
    let place = SearchedRow::distilled(&STREET);
    let searched = |more: &[&str]| {
        let short = ["search.population=4", "search.generations=1"];
        assert(place.stage("search", &sets(&[&STREET[..], &short, more].concat()))).success();
        let found = read_json(&place.row("search/search.json"));
        (found["reference"].as_str().unwrap().to_owned(), found["reals"].as_u64().unwrap())
    };
    assert_eq!(searched(&[]), ("search".to_owned(), 3));
    for (set, name, reals) in [
        ("search.reference=test", "test", 3),
        ("search.reference=train", "train", 7),
        ("search.reference=all", "all", 10),
    ] {
        assert_eq!(searched(&[set]), (name.to_owned(), reals));
    }
    // None of these has values of another.
    let key = |line: &String| serde_json::from_str::<serde_json::Value>(line).unwrap()["key"].to_string();
    let keys: BTreeSet<String> = evaluations(&place).iter().map(key).collect();
    assert_eq!(keys.len(), 4);
}

#[test]
fn milliseconds_are_measured_and_kept() {
    let place = SearchedRow::distilled(&[]);
    let keys = ["search.budget.milliseconds=100000", "search.population=4", "search.generations=1"];
    assert(place.stage("search", &sets(&keys))).success().stdout(predicate::str::contains(" ms"));
    let first = results(&place);
    let table = String::from_utf8(first[1].clone()).unwrap();
    assert!(table.starts_with("channels,macs,parameters,milliseconds,fd,front,winner\n"), "{table}");
    assert(place.stage("search", &sets(&keys))).success();
    assert!(results(&place) == first, "what was measured is not measured again");
    let keys = sets(&["search.budget.milliseconds=0.000001"]);
    refuses(place.stage("search", &keys), &["`search.budget.milliseconds`: 0.000001", "4_4_4_4_4_4_4_4", "measured"]);
}

#[test]
fn what_comes_before_is_named_or_run() {
    let place = SearchedRow::new();
    let teacher = ["run first: gancomp-fast teacher tiny.yaml", "gancomp-fast search tiny.yaml --all"];
    refuses(place.stage("search", &["--no-train"]), &teacher);
    refuses(place.stage("search", &["--exhaustive", "--split", "1/2"]), &teacher);
    assert(place.stage("teacher", &[])).success();
    refuses(place.stage("search", &["--no-train"]), &["run first: gancomp-fast distill tiny.yaml"]);
    let told = predicate::str::contains("distill first: ").and(predicate::str::contains("teacher first: ").not());
    assert(place.stage("search", &[])).success().stdout(predicate::str::contains("winner ")).stderr(told);
    assert!(place.row("distill/summary.json").exists());
    refuses(
        place.stage("export", &sets(&["finetune.train.n_epochs=1"])),
        &["no fine-tuned sub-network yet", "finetune"],
    );
}

#[test]
fn what_cannot_be_searched_is_refused_before_any_stage_is_trained() {
    let place = SearchedRow::new();
    let too_small = ["config key `search.budget.macs`: 100000, but the smallest configuration", "4_4_4_4_4_4_4_4"];
    for (set, words) in [
        ("search.generations=0", &["`search.generations`: 0; it must be at least 1"][..]),
        ("search.budget.macs=1e5", &too_small),
        ("search.statistics=none.npz", &["config key `search.statistics`", "none.npz"]),
        ("data.held_back=0", &["the search needs training images"]),
    ] {
        for how in ["--check", "--all"] {
            refuses(place.stage("search", &["--set", set, how]), words);
        }
    }
    let mean = ndarray::Array1::<f64>::zeros(7);
    let narrow = Statistics::new(mean, ndarray::Array2::eye(7), Some(9)).unwrap();
    narrow.write_npz(place.path("narrow.npz")).unwrap();
    let negative = Statistics::new(ndarray::Array1::zeros(1280), -ndarray::Array2::<f64>::eye(1280), Some(9)).unwrap();
    negative.write_npz(place.path("negative.npz")).unwrap();
    for (set, words) in [
        ("search.statistics=negative.npz", &["config key `search.statistics`: negative.npz", "eigenvalues"]),
        ("eval.extractor_weights=none.pth", &["config key `eval.extractor_weights`", "none.pth"]),
    ] {
        refuses(place.stage("search", &["--set", set, "--check"]), words);
    }
    let narrow = place.stage("search", &["--set", "search.statistics=narrow.npz", "--all"]);
    refuses(narrow, &["`search.statistics`: narrow.npz: statistics of 7 features", "1280"]);
    let few = place.stage("search", &["--set", "data.held_back=1", "--all"]);
    refuses(few, &["`data.held_back` or `data.search_list`: the search has 1 image to translate", "at least 2"]);
    fs::write(place.path("list.txt"), "0002.png\n0003.png\n").unwrap();
    fs::write(place.path("data/horse2zebra/trainA/0003.png"), b"no picture").unwrap();
    let broken = place.stage("search", &["--set", "data.search_list=list.txt", "--all"]);
    refuses(broken, &["the search looks at every image that is set aside for it", "trainA/0003.png: "]);
    let data = |name: &str| place.path("data").join(name);
    fs::copy(data("horse2zebra/trainA/0002.png"), data("horse2zebra/trainA/0003.png")).unwrap();
    fs::write(data("horse2zebra/testB/0001.png"), b"no picture").unwrap();
    refuses(place.stage("search", &["--all"]), &["config key `eval.reference`", "testB/0001.png: "]);
    // A photograph among the labels.
    fs::copy(data("street/trainA/0003.png"), data("street/trainB/0003.png")).unwrap();
    let labels = sets(&[&STREET[..], &["search.criterion=miou", "data.search_list=list.txt"]].concat());
    let by_labels = |more: &[&'static str]| {
        let all = [&labels[..], &sets(more), &["--all"]].concat();
        place.stage("search", &all)
    };
    refuses(by_labels(&[]), &["`data.search_list`", "trainB/0003.png: ", "palette"]);
    fs::copy(data("street/trainB/0002.png"), data("street/trainB/0003.png")).unwrap();
    refuses(by_labels(&["search.label_table=none.txt"]), &["config key `search.label_table`", "none.txt"]);
    refuses(by_labels(&["eval.segmenter=none.pth"]), &["config key `eval.segmenter`", "none.pth", "drn-d-105"]);
    fs::write(data("street/trainA/0001.png"), b"no picture").unwrap();
    refuses(by_labels(&[]), &["`eval.segmentation`: photographs and labels", "trainA/0001.png: "]);
    assert!(!place.path("runs").exists(), "nothing was started");
}

#[test]
fn what_cannot_be_searched_is_refused_before_anything_is_done() {
    let place = SearchedRow::distilled(&[]);
    let statistics = |width: usize| {
        let mean = ndarray::Array1::<f64>::zeros(width);
        let covariance = ndarray::Array2::<f64>::eye(width);
        let path = place.path(&format!("s{width}.npz"));
        Statistics::new(mean, covariance, Some(9)).unwrap().write_npz(path).unwrap();
    };
    statistics(7);
    fs::write(place.path("bad.npz"), b"no archive").unwrap();
    for (set, words) in [
        (
            "search.budget.macs=1e5",
            &["config key `search.budget.macs`: 100000, but the smallest configuration", "4_4_4_4_4_4_4_4", "32 x 32"]
                [..],
        ),
        ("search.budget.parameters=100", &["`search.budget.parameters`: 100", "4_4_4_4_4_4_4_4", "parameters"]),
        ("search.budget.macs=-1", &["`search.budget.macs`: -1; it must be finite and positive"]),
        ("search.generations=0", &["`search.generations`: 0; it must be at least 1"]),
        ("search.population=0", &["`search.population`: 0; it must be at least 1"]),
        ("search.parent_ratio=0", &["`search.parent_ratio`"]),
        ("search.mutation_ratio=1.5", &["`search.mutation_ratio`: 1.5"]),
        ("search.weight=0.5", &["`search.weight`"]),
        ("search.criterion=speed", &["key `search.criterion`", "frechet"]),
        ("search.statistics=none.npz", &["config key `search.statistics`", "none.npz"]),
        ("search.statistics=bad.npz", &["config key `search.statistics`", "bad.npz", "mu and sigma"]),
        ("search.statistics=s7.npz", &["`search.statistics`: s7.npz: statistics of 7 features", "1280"]),
        ("data.held_back=0", &["`data.held_back`: 0", "the search needs training images"]),
        ("distill.channels=16_16_16", &["has 3 numbers; expected 8"]),
        ("distill.channels=16_16_16_16_16_16_16_16", &["config key `distill.channels`", "16"]),
        ("distill.checkpoint=99", &["`distill.checkpoint`", "99"]),
    ] {
        let set = if set.starts_with("search.weight=") { vec!["search.weighting=arithmetic", set] } else { vec![set] };
        refuses(place.stage("search", &sets(&set)), words);
    }
    assert!(!place.row("search/evaluations.jsonl").exists() || evaluations(&place).is_empty());
    refuses(place.stage("search", &["--split", "1/2"]), &["--exhaustive"]);
    refuses(place.stage("search", &["--exhaustive", "--split", "3/2"]), &["3/2", "second of four"]);
    refuses(place.stage("search", &["--seeds", "0"]), &["--seeds"]);
    statistics(1280);
    assert(place.stage("search", &sets(&["search.statistics=s1280.npz", "search.generations=1"]))).success();
    let found = read_json(&place.row("search/search.json"));
    assert_eq!((&found["reals"], &found["reference"]), (&9.into(), &"statistics".into()));
}

#[test]
fn one_search_at_a_time_and_a_damaged_file_is_named() {
    let place = SearchedRow::distilled(&[]);
    let file = place.row("search/evaluations.jsonl");
    let mut child = place.start(place.stage("search", &sets(&["search.generations=500"])), &file, 1);
    refuses(place.stage("search", &[]), &["search: in use by process"]);
    child.kill().unwrap();
    child.wait().unwrap();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("nonsense\n{text}")).unwrap();
    refuses(place.stage("search", &[]), &["evaluations.jsonl: line 1 is not a value"]);
    assert!(names(&place.row("search")).contains(&"evaluations.jsonl".to_owned()));
}
