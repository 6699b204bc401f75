//! Value noise: smooth pseudo-random functions of one and two coordinates.

/// A well-mixed hash of a lattice point.
pub(crate) fn hash(x: i32, y: i32, seed: u32) -> u32 {
    let mut h =
        (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77) ^ seed.wrapping_mul(0xC2B2_AE3D);
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
    h ^ (h >> 15)
}

/// [`hash`] as a number in `[0, 1)`.
pub(crate) fn unit(x: i32, y: i32, seed: u32) -> f32 {
    (hash(x, y, seed) >> 8) as f32 / (1 << 24) as f32
}

fn smooth(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

/// `⌊x⌋` without the library call that `f32::floor` is on plain x86-64.
fn floor(x: f32) -> i32 {
    let towards_zero = x as i32;
    towards_zero - i32::from((towards_zero as f32) > x)
}

/// Interpolated lattice values in `[0, 1)`.
pub(crate) fn value(x: f32, y: f32, seed: u32) -> f32 {
    let (ix, iy) = (floor(x), floor(y));
    let (u, v) = (smooth(x - ix as f32), smooth(y - iy as f32));
    let (a, b) = (unit(ix, iy, seed), unit(ix + 1, iy, seed));
    let (c, d) = (unit(ix, iy + 1, seed), unit(ix + 1, iy + 1, seed));
    let (top, bottom) = (a + (b - a) * u, c + (d - c) * u);
    top + (bottom - top) * v
}

/// `octaves` of [`value`], each twice as fine and half as strong as the one before, scaled to `[0, 1)`.
pub(crate) fn fractal(mut x: f32, mut y: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut weight, mut total) = (0.0, 1.0, 0.0);
    for octave in 0..octaves {
        sum += weight * value(x, y, seed.wrapping_add(octave * 101));
        total += weight;
        weight *= 0.5;
        x *= 2.03;
        y *= 2.03;
    }
    sum / total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_in_range_is_continuous_and_not_constant() {
        let (mut low, mut high) = (1.0f32, 0.0f32);
        for i in 0..4000 {
            let x = i as f32 * 0.01 - 20.0;
            let a = fractal(x, 1.7, 3, 9);
            assert!((0.0..1.0).contains(&a));
            assert!((a - fractal(x + 1e-3, 1.7, 3, 9)).abs() < 0.02);
            (low, high) = (low.min(a), high.max(a));
        }
        assert!(low < 0.3 && high > 0.7, "{low}..{high}");
    }
}
