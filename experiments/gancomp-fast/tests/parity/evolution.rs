//! Mutation, cross-over, and a whole small search, with the reference's random draws.

use anyhow::{Result, ensure};
use gancomp_fast::config::Criterion;
use gancomp_fast::search::draws::{Draws, Place, Source};
use gancomp_fast::search::evolution::{Problem, Rules, evolve};
use gancomp_fast::search::genes::Genes;
use gancomp_fast::search::member::Member;
use semrel_nn::channels::{ChannelSet, Channels, Weighting};
use semrel_testkit::{Case, Outcome};
use serde_json::Value;

/// Handles `compression/evolution`.
pub fn evolution(case: &Case) -> Outcome {
    for (i, example) in array(&case.json["examples"]).iter().enumerate() {
        single(example).map_err(|why| format!("example {i} ({}): {why}", example["op"]))?;
    }
    if case.json["run"].is_object() {
        whole(&case.json["run"], case.json["rtol"].as_f64().unwrap_or(0.0)).map_err(|why| format!("run: {why}"))?;
    }
    Ok(())
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn channels(value: &Value) -> Channels {
    value.as_str().expect("a configuration").parse().expect("a valid one")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

/// The images that multiply-accumulates are counted for.
fn macs(c: &Channels) -> u64 {
    c.macs(256, 256)
}

/// Draws of one child, taken in order.
struct Listed(std::vec::IntoIter<Value>);

impl Listed {
    fn new(draws: &Value) -> Self {
        Self(array(draws).to_vec().into_iter())
    }

    fn next(&mut self, kind: &str) -> Value {
        let draw = self.0.next().unwrap_or_else(|| panic!("no draw is left where a `{kind}` is needed"));
        assert_eq!(draw[0], kind, "the reference draws {draw} here");
        draw
    }
}

impl Draws for Listed {
    fn uniform(&mut self) -> f64 {
        number(&self.next("u")[1])
    }

    fn pick(&mut self, count: usize) -> usize {
        let draw = self.next("pick");
        assert_eq!(draw[2], count, "the reference picks among others: {draw}");
        number(&draw[1]) as usize
    }
}

fn single(example: &Value) -> Outcome {
    let set = ChannelSet::named(example["config_set"].as_str().expect("a set")).map_err(|e| e.to_string())?;
    let budget = number(&example["budget"]);
    let mut affordable = |c: &Channels| Ok(macs(c) as f64 <= budget);
    let mut genes = Genes::new(&set, &mut affordable, u32::MAX);
    let mut draws = Listed::new(&example["draws"]);
    let child = match example["op"].as_str() {
        Some("mutate") => genes.mutate(&channels(&example["parent"]), number(&example["mutate_prob"]), &mut draws),
        Some("crossover") => genes.cross(&channels(&example["parent1"]), &channels(&example["parent2"]), &mut draws),
        Some("random_sample") => genes.sample(Weighting::Uniform, &mut draws),
        other => return Err(format!("unknown operation {other:?}")),
    };
    same_child(&child.map_err(|e| e.to_string())?, example, draws)
}

fn same_child(child: &Channels, want: &Value, draws: Listed) -> Outcome {
    if child.to_string() != want["child"].as_str().unwrap_or_default() {
        return Err(format!("{child}, the reference has {}", want["child"]));
    }
    if want["macs"].as_u64() != Some(macs(child)) {
        return Err(format!("{} multiply-accumulates, the reference has {}", macs(child), want["macs"]));
    }
    match draws.0.len() {
        0 => Ok(()),
        left => Err(format!("{left} draws are left over")),
    }
}

/// The children of the recorded run, in order.
struct Recorded {
    children: std::vec::IntoIter<Value>,
    current: Option<Value>,
}

impl Source for Recorded {
    type Genes = Listed;

    fn parents(&mut self, _: Place, count: usize, among: &[Member]) -> Vec<usize> {
        let child = self.children.next().expect("a child of the reference");
        let parents = array(&child["parents"]).to_vec();
        assert_eq!(parents.len(), count, "{} has other parents here", child["event"]);
        self.current = Some(child);
        let number = |parent: &Value| {
            let wanted = channels(parent);
            among.iter().position(|member| member.channels == wanted).expect("one of the parents")
        };
        parents.iter().map(number).collect()
    }

    fn genes(&mut self, place: Place) -> Listed {
        let child = self.current.take().or_else(|| self.children.next()).expect("a child of the reference");
        assert_eq!(child["event"] == "random_sample", place.generation == 0, "{child}");
        Listed::new(&child["draws"])
    }
}

/// The reference's qualities, looked up in its own order.
struct Reference {
    budget: f64,
    pools: std::vec::IntoIter<Value>,
    criterion: &'static str,
}

impl Problem for Reference {
    fn affordable(&mut self, c: &Channels) -> Result<bool> {
        Ok(macs(c) as f64 <= self.budget)
    }

    fn evaluate(&mut self, pool: &[Channels]) -> Result<Vec<f64>> {
        let event = self.pools.next().expect("a pool of the reference");
        let wanted: Vec<Channels> = array(&event["pool"]).iter().map(channels).collect();
        ensure!(pool == wanted, "the pool is {pool:?}, the reference has {wanted:?}");
        Ok(array(&event[self.criterion]).iter().map(number).collect())
    }

    fn redraws(&self) -> u32 {
        u32::MAX
    }
}

fn whole(run: &Value, rtol: f64) -> Outcome {
    let (criterion, key) = match run["criterion"].as_str() {
        Some("fid") => (Criterion::Frechet, "fid"),
        Some("mIoU") => (Criterion::Miou, "mIoU"),
        Some("miou") => (Criterion::Miou, "miou"),
        other => return Err(format!("unknown criterion {other:?}")),
    };
    let set = ChannelSet::named(run["config_set"].as_str().expect("a set")).map_err(|e| e.to_string())?;
    let rules = Rules {
        population: number(&run["population_size"]) as usize,
        generations: number(&run["evolution_iters"]) as u64,
        mutation_ratio: number(&run["mutation_ratio"]),
        parent_ratio: number(&run["parent_ratio"]),
        mutation_probability: number(&run["mutate_prob"]),
        weighting: Weighting::Uniform,
        criterion,
    };
    let of = |wanted: &dyn Fn(&Value) -> bool| -> Vec<Value> {
        array(&run["events"]).iter().filter(|event| wanted(event)).cloned().collect()
    };
    let children = of(&|event| event["draws"].is_array()).into_iter();
    let pools = of(&|event| event["event"] == "evaluate").into_iter();
    let bests = of(&|event| event["event"] == "best");
    let mut source = Recorded { children, current: None };
    let mut problem = Reference { budget: number(&run["budget"]), pools, criterion: key };
    let mut watched = vec![];
    let mut watch = |_, best: &Member| watched.push(best.channels.to_string());
    let found = evolve(&set, &rules, &mut source, &mut problem, &mut watch).map_err(|e| format!("{e:#}"))?;
    if source.children.len() + problem.pools.len() > 0 {
        return Err("children or pools of the reference are left over".into());
    }
    for (best, event) in watched.iter().zip(&bests) {
        if !event["text"].as_str().unwrap_or_default().contains(best.as_str()) {
            return Err(format!("the best of a generation is {best}, the reference says {event}"));
        }
    }
    if watched.len() != bests.len() {
        return Err(format!("{} generations, the reference has {}", watched.len(), bests.len()));
    }
    let near = |a: f64, b: &Value| (a - number(b)).abs() <= rtol * number(b).abs();
    let (values, configs) = (array(&run["best_values"]), array(&run["best_configs"]));
    if found.bests.len() != values.len() || values.len() != configs.len() {
        return Err(format!("{} bests, the reference has {}", found.bests.len(), values.len()));
    }
    for ((best, value), config) in found.bests.iter().zip(values).zip(configs) {
        if !near(best.member.quality, value) || best.member.channels != channels(config) {
            return Err(format!("best {best:?}, the reference has {config} {value}"));
        }
    }
    let finals = array(&run["final_parents"]);
    if finals.len() != found.population.len() {
        return Err(format!("{} final parents, the reference has {}", found.population.len(), finals.len()));
    }
    for (member, want) in found.population.iter().zip(finals) {
        if member.channels != channels(&want["config_str"])
            || !near(member.quality, &want[key])
            || want["macs"].as_u64() != Some(macs(&member.channels))
        {
            return Err(format!("final parent {member:?}, the reference has {want}"));
        }
    }
    Ok(())
}
