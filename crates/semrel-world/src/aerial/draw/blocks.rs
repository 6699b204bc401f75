//! What stands in the blocks.

use super::super::palette::pick;
use super::super::plan::{Block, Plan, Use};
use super::super::things::{Building, Cover, Patch, Roof, Tree, local};
use crate::color::{Rgb, scale};
use crate::noise::fractal;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::ops::Range;

const SHINGLES: [Rgb; 6] = [
    [0.36, 0.34, 0.33],
    [0.45, 0.41, 0.37],
    [0.30, 0.30, 0.32],
    [0.42, 0.33, 0.27],
    [0.54, 0.51, 0.48],
    [0.50, 0.38, 0.31],
];
const TILES: [Rgb; 5] =
    [[0.56, 0.33, 0.24], [0.62, 0.40, 0.29], [0.50, 0.29, 0.22], [0.58, 0.42, 0.34], [0.40, 0.33, 0.30]];
const FLAT: [Rgb; 6] = [
    [0.72, 0.71, 0.69],
    [0.58, 0.57, 0.55],
    [0.82, 0.81, 0.79],
    [0.44, 0.43, 0.43],
    [0.63, 0.57, 0.50],
    [0.66, 0.68, 0.70],
];
const LEAVES: [Rgb; 5] =
    [[0.23, 0.32, 0.15], [0.29, 0.37, 0.18], [0.20, 0.29, 0.16], [0.36, 0.39, 0.22], [0.25, 0.34, 0.21]];
const AUTUMN: [Rgb; 3] = [[0.52, 0.36, 0.14], [0.46, 0.25, 0.14], [0.56, 0.48, 0.20]];

/// Fills every block that the picture shows, and rows of trees along some streets.
pub(super) fn furnish(rng: &mut ChaCha8Rng, plan: &mut Plan) {
    let avenue = if rng.random_bool(0.5) { rng.random_range(0.3..0.9) } else { 0.08 };
    let leafy = rng.random_range(0.25..1.0);
    for block in plan.blocks.clone() {
        let middle = [0, 1].map(|axis| 0.5 * (block.low[axis] + block.high[axis]));
        let half = [0, 1].map(|axis| 0.5 * (block.high[axis] - block.low[axis]));
        if half[0] < 9.0 || half[1] < 9.0 || !plan.shows(middle, half[0].hypot(half[1]) + 12.0) {
            continue;
        }
        match block.kind {
            Use::Houses => houses(rng, plan, &block, leafy),
            Use::Town => town(rng, plan, &block),
            Use::Shops => shops(rng, plan, &block),
            Use::Park => park(rng, plan, &block),
            Use::Wood => scatter(rng, plan, &block, 4.6, 0.98, 0.15),
            Use::Field => scatter(rng, plan, &block, 9.0, 0.06, 0.4),
            Use::Vacant => scatter(rng, plan, &block, 8.0, 0.12, 0.4),
        }
        if !matches!(block.kind, Use::Wood | Use::Field | Use::Vacant) {
            row_of_trees(rng, plan, &block, avenue);
        }
    }
}

/// Whether streets across the grid and waters leave this place free, out to `radius`.
fn free(plan: &Plan, place: [f32; 2], radius: f32) -> bool {
    let streets = plan.roads.iter().filter(|road| road.axis.is_none()).all(|road| road.edge(place) > radius + 1.5);
    streets && plan.waters.iter().all(|water| water.depth(place) < -radius - 2.0)
}

/// As [`free`], of a rectangle.
fn free_rectangle(plan: &Plan, place: [f32; 2], half: [f32; 2], heading: [f32; 2]) -> bool {
    let [hx, hy] = heading;
    (-2..=2).all(|i| {
        (-2..=2).all(|j| {
            let (u, v) = (0.5 * i as f32 * half[0], 0.5 * j as f32 * half[1]);
            free(plan, [place[0] + u * hx - v * hy, place[1] + u * hy + v * hx], 0.0)
        })
    })
}

