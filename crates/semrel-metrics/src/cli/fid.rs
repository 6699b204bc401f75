//! `semrel-metrics fid`.

use super::interval::{BootstrapArgs, describe, interval, show, to_json as interval_to_json};
use super::origin::Origin;
use super::report::{Against, fixed, head, lines};
use super::session::{Options, describe_resize};
use super::sets::{self, Content, Set};
use anyhow::{Context, Result, bail};
use semrel_metrics::bootstrap::{self, Bootstrap, Resampled};
use semrel_metrics::extractor::Extractor;
use semrel_metrics::frechet::MeanPrecision;
use semrel_metrics::{Activations, MetricsError, Statistics, frechet_distance};
use serde_json::json;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Fréchet distance of two sets of pictures, or of several
///
/// With two sets, one distance; the first is named as the reference (the distance is symmetric). With more, a table of
/// each against each, whose diagonal is computed too; `--against first` compares the others with the first alone.
///
/// A set is a folder, a zip, a text list of pictures, or an .npz with `mu` and `sigma`: from the `stats` command, from
/// pytorch-fid or GAN Compression. An .npz does not say which network its statistics are from: name it by --extractor.
///
/// The fewer pictures, the larger the distance. With fewer pictures than features, compare only distances of equal
/// numbers of pictures.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder, zip, list or .npz
    #[arg(value_name = "SET", required = true, num_args = 1..)]
    sets: Vec<PathBuf>,
    /// Which pairs are compared [default: first for two sets, all for more]
    #[arg(long, value_enum)]
    against: Option<Against>,
    #[command(flatten)]
    bootstrap: BootstrapArgs,
    /// Seed of the resamples
    #[arg(long, default_value_t = 0, requires = "resamples")]
    seed: u64,
    #[command(flatten)]
    options: Options,
}

/// What a distance is computed from.
enum Features {
    Activations(Activations),
    Statistics(Statistics),
}

pub fn run(args: Args) -> Result<()> {
    let options = &args.options;
    sets::expect_number(&args.sets, 2..=usize::MAX);
    let sets = sets::open(&args.sets, options.common.listing())?;
    sets.iter().try_for_each(Set::ensure_two)?;
    let bootstrap = args.bootstrap.with_seed(args.seed);
    if bootstrap.is_some() {
        sets.iter().try_for_each(|set| set.pictures().map(drop)).context("--bootstrap draws pictures again")?;
    }
    // Statistics alone need no network.
    let any_pictures = sets.iter().any(|set| matches!(set.content, Content::Pictures(_)));
    let (network, origin) =
        if any_pictures { options.network().map(|(n, o)| (Some(n), o))? } else { Default::default() };
    let features = sets
        .iter()
        .map(|set| features(set, network.as_deref(), options, bootstrap.is_some()))
        .collect::<Result<Vec<_>>>()?;
    let against = Against::chosen(args.against, sets.len());
    let values = against
        .pairs(sets.len(), true)
        .into_iter()
        .map(|(i, j)| {
            let names = || format!("{} and {}", sets[i].path.display(), sets[j].path.display());
            let distance = distance(&features[i], &features[j]).with_context(names)?;
            let resampled = match (&bootstrap, &features[i], &features[j]) {
                // A set against itself has no other pictures to be drawn.
                (Some(bootstrap), Features::Activations(a), Features::Activations(b)) if i != j => {
                    let mut progress = options.common.output.progress(names(), bootstrap.resamples);
                    let resampled = bootstrap::frechet(a, b, bootstrap, &mut |done| {
                        progress.set(done as u64);
                        ControlFlow::Continue(())
                    });
                    progress.finish();
                    Some(resampled.with_context(names)?)
                }
                _ => None,
            };
            Ok(Value { pair: (i, j), distance, resampled })
        })
        .collect::<Result<Vec<_>>>()?;
    let dimensions = features.iter().map(Features::dimensions).next().unwrap_or(0);
    let made_by = MadeBy::new(network.as_deref(), origin);
    let report = Report { sets, values, against, dimensions, bootstrap, made_by };
    let mut out = std::io::stdout().lock();
    Ok(writeln!(out, "{}", if options.common.output.json { report.json()? } else { report.text()? })?)
}

