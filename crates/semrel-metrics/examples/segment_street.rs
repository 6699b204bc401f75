//! Fits the segmentation head to the training half of a data set in CycleGAN's layout and scores it on the test half:
//!
//! ```text
//! cargo run -p semrel-metrics --example segment_street -- DATA
//! ```
//!
//! `DATA` holds photographs in `trainA`, `testA` and train ids in `labels/train`, `labels/test`.

use semrel_metrics::segmentation::labels::CITYSCAPES;
use semrel_metrics::segmentation::{
    FitProgress, HeadConfig, HeadSegmenter, LabelFormat, full_size_confusion, pairs_by_stem,
};
use semrel_metrics::{EfficientNetLite0, MetricsError};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;
use tch::Device;

fn main() -> Result<(), MetricsError> {
    let data = std::env::args_os().nth(1).map_or_else(|| "data/street".into(), PathBuf::from);
    let pairs = |photos: &str, labels: &str| pairs_by_stem(&data.join(photos), &data.join(labels));
    let (train, test) = (pairs("trainA", "labels/train")?, pairs("testA", "labels/test")?);
    let start = Instant::now();
    let config = HeadConfig::default();
    let mut progress = |state: FitProgress| {
        match state {
            FitProgress::Features { done, total } if done == total => {
                println!("features of {total} photographs: {:.0} s", start.elapsed().as_secs_f64());
            }
            FitProgress::Steps { done, total, loss } if done % 300 == 0 => {
                println!("step {done} of {total}: loss {loss:.3}, {:.0} s", start.elapsed().as_secs_f64());
            }
            _ => {}
        }
        ControlFlow::Continue(())
    };
    let network = EfficientNetLite0::load(Device::Cpu)?;
    let segmenter = HeadSegmenter::cached(network, &train, LabelFormat::TrainId, &config, &mut progress)?;
    println!("fitted after {:.0} s", start.elapsed().as_secs_f64());
    let confusion = full_size_confusion(&segmenter, &test, LabelFormat::TrainId, &mut |_| ())?;
    println!("scored {} photographs after {:.0} s", test.len(), start.elapsed().as_secs_f64());
    println!("pixel accuracy {:.4}", confusion.pixel_accuracy()?);
    println!("class accuracy {:.4} (mean over the classes that occur)", confusion.class_accuracy()?);
    println!("mIoU {:.2} %", confusion.mean_iou_percent()?);
    for (class, iou) in CITYSCAPES.iter().zip(confusion.iou()) {
        if let Some(iou) = iou {
            println!("  {:<14} {:5.1} %", class.name, 100.0 * iou);
        }
    }
    Ok(())
}
