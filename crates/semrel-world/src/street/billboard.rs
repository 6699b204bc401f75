//! Paints at a distance: upright rectangles that face the camera, and spots on the ground.

use super::label::StreetLabel;
use super::plan::{Street, Thing};
use crate::canvas::Canvas;
use crate::color::{Rgb, smoothstep};
use std::ops::Range;

/// Paints the samples of a rectangle at distance `z` (metres, x relative to the camera) for which `color` has one.
pub(super) fn billboard(
    canvas: &mut Canvas<StreetLabel>,
    street: &Street,
    z: f32,
    (xs, ys): (Range<f32>, Range<f32>),
    label: StreetLabel,
    color: impl Fn(f32, f32) -> Option<Rgb>,
) {
    let unit = z * street.spread;
    let [vx, vy] = street.vanishing;
    for row in canvas.span(vy - (ys.end - street.eye) / unit, vy - (ys.start - street.eye) / unit) {
        let y = street.eye + (vy - canvas.centre(row)) * unit;
        for column in canvas.span(vx + xs.start / unit, vx + xs.end / unit) {
            let x = (canvas.centre(column) - vx) * unit;
            if let Some(color) = color(x, y) {
                canvas.put(column, row, street.light.through_air(color, z), label);
            }
        }
    }
}

/// A soft dark spot on the ground, with these half axes.
pub(super) fn shadow(canvas: &mut Canvas<StreetLabel>, street: &Street, thing: &Thing, [rx, rz]: [f32; 2]) {
    let [vx, vy] = street.vanishing;
    let row = |z: f32| vy + street.eye / (z.max(0.5) * street.spread);
    for y in canvas.span(row(thing.z + rz), row(thing.z - rz)) {
        let v = (canvas.centre(y) - vy) * street.spread;
        if v <= 0.0 {
            continue;
        }
        let z = street.eye / v;
        let unit = z * street.spread;
        for x in canvas.span(vx + (thing.x - rx) / unit, vx + (thing.x + rx) / unit) {
            let (dx, dz) = (((canvas.centre(x) - vx) * unit - thing.x) / rx, (z - thing.z) / rz);
            let on_ground = matches!(canvas.label[y * canvas.side + x], StreetLabel::Road | StreetLabel::Sidewalk);
            if on_ground {
                canvas.tint(x, y, [0.03, 0.035, 0.05], 0.55 * smoothstep(1.0, 0.4, (dx * dx + dz * dz).sqrt()));
            }
        }
    }
}
