//! A search from its configuration to its files, going on where an earlier one stopped.

use crate::config::{Config, Criterion};
use crate::data::Data;
use crate::folders::Folders;
use crate::latency::Runs;
use crate::looked_at::name_of_search;
use crate::search::cache::{Cache, Key};
use crate::search::cost::{Axis, Costs};
use crate::search::draws::Seeded;
use crate::search::evolution::{Problem, REDRAWS, evolve};
use crate::search::exhaustive::{self, Split, look_at_all};
use crate::search::fitness::{Fitness, SubNets, Torch};
use crate::search::front::{Front, Point};
use crate::search::genes::Redraws;
use crate::search::member::Member;
use crate::search::report::{About, DRAWING, FRONT, Outcome, RESULTS, Searched, answer, finished};
use crate::search::unseen::check_unseen;
use crate::trained::{CHECKPOINT, TrainedStudent, open_student, weights_digest};
use anyhow::{Context, Result, bail};
use semrel_nn::channels::Channels;
use semrel_run::search::Looked;
use semrel_run::work::{SearchSummary, Work};
use semrel_run::{Checked, split};
use semrel_train::lock::Lock;
use semrel_train::{Interrupt, MetricsLog, OpenMode, Progress, atomic, config::to_yaml, summary};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;
use std::time::Instant;
use tch::Device;

/// Name of the file of values in the search's folder.
pub const EVALUATIONS: &str = "evaluations.jsonl";

/// How a configuration's milliseconds are measured.
const RUNS: Runs = Runs { warmup: 2, counted: 5 };

/// Where and how to search.
#[derive(Debug, Clone)]
pub struct SearchOptions {
    /// Where the stages lie.
    pub folders: Folders,
    /// [`OpenMode::Overwrite`] forgets all earlier evaluations, [`OpenMode::Resume`] leaves a finished search of these settings
    /// as it is, [`OpenMode::New`] goes through it again. All go on where an earlier search stopped.
    pub mode: OpenMode,
    /// Which members are looked at.
    pub kind: Kind,
    /// Where to compute.
    pub device: Device,
    /// Threads of arithmetic.
    pub threads: usize,
    /// No progress.
    pub quiet: bool,
}

/// Which members of the set are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Those that evolve, in so many searches, of the row's seed and those that follow it.
    Evolution {
        /// Number of searches.
        seeds: u64,
    },
    /// All, or a part of them.
    Exhaustive(Split),
}

/// How a search ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// With an answer.
    Found(Box<Outcome>),
    /// A part of an exhaustive search is looked at: that many members, of which that many within budget.
    Part(usize, usize),
    /// It had been finished before.
    Already(Channels),
    /// A signal stopped it; all that was evaluated is kept.
    Interrupted,
}

/// A signal asked the search to stop.
#[derive(Debug, thiserror::Error)]
#[error("stopped")]
struct Stopped;

