//! `gancomp-fast` as its table sees it.

use super::cut_single;
use super::entries::MEASURED;
use super::spec::{Address, Column, Digits, Program, Stage};
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
    column("#Param ↓", ["parameters", "parameters"], "/parameters", Digits::Millions),
    column("MACs ↓", ["macs", "macs"], "/macs", Digits::Billions),
    Column { untranslated: Some("/fd"), ..column("FD ↓", ["fd", "fid"], "/fd", Digits::Four) },
    Column {
        ceiling: Some("/ceiling/mean_iou"),
        ..column("mIoU ↑", ["mean_iou", "mean_iou"], "/segmentation/mean_iou", Digits::OfHundred)
    },
];

impl Program for GancompFast {
    fn name(&self) -> &'static str {
        "gancomp-fast"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
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

    fn describe(&self, results: &[&Value]) -> Vec<String> {
        describe(results)
    }

    fn length(&self, summary: &Value) -> String {
        length(summary)
    }
}

const fn column(
    heading: &'static str,
    [metric, paper]: [&'static str; 2],
    eval: &'static str,
    digits: Digits,
) -> Column {
    Column { heading, mode: "", metric, paper, eval, untranslated: None, ceiling: None, digits }
}

fn stages(method: &str) -> &'static [Stage] {
    const TEACHER_STAGES: &[Stage] = &[Stage { label: "training", action: "teacher", folder: "" }];
    const STUDENT_STAGES: &[Stage] = &[
        Stage { label: "distilling", action: "distill", folder: "distill" },
        Stage { label: "searching", action: "search", folder: "search" },
        Stage { label: "fine-tuning", action: "finetune", folder: "finetune" },
        Stage { label: "exporting", action: "export", folder: "export" },
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

fn describe(results: &[&Value]) -> Vec<String> {
    let mut caption = vec![
        "#Param and MACs: of the network that was measured (the teacher; the sub-network that the search has found), \
         convolutions counted as published, one image."
            .to_owned(),
    ];
    let found: Vec<String> = results.iter().filter_map(|r| r["channels"].as_str().map(str::to_owned)).collect();
    if !found.is_empty() {
        caption.push(format!("Configurations found, from above: {}.", found.join(", ")));
    }
    caption.push(cut_single::frechet(results));
    if let Some(segmenters) = cut_single::segmenters(results) {
        caption.push(format!(
            "mIoU, in percent: what the segmenter {segmenters} sees in the translations, against the labels that they were \
             made from. `real photographs`: what it sees in the real test photographs, the ceiling."
        ));
    }
    caption.push(cut_single::images(results));
    caption
}

/// What a stage of a run was, from its summary.
fn length(summary: &Value) -> String {
    let training =
        |summary: &Value| Some(format!("{} epochs ({} steps)", summary["epochs"], summary["steps"].as_u64()?));
    let Some(stages) = summary["stages"].as_object() else {
        return format!("teacher {}", training(summary).unwrap_or_else(|| "?".into()));
    };
    let one = |(name, summary): (&String, &Value)| {
        let evaluations = || Some(format!("{} evaluations", summary["evaluations"].as_u64()?));
        Some(format!("{name} {}", training(summary).or_else(evaluations)?))
    };
    stages.iter().filter_map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
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
    fn lengths_are_those_of_the_stages() {
        let summary = json!({"epochs": 3, "steps": 30});
        assert_eq!(length(&summary), "teacher 3 epochs (30 steps)");
        let stages = json!({"stages": {"distill": summary, "search": {"evaluations": 40}, "export": {}}});
        assert_eq!(length(&stages), "distill 3 epochs (30 steps), search 40 evaluations");
    }
}
