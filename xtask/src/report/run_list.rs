//! What each run was: data, profile, extractor, seed, hardware, time, memory, configuration.

use super::assets::{Asset, Source};
use super::curves::group_of;
use super::members::Membership;
use super::metrics::short;
use super::run_folders::RunFolder;
use super::sources::Sources;
use crate::tables::rows::Profile;
use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Runs that stand together.
#[derive(Debug, Serialize)]
pub struct RunGroup {
    /// What they are.
    pub title: String,
    /// Time of all together, and on what.
    pub about: String,
    /// Them.
    pub runs: Vec<RunView>,
}

/// A run. What is not known is empty.
#[derive(Debug, Serialize)]
pub struct RunView {
    /// Method, or its name.
    pub label: String,
    /// Its folder.
    pub folder: String,
    /// Whether it is finished, and otherwise how far it is.
    pub state: String,
    /// Data set.
    pub data: String,
    /// Profile.
    pub profile: String,
    /// What scores are computed with.
    pub extractor: String,
    /// Seed.
    pub seed: String,
    /// Steps.
    pub steps: String,
    /// Device and threads.
    pub hardware: String,
    /// Time of training.
    pub time: String,
    /// Time of a step.
    pub step_time: String,
    /// Most memory.
    pub memory: String,
    /// Address of its configuration.
    pub config: Option<String>,
}

/// Runs of a group while they are collected.
#[derive(Default)]
struct Together {
    seconds: f64,
    processor: Option<String>,
    runs: Vec<RunView>,
}

/// All runs, and their configurations as files beside the page.
pub fn groups(sources: &Sources) -> (Vec<RunGroup>, BTreeMap<String, Asset>) {
    let mut assets = BTreeMap::new();
    let mut groups: BTreeMap<(usize, String), Together> = BTreeMap::new();
    for run in &sources.runs {
        let member = sources.member(run);
        let config = run.config_text.as_ref().map(|text| {
            let address = format!("runs/{}/config.yaml", address_of(&run.name));
            assets.insert(
                address.clone(),
                Asset { source: Source::Text(text.clone()), media_type: "text/plain; charset=utf-8" },
            );
            address
        });
        let mut view = view(run, member);
        view.config = config;
        let group = groups.entry(group_of(run, member)).or_default();
        group.seconds += run.summary["seconds"].as_f64().unwrap_or(0.0);
        group.processor = group.processor.take().or_else(|| member.and_then(|m| m.processor.clone()));
        group.runs.push(view);
    }
    let group = |((_, title), Together { seconds, processor, runs }): (_, Together)| {
        let time = (seconds > 0.0).then(|| format!("{} in all", duration(seconds)));
        let processor = processor.map(|name| format!("on {name}"));
        RunGroup { title, about: time.into_iter().chain(processor).collect::<Vec<_>>().join(", "), runs }
    };
    (groups.into_iter().map(group).collect(), assets)
}

/// A name as a part of an address: with nothing in it that would have to be encoded.
fn address_of(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_./".contains(c) { c } else { '_' };
    // Nothing leads out of the folder.
    name.chars().map(plain).collect::<String>().replace("..", "__")
}

fn view(run: &RunFolder, member: Option<&Membership>) -> RunView {
    let (summary, config) = (&run.summary, &run.config);
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let first = |values: &[&Value]| values.iter().find_map(|value| text(value)).unwrap_or_default();
    let number = |keys: &[&str]| keys.iter().find_map(|key| summary[*key].as_f64());
    let profile = member.map(|member| member.profile.clone()).or_else(|| {
        // Folders of the tables' runs are named by them.
        let mut known = Profile::value_variants().iter().map(|profile| profile.name());
        known.find(|name| run.name.contains(&format!("-{name}-"))).map(str::to_owned)
    });
    RunView {
        label: member.map_or_else(|| run.row().to_owned(), |member| member.method.clone()),
        folder: run.name.clone(),
        state: state(run),
        data: first(&[&config["data"]["root"], &summary["source"]]),
        profile: profile.unwrap_or_default(),
        extractor: first(&[&run.eval["fd_name"], &run.eval["extractor"], &config["eval"]["extractor"]]),
        seed: first(&[&summary["seed"], &config["seed"]]),
        steps: steps(run),
        hardware: hardware(summary),
        time: number(&["seconds"]).map(duration).unwrap_or_default(),
        step_time: number(&["seconds_per_step", "seconds_per_iteration"]).map(step_time).unwrap_or_default(),
        memory: number(&["peak_memory_mib"]).filter(|&mib| mib > 0.0).map(memory).unwrap_or_default(),
        config: None,
    }
}

