//! Where everything is, in metres, and in which light.

use super::super::color::{Rgb, mix, saturate, scale};
use super::roads::{self, Road};
use super::things::{Building, Car, Patch, Tree};
use super::water::{self, Water};
use super::{MapLabel, blocks};
use crate::rng::stream;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::f32::consts::TAU;

/// A piece of town.
#[derive(Debug)]
pub(super) struct Plan {
    /// Metres that the picture's side spans.
    pub extent: f32,
    /// Cosine and sine of the angle by which the streets are turned.
    turn: [f32; 2],
    /// Amplitude, wave number and phase of the bend, for each axis.
    bend: [[f32; 3]; 2],
    /// Lines of the grid: x of those that run along y, and y of those that run along x.
    pub lines: [Vec<f32>; 2],
    /// Blocks between the lines, row by row: `blocks[j·columns + i]`.
    pub blocks: Vec<Block>,
    pub roads: Vec<Road>,
    pub waters: Vec<Water>,
    pub patches: Vec<Patch>,
    pub buildings: Vec<Building>,
    pub trees: Vec<Tree>,
    pub cars: Vec<Car>,
    pub light: Light,
    /// Shingles, tiles or flat roofs: which colours roofs prefer.
    pub roofs: usize,
    pub asphalt: f32,
    pub texture: u32,
}

/// What the land between four lines is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Houses in gardens.
    Houses,
    /// Rows of higher houses around a yard.
    Town,
    /// Large flat buildings with a car park.
    Shops,
    Park,
    Wood,
    Field,
    /// Bare ground.
    Vacant,
}

/// A block, bounded by the edges of its streets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub kind: Use,
    pub low: [f32; 2],
    pub high: [f32; 2],
}

/// Sun, air and film.
#[derive(Debug, Clone)]
pub(super) struct Light {
    /// Where the top of a thing one metre high throws its shadow.
    pub shadow: [f32; 2],
    /// How dark shadows are, 0 to 1.
    pub depth: f32,
    tone: Rgb,
    saturation: f32,
    /// How dry the grass is, and how yellow the leaves, 0 to 1.
    pub dry: f32,
    pub autumn: f32,
}

impl Light {
    fn draw(rng: &mut ChaCha8Rng) -> Self {
        let (angle, length) = (rng.random_range(0.0..TAU), rng.random_range(0.45..1.0));
        let warm = rng.random_range(0.0..1.0);
        let tone = mix([0.97, 1.0, 1.05], [1.04, 1.0, 0.93], warm);
        let dry: f32 = rng.random_range(0.0..1.0);
        Self {
            shadow: [length * f32::cos(angle), length * f32::sin(angle)],
            depth: rng.random_range(0.42..0.62),
            tone: scale(tone, rng.random_range(1.06..1.24)),
            saturation: rng.random_range(0.72..1.02),
            dry: dry * dry,
            autumn: if rng.random_bool(0.2) { rng.random_range(0.3..1.0) } else { 0.0 },
        }
    }

    /// Brightness of a slope that faces `outward` (unit length), 1 where it is level.
    pub fn slope(&self, outward: [f32; 2]) -> f32 {
        let [x, y] = self.shadow;
        1.0 - 0.24 * (x * outward[0] + y * outward[1]) / x.hypot(y)
    }

    /// The film's colours.
    pub fn grade(&self, color: Rgb) -> Rgb {
        let lit: Rgb = std::array::from_fn(|c| color[c] * self.tone[c]);
        saturate(lit, self.saturation).map(|v| {
            let v = v.clamp(0.0, 1.0);
            // A gentle S, and the haze that lies between.
            0.04 + 0.94 * (0.68 * v + 0.32 * v * v * (3.0 - 2.0 * v))
        })
    }
}

impl Plan {
    /// The place that belongs to `seed`.
    pub fn draw(seed: u64) -> Self {
        let mut rng = stream(seed, "sample-world.aerial", 0);
        let rng = &mut rng;
        let angle = if rng.random_bool(0.35) { rng.random_range(-0.06..0.06) } else { rng.random_range(-0.8..0.8f32) };
        let bends = if rng.random_bool(0.4) { 0.0 } else { rng.random_range(0.3..1.0) };
        let bend = |rng: &mut ChaCha8Rng| {
            let wave = TAU / rng.random_range(140.0..280.0);
            // Streets turn by a fifth of a radian at most.
            [0.2 * bends / wave, wave, rng.random_range(0.0..TAU)]
        };
        let mut plan = Self {
            extent: rng.random_range(125.0..170.0),
            turn: [angle.cos(), angle.sin()],
            bend: [bend(rng), bend(rng)],
            lines: [draw_lines(rng, 46.0..74.0), draw_lines(rng, 54.0..98.0)],
            blocks: vec![],
            roads: vec![],
            waters: vec![],
            patches: vec![],
            buildings: vec![],
            trees: vec![],
            cars: vec![],
            light: Light::draw(rng),
            roofs: rng.random_range(0..3),
            asphalt: rng.random_range(0.36..0.50),
            texture: rng.random(),
        };
        plan.roads = roads::draw(rng, &plan.lines);
        plan.blocks = draw_blocks(rng, &plan);
        water::draw(rng, &mut plan);
        blocks::furnish(rng, &mut plan);
        roads::drive(rng, &mut plan);
        plan
    }

