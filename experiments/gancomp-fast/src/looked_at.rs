//! What evaluations and searches of a row look at: their images, reference sets, labels, and the networks that measure.

use crate::config::{Config, Criterion, SearchReference};
use crate::data::Data;
use anyhow::Result;
use semrel_eval::{
    ExtractorChoice, ImageSet, InputOptions, Labels, ReferenceSource, SEGMENTATION, Segmenter, SegmenterChoice,
};
use semrel_metrics::extractor::Extractor;
use tch::Device;

/// The extractor of Fréchet distances.
pub fn extractor(config: &Config) -> ExtractorChoice<'_> {
    let eval = &config.eval;
    ExtractorChoice { name: &eval.extractor, weights: eval.extractor_weights.as_deref() }
}

fn segmenter_choice(config: &Config) -> SegmenterChoice<'_> {
    let eval = &config.eval;
    SegmenterChoice { name: &eval.segmenter, weights: eval.segmenter_weights.as_deref(), steps: eval.segmenter_steps }
}

/// Photographs and labels of the training set, to which a segmenter may be fitted.
fn training_set(data: &Data) -> [ImageSet; 2] {
    [data.direction.target(), data.direction.source()].map(|side| ImageSet::new(&data.train, side))
}

/// The segmenter of evaluations and of searches.
///
/// # Errors
/// Weights that are missing or of another network; training images that are not photographs and labels.
pub fn segmenter(config: &Config, data: &Data, device: Device, quiet: bool) -> Result<Segmenter> {
    let [photographs, labels] = training_set(data);
    Ok(Segmenter::open(segmenter_choice(config), &photographs, &labels, device, quiet)?)
}

/// Refuses what [`segmenter`] would, without a fit.
///
/// # Errors
/// As [`segmenter`].
pub fn check_segmenter(config: &Config, data: &Data, quiet: bool) -> Result<()> {
    let [photographs, labels] = training_set(data);
    Ok(segmenter_choice(config).check(&photographs, &labels, quiet)?)
}

/// The extractor, loaded. Networks of evaluation and search that cannot be loaded are refused here, before anything is trained.
///
/// # Errors
/// Names the config key, and the command that fetches weights that are missing.
pub fn load_extractor(config: &Config, device: Device) -> Result<Box<dyn Extractor>> {
    let extractor = extractor(config).load(device)?;
    if config.eval.segmentation || config.search.criterion == Criterion::Miou {
        segmenter_choice(config).check_weights()?;
    }
    Ok(extractor)
}

/// The test images that are translated.
pub fn sources_of_tests(config: &Config, data: &Data) -> ImageSet {
    data.test_sources().first(config.eval.max_sources)
}

/// How test images become inputs.
pub fn options_of_tests(config: &Config) -> InputOptions {
    InputOptions { size: Some(config.test_size()), batch: config.eval.batch_size as usize }
}

/// The images that are set aside for the search, `search.max_images` of them.
///
/// # Errors
/// Where none are set aside.
pub fn sources_of_search(config: &Config, data: &Data) -> Result<ImageSet> {
    Ok(data.search_sources()?.first(config.search.max_images))
}

/// How images of the search become inputs.
pub fn options_of_search(config: &Config) -> InputOptions {
    InputOptions { size: Some(config.test_size()), batch: config.search.batch_size as usize }
}

/// Labels of the test images, with the config key that says where they are from.
///
/// # Errors
/// A table that cannot be read.
pub fn labels_of_tests(config: &Config, data: &Data) -> Result<(Labels, &'static str)> {
    let table = config.eval.label_table.as_deref();
    let labels = Labels::new(sources_of_tests(config, data), "eval.label_table", table)?;
    Ok((labels, if table.is_some() { "eval.label_table" } else { SEGMENTATION }))
}

