//! The worked example "Add an extractor" of docs/contributing.md.

use semrel_data::resize::Filter;
use semrel_metrics::extractor::{Preparation, Resize, features_of_images};
use semrel_metrics::{Activations, Extractor};
use semrel_world::{Season, render_landscape};
use tch::{Device, Kind, Tensor};

/// Looks at colours alone: mean and deviation of red, green and blue.
pub struct Colours;

impl Extractor for Colours {
    fn name(&self) -> &str {
        "colours"
    }

    fn preparation(&self) -> Preparation {
        let resize = Resize::Pillow(Filter::Bilinear);
        Preparation { width: 32, height: 32, resize, mean: [127.5; 3], std: [127.5; 3] }
    }

    fn device(&self) -> Device {
        Device::Cpu
    }

    fn features(&self, batch: &Tensor) -> Tensor {
        let pixels = batch.flatten(2, 3);
        let mean = pixels.mean_dim([2i64].as_slice(), false, Kind::Float);
        let deviation = pixels.std_dim([2i64].as_slice(), true, false);
        Tensor::cat(&[mean, deviation], 1)
    }

    fn taps(&self, batch: &Tensor) -> Vec<Tensor> {
        vec![batch.shallow_clone()]
    }

    fn features_and_taps(&self, batch: &Tensor) -> (Tensor, Vec<Tensor>) {
        (self.features(batch), self.taps(batch))
    }
}

#[test]
fn winter_has_other_colours_than_summer() {
    let of = |season, first: u64| {
        let images: Vec<_> = (first..first + 12).map(|seed| render_landscape(seed, season, 32).image).collect();
        let features = features_of_images(&Colours, &images).unwrap();
        Activations::new(&features, Default::default()).unwrap()
    };
    let (summer, again, winter) = (of(Season::Summer, 0), of(Season::Summer, 100), of(Season::Winter, 200));
    assert_eq!((Colours.frechet_name().as_str(), summer.dimensions()), ("FD(colours)", 6));
    assert!(summer.distance(&winter).unwrap() > 2.0 * summer.distance(&again).unwrap());
}
