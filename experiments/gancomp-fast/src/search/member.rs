//! What a search compares.

use semrel_nn::channels::Channels;

/// A configuration that was evaluated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Member {
    /// The configuration.
    pub channels: Channels,
    /// Its Fréchet distance, or its mean IoU.
    pub quality: f64,
}
