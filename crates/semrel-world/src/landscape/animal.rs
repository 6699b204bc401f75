//! The bodies of horses and zebras: one body plan in many poses, seen from the side.
//!
//! A body is a set of tapered bones whose smooth union is its outline. Coordinates of the body: x forward, y upward, in
//! heights at the withers, from the middle of the feet.

use super::layout::Layout;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use semrel_data::rng::stream;

/// One animal: its place, pose and build, whatever its coat.
#[derive(Debug, Clone)]
pub(super) struct Animal {
    /// Middle of the feet.
    pub foot: [f32; 2],
    /// Height at the withers, as a fraction of the side.
    pub height: f32,
    /// 1 if it looks to the right, −1 if to the left.
    pub facing: f32,
    /// The legs of the far side.
    pub far_legs: Part,
    /// Trunk, neck, head and the legs of the near side.
    pub body: Part,
    pub mane: Part,
    pub tail: Part,
    pub ears: Part,
    pub eye: [f32; 2],
    /// Which of the plain coats it has, in `[0, 1)`, and stripes a body unit.
    pub tint: f32,
    pub stripes: f32,
    pub seed: u32,
}

/// A tapered capsule from `a` to `b`.
#[derive(Debug, Clone, Copy)]
struct Bone {
    a: [f32; 2],
    b: [f32; 2],
    radius: [f32; 2],
    /// Position along the pattern of stripes at the ends.
    along: [f32; 2],
    /// How dark skin and hoofs make the ends, 0 to 1.
    dark: [f32; 2],
}

/// What a set of bones is like at a point.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Surface {
    /// Distance from the outline, negative inside.
    pub distance: f32,
    /// Where the surface faces; of length 0 in the middle and 1 at the outline.
    pub normal: [f32; 2],
    pub along: f32,
    pub dark: f32,
}

/// Sharpness of the joints: bones closer than its inverse melt together.
const JOINT: f32 = 34.0;

/// Bones farther from a point than this have no part in it.
const REACH: f32 = 0.25;

/// Bones that melt together, and the rectangle that they lie in.
#[derive(Debug, Clone)]
pub(super) struct Part {
    bones: Vec<Bone>,
    low: [f32; 2],
    high: [f32; 2],
}

impl Part {
    fn new(bones: Vec<Bone>) -> Self {
        let (mut low, mut high) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
        for bone in &bones {
            // Unions bulge a little.
            let margin = bone.radius[0].max(bone.radius[1]) + 0.08;
            for axis in 0..2 {
                low[axis] = low[axis].min(bone.a[axis].min(bone.b[axis]) - margin);
                high[axis] = high[axis].max(bone.a[axis].max(bone.b[axis]) + margin);
            }
        }
        Self { bones, low, high }
    }

    /// The bones' smooth union at `p`: `−ln(Σ exp(−k dᵢ))/k`, all else weighted by `exp(−k dᵢ)`. `None` far away.
    pub fn surface(&self, p: [f32; 2]) -> Option<Surface> {
        if (0..2).any(|axis| p[axis] < self.low[axis] || p[axis] > self.high[axis]) {
            return None;
        }
        let mut total = 0.0;
        let mut sum = Surface::default();
        for bone in &self.bones {
            let (ax, ay) = (bone.b[0] - bone.a[0], bone.b[1] - bone.a[1]);
            let (px, py) = (p[0] - bone.a[0], p[1] - bone.a[1]);
            let t = ((px * ax + py * ay) / (ax * ax + ay * ay)).clamp(0.0, 1.0);
            let (dx, dy) = (px - t * ax, py - t * ay);
            let radius = bone.radius[0] + (bone.radius[1] - bone.radius[0]) * t;
            let away = (dx * dx + dy * dy).sqrt();
            if away > radius + REACH {
                continue;
            }
            let weight = (-JOINT * (away - radius)).exp();
            let lean = weight / radius.max(away);
            let between = |ends: [f32; 2]| ends[0] + (ends[1] - ends[0]) * t;
            total += weight;
            sum.normal[0] += lean * dx;
            sum.normal[1] += lean * dy;
            sum.along += weight * between(bone.along);
            sum.dark += weight * between(bone.dark);
        }
        (total > 0.0).then(|| Surface {
            distance: -total.ln() / JOINT,
            normal: sum.normal.map(|n| n / total),
            along: sum.along / total,
            dark: sum.dark / total,
        })
    }
}

/// `from` moved by `length` at `angle` (radians, 0 forward, upwards positive).
fn step(from: [f32; 2], length: f32, angle: f32) -> [f32; 2] {
    [from[0] + length * angle.cos(), from[1] + length * angle.sin()]
}

/// One to three animals on the meadow of `layout`, far to near.
pub(super) fn draw(seed: u64, layout: &Layout) -> Vec<Animal> {
    let mut rng = stream(seed, "sample-world.animals", 0);
    let rng = &mut rng;
    let wanted = [1, 1, 1, 2, 2, 3][rng.random_range(0..6)];
    let mut animals: Vec<Animal> = vec![];
    for _ in 0..60 {
        let depth = rng.random_range(if animals.is_empty() { 0.42..0.86 } else { 0.2..0.8 });
        let height: f32 = (0.10 + 0.38 * depth) * rng.random_range(0.88..1.12);
        // Mostly within the picture.
        let margin = (0.72 * height).min(0.4);
        let foot = [rng.random_range(margin..1.0 - margin), layout.horizon + (1.0 - layout.horizon) * depth];
        let apart = |other: &Animal| {
            let across = (other.foot[0] - foot[0]).abs();
            across > 0.62 * (other.height + height)
        };
        let hidden = layout
            .trees
            .iter()
            .any(|tree| tree.foot[1] > foot[1] && (tree.foot[0] - foot[0]).abs() < 0.55 * height + 0.25 * tree.height);
        if layout.is_dry(foot, 0.35 * height) && !hidden && animals.iter().all(apart) {
            animals.push(Animal::draw(rng, foot, height));
        }
        if animals.len() == wanted {
            break;
        }
    }
    if animals.is_empty() {
        // Water everywhere: it stands in front.
        let foot = [rng.random_range(0.3..0.7), 0.95];
        animals.push(Animal::draw(rng, foot, 0.38));
    }
    animals.sort_by(|a, b| a.foot[1].total_cmp(&b.foot[1]));
    animals
}

