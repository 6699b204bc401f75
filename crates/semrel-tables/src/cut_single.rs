//! `cut-single` as its tables see it.

use super::columns::{Column, Digits, Kind, Published};
use super::evaluated::{Baselined, Evaluated, Terms, parse};
use super::further;
use super::results::each;
use super::spec::Program;
use semrel_data::{Direction, PairFolder, PairLayout};
use semrel_run::scores::TruthScores;
use serde_json::Value;
use std::path::Path;

/// The program, as its tables see it.
pub struct CutSingle;

const COLUMNS: &[Column] = &[
    FRECHET,
    Column {
        eval: |evaluated| evaluated.seen(|seen| seen.mean_iou),
        ceiling: Some(|baseline| baseline.ceiling(|seen| seen.mean_iou)),
        ..segmentation("mAP", "map")
    },
    Column {
        eval: |evaluated| evaluated.seen(|seen| seen.pixel_accuracy),
        ceiling: Some(|baseline| baseline.ceiling(|seen| seen.pixel_accuracy)),
        kind: Kind::Recounted,
        ..segmentation("pixAcc", "pixel_accuracy")
    },
    Column {
        eval: |evaluated| evaluated.seen(|seen| seen.class_accuracy),
        ceiling: Some(|baseline| baseline.ceiling(|seen| seen.class_accuracy)),
        kind: Kind::Recounted,
        ..segmentation("classAcc", "class_accuracy")
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
    further::COUPLING,
    further::COUPLING_UNRELATED,
    further::COUPLING_RELATED,
];

/// Fréchet distance of translations from one domain to another.
pub const FRECHET: Column = Column {
    title: "FD",
    mode: "",
    mode_title: "",
    metric: "fd",
    paper: "fid",
    kind: Kind::Frechet,
    more_is_better: false,
    eval: Evaluated::fd,
    untranslated: Some(Baselined::fd),
    ceiling: None,
    digits: Digits::Four,
};

/// Perceptual distance to the truth.
pub const PD_TO_TRUTH: Column = Column {
    eval: |evaluated| evaluated.true_to(|truth| truth.pd),
    untranslated: Some(|baseline| baseline.true_to(|truth| truth.pd)),
    ..to_truth(Kind::Truth, "PD to truth", "pd_to_truth")
};

/// Structural similarity to the truth.
pub const SSIM_TO_TRUTH: Column = Column {
    eval: |evaluated| evaluated.true_to(|truth| truth.ssim),
    untranslated: Some(|baseline| baseline.true_to(|truth| truth.ssim)),
    ..to_truth(Kind::Likeness, "SSIM to truth", "ssim_to_truth")
};

/// PSNR outside the masks, where pictures should not change.
pub const PSNR_OUTSIDE: Column = Column {
    eval: |evaluated| evaluated.true_to(outside),
    untranslated: Some(|baseline| baseline.true_to(outside)),
    digits: Digits::OfHundred,
    ..to_truth(Kind::Likeness, "PSNR outside mask", "psnr_outside")
};

fn outside(truth: &TruthScores) -> f64 {
    truth.masked.map_or(f64::NAN, |masked| masked.outside)
}

/// A score against the truth, of which the paper has none, and whose place is still to be told.
pub const fn to_truth(kind: Kind, title: &'static str, metric: &'static str) -> Column {
    Column {
        title,
        metric,
        paper: "",
        kind,
        more_is_better: matches!(kind, Kind::Likeness),
        digits: Digits::Decimals,
        ..FRECHET
    }
}

const PUBLISHED: Published = Published {
    frechet: "FID",
    perceptual: None,
    segmenter: Some("drn-d-22"),
    size: 256,
    outputs: 1,
    runs: "The paper's are of the best epoch on the test images; it does not tell how many runs they are of.",
};

impl Program for CutSingle {
    fn name(&self) -> &'static str {
        "cut-single"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn published(&self) -> &'static Published {
        &PUBLISHED
    }

    fn evaluated(&self, value: &Value) -> Result<Evaluated, String> {
        parse(value).map(Evaluated::Single)
    }

    fn baselined(&self, value: &Value) -> Result<Baselined, String> {
        parse(value).map(Baselined::Pair)
    }

    fn own_settings(&self, dir: &Path, direction: Option<Direction>) -> Vec<String> {
        own_settings(dir, direction)
    }

    fn describe(&self, evaluations: &[&Evaluated], baselines: &[&Baselined]) -> Vec<String> {
        describe(&terms(evaluations, baselines))
    }
}

