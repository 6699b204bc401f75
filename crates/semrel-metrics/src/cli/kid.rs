//! `semrel-metrics kid`.

use super::interval::{BootstrapArgs, describe, interval, show, to_json};
use super::origin::Origin;
use super::report::{Against, fixed, head, lines};
use super::session::{Featured, Options, describe_resize};
use super::sets::Set;
use anyhow::{Context, Result};
use semrel_metrics::bootstrap::{self, Resampled};
use semrel_metrics::extractor::Extractor;
use semrel_metrics::kid::{Kid, PolynomialKernel, Subsets, kid};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// Kernel distance of two sets of pictures, or of several, with its standard deviation over subsets
///
/// The unbiased squared maximum mean discrepancy under the kernel (x·y/d + 1)³, averaged over random subsets; printed
/// times 1000. Unlike the Fréchet distance it does not grow with fewer pictures, and it may be negative. It is called
/// KID over the FID Inception, KD over other features.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder, zip or list
    #[arg(value_name = "SET", required = true, num_args = 1..)]
    sets: Vec<PathBuf>,
    /// Which pairs are compared [default: first for two sets, all for more]
    #[arg(long, value_enum)]
    against: Option<Against>,
    /// Number of subsets
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    subsets: u32,
    /// Maximum number of pictures per subset; fewer if a set has fewer
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(2..))]
    subset_size: u32,
    /// Seed of the subsets and of the resamples
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    bootstrap: BootstrapArgs,
    #[command(flatten)]
    options: Options,
}

struct Value {
    pair: (usize, usize),
    size: usize,
    kid: Kid,
    resampled: Option<Resampled>,
}

pub fn run(args: Args) -> Result<()> {
    let options = &args.options;
    let Featured { sets, features, network, origin } = options.features(&args.sets)?;
    let against = Against::chosen(args.against, sets.len());
    let subsets = Subsets::Drawn { count: args.subsets as usize, max_size: args.subset_size as usize, seed: args.seed };
    let bootstrap = args.bootstrap.with_seed(args.seed);
    // A set against itself says nothing: its pictures occur on both sides.
    let values = against
        .pairs(sets.len(), false)
        .into_iter()
        .map(|(i, j)| {
            let names = || format!("{} and {}", sets[i].path.display(), sets[j].path.display());
            let kernel = PolynomialKernel::default();
            let value = kid(&features[i], &features[j], &subsets, kernel).with_context(names)?;
            let resample = |bootstrap: &_| bootstrap::kid(&features[i], &features[j], kernel, bootstrap);
            let resampled = bootstrap.as_ref().map(resample).transpose().with_context(names)?;
            let smaller = features[i].size()[0].min(features[j].size()[0]) as usize;
            Ok(Value { pair: (i, j), size: smaller.min(args.subset_size as usize), kid: value, resampled })
        })
        .collect::<Result<Vec<_>>>()?;
    let report = Report { args: &args, sets, values, against, network, origin };
    let mut out = std::io::stdout().lock();
    Ok(writeln!(out, "{}", if options.common.output.json { report.json()? } else { report.text()? })?)
}

struct Report<'a> {
    args: &'a Args,
    sets: Vec<Set>,
    values: Vec<Value>,
    against: Against,
    network: Box<dyn Extractor>,
    origin: Origin,
}

impl Report<'_> {
    fn json(&self) -> Result<String> {
        let path = |i: usize| &self.sets[i].path;
        let value = |v: &Value| -> Result<_> {
            Ok(json!({
                "set": path(v.pair.0), "reference": path(v.pair.1), "mean": v.kid.mean, "std": v.kid.std,
                "subset_size": v.size, "interval": v.resampled.as_ref().map(to_json).transpose()?,
            }))
        };
        let report = json!({
            "score": self.network.kernel_name(),
            "extractor": self.network.name(),
            "chosen": self.origin.chosen,
            "weights": self.origin.weights_json(),
            "resize": describe_resize(self.network.as_ref()),
            "kernel": "(x·y/d + 1)³",
            "subsets": self.args.subsets,
            "seed": self.args.seed,
            "against": self.against.name(),
            "sets": self.sets.iter().map(Set::to_json).collect::<Vec<_>>(),
            "values": self.values.iter().map(value).collect::<Result<Vec<_>>>()?,
        });
        Ok(serde_json::to_string_pretty(&report)?)
    }

    fn text(&self) -> Result<String> {
        let shown = |v: &Value| -> Result<String> {
            let interval = v.resampled.as_ref().map(interval).transpose()?;
            let brackets = interval.map(|interval| show(interval, 1e3, 3)).unwrap_or_default();
            Ok(format!("{} ± {}{brackets}", fixed(1e3 * v.kid.mean, 3), fixed(1e3 * v.kid.std, 3)))
        };
        let name = format!("{} x 1000, mean ± standard deviation over subsets", self.network.kernel_name());
        let values = self.values.iter().map(|v| Ok((v.pair, shown(v)?))).collect::<Result<Vec<_>>>()?;
        let head = head(&name, self.against, &self.sets, &values);
        let sizes = (self.values.iter().map(|v| v.size).min(), self.values.iter().map(|v| v.size).max());
        let sizes = match sizes {
            (Some(least), Some(most)) if least < most => format!("{least} to {most}"),
            (size, _) => size.unwrap_or(0).to_string(),
        };
        let mut about = vec![
            ("extractor", self.network.name().to_owned()),
            ("resize", describe_resize(self.network.as_ref())),
            ("subsets", format!("{} of {sizes} pictures, seed {}", self.args.subsets, self.args.seed)),
        ];
        about.splice(1..1, self.origin.describe());
        about.extend(self.against.describe(&self.sets));
        let bootstrap = self.args.bootstrap.with_seed(self.args.seed);
        about.extend(bootstrap.map(|bootstrap| ("interval", format!("{}, of all pictures", describe(&bootstrap)))));
        Ok(format!("{head}\n\n{}", lines(&about)))
    }
}
