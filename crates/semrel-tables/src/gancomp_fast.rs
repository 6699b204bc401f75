//! `gancomp-fast` as its table sees it.

use super::columns::{Column, Digits, Kind, Published};
use super::cut_single::{self, FRECHET, PD_TO_TRUTH, PSNR_OUTSIDE, SSIM_TO_TRUTH, segmentation};
use super::entries::MEASURED;
use super::evaluated::{Baselined, Evaluated, parse};
use super::further;
use super::leaves::Leaves;
use super::spec::{Address, Program, Stage};
use semrel_data::{Direction, PairFolder, PairLayout};
use serde_json::Value;
use std::path::Path;

/// The method that is the large generator itself, which the others learn from.
pub const TEACHER: &str = "teacher";

/// The paper's method.
pub const OURS: &str = "ours";

/// The program, as its tables see it.
pub struct GancompFast;

const COLUMNS: &[Column] = &[
    Column { eval: |evaluated| evaluated.cost(|of| of.parameters), ..count("#Param", "parameters", Digits::Millions) },
    Column { eval: |evaluated| evaluated.cost(|of| of.macs), ..count("MACs", "macs", Digits::Billions) },
    FRECHET,
    Column {
        eval: |evaluated| evaluated.seen(|seen| seen.mean_iou),
        ceiling: Some(|baseline| baseline.ceiling(|seen| seen.mean_iou)),
        ..segmentation("mIoU", "mean_iou")
    },
    PD_TO_TRUTH,
    SSIM_TO_TRUTH,
    PSNR_OUTSIDE,
    further::KERNEL,
    further::PRECISION,
    further::RECALL,
    further::DENSITY,
    further::COVERAGE,
    further::MMD,
    further::STRUCTURE,
    further::RELATIONS,
];

const PUBLISHED: Published = Published {
    frechet: "FID",
    perceptual: None,
    segmenter: Some("drn-d-105"),
    size: 256,
    outputs: 1,
    runs: "The paper does not tell how many runs its numbers are of.",
};

/// A count of what a generator costs, whose place is still to be told.
const fn count(title: &'static str, metric: &'static str, digits: Digits) -> Column {
    Column { title, metric, paper: metric, kind: Kind::Count, untranslated: None, digits, ..FRECHET }
}

impl Program for GancompFast {
    fn name(&self) -> &'static str {
        "gancomp-fast"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn published(&self) -> &'static Published {
        &PUBLISHED
    }

    fn evaluated(&self, value: &Value) -> Result<Evaluated, String> {
        parse(value).map(Evaluated::Compression)
    }

    fn baselined(&self, value: &Value) -> Result<Baselined, String> {
        parse(value).map(Baselined::Pair)
    }

    fn checkpoints(&self) -> &'static [&'static str] {
        &[MEASURED]
    }

    fn stages(&self, method: &str) -> &'static [Stage] {
        stages(method)
    }

    fn configuration(&self, method: &'static str) -> &'static str {
        if method == TEACHER { OURS } else { method }
    }

    fn needs(&self, method: &str) -> Option<&'static str> {
        (method != TEACHER).then_some(TEACHER)
    }

    fn address(&self) -> Address {
        Address::Names
    }

    fn plots(&self) -> &'static [(&'static str, &'static str)] {
        &[("quality against cost of all that the search evaluated", "search/front.svg")]
    }

    fn own_stem(&self, dir: &Path) -> &'static str {
        own_stem(dir)
    }

    fn own_settings(&self, dir: &Path, direction: Option<Direction>) -> Vec<String> {
        own_settings(dir, direction)
    }

    fn describe(&self, evaluations: &[&Evaluated], baselines: &[&Baselined]) -> Vec<String> {
        describe(evaluations, baselines)
    }
}

fn stages(method: &str) -> &'static [Stage] {
    const TEACHER_STAGES: &[Stage] =
        &[Stage { label: "training", action: "teacher", folder: "", leaves: Leaves::Epochs }];
    const STUDENT_STAGES: &[Stage] = &[
        Stage { label: "distilling", action: "distill", folder: "distill", leaves: Leaves::Epochs },
        Stage { label: "searching", action: "search", folder: "search", leaves: Leaves::Search },
        Stage { label: "fine-tuning", action: "finetune", folder: "finetune", leaves: Leaves::Epochs },
        Stage { label: "exporting", action: "export", folder: "export", leaves: Leaves::Export },
    ];
    if method == TEACHER { TEACHER_STAGES } else { STUDENT_STAGES }
}

