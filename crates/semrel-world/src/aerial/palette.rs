//! Colours to draw from.

use crate::color::Rgb;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Paints of cars.
pub(super) const PAINTS: [Rgb; 8] = [
    [0.88, 0.88, 0.87],
    [0.88, 0.88, 0.87],
    [0.62, 0.63, 0.65],
    [0.34, 0.35, 0.37],
    [0.12, 0.12, 0.13],
    [0.50, 0.12, 0.11],
    [0.17, 0.24, 0.42],
    [0.56, 0.53, 0.46],
];

/// One of `colors`.
pub(super) fn pick(rng: &mut ChaCha8Rng, colors: &[Rgb]) -> Rgb {
    colors[rng.random_range(0..colors.len())]
}
