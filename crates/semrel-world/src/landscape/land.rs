//! Paints sky, mountains, meadow, road and water.

use super::appearance::Appearance;
use super::label::Label;
use super::layout::{Feature, Layout, Ridge, distance};
use crate::canvas::Canvas;
use crate::color::{Rgb, mix, scale, smoothstep};
use crate::noise::{fractal, unit, value};

/// Paints everything that lies behind trees and houses.
pub(super) fn paint(canvas: &mut Canvas<Label>, layout: &Layout, look: &Appearance) {
    // From near to far, so that each sample is painted once: `open` is the first row of each column that is taken.
    let mut open = vec![canvas.side; canvas.side];
    for hill in layout.hills.iter().rev() {
        paint_hill(canvas, layout, look, hill, &mut open);
    }
    if layout.forest > 0.0 {
        paint_forest(canvas, layout, look, &mut open);
    }
    for (i, ridge) in layout.ridges.iter().enumerate().rev() {
        let distance = 34.0 - 16.0 * (i + 1) as f32 / layout.ridges.len() as f32;
        paint_ridge(canvas, layout, look, ridge, distance, &mut open);
    }
    paint_sky(canvas, layout, look, &open);
    match &layout.feature {
        Feature::Road(course) => {
            for y in canvas.span(layout.horizon, 1.0) {
                let depth = layout.depth(canvas.centre(y));
                let (middle, half) = course.at(depth);
                for x in canvas.span(middle - half, middle + half) {
                    let across = (canvas.centre(x) - middle) / half;
                    paint_road(canvas, layout, look, x, y, across);
                }
            }
        }
        Feature::River(course) => {
            for y in canvas.span(layout.horizon, 1.0) {
                let (middle, half) = course.at(layout.depth(canvas.centre(y)));
                for x in canvas.span(middle - half, middle + half) {
                    let across = ((canvas.centre(x) - middle) / half).abs();
                    paint_water(canvas, layout, look, x, y, across);
                }
            }
        }
        Feature::Lake { centre, axes } => {
            for y in canvas.span(centre[1] - 1.3 * axes[1], centre[1] + 1.3 * axes[1]) {
                for x in canvas.span(centre[0] - 1.3 * axes[0], centre[0] + 1.3 * axes[0]) {
                    let (px, py) = (canvas.centre(x), canvas.centre(y));
                    let (dx, dy) = ((px - centre[0]) / axes[0], (py - centre[1]) / axes[1]);
                    let shore = (dx * dx + dy * dy).sqrt() + 0.45 * (value(px * 7.0, py * 12.0, layout.texture) - 0.5);
                    if shore < 1.0 {
                        paint_water(canvas, layout, look, x, y, shore);
                    }
                }
            }
        }
    }
}

fn hilltop(hill: &Ridge, x: f32) -> f32 {
    hill.base - hill.amplitude * fractal(x * hill.frequency, 0.5, 3, hill.seed)
}

/// Sharp peaks: noise folded at its middle, the finer folds stronger near the tops.
fn peak(ridge: &Ridge, x: f32) -> f32 {
    let fold = |x: f32, seed: u32| 1.0 - (2.0 * value(x, 0.5, seed) - 1.0).abs();
    let mut x = x * ridge.frequency;
    let (mut height, mut weight, mut before) = (0.0, 0.62, 1.0);
    for octave in 0..5 {
        before *= fold(x, ridge.seed.wrapping_add(octave));
        height += weight * before;
        weight *= 0.5;
        x *= 2.1;
    }
    ridge.base - ridge.amplitude * (0.15 + 0.85 * height)
}

fn paint_sky(canvas: &mut Canvas<Label>, layout: &Layout, look: &Appearance, open: &[usize]) {
    for y in 0..open.iter().copied().max().unwrap_or(0) {
        let py = canvas.centre(y);
        let up = (1.0 - py / layout.horizon).clamp(0.0, 1.0);
        let plain = mix(look.skyline, look.zenith, up.powf(0.8));
        // Clouds flatten towards the horizon.
        let cy = (py / layout.horizon).powf(1.3) * 5.0;
        for x in (0..canvas.side).filter(|&x| y < open[x]) {
            let px = canvas.centre(x);
            let mut color = plain;
            let (dx, dy) = (px - layout.sun[0], py - layout.sun[1]);
            let away = (dx * dx + dy * dy).sqrt();
            let glow = look.sun_strength * (0.55 * (-away * 7.0).exp() + smoothstep(0.052, 0.042, away));
            color = mix(color, look.sun, glow.min(1.0));
            if look.clouds > 0.0 {
                let cx = px * 2.6;
                let thick = fractal(cx, cy, 4, layout.texture);
                let edge = 0.78 - 0.62 * look.clouds;
                let cover = smoothstep(edge, edge + 0.16, thick);
                if cover > 0.0 {
                    let lit = fractal(cx + 0.12, cy - 0.35, 2, layout.texture) - thick;
                    let shade = smoothstep(0.12, -0.22, lit + 0.25 * (thick - edge) - 0.08);
                    color = mix(color, mix(look.cloud_shade, look.cloud_light, shade), 0.94 * cover);
                }
            }
            canvas.put(x, y, color, Label::Sky);
        }
    }
}

