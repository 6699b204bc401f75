//! `stargan2-multi` as its table sees it.

use super::columns::{Column, Digits, Kind, Published};
use super::cut_single::{FRECHET, to_truth};
use super::error::TableError;
use super::evaluated::{Baselined, Evaluated, Guide, parse};
use super::folders::open_domains;
use super::further;
use super::leaves::Leaves;
use super::results::{each, range};
use super::spec::{Layout, Program, Stage};
use serde_json::Value;
use std::path::Path;

/// The program, as its tables see it.
pub struct StarGan2Multi;

/// A further score of the outputs of one guide.
macro_rules! guided_further {
    ($guide:ident, $column:ident, $score:ident) => {
        Column {
            mode: $column.mode,
            mode_title: $column.mode_title,
            eval: |evaluated| evaluated.guided_further(Guide::$guide, further::$score.metric),
            untranslated: Some(|baseline| baseline.pairs_further(further::$score.metric)),
            ..further::$score
        }
    };
}

const COLUMNS: &[Column] = &[
    Column { eval: |evaluated| evaluated.guided(Guide::Latent, |scores| &scores.fd), ..LATENT },
    Column { eval: |evaluated| evaluated.guided(Guide::Latent, |scores| &scores.pd), ..perceptual(LATENT) },
    Column { eval: |evaluated| evaluated.guided(Guide::Reference, |scores| &scores.fd), ..REFERENCE },
    Column { eval: |evaluated| evaluated.guided(Guide::Reference, |scores| &scores.pd), ..perceptual(REFERENCE) },
    Column {
        eval: |evaluated| evaluated.guided(Guide::Latent, |scores| &scores.target_accuracy),
        mode_title: "Lat.",
        ..accuracy(LATENT)
    },
    Column {
        eval: |evaluated| evaluated.guided(Guide::Reference, |scores| &scores.target_accuracy),
        ..accuracy(REFERENCE)
    },
    Column { eval: |evaluated| evaluated.guided_true_to(Guide::Latent, |truth| &truth.mean.pd), ..pd_to_truth(LATENT) },
    Column { eval: |evaluated| evaluated.guided_true_to(Guide::Latent, |truth| &truth.nearest.pd), ..nearest(LATENT) },
    Column { eval: |evaluated| evaluated.guided_true_to(Guide::Latent, |truth| &truth.mean.ssim), ..ssim(LATENT) },
    Column {
        eval: |evaluated| evaluated.guided_true_to(Guide::Reference, |truth| &truth.mean.pd),
        ..pd_to_truth(REFERENCE)
    },
    Column {
        eval: |evaluated| evaluated.guided_true_to(Guide::Reference, |truth| &truth.nearest.pd),
        ..nearest(REFERENCE)
    },
    Column {
        eval: |evaluated| evaluated.guided_true_to(Guide::Reference, |truth| &truth.mean.ssim),
        ..ssim(REFERENCE)
    },
    guided_further!(Latent, LATENT, KERNEL),
    guided_further!(Latent, LATENT, PRECISION),
    guided_further!(Latent, LATENT, RECALL),
    guided_further!(Latent, LATENT, DENSITY),
    guided_further!(Latent, LATENT, COVERAGE),
    guided_further!(Latent, LATENT, MMD),
    guided_further!(Latent, LATENT, STRUCTURE),
    guided_further!(Latent, LATENT, RELATIONS),
    guided_further!(Reference, REFERENCE, KERNEL),
    guided_further!(Reference, REFERENCE, PRECISION),
    guided_further!(Reference, REFERENCE, RECALL),
    guided_further!(Reference, REFERENCE, DENSITY),
    guided_further!(Reference, REFERENCE, COVERAGE),
    guided_further!(Reference, REFERENCE, MMD),
    guided_further!(Reference, REFERENCE, STRUCTURE),
    guided_further!(Reference, REFERENCE, RELATIONS),
];

const LATENT: Column = Column { mode: "latent", mode_title: "Latent", ..FRECHET };
const REFERENCE: Column = Column { mode: "reference", mode_title: "Ref.", ..FRECHET };

const PUBLISHED: Published = Published {
    frechet: "FID(inception-v3-torchvision)",
    perceptual: Some("LPIPS"),
    segmenter: None,
    size: 256,
    outputs: 10,
    runs: "The paper does not tell how many runs its numbers are of.",
};

const fn perceptual(column: Column) -> Column {
    Column {
        title: "PD",
        metric: "pd",
        paper: "lpips",
        kind: Kind::Perceptual,
        more_is_better: true,
        // Outputs that are the source do not differ: there is no PD.
        untranslated: None,
        digits: Digits::Decimals,
        ..column
    }
}

const fn accuracy(column: Column) -> Column {
    Column {
        title: "acc.",
        metric: "target_accuracy",
        paper: "",
        kind: Kind::Accuracy,
        more_is_better: true,
        untranslated: Some(Baselined::target_accuracy),
        digits: Digits::Percent,
        ..column
    }
}