    /// The place that fractions (x, y) of the picture show.
    pub fn place(&self, x: f32, y: f32) -> [f32; 2] {
        let [px, py] = [(x - 0.5) * self.extent, (y - 0.5) * self.extent];
        let [bx, by] = self.bent(px, py);
        self.turned([px + bx, py + by], 1.0)
    }

    /// Fractions of the picture that show a place.
    pub fn picture(&self, place: [f32; 2]) -> [f32; 2] {
        let target = self.turned(place, -1.0);
        let mut at = target;
        for _ in 0..4 {
            let [bx, by] = self.bent(at[0], at[1]);
            at = [target[0] - bx, target[1] - by];
        }
        at.map(|v| v / self.extent + 0.5)
    }

    fn bent(&self, x: f32, y: f32) -> [f32; 2] {
        let [[ax, kx, px], [ay, ky, py]] = self.bend;
        [ax * (y * kx + px).sin(), ay * (x * ky + py).sin()]
    }

    fn turned(&self, [x, y]: [f32; 2], way: f32) -> [f32; 2] {
        let [c, s] = [self.turn[0], way * self.turn[1]];
        [c * x - s * y, s * x + c * y]
    }

    /// Whether the picture may show something within `radius` of a place.
    pub fn shows(&self, place: [f32; 2], radius: f32) -> bool {
        let margin = 1.3 * radius / self.extent;
        self.picture(place).iter().all(|t| (-margin..1.0 + margin).contains(t))
    }

    /// The block that holds a place.
    pub fn block(&self, [x, y]: [f32; 2]) -> &Block {
        let index = |lines: &[f32], t: f32| lines.partition_point(|line| *line < t).clamp(1, lines.len() - 1) - 1;
        let columns = self.lines[0].len() - 1;
        &self.blocks[index(&self.lines[1], y) * columns + index(&self.lines[0], x)]
    }

    /// What the map marks the land between the streets as.
    pub fn land(&self, place: [f32; 2]) -> MapLabel {
        match self.block(place).kind {
            Use::Park | Use::Wood => MapLabel::Park,
            _ => MapLabel::Land,
        }
    }
}

/// Lines of the grid, from beyond one edge of the largest picture to beyond the other.
fn draw_lines(rng: &mut ChaCha8Rng, steps: std::ops::Range<f32>) -> Vec<f32> {
    let mut lines = vec![-190.0 + rng.random_range(0.0..steps.end)];
    while lines[lines.len() - 1] < 150.0 {
        lines.push(lines[lines.len() - 1] + rng.random_range(steps.clone()));
    }
    lines
}

fn draw_blocks(rng: &mut ChaCha8Rng, plan: &Plan) -> Vec<Block> {
    use Use::{Field, Houses, Park, Shops, Town, Vacant, Wood};
    const STYLES: [&[(Use, u32)]; 4] = [
        &[(Houses, 64), (Town, 6), (Shops, 9), (Park, 13), (Wood, 6), (Vacant, 2)],
        &[(Houses, 16), (Town, 46), (Shops, 16), (Park, 16), (Wood, 2), (Vacant, 4)],
        &[(Houses, 36), (Town, 5), (Shops, 14), (Park, 14), (Wood, 20), (Field, 11)],
        &[(Houses, 24), (Town, 14), (Shops, 40), (Park, 10), (Wood, 4), (Vacant, 8)],
    ];
    let style = STYLES[[0, 0, 1, 2, 3][rng.random_range(0..5)]];
    let total: u32 = style.iter().map(|(_, weight)| weight).sum();
    let mut blocks = vec![];
    for y in plan.lines[1].windows(2) {
        for x in plan.lines[0].windows(2) {
            let mut left = rng.random_range(0..total);
            let (kind, _) = style
                .iter()
                .find(|(_, weight)| {
                    let here = left < *weight;
                    left = left.wrapping_sub(*weight);
                    here
                })
                .expect("weights add up to their total");
            // Half the width of the street on each line.
            let edge = |axis: usize, line: f32| {
                let road = plan.roads.iter().find(|road| road.axis == Some(axis) && road.at == line);
                road.map_or(3.0, |road| road.half)
            };
            blocks.push(Block {
                kind: *kind,
                low: [x[0] + edge(0, x[0]), y[0] + edge(1, y[0])],
                high: [x[1] - edge(0, x[1]), y[1] - edge(1, y[1])],
            });
        }
    }
    blocks
}
