//! Section of the images.

use schemars::JsonSchema;
use semrel_data::Direction;
use semrel_data::resize::Filter;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Images of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Folder with `trainA`, `trainB`, `testA`, `testB`, or with `train` and `test` of A|B pictures.
    pub root: PathBuf,
    /// `AtoB`, or `BtoA` to translate the images in `trainB`.
    #[serde(default)]
    pub direction: Direction,
    /// Steps before a picture enters a network: `resize_and_crop`, `scale_width_and_crop`, `shorter_side_and_crop`, `crop`, `none`,
    /// `zoom_and_patch` …
    #[serde(default = "default_preprocess")]
    pub preprocess: String,
    /// Side that pictures are resized to in training.
    #[serde(default = "default_load_size")]
    pub load_size: u32,
    /// Side of the crop, and of the pictures in tests unless `test_size` names another.
    #[serde(default = "default_image_size")]
    pub image_size: u32,
    /// Side of the pictures in tests; `image_size` if omitted.
    #[serde(default)]
    pub test_size: Option<u32>,
    /// Mirror left-right with probability 1/2.
    #[serde(default = "yes")]
    pub flip: bool,
    /// Mirror all images of a batch together, of A and of B, or none of them (as DistanceGAN is published).
    #[serde(default)]
    pub flip_together: bool,
    /// Filter of the resizing in training.
    #[serde(default)]
    pub filter: ResizeFilter,
    /// Once the learning rate falls, show unpaired images whole, resized to `image_size`, as CUT's code does; otherwise cut crops
    /// out of them throughout.
    #[serde(default = "yes")]
    pub whole_in_decay: bool,
    /// Take A and B in order, item i with item i, instead of at random.
    #[serde(default)]
    pub serial: bool,
    /// For `method: supervised` alone: a folder with what each training image of the source should become, of the same name. If
    /// omitted, `trainA` and `trainB` hold files of the same names, or `train` holds A|B pictures.
    #[serde(default)]
    pub pairs: Option<PathBuf>,
    /// Stop at a file that cannot be read, instead of skipping and counting it.
    #[serde(default)]
    pub strict: bool,
}

/// How pixels are weighed where pictures are resized, as Pillow does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResizeFilter {
    /// By cubic curves.
    #[default]
    Bicubic,
    /// By straight lines.
    Bilinear,
}

impl From<ResizeFilter> for Filter {
    fn from(filter: ResizeFilter) -> Self {
        match filter {
            ResizeFilter::Bicubic => Self::Bicubic,
            ResizeFilter::Bilinear => Self::Bilinear,
        }
    }
}

fn default_preprocess() -> String {
    "resize_and_crop".to_owned()
}

fn default_load_size() -> u32 {
    286
}

fn default_image_size() -> u32 {
    256
}

fn yes() -> bool {
    true
}