/// A point of a block by (along, across) its longer side `axis`.
fn at(axis: usize, along: f32, across: f32) -> [f32; 2] {
    if axis == 0 { [along, across] } else { [across, along] }
}

/// Unit vector of an axis.
fn along(axis: usize) -> [f32; 2] {
    at(axis, 1.0, 0.0)
}

/// The longer side of a block, and its extent along and across it, without the pavement.
fn sides(block: &Block) -> (usize, Range<f32>, Range<f32>) {
    let span = |axis: usize| block.low[axis] + 2.0..block.high[axis] - 2.0;
    let [w, h] = [0, 1].map(|axis| block.high[axis] - block.low[axis]);
    let axis = usize::from(h > w);
    (axis, span(axis), span(1 - axis))
}

/// On which long sides of a block buildings stand, −1 and 1, and whether a street runs there. Blocks that are no deeper than
/// `least` have one row, on a street if they can.
fn rows(plan: &Plan, (axis, long, short): (usize, &Range<f32>, &Range<f32>), least: f32) -> Vec<(f32, bool)> {
    let middle = 0.5 * (long.start + long.end);
    let reached = |across: f32| plan.roads.iter().any(|road| road.edge(at(axis, middle, across)) < 0.0);
    let both = [(-1.0, reached(short.start - 4.0)), (1.0, reached(short.end + 4.0))];
    if short.end - short.start > least { both.to_vec() } else { vec![both[usize::from(!both[0].1)]] }
}

fn patch(rng: &mut ChaCha8Rng, plan: &mut Plan, place: [f32; 2], half: [f32; 2], heading: [f32; 2], kind: Cover) {
    plan.patches.push(Patch { place, half, heading, kind, seed: rng.random() });
}

fn building(rng: &mut ChaCha8Rng, plan: &mut Plan, new: Building) -> bool {
    let fits = free_rectangle(plan, new.place, new.half, new.heading);
    if fits {
        plan.buildings.push(Building { seed: rng.random(), ..new });
    }
    fits
}

fn tree(rng: &mut ChaCha8Rng, plan: &mut Plan, place: [f32; 2], radii: Range<f32>) {
    let radius = rng.random_range(radii);
    let standing = |b: &Building| {
        let offset = [place[0] - b.place[0], place[1] - b.place[1]];
        let [u, v] = local(offset, b.heading);
        u.abs() < b.half[0] + 0.3 * radius && v.abs() < b.half[1] + 0.3 * radius
    };
    let paved =
        |p: &Patch| p.kind != Cover::Gravel && p.inside([place[0] - p.place[0], place[1] - p.place[1]]).is_some();
    if !free(plan, place, 0.4 * radius) || plan.buildings.iter().any(standing) || plan.patches.iter().any(paved) {
        return;
    }
    let turned = rng.random_bool(f64::from(0.75 * plan.light.autumn));
    let leaf = if turned { pick(rng, &AUTUMN) } else { pick(rng, &LEAVES) };
    let color = scale(leaf, rng.random_range(0.85..1.15));
    plan.trees.push(Tree { place, radius, height: radius * rng.random_range(1.6..2.6), color, seed: rng.random() });
}

