//! Extractors that are others but for a resize or for their weights, and are called accordingly.

use crate::extractor::Extractor;
use crate::preparation::{Preparation, Resampling};
use crate::weights::{Check, Examined, LPIPS_ALEX};
use tch::{Device, Tensor};

/// Another way of resizing for an extractor, shown in the names of its scores: `FID` becomes `FID(clean)`,
/// `FD(effnet-lite0)` becomes `FD(effnet-lite0, clean)`. The extractor itself where it resizes in that way already.
pub fn resampled(extractor: Box<dyn Extractor>, choice: Resampling) -> Box<dyn Extractor> {
    let preparation = extractor.preparation().with(choice);
    if preparation == extractor.preparation() {
        return extractor;
    }
    let name = format!("{}, {}", extractor.name(), choice.name());
    let own = extractor.frechet_name();
    let frechet_name = match own.strip_suffix(')') {
        Some(own) => format!("{own}, {})", choice.name()),
        None => format!("{own}({})", choice.name()),
    };
    Box::new(Derived { extractor, preparation, name, frechet_name })
}

/// The extractor under a name that tells its weights, unless they are the published ones: FID with others is
/// `FD(inception-fid, weights.pth 1234abcd)`.
pub(super) fn named_after(weights: &Examined, extractor: Box<dyn Extractor>) -> Box<dyn Extractor> {
    if weights.check == Check::Matches {
        return extractor;
    }
    let name = format!("{}, {}", extractor.name(), weights.label());
    let frechet_name = format!("FD({name})");
    Box::new(Derived { preparation: extractor.preparation(), extractor, name, frechet_name })
}

/// What LPIPS over these files is called: `LPIPS` with the published weights, else a name that tells the others.
pub fn lpips_score_name(examined: &[Examined]) -> String {
    let others: Vec<String> = examined
        .iter()
        .filter(|file| matches!(file.check, Check::Differs { .. }))
        .map(|file| format!(", {}", file.label()))
        .collect();
    if others.is_empty() { "LPIPS".into() } else { format!("PD({}{})", LPIPS_ALEX.name, others.concat()) }
}

struct Derived {
    extractor: Box<dyn Extractor>,
    preparation: Preparation,
    name: String,
    frechet_name: String,
}

impl Extractor for Derived {
    fn name(&self) -> &str {
        &self.name
    }

    fn frechet_name(&self) -> String {
        self.frechet_name.clone()
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
