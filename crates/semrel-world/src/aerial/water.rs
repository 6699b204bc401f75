//! Ponds, rivers and shores.

use crate::noise::fractal;

/// A piece of water.
#[derive(Debug, Clone)]
pub(super) enum Water {
    /// Around `centre`, out to about `radius`.
    Pond { centre: [f32; 2], radius: f32, seed: u32 },
    /// Along a line at distance `at` across `normal`, swinging by `swing` with `wave` and `phase`, `half` wide to each side.
    River { normal: [f32; 2], at: f32, swing: f32, wave: f32, phase: f32, half: f32 },
    /// Everything beyond `at` along `outward`, but for a beach.
    Shore { outward: [f32; 2], at: f32, seed: u32 },
}

impl Water {
    /// Metres from the bank, positive in the water.
    pub fn depth(&self, [x, y]: [f32; 2]) -> f32 {
        match *self {
            Self::Pond { centre, radius, seed } => {
                let (dx, dy) = (x - centre[0], y - centre[1]);
                let r = dx.hypot(dy);
                if r > 1.3 * radius {
                    return radius - r;
                }
                let (c, s) = if r > 1e-3 { (dx / r, dy / r) } else { (1.0, 0.0) };
                radius * (0.62 + 0.66 * fractal(1.1 * c + 5.0, 1.1 * s, 2, seed)) - r
            }
            Self::River { normal: [nx, ny], at, swing, wave, phase, half } => {
                let (along, across) = (x * ny - y * nx, x * nx + y * ny - at);
                half * (1.0 + 0.12 * (along * wave * 2.3).sin()) - (across - swing * (along * wave + phase).sin()).abs()
            }
            Self::Shore { outward: [ox, oy], at, seed } => {
                let along = x * oy - y * ox;
                x * ox + y * oy - at - 5.0 - 16.0 * fractal(along * 0.03, 0.5, 3, seed)
            }
        }
    }
}
