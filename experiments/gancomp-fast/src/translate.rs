//! Files through a generator, under libtorch or from an ONNX file.

use crate::onnx::OnnxGenerator;
use anyhow::{Context, Result};
use image::RgbImage;
use ndarray::Array3;
use rayon::prelude::*;
use semrel_data::translate::{self, Job, TranslateOptions, named};
use semrel_data::translation_output;
use semrel_eval::translate_images;
use semrel_nn::Net;
use semrel_train::passes::Generator;

/// What translates.
pub enum Translator {
    /// A network under libtorch; pictures of one size that follow each other are one batch.
    Torch(Net<Generator>),
    /// An ONNX file's, without libtorch; the pictures of a batch on all cores, each on one.
    Onnx(OnnxGenerator),
}

impl Translator {
    /// 8-bit pictures, truncated as published, of inputs `[3, H, W]` in [−1, 1].
    ///
    /// # Errors
    /// Names the size of a picture that does not fit; non-finite outputs.
    pub fn run(&self, images: &[Array3<f32>]) -> Result<Vec<RgbImage>> {
        match self {
            Self::Onnx(generator) => {
                let one = |image: &Array3<f32>| Ok(translation_output(generator.run(image.view())?.view()));
                images.par_iter().map(one).collect()
            }
            Self::Torch(generator) => Ok(translate_images(generator, images)?),
        }
    }

    /// Translates files ([`translate::translate`]).
    ///
    /// # Errors
    /// The first file that cannot be read, translated or written; those before it are written.
    pub fn translate(
        &self,
        jobs: &[Job],
        options: TranslateOptions,
        progress: &mut dyn FnMut(usize) -> bool,
    ) -> Result<usize> {
        let mut run = |jobs: &[Job], images: &[_]| self.run(images).with_context(|| named(jobs));
        translate::translate(jobs, options, &mut run, progress)
    }
}
