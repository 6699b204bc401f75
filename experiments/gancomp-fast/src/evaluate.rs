//! The published evaluation: what a generator makes of the test images, written and scored, with its size and its time.
//!
//! Where the sources are label maps, a segmenter looks at the pictures as they are; its class planes are enlarged to the size
//! of the label images and compared with these.

use crate::config::Config;
use crate::data::Data;
use crate::folders::Folders;
use crate::generators::{Chosen, Opened, Which, open};
use crate::latency::Runs;
use crate::looked_at::{
    extractor, labels_of_tests, options_of_tests, reference_of_tests, segmenter, sources_of_tests, truth_of_tests,
};
use crate::search::fitness::Torch;
use anyhow::{Context, Result, ensure};
use semrel_data::Side;
use semrel_eval::{
    Evaluator, ImageSet, Inputs, KeptEvaluation, ReferenceSet, Scorer, Segmentation, SegmentationProtocol,
    written_pictures,
};
use semrel_metrics::extractor::Extractor;
use semrel_run::Checked;
use semrel_run::scores::{Baseline, CompressionEvaluation};
use std::path::{Path, PathBuf};
use std::time::Instant;
use tch::Device;

/// How the time of one image is measured.
const RUNS: Runs = Runs { warmup: 2, counted: 7 };

/// Name under which the last evaluation is kept.
const KEPT: &str = "scores";

/// Where and how to evaluate.
#[derive(Debug, Clone)]
pub struct EvalOptions {
    /// Where the stages lie.
    pub folders: Folders,
    /// Where to compute.
    pub device: Device,
    /// Threads of arithmetic.
    pub threads: usize,
    /// No progress.
    pub quiet: bool,
}

/// What decides on the best checkpoint: the Fréchet distance of the translated images to the reference set.
///
/// # Errors
/// Images that cannot be read, fewer than two of them.
pub fn scorer(config: &Config, data: &Data, extractor: Box<dyn Extractor>, quiet: bool) -> Result<Scorer> {
    let reference = ReferenceSet::new(&reference_of_tests(config, data), extractor.as_ref(), quiet)?;
    let inputs = Inputs::streamed(sources_of_tests(config, data), options_of_tests(config))?;
    Ok(Scorer::new(extractor, reference, inputs))
}

fn evaluator(config: &Config, data: &Data, device: Device, quiet: bool) -> Result<Evaluator> {
    let scorer = scorer(config, data, extractor(config).load(device)?, quiet)?;
    let segmentation = if config.eval.segmentation {
        let (labels, key) = labels_of_tests(config, data)?;
        labels.check("labels", quiet).with_context(|| format!("config key `{key}`"))?;
        let segmenter = segmenter(config, data, device, quiet)?;
        Some(Segmentation { segmenter, protocol: SegmentationProtocol::FullSize(labels), key })
    } else {
        None
    };
    let (sources, options) = (sources_of_tests(config, data), options_of_tests(config));
    let truth = truth_of_tests(config, data, device, quiet)?;
    let evaluator = Evaluator::new(scorer, sources, options, segmentation, quiet)?;
    Ok(evaluator.with_truth(truth).with_more(config.eval.more.load(device)?))
}

