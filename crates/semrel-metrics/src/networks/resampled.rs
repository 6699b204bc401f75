//! An extractor whose images are resized in another way than its own.

use crate::extractor::Extractor;
use crate::preparation::{Preparation, Resampling};
use tch::{Device, Tensor};

/// Another way of resizing for an extractor, told in the names of its scores: `FID` becomes `FID(clean)`, `FD(effnet-lite0)`
/// becomes `FD(effnet-lite0, clean)`. The extractor itself where it resizes in that way already.
pub fn resampled(extractor: Box<dyn Extractor>, choice: Resampling) -> Box<dyn Extractor> {
    let preparation = extractor.preparation().with(choice);
    if preparation == extractor.preparation() {
        return extractor;
    }
    let name = format!("{}, {}", extractor.name(), choice.name());
    Box::new(Resampled { extractor, preparation, choice, name })
}

struct Resampled {
    extractor: Box<dyn Extractor>,
    preparation: Preparation,
    choice: Resampling,
    name: String,
}

impl Extractor for Resampled {
    fn name(&self) -> &str {
        &self.name
    }

    fn frechet_name(&self) -> String {
        let own = self.extractor.frechet_name();
        match own.strip_suffix(')') {
            Some(own) => format!("{own}, {})", self.choice.name()),
            None => format!("{own}({})", self.choice.name()),
        }
    }

    fn preparation(&self) -> Preparation {
        self.preparation
    }

    fn device(&self) -> Device {
        self.extractor.device()
    }

    fn features(&self, batch: &Tensor) -> Tensor {
        self.extractor.features(batch)
    }

    fn taps(&self, batch: &Tensor) -> Vec<Tensor> {
        self.extractor.taps(batch)
    }

    fn features_and_taps(&self, batch: &Tensor) -> (Tensor, Vec<Tensor>) {
        self.extractor.features_and_taps(batch)
    }
}
