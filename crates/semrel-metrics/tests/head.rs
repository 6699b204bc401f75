//! The segmentation head on the published features, where their weights are at hand.

use scenes::{SMALL, same, scenes};
use semrel_metrics::segmentation::labels::colors_of_ids;
use semrel_metrics::segmentation::{
    FitProgress, HeadConfig, HeadSegmenter, LabelFormat, Pair, PhotoSettings, full_size_confusion, pairs_by_stem,
    photo_confusion,
};
use semrel_metrics::weights::WeightsError;
use semrel_metrics::{EfficientNetLite0, MetricsError};
use semrel_nn::checkpoint::StateDict;
use semrel_suite::{Skipped, suite};
use std::ops::ControlFlow;
use tch::Device;

#[path = "segmentation/scenes.rs"]
mod scenes;

fn extractor() -> Result<EfficientNetLite0, Skipped> {
    match EfficientNetLite0::load(Device::Cpu) {
        Err(missing @ MetricsError::Weights(WeightsError::Missing { .. })) => Err(Skipped::because(missing)),
        other => Ok(other.unwrap()),
    }
}

fn a_fit_learns_two_classes_from_ids_or_colors_alike() -> Result<(), Skipped> {
    let (first, second) = (extractor()?, extractor()?);
    let dir = tempfile::tempdir().unwrap();
    let [ids, colors] = scenes(dir.path());
    let mut losses = vec![];
    let head = HeadSegmenter::fit(first, &ids, LabelFormat::TrainId, &SMALL, &mut |state| {
        if let FitProgress::Steps { loss, .. } = state {
            losses.push(loss);
        }
        ControlFlow::Continue(())
    });
    let head = head.unwrap();
    assert_eq!(losses.len(), 60);
    assert!(losses[59] < 0.3 * losses[0], "{} to {}", losses[0], losses[59]);
    let confusion = full_size_confusion(&head, &ids, LabelFormat::TrainId, &mut |_| ()).unwrap();
    assert!(confusion.pixel_accuracy().unwrap() > 0.95, "{:?}", confusion.iou());
    let settings = PhotoSettings::default();
    let resized = photo_confusion(&head, &colors, LabelFormat::Color, &settings, &mut |_| ()).unwrap();
    assert!(resized.pixel_accuracy().unwrap() > 0.9, "{:?}", resized.iou());
    let again =
        HeadSegmenter::fit(second, &colors, LabelFormat::Color, &SMALL, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(same(&head.state(), &again.state()));
    Ok(())
}

suite![a_fit_learns_two_classes_from_ids_or_colors_alike];