/// Labels of the images that are set aside for the search.
///
/// # Errors
/// As [`labels_of_tests`]; where no image is set aside.
pub fn labels_of_search(config: &Config, data: &Data) -> Result<Labels> {
    let table = config.search.label_table.as_deref();
    Ok(Labels::new(sources_of_search(config, data)?, "search.label_table", table)?)
}

/// Images of the target domain.
fn targets(reference: SearchReference, data: &Data) -> Result<Vec<ImageSet>> {
    let of = |folder| ImageSet::new(folder, data.direction.target());
    Ok(match reference {
        SearchReference::Search => vec![data.search_targets()?],
        SearchReference::Test => vec![of(&data.test)],
        SearchReference::Train => vec![of(&data.train)],
        SearchReference::All => vec![of(&data.train), of(&data.test)],
    })
}

/// The real images that evaluations compare with.
pub fn reference_of_tests(config: &Config, data: &Data) -> ReferenceSource {
    match &config.eval.statistics {
        Some(file) => ReferenceSource::Archive { key: "eval.statistics", file: file.clone() },
        None => {
            let sets = targets(config.eval.reference.into(), data).expect("test and training images are there");
            ReferenceSource::Images { key: "eval.reference", sets }
        }
    }
}

/// The images that the search's real images are, if they are not those of evaluations or of an archive: as published, the
/// search's own where images come in pairs, and those of evaluations where they do not.
fn own_of_search(config: &Config) -> Option<SearchReference> {
    let default = config.aligned().then_some(SearchReference::Search);
    config.search.reference.or(default)
}

/// The real images that the search compares with.
///
/// # Errors
/// Where too few are set aside.
pub fn reference_of_search(config: &Config, data: &Data) -> Result<ReferenceSource> {
    Ok(match (&config.search.statistics, own_of_search(config)) {
        (Some(file), _) => ReferenceSource::Archive { key: "search.statistics", file: file.clone() },
        (None, Some(own)) => ReferenceSource::Images { key: "search.reference", sets: targets(own, data)? },
        (None, None) => reference_of_tests(config, data),
    })
}

/// Name of [`reference_of_tests`] in results.
pub fn name_of_tests(config: &Config) -> &'static str {
    if config.eval.statistics.is_some() { "statistics" } else { SearchReference::from(config.eval.reference).name() }
}

/// Name of [`reference_of_search`] in results.
pub fn name_of_search(config: &Config) -> &'static str {
    match (&config.search.statistics, own_of_search(config)) {
        (Some(_), _) => "statistics",
        (None, Some(own)) => own.name(),
        (None, None) => name_of_tests(config),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn searches_of_pairs_refer_to_images_of_their_own() {
        let named = |layout: &str, search: Value, eval: Value| {
            let config = json!({
                "name": "x", "method": "fast", "data": { "root": "x", "layout": layout },
                "distill": { "channels": "test" }, "search": search, "eval": eval,
            });
            let config: Config = serde_json::from_value(config).unwrap();
            [name_of_tests(&config), name_of_search(&config)]
        };
        assert_eq!(named("aligned", json!({}), json!({})), ["test", "search"]);
        assert_eq!(named("aligned", json!({}), json!({ "statistics": "a.npz" })), ["statistics", "search"]);
        let chosen = json!({ "reference": "test" });
        assert_eq!(named("aligned", chosen, json!({ "reference": "train" })), ["train", "test"]);
        assert_eq!(named("unaligned", json!({}), json!({ "reference": "all" })), ["all", "all"]);
        assert_eq!(named("unaligned", json!({}), json!({ "statistics": "a.npz" })), ["statistics", "statistics"]);
        let chosen = json!({ "reference": "search" });
        assert_eq!(named("unaligned", chosen, json!({ "statistics": "a.npz" })), ["statistics", "search"]);
        let archive = json!({ "reference": "train", "statistics": "a.npz" });
        assert_eq!(named("aligned", archive, json!({})), ["test", "statistics"]);
    }
}
