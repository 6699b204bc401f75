//! The ground of the photograph, before anything stands on it.

use super::super::plan::{Plan, Use};
use super::super::road::Road;
use super::super::water::Water;
use crate::color::{Rgb, mix, scale, smoothstep};
use crate::noise::{fractal, unit, value};

/// Streets and waters around a place.
pub(super) struct Around<'a> {
    /// The street whose edge is nearest (main roads first, where two meet), and the distance of that edge, negative on it.
    pub road: Option<&'a Road>,
    pub edge: f32,
    /// The same distance of the nearest other street.
    pub other: f32,
    /// Metres from the bank, positive in the water; and which water.
    pub water: f32,
    pub shore: bool,
}

impl<'a> Around<'a> {
    pub fn of(plan: &'a Plan, place: [f32; 2]) -> Self {
        let mut around = Self { road: None, edge: f32::MAX, other: f32::MAX, water: f32::MIN, shore: false };
        for road in &plan.roads {
            let edge = road.edge(place);
            let wins = match around.road {
                Some(best) if edge < 0.0 && around.edge < 0.0 => road.main && !best.main,
                Some(_) => edge < around.edge,
                None => true,
            };
            if wins {
                around.other = around.other.min(around.edge);
                (around.road, around.edge) = (Some(road), edge);
            } else {
                around.other = around.other.min(edge);
            }
        }
        for water in &plan.waters {
            let depth = water.depth(place);
            if depth > around.water {
                (around.water, around.shore) = (depth, matches!(water, Water::Shore { .. }));
            }
        }
        around
    }
}

/// Share of a sample `size` wide at distance `d` that lies within `half` of 0.
pub(super) fn coverage(d: f32, half: f32, size: f32) -> f32 {
    let h = 0.5 * size;
    (((d + h).min(half) - (d - h).max(-half)) / size).clamp(0.0, 1.0)
}

/// Colour of the ground; `sample` is the distance of samples in metres.
pub(super) fn color(plan: &Plan, place: [f32; 2], around: &Around, sample: f32) -> Rgb {
    if let Some(road) = around.road.filter(|_| around.edge < 0.0) {
        return asphalt(plan, road, place, around, sample);
    }
    let [x, y] = place;
    let seed = plan.texture;
    if around.water > 0.0 {
        return water(plan, place, around.water);
    }
    let kind = plan.block(place).kind;
    // Pavements, but not through woods and fields; on bridges they are the kerb.
    if around.edge < 1.9 && !matches!(kind, Use::Wood | Use::Field) {
        let slab = 0.10 * (value((x / 1.4).floor() * 5.3, (y / 1.4).floor() * 3.7, seed ^ 31) - 0.5);
        let stain = 0.2 * (fractal(x * 0.2, y * 0.2, 2, seed ^ 37) - 0.5);
        return scale([0.63, 0.61, 0.58], 1.0 + slab + stain);
    }
    if around.water > -3.5 {
        let sand = if around.shore { [0.80, 0.73, 0.58] } else { [0.40, 0.38, 0.27] };
        let grain = value(x * 1.2, y * 1.2, seed ^ 41) - 0.5;
        let bank = scale(sand, 1.0 + 0.16 * grain);
        let t = smoothstep(-3.5, -1.5, around.water + 1.5 * (fractal(x * 0.3, y * 0.3, 2, seed ^ 43) - 0.5));
        return mix(land(plan, place, kind, around), bank, t);
    }
    land(plan, place, kind, around)
}

