//! `stargan2-multi` as its table sees it.

use super::error::TableError;
use super::folders::open_domains;
use super::results::{counts, each, first};
use super::spec::{Column, Digits, Layout, Program};
use serde_json::Value;
use std::path::Path;

/// The program, as its tables see it.
pub struct StarGan2Multi;

const COLUMNS: &[Column] = &[
    column("Latent FD ↓", ["latent", "fd", "fid"], "/latent/fd", Some("/fd"), Digits::Four),
    // Outputs that are the source do not differ: there is no PD.
    column("Latent PD ↑", ["latent", "pd", "lpips"], "/latent/pd", None, Digits::Decimals),
    column("Ref. FD ↓", ["reference", "fd", "fid"], "/reference/fd", Some("/fd"), Digits::Four),
    column("Ref. PD ↑", ["reference", "pd", "lpips"], "/reference/pd", None, Digits::Decimals),
    accuracy("Lat. acc. ↑", "latent", "/latent/target_accuracy"),
    accuracy("Ref. acc. ↑", "reference", "/reference/target_accuracy"),
];

impl Program for StarGan2Multi {
    fn name(&self) -> &'static str {
        "stargan2-multi"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
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

    fn describe(&self, results: &[&Value]) -> Vec<String> {
        describe(results)
    }

    fn length(&self, summary: &Value) -> String {
        match (&summary["iterations"], summary["warmup"].as_u64()) {
            (iterations, None | Some(0)) => format!("{iterations} iterations"),
            (iterations, Some(warmup)) => format!("{iterations} iterations after {warmup} of warm-up"),
        }
    }
}

const fn column(
    heading: &'static str,
    [mode, metric, paper]: [&'static str; 3],
    eval: &'static str,
    untranslated: Option<&'static str>,
    digits: Digits,
) -> Column {
    Column { heading, mode, metric, paper, eval, untranslated, ceiling: None, digits }
}

const fn accuracy(heading: &'static str, mode: &'static str, eval: &'static str) -> Column {
    let untranslated = Some("/target_accuracy");
    column(heading, [mode, "target_accuracy", ""], eval, untranslated, Digits::Percent)
}

fn describe(results: &[&Value]) -> Vec<String> {
    let mut caption = vec![
        format!(
            "FD: Fréchet distance of outputs and training images, {}. PD: perceptual distance between outputs of one \
             source (diversity), {}. Both are means over ordered pairs of domains. Acc.: share of outputs that a \
             classifier of real images takes for the target domain; it sees images from afar, their sides made {} times \
             smaller.",
            first(results, "/fd_name"),
            first(results, "/pd_name"),
            first(results, "/classified_at"),
        ),
        format!(
            "Images: {0} x {0} pixels, {1} sources and {2} training images a domain, {3} outputs a source.",
            first(results, "/img_size"),
            each(results.iter().filter_map(|r| counts(&r["sources_per_domain"]))),
            each(results.iter().filter_map(|r| counts(&r["reals_per_domain"]))),
            first(results, "/num_outs"),
        ),
    ];
    // Only baselines stand for their data set alone.
    let baselines = results.iter().filter(|r| r.get("latent").is_none());
    let real: Vec<String> =
        baselines.filter_map(|b| b["real_accuracy"].as_f64()).map(|a| format!("{:.1}%", a * 100.0)).collect();
    if !real.is_empty() {
        caption.push(format!("The classifier's accuracy on real validation images: {}.", real.join(", ")));
    }
    caption
}
