//! What evaluations and searches of a row look at: their images, reference sets, labels, and the networks that measure.

use crate::config::{Config, Criterion, SearchReference};
use crate::data::Data;
use anyhow::Result;
use semrel_data::Select;
use semrel_eval::{
    ExtractorChoice, ImageSet, InputOptions, Labels, ReferenceSource, SEGMENTATION, Segmenter, SegmenterChoice, Tested,
    Truth,
};
use semrel_metrics::extractor::Extractor;
use std::path::Path;
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
    [data.direction.target(), data.direction.source()].map(|side| ImageSet::new(&data.all, side))
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

/// The images that are translated in evaluations.
pub fn sources_of_tests(config: &Config, data: &Data) -> ImageSet {
    data.sources().first(config.eval.max_sources)
}

/// The truth of the test images, where it is known.
///
/// # Errors
/// As [`TruthChoice::open`](semrel_eval::TruthChoice::open).
pub fn truth_of_tests(config: &Config, data: &Data, device: Device, quiet: bool) -> Result<Option<Truth>> {
    let (sources, targets) = (sources_of_tests(config, data), ImageSet::new(&data.looked_at, data.direction.target()));
    let tested = Tested { sources: &sources, targets: &targets, size: Some(config.test_size()) };
    Ok(config.eval.truth().open(tested, data.train.files.iter().flatten(), device, quiet)?)
}

/// Refuses a truth that does not fit, before anything is trained. Pairs, which are test images themselves, are left unread until
/// the end unless these choose the checkpoint.
///
/// # Errors
/// As [`truth_of_tests`].
pub fn check_truth(config: &Config, device: Device, quiet: bool) -> Result<()> {
    if config.eval.select != Select::Test && config.eval.truth().is_of_pairs() {
        return Ok(());
    }
    truth_of_tests(config, &Data::of_tests(config)?, device, quiet).map(drop)
}

/// Refuses further scores that cannot be computed, before anything is trained.
///
/// # Errors
/// Weights that are missing; more neighbours than test images; pictures of which only statistics are there.
pub fn check_more(config: &Config, device: Device) -> Result<()> {
    config.eval.more.load(device)?;
    if !config.eval.more.scores.is_empty() {
        let data = Data::of_tests(config)?;
        config.eval.more.check(sources_of_tests(config, &data).len(), &reference_of_tests(config, &data))?;
    }
    Ok(())
}

/// How images of evaluations become inputs.
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

/// Where the real images come from that translations are compared with.
enum RealImages<'a> {
    /// Statistics of their features, in an archive that a config key names.
    Archive(&'static str, &'a Path),
    /// Images that a config key chooses.
    Images(&'static str, SearchReference),
}

impl RealImages<'_> {
    /// Their name in results, where `select` says what is looked at in place of the test images.
    fn name(&self, select: Select) -> &'static str {
        use SearchReference::{All, Test};
        match (self, select) {
            (Self::Archive(..), _) => "statistics",
            (Self::Images(_, Test), Select::Val) => "val",
            (Self::Images(_, All), Select::Val) => "train and val",
            (Self::Images(_, Test | All), Select::Last) => "train",
            (Self::Images(_, reference), _) => reference.name(),
        }
    }

    fn open(&self, data: &Data) -> Result<ReferenceSource> {
        Ok(match *self {
            Self::Archive(key, file) => ReferenceSource::Archive { key, file: file.to_owned() },
            Self::Images(key, reference) => ReferenceSource::Images { key, sets: targets(reference, data)? },
        })
    }
}

/// Images of the target domain. What is looked at while a run trains takes the place of the test images.
fn targets(reference: SearchReference, data: &Data) -> Result<Vec<ImageSet>> {
    let of = |folder| ImageSet::new(folder, data.direction.target());
    Ok(match reference {
        SearchReference::Search => vec![data.search_targets()?],
        SearchReference::Test => vec![of(&data.looked_at)],
        SearchReference::Train => vec![of(&data.train)],
        // Of which there is nothing but training images.
        SearchReference::All if data.select == Select::Last => vec![of(&data.train)],
        SearchReference::All => vec![of(&data.train), of(&data.looked_at)],
    })
}

/// An archive is of the test images, as far as is known.
fn real_images_of_tests(config: &Config, select: Select) -> RealImages<'_> {
    match &config.eval.statistics {
        Some(file) if select == Select::Test => RealImages::Archive("eval.statistics", file),
        _ => RealImages::Images("eval.reference", config.eval.reference.into()),
    }
}

/// If not chosen, as published: the search's own where images come in pairs, and those of evaluations where they do not.
fn real_images_of_search(config: &Config, select: Select) -> RealImages<'_> {
    if let Some(file) = &config.search.statistics {
        return RealImages::Archive("search.statistics", file);
    }
    let default = config.aligned().then_some(SearchReference::Search);
    match config.search.reference.or(default) {
        Some(own) => RealImages::Images("search.reference", own),
        None => real_images_of_tests(config, select),
    }
}

/// The real images that evaluations compare with.
pub fn reference_of_tests(config: &Config, data: &Data) -> ReferenceSource {
    real_images_of_tests(config, data.select).open(data).expect("images to look at and training images are there")
}

/// The real images that the search compares with.
///
/// # Errors
/// Where too few are set aside.
pub fn reference_of_search(config: &Config, data: &Data) -> Result<ReferenceSource> {
    real_images_of_search(config, data.select).open(data)
}

/// Name of [`reference_of_tests`] in results, which are of the test images.
pub fn name_of_tests(config: &Config) -> &'static str {
    real_images_of_tests(config, Select::Test).name(Select::Test)
}

/// Name of [`reference_of_search`] in results.
pub fn name_of_search(config: &Config) -> &'static str {
    real_images_of_search(config, config.eval.select).name(config.eval.select)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn searches_of_pairs_refer_to_images_of_their_own() {
        let named = |layout: &str, search: Value, mut eval: Value| {
            eval["select"] = "test".into();
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
    #[test]
    fn no_test_image_is_referred_to_where_others_decide() {
        let named = |select: &str, search: Value, mut eval: Value| {
            eval["select"] = select.into();
            let config = json!({
                "name": "x", "method": "fast", "data": { "root": "x", "layout": "unaligned" },
                "distill": { "channels": "test" }, "search": search, "eval": eval,
            });
            let config: Config = serde_json::from_value(config).unwrap();
            [name_of_tests(&config), name_of_search(&config)]
        };
        assert_eq!(named("val", json!({}), json!({})), ["test", "val"]);
        assert_eq!(named("val", json!({}), json!({ "reference": "all" })), ["all", "train and val"]);
        assert_eq!(named("val", json!({}), json!({ "statistics": "a.npz" })), ["statistics", "val"]);
        assert_eq!(named("val", json!({ "statistics": "a.npz" }), json!({})), ["test", "statistics"]);
        assert_eq!(named("val", json!({ "reference": "search" }), json!({})), ["test", "search"]);
        assert_eq!(named("last", json!({}), json!({ "reference": "all" })), ["all", "train"]);
        assert_eq!(named("last", json!({ "reference": "test" }), json!({})), ["test", "train"]);
    }
}
