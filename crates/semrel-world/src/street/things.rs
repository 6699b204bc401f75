//! Paints what stands free in the street, from far to near, with its shadow.

use super::billboard::{billboard, shadow};
use super::label::StreetLabel;
use super::plan::{Kind, Shape, Street, Thing};
use super::{figures, vehicles};
use crate::canvas::Canvas;
use crate::color::{mix, scale, smoothstep};
use crate::noise::{fractal, value};

pub(super) fn paint(canvas: &mut Canvas<StreetLabel>, street: &Street) {
    for thing in &street.things {
        let light = street.light_at(thing.x, thing.z).min(1.05);
        let light = 1.0 - 0.75 * (1.0 - light);
        match thing.kind {
            Kind::Car { height, length, oncoming } => {
                vehicles::paint(canvas, street, thing, vehicles::Build { height, length, oncoming }, light);
            }
            Kind::Person { height, step } => {
                shadow(canvas, street, thing, [0.42, 0.3]);
                let figure = figures::person(height, step, thing);
                figure.paint(canvas, street, thing, light, StreetLabel::Person);
            }
            Kind::Rider { heading } => {
                shadow(canvas, street, thing, [0.7, 0.4]);
                figures::rider(heading, thing).paint(canvas, street, thing, light, StreetLabel::Rider);
            }
            Kind::Lamp { height, arm } => lamp(canvas, street, thing, height, arm, light),
            Kind::Sign { shape } => sign(canvas, street, thing, shape, light),
            Kind::Tree { crown, radius } => tree(canvas, street, thing, crown, radius, light),
        }
    }
}

fn lamp(canvas: &mut Canvas<StreetLabel>, street: &Street, thing: &Thing, height: f32, arm: f32, light: f32) {
    shadow(canvas, street, thing, [0.3, 0.25]);
    // At least as wide as can be seen.
    let half = 0.075f32.max(0.0022 * thing.z);
    let (left, right) = (thing.x.min(thing.x + arm) - 0.2, thing.x.max(thing.x + arm) + 0.2);
    billboard(canvas, street, thing.z, (left..right, 0.0..height + 0.2), StreetLabel::Pole, |x, y| {
        let across = (x - thing.x) / half;
        let post = across.abs() < 1.0 + 0.6 * smoothstep(1.2, 0.6, y) && y < height;
        let out = (x - thing.x) / arm;
        let rise = height + 0.12 * out - y;
        let beam = (0.0..1.0).contains(&out) && rise.abs() < 0.7 * half;
        let head = (0.78..1.12).contains(&out) && (0.0..0.16f32.max(2.0 * half)).contains(&rise);
        if head {
            return Some(scale([0.62, 0.62, 0.58], light));
        }
        (post || beam).then(|| scale(thing.color, light * (1.0 - 0.35 * across.clamp(-1.0, 1.0))))
    });
}

fn sign(canvas: &mut Canvas<StreetLabel>, street: &Street, thing: &Thing, shape: Shape, light: f32) {
    const CENTRE: f32 = 2.45;
    const RADIUS: f32 = 0.42;
    let half = 0.045f32.max(0.0018 * thing.z);
    billboard(canvas, street, thing.z, (thing.x - half..thing.x + half, 0.0..CENTRE), StreetLabel::Pole, |x, _| {
        Some(scale(thing.color, light * (1.0 - 0.3 * (x - thing.x) / half)))
    });
    let reach = (thing.x - RADIUS..thing.x + RADIUS, CENTRE - RADIUS..CENTRE + RADIUS);
    billboard(canvas, street, thing.z, reach, StreetLabel::TrafficSign, |x, y| {
        let (dx, dy) = ((x - thing.x) / RADIUS, (y - CENTRE) / RADIUS);
        let red = [0.72, 0.08, 0.08];
        let white = [0.92, 0.92, 0.90];
        let color = match shape {
            Shape::Round => {
                let r = (dx * dx + dy * dy).sqrt();
                let bar = thing.seed & 1 == 0 && dy.abs() < 0.16 && dx.abs() < 0.55;
                match r {
                    r if r > 1.0 => return None,
                    _ if thing.seed & 2 == 0 => {
                        if bar || r > 0.93 {
                            white
                        } else {
                            red
                        }
                    }
                    r if r > 0.72 => red,
                    _ => {
                        if bar {
                            [0.1; 3]
                        } else {
                            white
                        }
                    }
                }
            }
            Shape::Triangle => {
                let edge = (dx.abs() * 1.732 + dy - 0.95).max(-dy - 0.75);
                match edge {
                    e if e > 0.0 => return None,
                    e if e > -0.32 => red,
                    _ => white,
                }
            }
            Shape::Square => {
                let edge = dx.abs().max(dy.abs());
                let arrow = dx.abs() < 0.14 && dy.abs() < 0.6;
                match edge {
                    e if e > 0.88 => return None,
                    e if e > 0.78 || arrow => white,
                    _ => [0.06, 0.22, 0.55],
                }
            }
        };
        Some(scale(color, light))
    });
}

fn tree(canvas: &mut Canvas<StreetLabel>, street: &Street, thing: &Thing, crown: f32, radius: f32, light: f32) {
    shadow(canvas, street, thing, [0.9, 0.8]);
    let trunk = 0.16f32.max(0.002 * thing.z);
    billboard(
        canvas,
        street,
        thing.z,
        (thing.x - 2.0 * trunk..thing.x + 2.0 * trunk, 0.0..crown),
        StreetLabel::Vegetation,
        |x, y| {
            let across = (x - thing.x) / (trunk * (1.0 + 0.5 * smoothstep(0.6, 0.0, y)));
            let bark = value(x * 18.0, y * 4.0, thing.seed) - 0.5;
            (across.abs() < 1.0).then(|| scale([0.26, 0.20, 0.15], light * (1.0 - 0.35 * across + 0.4 * bark)))
        },
    );
    let sun = if street.light.side == 0 { -1.0 } else { 1.0 };
    let reach = (thing.x - 1.25 * radius..thing.x + 1.25 * radius, crown - 1.3 * radius..crown + 1.4 * radius);
    billboard(canvas, street, thing.z, reach, StreetLabel::Vegetation, |x, y| {
        let (dx, dy) = ((x - thing.x) / radius, (y - crown) / (1.1 * radius));
        let bumps = fractal(dx * 2.3 + 7.0, dy * 2.3, 4, thing.seed);
        let edge = dx * dx + dy * dy - 0.25 - 1.15 * bumps;
        // Gaps let the sky through.
        let gap = fractal(dx * 7.0, dy * 7.0, 2, thing.seed ^ 3);
        if edge > 0.0 || (edge > -0.45 && gap > 0.64) {
            return None;
        }
        let leaf = fractal(dx * 8.0, dy * 8.0, 2, thing.seed ^ 5) - 0.5;
        let lit = 0.55 * dy + 0.25 * sun * dx + 0.8 * (bumps - 0.5);
        let color = mix(thing.color, [0.46, 0.50, 0.20], 0.35 * smoothstep(0.0, 0.4, leaf));
        Some(scale(color, light * (0.92 + (0.2 + 0.35 * street.light.sun) * lit + 0.9 * leaf).max(0.25)))
    });
}