/// Features of a set; with statistics alone where there are many pictures, since these are all that counts then, unless
/// the pictures are to be drawn again.
fn features(set: &Set, network: Option<&dyn Extractor>, options: &Options, keep: bool) -> Result<Features> {
    let (images, network) = match (&set.content, network) {
        (Content::Pictures(images), Some(network)) => (images, network),
        (Content::Pictures(_), None) => bail!("{}: pictures need a network", set.path.display()),
        (Content::Statistics(statistics), _) => return Ok(Features::Statistics(statistics.clone())),
    };
    let features = options.common.output.features(network, images, &set.label)?;
    let activations =
        Activations::new(&features, MeanPrecision::Double).with_context(|| set.path.display().to_string())?;
    if activations.count() > activations.dimensions() && !keep {
        return Ok(Features::Statistics(activations.statistics()));
    }
    Ok(Features::Activations(activations))
}

impl Features {
    fn dimensions(&self) -> usize {
        match self {
            Self::Activations(activations) => activations.dimensions(),
            Self::Statistics(statistics) => statistics.mean.len(),
        }
    }
}

fn distance(a: &Features, b: &Features) -> Result<f64, MetricsError> {
    match (a, b) {
        (Features::Activations(a), Features::Activations(b)) => a.distance(b),
        (Features::Statistics(a), Features::Statistics(b)) => frechet_distance(a, b),
        (Features::Activations(a), Features::Statistics(b)) => frechet_distance(&a.statistics(), b),
        (Features::Statistics(a), Features::Activations(b)) => frechet_distance(a, &b.statistics()),
    }
}

/// A distance of a set to a reference.
struct Value {
    pair: (usize, usize),
    distance: f64,
    resampled: Option<Resampled>,
}

impl Value {
    fn show(&self, decimals: usize) -> Result<String> {
        let interval = self.resampled.as_ref().map(interval).transpose()?;
        let brackets = interval.map(|interval| show(interval, 1.0, decimals)).unwrap_or_default();
        Ok(fixed(self.distance, decimals) + &brackets)
    }
}

struct Report {
    sets: Vec<Set>,
    values: Vec<Value>,
    against: Against,
    dimensions: usize,
    bootstrap: Option<Bootstrap>,
    made_by: MadeBy,
}

/// How features came about.
struct MadeBy {
    score: String,
    extractor: Option<String>,
    resize: Option<String>,
    origin: Origin,
}

impl MadeBy {
    fn new(network: Option<&dyn Extractor>, origin: Origin) -> Self {
        Self {
            score: network.map_or_else(|| "FD".into(), Extractor::frechet_name),
            extractor: network.map(|network| network.name().to_owned()),
            resize: network.map(describe_resize),
            origin,
        }
    }
}

impl Report {
    fn json(&self) -> Result<String> {
        let path = |i: usize| &self.sets[i].path;
        let value = |value: &Value| -> Result<_> {
            let interval = value.resampled.as_ref().map(interval_to_json).transpose()?;
            Ok(json!({
                "set": path(value.pair.0), "reference": path(value.pair.1), "value": value.distance, "interval": interval,
            }))
        };
        let values = self.values.iter().map(value).collect::<Result<Vec<_>>>()?;
        let report = json!({
            "score": self.made_by.score,
            "extractor": self.made_by.extractor,
            "chosen": self.made_by.origin.chosen,
            "weights": self.made_by.origin.weights_json(),
            "resize": self.made_by.resize,
            "dimensions": self.dimensions,
            "against": self.against.name(),
            "sets": self.sets.iter().map(Set::to_json).collect::<Vec<_>>(),
            "values": values,
        });
        Ok(serde_json::to_string_pretty(&report)?)
    }

    fn text(&self) -> Result<String> {
        let decimals = if self.against == Against::All { 3 } else { 4 };
        let values = self.values.iter().map(|v| Ok((v.pair, v.show(decimals)?))).collect::<Result<Vec<_>>>()?;
        let head = head(&self.made_by.score, self.against, &self.sets, &values);
        let told = |text: &Option<String>| text.clone().unwrap_or_else(|| "not recorded in statistics files".into());
        let mut about = vec![
            ("extractor", format!("{}, {} features", told(&self.made_by.extractor), self.dimensions)),
            ("resize", told(&self.made_by.resize)),
        ];
        about.splice(1..1, self.made_by.origin.describe());
        about.extend(self.against.describe(&self.sets));
        let fewest = self.sets.iter().filter_map(Set::count).min();
        if fewest.is_some_and(|n| n <= self.dimensions as u64) {
            let note = "fewer pictures than features: compare only with distances of equal numbers of pictures";
            about.push(("note", note.into()));
        }
        about.extend(self.bootstrap.as_ref().map(|bootstrap| ("interval", describe(bootstrap))));
        Ok(format!("{head}\n\n{}", lines(&about)))
    }
}
