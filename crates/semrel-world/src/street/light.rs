//! Sky, sun and air of a street.

use crate::color::{Rgb, mix, scale};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Sky, sun and air.
#[derive(Debug, Clone)]
pub(super) struct Light {
    /// 0 overcast, 1 sunny.
    pub sun: f32,
    /// Side that the sun stands on: 0 left, 1 right.
    pub side: usize,
    /// Metres that a shadow is long a metre of height, across the street.
    pub shadow: f32,
    pub zenith: Rgb,
    pub skyline: Rgb,
    pub clouds: f32,
    pub haze: f32,
    pub haze_color: Rgb,
    /// Colour of the whole picture, brightness included, and saturation.
    pub tone: Rgb,
    pub saturation: f32,
}

impl Light {
    /// Overcast, sunny or evening.
    pub fn draw(rng: &mut ChaCha8Rng) -> Self {
        let between = |rng: &mut ChaCha8Rng, low: f32, high: f32| rng.random_range(low..high);
        let overcast = rng.random_bool(0.35);
        let evening = rng.random_bool(0.2);
        let t = between(rng, 0.0, 1.0);
        let (zenith, skyline) = if overcast {
            let grey = mix([0.62, 0.66, 0.71], [0.80, 0.81, 0.82], t);
            (grey, mix(grey, [0.92, 0.92, 0.91], 0.6))
        } else if evening {
            (mix([0.36, 0.46, 0.66], [0.50, 0.54, 0.68], t), mix([0.97, 0.80, 0.62], [0.95, 0.86, 0.76], t))
        } else {
            (mix([0.24, 0.45, 0.78], [0.40, 0.60, 0.86], t), mix([0.76, 0.86, 0.94], [0.88, 0.92, 0.94], t))
        };
        let bright = between(rng, 0.86, 1.08);
        let warm = if evening {
            [1.07, 0.97, 0.86]
        } else if overcast {
            [0.97, 1.0, 1.02]
        } else {
            [1.03, 1.0, 0.96]
        };
        Self {
            sun: if overcast { between(rng, 0.0, 0.15) } else { between(rng, 0.6, 1.0) },
            side: rng.random_range(0..2),
            shadow: between(rng, 0.15, 0.85),
            zenith,
            skyline,
            clouds: if overcast { between(rng, 0.6, 1.0) } else { between(rng, 0.0, 0.6) },
            haze: between(rng, 0.003, 0.011),
            haze_color: scale(skyline, 0.92),
            tone: scale(warm, bright),
            saturation: between(rng, 0.75, 1.0),
        }
    }

    /// What the eye sees of `color` at distance `z`.
    pub fn through_air(&self, color: Rgb, z: f32) -> Rgb {
        mix(color, self.haze_color, 1.0 - (-self.haze * z).exp())
    }
}
