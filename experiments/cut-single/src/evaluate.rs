//! What an evaluation of this experiment looks at: sources, reference set, segmenter and labels. After training they are the
//! published test images; while a run trains, `eval.select` names others.

use crate::config::{Config, Reference};
use crate::data::Data;
use crate::methods::{COUPLING, measures_coupling};
use crate::networks::Generator;
use anyhow::{Context, Result, ensure};
use semrel_data::Select;
use semrel_data::image_io::list_images;
use semrel_data::rng::derive_seed;
use semrel_eval::{
    Evaluator, ImageSet, ImageTranslator, InputOptions, Inputs, MORE, MoreScore, ReferenceSet, ReferenceSource,
    SEGMENTATION, Scorer, Segmentation, SegmentationProtocol, Segmenter, Stretched, Tested, Truth,
};
use semrel_metrics::extractor::Extractor;
use semrel_nn::Net;
use semrel_run::input;
use semrel_run::log::{self, Line};
use semrel_run::scores::{Baseline, Evaluation};
use semrel_statistics::mean;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;
use tch::Device;

/// The extractor of the Fréchet distance. Networks of the evaluation that cannot be loaded are refused here, before anything
/// is trained.
///
/// # Errors
/// Names the config key, and the command that fetches weights that are missing.
pub fn extractor(config: &Config, device: Device) -> Result<Box<dyn Extractor>> {
    let extractor = config.eval.extractor().load(device)?;
    if config.eval.segmentation {
        config.eval.segmenter().check_weights()?;
    }
    Ok(extractor)
}

/// The images that are translated.
pub fn sources(config: &Config, data: &Data) -> ImageSet {
    ImageSet::new(&data.looked_at, data.direction.source()).first(config.eval.max_sources)
}

/// The truth of the test images, where it is known.
///
/// # Errors
/// As [`TruthChoice::open`](semrel_eval::TruthChoice::open).
pub fn truth(config: &Config, data: &Data, device: Device, quiet: bool) -> Result<Option<Truth>> {
    let (sources, targets) = (sources(config, data), ImageSet::new(&data.looked_at, data.direction.target()));
    let tested = Tested { sources: &sources, targets: &targets, size: config.test_size() };
    let partners = config.data.pairs.as_deref().map(list_images).transpose().context("config key `data.pairs`")?;
    let training = data.train.files.iter().flatten().chain(partners.iter().flatten());
    Ok(config.eval.truth().open(tested, training, device, quiet)?)
}

/// Refuses a truth that does not fit, before anything is trained. Pairs, which are test images themselves, are left unread until
/// the end unless these choose the checkpoint.
///
/// # Errors
/// As [`truth`].
pub fn check_truth(config: &Config, device: Device, quiet: bool) -> Result<()> {
    if config.eval.select != Select::Test && config.eval.truth().is_of_pairs() {
        return Ok(());
    }
    truth(config, &Data::of_tests(config)?, device, quiet).map(drop)
}

/// Refuses further scores that cannot be computed, before anything is trained.
///
/// # Errors
/// Weights that are missing; more neighbours than test images.
pub fn check_more(config: &Config, device: Device) -> Result<()> {
    config.eval.more.load(device)?;
    if !config.eval.more.scores.is_empty() {
        let data = Data::of_tests(config)?;
        config.eval.more.check(sources(config, &data).len(), &reference(config, &data))?;
    }
    Ok(())
}

/// The real images that translations are compared with.
fn reference(config: &Config, data: &Data) -> ReferenceSource {
    let folder = match config.eval.reference {
        Reference::Test => &data.looked_at,
        Reference::Train => &data.train,
    };
    ReferenceSource::Images { key: "eval.reference", sets: vec![ImageSet::new(folder, data.direction.target())] }
}