/// Houses in a row along each long side, gardens behind them.
fn houses(rng: &mut ChaCha8Rng, plan: &mut Plan, block: &Block, leafy: f64) {
    let (axis, long, short) = sides(block);
    let depth = short.end - short.start;
    let rows = rows(plan, (axis, &long, &short), 35.0);
    let pitched = if rng.random_bool(0.5) { Roof::Gable } else { Roof::Hip };
    for &(side, reached) in &rows {
        let street = if side < 0.0 { short.start } else { short.end };
        let setback = rng.random_range(5.0..8.0);
        let mut from = long.start + 1.0;
        loop {
            let lot = rng.random_range(12.0..18.0);
            if from + lot > long.end {
                break;
            }
            let middle = from + 0.5 * lot;
            from += lot;
            let half = [rng.random_range(0.30..0.39) * lot, rng.random_range(3.8..5.6f32).min(0.26 * depth)];
            let across = street - side * (setback + half[1] + rng.random_range(0.0..1.5));
            let tilt = rng.random_range(-0.04..0.04f32);
            let (turn, flip) = (at(axis, tilt.cos(), tilt.sin()), rng.random_bool(0.25) && half[0] < 5.5);
            let (heading, half) = if flip { ([-turn[1], turn[0]], [half[1], half[0]]) } else { (turn, half) };
            let colors: &[Rgb] = if plan.roofs == 1 { &TILES } else { &SHINGLES };
            let house = Building {
                place: at(axis, middle, across),
                half,
                heading,
                height: rng.random_range(4.0..7.5),
                roof: if rng.random_bool(0.75) { pitched } else { Roof::Hip },
                color: scale(pick(rng, colors), rng.random_range(0.88..1.12)),
                seed: 0,
            };
            if rng.random_bool(0.06) || !building(rng, plan, house) {
                continue;
            }
            // Drive, terrace, pool, trees.
            let end = if rng.random_bool(0.5) { 1.0 } else { -1.0 };
            if reached {
                let drive = at(axis, middle + end * 0.36 * lot, street - side * 0.5 * (setback + 2.0));
                patch(rng, plan, drive, [1.5, 0.5 * (setback + 2.0)], along(axis), Cover::Concrete);
            }
            let behind = |rng: &mut ChaCha8Rng| {
                let room = if rows.len() == 2 { 0.5 * depth } else { depth - 1.0 };
                let low = (setback + 12.5).min(room - 2.0);
                street - side * rng.random_range(low..room.max(low + 0.5))
            };
            if rng.random_bool(0.10) && depth > 46.0 {
                let pool = at(axis, middle + rng.random_range(-2.0..2.0), street - side * (setback + 16.0));
                let half = [rng.random_range(2.6..4.0), 2.0];
                patch(rng, plan, pool, half, along(axis), Cover::Pool);
            }
            for _ in 0..[1, 2, 3, 4][rng.random_range(0..4)] {
                if rng.random_bool(leafy) {
                    let place = at(axis, middle + rng.random_range(-0.5..0.5) * lot, behind(rng));
                    tree(rng, plan, place, 1.6..3.9);
                }
            }
            if rng.random_bool(0.6 * leafy) {
                let front = street - side * rng.random_range(1.5..4.0);
                let place = at(axis, middle - end * rng.random_range(0.1..0.4) * lot, front);
                tree(rng, plan, place, 1.5..3.2);
            }
        }
    }
}

/// Rows of higher houses with small gaps; trees in the yard.
fn town(rng: &mut ChaCha8Rng, plan: &mut Plan, block: &Block) {
    let (axis, long, short) = sides(block);
    let depth = short.end - short.start;
    let rows = rows(plan, (axis, &long, &short), 32.0);
    let flat = rng.random_bool(if plan.roofs == 2 { 0.9 } else { 0.45 });
    for &(side, _) in &rows {
        let street = if side < 0.0 { short.start } else { short.end };
        let mut from = long.start + rng.random_range(0.0..3.0);
        let deep = rng.random_range(5.5..7.5f32).min(0.4 * depth);
        loop {
            let length = rng.random_range(11.0..30.0f32).min(long.end - from);
            if length < 9.0 {
                break;
            }
            let roof = if flat || length > 24.0 { Roof::Flat } else { Roof::Gable };
            let colors: &[Rgb] = match roof {
                Roof::Flat => &FLAT,
                _ if plan.roofs == 0 => &SHINGLES,
                _ => &TILES,
            };
            let half = [0.5 * length, deep + rng.random_range(-0.8..0.8)];
            let across = street - side * (half[1] + rng.random_range(0.3..1.8));
            let house = Building {
                place: at(axis, from + 0.5 * length, across),
                half,
                heading: along(axis),
                height: rng.random_range(8.0..16.0),
                roof,
                color: scale(pick(rng, colors), rng.random_range(0.88..1.1)),
                seed: 0,
            };
            building(rng, plan, house);
            from += length + if rng.random_bool(0.45) { rng.random_range(2.0..7.0) } else { 0.4 };
        }
    }
    let yard = [0.5 * (long.end - long.start) - 6.0, 0.5 * depth - 2.0 * 7.5];
    if yard[1] > 8.3 && rng.random_bool(0.45) {
        let middle = at(axis, 0.5 * (long.start + long.end), 0.5 * (short.start + short.end));
        patch(rng, plan, middle, [yard[0], 8.3], along(axis), Cover::CarPark);
    }
    scatter_in(rng, plan, (axis, long, short), 7.0, 0.4, 0.35);
}

