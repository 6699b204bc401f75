//! The evaluation of translated images, which all experiments share: test sets, reference sets, Fréchet and perceptual
//! distances, segmenters, and what is kept of them between evaluations.
//!
//! | what | where |
//! |---|---|
//! | the images of a domain | [`ImageSet`] |
//! | generators as an evaluation uses them | [`ImageTranslator`] |
//! | what a generator is given in tests and in a search | [`Inputs`] |
//! | the real images that a Fréchet distance refers to | [`ReferenceSet`] |
//! | the Fréchet distance of a generator, without files | [`Scorer`] |
//! | labels, and the segmenter that finds them again | [`Labels`], [`Segmenter`] |
//! | what translations should be, and how near they come to it | [`Truth`] |
//! | scores that not every evaluation has | [`MoreScores`] |
//! | the published evaluation of pairs of domains | [`Evaluator`] |
//! | the published evaluation between many domains | [`domains`] |
//! | scores that are not computed twice | [`KeptEvaluation`] |
//! | a picture of what networks do while they train | [`Preview`] |
//!
//! No set of images is ever decoded as a whole but for [`Inputs::held`], which a search asks for.
#![warn(missing_docs)]

pub mod domains;
mod error;
mod evaluation;
mod extractor;
mod image_set;
mod inputs;
mod kept;
mod labels;
mod more;
mod preview;
mod reference;
mod scorer;
mod segmenter;
mod translator;
mod truth;

pub use error::EvalError;
pub use evaluation::{Evaluator, Scores, Segmentation, SegmentationProtocol, written_pictures};
pub use extractor::{EXTRACTOR, EXTRACTOR_WEIGHTS, ExtractorChoice, LPIPS, PERCEPTUAL, PerceptualDistance};
pub use image_set::ImageSet;
pub use inputs::{InputOptions, Inputs, digest};
pub use kept::KeptEvaluation;
pub use labels::{Labels, MeanIou};
pub use more::{MORE, More, MoreScore, MoreScores};
pub use preview::Preview;
pub use reference::{ReferenceSet, ReferenceSource};
pub use scorer::Scorer;
pub use segmenter::{HEAD, SEGMENTATION, SEGMENTER, SEGMENTER_WEIGHTS, SEGMENTERS, Segmenter, SegmenterChoice};
pub use translator::{
    Forward, ImageTranslator, Stretched, pictures, stretched, translate_batch, translate_files, translate_images,
};
pub use truth::{MASKS, PAIRS, TRUTH, Tested, Truth, TruthChoice, TruthError};
