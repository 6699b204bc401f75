//! Sky, ground, both sides of the street and what closes it: one ray a sample.

use super::facade;
use super::label::StreetLabel;
use super::plan::{Fence, Street};
use crate::canvas::Canvas;
use crate::color::{Rgb, mix, scale, smoothstep};
use crate::noise::{fractal, value};

/// Paints everything that reaches to the picture's edges; `size` is the picture's side in pixels.
pub(super) fn paint(canvas: &mut Canvas<StreetLabel>, street: &Street, size: usize) {
    // Width of a pixel at a distance of 1: what is finer is not drawn.
    let pixel = street.spread / size as f32;
    for y in 0..canvas.side {
        let v = (street.vanishing[1] - canvas.centre(y)) * street.spread;
        for x in 0..canvas.side {
            let u = (canvas.centre(x) - street.vanishing[0]) * street.spread;
            let (color, label) = seen(street, u, v, pixel);
            canvas.put(x, y, color, label);
        }
    }
}

/// What lies at the end of the ray (u, v, 1).
fn seen(street: &Street, u: f32, v: f32, pixel: f32) -> (Rgb, StreetLabel) {
    let ground = if v < 0.0 { street.eye / -v } else { f32::INFINITY };
    let side = usize::from(u > 0.0);
    let wall = if u == 0.0 { f32::INFINITY } else { street.walls[side] / u };
    for fence in street.fences.iter().filter(|fence| fence.x * u > 0.0) {
        let z = fence.x / u;
        if z < ground
            && z < street.end
            && (fence.from..fence.to).contains(&z)
            && let Some(color) = fence_color(street, fence, z, street.eye + v * z, pixel)
        {
            return (street.light.through_air(color, z), StreetLabel::Fence);
        }
    }
    if wall < ground.min(street.end) {
        let y = street.eye + v * wall;
        let Some(block) = street.block(side, wall) else { return (sky(street, u, v), StreetLabel::Sky) };
        if block.garden {
            let edge = block.height * (0.72 + 0.5 * fractal(wall * 0.55, y * 0.3, 3, block.seed));
            if y < edge {
                let color = facade::hedge(street, side, block, wall, y, pixel);
                return (street.light.through_air(color, wall), StreetLabel::Vegetation);
            }
        } else if let Some(color) = facade::house(street, side, block, wall, y, pixel) {
            return (street.light.through_air(color, wall), StreetLabel::Building);
        }
        return beyond(street, u, v);
    }
    if ground < street.end {
        let (color, label) = floor(street, u * ground, ground, pixel);
        return (street.light.through_air(color, ground), label);
    }
    beyond(street, u, v)
}

/// What closes the street, or the sky above it.
fn beyond(street: &Street, u: f32, v: f32) -> (Rgb, StreetLabel) {
    let z = street.end;
    let (x, y) = (u * z, street.eye + v * z);
    let seed = street.texture ^ 0x51;
    if street.end_height > 0.0 && !street.end_trees {
        let house = (x / 11.0).floor();
        let top = street.end_height * (0.75 + 0.5 * value(house * 7.7, 0.5, seed));
        if y < top {
            let tint = value(house * 3.1, 9.5, seed);
            let wall = mix([0.72, 0.66, 0.58], [0.48, 0.38, 0.33], tint);
            let window =
                ((x / 2.6).rem_euclid(1.0) - 0.5).abs() < 0.24 && ((y / 3.1).rem_euclid(1.0) - 0.5).abs() < 0.3;
            let color = scale(wall, if window { 0.62 } else { 0.92 });
            return (street.light.through_air(color, z), StreetLabel::Building);
        }
    }
    // Distant trees where nothing else is.
    let rise = if street.end_trees { street.end_height.max(4.0) } else { 4.5 };
    let top = rise * (0.35 + 1.1 * fractal(x * 0.11, 3.5, 4, seed ^ 7));
    if y < top && (street.end_trees || street.end_height == 0.0) {
        let leaf = fractal(x * 0.5, y * 0.5, 3, seed ^ 9);
        let color = scale(mix([0.15, 0.24, 0.10], [0.30, 0.38, 0.16], leaf), 0.7 + 0.5 * leaf);
        return (street.light.through_air(color, z), StreetLabel::Vegetation);
    }
    if y < 0.0 {
        return (street.light.through_air([0.40, 0.40, 0.40], z), StreetLabel::Road);
    }
    (sky(street, u, v), StreetLabel::Sky)
}

fn sky(street: &Street, u: f32, v: f32) -> Rgb {
    let light = &street.light;
    let up = v.max(0.0);
    let mut color = mix(light.skyline, light.zenith, (1.0 - (-3.2 * up).exp()).min(1.0));
    let towards_sun = (if light.side == 0 { -u } else { u }).max(0.0);
    color = mix(color, [1.0, 0.97, 0.90], 0.35 * light.sun * smoothstep(0.1, 0.9, towards_sun));
    if light.clouds > 0.0 {
        // Clouds lie in a plane overhead, so that they flatten towards the horizon.
        let far = 1.0 / (up + 0.16);
        let (cx, cy) = (u * far * 0.9, far * 1.1);
        let thick = fractal(cx, cy, 4, street.texture ^ 3);
        let edge = 0.72 - 0.5 * light.clouds;
        let cover = smoothstep(edge, edge + 0.22, thick) * smoothstep(0.0, 0.12, up);
        let shade = fractal(cx + 0.2, cy - 0.2, 2, street.texture ^ 3) - thick;
        let cloud = mix([0.72, 0.74, 0.78], [0.98, 0.98, 0.97], smoothstep(-0.15, 0.15, shade));
        color = mix(color, cloud, 0.85 * cover);
    }
    color
}

