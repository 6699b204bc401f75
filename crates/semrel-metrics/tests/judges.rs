//! What both judges are for: they tell a translation that is near to its truth from one that is not.

use image::RgbImage;
use semrel_metrics::extractor::features_of_images;
use semrel_metrics::perceptual::distance_of_images;
use semrel_metrics::{Activations, EfficientNetLite0, EfficientNetLite2, Extractor};
use semrel_world::{Coat, render_animals};
use tch::Device;

fn animals(seeds: std::ops::Range<u64>, coat: Coat) -> Vec<RgbImage> {
    seeds.map(|seed| render_animals(seed, coat, 64).image).collect()
}

fn judges(judge: &dyn Extractor) {
    let zebras = animals(0..16, Coat::Striped);
    let others = animals(100..116, Coat::Striped);
    let horses = animals(200..216, Coat::Plain);
    let features = |images: &Vec<RgbImage>| features_of_images(judge, images).unwrap();
    let [first, second, third] =
        [&zebras, &others, &horses].map(|images| Activations::new(&features(images), Default::default()).unwrap());
    let (near, far) = (first.distance(&second).unwrap(), first.distance(&third).unwrap());
    assert!(near < 0.8 * far, "{}: zebras {near}, horses {far}", judge.frechet_name());

    // The same scene: its zebra, and its horse; another scene: a zebra, too.
    let scenes = animals(0..16, Coat::Plain);
    let mean = |a: &[RgbImage], b: &[RgbImage]| {
        let distances = distance_of_images(judge, a, b).unwrap();
        distances.iter().sum::<f64>() / distances.len() as f64
    };
    let [same, untouched, other] = [&zebras, &scenes, &others].map(|images| mean(images, &zebras));
    assert!(same.abs() < 1e-6 && 0.0 < untouched && untouched < 0.8 * other, "{same} {untouched} {other}");
}

#[test]
fn the_default_judges() {
    judges(&EfficientNetLite0::load(Device::Cpu).expect("`cargo xtask setup` fetches the weights"));
}

#[test]
fn the_second_judges() {
    let second = EfficientNetLite2::load(Device::Cpu).expect("`cargo xtask setup` fetches the weights");
    assert_eq!([second.frechet_name(), second.perceptual_name()], ["FD(effnet-lite2)", "PD(effnet-lite2)"]);
    judges(&second);
}