/// One or two large flat buildings; the rest is a car park.
fn shops(rng: &mut ChaCha8Rng, plan: &mut Plan, block: &Block) {
    let (axis, long, short) = sides(block);
    let (length, depth) = (long.end - long.start - 5.0, short.end - short.start - 5.0);
    let share = rng.random_range(0.35..0.55);
    let at_start = rng.random_bool(0.5);
    let (hall, lot) = (share * length, (1.0 - share) * length - 3.0);
    let middle = 0.5 * (short.start + short.end);
    let centre = |from: f32, size: f32| {
        let offset = 2.5 + from + 0.5 * size;
        at(axis, if at_start { long.start + offset } else { long.end - offset }, middle)
    };
    let shop = Building {
        place: centre(0.0, hall),
        half: [0.5 * hall, rng.random_range(0.38..0.5) * depth],
        heading: along(axis),
        height: rng.random_range(5.0..10.0),
        roof: Roof::Flat,
        color: scale(pick(rng, &FLAT), rng.random_range(0.92..1.1)),
        seed: 0,
    };
    building(rng, plan, shop);
    if lot < 12.0 {
        return;
    }
    // Rows of stalls run along the side on which more of them fit.
    let place = centre(hall + 3.0, lot);
    patch(rng, plan, place, [0.5 * lot, 0.5 * depth], along(axis), Cover::CarPark);
    if lot > 40.0 && rng.random_bool(0.4) {
        let kiosk = Building {
            place: centre(hall + lot - 10.0, 12.0),
            half: [6.0, 5.0],
            heading: along(axis),
            height: 5.0,
            roof: Roof::Flat,
            color: pick(rng, &FLAT),
            seed: 0,
        };
        building(rng, plan, kiosk);
    }
}

/// Lawns with trees in groups, paths, perhaps a playing field.
fn park(rng: &mut ChaCha8Rng, plan: &mut Plan, block: &Block) {
    let (axis, long, short) = sides(block);
    let [l, s] = [long.end - long.start, short.end - short.start];
    let middle = at(axis, 0.5 * (long.start + long.end), 0.5 * (short.start + short.end));
    let pond = plan.waters.iter().any(|water| water.depth(middle) > -8.0);
    if !pond && l > 46.0 && s > 32.0 && rng.random_bool(0.5) {
        let half = [(0.5 * l - 5.0).min(32.0), (0.5 * s - 5.0).min(20.0)];
        if free_rectangle(plan, middle, half, along(axis)) {
            patch(rng, plan, middle, half, along(axis), Cover::Pitch);
        }
    } else if !pond && s > 26.0 && rng.random_bool(0.3) {
        let place = at(axis, long.start + 20.0, 0.5 * (short.start + short.end));
        if free_rectangle(plan, place, [15.0, 8.0], along(axis)) {
            patch(rng, plan, place, [15.0, 8.0], along(axis), Cover::Tennis);
        }
    }
    for _ in 0..rng.random_range(1..4) {
        path(rng, plan, (axis, &long, &short));
    }
    let density = rng.random_range(0.25..0.65);
    scatter_in(rng, plan, (axis, long, short), 6.0, density, 0.55);
}

