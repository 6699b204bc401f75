//! `cut-single` as its tables see it.

use super::results::{each, first};
use super::spec::{Column, Digits, Program};
use semrel_data::{Direction, PairFolder, PairLayout};
use serde_json::Value;
use std::path::Path;

/// The program, as its tables see it.
pub struct CutSingle;

const COLUMNS: &[Column] = &[
    Column {
        heading: "FD ↓",
        mode: "",
        metric: "fd",
        paper: "fid",
        eval: "/fd",
        untranslated: Some("/fd"),
        ceiling: None,
        digits: Digits::Four,
    },
    segmentation("mAP ↑", "map", "/segmentation/mean_iou", "/ceiling/mean_iou"),
    segmentation("pixAcc ↑", "pixel_accuracy", "/segmentation/pixel_accuracy", "/ceiling/pixel_accuracy"),
    segmentation("classAcc ↑", "class_accuracy", "/segmentation/class_accuracy", "/ceiling/class_accuracy"),
];

impl Program for CutSingle {
    fn name(&self) -> &'static str {
        "cut-single"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn own_settings(&self, dir: &Path, direction: Option<Direction>) -> Vec<String> {
        own_settings(dir, direction)
    }

    fn describe(&self, results: &[&Value]) -> Vec<String> {
        describe(results)
    }

    fn length(&self, summary: &Value) -> String {
        let length = format!("{} epochs ({} steps)", summary["epochs"], summary["steps"]);
        match summary["warmup"].as_u64() {
            None | Some(0) => length,
            Some(warmup) => format!("{length} after {warmup} steps of warm-up"),
        }
    }
}

const fn segmentation(
    heading: &'static str,
    metric: &'static str,
    eval: &'static str,
    ceiling: &'static str,
) -> Column {
    let (untranslated, ceiling) = (None, Some(ceiling));
    Column { heading, mode: "", metric, paper: metric, eval, untranslated, ceiling, digits: Digits::OfHundred }
}

/// The direction; and a segmenter's scores where colour labels (B) are translated, which the folder `labels` tells.
pub fn own_settings(dir: &Path, direction: Option<Direction>) -> Vec<String> {
    let mut settings: Vec<String> = direction.map(|d| format!("data.direction={d:?}")).into_iter().collect();
    let apart = || PairFolder::open(dir, "train").is_ok_and(|folder| folder.layout == PairLayout::Unaligned);
    if direction == Some(Direction::BtoA) && dir.join("labels").is_dir() && apart() {
        settings.push("eval.segmentation=true".into());
    }
    settings
}

/// What FD is.
pub fn frechet(results: &[&Value]) -> String {
    format!(
        "FD: Fréchet distance of the translated test images to real images of the target domain, {}. `no translation`: \
         that of the sources as they are.",
        first(results, "/fd_name")
    )
}

/// The segmenters that scored translations, if any did.
pub fn segmenters(results: &[&Value]) -> Option<String> {
    let names: Vec<String> = results.iter().filter_map(|r| r["segmenter"].as_str().map(str::to_owned)).collect();
    (!names.is_empty()).then(|| each(names.into_iter()))
}

fn describe(results: &[&Value]) -> Vec<String> {
    let mut caption = vec![frechet(results)];
    if let Some(segmenters) = segmenters(results) {
        caption.push(format!(
            "mAP, pixAcc and classAcc, in percent: what the segmenter {segmenters} sees in the translations, against the \
             labels that they were made from: mean IoU over classes (called mAP by the paper), share of pixels, mean share \
             over the 19 classes. `real photographs`: what it sees in the real test photographs, the ceiling."
        ));
    }
    caption.push(images(results));
    caption
}

/// Sizes and numbers of the images that were translated and compared.
pub fn images(results: &[&Value]) -> String {
    let size = |r: &&Value| match r["size"].as_u64()? {
        0 => Some("of their own size".to_owned()),
        side => Some(format!("{side} x {side} pixels")),
    };
    let reals = |r: &&Value| Some(format!("{} real {} images", r["reals"].as_u64()?, r["reference"].as_str()?));
    format!(
        "Images: {}; {} translated, compared with {}.",
        each(results.iter().filter_map(size)),
        each(results.iter().filter_map(|r| r["sources"].as_u64()).map(|n| n.to_string())),
        each(results.iter().filter_map(reals)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::fs;

    #[test]
    fn labels_are_scored_where_they_are_translated() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["trainA", "trainB"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
            fs::write(dir.path().join(folder).join("1.ppm"), b"P6 2 1 255\n012345").unwrap();
        }
        let settings = |direction| own_settings(dir.path(), direction);
        assert!(settings(None).is_empty());
        assert_eq!(settings(Some(Direction::BtoA)), ["data.direction=BtoA"]);
        fs::create_dir(dir.path().join("labels")).unwrap();
        assert_eq!(settings(Some(Direction::BtoA)), ["data.direction=BtoA", "eval.segmentation=true"]);
        assert_eq!(settings(Some(Direction::AtoB)), ["data.direction=AtoB"]);
        assert!(CutSingle.check_data(dir.path()).unwrap_err().to_string().contains("trainA, trainB, testA and testB"));
    }

    #[test]
    fn results_are_described() {
        let horses = json!({"fd_name": "FD(x)", "size": 64, "sources": 40, "reals": 40, "reference": "test"});
        let street = json!({"fd_name": "FD(x)", "size": 64, "sources": 50, "reals": 50, "reference": "test",
            "segmenter": "a head"});
        let text = describe(&[&horses]).join("\n");
        assert!(text.contains("FD(x)") && !text.contains("mAP"), "{text}");
        let text = describe(&[&horses, &street]).join("\n");
        assert!(text.contains("the segmenter a head sees"), "{text}");
        let images = "64 x 64 pixels; 40 or 50 translated, compared with 40 real test images or 50 real test images.";
        assert!(text.contains(images), "{text}");
    }
}
