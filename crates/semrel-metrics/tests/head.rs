//! The segmentation head on the published features, where their weights are at hand.

use image::{GrayImage, Luma, Rgb, RgbImage};
use rand::RngExt;
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
use std::path::Path;
use tch::Device;

const SMALL: HeadConfig = HeadConfig { width: 64, height: 64, channels: 16, steps: 60, batch: 4, lr: 1e-2, seed: 1 };

fn extractor() -> Result<EfficientNetLite0, Skipped> {
    match EfficientNetLite0::load(Device::Cpu) {
        Err(missing @ MetricsError::Weights(WeightsError::Missing { .. })) => Err(Skipped::because(missing)),
        other => Ok(other.unwrap()),
    }
}

/// Noisy sky over noisy road, with a horizon of its own in each of eight images; labels as colours and as ids.
fn scenes(folder: &Path) -> [Vec<Pair>; 2] {
    let mut rng = semrel_data::rng::stream(3, "scenes", 0);
    for i in 0..8 {
        let sky = |y: u32| y < 20 + 3 * i;
        let ids = GrayImage::from_fn(64, 64, |_, y| Luma([if sky(y) { 10 } else { 0 }]));
        let photo = RgbImage::from_fn(64, 64, |_, y| {
            let base: [u8; 3] = if sky(y) { [120, 160, 220] } else { [90, 80, 80] };
            Rgb(base.map(|v| v + rng.random_range(0..30)))
        });
        let write = |kind: &str| folder.join(kind).join(format!("{i}.png"));
        semrel_data::image_io::write_image(&write("photos"), &photo).unwrap();
        semrel_data::image_io::write_image(&write("ids"), &ids).unwrap();
        semrel_data::image_io::write_image(&write("colors"), &colors_of_ids(&ids)).unwrap();
    }
    ["ids", "colors"].map(|kind| pairs_by_stem(&folder.join("photos"), &folder.join(kind)).unwrap())
}

fn same(a: &StateDict, b: &StateDict) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && a.equal(b))
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
