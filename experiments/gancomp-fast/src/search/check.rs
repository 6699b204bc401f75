//! What a search is refused for before anything is trained or loaded for it.

use crate::config::{Config, Criterion};
use crate::data::Data;
use crate::reals::RealSource;
use crate::search::cost::check_counted;
use crate::search::evolution::Rules;
use crate::search::exhaustive;
use crate::search::run::Kind;
use anyhow::Result;

impl Config {
    /// The rules of the row's evolution search.
    pub fn rules(&self) -> Rules {
        let s = &self.search;
        Rules {
            population: s.population,
            generations: s.generations as u64,
            mutation_ratio: s.mutation_ratio,
            parent_ratio: s.parent_ratio,
            mutation_probability: s.mutation_probability,
            weighting: s.weighting(),
            criterion: s.criterion,
        }
    }
}

/// Refuses a search that cannot be. Returns the most evaluations that it takes, those of equal configurations counted again.
///
/// # Errors
/// Rules that make no search, a set that is too large to be searched whole, no images for the search, real images that are too
/// few, an infeasible budget of what can be counted (with the smallest figure that can be reached).
pub fn check(config: &Config, kind: Kind, data: &Data) -> Result<u64> {
    let evaluations = match kind {
        Kind::Evolution { seeds } => {
            config.rules().check()?;
            config.rules().evaluations() * seeds
        }
        Kind::Exhaustive(split) => exhaustive::members(&config.distill.channels, config.seed, split)?.len() as u64,
    };
    data.search_sources()?;
    if config.search.criterion == Criterion::Frechet {
        RealSource::of_search(config).check(data)?;
    }
    check_counted(&config.search.budget, &config.distill.channels, config.test_size())?;
    Ok(evaluations)
}
