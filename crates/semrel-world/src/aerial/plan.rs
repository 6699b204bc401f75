//! What is where, in metres, and in which light.

use super::label::MapLabel;
use super::light::Light;
use super::road::Road;
use super::things::{Building, Car, Patch, Tree};
use super::water::Water;

/// A piece of town.
#[derive(Debug)]
pub(super) struct Plan {
    /// Metres that the picture's side spans.
    pub extent: f32,
    /// Cosine and sine of the angle by which the streets are turned.
    pub turn: [f32; 2],
    /// Amplitude, wave number and phase of the bend, for each axis.
    pub bend: [[f32; 3]; 2],
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

impl Plan {
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
