//! Fréchet distances of real photographs, where they are at hand.

#[path = "cli/common.rs"]
#[allow(dead_code, reason = "each test takes what it needs")]
mod common;

use common::{Place, json};
use semrel_suite::{Skipped, suite};
use std::fs;
use std::path::{Path, PathBuf};

/// Real photographs in four domains.
fn weather() -> Result<PathBuf, Skipped> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("SEMREL_DATA").map_or_else(beside, PathBuf::from).join("weather/train");
    match data.is_dir() {
        true => Ok(data),
        false => {
            Err(Skipped::because(format!("no photographs in {} (SEMREL_DATA names their folder)", data.display())))
        }
    }
}

fn halves_of_a_domain_are_nearer_than_two_domains() -> Result<(), Skipped> {
    let data = weather()?;
    let place = Place::new();
    let half = |domain: &str, part: usize| {
        let mut files: Vec<_> = fs::read_dir(data.join(domain)).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        let list: String = files.iter().skip(part).step_by(2).take(70).map(|f| format!("{}\n", f.display())).collect();
        let name = format!("{domain}-{part}.txt");
        fs::write(place.path(&name), list).unwrap();
        place.text(&name)
    };
    let sets = ["rain", "shine"].map(|domain| [half(domain, 0), half(domain, 1)]).concat();
    for extractor in ["effnet-lite0", "effnet-lite2"] {
        let args: Vec<&str> =
            ["fid", "--extractor", extractor].into_iter().chain(sets.iter().map(String::as_str)).collect();
        let report = json(&args);
        let of = |i: usize, j: usize| {
            let values = report["values"].as_array().unwrap();
            let found = values.iter().find(|v| v["set"] == sets[i] && v["reference"] == sets[j]).unwrap();
            found["value"].as_f64().unwrap()
        };
        assert!((0..4).all(|i| of(i, i).abs() < 1e-3), "{report}");
        let within = of(1, 0).max(of(3, 2));
        let between = [of(2, 0), of(3, 0), of(2, 1), of(3, 1)].into_iter().fold(f64::INFINITY, f64::min);
        assert!(within < between, "{extractor}: {within} {between}");
    }
    Ok(())
}

suite![halves_of_a_domain_are_nearer_than_two_domains];
