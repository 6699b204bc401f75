//! People on foot and on bicycles: limbs as capsules.

use super::billboard::billboard;
use super::label::StreetLabel;
use super::plan::{Street, Thing};
use crate::canvas::Canvas;
use crate::color::{Rgb, scale};
use crate::noise::{unit, value};

/// A capsule from `a` to `b` with its colour, in metres from the middle of the feet.
struct Limb {
    a: [f32; 2],
    b: [f32; 2],
    radius: f32,
    color: Rgb,
    /// Leaves out what is nearer to the middle line than this: a wheel.
    hollow: f32,
}

/// Limbs, near to far.
pub(super) struct Figure {
    limbs: Vec<Limb>,
    reach: f32,
    height: f32,
    /// Width that the figure's own is shrunk to: bicycles are seen at an angle.
    squeeze: f32,
}

fn limb(a: [f32; 2], b: [f32; 2], radius: f32, color: Rgb) -> Limb {
    Limb { a, b, radius, color, hollow: 0.0 }
}

const SKINS: [Rgb; 4] = [[0.78, 0.58, 0.46], [0.70, 0.50, 0.38], [0.48, 0.32, 0.23], [0.84, 0.66, 0.55]];
const HAIRS: [Rgb; 4] = [[0.10, 0.08, 0.06], [0.28, 0.18, 0.10], [0.55, 0.42, 0.22], [0.45, 0.44, 0.43]];
const TROUSERS: [Rgb; 4] = [[0.12, 0.14, 0.20], [0.20, 0.20, 0.21], [0.32, 0.28, 0.22], [0.16, 0.20, 0.32]];

fn of(colors: &[Rgb; 4], seed: u32, which: i32) -> Rgb {
    colors[(unit(which, 7, seed) * 4.0) as usize]
}

/// Somebody `height` tall in mid-step.
pub(super) fn person(height: f32, step: f32, thing: &Thing) -> Figure {
    let h = height;
    let stride = 0.13 * step * h;
    let (skin, hair, trousers) = (of(&SKINS, thing.seed, 1), of(&HAIRS, thing.seed, 2), of(&TROUSERS, thing.seed, 3));
    let sleeve = scale(thing.color, 0.85);
    let hip = 0.49 * h;
    let limbs = vec![
        limb([0.0, 0.955 * h], [0.0, 0.965 * h], 0.050 * h, hair),
        limb([0.004 * h, 0.915 * h], [0.004 * h, 0.93 * h], 0.052 * h, skin),
        limb([-0.095 * h, 0.78 * h], [-0.11 * h - 0.5 * stride, 0.53 * h], 0.030 * h, sleeve),
        limb([-0.04 * h, 0.77 * h], [-0.025 * h, 0.52 * h], 0.072 * h, thing.color),
        limb([0.04 * h, 0.77 * h], [0.025 * h, 0.52 * h], 0.072 * h, thing.color),
        limb([0.095 * h, 0.78 * h], [0.11 * h + 0.5 * stride, 0.53 * h], 0.030 * h, sleeve),
        limb([-0.035 * h, hip], [-0.04 * h + stride, 0.05 * h], 0.043 * h, trousers),
        limb([0.035 * h, hip], [0.04 * h - stride, 0.05 * h], 0.043 * h, scale(trousers, 0.8)),
        limb([-0.03 * h + stride, 0.022 * h], [0.03 * h + stride, 0.02 * h], 0.022 * h, [0.06; 3]),
        limb([-0.03 * h - stride, 0.022 * h], [0.03 * h - stride, 0.02 * h], 0.022 * h, [0.05; 3]),
    ];
    Figure { limbs, reach: 0.3 * h, height: 1.02 * h, squeeze: 1.0 }
}

/// Somebody on a bicycle that heads to the right (1) or left (−1).
pub(super) fn rider(heading: f32, thing: &Thing) -> Figure {
    let at = |x: f32, y: f32| [heading * x, y];
    let (skin, trousers) = (of(&SKINS, thing.seed, 1), of(&TROUSERS, thing.seed, 3));
    let frame = [0.20, 0.22, 0.24];
    let wheel = |x: f32| Limb { a: at(x, 0.34), b: at(x + 0.001, 0.34), radius: 0.34, color: [0.06; 3], hollow: 0.26 };
    let helmet = unit(4, 7, thing.seed) > 0.4;
    let hat = if helmet { [0.80, 0.79, 0.76] } else { of(&HAIRS, thing.seed, 2) };
    let limbs = vec![
        limb(at(0.16, 1.62), at(0.18, 1.63), 0.105, hat),
        limb(at(0.20, 1.53), at(0.20, 1.55), 0.100, skin),
        limb(at(0.12, 1.36), at(0.46, 1.05), 0.052, scale(thing.color, 0.85)),
        limb(at(-0.14, 0.98), at(0.10, 1.34), 0.135, thing.color),
        limb(at(-0.13, 0.92), at(0.20, 0.68), 0.082, trousers),
        limb(at(0.20, 0.68), at(0.05, 0.26), 0.060, trousers),
        limb(at(-0.10, 0.90), at(0.12, 0.52), 0.075, scale(trousers, 0.75)),
        limb(at(0.12, 0.52), at(-0.06, 0.40), 0.055, scale(trousers, 0.75)),
        limb(at(0.46, 1.02), at(0.54, 0.36), 0.028, frame),
        limb(at(-0.16, 0.84), at(0.02, 0.32), 0.026, frame),
        limb(at(0.02, 0.32), at(0.47, 0.80), 0.026, frame),
        limb(at(-0.14, 0.78), at(0.46, 0.82), 0.026, frame),
        limb(at(-0.54, 0.34), at(0.02, 0.32), 0.022, frame),
        wheel(0.54),
        wheel(-0.54),
    ];
    Figure { limbs, reach: 0.95, height: 1.76, squeeze: 0.72 }
}

impl Figure {
    pub fn paint(
        &self,
        canvas: &mut Canvas<StreetLabel>,
        street: &Street,
        thing: &Thing,
        light: f32,
        label: StreetLabel,
    ) {
        let reach = self.reach * self.squeeze;
        // Thin limbs must not vanish far away.
        let least = 0.0015 * thing.z;
        let sun = if street.light.side == 0 { -1.0 } else { 1.0 };
        billboard(canvas, street, thing.z, (thing.x - reach..thing.x + reach, 0.0..self.height), label, |x, y| {
            let point = [(x - thing.x) / self.squeeze, y];
            self.limbs.iter().find_map(|limb| {
                let (away, across) = limb.distance(point);
                let inside = away < limb.radius.max(least) && away >= limb.hollow;
                inside.then(|| {
                    let fold = 0.25 * (value(x * 11.0, y * 9.0, thing.seed) - 0.5);
                    scale(limb.color, light * (1.0 + fold + 0.25 * sun * street.light.sun * across))
                })
            })
        });
    }
}

impl Limb {
    /// Distance from the middle line, and the sideways part of it over the radius.
    fn distance(&self, p: [f32; 2]) -> (f32, f32) {
        let (ax, ay) = (self.b[0] - self.a[0], self.b[1] - self.a[1]);
        let (px, py) = (p[0] - self.a[0], p[1] - self.a[1]);
        let t = ((px * ax + py * ay) / (ax * ax + ay * ay)).clamp(0.0, 1.0);
        let (dx, dy) = (px - t * ax, py - t * ay);
        ((dx * dx + dy * dy).sqrt(), (dx / self.radius).clamp(-1.0, 1.0))
    }
}
