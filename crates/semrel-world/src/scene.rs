//! A rendered picture and what it shows.

use image::{GrayImage, RgbImage};

/// A rendered picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    /// 8-bit RGB, square.
    pub image: RgbImage,
    /// The [`Label`](crate::Label), or [`StreetLabel`](crate::StreetLabel), of each pixel (the most frequent of its samples').
    pub labels: GrayImage,
}