impl Animal {
    fn draw(rng: &mut ChaCha8Rng, foot: [f32; 2], height: f32) -> Self {
        let mut near = |middle: f32, spread: f32| middle + spread * rng.random_range(-1.0..1.0f32);
        let stout = near(1.0, 0.07);
        let bone = |a, b, radius: [f32; 2], along, dark| Bone { a, b, radius, along, dark };
        let (rump, middle, chest) = ([-0.36, near(0.79, 0.01)], [0.0, 0.765], [0.34, 0.785]);
        let trunk = [
            bone(rump, middle, [0.185 * stout, 0.205 * stout], [0.0, 0.36], [0.0; 2]),
            bone(middle, chest, [0.205 * stout, 0.185], [0.36, 0.70], [0.0; 2]),
        ];
        // A grazing head, or one held up.
        let grazes = near(0.0, 1.0) > 0.35;
        let (lift, nod) =
            if grazes { (near(-0.72, 0.10), near(-1.45, 0.12)) } else { (near(0.92, 0.16), near(-0.62, 0.16)) };
        let base = [0.40, 0.86];
        let poll = step(base, near(0.46, 0.03), lift);
        let muzzle = step(poll, 0.37, nod);
        let cheek = step(poll, 0.10, nod - 0.25);
        let neck = [
            bone(base, poll, [0.160, 0.088], [0.78, 1.24], [0.0; 2]),
            bone(poll, cheek, [0.086, 0.094], [1.24, 1.34], [0.0; 2]),
            bone(cheek, muzzle, [0.086, 0.056], [1.34, 1.58], [0.0, 1.3]),
        ];
        let stride = near(0.0, 1.0);
        let leg = |hip: [f32; 2], hind: bool, swing: f32| {
            let bend = if hind { -0.10 } else { 0.015 };
            let knee = [hip[0] + 0.55 * swing + 0.5 * bend, 0.36];
            let hoof = [hip[0] + swing + if hind { -0.02 } else { 0.0 }, 0.035];
            let (thigh, along) = if hind { (0.135, -0.12) } else { (0.088, 0.66) };
            [
                bone(hip, knee, [thigh, 0.052], [along, along + 0.34], [0.0, 0.1]),
                bone(knee, hoof, [0.046, 0.040], [along + 0.34, along + 0.68], [0.1, 0.75]),
            ]
        };
        let reach = 0.13 * stride;
        let sway = 0.03 * near(0.0, 1.0);
        let near_legs = [leg([-0.39, 0.72], true, -reach + sway), leg([0.33, 0.66], false, reach)];
        let far_legs = [leg([-0.34, 0.70], true, reach + 0.05), leg([0.38, 0.66], false, 0.04 - reach)];
        let tail_swing = near(0.0, 0.07);
        let root = [-0.52, 0.88];
        let bow = [-0.62, 0.74];
        let tip = [-0.61 + tail_swing, 0.36];
        let tail = vec![
            bone(root, bow, [0.030, 0.034], [0.0; 2], [0.0, 0.5]),
            bone(bow, tip, [0.036, 0.050], [0.0; 2], [0.5, 1.0]),
        ];
        // The crest of the neck, on the side away from the throat.
        let normal = [-lift.sin(), lift.cos()];
        let crest = |from: [f32; 2], out: f32| [from[0] + out * normal[0], from[1] + out * normal[1]];
        let forelock = step(poll, 0.06, nod + 1.3);
        let mane = vec![
            bone(crest([base[0] - 0.10, base[1]], 0.13), crest(poll, 0.075), [0.045, 0.055], [0.70, 1.24], [0.0; 2]),
            bone(crest(poll, 0.06), forelock, [0.045, 0.030], [1.24, 1.30], [0.0; 2]),
        ];
        let ear_root = crest(step(poll, 0.01, nod), 0.07);
        let ears = [0.45, 0.0]
            .map(|lean| {
                bone(
                    ear_root,
                    step(ear_root, 0.115, lift.max(-0.1) + 0.55 - lean),
                    [0.026, 0.010],
                    [1.3; 2],
                    [0.1, 0.6],
                )
            })
            .to_vec();
        let eye = crest(step(poll, 0.10, nod), 0.022);
        let tint = rng.random();
        Self {
            foot,
            height,
            facing: if rng.random_bool(0.5) { 1.0 } else { -1.0 },
            far_legs: Part::new(far_legs.concat()),
            body: Part::new([&trunk[..], &neck, &near_legs.concat()].concat()),
            mane: Part::new(mane),
            tail: Part::new(tail),
            ears: Part::new(ears),
            eye,
            tint,
            stripes: rng.random_range(6.6..8.2),
            seed: rng.random(),
        }
    }

    /// How far its shadow reaches.
    pub fn reach(&self) -> f32 {
        0.5 * self.height
    }
}
