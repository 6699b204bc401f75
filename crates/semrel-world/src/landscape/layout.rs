//! What stands where: the composition of a landscape, drawn from the seed alone, never from the domain.
//!
//! Coordinates are fractions of the image's side, x to the right and y downwards.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use semrel_data::rng::stream;
use std::f32::consts::TAU;

/// Composition of one landscape.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Height of the flat horizon.
    pub horizon: f32,
    /// Mountain ridges, far to near.
    pub ridges: Vec<Ridge>,
    /// Rolling hills of meadow, far to near; the first may carry a distant forest.
    pub hills: Vec<Ridge>,
    /// Height of the forest's trees on the first hill; 0 means none.
    pub forest: f32,
    /// A road, a river or a lake.
    pub feature: Feature,
    /// A cottage.
    pub house: Option<House>,
    /// Trees and bushes, far to near.
    pub trees: Vec<Tree>,
    /// Centre of the sun, and the side that light comes from.
    pub sun: [f32; 2],
    /// Seed of clouds and textures.
    pub texture: u32,
}

/// A line of heights: `y = base − amplitude · noise(x · frequency)`.
#[derive(Debug, Clone)]
pub(super) struct Ridge {
    pub base: f32,
    pub amplitude: f32,
    pub frequency: f32,
    pub seed: u32,
}

/// What crosses the meadow.
#[derive(Debug, Clone)]
pub(super) enum Feature {
    /// Winds from the bottom edge to the horizon.
    Road(Course),
    /// Winds likewise, filled with water.
    River(Course),
    /// Centre and half axes.
    Lake { centre: [f32; 2], axes: [f32; 2] },
}

/// A winding band in perspective.
#[derive(Debug, Clone)]
pub(super) struct Course {
    /// Where it leaves the picture at the bottom.
    pub near: f32,
    /// Where it meets the horizon.
    pub far: f32,
    /// Sideways swing, as a fraction of the side.
    pub swing: f32,
    /// Phase of the swing.
    pub phase: f32,
    /// Half width at the bottom edge.
    pub width: f32,
}

/// A cottage with a gabled roof.
#[derive(Debug, Clone)]
pub(super) struct House {
    /// Middle of the foot.
    pub foot: [f32; 2],
    /// Width of the front.
    pub width: f32,
    /// Which of the wall and roof colours it has, in `[0, 1)`.
    pub tint: f32,
}

/// Shapes of trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Round crown on a trunk.
    Round,
    /// Slender, tall crown.
    Poplar,
    /// Tiers of needles.
    Conifer,
    /// A crown without a trunk.
    Bush,
}

/// One tree.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    pub shape: Shape,
    /// Middle of the foot.
    pub foot: [f32; 2],
    /// Height from foot to tip.
    pub height: f32,
    /// Crown as discs (x, y, radius), relative to the foot, in tree heights, y upwards.
    pub blobs: Vec<[f32; 3]>,
    /// Which of the palette's leaf colours it has, in `[0, 1)`.
    pub tint: f32,
    pub seed: u32,
}

impl Course {
    /// Middle and half width of the band at `depth` (0 horizon, 1 bottom edge).
    pub fn at(&self, depth: f32) -> (f32, f32) {
        let straight = self.far + (self.near - self.far) * depth.powf(1.4);
        let swing = self.swing * (self.phase + 5.0 * depth.sqrt()).sin() * (0.15 + 0.85 * depth);
        (straight + swing, self.width * (0.045 + 0.955 * depth.powf(1.25)))
    }
}

impl Layout {
    /// The composition that belongs to `seed`.
    pub fn draw(seed: u64) -> Self {
        let mut rng = stream(seed, "sample-world.layout", 0);
        let rng = &mut rng;
        let horizon = rng.random_range(0.44..0.58);
        let peaks: u32 = rng.random_range(1..=3);
        let ridges = (0..peaks)
            .map(|i| {
                let near = (i + 1) as f32 / peaks as f32;
                Ridge {
                    base: horizon + 0.01,
                    amplitude: rng.random_range(0.22..0.42) * (1.2 - 0.7 * near),
                    frequency: rng.random_range(1.6..2.8) * (0.8 + 0.5 * near),
                    seed: rng.random(),
                }
            })
            .collect();
        let count: u32 = rng.random_range(2..=3);
        let hills = (0..count)
            .map(|i| {
                let near = i as f32 / count as f32;
                Ridge {
                    base: horizon + (1.0 - horizon) * (0.02 + 0.62 * near * near + 0.12 * near),
                    amplitude: rng.random_range(0.02..0.07) * (1.0 + near),
                    frequency: rng.random_range(1.0..2.2),
                    seed: rng.random(),
                }
            })
            .collect();
        let forest = if rng.random_bool(0.6) { rng.random_range(0.025..0.055) } else { 0.0 };
        let feature = draw_feature(rng, horizon);
        let sun = [rng.random_range(0.1..0.9), horizon * rng.random_range(0.18..0.62)];
        let mut layout =
            Self { horizon, ridges, hills, forest, feature, house: None, trees: vec![], sun, texture: rng.random() };
        if rng.random_bool(0.4) {
            layout.house = layout.draw_house(rng);
        }
        layout.plant(rng);
        layout
    }

    /// How near the ground at height `y` is: 0 at the horizon, 1 at the bottom edge.
    pub fn depth(&self, y: f32) -> f32 {
        ((y - self.horizon) / (1.0 - self.horizon)).clamp(0.0, 1.0)
    }

    fn height_at(&self, depth: f32) -> f32 {
        self.horizon + (1.0 - self.horizon) * depth
    }

