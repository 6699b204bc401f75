use super::super::labels::colors_of_ids;
use super::super::pairs::pairs_by_stem;
use super::*;
use image::{GrayImage, Luma};
use rand::RngExt;
use scenes::{SMALL, same, scenes};
use tch::Device;

#[path = "../../tests/segmentation/scenes.rs"]
mod scenes;

/// An extractor of made-up weights: what is tested here does not depend on them.
fn extractor() -> EfficientNetLite0 {
    let state = crate::efficientnet_lite::empty_state::<crate::efficientnet_lite::Lite0>();
    let mut rng = semrel_data::rng::stream(5, "weights", 0);
    for (key, tensor) in &state {
        let bound = if tensor.dim() > 1 { (6.0 * tensor.size()[0] as f64 / tensor.numel() as f64).sqrt() } else { 0.1 };
        let middle = if key.ends_with("running_var") { 1.0 } else { 0.0 };
        let values: Vec<f64> =
            (0..tensor.numel()).map(|_| middle + bound * (2.0 * rng.random::<f64>() - 1.0)).collect();
        tch::no_grad(|| tensor.shallow_clone().copy_(&Tensor::from_slice(&values).view_as(tensor)));
    }
    EfficientNetLite0::from_state(&state, Device::Cpu).unwrap()
}

fn go(_: FitProgress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn heads_are_kept_by_content_and_an_interrupted_fit_leaves_nothing() {
    let network = extractor();
    let dir = tempfile::tempdir().unwrap();
    let [pairs, _] = scenes(dir.path());
    let config = HeadConfig { steps: 3, ..SMALL };
    let digest = |config: &HeadConfig| head_cache::digest(&pairs, LabelFormat::TrainId, config).unwrap();
    let named = |fitted_to: &str| Some(dir.path().join("cache").join(format!("{fitted_to}.safetensors")));
    let fitted_to = digest(&config);
    let place = named(&fitted_to).unwrap();
    let cached = |network, progress: &mut dyn FnMut(FitProgress) -> ControlFlow<()>| {
        HeadSegmenter::cached_at(network, &pairs, LabelFormat::TrainId, &config, named, progress)
    };
    let stopped = cached(network, &mut |state| match state {
        FitProgress::Steps { done: 2, .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    assert!(matches!(stopped, Err(MetricsError::Interrupted)));
    assert!(!place.exists());
    let fitted = cached(extractor(), &mut go).unwrap();
    let kept = cached(extractor(), &mut |_| panic!("fitted again")).unwrap();
    assert!(same(&fitted.state(), &kept.state()));
    assert_eq!([fitted.fitted_to(), kept.fitted_to()], [fitted_to.as_str(); 2]);
    assert_ne!(digest(&HeadConfig { seed: 2, ..config.clone() }), fitted_to);
    // A damaged file is fitted anew.
    std::fs::write(&place, b"damaged").unwrap();
    assert!(same(&cached(extractor(), &mut go).unwrap().state(), &fitted.state()));
    let photo = &pairs[0].photo;
    semrel_data::image_io::write_image(photo, &RgbImage::new(64, 64)).unwrap();
    assert_ne!(digest(&config), fitted_to);
}

#[test]
fn settings_and_labels_are_checked() {
    let network = extractor();
    let odd = HeadConfig { width: 250, ..HeadConfig::default() };
    let text = HeadSegmenter::fit(network, &[], LabelFormat::Color, &odd, &mut go).unwrap_err().to_string();
    assert!(text.contains("multiples of 32"), "{text}");
    let dir = tempfile::tempdir().unwrap();
    let [pairs, _] = scenes(dir.path());
    let ignored = GrayImage::from_pixel(64, 64, Luma([255]));
    pairs.iter().for_each(|p| semrel_data::image_io::write_image(&p.label, &ignored).unwrap());
    let fit = HeadSegmenter::fit(extractor(), &pairs, LabelFormat::TrainId, &SMALL, &mut go);
    assert!(matches!(fit, Err(MetricsError::TooFew { .. })));
}

#[test]
fn a_head_that_another_process_fits_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let [pairs, _] = scenes(dir.path());
    let config = HeadConfig { steps: 3, ..SMALL };
    let named = |fitted_to: &str| Some(dir.path().join("cache").join(format!("{fitted_to}.safetensors")));
    let place = named(&head_cache::digest(&pairs, LabelFormat::TrainId, &config).unwrap()).unwrap();
    let cached = |progress: &mut dyn FnMut(FitProgress) -> ControlFlow<()>| {
        HeadSegmenter::cached_at(extractor(), &pairs, LabelFormat::TrainId, &config, named, progress)
    };
    // Another handle stands for the other process.
    let mut other = head_cache::turn(&place, &mut go).unwrap();
    assert!(other.is_some());
    let stopped = cached(&mut |state| match state {
        FitProgress::Waiting => ControlFlow::Break(()),
        _ => panic!("fitted beside the other"),
    });
    assert!(matches!(stopped, Err(MetricsError::Interrupted)));
    let mut waited = false;
    let fitted = cached(&mut |state| {
        if state == FitProgress::Waiting {
            // The other is killed.
            (waited, other) = (true, None);
        }
        ControlFlow::Continue(())
    });
    assert!(fitted.is_ok() && waited && place.is_file());
}