/// A score against the truth, whose place is still to be told.
const fn against_truth(guide: Column, column: Column) -> Column {
    Column { mode: guide.mode, mode_title: guide.mode_title, ..column }
}

const fn pd_to_truth(guide: Column) -> Column {
    let column = to_truth(Kind::Truth, "PD to truth", "pd_to_truth");
    Column { untranslated: Some(|baseline| baseline.pairs_true_to(|truth| &truth.pd)), ..against_truth(guide, column) }
}

/// A source that is not translated is one output: the nearest of them.
const fn nearest(guide: Column) -> Column {
    let column = to_truth(Kind::NearestTruth, "nearest PD to truth", "nearest_pd_to_truth");
    Column { untranslated: Some(|baseline| baseline.pairs_true_to(|truth| &truth.pd)), ..against_truth(guide, column) }
}

const fn ssim(guide: Column) -> Column {
    let column = to_truth(Kind::Likeness, "SSIM to truth", "ssim_to_truth");
    Column {
        untranslated: Some(|baseline| baseline.pairs_true_to(|truth| &truth.ssim)),
        ..against_truth(guide, column)
    }
}

impl Program for StarGan2Multi {
    fn name(&self) -> &'static str {
        "stargan2-multi"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn published(&self) -> &'static Published {
        &PUBLISHED
    }

    fn evaluated(&self, value: &Value) -> Result<Evaluated, String> {
        parse(value).map(Evaluated::Domains)
    }

    fn baselined(&self, value: &Value) -> Result<Baselined, String> {
        parse(value).map(Baselined::Domains)
    }

    fn stages(&self, _method: &str) -> &'static [Stage] {
        &[Stage { leaves: Leaves::Iterations, ..Stage::TRAIN }]
    }

    fn layout(&self) -> Layout {
        Layout::Lines
    }

    fn ceiling(&self) -> &'static str {
        "real images"
    }

    fn drawing(&self) -> Option<&'static [&'static str]> {
        Some(&["sample", "--grid", "latent"])
    }

    fn check_data(&self, dir: &Path) -> Result<(), TableError> {
        open_domains(dir).map(|_| ())
    }

    fn describe(&self, evaluations: &[&Evaluated], baselines: &[&Baselined]) -> Vec<String> {
        describe(evaluations, baselines)
    }
}

fn describe(evaluations: &[&Evaluated], baselines: &[&Baselined]) -> Vec<String> {
    let of_rows = evaluations.iter().filter_map(|evaluated| match evaluated {
        Evaluated::Domains(evaluation) => Some((&evaluation.protocol, evaluated.terms())),
        Evaluated::Single(_) | Evaluated::Compression(_) => None,
    });
    let of_sources = baselines.iter().filter_map(|baseline| Some((baseline.domains()?, baseline.terms())));
    let all: Vec<_> = of_rows.chain(of_sources).collect();
    if all.is_empty() {
        return vec![];
    }
    let terms = || all.iter().map(|(_, terms)| terms);
    let mut caption = vec![
        format!(
            "FD: Fréchet distance of outputs and training images, {}. PD: perceptual distance between outputs of one \
             source (diversity), {}. Both are means over ordered pairs of domains. Acc.: share of outputs that a \
             classifier of real images takes for the target domain; it sees images from afar, their sides made {} times \
             smaller.",
            each(terms().map(|terms| terms.frechet.clone())),
            each(terms().filter_map(|terms| terms.perceptual.clone())),
            each(all.iter().map(|(protocol, _)| protocol.classified_at.to_string())),
        ),
        format!(
            "Images: {} pixels; {} sources and {} training images per domain; outputs per source: {}.",
            each(terms().map(|terms| format!("{0} x {0}", terms.size))),
            each(terms().map(|terms| range(&terms.sources))),
            each(terms().filter_map(|terms| terms.reals.as_deref().map(range))),
            each(terms().map(|terms| terms.outputs.to_string())),
        ),
    ];
    let names: Vec<String> = terms().filter_map(|terms| terms.truth.clone()).collect();
    if !names.is_empty() {
        caption.push(format!(
            "Truth: what the sources should be in the other domains, hidden from training. Perceptual distance to it, {}: \
             the mean over all outputs, and over the nearest output of each source; mean SSIM. All are means over ordered \
             pairs of domains.",
            each(names.into_iter())
        ));
    }
    let real: Vec<String> = (baselines.iter().filter_map(|baseline| baseline.domains()))
        .map(|protocol| format!("{:.1}%", protocol.real_accuracy * 100.0))
        .collect();
    if !real.is_empty() {
        caption.push(format!("The classifier's accuracy on real validation images: {}.", real.join(", ")));
    }
    caption
}