/// Searches the row's super-net, which takes at most `total` evaluations, as [`check`](crate::search::check::check) has told of
/// the row's `data`.
///
/// # Errors
/// Before anything is evaluated: settings, an infeasible budget of milliseconds, a super-net, pictures or statistics that are
/// missing or do not fit. Later: files that cannot be written.
pub fn search(
    config: &Checked<Config>,
    data: &Data,
    total: u64,
    options: &SearchOptions,
    interrupt: &Interrupt,
) -> Result<Ended> {
    let (size, device) = (config.test_size(), options.device);
    let run_dir = options.folders.distill(config);
    let TrainedStudent { student, step, config: distilled, .. } =
        open_student(&run_dir, &config.distill.checkpoint, CHECKPOINT, device)?;
    check_unseen(&config.data, &distilled.data, &run_dir)?;
    split::check(&run_dir, data.split.as_ref())
        .context("the search looks at images that the distillation has not seen")?;
    let super_net = weights_digest(&student.state());
    config
        .distill
        .channels
        .largest()
        .check_within(student.config().width)
        .with_context(|| format!("config key `distill.channels`: the super-net {}", run_dir.display()))?;

    let folder = options.folders.search(config);
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let _lock = Lock::take(&folder)?;
    let settings = settings(config, options.kind, &super_net)?;
    if options.mode == OpenMode::Overwrite {
        forget(&folder)?;
    }
    if options.mode == OpenMode::Resume
        && let Some(earlier) = finished(&folder)?.filter(|earlier| earlier.settings == settings)
        // A kill may have come between the two; then the search goes through its evaluations again.
        && summary::read::<serde_json::Value>(&folder)?.is_some()
    {
        return Ok(Ended::Already(answer(&folder, &earlier)?));
    }
    let mut cache = Cache::open(folder.join(EVALUATIONS))?;
    let torch = Torch { size, device, threads: options.threads, runs: RUNS };
    let mut watch = SubNets { torch, variant: student.config().variant() };
    let mut costs = Costs::new(config.search.budget, size, Some(&mut watch))?;
    costs.check_feasible(&config.distill.channels, &mut cache)?;
    let fitness = Fitness::new(config, data, &student, device, options.quiet)?;
    let key = fitness.key()?;
    // A part of a whole set has no answer that could take the place of one.
    if !matches!(options.kind, Kind::Exhaustive(split) if split != Split::WHOLE) {
        outdate(&folder, &settings)?;
    }

    let about = About {
        name: config.name.clone(),
        settings,
        super_net,
        set: config.distill.channels.to_string(),
        set_size: config.distill.channels.size(),
        budget: config.search.budget,
        size,
        quality: fitness.name(),
        images: fitness.inputs().count(),
        reals: fitness.reals(),
        reference: (config.search.criterion == Criterion::Frechet).then(|| name_of_search(config)),
        step,
    };
    let began = Instant::now();
    let mut searching = Searching {
        fitness: &fitness,
        elsewhere: cache.elsewhere(&key),
        cache: &mut cache,
        costs,
        key,
        criterion: config.search.criterion,
        evaluated: BTreeMap::new(),
        computed: 0,
        looked: 0,
        best: None,
        log: MetricsLog::open(&folder, 0)?,
        bar: Progress::new(format!("search {}", config.name), 0, total, options.quiet),
        interrupt,
    };
    let ended = match options.kind {
        Kind::Evolution { seeds } => searching.evolve(config, seeds, about),
        Kind::Exhaustive(split) => searching.look(config, split, about, &folder),
    };
    let Searching { bar, computed, looked, .. } = searching;
    bar.finish();
    let ended = match ended {
        Err(error) if error.is::<Stopped>() => return Ok(Ended::Interrupted),
        other => other?,
    };
    let winner = match &ended {
        Ended::Found(outcome) => {
            outcome.write(&folder)?;
            Some(outcome.winner())
        }
        _ => None,
    };
    summary::write(
        &folder,
        &SearchSummary {
            name: config.name.clone(),
            stage: "search".to_owned(),
            winner,
            evaluations: looked,
            computed,
            work: Work {
                seconds: began.elapsed().as_secs_f64(),
                threads: options.threads as u64,
                device: format!("{device:?}"),
            },
        },
    )?;
    Ok(ended)
}

/// Digest of everything that a search's answer depends on but the contents of pictures.
fn settings(config: &Config, kind: Kind, weights: &str) -> Result<String> {
    let mut digest = Sha256::new();
    for part in [
        &to_yaml(&config.search)?,
        &to_yaml(&config.eval)?,
        &to_yaml(&config.data)?,
        &to_yaml(&config.distill.channels)?,
        &format!("{} {kind:?} {weights}", config.seed),
    ] {
        digest.update(part);
        digest.update([0]);
    }
    Ok(hex::encode(digest.finalize()))
}

/// Removes the answer of a search with other settings: as long as this one has none, there is none. What was evaluated stays.
fn outdate(folder: &Path, settings: &str) -> Result<()> {
    if finished(folder).is_ok_and(|earlier| earlier.is_some_and(|earlier| earlier.settings == settings)) {
        return Ok(());
    }
    // The answer first: where it is, all are.
    for name in [RESULTS, summary::FILE, FRONT, DRAWING] {
        atomic::remove(&folder.join(name))?;
    }
    Ok(())
}

/// Removes what a search writes.
fn forget(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let ours = [EVALUATIONS, RESULTS, FRONT, DRAWING, summary::FILE, semrel_train::log::FILE];
        if ours.contains(&name.as_str()) || name.starts_with("exhaustive-") || name.starts_with("events.out.tfevents.")
        {
            fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

/// A search under way.
struct Searching<'a> {
    fitness: &'a Fitness<'a>,
    cache: &'a mut Cache,
    costs: Costs<'a>,
    key: Key,
    /// What the cache knows under other keys alone; empty once that is told.
    elsewhere: HashSet<Channels>,
    criterion: Criterion,
    /// All that was looked at, by configuration.
    evaluated: BTreeMap<Channels, f64>,
    /// Evaluations that were not in the cache.
    computed: u64,
    looked: u64,
    best: Option<f64>,
    log: MetricsLog,
    bar: Progress,
    interrupt: &'a Interrupt,
}

impl Problem for Searching<'_> {
    fn affordable(&mut self, channels: &Channels) -> Result<bool> {
        if self.interrupt.requested() {
            bail!(Stopped);
        }
        self.costs.affordable(channels, self.cache)
    }

    fn evaluate(&mut self, pool: &[Channels]) -> Result<Vec<f64>> {
        pool.iter().map(|channels| self.look_at(channels)).collect()
    }

    fn redraws(&self) -> Redraws {
        if self.costs.measures() { 100 } else { REDRAWS }
    }
}