/// Pairs are translated by another teacher and with other weights.
fn own_stem(dir: &Path) -> &'static str {
    if PairFolder::open(dir, "train").is_ok_and(in_pairs) { "pairs" } else { "data" }
}

/// The direction; and a segmenter's scores, by which the search then goes, where colour labels (B) are translated, which the
/// folder `labels` tells.
fn own_settings(dir: &Path, direction: Option<Direction>) -> Vec<String> {
    let mut settings = cut_single::own_settings(dir, direction);
    if settings.iter().any(|setting| setting == "eval.segmentation=true") {
        settings.push("search.criterion=miou".into());
    }
    settings
}

fn in_pairs(folder: PairFolder) -> bool {
    folder.layout == PairLayout::Aligned || folder.into_pairs().is_ok()
}

fn describe(evaluations: &[&Evaluated], baselines: &[&Baselined]) -> Vec<String> {
    let terms = cut_single::terms(evaluations, baselines);
    if terms.is_empty() {
        return vec![];
    }
    let mut caption = vec![
        "#Param and MACs: of the network that was measured (the teacher; the sub-network that the search has found), \
         convolutions counted as published, one image."
            .to_owned(),
    ];
    let found: Vec<&str> = evaluations.iter().filter_map(|evaluated| evaluated.channels()).collect();
    if !found.is_empty() {
        caption.push(format!("Configurations found, from above: {}.", found.join(", ")));
    }
    caption.push(cut_single::frechet(&terms));
    if let Some(segmenters) = cut_single::segmenters(&terms) {
        caption.push(format!(
            "mIoU, in percent: what the segmenter {segmenters} sees in the translations, against the labels that they were \
             made from. `real photographs`: what it sees in the real test photographs, the ceiling."
        ));
    }
    caption.extend(cut_single::truth(&terms));
    caption.push(cut_single::images(&terms));
    caption
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use std::fs;

    #[test]
    fn pairs_are_told_by_their_names() {
        let dir = tempfile::tempdir().unwrap();
        let picture = |folder: &str, name: &str| {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
            fs::write(dir.path().join(folder).join(name), b"P6 2 1 255\n012345").unwrap();
        };
        picture("trainA", "1.ppm");
        picture("trainB", "1.ppm");
        assert_eq!(own_stem(dir.path()), "pairs");
        picture("trainB", "2.ppm");
        assert_eq!(own_stem(dir.path()), "data");
        fs::remove_dir_all(dir.path().join("trainA")).unwrap();
        picture("train", "1.ppm");
        assert_eq!(own_stem(dir.path()), "pairs");
    }

    #[test]
    fn a_search_goes_by_labels_where_they_are_translated() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["trainA", "trainB", "labels"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
            fs::write(dir.path().join(folder).join("1.ppm"), b"P6 2 1 255\n012345").unwrap();
        }
        let labelled = ["data.direction=BtoA", "eval.segmentation=true", "search.criterion=miou"];
        assert_eq!(own_settings(dir.path(), Some(Direction::BtoA)), labelled);
        assert!(own_settings(dir.path(), None).is_empty());
    }

    #[test]
    fn costs_and_configurations_are_told() {
        let evaluated = testing::with_truth(testing::compression(60.0, 411_619), 1.5);
        let of = |column: &Column| (column.eval)(&evaluated);
        let scores = [Some(411_619.0), Some(1000.0), Some(60.0), None, Some(1.5), Some(0.75), Some(30.0)];
        assert_eq!(COLUMNS[..7].iter().map(of).collect::<Vec<_>>(), scores);
        let text = describe(&[&evaluated], &[&testing::baseline(9.0, Some("a head"))]).join("\n");
        assert!(text.contains("from above: 16_16.") && text.contains("segmenter a head"), "{text}");
        assert!(text.contains("Truth:") && text.contains("PD(y), and mean SSIM"), "{text}");
        assert!(describe(&[], &[]).is_empty());
    }
}