fn state(run: &RunFolder) -> String {
    match (&run.metrics.diverged, run.metrics.last_step) {
        (Some((step, name)), _) => format!("{name} not finite at step {step}"),
        _ if !run.summary.is_null() => "finished".into(),
        (None, Some(step)) => format!("unfinished, at step {step}"),
        (None, None) => "unfinished".into(),
    }
}

fn steps(run: &RunFolder) -> String {
    let whole = |key: &str| run.summary[key].as_u64();
    match (whole("last_step"), whole("best_step"), whole("evaluations")) {
        (Some(last), Some(best), _) if best != last => format!("{last} (best at {best})"),
        (Some(last), ..) => last.to_string(),
        (.., Some(evaluations)) => format!("{evaluations} evaluations"),
        _ => run.metrics.last_step.map(|step| step.to_string()).unwrap_or_default(),
    }
}

fn hardware(summary: &Value) -> String {
    let device = summary["device"].as_str().map(str::to_lowercase);
    let threads = summary["threads"].as_u64().map(|n| if n == 1 { "1 thread".into() } else { format!("{n} threads") });
    [device, threads].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// `41 s`, `3 min 05 s`, `2 h 07 min`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round().max(0.0) as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

fn step_time(seconds: f64) -> String {
    if seconds < 1.0 { format!("{} ms", short((seconds * 1e4).round() / 10.0)) } else { format!("{seconds:.2} s") }
}

fn memory(mib: f64) -> String {
    if mib < 1024.0 { format!("{mib:.0} MiB") } else { format!("{:.1} GiB", mib / 1024.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::metrics::Metrics;
    use serde_json::json;

    #[test]
    fn times_and_sizes_are_readable() {
        assert_eq!([duration(41.4), duration(185.0), duration(7620.0)], ["41 s", "3 min 05 s", "2 h 07 min"]);
        assert_eq!([step_time(0.12345), step_time(2.5)], ["123.5 ms", "2.50 s"]);
        assert_eq!([memory(700.0), memory(2048.0)], ["700 MiB", "2.0 GiB"]);
        assert_eq!(address_of("cut-single/a b/../c"), "cut-single/a_b/__/c");
    }

    #[test]
    fn a_run_tells_what_it_was() {
        let mut run = RunFolder {
            name: "cut-single/table3-small-x-ours-s1".into(),
            path: "x".into(),
            config_text: None,
            config: json!({"seed": 1, "data": {"root": "data/x"}}),
            summary: json!({"seconds": 90.0, "device": "Cpu", "threads": 2, "last_step": 9, "best_step": 4}),
            eval: json!({"fd_name": "FD(effnet-lite0)"}),
            metrics: Metrics::default(),
            samples: vec![],
        };
        let shown = view(&run, None);
        assert_eq!(
            (shown.state.as_str(), shown.steps.as_str(), shown.seed.as_str()),
            ("finished", "9 (best at 4)", "1")
        );
        assert_eq!((shown.hardware.as_str(), shown.profile.as_str()), ("cpu, 2 threads", "small"));
        run.summary = Value::Null;
        run.metrics.last_step = Some(7);
        let shown = view(&run, None);
        assert_eq!(
            (shown.state.as_str(), shown.steps.as_str(), shown.time.as_str()),
            ("unfinished, at step 7", "7", "")
        );
        run.metrics.diverged = Some((5, "G".into()));
        assert_eq!(view(&run, None).state, "G not finite at step 5");
    }
}