fn paint_ridge(
    canvas: &mut Canvas<Label>,
    layout: &Layout,
    look: &Appearance,
    ridge: &Ridge,
    distance: f32,
    open: &mut [usize],
) {
    for (x, open) in open.iter_mut().enumerate() {
        let px = canvas.centre(x);
        let top = peak(ridge, px);
        let rows = canvas.index(top)..*open;
        *open = (*open).min(rows.start);
        for y in rows {
            let below = (canvas.centre(y) - top).max(0.0) / ridge.amplitude;
            // A second surface, tilted by noise, gives gullies a lit and a shaded side.
            let (gx, gy) = (px * 9.0 + below * 1.2, below * 2.4);
            let slope = fractal(gx, gy, 3, ridge.seed) - fractal(gx + 0.35, gy, 3, ridge.seed);
            let side = (6.0 * (layout.sun[0] - px)).clamp(-1.0, 1.0);
            let light = 1.0 + (0.5 + 0.9 * look.contrast) * (slope * side).clamp(-0.3, 0.3);
            let mut color = mix(look.rock, look.meadow_patch, 0.45 * smoothstep(0.25, 0.9, below));
            let height = (ridge.base - canvas.centre(y)) / ridge.amplitude;
            let snowline = 1.0 - look.snow_caps + 0.35 * (value(px * 16.0, below * 4.0, ridge.seed ^ 7) - 0.5);
            color = mix(color, [0.95, 0.97, 1.0], smoothstep(snowline - 0.05, snowline + 0.05, height));
            canvas.put(x, y, look.through_air(scale(color, light), distance), Label::Mountain);
        }
    }
}

fn paint_forest(canvas: &mut Canvas<Label>, layout: &Layout, look: &Appearance, open: &mut [usize]) {
    let hill = &layout.hills[0];
    let far = distance(0.02);
    for (x, open) in open.iter_mut().enumerate() {
        let px = canvas.centre(x);
        let foot = hilltop(hill, px);
        let rise = layout.forest * smoothstep(0.25, 0.45, fractal(px * 2.2, 4.5, 2, layout.texture));
        let top = foot - rise * (0.55 + 0.45 * value(px * 46.0, 0.5, layout.texture ^ 3));
        if rise < 0.008 {
            continue;
        }
        let rows = canvas.index(top)..*open;
        *open = (*open).min(rows.start);
        for y in rows {
            let py = canvas.centre(y);
            let pick = unit((px * 46.0 + 0.5) as i32, 1, layout.texture);
            let leaf = mix(look.leaf(pick), look.needles, if pick < 0.4 { 0.7 } else { 0.15 });
            let speck = 0.75 + 0.45 * value(px * 90.0, py * 110.0, layout.texture ^ 5);
            canvas.put(x, y, look.through_air(scale(leaf, speck), far), Label::Tree);
        }
    }
}

fn paint_hill(canvas: &mut Canvas<Label>, layout: &Layout, look: &Appearance, hill: &Ridge, open: &mut [usize]) {
    for (x, open) in open.iter_mut().enumerate() {
        let px = canvas.centre(x);
        let top = hilltop(hill, px);
        let fall = hilltop(hill, px + 0.04) - top;
        let side = (6.0 * (px - layout.sun[0])).clamp(-1.0, 1.0);
        let slope = 1.0 + look.contrast * (fall * side * 6.0).clamp(-0.12, 0.12);
        let rows = canvas.index(top)..*open;
        *open = (*open).min(rows.start);
        for y in rows {
            let py = canvas.centre(y);
            let depth = layout.depth(py);
            // The crest of each hill is lighter, its foot lies in the next one's lee.
            let crest = 1.0 + 0.16 * (-((py - top).max(0.0) * 22.0)).exp();
            let color = scale(meadow(layout, look, px, py, depth), slope * crest);
            canvas.put(x, y, look.through_air(color, distance(depth)), Label::Meadow);
        }
    }
}

