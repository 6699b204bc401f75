//! `semrel-metrics mmd`.

use super::origin::Origin;
use super::report::{Against, fixed, head, lines};
use super::session::{Featured, Options, describe_resize};
use super::sets::Set;
use anyhow::{Context, Result, ensure};
use semrel_metrics::extractor::Extractor;
use semrel_metrics::mmd::{Pairs, rbf_mmd2};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use tch::Tensor;

/// Squared maximum mean discrepancy of two sets of pictures, or of several, under a Gaussian kernel
///
/// The kernel is exp(−|x − y|²/(2σ²)); its width σ is always printed, and only numbers of the same σ can be compared. Without
/// bias by default: then it does not grow with fewer pictures, and may be negative. CMMD as published is the biased form with
/// σ = 10, times 1000, of unit features of CLIP, which this program does not have: the score is MMD-RBF with the name of its
/// features.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder, zip or list
    #[arg(value_name = "SET", required = true, num_args = 1..)]
    sets: Vec<PathBuf>,
    /// Which pairs are compared [default: first for two sets, all for more]
    #[arg(long, value_enum)]
    against: Option<Against>,
    /// Width σ of the kernel, in the units of the features
    #[arg(long, default_value_t = 10.0)]
    sigma: f64,
    /// Divide features by their length before they are compared, as CMMD does
    #[arg(long)]
    unit: bool,
    /// Count the pairs of a picture with itself: never negative, and larger for fewer pictures
    #[arg(long)]
    biased: bool,
    #[command(flatten)]
    options: Options,
}

impl Args {
    /// Features as they are compared.
    fn of_length(&self, features: Tensor) -> Tensor {
        if self.unit { &features / features.norm_scalaropt_dim(2.0, [1i64].as_slice(), true) } else { features }
    }
}

pub fn run(args: Args) -> Result<()> {
    let options = &args.options;
    ensure!(args.sigma.is_finite() && args.sigma > 0.0, "--sigma {}: expected a finite positive number", args.sigma);
    let Featured { sets, features, network, origin } = options.features(&args.sets)?;
    let features: Vec<Tensor> = features.into_iter().map(|features| args.of_length(features)).collect();
    let against = Against::chosen(args.against, sets.len());
    let pairs = if args.biased { Pairs::Biased } else { Pairs::Unbiased };
    let values = against
        .pairs(sets.len(), false)
        .into_iter()
        .map(|(i, j)| {
            let names = || format!("{} and {}", sets[i].path.display(), sets[j].path.display());
            Ok(((i, j), rbf_mmd2(&features[i], &features[j], args.sigma, pairs).with_context(names)?))
        })
        .collect::<Result<Vec<_>>>()?;
    let report = Report { args: &args, sets, values, against, network, origin };
    let mut out = std::io::stdout().lock();
    Ok(writeln!(out, "{}", if options.common.output.json { report.json()? } else { report.text() })?)
}

struct Report<'a> {
    args: &'a Args,
    sets: Vec<Set>,
    values: Vec<((usize, usize), f64)>,
    against: Against,
    network: Box<dyn Extractor>,
    origin: Origin,
}

impl Report<'_> {
    fn score(&self) -> String {
        let unit = if self.args.unit { ", unit length" } else { "" };
        let biased = if self.args.biased { ", biased" } else { "" };
        format!("MMD-RBF({}{unit}, sigma {}{biased})", self.network.name(), self.args.sigma)
    }

    fn json(&self) -> Result<String> {
        let path = |i: usize| &self.sets[i].path;
        let values =
            self.values.iter().map(|&((i, j), value)| json!({"set": path(i), "reference": path(j), "value": value}));
        let report = json!({
            "score": self.score(),
            "extractor": self.network.name(),
            "chosen": self.origin.chosen,
            "weights": self.origin.weights_json(),
            "resize": describe_resize(self.network.as_ref()),
            "sigma": self.args.sigma,
            "unit": self.args.unit,
            "biased": self.args.biased,
            "against": self.against.name(),
            "sets": self.sets.iter().map(Set::to_json).collect::<Vec<_>>(),
            "values": values.collect::<Vec<_>>(),
        });
        Ok(serde_json::to_string_pretty(&report)?)
    }

    fn text(&self) -> String {
        let values: Vec<_> = self.values.iter().map(|&(pair, value)| (pair, fixed(1e3 * value, 3))).collect();
        let head = head(&format!("{} x 1000", self.score()), self.against, &self.sets, &values);
        let mut about =
            vec![("extractor", self.network.name().to_owned()), ("resize", describe_resize(self.network.as_ref()))];
        about.splice(1..1, self.origin.describe());
        about.extend(self.against.describe(&self.sets));
        format!("{head}\n\n{}", lines(&about))
    }
}