/// A footpath from one side of a block to another, in short straight pieces.
fn path(rng: &mut ChaCha8Rng, plan: &mut Plan, (axis, long, short): (usize, &Range<f32>, &Range<f32>)) {
    let across = rng.random_bool(0.5);
    let (from, to) = if across {
        ([rng.random_range(long.clone()), short.start], [rng.random_range(long.clone()), short.end])
    } else {
        ([long.start, rng.random_range(short.clone())], [long.end, rng.random_range(short.clone())])
    };
    let (swing, turns) = (rng.random_range(-7.0..7.0f32), rng.random_range(0.5..1.6f32) * std::f32::consts::PI);
    let point = |t: f32| {
        let bow = swing * (turns * t).sin() * (4.0 * t * (1.0 - t));
        let [u, v] = [0, 1].map(|i| from[i] + t * (to[i] - from[i]));
        if across { at(axis, u + bow, v) } else { at(axis, u, v + bow) }
    };
    const PIECES: usize = 14;
    let points: Vec<[f32; 2]> = (0..=PIECES).map(|i| point(i as f32 / PIECES as f32)).collect();
    let played_on = |place: &[f32; 2]| {
        let patches = plan.patches.iter().filter(|p| matches!(p.kind, Cover::Pitch | Cover::Tennis));
        patches.clone().any(|p| p.inside([place[0] - p.place[0], place[1] - p.place[1]]).is_some())
    };
    if points.iter().any(played_on) {
        return;
    }
    for ends in points.windows(2) {
        let way = [0, 1].map(|i| ends[1][i] - ends[0][i]);
        let length = way[0].hypot(way[1]).max(1e-3);
        let middle = [0, 1].map(|i| 0.5 * (ends[0][i] + ends[1][i]));
        patch(rng, plan, middle, [0.5 * length + 0.5, 0.9], way.map(|w| w / length), Cover::Gravel);
    }
}

/// Trees along the pavement, every nine metres or so.
fn row_of_trees(rng: &mut ChaCha8Rng, plan: &mut Plan, block: &Block, probability: f64) {
    for axis in 0..2 {
        for line in [block.low[1 - axis] + 1.5, block.high[1 - axis] - 1.5] {
            let mut t = block.low[axis] + rng.random_range(3.0..8.0);
            while t < block.high[axis] - 2.0 {
                if rng.random_bool(probability) {
                    tree(rng, plan, at(axis, t, line), 1.5..3.0);
                }
                t += rng.random_range(7.5..11.0);
            }
        }
    }
}

fn scatter(rng: &mut ChaCha8Rng, plan: &mut Plan, block: &Block, step: f32, density: f64, groups: f32) {
    scatter_in(rng, plan, sides(block), step, density, groups);
}

/// Trees about every `step` metres; `groups` (0 to 1) leaves clearings between them.
fn scatter_in(
    rng: &mut ChaCha8Rng,
    plan: &mut Plan,
    (axis, long, short): (usize, Range<f32>, Range<f32>),
    step: f32,
    density: f64,
    groups: f32,
) {
    let seed = rng.random();
    let mut v = short.start + 0.4 * step;
    while v < short.end {
        let mut u = long.start + 0.4 * step;
        while u < long.end {
            let jitter = [0, 1].map(|_| rng.random_range(-0.45..0.45) * step);
            let place = at(axis, u + jitter[0], v + jitter[1]);
            let thick = fractal(place[0] * 0.06, place[1] * 0.06, 2, seed);
            let inside = long.contains(&(u + jitter[0])) && short.contains(&(v + jitter[1]));
            let grown = rng.random_bool(density) && thick > 0.5 * groups + 0.12;
            if inside && grown && plan.shows(place, 9.0) {
                tree(rng, plan, place, 0.42 * step..0.66 * step.min(6.4));
            }
            u += step;
        }
        v += step;
    }
}