/// What the log of a run tells of the coupling of positives and negatives, where its evaluations are to have it: means over the
/// whole training. Methods without InfoNCE or DCE between patches have none.
///
/// # Errors
/// Names the log, where it cannot be read or says nothing though it should.
pub fn coupling(config: &Config, run: &Path) -> Result<BTreeMap<String, f64>> {
    if !config.eval.more.has(MoreScore::Coupling) || !measures_coupling(config) {
        return Ok(BTreeMap::new());
    }
    let path = run.join(log::FILE);
    let text = input::read(&path).with_context(|| format!("{}: `coupling` of `{MORE}` needs it", path.display()))?;
    let lines: Vec<Line> = log::lines(&text).collect();
    let mean_of = |name: &str| {
        let values: Vec<f64> = lines.iter().filter_map(|line| line.scalars.get(name)?.as_f64()).collect();
        ensure!(
            !values.is_empty(),
            "{}: no `{name}`: the run was trained by an earlier version, or logged too seldom (`train.log_every`)",
            path.display()
        );
        Ok((name.to_owned(), mean(&values)))
    };
    COUPLING.into_iter().map(mean_of).collect()
}

fn options(config: &Config) -> InputOptions {
    InputOptions { size: config.test_size(), batch: config.eval.batch_size as usize }
}

/// What decides on the best checkpoint: the Fréchet distance of the translated images to the reference set.
///
/// # Errors
/// Images that cannot be read, fewer than two of them.
pub fn scorer(config: &Config, data: &Data, extractor: Box<dyn Extractor>, quiet: bool) -> Result<Scorer> {
    let reference = ReferenceSet::new(&reference(config, data), extractor.as_ref(), quiet)?;
    Ok(Scorer::new(extractor, reference, Inputs::streamed(sources(config, data), options(config))?))
}

/// The published evaluation. A segmenter, where one is asked for, looks at 256 × 128.
///
/// # Errors
/// Weights that are missing; as [`scorer`] and [`truth`]; training images that are not photographs and labels.
pub fn evaluator(config: &Config, data: &Data, device: Device, quiet: bool) -> Result<Evaluator> {
    let scorer = scorer(config, data, config.eval.extractor().load(device)?, quiet)?;
    let segmentation = if config.eval.segmentation {
        let [photographs, labels] =
            [data.direction.target(), data.direction.source()].map(|side| ImageSet::new(&data.train, side));
        let segmenter = Segmenter::open(config.eval.segmenter(), &photographs, &labels, device, quiet)?;
        Some(Segmentation { segmenter, protocol: SegmentationProtocol::Reduced, key: SEGMENTATION })
    } else {
        None
    };
    let truth = truth(config, data, device, quiet)?;
    let evaluator = Evaluator::new(scorer, sources(config, data), options(config), segmentation, quiet)?;
    Ok(evaluator.with_truth(truth).with_more(config.eval.more.load(device)?))
}

/// Translates the test images into `folder` (`real_A`, `fake_B`) and scores the files.
///
/// # Errors
/// As [`Evaluator::evaluate`].
pub fn evaluate(
    config: &Config,
    evaluator: &Evaluator,
    generator: &Net<Generator>,
    folder: &Path,
    (checkpoint, step): (&str, u64),
) -> Result<Evaluation> {
    let began = Instant::now();
    tch::manual_seed(derive_seed(config.seed, "eval", 0));
    let stretched = Stretched(generator);
    let translator: &dyn ImageTranslator = if config.eval.stretch { &stretched } else { generator };
    let scores = evaluator.evaluate(translator, folder)?;
    Ok(Evaluation {
        checkpoint: checkpoint.to_owned(),
        step,
        select: Some(config.eval.select.name().to_owned()),
        stretched: config.eval.stretch,
        protocol: evaluator.protocol(config.eval.reference.name()),
        fd: scores.fd,
        segmentation: scores.segmentation,
        truth: scores.truth,
        more: scores.more,
        seconds: began.elapsed().as_secs_f64(),
    })
}

/// Scores the sources as they are, and the real test images where a segmenter looks; both are written to `folder`.
///
/// # Errors
/// As [`Evaluator::baseline`].
pub fn baseline(config: &Config, data: &Data, evaluator: &Evaluator, folder: &Path) -> Result<Baseline> {
    let scores = evaluator.baseline(&ImageSet::new(&data.looked_at, data.direction.target()), folder)?;
    let protocol = evaluator.protocol(config.eval.reference.name());
    Ok(Baseline { protocol, fd: scores.fd, ceiling: scores.segmentation, truth: scores.truth, more: scores.more })
}