    /// Whether (x, y), widened by `margin`, lies clear of road and water.
    pub fn is_dry(&self, [x, y]: [f32; 2], margin: f32) -> bool {
        match &self.feature {
            Feature::Road(course) | Feature::River(course) => {
                let (middle, half) = course.at(self.depth(y));
                (x - middle).abs() > half + margin
            }
            Feature::Lake { centre, axes } => {
                let (dx, dy) = ((x - centre[0]) / (axes[0] + margin), (y - centre[1]) / (axes[1] + 0.5 * margin));
                dx * dx + dy * dy > 1.25
            }
        }
    }

    fn draw_house(&self, rng: &mut ChaCha8Rng) -> Option<House> {
        (0..12).find_map(|_| {
            let depth = rng.random_range(0.12..0.42);
            let width = 0.10 + 0.26 * depth;
            let foot = [rng.random_range(0.12..0.88), self.height_at(depth)];
            self.is_dry(foot, 0.6 * width).then(|| House { foot, width, tint: rng.random() })
        })
    }

    fn plant(&mut self, rng: &mut ChaCha8Rng) {
        let wanted = rng.random_range(5..=10);
        let framed = rng.random_bool(0.5);
        let conifers: f64 = rng.random_range(0.05..0.4);
        for i in 0..wanted {
            let frame = i == 0 && framed;
            for _ in 0..12 {
                let depth: f32 =
                    if frame { rng.random_range(0.5..0.72) } else { rng.random_range(0.08f32..0.8).powf(1.3) };
                let x: f32 = match (frame, rng.random_bool(0.5)) {
                    (true, true) => rng.random_range(0.06..0.2),
                    (true, false) => rng.random_range(0.8..0.94),
                    (false, _) => rng.random_range(0.02..0.98),
                };
                let foot = [x, self.height_at(depth)];
                let shape = match (rng.random_bool(conifers), rng.random_range(0..10)) {
                    (true, _) => Shape::Conifer,
                    (_, 0..=5) => Shape::Round,
                    (_, 6..=7) => Shape::Poplar,
                    _ => Shape::Bush,
                };
                let size = match shape {
                    Shape::Bush => 0.32,
                    Shape::Round => 0.9,
                    Shape::Poplar | Shape::Conifer => 1.05,
                };
                let height = size * (0.12 + 0.62 * depth) * rng.random_range(0.8..1.2);
                let before_house = self.house.as_ref().is_some_and(|h| {
                    (h.foot[0] - x).abs() < 0.5 * h.width + 0.3 * height && foot[1] > h.foot[1] - 0.02
                });
                if !self.is_dry(foot, 0.06 * height + 0.01) || before_house {
                    continue;
                }
                let blobs = draw_blobs(rng, shape);
                self.trees.push(Tree { shape, foot, height, blobs, tint: rng.random(), seed: rng.random() });
                break;
            }
        }
        self.trees.sort_by(|a, b| a.foot[1].total_cmp(&b.foot[1]));
    }
}

fn draw_feature(rng: &mut ChaCha8Rng, horizon: f32) -> Feature {
    let mut course = |width| Course {
        near: rng.random_range(0.2..0.8),
        far: rng.random_range(0.25..0.75),
        swing: rng.random_range(0.05..0.13),
        phase: rng.random_range(0.0..TAU),
        width,
    };
    let (road, river) = (course(0.11), course(0.17));
    match rng.random_range(0..10) {
        0..=3 => Feature::Road(road),
        4..=6 => Feature::River(river),
        _ => {
            let depth = rng.random_range(0.22..0.5);
            let centre = [rng.random_range(0.25..0.75), horizon + (1.0 - horizon) * depth];
            Feature::Lake {
                centre,
                axes: [rng.random_range(0.22..0.42), (1.0 - horizon) * rng.random_range(0.09..0.16)],
            }
        }
    }
}

fn draw_blobs(rng: &mut ChaCha8Rng, shape: Shape) -> Vec<[f32; 3]> {
    let (count, centre, spread, radius) = match shape {
        Shape::Round => (11, 0.64, [0.22, 0.20], 0.15..0.22),
        Shape::Bush => (6, 0.42, [0.42, 0.16], 0.30..0.42),
        Shape::Poplar => return draw_poplar(rng),
        Shape::Conifer => return vec![],
    };
    (0..count)
        .map(|i| {
            // Evenly turned around the centre, so that the crown is round and never falls apart.
            let angle = i as f32 * 2.399_963 + rng.random_range(-0.3..0.3);
            let reach = (i as f32 / count as f32).sqrt() * rng.random_range(0.85..1.1);
            let (dx, dy) = (angle.cos() * reach * spread[0], angle.sin() * reach * spread[1]);
            [dx, centre + dy, rng.random_range(radius.clone())]
        })
        .collect()
}

/// A column of overlapping discs, widest below the middle and pointed at the top.
fn draw_poplar(rng: &mut ChaCha8Rng) -> Vec<[f32; 3]> {
    const DISCS: usize = 16;
    (0..DISCS)
        .map(|i| {
            let up = i as f32 / (DISCS - 1) as f32;
            let radius = 0.135 * (1.0 - up).powf(0.6) * (0.55 + 0.9 * up.min(0.5)) + 0.025;
            [rng.random_range(-0.4..0.4) * radius, 0.22 + 0.74 * up, radius * rng.random_range(0.9..1.1)]
        })
        .collect()
}

/// Distance of the ground at `depth` (0 horizon, 1 bottom edge), in units of the nearest ground's.
pub(super) fn distance(depth: f32) -> f32 {
    1.0 / (depth + 0.07)
}