/// Ground between the streets.
fn land(plan: &Plan, place: [f32; 2], kind: Use, around: &Around) -> Rgb {
    let [x, y] = place;
    let seed = plan.texture;
    let broad = fractal(x * 0.045, y * 0.045, 3, seed ^ 51) - 0.5;
    let fine = value(x * 1.1, y * 1.1, seed ^ 53) - 0.5;
    match kind {
        Use::Houses => {
            // Every garden is kept in its own way.
            let garden = unit((x / 15.0).floor() as i32, (y / 21.0).floor() as i32, seed ^ 57);
            let dry = (plan.light.dry * 0.8 + 0.5 * (garden - 0.4) + 0.5 * broad).clamp(0.0, 1.0);
            scale(grass(dry), 1.0 + 0.25 * (garden - 0.5) + 0.3 * broad + 0.22 * fine)
        }
        Use::Park => {
            let dry = (plan.light.dry * 0.7 + 0.9 * broad).clamp(0.0, 1.0);
            scale(grass(dry), 1.02 + 0.3 * broad + 0.16 * fine)
        }
        Use::Wood => scale(mix([0.17, 0.21, 0.11], [0.30, 0.27, 0.17], 0.5 + broad), 1.0 + 0.4 * fine),
        Use::Town => {
            let yard = unit((x / 17.0).floor() as i32, (y / 17.0).floor() as i32, seed ^ 59);
            let color = if yard < 0.4 { grass(0.3 + broad) } else { mix([0.50, 0.49, 0.47], [0.62, 0.58, 0.52], yard) };
            scale(color, 1.0 + 0.3 * broad + 0.14 * fine)
        }
        Use::Shops => {
            let strip = smoothstep(4.5, 4.0, around.edge);
            let paved = scale([0.52, 0.51, 0.50], 1.0 + 0.25 * broad + 0.1 * fine);
            mix(paved, scale(grass(plan.light.dry), 1.0 + 0.3 * fine), strip)
        }
        Use::Field => {
            let ripe = unit(0, (plan.block(place).low[0]) as i32, seed ^ 61);
            let furrow = 0.07 * (if ripe < 0.5 { x } else { y } * 2.2).sin();
            let color = mix([0.50, 0.42, 0.30], [0.42, 0.46, 0.22], smoothstep(0.3, 0.7, ripe));
            scale(color, 1.0 + 0.35 * broad + 0.12 * fine + furrow)
        }
        Use::Vacant => {
            let bare = mix([0.56, 0.48, 0.38], [0.66, 0.60, 0.50], 0.5 + broad);
            let t = smoothstep(0.45, 0.6, fractal(x * 0.07 + 9.0, y * 0.07, 3, seed ^ 63));
            scale(mix(bare, grass(0.7), t), 1.0 + 0.22 * fine)
        }
    }
}

/// Grass from green (0) to dry (1).
fn grass(dry: f32) -> Rgb {
    mix([0.29, 0.40, 0.19], [0.56, 0.51, 0.34], dry.clamp(0.0, 1.0))
}

fn water(plan: &Plan, [x, y]: [f32; 2], depth: f32) -> Rgb {
    let seed = plan.texture;
    let broad = fractal(x * 0.03, y * 0.03, 2, seed ^ 71) - 0.5;
    let ripple = value(x * 0.8 + 0.3 * y, y * 0.8, seed ^ 73) - 0.5;
    let deep = mix([0.11, 0.22, 0.29], [0.17, 0.28, 0.27], unit(7, 7, seed));
    let color = mix([0.30, 0.37, 0.34], deep, smoothstep(0.0, 5.0, depth));
    scale(color, 1.0 + 0.22 * broad + 0.08 * ripple)
}

fn asphalt(plan: &Plan, road: &Road, place: [f32; 2], around: &Around, sample: f32) -> Rgb {
    let [x, y] = place;
    let seed = plan.texture;
    let (along, across) = road.local(place);
    let blotch = fractal(x * 0.11, y * 0.11, 3, seed ^ 81) - 0.5;
    let grit = (value(x * 2.1, y * 2.1, seed ^ 83) - 0.5) * smoothstep(0.9, 0.3, sample);
    let own = unit(road.at as i32, i32::from(road.main), seed ^ 85);
    let mut tone = plan.asphalt * (0.9 + 0.22 * own) * (1.0 + 0.20 * blotch + 0.10 * grit);
    // Lengths that were paved at another time, and the gutters.
    tone *= 1.0 + 0.14 * (unit((along / 23.0).floor() as i32, road.at as i32, seed ^ 87) - 0.5);
    tone *= 1.0 - 0.12 * smoothstep(-0.8, 0.0, around.edge);
    if around.water > 0.0 {
        tone *= 1.15;
    }
    let color = scale([1.0, 1.0, 1.015], tone);
    if around.other < 1.0 {
        return color;
    }
    let line = |middle: f32, half: f32| coverage(across - middle, half, sample);
    let dashed = if (along / 9.0).rem_euclid(1.0) < 0.4 { 1.0 } else { 0.0 };
    let white = [0.84, 0.84, 0.82];
    if road.main {
        let lanes = dashed * line(0.48 * road.half, 0.1).max(line(-0.48 * road.half, 0.1));
        let edges = line(road.half - 0.5, 0.1).max(line(0.5 - road.half, 0.1));
        let middle = line(0.22, 0.1).max(line(-0.22, 0.1));
        mix(mix(color, white, 0.85 * lanes.max(0.8 * edges)), [0.80, 0.66, 0.22], 0.9 * middle)
    } else {
        mix(color, white, 0.45 * dashed * line(0.0, 0.09))
    }
}
