//! Evolution search: a population of configurations, of which the best are parents of the next.
//!
//! As published, with its order of things: parents are chosen, recorded and bred from *before* the children are evaluated, so
//! the children of the last round are evaluated but never compete ([`Found::winner`] is the best parent of the last round).
//! They do show in the front ([`crate::search::front`]), which is over all that was evaluated.

use crate::config::Criterion;
use crate::search::draws::{Place, Source};
use crate::search::genes::{Genes, Redraws};
use crate::search::member::Member;
use anyhow::{Result, ensure};
use semrel_nn::channels::{ChannelSet, Channels, Weighting};

/// What is searched: costs and quality of configurations.
pub trait Problem {
    /// Whether a configuration is within budget.
    ///
    /// # Errors
    /// If its cost cannot be determined.
    fn affordable(&mut self, channels: &Channels) -> Result<bool>;

    /// Quality of each configuration, one after the other.
    ///
    /// # Errors
    /// Where one cannot be evaluated, or the search is to stop.
    fn evaluate(&mut self, pool: &[Channels]) -> Result<Vec<f64>>;

    /// Tries before a child is drawn position by position; fewer where a try costs a measurement.
    fn redraws(&self) -> Redraws {
        REDRAWS
    }
}

/// Tries before a child is drawn position by position, where a try costs next to nothing.
pub const REDRAWS: Redraws = 10_000;

/// How a search goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Configurations of the first generation, and children of every later one.
    pub population: usize,
    /// Rounds of selection, at least 1.
    pub generations: u64,
    /// Share of the children that are mutations; the others are cross-overs.
    pub mutation_ratio: f64,
    /// Share of the population that become parents.
    pub parent_ratio: f64,
    /// Probability that a mutation redraws a position.
    pub mutation_probability: f64,
    /// How the first generation is drawn.
    pub weighting: Weighting,
    /// What makes one configuration better than another.
    pub criterion: Criterion,
}

impl Rules {
    /// Mutations among the children: `mutation_ratio · population`, halves to the even.
    pub fn mutations(&self) -> usize {
        share(self.mutation_ratio, self.population).min(self.population)
    }

    /// Parents: `parent_ratio · population`, halves to the even.
    pub fn parents(&self) -> usize {
        share(self.parent_ratio, self.population)
    }

    /// Evaluations of a search, those of equal configurations counted again.
    pub fn evaluations(&self) -> u64 {
        self.population as u64 * (self.generations + 1)
    }

    /// Whether a search can go by these rules.
    ///
    /// # Errors
    /// Names the key and what would be right.
    pub fn check(&self) -> Result<()> {
        ensure!(self.population >= 1, "config key `search.population`: 0; it must be at least 1");
        ensure!(
            self.population < 1 << 32,
            "config key `search.population`: {}; it must be below 2^32",
            self.population
        );
        ensure!(
            (1..1 << 32).contains(&self.generations),
            "config key `search.generations`: {}; it must be at least 1 (a winner is a parent of the last generation) and below \
             2^32",
            self.generations
        );
        for (key, value) in [
            ("mutation_ratio", self.mutation_ratio),
            ("parent_ratio", self.parent_ratio),
            ("mutation_probability", self.mutation_probability),
        ] {
            ensure!((0.0..=1.0).contains(&value), "config key `search.{key}`: {value}; it must be 0 to 1");
        }
        ensure!(
            self.parents() >= 1,
            "config key `search.parent_ratio`: {} of a population of {} leaves no parents; raise one of them",
            self.parent_ratio,
            self.population
        );
        self.weighting.check().map_err(|error| anyhow::anyhow!("config key `search.weight`: {error}"))
    }
}

/// As Python rounds: halves to the even neighbour.
fn share(ratio: f64, of: usize) -> usize {
    (ratio * of as f64).round_ties_even() as usize
}

/// A member that was better than all parents before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Best {
    /// The generation that it was a parent of, from 1.
    pub generation: u64,
    /// The member.
    pub member: Member,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Every best, each strictly better than the one before.
    pub bests: Vec<Best>,
    /// The last population: its parents in order, then the last, unsorted children.
    pub population: Vec<Member>,
}

impl Found {
    /// The answer: the last best.
    pub fn winner(&self) -> Member {
        self.bests.last().expect("every generation has a best parent, and there is at least one").member
    }
}

/// Runs a search over `set`, whose smallest member must be within budget. `watch` is told the best parent of each generation,
/// from 1.
///
/// Equal rules, source and problem give equal results. No duplicate is removed.
///
/// # Errors
/// Rules that make no search, a set of which not even the smallest member is within budget, and what the problem returns.
pub fn evolve<S: Source>(
    set: &ChannelSet,
    rules: &Rules,
    source: &mut S,
    problem: &mut dyn Problem,
    watch: &mut dyn FnMut(u64, &Member),
) -> Result<Found> {
    rules.check()?;
    let smallest = set.smallest();
    ensure!(problem.affordable(&smallest)?, "the smallest configuration, {smallest}, is over budget");
    let first = (0..rules.population as u64)
        .map(|child| {
            let mut genes = source.genes(Place { generation: 0, child });
            with_genes(set, problem, |breeder| breeder.sample(rules.weighting, &mut genes))
        })
        .collect::<Result<Vec<_>>>()?;
    let mut population = evaluated(problem, first)?;
    let mut bests: Vec<Best> = vec![];
    for generation in 1..=rules.generations {
        population.sort_by(|a, b| rules.criterion.order(a.quality, b.quality));
        population.truncate(rules.parents());
        let best = population[0];
        if bests.last().is_none_or(|last| rules.criterion.better(best.quality, last.member.quality)) {
            bests.push(Best { generation, member: best });
        }
        watch(generation, &best);
        let children = (0..rules.population as u64)
            .map(|child| {
                let place = Place { generation, child };
                let mutation = (child as usize) < rules.mutations();
                let parents = source.parents(place, if mutation { 1 } else { 2 }, &population);
                let mut genes = source.genes(place);
                with_genes(set, problem, |breeder| match parents[..] {
                    [one] => breeder.mutate(&population[one].channels, rules.mutation_probability, &mut genes),
                    [one, other, ..] => {
                        breeder.cross(&population[one].channels, &population[other].channels, &mut genes)
                    }
                    [] => unreachable!("a source gives as many parents as it is asked for"),
                })
            })
            .collect::<Result<Vec<_>>>()?;
        population.extend(evaluated(problem, children)?);
    }
    Ok(Found { bests, population })
}

fn with_genes(
    set: &ChannelSet,
    problem: &mut dyn Problem,
    draw: impl FnOnce(&mut Genes) -> Result<Channels>,
) -> Result<Channels> {
    let redraws = problem.redraws();
    let mut affordable = |channels: &Channels| problem.affordable(channels);
    draw(&mut Genes::new(set, &mut affordable, redraws))
}

fn evaluated(problem: &mut dyn Problem, pool: Vec<Channels>) -> Result<Vec<Member>> {
    let qualities = problem.evaluate(&pool)?;
    Ok(pool.into_iter().zip(qualities).map(|(channels, quality)| Member { channels, quality }).collect())
}

#[cfg(test)]
#[path = "evolution_tests.rs"]
mod tests;
