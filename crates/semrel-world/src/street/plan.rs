//! What stands where along a street, in metres.

use super::light::Light;
use crate::color::{Rgb, scale};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use semrel_data::rng::stream;

/// One street.
#[derive(Debug, Clone)]
pub(super) struct Street {
    /// Where the street vanishes, as fractions of the picture's side.
    pub vanishing: [f32; 2],
    /// Width that the picture shows at a distance of 1.
    pub spread: f32,
    /// Height of the camera.
    pub eye: f32,
    /// Left and right edge of the road; the camera is at 0.
    pub road: [f32; 2],
    /// Planes of the facades.
    pub walls: [f32; 2],
    /// Distance of what closes the street, and its height; 0 leaves it open.
    pub end: f32,
    pub end_height: f32,
    /// Whether trees close it instead of houses.
    pub end_trees: bool,
    /// Facades and gardens, left and right, near to far.
    pub blocks: [Vec<Block>; 2],
    pub fences: Vec<Fence>,
    /// Everything that stands free, far to near.
    pub things: Vec<Thing>,
    /// Where the line between the lanes runs, and the distance of a crossing, if there is one.
    pub line: f32,
    pub crossing: Option<f32>,
    pub light: Light,
    pub texture: u32,
}

/// A stretch of one side of the street.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub from: f32,
    pub to: f32,
    /// A garden behind a hedge, instead of a house.
    pub garden: bool,
    /// Height of the wall, and of the roof above it.
    pub height: f32,
    pub roof: f32,
    pub wall_color: Rgb,
    pub roof_color: Rgb,
    pub trim_color: Rgb,
    /// Height of a floor, and distance of windows.
    pub floor: f32,
    pub pitch: f32,
    /// Brick instead of plaster.
    pub brick: bool,
    /// A shop on the ground floor, its fascia in this colour.
    pub shop: Option<Rgb>,
    pub seed: u32,
}

/// A fence along the street.
#[derive(Debug, Clone)]
pub(super) struct Fence {
    pub x: f32,
    pub from: f32,
    pub to: f32,
    pub height: f32,
    pub color: Rgb,
    /// Boards instead of bars.
    pub boards: bool,
}

/// Something that stands free, at `x` and `z`.
#[derive(Debug, Clone)]
pub(super) struct Thing {
    pub x: f32,
    pub z: f32,
    pub kind: Kind,
    pub color: Rgb,
    pub seed: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// With height and length; the front shows if it comes towards the camera.
    Car { height: f32, length: f32, oncoming: bool },
    /// Height, and phase of the step.
    Person { height: f32, step: f32 },
    /// Direction across the picture, −1 or 1.
    Rider { heading: f32 },
    /// Lamp post with an arm over the road.
    Lamp { height: f32, arm: f32 },
    /// Traffic sign.
    Sign { shape: Shape },
    /// Height of the middle of its crown, and radius.
    Tree { crown: f32, radius: f32 },
}

/// Shapes of traffic signs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shape {
    Round,
    Triangle,
    Square,
}

impl Street {
    /// The street that belongs to `seed`.
    pub fn draw(seed: u64) -> Self {
        let mut rng = stream(seed, "sample-world.street", 0);
        let rng = &mut rng;
        let road = [-rng.random_range(3.8..6.6), rng.random_range(3.8..6.6)];
        let walls = [road[0] - rng.random_range(2.2..4.2), road[1] + rng.random_range(2.2..4.2)];
        let open = rng.random_bool(0.25);
        let light = Light::draw(rng);
        let houses = rng.random_range(0.55..0.95);
        let mut street = Self {
            vanishing: [rng.random_range(0.40..0.60), rng.random_range(0.46..0.57)],
            spread: rng.random_range(1.0..1.25),
            eye: rng.random_range(1.35..1.7),
            road,
            walls,
            end: rng.random_range(55.0..130.0),
            end_height: if open { 0.0 } else { rng.random_range(6.0..15.0) },
            end_trees: rng.random_bool(0.5),
            blocks: [draw_blocks(rng, houses), draw_blocks(rng, houses)],
            fences: vec![],
            things: vec![],
            line: if rng.random_bool(0.5) { -1.75 } else { 1.75 },
            crossing: rng.random_bool(0.3).then(|| rng.random_range(7.0..18.0)),
            light,
            texture: rng.random(),
        };
        for side in 0..2 {
            street.fence(rng, side);
            street.furnish(rng, side);
            street.park(rng, side);
            street.people(rng, side);
        }
        street.drive(rng);
        street.things.sort_by(|a, b| b.z.total_cmp(&a.z));
        street
    }

    /// −1 for the left side, 1 for the right.
    pub fn outward(side: usize) -> f32 {
        if side == 0 { -1.0 } else { 1.0 }
    }

    /// The block at distance `z` on a side.
    pub fn block(&self, side: usize, z: f32) -> Option<&Block> {
        self.blocks[side].iter().find(|block| z < block.to)
    }

