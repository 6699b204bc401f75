//! `semrel-metrics prdc`.

use super::origin::Origin;
use super::report::{Against, fixed, lines};
use super::session::{Featured, Options, describe_resize};
use super::sets::Set;
use anyhow::{Context, Result};
use clap::ValueEnum;
use semrel_metrics::extractor::Extractor;
use semrel_metrics::prdc::{self, Prdc};
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;

/// Precision, recall, density and coverage of generated pictures against real ones
///
/// The first set holds real pictures, each other one is compared with it. Every picture has a ball around its features that
/// reaches to its k-th nearest neighbour within its own set. Precision: the share of generated pictures in a ball of a real one;
/// recall: the share of real pictures in a ball of a generated one; density: how many balls of real pictures a generated one lies
/// in, in units of k; coverage: the share of real pictures that have a generated one in their ball.
///
/// With a few hundred pictures a score near 0.5 moves by about 0.05 by chance alone. Recall and coverage depend on both counts:
/// compare only sets of equal numbers of pictures.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder, zip or list; the first holds the real pictures
    #[arg(value_name = "SET", required = true, num_args = 1..)]
    sets: Vec<PathBuf>,
    /// Number k of neighbours
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    k: i64,
    /// What counts as inside a ball where distances tie
    #[arg(long, value_enum, default_value = "strict")]
    inside: Inside,
    #[command(flatten)]
    options: Options,
}

/// What counts as inside a ball.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Inside {
    /// Nearer than the radius, as the `prdc` package has it
    Strict,
    /// At most as far as the radius, as torch-fidelity has it
    NonStrict,
}

impl Inside {
    fn rule(self) -> prdc::Inside {
        match self {
            Self::Strict => prdc::Inside::Strict,
            Self::NonStrict => prdc::Inside::NonStrict,
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Strict => "<",
            Self::NonStrict => "<=",
        }
    }
}

pub fn run(args: Args) -> Result<()> {
    let options = &args.options;
    let Featured { sets, features, network, origin } = options.features(&args.sets)?;
    let scores = (1..sets.len())
        .map(|i| {
            let names = || format!("{} and {}", sets[i].path.display(), sets[0].path.display());
            prdc::prdc(&features[0], &features[i], args.k, args.inside.rule()).with_context(names)
        })
        .collect::<Result<Vec<_>>>()?;
    let report = Report { args: &args, sets, scores, network, origin };
    let mut out = std::io::stdout().lock();
    Ok(writeln!(out, "{}", if options.common.output.json { report.json()? } else { report.text() })?)
}

struct Report<'a> {
    args: &'a Args,
    sets: Vec<Set>,
    scores: Vec<Prdc>,
    network: Box<dyn Extractor>,
    origin: Origin,
}

impl Report<'_> {
    fn json(&self) -> Result<String> {
        let value = |(set, scores): (&Set, &Prdc)| -> Value {
            json!({
                "set": set.path, "reference": self.sets[0].path, "precision": scores.precision, "recall": scores.recall,
                "f_score": scores.f_score(), "density": scores.density, "coverage": scores.coverage,
            })
        };
        let report = json!({
            "extractor": self.network.name(),
            "chosen": self.origin.chosen,
            "weights": self.origin.weights_json(),
            "resize": describe_resize(self.network.as_ref()),
            "k": self.args.k,
            "inside": self.args.inside.sign(),
            "sets": self.sets.iter().map(Set::to_json).collect::<Vec<_>>(),
            "values": self.sets[1..].iter().zip(&self.scores).map(value).collect::<Vec<_>>(),
        });
        Ok(serde_json::to_string_pretty(&report)?)
    }

    fn text(&self) -> String {
        let scores = |scores: &Prdc| {
            format!(
                "precision {}  recall {}  density {}  coverage {}",
                fixed(scores.precision, 3),
                fixed(scores.recall, 3),
                fixed(scores.density, 3),
                fixed(scores.coverage, 3)
            )
        };
        let head: Vec<_> =
            self.sets[1..].iter().zip(&self.scores).map(|(set, s)| (set.label.as_str(), scores(s))).collect();
        let mut about = vec![
            ("extractor", self.network.name().to_owned()),
            ("resize", describe_resize(self.network.as_ref())),
            ("balls", format!("of {} neighbours, inside by {}", self.args.k, self.args.inside.sign())),
        ];
        about.splice(1..1, self.origin.describe());
        about.extend(Against::First.describe(&self.sets));
        format!("{}\n\n{}", lines(&head), lines(&about))
    }
}
