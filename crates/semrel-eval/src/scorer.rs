//! The Fréchet distance of a generator's outputs to real images, without files: what decides on checkpoints and in a search.

use crate::{EvalError, ImageTranslator, Inputs, ReferenceSet};
use image::RgbImage;
use semrel_metrics::extractor::{Extractor, FeatureStream, features_of_images};

/// A reference set, and inputs for the generators that are compared with it.
pub struct Scorer {
    extractor: Box<dyn Extractor>,
    reference: ReferenceSet,
    inputs: Inputs,
}

impl Scorer {
    /// Of its parts; the features of `reference` are those of `extractor`.
    pub fn new(extractor: Box<dyn Extractor>, reference: ReferenceSet, inputs: Inputs) -> Self {
        Self { extractor, reference, inputs }
    }

    /// The extractor.
    pub fn extractor(&self) -> &dyn Extractor {
        self.extractor.as_ref()
    }

    /// The real images.
    pub fn reference(&self) -> &ReferenceSet {
        &self.reference
    }

    /// What generators are given.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// A text that two scorers share where they give the same distances, on whatever machine: the extractor, which is named
    /// after its weights, and digests of the reference set and of the inputs.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub fn identity(&self) -> Result<String, EvalError> {
        Ok(format!("{} {} {}", self.extractor.name(), self.reference.digest()?, self.inputs.digest()?))
    }

    /// Fréchet distance of pictures to the real images.
    ///
    /// # Errors
    /// Fewer than two pictures; features that are not finite.
    pub fn distance_of(&self, pictures: &[RgbImage]) -> Result<f64, EvalError> {
        self.reference.distance(&features_of_images(self.extractor.as_ref(), pictures)?)
    }

    /// Fréchet distance of what a generator makes of the inputs. A few batches are in memory at a time.
    ///
    /// # Errors
    /// Inputs that cannot be read; outputs that are not finite.
    pub fn frechet(&self, translator: &dyn ImageTranslator) -> Result<f64, EvalError> {
        let mut features = FeatureStream::new(self.extractor.as_ref());
        self.inputs.translated(translator, &mut |pictures| {
            features.push(pictures);
            Ok(())
        })?;
        self.reference.distance(&features.finish()?)
    }
}
