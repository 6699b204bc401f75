//! `semrel-metrics lpips`.

use super::groups::{GroupBy, Groups};
use super::pairs::Pairs;
use super::perceptual::Metric;
use super::report::{fixed, lines};
use super::session::{Common, resampling};
use super::sets::{self, Set};
use anyhow::{Context, Result};
use clap::ArgGroup;
use clap::builder::PossibleValuesParser;
use image::RgbImage;
use rayon::prelude::*;
use semrel_data::DataError;
use semrel_metrics::Images;
use semrel_metrics::extractor::Resampling;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// Pictures on each side that are held in memory at a time.
const AT_ONCE: usize = 20;

/// Perceptual distance of pairs of pictures, or diversity of several outputs of one source
///
/// `lpips A B` pairs the pictures of two sets by their names without extensions, and averages over pairs.
///
/// `lpips --pairwise DIR` takes several outputs of each source, averages the distance over all pairs of a source's
/// outputs, and then over sources. Outputs of one source are recognized by name, SOURCE_NUMBER.png as the official
/// multi-modal code writes them, or are in one folder per source (--group-by folder). If there are several tasks, each
/// in a folder of its own (summer2winter/0001_01.png), the mean over tasks is reported.
///
/// `--extractor lpips-alex` computes LPIPS v0.1 over AlexNet, on pictures at their own size. Over the features of another
/// network, resized to its input, it is the same distance with all channels weighted alike, and called PD.
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("what").required(true).args(["sets", "pairwise"])))]
pub struct Args {
    /// Two folders, zips or lists, with pictures of equal names
    #[arg(value_name = "SET", num_args = 1..)]
    sets: Vec<PathBuf>,
    /// Folder, zip or list of outputs, several per source
    #[arg(long, value_name = "DIR")]
    pairwise: Option<PathBuf>,
    /// What outputs of one source have in common
    #[arg(long, value_enum, default_value_t = GroupBy::Name, requires = "pairwise")]
    group_by: GroupBy,
    /// Skip pictures that only one side has, instead of refusing them
    #[arg(long, requires = "sets")]
    common: bool,
    /// Network whose feature maps are compared [default: lpips-alex if its published weights are present,
    /// otherwise effnet-lite0]. `cargo xtask weights list` shows which are present
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Metric::names()))]
    extractor: Option<String>,
    /// File of its weights, in place of the one in the weights folder; for lpips-alex twice, AlexNet and then the
    /// linear heads, or once if one file has both. Unless they are the published files, the score is named after them
    #[arg(long, value_name = "FILE")]
    weights: Vec<PathBuf>,
    /// How pictures are resized to the size of the network's input; not for lpips-alex [default: as the network was
    /// published]
    #[arg(long, value_name = "HOW", value_parser = resampling())]
    resize: Option<Resampling>,
    #[command(flatten)]
    shared: Common,
}

impl Args {
    fn metric(&self) -> Result<Metric> {
        let (device, _) = self.shared.machine.set()?;
        Metric::load(self.extractor.as_deref(), &self.weights, self.resize, device)
    }
}

pub fn run(args: Args) -> Result<()> {
    match &args.pairwise {
        Some(path) => diversity(&args, sets::open_one(path, args.shared.listing())?),
        None => {
            sets::expect_number(&args.sets, 2..=2);
            pairs(&args, &sets::open(&args.sets, args.shared.listing())?)
        }
    }
}

