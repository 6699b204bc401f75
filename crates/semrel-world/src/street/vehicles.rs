//! Cars and vans: boxes of which the camera sees the end that faces it and one side.

use super::billboard::shadow;
use super::label::StreetLabel;
use super::plan::{Street, Thing};
use crate::canvas::Canvas;
use crate::color::{Rgb, mix, scale, smoothstep};

/// Half the width of every car.
const HALF: f32 = 0.88;

/// What cars differ in besides colour.
#[derive(Clone, Copy)]
pub(super) struct Build {
    pub height: f32,
    pub length: f32,
    pub oncoming: bool,
}

/// Paints a car whose near end is at `thing.z`, and its shadow.
pub(super) fn paint(canvas: &mut Canvas<StreetLabel>, street: &Street, thing: &Thing, build: Build, light: f32) {
    let under = Thing { z: thing.z + 0.5 * build.length, ..thing.clone() };
    shadow(canvas, street, &under, [HALF + 0.5, 0.5 * build.length + 0.6]);
    let near = thing.z;
    // The side that the camera looks at.
    let flank = if thing.x > 0.0 { thing.x - HALF } else { thing.x + HALF };
    let seen = if thing.x > 0.0 { flank > 0.0 } else { flank < 0.0 };
    let [vx, vy] = street.vanishing;
    let far_x = flank / (near + build.length);
    let edges = [(thing.x - HALF) / near, (thing.x + HALF) / near, far_x];
    let (left, right) = edges.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, r), &e| (l.min(e), r.max(e)));
    let top = (build.height - street.eye) / near;
    let top = top.max((build.height - street.eye) / (near + build.length));
    let side_light = light
        * if (thing.x > 0.0) == (street.light.side == 0) {
            1.0 + 0.15 * street.light.sun
        } else {
            1.0 - 0.25 * street.light.sun
        };
    for row in canvas.span(vy - top / street.spread, vy + street.eye / near / street.spread) {
        let v = (vy - canvas.centre(row)) * street.spread;
        for column in canvas.span(vx + left / street.spread, vx + right / street.spread) {
            let u = (canvas.centre(column) - vx) * street.spread;
            let hit = end(build, thing.color, (u * near - thing.x) / HALF, street.eye + v * near)
                .map(|color| (scale(color, light), near))
                .or_else(|| {
                    let z = flank / u;
                    let along = z - near;
                    if !seen || !(0.0..build.length).contains(&along) {
                        return None;
                    }
                    side(build, thing.color, along, street.eye + v * z).map(|color| (scale(color, side_light), z))
                });
            if let Some((color, z)) = hit {
                canvas.put(column, row, street.light.through_air(color, z), StreetLabel::Car);
            }
        }
    }
}

const TYRE: Rgb = [0.045, 0.045, 0.05];

/// Height of the lower edge of the windows.
fn belt(build: Build) -> f32 {
    0.62 * build.height
}

/// Metal reflects the sky above and the road below.
fn metal(color: Rgb, up: f32) -> Rgb {
    let sky = mix(color, [0.80, 0.85, 0.90], 0.30 * smoothstep(0.70, 1.0, up));
    scale(sky, 0.62 + 0.42 * smoothstep(0.0, 0.75, up))
}

/// The rear or front at `across` (−1 to 1) and height `y`.
fn end(build: Build, color: Rgb, across: f32, y: f32) -> Option<Rgb> {
    let a = across.abs();
    let belt = belt(build);
    if y < 0.0 || y > build.height {
        return None;
    }
    if y < 0.20 {
        return (0.60..0.94).contains(&a).then_some(TYRE);
    }
    if y < belt {
        // Rounded corners.
        let corner = smoothstep(0.10, 0.0, (belt - y).min(y - 0.2));
        if a > 1.0 - 0.05 * corner {
            return None;
        }
        let up = (y - 0.2) / (belt - 0.2);
        if (0.62..0.92).contains(&up) && a > 0.70 {
            return Some(if build.oncoming { [0.88, 0.88, 0.84] } else { [0.62, 0.07, 0.06] });
        }
        if build.oncoming && (0.40..0.68).contains(&up) && a < 0.5 {
            return Some([0.07, 0.07, 0.08]);
        }
        if (0.30..0.46).contains(&up) && a < 0.29 {
            return Some(if build.oncoming { [0.88, 0.88, 0.86] } else { [0.86, 0.76, 0.36] });
        }
        if up < 0.20 {
            return Some([0.10, 0.10, 0.11]);
        }
        return Some(metal(color, up));
    }
    let up = (y - belt) / (build.height - belt);
    // The cabin of an oncoming car stands behind the bonnet, so that it looks narrower.
    let taper = if build.oncoming { 0.90 } else { 0.94 } - 0.20 * up * if build.height > 1.7 { 0.4 } else { 1.0 };
    if a > taper || (up > 0.93 && a > taper - 0.1) {
        return None;
    }
    if (0.08..0.80).contains(&up) && a < taper - 0.12 {
        let sky = smoothstep(0.2, 0.9, up + 0.2 * across);
        return Some(mix([0.08, 0.09, 0.10], [0.42, 0.48, 0.54], 0.8 * sky));
    }
    Some(metal(color, 0.7 + 0.4 * up))
}

/// The side at `along` metres from the near end and height `y`.
fn side(build: Build, color: Rgb, along: f32, y: f32) -> Option<Rgb> {
    // Cars are drawn from their rear.
    let t = if build.oncoming { build.length - along } else { along };
    let belt = belt(build);
    for axle in [0.78, build.length - 0.85] {
        let (dx, dy) = (t - axle, y - 0.31);
        let r = (dx * dx + dy * dy).sqrt();
        if r < 0.31 {
            return Some(if r < 0.19 { scale([0.42, 0.43, 0.44], 0.8 + 0.6 * r) } else { TYRE });
        }
        if r < 0.36 && y > 0.2 {
            return Some([0.03; 3]);
        }
    }
    if !(0.2..build.height).contains(&y) {
        return None;
    }
    if y < belt {
        let up = (y - 0.2) / (belt - 0.2);
        let seam = [1.3, 2.35].iter().any(|door| (t - door).abs() < 0.02);
        let bonnet = smoothstep(build.length - 0.25, build.length, t);
        if up > 1.0 - 0.22 * bonnet {
            return None;
        }
        return Some(scale(metal(color, up), if seam || up < 0.12 { 0.55 } else { 1.0 }));
    }
    let up = (y - belt) / (build.height - belt);
    let van = build.height > 1.7;
    let (rear, front) = (0.03 + 0.22 * up, build.length - if van { 0.7 + 0.5 * up } else { 1.15 + 0.75 * up });
    if !(rear..front).contains(&t) {
        return None;
    }
    let pillar = [1.3, 2.3].iter().any(|door| (t - door).abs() < 0.05);
    let glazed = (0.10..0.80).contains(&up) && (rear + 0.14..front - 0.12).contains(&t) && !pillar;
    if glazed && !(van && t < 2.3) {
        return Some(mix([0.07, 0.08, 0.09], [0.38, 0.44, 0.50], 0.6 * up));
    }
    Some(metal(color, 0.7 + 0.4 * up))
}