    /// Light on the ground at (x, z): 1 in the open, less in the shadow of the houses.
    pub fn light_at(&self, x: f32, z: f32) -> f32 {
        let Light { sun, side, shadow, .. } = self.light;
        let height = self.block(side, z + 0.5 * (x - self.walls[side]).abs()).map_or(0.0, |b| b.height + 0.6 * b.roof);
        let from_wall = (x - self.walls[side]).abs();
        if from_wall < height * shadow { 1.0 - 0.5 * sun } else { 1.0 + 0.08 * sun }
    }

    fn push(&mut self, rng: &mut ChaCha8Rng, x: f32, z: f32, kind: Kind, color: Rgb) {
        self.things.push(Thing { x, z, kind, color, seed: rng.random() });
    }

    /// Fences before gardens always, before houses sometimes.
    fn fence(&mut self, rng: &mut ChaCha8Rng, side: usize) {
        let x = self.walls[side] - 0.35 * Self::outward(side);
        for block in self.blocks[side].clone() {
            if rng.random_bool(if block.garden { 0.85 } else { 0.12 }) {
                self.fences.push(Fence {
                    x,
                    from: block.from,
                    to: block.to,
                    height: rng.random_range(0.9..1.7),
                    color: pick(rng, &[[0.14, 0.15, 0.15], [0.45, 0.36, 0.26], [0.62, 0.60, 0.56], [0.20, 0.30, 0.24]]),
                    boards: rng.random_bool(0.5),
                });
            }
        }
    }

    /// Lamps, signs and trees along the kerb.
    fn furnish(&mut self, rng: &mut ChaCha8Rng, side: usize) {
        let out = Self::outward(side);
        let kerb = self.road[side] + 0.5 * out;
        let mut z = rng.random_range(5.0..16.0);
        let lamps = rng.random_bool(0.75);
        let trees: f64 = if rng.random_bool(0.45) { rng.random_range(0.3..0.8) } else { 0.05 };
        while z < self.end.min(80.0) {
            if lamps {
                let kind = Kind::Lamp { height: rng.random_range(5.5..7.5), arm: -out * rng.random_range(0.8..1.8) };
                self.push(rng, kerb, z, kind, [0.30, 0.32, 0.33]);
            }
            if rng.random_bool(trees) {
                let kind = Kind::Tree { crown: rng.random_range(4.2..6.0), radius: rng.random_range(1.5..2.5) };
                let leaf = pick(rng, &[[0.20, 0.33, 0.10], [0.27, 0.38, 0.13], [0.16, 0.29, 0.12], [0.36, 0.40, 0.15]]);
                let before = z + rng.random_range(3.0..8.0);
                self.push(rng, kerb + 0.4 * out, before, kind, leaf);
            }
            z += rng.random_range(12.0..22.0);
        }
        for _ in 0..[0, 1, 1, 2][rng.random_range(0..4)] {
            let shape = [Shape::Round, Shape::Triangle, Shape::Square][rng.random_range(0..3)];
            let z = rng.random_range(5.0..22.0);
            self.push(rng, kerb, z, Kind::Sign { shape }, [0.46, 0.47, 0.47]);
        }
    }

    /// Parked cars.
    fn park(&mut self, rng: &mut ChaCha8Rng, side: usize) {
        let room = self.road[side].abs() > 4.2;
        if !room || rng.random_bool(0.3) {
            return;
        }
        let x = self.road[side] - 1.05 * Self::outward(side);
        let oncoming = rng.random_bool(0.4);
        let mut z = rng.random_range(4.5..14.0);
        while z < 60.0 {
            if rng.random_bool(0.62) {
                self.car(rng, x, z, oncoming);
            }
            z += rng.random_range(5.4..7.0);
        }
    }

    /// Moving cars and bicycles.
    fn drive(&mut self, rng: &mut ChaCha8Rng) {
        if rng.random_bool(0.5) {
            let (x, z) = (rng.random_range(-0.3..0.3), rng.random_range(9.0..40.0));
            self.car(rng, x, z, false);
        }
        let other = 2.0 * self.line;
        let parked = self.things.iter().any(|t| matches!(t.kind, Kind::Car { .. }) && (t.x - other).abs() < 2.0);
        if !parked && rng.random_bool(0.6) {
            let z = rng.random_range(10.0..40.0);
            self.car(rng, other, z, true);
        }
        for _ in 0..[0, 0, 1, 1, 2][rng.random_range(0..5)] {
            let side = rng.random_range(0..2);
            let z = rng.random_range(6.0..22.0);
            let x = Self::outward(side) * rng.random_range(1.7..(self.road[side].abs() - 1.9).max(1.8));
            let heading = if rng.random_bool(0.5) { 1.0 } else { -1.0 };
            let color = pick(rng, &CLOTHES);
            self.push(rng, x, z, Kind::Rider { heading }, color);
        }
    }