impl Searching<'_> {
    fn look_at(&mut self, channels: &Channels) -> Result<f64> {
        if self.interrupt.requested() {
            bail!(Stopped);
        }
        let quality = match self.cache.get(&self.key, channels) {
            Some(known) => known,
            None => {
                self.tell_of_other_keys(channels);
                let quality = self.fitness.quality(channels).with_context(|| channels.to_string())?;
                self.cache.put(&self.key, channels, quality)?;
                self.computed += 1;
                quality
            }
        };
        self.evaluated.insert(*channels, quality);
        self.looked += 1;
        let best = self.best.filter(|best| !self.criterion.better(quality, *best)).unwrap_or(quality);
        self.best = Some(best);
        self.log.log(self.looked, &[(self.criterion.key(), quality), ("best", best)])?;
        self.bar.set(self.looked);
        self.bar.message(format!("best {} {best:.3}", self.fitness.name()));
        Ok(quality)
    }

    fn tell_of_other_keys(&mut self, channels: &Channels) {
        if self.elsewhere.contains(channels) {
            self.elsewhere.clear();
            tracing::warn!(
                "{}: {channels} was evaluated with another super-net, other pictures or other real images; such \
                 configurations are evaluated again",
                self.cache.path().display()
            );
        }
    }

    fn evolve(&mut self, config: &Config, seeds: u64, about: About) -> Result<Ended> {
        let (set, rules) = (&config.distill.channels, config.rules());
        let mut searches = vec![];
        let mut all = BTreeMap::new();
        for seed in (0..seeds).map(|i| config.seed.wrapping_add(i)) {
            self.evaluated.clear();
            let found = evolve(set, &rules, &mut Seeded(seed), self, &mut |generation, best| {
                tracing::debug!("seed {seed}, generation {generation}: {} {}", best.channels, best.quality);
            })?;
            searches.push(Searched { seed, found, evaluated: self.evaluated.len() });
            all.append(&mut self.evaluated);
        }
        let winners = searches.iter().map(|searched| searched.found.winner());
        let winner = rules.criterion.best(winners).expect("there is at least one search");
        self.outcome(about, searches, winner, all)
    }

    fn look(&mut self, config: &Config, split: Split, about: About, folder: &Path) -> Result<Ended> {
        let members = exhaustive::members(&config.distill.channels, config.seed, split)?;
        let records = look_at_all(&members, self.criterion, self)?;
        let mut text = String::new();
        for record in &records {
            let cost = self.costs.counted(&record.member.channels);
            let Member { channels, quality } = record.member;
            let line = Looked {
                channels: channels.to_string(),
                macs: cost.macs,
                parameters: cost.parameters,
                within_budget: record.within,
                quality: self.criterion.measure().of(quality),
            };
            text.push_str(&serde_json::to_string(&line)?);
            text.push('\n');
        }
        let name = format!("exhaustive-{}.jsonl", split.to_string().replace('/', "-of-"));
        atomic::write(folder.join(name), text.as_bytes())?;
        let within = records.iter().filter(|record| record.within).count();
        let affordable = records.iter().filter(|record| record.within).map(|record| record.member);
        match self.criterion.best(affordable) {
            Some(winner) if split == Split::WHOLE => {
                let all = std::mem::take(&mut self.evaluated);
                self.outcome(about, vec![], winner, all)
            }
            _ => Ok(Ended::Part(records.len(), within)),
        }
    }

    fn outcome(
        &mut self,
        about: About,
        searches: Vec<Searched>,
        winner: Member,
        all: BTreeMap<Channels, f64>,
    ) -> Result<Ended> {
        let point = |(channels, quality): (Channels, f64)| -> Result<Point> {
            Ok(Point { channels, cost: self.costs.of(&channels, self.cache)?, quality })
        };
        let points = all.into_iter().map(point).collect::<Result<Vec<_>>>()?;
        let front = Front::new(points, Axis::of(&about.budget.into()), self.criterion);
        let cost = self.costs.of(&winner.channels, self.cache)?;
        Ok(Ended::Found(Box::new(Outcome { about, searches, winner, cost, front })))
    }
}