fn meadow(layout: &Layout, look: &Appearance, px: f32, py: f32, depth: f32) -> Rgb {
    // Ground coordinates, so that patches and dots shrink with distance.
    let far = 1.0 / (depth + 0.16);
    let (gx, gz) = ((px - 0.5) * far * 3.0, far * 4.0);
    let patch = smoothstep(0.42, 0.68, fractal(gx, gz, 2, layout.texture ^ 11));
    let mut color = mix(look.meadow_far, look.meadow_near, smoothstep(0.0, 0.55, depth));
    color = mix(color, look.meadow_patch, 0.7 * patch);
    let blade = value(px * 110.0, py * 60.0, layout.texture ^ 13) - 0.5;
    color = scale(color, 1.0 + blade * (0.10 + 0.16 * depth) * (1.0 - 0.75 * look.snow));
    if look.dot_density > 0.0 && depth > 0.1 {
        color = with_dots(layout, look, px, depth, color);
    }
    color
}

/// Flowers or fallen leaves: one dot at most in each cell of a grid in perspective.
fn with_dots(layout: &Layout, look: &Appearance, px: f32, depth: f32, color: Rgb) -> Rgb {
    const ROWS: f32 = 13.0;
    // Rows are even in the logarithm of the depth; each row's columns are as wide as its middle is high.
    let v = (depth + 0.12).ln() * ROWS;
    let row = v.floor();
    let pitch = (((row + 0.5) / ROWS).exp() / ROWS * (1.0 - layout.horizon)).max(0.008);
    let u = px / pitch;
    let column = u.floor();
    let (i, j) = (column as i32, row as i32);
    let here = fractal(px * 4.0, depth * 5.0, 2, layout.texture ^ 17);
    if unit(i, j, layout.texture ^ 19) > look.dot_density * smoothstep(0.3, 0.6, here) {
        return color;
    }
    let (ox, oy) = (0.35 + 0.3 * unit(i, j, 23), 0.35 + 0.3 * unit(i, j, 29));
    let (dx, dy) = (u - column - ox, v - row - oy);
    let radius = 0.2 + 0.12 * unit(i, j, 37);
    if dx * dx + dy * dy > radius * radius {
        return color;
    }
    mix(color, look.dots[(unit(i, j, 31) * look.dots.len() as f32) as usize], 0.9)
}

fn paint_road(canvas: &mut Canvas<Label>, layout: &Layout, look: &Appearance, x: usize, y: usize, across: f32) {
    let (px, py) = (canvas.centre(x), canvas.centre(y));
    if across.abs() > 1.0 || canvas.label[y * canvas.side + x] != Label::Meadow {
        return;
    }
    let depth = layout.depth(py);
    let grit = value(px * 120.0, py * 80.0, layout.texture ^ 37) - 0.5;
    let ruts = smoothstep(0.18, 0.0, (across.abs() - 0.45).abs());
    let mut color = scale(look.road, 1.0 + 0.16 * grit - 0.12 * ruts - 0.10 * smoothstep(0.8, 1.0, across.abs()));
    let drift = look.snow * (1.0 - 0.75 * ruts);
    color = mix(color, [0.93, 0.95, 0.98], 0.7 * drift);
    if look.rain > 0.0 {
        // Wet ground mirrors the sky in puddles.
        let puddle = smoothstep(0.5, 0.62, fractal(px * 9.0, py * 22.0, 2, layout.texture ^ 41));
        color = mix(color, look.skyline, 0.75 * puddle);
    }
    canvas.put(x, y, look.through_air(color, distance(depth)), Label::Road);
}

/// `shore` is the distance from the middle (0) to the bank (1); the picture above the horizon is mirrored.
fn paint_water(canvas: &mut Canvas<Label>, layout: &Layout, look: &Appearance, x: usize, y: usize, shore: f32) {
    if shore > 1.0 || canvas.label[y * canvas.side + x] != Label::Meadow {
        return;
    }
    let (px, py) = (canvas.centre(x), canvas.centre(y));
    let depth = layout.depth(py);
    let ripple = value(px * 14.0 * (1.2 - depth), py * 90.0, layout.texture ^ 43) - 0.5;
    let mirrored = (2.0 * layout.horizon - py - 0.06 + 0.03 * ripple).max(0.0);
    let sky = canvas.color[canvas.index(mirrored) * canvas.side + canvas.index(px + 0.01 * ripple)];
    let mut color = mix(scale(look.water, 1.0 + 0.25 * ripple), sky, look.mirror);
    color = mix(color, [0.92, 0.95, 0.98], look.snow * 0.5 * smoothstep(0.5, 1.0, shore));
    color = scale(color, 1.0 - (0.22 - 0.2 * look.snow) * smoothstep(0.82, 1.0, shore));
    canvas.put(x, y, look.through_air(color, 0.6 * distance(depth)), Label::Water);
}
