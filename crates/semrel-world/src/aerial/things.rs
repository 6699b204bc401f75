//! What stands and lies on the ground: shapes, and the shadows that they throw.

use super::light::Light;
use crate::color::{Rgb, smoothstep};
use crate::noise::value;

/// A building with a rectangular plan.
#[derive(Debug, Clone)]
pub(super) struct Building {
    pub place: [f32; 2],
    /// Half its length and width; the ridge of a pitched roof runs along the length.
    pub half: [f32; 2],
    /// Unit vector along the length.
    pub heading: [f32; 2],
    pub height: f32,
    pub roof: Roof,
    pub color: Rgb,
    pub seed: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Roof {
    Flat,
    /// Two slopes.
    Gable,
    /// Four slopes.
    Hip,
}

/// A tree seen from above.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    pub place: [f32; 2],
    pub radius: f32,
    pub height: f32,
    pub color: Rgb,
    pub seed: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Car {
    pub place: [f32; 2],
    pub heading: [f32; 2],
    /// Half its length and width.
    pub half: [f32; 2],
    pub color: Rgb,
}

/// A rectangle of ground of another kind.
#[derive(Debug, Clone)]
pub(super) struct Patch {
    pub place: [f32; 2],
    pub half: [f32; 2],
    pub heading: [f32; 2],
    pub kind: Cover,
    pub seed: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cover {
    /// Drives and terraces.
    Concrete,
    /// Footpaths.
    Gravel,
    Pool,
    CarPark,
    /// Playing field.
    Pitch,
    Tennis,
}

/// (along, across) of an offset in a thing that heads along `heading`.
pub(super) fn local([dx, dy]: [f32; 2], [hx, hy]: [f32; 2]) -> [f32; 2] {
    [dx * hx + dy * hy, dy * hx - dx * hy]
}

impl Building {
    pub fn radius(&self) -> f32 {
        self.half[0].hypot(self.half[1])
    }

    pub fn contains(&self, offset: [f32; 2]) -> bool {
        let [u, v] = local(offset, self.heading);
        u.abs() <= self.half[0] && v.abs() <= self.half[1]
    }

    /// Whether the building stands between a point at this offset and the sun.
    pub fn shades(&self, offset: [f32; 2], light: &Light) -> bool {
        let at = local(offset, self.heading);
        let way = local(light.shadow, self.heading).map(|w| w * self.height);
        // The part of the way back towards the sun that lies within the walls.
        let (mut from, mut to) = (0.0f32, 1.0f32);
        for axis in 0..2 {
            if way[axis].abs() < 1e-6 {
                if at[axis].abs() > self.half[axis] {
                    return false;
                }
                continue;
            }
            let a = (at[axis] - self.half[axis]) / way[axis];
            let b = (at[axis] + self.half[axis]) / way[axis];
            (from, to) = (from.max(a.min(b)), to.min(a.max(b)));
        }
        from < to
    }
}

impl Tree {
    /// How much of the sun the tree takes from a point at this offset, 0 to 1.
    pub fn shades(&self, [dx, dy]: [f32; 2], light: &Light) -> f32 {
        // The crown floats between half its height and the top.
        let [sx, sy] = light.shadow.map(|s| s * self.height);
        let along = ((dx * sx + dy * sy) / (sx * sx + sy * sy).max(1e-6)).clamp(0.4, 0.8);
        let r = (dx - along * sx).hypot(dy - along * sy) / self.radius;
        smoothstep(1.05, 0.75, r + 0.4 * (value(dx * 0.9, dy * 0.9, self.seed ^ 3) - 0.5))
    }

    /// How far away it can throw its shadow.
    pub fn reach(&self, light: &Light) -> f32 {
        self.radius * 1.2 + 0.8 * self.height * light.shadow[0].hypot(light.shadow[1])
    }
}

impl Car {
    pub fn shades(&self, offset: [f32; 2], light: &Light) -> bool {
        let shifted = [offset[0] - 0.7 * light.shadow[0], offset[1] - 0.7 * light.shadow[1]];
        let [u, v] = local(shifted, self.heading).map(f32::abs);
        u < self.half[0] + 0.1 && v < self.half[1] + 0.1
    }
}

impl Patch {
    pub fn radius(&self) -> f32 {
        self.half[0].hypot(self.half[1])
    }

    /// (along, across) of an offset, or `None` beside the patch.
    pub fn inside(&self, offset: [f32; 2]) -> Option<[f32; 2]> {
        let [u, v] = local(offset, self.heading);
        (u.abs() <= self.half[0] && v.abs() <= self.half[1]).then_some([u, v])
    }
}
