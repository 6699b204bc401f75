//! `semrel-metrics lpips`.

use super::report::{fixed, lines};
use super::session::{Options, describe_resize};
use super::sets::{self, Set};
use crate::cli::groups::{GroupBy, Groups};
use crate::cli::pairs::Pairs;
use anyhow::Result;
use clap::ArgGroup;
use rayon::prelude::*;
use semrel_metrics::extractor::Extractor;
use semrel_metrics::perceptual::{distance_of_images, mean_pairwise_of_pictures};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// Pictures on each side that are held at a time.
const AT_ONCE: usize = 20;

/// Perceptual distance of pairs of pictures, or diversity of several outputs of one source
///
/// `lpips A B` pairs the pictures of two sets by their names without extensions, and averages over pairs.
///
/// `lpips --pairwise DIR` takes several outputs of each source, averages the distance over all pairs of a source's
/// outputs, and then over sources. Outputs of one source are told by name, SOURCE_NUMBER.png as the official multi-modal
/// code writes them, or lie in a folder of their own (--group-by folder). Where there are several tasks, a folder each
/// (summer2winter/0001_01.png), the mean over tasks is reported.
///
/// It is called PD and not LPIPS where the features are not those of LPIPS.
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("what").required(true).args(["sets", "pairwise"])))]
pub struct Args {
    /// Two folders, zips or lists with pictures of equal names
    #[arg(value_names = ["A", "B"], num_args = 2)]
    sets: Vec<PathBuf>,
    /// Folder, zip or list of outputs, several a source
    #[arg(long, value_name = "DIR")]
    pairwise: Option<PathBuf>,
    /// What outputs of one source have in common
    #[arg(long, value_enum, default_value_t = GroupBy::Name, requires = "pairwise")]
    group_by: GroupBy,
    /// Leave out pictures that only one side has, instead of refusing them
    #[arg(long, requires = "sets")]
    common: bool,
    #[command(flatten)]
    options: Options,
}

pub fn run(args: Args) -> Result<()> {
    match &args.pairwise {
        Some(path) => diversity(&args, sets::open_one(path, args.options.listing())?),
        None => pairs(&args, &sets::open(&args.sets, args.options.listing())?),
    }
}

fn pairs(args: &Args, sets: &[Set]) -> Result<()> {
    let options = &args.options;
    let (a, b) = (sets[0].pictures()?, sets[1].pictures()?);
    let pairs = Pairs::by_name(a, b, args.common)?;
    let network = options.network()?;
    let mut progress = options.output.progress("pairs", pairs.places.len());
    let mut values = vec![];
    for chunk in pairs.places.chunks(AT_ONCE) {
        let read = |images: &semrel_metrics::Images, places: Vec<usize>| {
            places.into_par_iter().map(|i| images.read(i)).collect::<Result<Vec<_>, _>>()
        };
        let left = read(a, chunk.iter().map(|&(i, _)| i).collect())?;
        let right = read(b, chunk.iter().map(|&(_, j)| j).collect())?;
        values.extend(distance_of_images(network.as_ref(), &left, &right)?);
        progress.set(values.len() as u64);
    }
    progress.finish();
    let (mean, std) = mean_and_deviation(&values);
    let mut out = std::io::stdout().lock();
    if options.output.json {
        let pair = |(&(i, _), value): (&(usize, usize), &f64)| json!({ "name": a.names()[i], "value": value });
        let report = json!({
            "score": network.perceptual_name(),
            "extractor": network.name(),
            "resize": describe_resize(network.as_ref()),
            "sets": sets.iter().map(Set::to_json).collect::<Vec<_>>(),
            "left_out": pairs.left_out,
            "mean": mean,
            "std": std,
            "pairs": pairs.places.iter().zip(&values).map(pair).collect::<Vec<_>>(),
        });
        return Ok(writeln!(out, "{report:#}")?);
    }
    let mut about = about(network.as_ref());
    about.push(("pairs", format!("{}, standard deviation {}", values.len(), fixed(std, 4))));
    about.extend(sets.iter().map(|set| ("set", set.describe())));
    if pairs.left_out > 0 {
        about.push(("left out", format!("{} pictures that only one side has", pairs.left_out)));
    }
    Ok(writeln!(out, "{}  {}\n\n{}", network.perceptual_name(), fixed(mean, 4), lines(&about))?)
}

fn diversity(args: &Args, set: Set) -> Result<()> {
    let options = &args.options;
    let images = set.pictures()?;
    let groups = Groups::of(images.names(), args.group_by)?;
    let network = options.network()?;
    let mut progress = options.output.progress("sources", groups.sources());
    let mut tasks = vec![];
    for (task, sources) in &groups.tasks {
        let mut values = vec![];
        for members in sources.values() {
            let read = |i: usize| images.read(members[i]);
            values.push(mean_pairwise_of_pictures(network.as_ref(), members.len(), read)?);
            progress.inc(1);
        }
        tasks.push((task, mean_and_deviation(&values).0, values.len()));
    }
    progress.finish();
    let (mean, _) = mean_and_deviation(&tasks.iter().map(|(_, mean, _)| *mean).collect::<Vec<_>>());
    let (least, most) = groups.sizes();
    let mut out = std::io::stdout().lock();
    if options.output.json {
        let task =
            |(task, mean, sources): &(&PathBuf, f64, usize)| json!({ "task": task, "mean": mean, "sources": sources });
        let report = json!({
            "score": network.perceptual_name(),
            "protocol": "mean over all pairs of a source's outputs, over sources, over tasks",
            "extractor": network.name(),
            "resize": describe_resize(network.as_ref()),
            "set": set.to_json(),
            "outputs_per_source": [least, most],
            "mean": mean,
            "tasks": tasks.iter().map(task).collect::<Vec<_>>(),
        });
        return Ok(writeln!(out, "{report:#}")?);
    }
    let outputs = if least == most { most.to_string() } else { format!("{least} to {most}") };
    let mut about = about(network.as_ref());
    about.push(("outputs", format!("{outputs} of each of {} sources", groups.sources())));
    about.push(("set", set.describe()));
    if tasks.len() > 1 {
        let shown = |(task, mean, sources): &(&PathBuf, f64, usize)| {
            ("task", format!("{}  {} over {sources} sources", task.display(), fixed(*mean, 4)))
        };
        about.extend(tasks.iter().map(shown));
    }
    let name = network.perceptual_name();
    Ok(writeln!(out, "{name}  {}  mean over pairs of outputs of one source\n\n{}", fixed(mean, 4), lines(&about))?)
}

fn about(network: &dyn Extractor) -> Vec<(&'static str, String)> {
    vec![("extractor", network.name().to_owned()), ("resize", describe_resize(network))]
}

/// Mean and standard deviation (divisor n).
fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt())
}
