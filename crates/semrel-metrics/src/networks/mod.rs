//! The networks of the published evaluations, under their published state-dict keys.
//!
//! | module | network | read by |
//! |---|---|---|
//! | [`inception`] | the FID Inception and torchvision's Inception v3 | Fréchet distance, KID |
//! | [`lpips`] | AlexNet with linear heads | LPIPS |
//! | [`drn`] | DRN-D-22 and DRN-D-105 | segmentation scores |
//! | [`vgg16`] | VGG-16 | the spatially-correlative loss |
//! | [`vit`] | DINO and DINOv2 | the structure distance, FD-DINOv2 |
//!
//! Weights come from the weights folder (see [`crate::weights`]), from a file of any name, or from a state dict in memory.
//! Files are safetensors or of `torch.save`; a file of another network is refused by what it looks like. Batch norm is
//! folded into the convolutions when weights are loaded, in double precision, and images lie in memory with channels last.

mod alexnet;
mod conv;
mod derived;
pub mod drn;
mod head_keys;
pub mod inception;
mod loader;
pub mod lpips;
mod recognise;
#[cfg(test)]
mod tests;
pub mod vgg16;
pub mod vit;

pub use derived::{lpips_score_name, resampled};
pub use drn::Drn;
pub use inception::Inception;
pub use loader::Shapes;
pub use lpips::Lpips;
pub use recognise::Network;
pub use vgg16::Vgg16;
pub use vit::Vit;

use crate::MetricsError;
use crate::efficientnet_lite::{EfficientNetLite, Lite0, Lite2, Member};
use crate::extractor::Extractor;
use crate::weights::{self, WeightsFile};
use inception::{Dims, Variant};
use std::path::Path;
use tch::Device;

/// The extractor whose weights every setup has.
pub const DEFAULT: &str = "effnet-lite0";

/// A second judge, whose weights every setup has too: for what has trained with the default.
pub const SECOND: &str = "effnet-lite2";

/// Names of the extractors.
pub const NAMES: [&str; 16] = [
    DEFAULT,
    SECOND,
    "inception-fid",
    "inception-fid-768",
    "inception-fid-192",
    "inception-fid-64",
    "inception-torchvision",
    "dino-s8",
    "dino-s16",
    "dino-b8",
    "dino-b16",
    "dinov2-s14",
    "dinov2-s14-reg",
    "dinov2-b14",
    "dinov2-b14-reg",
    "dinov2-l14",
];

/// An extractor by its name, with the published weights from the weights folder.
///
/// # Errors
/// [`MetricsError::Unknown`] lists the names that there are; [`MetricsError::Weights`] and [`MetricsError::WeightsOfAnother`] say what to do about the weights.
pub fn load(name: &str, device: Device) -> Result<Box<dyn Extractor>, MetricsError> {
    extractor(name, None, device)
}

/// An extractor by its name, with weights from a file of any name, which is checked by its keys and shapes.
///
/// Unless its digest is that of the published file, the extractor and its scores are named after the file as well:
/// `FD(inception-fid, weights.pth 1234abcd)`, never `FID`.
///
/// # Errors
/// [`MetricsError::Unknown`]; [`MetricsError::Weights`] and [`MetricsError::Checkpoint`] for a file that cannot be read;
/// [`MetricsError::WeightsOfAnother`] and [`MetricsError::WeightsUnfit`] for one of another network or with keys missing.
pub fn load_file(name: &str, weights: &Path, device: Device) -> Result<Box<dyn Extractor>, MetricsError> {
    let examined = published(name)?.examine(weights)?;
    Ok(derived::named_after(&examined, extractor(name, Some(weights), device)?))
}

/// The published weights file of an extractor.
///
/// # Errors
/// [`MetricsError::Unknown`].
pub fn published(name: &str) -> Result<WeightsFile, MetricsError> {
    match name {
        DEFAULT => Ok(weights::EFFICIENTNET_LITE0),
        SECOND => Ok(weights::EFFICIENTNET_LITE2),
        "inception-torchvision" => Ok(weights::TORCHVISION_INCEPTION),
        "inception-fid" | "inception-fid-768" | "inception-fid-192" | "inception-fid-64" => Ok(weights::FID_INCEPTION),
        _ => vit::Arch::named(name).and_then(|arch| Network::Vit(arch).file()).ok_or_else(|| unknown(name)),
    }
}

fn unknown(name: &str) -> MetricsError {
    MetricsError::Unknown { what: "extractor", name: name.to_owned(), known: NAMES.join(", ") }
}

fn extractor(name: &str, weights: Option<&Path>, device: Device) -> Result<Box<dyn Extractor>, MetricsError> {
    let inception = |variant, dims| -> Result<Box<dyn Extractor>, MetricsError> {
        let network = match weights {
            Some(path) => Inception::load_file(variant, path, device)?,
            None => Inception::load(variant, device)?,
        };
        Ok(Box::new(network.with_dims(dims)))
    };
    match name {
        DEFAULT => efficientnet::<Lite0>(Network::EfficientNetLite0, weights, device),
        SECOND => efficientnet::<Lite2>(Network::EfficientNetLite2, weights, device),
        "inception-fid" => inception(Variant::Fid, Dims::D2048),
        "inception-fid-768" => inception(Variant::Fid, Dims::D768),
        "inception-fid-192" => inception(Variant::Fid, Dims::D192),
        "inception-fid-64" => inception(Variant::Fid, Dims::D64),
        "inception-torchvision" => inception(Variant::Torchvision, Dims::D2048),
        _ if vit::Arch::named(name).is_some() => Ok(Box::new(vit::VitExtractor::load(name, weights, device)?)),
        _ => Err(unknown(name)),
    }
}

fn efficientnet<M: Member>(
    network: Network,
    weights: Option<&Path>,
    device: Device,
) -> Result<Box<dyn Extractor>, MetricsError> {
    Ok(Box::new(match weights {
        Some(path) => network.load_file(path, |state| EfficientNetLite::<M>::from_state(state, device))?,
        None => EfficientNetLite::<M>::load(device)?,
    }))
}