    fn car(&mut self, rng: &mut ChaCha8Rng, x: f32, z: f32, oncoming: bool) {
        let van = rng.random_bool(0.14);
        let height = if van { rng.random_range(1.9..2.2) } else { rng.random_range(1.4..1.6) };
        let kind = Kind::Car { height, length: if van { 5.0 } else { rng.random_range(3.8..4.6) }, oncoming };
        let color = pick(rng, &PAINTS);
        self.push(rng, x, z, kind, color);
    }

    fn people(&mut self, rng: &mut ChaCha8Rng, side: usize) {
        let (wall, kerb) = (self.walls[side] - 0.7 * Self::outward(side), self.road[side] + 0.3 * Self::outward(side));
        for _ in 0..[0, 0, 1, 1, 2, 3][rng.random_range(0..6)] {
            let t = rng.random_range(0.0..1.0);
            let z = 4.5 + 30.0 * rng.random_range(0.0..1.0f32).powf(1.5);
            let kind = Kind::Person { height: rng.random_range(1.58..1.88), step: rng.random_range(-1.0..1.0) };
            let color = pick(rng, &CLOTHES);
            self.push(rng, wall + (kerb - wall) * t, z, kind, color);
        }
    }
}

fn draw_blocks(rng: &mut ChaCha8Rng, houses: f64) -> Vec<Block> {
    const PLASTER: [Rgb; 7] = [
        [0.80, 0.74, 0.64],
        [0.70, 0.68, 0.65],
        [0.84, 0.80, 0.72],
        [0.66, 0.56, 0.46],
        [0.73, 0.63, 0.50],
        [0.58, 0.60, 0.62],
        [0.78, 0.66, 0.58],
    ];
    const BRICK: [Rgb; 4] = [[0.50, 0.28, 0.21], [0.56, 0.37, 0.27], [0.44, 0.30, 0.25], [0.62, 0.50, 0.38]];
    const ROOFS: [Rgb; 4] = [[0.30, 0.30, 0.33], [0.44, 0.24, 0.18], [0.36, 0.30, 0.27], [0.26, 0.27, 0.28]];
    const SHOPS: [Rgb; 6] = [
        [0.55, 0.12, 0.12],
        [0.10, 0.25, 0.45],
        [0.12, 0.35, 0.22],
        [0.75, 0.62, 0.20],
        [0.15, 0.15, 0.16],
        [0.80, 0.78, 0.74],
    ];
    let mut blocks = vec![];
    let mut z = -rng.random_range(0.0..6.0);
    let mut height: f32 = rng.random_range(7.0..16.0);
    while z < 140.0 {
        let garden = !rng.random_bool(houses);
        let length = if garden { rng.random_range(5.0..14.0) } else { rng.random_range(7.0..20.0) };
        let brick = rng.random_bool(0.45);
        let wall_color = if brick { pick(rng, &BRICK) } else { pick(rng, &PLASTER) };
        let floor = rng.random_range(2.9..3.6);
        // Neighbours are alike in height, and whole floors high.
        height = (height + rng.random_range(-4.0..4.0)).clamp(6.0, 19.0);
        let floors = (height / floor).round().max(2.0);
        let pitched = rng.random_bool(0.6);
        blocks.push(Block {
            from: z,
            to: z + length,
            garden,
            height: if garden { rng.random_range(1.8..5.5) } else { floors * floor + 0.4 },
            roof: if garden || !pitched { 0.0 } else { rng.random_range(1.2..2.6) },
            wall_color: scale(wall_color, rng.random_range(0.85..1.1)),
            roof_color: pick(rng, &ROOFS),
            trim_color: pick(rng, &[[0.88, 0.87, 0.84], [0.75, 0.72, 0.66], [0.30, 0.28, 0.26]]),
            floor,
            pitch: rng.random_range(2.2..3.6),
            brick,
            shop: rng.random_bool(0.4).then(|| pick(rng, &SHOPS)),
            seed: rng.random(),
        });
        z += length;
    }
    blocks
}

const PAINTS: [Rgb; 9] = [
    [0.80, 0.81, 0.81],
    [0.58, 0.60, 0.62],
    [0.30, 0.31, 0.33],
    [0.09, 0.09, 0.10],
    [0.12, 0.18, 0.34],
    [0.50, 0.08, 0.08],
    [0.16, 0.26, 0.20],
    [0.66, 0.62, 0.52],
    [0.22, 0.36, 0.50],
];

const CLOTHES: [Rgb; 9] = [
    [0.12, 0.13, 0.16],
    [0.20, 0.24, 0.36],
    [0.48, 0.14, 0.13],
    [0.40, 0.36, 0.30],
    [0.66, 0.64, 0.60],
    [0.22, 0.32, 0.24],
    [0.72, 0.56, 0.20],
    [0.32, 0.30, 0.34],
    [0.55, 0.30, 0.40],
];

fn pick(rng: &mut ChaCha8Rng, colors: &[Rgb]) -> Rgb {
    colors[rng.random_range(0..colors.len())]
}
