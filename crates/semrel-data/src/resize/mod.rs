//! Resizing, equal to Pillow's and torch's to the bit or to float rounding.
//!
//! | function | equals |
//! |---|---|
//! | [`resize`], [`resize_crop`], [`resize_window`] | Pillow ≤ 12 on 8-bit images, horizontal pass first, exactly |
//! | [`resize_f32`] | Pillow on mode `F` |
//! | [`nearest_floor`] | OpenCV's and torch's nearest neighbour on 8-bit images |
//! | [`torch_bilinear`], [`torch_nearest`] | `torch.nn.functional.interpolate` without antialiasing |
//!
//! Metrics and losses depend on these details: an aliased resize alone moves a Fréchet distance by more than many
//! published improvements (Parmar et al., CVPR 2022).

// Numbers that files state must not change when they are converted. Tests choose theirs.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss))]

mod crop;
mod float;
mod nearest;
mod pillow;
mod weights;

pub use crop::Crop;
pub use float::{Coordinates, resize_f32, torch_bilinear, torch_nearest};
pub use nearest::nearest_floor;
pub use pillow::{resize, resize_crop, resize_window};

use std::str::FromStr;

/// Pillow's resampling filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Filter {
    /// The nearest pixel, with Pillow's accumulated coordinate.
    Nearest,
    /// Average over the pixel's area.
    Box,
    /// Triangle, half width 1.
    Bilinear,
    /// Hamming-windowed sinc, half width 1.
    Hamming,
    /// Cubic with a = −0.5, half width 2.
    Bicubic,
    /// Lanczos-windowed sinc, half width 3.
    Lanczos,
}

impl FromStr for Filter {
    type Err = crate::DataError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Ok(match name {
            "nearest" => Self::Nearest,
            "box" => Self::Box,
            "bilinear" => Self::Bilinear,
            "hamming" => Self::Hamming,
            "bicubic" => Self::Bicubic,
            "lanczos" => Self::Lanczos,
            _ => {
                return Err(crate::DataError::Setting(format!(
                    "unknown filter {name:?}; expected nearest, box, bilinear, hamming, bicubic or lanczos"
                )));
            }
        })
    }
}