fn pairs(args: &Args, sets: &[Set]) -> Result<()> {
    let output = &args.shared.output;
    let (a, b) = (sets[0].pictures()?, sets[1].pictures()?);
    let pairs = Pairs::by_name(a, b, args.common)?;
    let metric = args.metric()?;
    let mut progress = output.progress("pairs", pairs.places.len());
    let mut values = vec![];
    for chunk in pairs.places.chunks(AT_ONCE) {
        let read = |&(i, j): &(usize, usize)| Ok((a.read(i)?, b.read(j)?));
        let (left, right): (Vec<RgbImage>, Vec<RgbImage>) =
            chunk.par_iter().map(read).collect::<Result<Vec<_>, DataError>>()?.into_iter().unzip();
        for ((left, right), &(i, j)) in left.iter().zip(&right).zip(chunk) {
            metric.check(left, right).with_context(|| format!("{} and {}", path_of(a, i), path_of(b, j)))?;
        }
        values.extend(metric.distances(&left, &right)?);
        progress.set(values.len() as u64);
    }
    progress.finish();
    let (mean, std) = mean_and_deviation(&values);
    let mut out = std::io::stdout().lock();
    if output.json {
        let pair = |(&(i, _), value): (&(usize, usize), &f64)| json!({ "name": a.names()[i], "value": value });
        let report = json!({
            "score": metric.score(),
            "extractor": metric.extractor(),
            "chosen": metric.origin.chosen,
            "weights": metric.origin.weights_json(),
            "resize": metric.resize(),
            "sets": sets.iter().map(Set::to_json).collect::<Vec<_>>(),
            "left_out": pairs.left_out,
            "mean": mean,
            "std": std,
            "pairs": pairs.places.iter().zip(&values).map(pair).collect::<Vec<_>>(),
        });
        return Ok(writeln!(out, "{report:#}")?);
    }
    let mut about = about(&metric);
    about.push(("pairs", format!("{}, standard deviation {}", values.len(), fixed(std, 4))));
    about.extend(sets.iter().map(|set| ("set", set.describe())));
    if pairs.left_out > 0 {
        about.push(("left out", format!("{} pictures that only one side has", pairs.left_out)));
    }
    Ok(writeln!(out, "{}  {}\n\n{}", metric.score(), fixed(mean, 4), lines(&about))?)
}

fn diversity(args: &Args, set: Set) -> Result<()> {
    let output = &args.shared.output;
    let images = set.pictures()?;
    let groups = Groups::of(images.names(), args.group_by)?;
    let metric = args.metric()?;
    let mut progress = output.progress("sources", groups.sources());
    let mut tasks = vec![];
    for (task, sources) in &groups.tasks {
        let mut values = vec![];
        for members in sources.values() {
            let value = metric.mean_pairwise(members.len(), |i| images.read(members[i]));
            values.push(value.with_context(|| format!("outputs of {} and its like", path_of(images, members[0])))?);
            progress.inc(1);
        }
        tasks.push((task, mean_and_deviation(&values).0, values.len()));
    }
    progress.finish();
    let (mean, _) = mean_and_deviation(&tasks.iter().map(|(_, mean, _)| *mean).collect::<Vec<_>>());
    let (least, most) = groups.sizes();
    let mut out = std::io::stdout().lock();
    if output.json {
        let task =
            |(task, mean, sources): &(&PathBuf, f64, usize)| json!({ "task": task, "mean": mean, "sources": sources });
        let report = json!({
            "score": metric.score(),
            "protocol": "mean over all pairs of a source's outputs, over sources, over tasks",
            "extractor": metric.extractor(),
            "chosen": metric.origin.chosen,
            "weights": metric.origin.weights_json(),
            "resize": metric.resize(),
            "set": set.to_json(),
            "outputs_per_source": [least, most],
            "mean": mean,
            "tasks": tasks.iter().map(task).collect::<Vec<_>>(),
        });
        return Ok(writeln!(out, "{report:#}")?);
    }
    let outputs = if least == most { most.to_string() } else { format!("{least} to {most}") };
    let mut about = about(&metric);
    about.push(("outputs", format!("{outputs} of each of {} sources", groups.sources())));
    about.push(("set", set.describe()));
    if tasks.len() > 1 {
        let shown = |(task, mean, sources): &(&PathBuf, f64, usize)| {
            ("task", format!("{}  {} over {sources} sources", task.display(), fixed(*mean, 4)))
        };
        about.extend(tasks.iter().map(shown));
    }
    let name = metric.score();
    Ok(writeln!(out, "{name}  {}  mean over pairs of outputs of one source\n\n{}", fixed(mean, 4), lines(&about))?)
}

fn about(metric: &Metric) -> Vec<(&'static str, String)> {
    let mut about = vec![("extractor", metric.extractor().to_owned())];
    about.extend(metric.origin.describe());
    about.push(("resize", metric.resize()));
    about
}

fn path_of(images: &Images, i: usize) -> String {
    images.path().join(&images.names()[i]).display().to_string()
}

/// Mean and standard deviation (divisor n).
fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt())
}