/// Road, its markings, kerb and pavement at (x, z).
fn floor(street: &Street, x: f32, z: f32, pixel: f32) -> (Rgb, StreetLabel) {
    let seed = street.texture;
    let light = street.light_at(x, z);
    // Size of a pixel along the street and across it.
    let (along, across) = (z * z * pixel / street.eye, z * pixel);
    let fine = |scale: f32| smoothstep(1.5, 0.5, along.max(across) * scale);
    let side = usize::from(x > 0.0);
    let from_kerb = (x - street.road[side]) * Street::outward(side);
    let (color, label) = if from_kerb < 0.0 {
        let blotch = fractal(x * 0.5, z * 0.16, 3, seed ^ 17) - 0.5;
        let grit = (value(x * 22.0, z * 22.0, seed ^ 19) - 0.5) * fine(10.0);
        let mut color = scale([0.315, 0.315, 0.325], 1.0 + 0.30 * blotch + 0.14 * grit);
        // Wheels polish two tracks a lane; gutters are dirty.
        let track = smoothstep(0.35, 0.0, ((x.abs() - 0.75).abs() - 0.1).max(0.0));
        color = scale(color, 1.0 + 0.06 * track - 0.16 * smoothstep(-0.5, 0.0, from_kerb));
        // Trenches that were filled with newer asphalt.
        let filled = value((x * 0.45).floor() * 5.1, (z * 0.11).floor() * 3.3, seed ^ 23) > 0.86;
        color = scale(color, if filled { 0.86 } else { 1.0 });
        let paint = marking(street, x, z, across);
        let worn = 0.72 + 0.28 * value(x * 9.0, z * 5.0, seed ^ 29);
        (mix(color, [0.80, 0.80, 0.77], paint * worn), StreetLabel::Road)
    } else if from_kerb < 0.16 {
        (scale([0.58, 0.57, 0.55], 0.95 + 0.1 * value(z * 1.1, 0.5, seed)), StreetLabel::Sidewalk)
    } else {
        let (sx, sz) = (from_kerb / 0.9, z / 0.9);
        let joint = |t: f32| smoothstep(0.07, 0.02, (t - t.round()).abs());
        let slab = 0.10 * (value(sx.floor() * 5.3, sz.floor() * 3.7, seed ^ 31) - 0.5);
        let stain = 0.16 * (fractal(x * 0.9, z * 0.5, 2, seed ^ 37) - 0.5);
        let lines = joint(sx).max(joint(sz)) * fine(2.4);
        (scale([0.54, 0.52, 0.49], 1.0 + slab * fine(1.2) + stain - 0.2 * lines), StreetLabel::Sidewalk)
    };
    let shade = mix([0.90, 0.96, 1.10], [1.0; 3], smoothstep(0.5, 1.0, light));
    (std::array::from_fn(|c| color[c] * light * shade[c]), label)
}

/// How much paint lies at (x, z), 0 to 1.
fn marking(street: &Street, x: f32, z: f32, across: f32) -> f32 {
    let line = |middle: f32, half: f32| smoothstep(half + across.max(0.01), half, (x - middle).abs());
    if let Some(crossing) = street.crossing
        && (crossing..crossing + 3.0).contains(&z)
    {
        let stripe = ((x / 1.0).rem_euclid(1.0) - 0.5).abs();
        return smoothstep(0.27, 0.23, stripe);
    }
    let dashed = if (z / 6.0).rem_euclid(1.0) < 0.5 { line(street.line, 0.07) } else { 0.0 };
    let edges = line(street.road[0] + 0.3, 0.06).max(line(street.road[1] - 0.3, 0.06));
    dashed.max(0.8 * edges)
}

fn fence_color(street: &Street, fence: &Fence, z: f32, y: f32, pixel: f32) -> Option<Rgb> {
    if !(0.0..fence.height).contains(&y) {
        return None;
    }
    let pitch = if fence.boards { 0.34 } else { 0.22 };
    let along = z * z * pixel / fence.x.abs();
    let fine = smoothstep(1.0, 0.4, along / pitch);
    let place = (z / pitch).rem_euclid(1.0);
    let side = usize::from(fence.x > 0.0);
    let light = if side == street.light.side { 0.72 } else { 1.0 };
    let ground = mix([0.20, 0.27, 0.13], [0.34, 0.32, 0.28], value(z * 0.8, y, street.texture));
    let rail = (y / fence.height - 0.86).abs() < 0.06 || (y / fence.height - 0.14).abs() < 0.05;
    let bar = if fence.boards { place > 0.10 } else { place < 0.34 };
    let cover = if rail || bar { 1.0 } else { 0.0 };
    let mean = if fence.boards { 0.9 } else { 0.45 };
    let cover = mean + (cover - mean) * fine;
    let grain = 1.0 + 0.2 * (value(z * 7.0, y * 3.0, street.texture ^ 41) - 0.5);
    Some(scale(mix(ground, scale(fence.color, grain), cover), light))
}
