//! `semrel-metrics fd-infinity`.

use super::origin::Origin;
use super::report::{Against, fixed, lines};
use super::session::{Options, describe_resize};
use super::sets::{self, Set};
use anyhow::{Context, Result, ensure};
use semrel_metrics::extractor::Extractor;
use semrel_metrics::fd_infinity::{FdInfinity, fd_infinity, sizes, subsets};
use semrel_metrics::frechet::MeanPrecision;
use semrel_metrics::{Activations, MetricsError};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// Smallest subset of the published code.
const PUBLISHED_LEAST: usize = 5000;

/// Fréchet distance of real pictures from infinitely many generated ones, extrapolated from subsets
///
/// The distance of n pictures is about that of infinitely many plus a slope times 1/n: a line through the distances of random
/// subsets of several sizes tells it. That holds only where the smallest subset has many more pictures than there are features:
/// with fewer it is refused, as it may come out negative. Use `kid` or `mmd` for small sets.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Real pictures: folder, zip or list
    real: PathBuf,
    /// Generated pictures: folder, zip or list
    generated: PathBuf,
    /// Pictures of the smallest subset [default: 5000, or a tenth of the generated pictures where these are fewer than 50000]
    #[arg(long, value_name = "N")]
    least: Option<usize>,
    /// Number of subsets
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u32).range(2..=1000))]
    points: u32,
    /// Seed of the subsets
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Extrapolate even where the smallest subset has no more pictures than there are features
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    options: Options,
}

pub fn run(args: Args) -> Result<()> {
    let options = &args.options;
    let sets = sets::open(&[args.real.clone(), args.generated.clone()], options.common.listing())?;
    let (real, generated) = (sets[0].pictures()?, sets[1].pictures()?);
    sets.iter().try_for_each(Set::ensure_two)?;
    let count = generated.len();
    ensure!(count > 2, "{}: {count} pictures; at least three are needed", args.generated.display());
    let least = args.least.unwrap_or_else(|| PUBLISHED_LEAST.min((count / 10).max(2)));
    ensure!(
        (2..count).contains(&least),
        "--least {least}: expected 2 to {}, fewer than the pictures of {}",
        count - 1,
        args.generated.display()
    );
    let (network, origin) = options.network()?;
    let of = |set: &Set, images| options.common.output.features(network.as_ref(), images, &set.label);
    let (real, generated) = (of(&sets[0], real)?, of(&sets[1], generated)?);
    let real = Activations::new(&real, MeanPrecision::Double).with_context(|| args.real.display().to_string())?;
    let lists = subsets(count, &sizes(count, least, args.points as usize), args.seed);
    let found = fd_infinity(&real, &generated, &lists, args.force).map_err(|error| match error {
        MetricsError::TooFew { .. } => anyhow::Error::from(error).context(format!(
            "{}: the smallest of its subsets; `kid` and `mmd` take few pictures, --least changes the subset, --force extrapolates all the same",
            args.generated.display()
        )),
        other => other.into(),
    })?;
    let (dimensions, sure) = (real.dimensions(), least >= 5 * real.dimensions());
    let report = Report { args: &args, sets, found, least, dimensions, sure, network, origin };
    let mut out = std::io::stdout().lock();
    Ok(writeln!(out, "{}", if options.common.output.json { report.json()? } else { report.text() })?)
}

struct Report<'a> {
    args: &'a Args,
    sets: Vec<Set>,
    found: FdInfinity,
    least: usize,
    dimensions: usize,
    /// Whether the smallest subset is large enough for the line to be trusted.
    sure: bool,
    network: Box<dyn Extractor>,
    origin: Origin,
}

impl Report<'_> {
    fn json(&self) -> Result<String> {
        let points: Vec<_> =
            self.found.points.iter().map(|(n, distance)| json!({"pictures": n, "distance": distance})).collect();
        let report = json!({
            "score": format!("{}, extrapolated", self.network.frechet_name()),
            "value": self.found.distance,
            "slope": self.found.slope,
            "points": points,
            "least": self.least,
            "seed": self.args.seed,
            "dimensions": self.dimensions,
            "trustworthy": self.sure,
            "extractor": self.network.name(),
            "chosen": self.origin.chosen,
            "weights": self.origin.weights_json(),
            "resize": describe_resize(self.network.as_ref()),
            "sets": self.sets.iter().map(Set::to_json).collect::<Vec<_>>(),
        });
        Ok(serde_json::to_string_pretty(&report)?)
    }

    fn text(&self) -> String {
        let name = format!("{}, extrapolated to infinitely many pictures", self.network.frechet_name());
        let (last, of_all) = self.found.points.last().expect("at least two points");
        let mut about = vec![
            ("of all", format!("{} ({last} pictures)", fixed(*of_all, 3))),
            ("slope", format!("{} per 1/n", fixed(self.found.slope, 1))),
            ("subsets", format!("{} of {} to {last} pictures, seed {}", self.args.points, self.least, self.args.seed)),
            ("extractor", format!("{}, {} features", self.network.name(), self.dimensions)),
            ("resize", describe_resize(self.network.as_ref())),
        ];
        if !self.sure {
            let enough = 5 * self.dimensions;
            about.push((
                "warning",
                format!(
                    "the smallest subset has fewer than {enough} pictures, five for each feature: do not rely on it"
                ),
            ));
        }
        about.splice(4..4, self.origin.describe());
        about.extend(Against::First.describe(&self.sets));
        format!("{name}  {}\n\n{}", fixed(self.found.distance, 3), lines(&about))
    }
}
