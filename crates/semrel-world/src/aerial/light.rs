//! Sun, air and film of the photograph.

use crate::color::{Rgb, mix, saturate, scale};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::f32::consts::TAU;

/// Sun, air and film.
#[derive(Debug, Clone)]
pub(super) struct Light {
    /// Where the top of a thing one metre high throws its shadow.
    pub shadow: [f32; 2],
    /// How dark shadows are, 0 to 1.
    pub depth: f32,
    tone: Rgb,
    saturation: f32,
    /// How dry the grass is, and how yellow the leaves, 0 to 1.
    pub dry: f32,
    pub autumn: f32,
}

impl Light {
    pub fn draw(rng: &mut ChaCha8Rng) -> Self {
        let (angle, length) = (rng.random_range(0.0..TAU), rng.random_range(0.45..1.0));
        let warm = rng.random_range(0.0..1.0);
        let tone = mix([0.97, 1.0, 1.05], [1.04, 1.0, 0.93], warm);
        let dry: f32 = rng.random_range(0.0..1.0);
        Self {
            shadow: [length * f32::cos(angle), length * f32::sin(angle)],
            depth: rng.random_range(0.42..0.62),
            tone: scale(tone, rng.random_range(1.06..1.24)),
            saturation: rng.random_range(0.72..1.02),
            dry: dry * dry,
            autumn: if rng.random_bool(0.2) { rng.random_range(0.3..1.0) } else { 0.0 },
        }
    }

    /// Brightness of a slope that faces `outward` (unit length), 1 where it is level.
    pub fn slope(&self, outward: [f32; 2]) -> f32 {
        let [x, y] = self.shadow;
        1.0 - 0.24 * (x * outward[0] + y * outward[1]) / x.hypot(y)
    }

    /// The film's colours.
    pub fn grade(&self, color: Rgb) -> Rgb {
        let lit: Rgb = std::array::from_fn(|c| color[c] * self.tone[c]);
        saturate(lit, self.saturation).map(|v| {
            let v = v.clamp(0.0, 1.0);
            // A gentle S, and the haze that lies between.
            0.04 + 0.94 * (0.68 * v + 0.32 * v * v * (3.0 - 2.0 * v))
        })
    }
}
