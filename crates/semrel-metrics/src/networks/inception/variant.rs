//! The two Inceptions that published evaluations use, and how images become their input.

use crate::preparation::{Preparation, Resize};
use semrel_data::resize::Filter;

/// Width and height of the input.
const SIDE: u32 = 299;

const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const IMAGENET_STD: [f32; 3] = [0.229, 0.224, 0.225];

/// Which Inception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// The FID Inception.
    Fid,
    /// torchvision's.
    Torchvision,
}

impl Variant {
    /// How images become input. `image_side` is the side of the square that the official multi-modal code resizes images
    /// to before it resizes them to 299; the FID variant has no such step.
    pub fn preparation(self, image_side: u32) -> Preparation {
        let of_bytes = |values: [f32; 3]| values.map(|v| 255.0 * v);
        let twice = Resize::PillowTwice { first: image_side, filter: Filter::Bilinear };
        let (resize, mean, std) = match self {
            // (v − 127.5)/127.5 is 2·v/255 − 1.
            Self::Fid => (Resize::Torch, [127.5; 3], [127.5; 3]),
            Self::Torchvision => (twice, of_bytes(IMAGENET_MEAN), of_bytes(IMAGENET_STD)),
        };
        Preparation { width: SIDE, height: SIDE, resize, mean, std }
    }

    /// Rows of the classifier, by which files of the two are told apart.
    pub(super) fn classes(self) -> i64 {
        match self {
            Self::Fid => 1008,
            Self::Torchvision => 1000,
        }
    }
}