/// Translates the test images into `results/<which>/images` (`real_A`, `fake_B`) below the row's folder (the teacher's,
/// below that of its run), and scores them. If generator, images, settings, device and threads are those of the last
/// evaluation, its scores are returned and only the time is measured again.
///
/// # Errors
/// Where an earlier stage is missing, the command that runs it; files that cannot be read or written; labels that do not fit.
pub fn evaluate(
    config: &Checked<Config>,
    which: Which,
    chosen: Option<Chosen>,
    options: &EvalOptions,
) -> Result<CompressionEvaluation> {
    let began = Instant::now();
    let opened = open(config, &options.folders, which, chosen, options.device)?;
    let data = Data::of_tests(config)?;
    let base = match which {
        Which::Teacher => options.folders.teacher(config),
        _ => options.folders.row(config),
    };
    let results = Path::new("results").join(which.to_string());
    let images = results.join("images");
    let folder = base.join(&results);
    // No file tells how busy the machine is, so times are measured each time.
    let torch = Torch { size: config.test_size(), device: options.device, threads: options.threads, runs: RUNS };
    let milliseconds = || anyhow::Ok(torch.time(&|image| opened.generator.forward(image))?.milliseconds);
    let pictures = written_pictures(&sources_of_tests(config, &data), &base.join(&images))?;
    let kept = kept(config, &data, &opened, &folder, options).map(|kept| kept.with_pictures(pictures));
    if let Some(found) = kept.as_ref().and_then(KeptEvaluation::read::<CompressionEvaluation>) {
        return Ok(CompressionEvaluation { name: config.name.clone(), milliseconds: milliseconds()?, ..found });
    }
    let evaluator = evaluator(config, &data, options.device, options.quiet)?;
    let scores = evaluator.evaluate(&opened.generator, &base.join(&images))?;
    let evaluation = CompressionEvaluation {
        name: config.name.clone(),
        of: which.to_string(),
        channels: opened.channels.map(|channels| channels.to_string()),
        step: opened.step,
        parameters: opened.generator.numel() as u64,
        macs: opened.macs(config.test_size())?,
        milliseconds: milliseconds()?,
        threads: options.threads,
        protocol: evaluator.protocol(crate::looked_at::name_of_tests(config)),
        fd: scores.fd,
        segmentation: scores.segmentation,
        truth: scores.truth,
        more: scores.more,
        images,
        seconds: began.elapsed().as_secs_f64(),
    };
    if let Some(kept) = kept {
        kept.write(&evaluation);
    }
    Ok(evaluation)
}

/// The last evaluation of a generator, which is kept beside its pictures in `folder`: it is the one that these belong to.
fn kept(config: &Config, data: &Data, opened: &Opened, folder: &Path, options: &EvalOptions) -> Option<KeptEvaluation> {
    let eval = &config.eval;
    // Labels that a table names lie elsewhere than the images.
    let labels = match &eval.label_table {
        Some(_) if eval.segmentation => labels_of_tests(config, data).ok()?.0.files().ok()?,
        _ => vec![],
    };
    let images =
        [&data.all, &data.looked_at].into_iter().flat_map(|set| [Side::A, Side::B].map(|side| set.files(side)));
    let own = [&eval.extractor_weights, &eval.segmenter_weights, &eval.statistics, &eval.label_table];
    let truth = eval.truth().files().ok()?;
    let files = images.flatten().chain(own.into_iter().flatten()).chain(&labels).chain(&truth);
    let files: Vec<&Path> = files.map(PathBuf::as_path).collect();
    let channels = opened.channels.map(|channels| channels.to_string());
    let machine = (format!("{:?}", options.device), options.threads);
    let settings = (channels, eval, &config.data, config.seed, machine);
    KeptEvaluation::of(folder, KEPT, &opened.file, &settings, &files)
}

/// Scores the sources as they are, and the real test images where a segmenter looks. Both are written to `folder`, if one is
/// given.
///
/// # Errors
/// As [`evaluate`].
pub fn baseline(config: &Checked<Config>, folder: Option<&Path>, options: &EvalOptions) -> Result<Baseline> {
    ensure!(
        config.aligned() || !config.eval.segmentation,
        "config key `eval.segmentation`: of unaligned images it is not known which label belongs to which photograph"
    );
    let data = Data::of_tests(config)?;
    let evaluator = evaluator(config, &data, options.device, options.quiet)?;
    let temporary = tempfile::tempdir().context("a temporary folder")?;
    let targets = ImageSet::new(&data.looked_at, data.direction.target());
    let scores = evaluator.baseline(&targets, folder.unwrap_or(temporary.path()))?;
    let protocol = evaluator.protocol(crate::looked_at::name_of_tests(config));
    Ok(Baseline { protocol, fd: scores.fd, ceiling: scores.segmentation, truth: scores.truth, more: scores.more })
}
