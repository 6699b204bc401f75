//! What each run was: data, profile, extractor, seed, hardware, time, memory, configuration.

use super::asset::{Asset, Source};
use super::labels::group_of;
use super::members::Membership;
use super::metrics::short;
use super::run_folders::{Ended, RunFolder};
use super::sources::Sources;
use semrel_run::Summary;
use semrel_run::stored::StoredConfig;
use semrel_run::work::Work;
use serde::Serialize;
use sha2::{Digest, Sha256};
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
    /// Time of training, until now where it goes on.
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
        group.seconds += seconds(run).unwrap_or(0.0);
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

/// A name as a part of an address: with nothing in it that would have to be encoded. No other name has the same.
fn address_of(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_./".contains(c) { c } else { '_' };
    // Nothing leads out of the folder.
    let address = name.chars().map(plain).collect::<String>().replace("..", "__");
    if address == name { address } else { format!("{address}-{}", &hex::encode(Sha256::digest(name))[..8]) }
}

fn view(run: &RunFolder, member: Option<&Membership>) -> RunView {
    let StoredConfig { seed, data, eval } = run.config.clone().unwrap_or_default();
    let trained = match &run.summary {
        Ended::Trained(summary) => Some(summary.as_ref()),
        Ended::NotYet | Ended::Unreadable | Ended::Searched(_) | Ended::Exported(_) => None,
    };
    let frechet = run.eval.as_ref().map(|terms| terms.frechet.clone());
    let seed = trained.map(|summary| summary.seed).or(seed).or_else(|| Some(member?.seed));
    RunView {
        label: member.map_or_else(|| run.row().to_owned(), |member| member.method.clone()),
        folder: run.name.clone(),
        state: state(run),
        data: data.root.unwrap_or_default(),
        profile: member.map(|member| member.profile.clone()).unwrap_or_default(),
        extractor: frechet.or(eval.extractor).unwrap_or_default(),
        seed: seed.map(|seed| seed.to_string()).unwrap_or_default(),
        steps: steps(run),
        hardware: hardware(&run.summary),
        time: seconds(run).map(duration).unwrap_or_default(),
        step_time: trained.and_then(seconds_per_step).map(step_time).unwrap_or_default(),
        memory: trained.and_then(memory).unwrap_or_default(),
        config: None,
    }
}

fn state(run: &RunFolder) -> String {
    match (&run.metrics.diverged, &run.summary, run.metrics.last_step) {
        (Some((step, name)), ..) => format!("{name} not finite at step {step}"),
        (_, Ended::Trained(_) | Ended::Searched(_) | Ended::Exported(_), _) => "finished".into(),
        (_, Ended::Unreadable, _) => "finished; its summary cannot be read".into(),
        (_, Ended::NotYet, Some(step)) => format!("unfinished, at step {step}"),
        (_, Ended::NotYet, None) => "unfinished".into(),
    }
}

fn steps(run: &RunFolder) -> String {
    match &run.summary {
        Ended::Trained(summary) if summary.best_step != summary.last_step => {
            format!("{} (best at {})", summary.last_step, summary.best_step)
        }
        Ended::Trained(summary) => summary.last_step.to_string(),
        Ended::Searched(summary) => format!("{} evaluations", summary.evaluations),
        Ended::Exported(_) => String::new(),
        Ended::NotYet | Ended::Unreadable => run.metrics.last_step.map(|step| step.to_string()).unwrap_or_default(),
    }
}

fn hardware(summary: &Ended) -> String {
    let Some(Work { device, threads, .. }) = summary.work() else { return String::new() };
    let threads = if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
    format!("{}, {threads}", device.to_lowercase())
}

/// Seconds of training: in all, or as logged last.
fn seconds(run: &RunFolder) -> Option<f64> {
    match &run.summary {
        Ended::NotYet | Ended::Unreadable => run.metrics.seconds,
        ended => ended.work().map(|work| work.seconds),
    }
}

