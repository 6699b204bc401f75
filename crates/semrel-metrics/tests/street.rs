//! The segmentation head on real street scenes, where they are at hand.

use semrel_metrics::segmentation::{
    FitProgress, HeadConfig, HeadSegmenter, LabelFormat, Pair, Segmenter, full_size_confusion, pairs_by_stem,
};
use semrel_metrics::weights::WeightsError;
use semrel_metrics::{EfficientNetLite0, MetricsError};
use semrel_suite::{Skipped, suite};
use std::ops::ControlFlow;
use std::path::PathBuf;
use tch::Device;

/// The folder `street` of `SEMREL_DATA`, or of `../shared/data` beside the checkout.
fn street() -> PathBuf {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    std::env::var_os("SEMREL_DATA").map_or_else(beside, PathBuf::from).join("street")
}

fn every(step: usize, pairs: Vec<Pair>) -> Vec<Pair> {
    pairs.into_iter().step_by(step).collect()
}

/// A reduced fit; `cargo run -p semrel-metrics --example segment_street` fits and scores on all pictures.
fn a_reduced_head_labels_real_street_scenes() -> Result<(), Skipped> {
    let data = street();
    if !data.join("labels/test").is_dir() {
        let why = format!("no street scenes at {}; set SEMREL_DATA to their parent folder", data.display());
        return Err(Skipped::because(why));
    }
    let network = match EfficientNetLite0::load(Device::Cpu) {
        Err(missing @ MetricsError::Weights(WeightsError::Missing { .. })) => return Err(Skipped::because(missing)),
        other => other.unwrap(),
    };
    let pairs = |photos: &str, labels: &str| pairs_by_stem(&data.join(photos), &data.join(labels)).unwrap();
    let train = every(6, pairs("trainA", "labels/train"));
    let config = HeadConfig { width: 192, height: 192, channels: 32, steps: 200, ..HeadConfig::default() };
    let mut go = |_: FitProgress| ControlFlow::Continue(());
    let head = HeadSegmenter::fit(network, &train, LabelFormat::TrainId, &config, &mut go).unwrap();
    assert_eq!(head.name(), "effnet-lite0-head");
    let test = every(10, pairs("testA", "labels/test"));
    let confusion = full_size_confusion(&head, &test, LabelFormat::TrainId, &mut |_| ()).unwrap();
    let accuracy = confusion.pixel_accuracy().unwrap();
    println!("{} pictures fitted, {} scored: pixel accuracy {accuracy:.3}", train.len(), test.len());
    assert!(accuracy > 0.8, "{accuracy}");
    Ok(())
}

suite![a_reduced_head_labels_real_street_scenes];