/// A score of a segmenter, whose place is still to be told.
pub const fn segmentation(title: &'static str, metric: &'static str) -> Column {
    Column {
        title,
        metric,
        paper: metric,
        kind: Kind::Segmentation,
        more_is_better: true,
        untranslated: None,
        digits: Digits::OfHundred,
        ..FRECHET
    }
}

/// What all results refer to.
pub fn terms(evaluations: &[&Evaluated], baselines: &[&Baselined]) -> Vec<Terms> {
    let evaluations = evaluations.iter().map(|evaluation| evaluation.terms());
    evaluations.chain(baselines.iter().map(|baseline| baseline.terms())).collect()
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
pub fn frechet(terms: &[Terms]) -> String {
    format!(
        "FD: Fréchet distance of the translated test images to real images of the target domain, {}. `no translation`: \
         that of the sources as they are.",
        each(terms.iter().map(|terms| terms.frechet.clone()))
    )
}

/// The segmenters that scored translations, if any did.
pub fn segmenters(terms: &[Terms]) -> Option<String> {
    let names: Vec<String> = terms.iter().filter_map(|terms| terms.segmenter.clone()).collect();
    (!names.is_empty()).then(|| each(names.into_iter()))
}

fn describe(terms: &[Terms]) -> Vec<String> {
    if terms.is_empty() {
        return vec![];
    }
    let mut caption = vec![frechet(terms)];
    if let Some(segmenters) = segmenters(terms) {
        caption.push(format!(
            "mAP, pixAcc and classAcc, in percent: what the segmenter {segmenters} sees in the translations, against the \
             labels that they were made from: mean IoU over classes (called mAP by the paper), share of pixels, mean share \
             over the 19 classes. `real photographs`: what it sees in the real test photographs, the ceiling."
        ));
    }
    caption.extend(truth(terms));
    caption.push(images(terms));
    caption
}

/// What scores against the truth are, if there are any.
pub fn truth(terms: &[Terms]) -> Option<String> {
    let names: Vec<String> = terms.iter().filter_map(|terms| terms.truth.clone()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "Truth: what the translations should be, hidden from training. Mean perceptual \
             distance to it, {}, and mean SSIM; PSNR outside mask, in decibels, is of the pixels that should not change, \
             where it is known which these are.",
            each(names.into_iter())
        )
    })
}

/// Sizes and numbers of the images that were translated and compared.
pub fn images(terms: &[Terms]) -> String {
    let size = |terms: &Terms| match terms.size {
        0 => "of their own size".to_owned(),
        side => format!("{side} x {side} pixels"),
    };
    let reals = |terms: &Terms| match (&terms.reals, terms.reference.as_str()) {
        (Some(counts), reference) => format!("{} real {reference} images", counts[0]),
        (None, "statistics") => "the statistics of an archive".to_owned(),
        (None, reference) => format!("real {reference} images"),
    };
    format!(
        "Images: {}; {} translated, compared with {}.",
        each(terms.iter().map(size)),
        each(terms.iter().map(|terms| terms.sources[0].to_string())),
        each(terms.iter().map(reals)),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
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
        let horses = testing::single(1.0, None).terms();
        let text = describe(std::slice::from_ref(&horses)).join("\n");
        assert!(text.contains("FD(x)") && !text.contains("mAP"), "{text}");
        let mut street = testing::single(1.0, Some("a head")).terms();
        (street.sources, street.reals) = (vec![50], Some(vec![50]));
        let text = describe(&[horses.clone(), street.clone()]).join("\n");
        assert!(text.contains("the segmenter a head sees"), "{text}");
        let images = "64 x 64 pixels; 40 or 50 translated, compared with 40 real test images or 50 real test images.";
        assert!(text.contains(images), "{text}");
        street.frechet = "FID".into();
        (street.reals, street.reference) = (None, "statistics".into());
        let text = describe(&[horses, street]).join("\n");
        assert!(text.contains("FD(x) or FID") && text.contains("or the statistics of an archive"), "{text}");
        assert!(describe(&[]).is_empty());
    }
}