fn seconds_per_step(summary: &Summary) -> Option<f64> {
    (summary.last_step > 0).then(|| summary.seconds / summary.last_step as f64)
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

/// The most memory of the process. What it had on a GPU is not in that.
fn memory(summary: &Summary) -> Option<String> {
    let mib = summary.peak_memory_mib as f64;
    let told =
        if summary.device.eq_ignore_ascii_case("cpu") { size(mib) } else { format!("{} host memory", size(mib)) };
    (mib > 0.0).then_some(told)
}

fn size(mib: f64) -> String {
    if mib < 1024.0 { format!("{mib:.0} MiB") } else { format!("{:.1} GiB", mib / 1024.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::members::tests::manifest;
    use crate::metrics::Metrics;

    #[test]
    fn times_and_sizes_are_readable() {
        assert_eq!([duration(41.4), duration(185.0), duration(7620.0)], ["41 s", "3 min 05 s", "2 h 07 min"]);
        assert_eq!([step_time(0.12345), step_time(2.5)], ["123.5 ms", "2.50 s"]);
        assert_eq!([size(700.0), size(2048.0)], ["700 MiB", "2.0 GiB"]);
        let on = |device: &str| memory(&Summary { device: device.into(), ..summary() }).unwrap();
        assert_eq!([on("Cpu"), on("Cuda(0)")], ["700 MiB", "700 MiB host memory"]);
    }

    fn summary() -> Summary {
        Summary {
            name: "x".into(),
            seed: 1,
            warmup: 0,
            batch_size: 1,
            parameters: [].into(),
            seconds: 90.0,
            seconds_waiting_for_images: 0.0,
            unreadable_images: 0,
            threads: 2,
            device: "Cpu".into(),
            peak_memory_mib: 700,
            best_step: 4,
            last_step: 9,
            own: serde_json::Map::new(),
        }
    }

    #[test]
    fn no_two_runs_share_an_address() {
        assert_eq!(address_of("cut-single/a-1/distill"), "cut-single/a-1/distill");
        let changed = address_of("cut-single/a b/../c");
        assert!(changed.starts_with("cut-single/a_b/__/c-") && changed.len() == 28, "{changed}");
        assert!(address_of("日本").starts_with("__-") && address_of("日本") != address_of("中国"));
    }

    #[test]
    fn a_run_tells_what_it_was() {
        let mut run = RunFolder {
            name: "cut-single/table3-small-x-ours-s1".into(),
            path: "x".into(),
            config_text: None,
            config: Some(StoredConfig::from_yaml("{seed: 1, data: {root: data/x}}").unwrap()),
            manifest: None,
            summary: Ended::Trained(Box::new(summary())),
            eval: None,
            metrics: Metrics::default(),
            samples: vec![],
        };
        let shown = view(&run, None);
        assert_eq!(
            (shown.state.as_str(), shown.steps.as_str(), shown.seed.as_str()),
            ("finished", "9 (best at 4)", "1")
        );
        assert_eq!((shown.hardware.as_str(), shown.profile.as_str()), ("cpu, 2 threads", ""));
        assert_eq!((shown.step_time.as_str(), shown.memory.as_str()), ("10.00 s", "700 MiB"));
        run.summary = Ended::Unreadable;
        assert!(view(&run, None).state.starts_with("finished; its summary"));
        run.summary = Ended::NotYet;
        run.metrics.last_step = Some(7);
        let shown = view(&run, None);
        assert_eq!(
            (shown.state.as_str(), shown.steps.as_str(), shown.time.as_str()),
            ("unfinished, at step 7", "7", "")
        );
        run.metrics.seconds = Some(95.0);
        assert_eq!(view(&run, None).time, "1 min 35 s");
        run.metrics.diverged = Some((5, "G".into()));
        assert_eq!(view(&run, None).state, "G not finite at step 5");
        // A search tells no seed, and there may be no configuration beside it.
        run.config = None;
        let member = Membership::new(&manifest("table3", ["small", "x", "ours"], 7, ""));
        let shown = view(&run, member.as_ref());
        assert_eq!((shown.seed.as_str(), shown.profile.as_str(), view(&run, None).seed.as_str()), ("7", "small", ""));
    }
}
