//! Colours as red, green, blue in 0 to 1.

/// Red, green, blue.
pub(crate) type Rgb = [f32; 3];

/// `a` at `t` = 0, `b` at `t` = 1.
pub(crate) fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    std::array::from_fn(|c| a[c] + (b[c] - a[c]) * t)
}

/// Brightness times `k`.
pub(crate) fn scale(a: Rgb, k: f32) -> Rgb {
    a.map(|v| v * k)
}

/// `k` = 1 leaves the colour, 0 turns it grey.
pub(crate) fn saturate(a: Rgb, k: f32) -> Rgb {
    let grey = 0.30 * a[0] + 0.59 * a[1] + 0.11 * a[2];
    a.map(|v| grey + (v - grey) * k)
}

/// 0 below `low`, 1 above `high`, smooth between.
pub(crate) fn smoothstep(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
