//! What a search is refused for before anything is trained or loaded for it.

use crate::config::{Config, Criterion};
use crate::data::Data;
use crate::looked_at::{check_segmenter, extractor, labels_of_search, reference_of_search, sources_of_search};
use crate::search::cost::check_counted;
use crate::search::evolution::Rules;
use crate::search::exhaustive;
use crate::search::run::Kind;
use anyhow::{Context, Result, ensure};
use tch::Device;

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
/// Rules that make no search, a set that is too large to be searched whole, an infeasible budget of what can be counted (with the
/// smallest figure that can be reached), too few images for the search, images and labels that cannot be read, real images or
/// statistics that do not fit, a segmenter that cannot be loaded or fitted.
pub fn check(config: &Config, kind: Kind, data: &Data, quiet: bool) -> Result<u64> {
    let evaluations = match kind {
        Kind::Evolution { seeds } => {
            config.rules().check()?;
            config.rules().evaluations() * seeds
        }
        Kind::Exhaustive(split) => exhaustive::members(&config.distill.channels, config.seed, split)?.len() as u64,
    };
    check_counted(&config.search.budget, &config.distill.channels, config.test_size())?;
    // Training skips what cannot be read; the search looks at all of these.
    let sources = sources_of_search(config, data)?;
    let set_aside = "config key `data.held_back` or `data.search_list`: the search looks at every image that is set aside for it; \
                     repair this one or take it away";
    match config.search.criterion {
        Criterion::Frechet => {
            ensure!(
                sources.len() >= 2,
                "config key `data.held_back` or `data.search_list`: the search has {} image to translate; a Fréchet \
                 distance needs at least 2",
                sources.len()
            );
            sources.check("images of the search", quiet).context(set_aside)?;
            let extractor = extractor(config).load(Device::Cpu)?;
            reference_of_search(config, data)?.check(extractor.as_ref(), quiet)?;
        }
        Criterion::Miou => {
            let labels = labels_of_search(config, data)?;
            let of_labels = match config.search.label_table {
                Some(_) => {
                    sources.check("images of the search", quiet).context(set_aside)?;
                    "config key `search.label_table`"
                }
                // The images are the labels.
                None => set_aside,
            };
            labels.check("labels of the search", quiet).context(of_labels)?;
            check_segmenter(config, data, quiet)?;
        }
    }
    Ok(evaluations)
}
