//! Paints trees, houses and their shadows, from far to near, then what falls from the sky.

use super::animal::Animal;
use super::appearance::Appearance;
use super::coat::{self, Coat};
use super::label::Label;
use super::layout::{House, Layout, Shape, Tree, distance};
use crate::canvas::Canvas;
use crate::color::{Rgb, mix, scale, smoothstep};
use crate::noise::{fractal, value};
use rand::RngExt;
use semrel_data::rng::stream;

const SNOW: Rgb = [0.95, 0.97, 1.0];

/// Something that stands on the ground.
enum Thing<'a> {
    Tree(&'a Tree),
    House(&'a House),
    Animal(&'a Animal),
}

impl Thing<'_> {
    fn foot(&self) -> [f32; 2] {
        match self {
            Self::Tree(tree) => tree.foot,
            Self::House(house) => house.foot,
            Self::Animal(animal) => animal.foot,
        }
    }
}

/// Paints all that stands on the ground: trees, a house, and animals in their coats.
pub(super) fn paint(canvas: &mut Canvas<Label>, layout: &Layout, look: &Appearance, animals: &[Animal], coat: Coat) {
    for tree in &layout.trees {
        let reach = if tree.shape == Shape::Bush { 0.5 } else { 0.26 };
        paint_shadow(canvas, layout, look, tree.foot, reach * tree.height);
    }
    for animal in animals {
        paint_shadow(canvas, layout, look, animal.foot, animal.reach());
    }
    let trees = layout.trees.iter().map(Thing::Tree);
    let mut things: Vec<Thing> =
        trees.chain(layout.house.as_ref().map(Thing::House)).chain(animals.iter().map(Thing::Animal)).collect();
    // Far to near.
    things.sort_by(|a, b| a.foot()[1].total_cmp(&b.foot()[1]));
    for thing in things {
        match thing {
            Thing::Tree(tree) => paint_tree(canvas, layout, look, tree),
            Thing::House(house) => paint_house(canvas, layout, look, house),
            Thing::Animal(animal) => coat::paint(canvas, layout, look, animal, coat),
        }
    }
}

fn paint_shadow(canvas: &mut Canvas<Label>, layout: &Layout, look: &Appearance, foot: [f32; 2], reach: f32) {
    // Light falls from the sun's side; without sun a soft dark spot remains.
    let side = if layout.sun[0] < foot[0] { 1.0 } else { -1.0 };
    let lean = 0.6 * side * look.contrast * reach;
    let (cx, cy) = (foot[0] + lean, foot[1] + 0.02 * reach);
    let (rx, ry) = (reach * (1.0 + 0.5 * look.contrast), reach * 0.22 + 0.002);
    let color = mix([0.06, 0.09, 0.10], [0.40, 0.50, 0.68], look.snow);
    for y in canvas.span(cy - ry, cy + ry) {
        for x in canvas.span(cx - rx, cx + rx) {
            let (dx, dy) = ((canvas.centre(x) - cx) / rx, (canvas.centre(y) - cy) / ry);
            let alpha = (0.18 + 0.32 * look.contrast) * smoothstep(1.0, 0.5, (dx * dx + dy * dy).sqrt());
            if alpha > 0.0 && canvas.label[y * canvas.side + x] != Label::Sky {
                let clear = (-look.haze * distance(layout.depth(foot[1]))).exp();
                canvas.tint(x, y, color, alpha * clear);
            }
        }
    }
}

fn paint_tree(canvas: &mut Canvas<Label>, layout: &Layout, look: &Appearance, tree: &Tree) {
    let far = distance(layout.depth(tree.foot[1]));
    if tree.shape != Shape::Bush {
        paint_trunk(canvas, look, tree, far);
    }
    match tree.shape {
        Shape::Conifer => paint_needles(canvas, layout, look, tree, far),
        _ => paint_crown(canvas, layout, look, tree, far),
    }
}

fn paint_trunk(canvas: &mut Canvas<Label>, look: &Appearance, tree: &Tree, far: f32) {
    let h = tree.height;
    let top = if tree.shape == Shape::Conifer { 0.2 } else { 0.5 };
    for y in canvas.span(tree.foot[1] - top * h, tree.foot[1]) {
        let up = (tree.foot[1] - canvas.centre(y)) / h;
        let half = h * (0.045 - 0.04 * up) * (1.0 + 0.7 * smoothstep(0.06, 0.0, up));
        for x in canvas.span(tree.foot[0] - half, tree.foot[0] + half) {
            let across = (canvas.centre(x) - tree.foot[0]) / half;
            let bark = value(canvas.centre(x) * 90.0 / h, up * 30.0, tree.seed) - 0.5;
            let color = scale(look.trunk, 1.0 - 0.3 * across + 0.3 * bark);
            canvas.put(x, y, look.through_air(color, far), Label::Trunk);
        }
    }
}

/// Broad-leaved crowns: discs lit from the sun's side, their edge and colour broken by leaves.
fn paint_crown(canvas: &mut Canvas<Label>, layout: &Layout, look: &Appearance, tree: &Tree, far: f32) {
    let h = tree.height;
    let base = look.leaf(tree.tint);
    let side = if layout.sun[0] < tree.foot[0] { -1.0 } else { 1.0 };
    let reach = tree.blobs.iter().map(|b| b[0].abs() + b[2]).fold(0.0, f32::max) + 0.03;
    let (low, high) = tree.blobs.iter().fold((1.0f32, 0.0f32), |(l, t), b| (l.min(b[1] - b[2]), t.max(b[1] + b[2])));
    let (low, high) = if tree.shape == Shape::Bush { (0.0, high + 0.03) } else { (low - 0.03, high + 0.03) };
    for y in canvas.span(tree.foot[1] - high * h, tree.foot[1] - low * h) {
        let v = (tree.foot[1] - canvas.centre(y)) / h;
        for x in canvas.span(tree.foot[0] - reach * h, tree.foot[0] + reach * h) {
            let u = (canvas.centre(x) - tree.foot[0]) / h;
            // The disc that the point is deepest in, and how deep.
            let (mut inside, mut normal) = (-1.0f32, [0.0; 2]);
            for b in &tree.blobs {
                let (dx, dy) = ((u - b[0]) / b[2], (v - b[1]) / b[2]);
                let depth = 1.0 - dx * dx - dy * dy;
                if depth > inside {
                    (inside, normal) = (depth, [dx, dy]);
                }
            }
            if inside < -0.35 {
                continue;
            }
            let leaf = fractal(u * 17.0, v * 17.0, 2, tree.seed);
            if inside + 0.9 * (leaf - 0.5) < 0.05 {
                continue;
            }
            let whole = (v - 0.62) * 1.1;
            let light = 0.5 * normal[1] + 0.45 * side * normal[0] + whole;
            let other = look.leaf(value(u * 7.0, v * 7.0, tree.seed ^ 1) * 0.999);
            let mut color = mix(base, other, look.leaf_contrast * smoothstep(0.45, 0.75, leaf));
            color = scale(color, 0.92 + (0.16 + 0.26 * look.contrast) * light.clamp(-1.0, 0.8) + 0.35 * (leaf - 0.5));
            if look.snow > 0.0 {
                // Bare twigs show through where snow does not lie: below and in the gaps.
                let lies = smoothstep(-0.55, 0.25, 0.8 * normal[1] + 1.6 * (leaf - 0.45));
                color = mix(mix(look.trunk, color, 0.45), color, lies * look.snow);
            }
            canvas.put(x, y, look.through_air(color, far), Label::Tree);
        }
    }
}

fn paint_needles(canvas: &mut Canvas<Label>, layout: &Layout, look: &Appearance, tree: &Tree, far: f32) {
    const TIERS: f32 = 4.0;
    let h = tree.height;
    let side = if layout.sun[0] < tree.foot[0] { -1.0 } else { 1.0 };
    for y in canvas.span(tree.foot[1] - h, tree.foot[1] - 0.1 * h) {
        let down = (1.0 - (tree.foot[1] - canvas.centre(y)) / h).max(0.0);
        let tier = (down / 0.9 * TIERS).floor();
        let within = down / 0.9 * TIERS - tier;
        let half = 0.27 * h * (0.72 * tier + within + 0.12 * tier.min(1.0)) / (0.72 * TIERS + 0.4);
        for x in canvas.span(tree.foot[0] - 1.2 * half, tree.foot[0] + 1.2 * half) {
            let u = (canvas.centre(x) - tree.foot[0]) / h;
            let leaf = fractal(u * 22.0, down * 16.0, 2, tree.seed);
            let across = u * h / half;
            if across.abs() > 0.82 + 0.36 * leaf {
                continue;
            }
            let light = 0.35 * look.contrast * side * across + 0.7 * (leaf - 0.5) - 0.18 * within;
            let mut color = scale(look.needles, 1.1 + light);
            let lies = smoothstep(0.75, 0.3, within + 0.9 * (leaf - 0.45) + 0.15 * across.abs());
            color = mix(color, scale(SNOW, 0.97 + 0.1 * light), look.snow * lies);
            canvas.put(x, y, look.through_air(color, far), Label::Tree);
        }
    }
}

/// A front with gable, a long side to its right, a door and two windows.
fn paint_house(canvas: &mut Canvas<Label>, layout: &Layout, look: &Appearance, house: &House) {
    let far = distance(layout.depth(house.foot[1]));
    paint_shadow(canvas, layout, look, house.foot, 0.62 * house.width);
    let pick = |colors: &[Rgb; 3], t: f32| colors[((t * 3.0) as usize).min(2)];
    let wall = pick(&look.walls, house.tint);
    let roof = pick(&look.roofs, (house.tint * 7.3).fract());
    let w = house.width;
    let sunny_front = layout.sun[0] < house.foot[0];
    let (front, long) = if sunny_front { (1.04, 0.80) } else { (0.84, 1.02) };
    let lit = |k: f32| 1.0 + (k - 1.0) * (0.4 + 0.6 * look.contrast);
    for y in canvas.span(house.foot[1] - 0.98 * w, house.foot[1]) {
        let v = (house.foot[1] - canvas.centre(y)) / w;
        for x in canvas.span(house.foot[0] - 0.56 * w, house.foot[0] + 0.56 * w) {
            let u = (canvas.centre(x) - house.foot[0]) / w;
            // Front: u in −0.5..−0.08, walls to 0.36, gable peak 0.66 at u = −0.29. Side: to the right of it.
            let gable = 0.66 - 1.43 * (u + 0.29).abs();
            let rise = (v - 0.36) / 0.30;
            let chimney = (0.14..0.21).contains(&u) && (0.5..0.80).contains(&v);
            let on_front = (-0.5..-0.08).contains(&u) && (0.0..0.36f32.max(gable)).contains(&v);
            let on_long = (-0.08..0.5).contains(&u) && (0.0..0.36).contains(&v);
            // The roof leans from the eaves (u from −0.04) back to the ridge (u from −0.29).
            let on_roof = (-0.03..=1.0).contains(&rise) && (-0.06 - 0.23 * rise..0.54 - 0.06 * rise).contains(&u);
            let on_verge = (gable - 0.01..gable + 0.06).contains(&v) && (-0.55..-0.06).contains(&u) && v > 0.30;
            let stripes = 1.0 + 0.10 * ((rise * 22.0).sin() + value(u * 40.0, v * 40.0, layout.texture) - 0.5);
            let color = if on_roof || on_verge {
                mix(scale(roof, lit(long) * stripes), SNOW, look.snow * smoothstep(0.0, 0.12, rise))
            } else if on_front || on_long {
                let door = (-0.36..-0.22).contains(&u) && v < 0.24;
                let window = (0.12..0.26).contains(&v) && ((0.03..0.15).contains(&u) || (0.28..0.40).contains(&u));
                if door {
                    scale(look.trunk, 0.9)
                } else if window {
                    look.window
                } else {
                    scale(wall, lit(if on_front { front } else { long }))
                }
            } else if chimney {
                mix(scale(roof, 0.8), SNOW, if v > 0.76 { look.snow } else { 0.0 })
            } else {
                continue;
            };
            canvas.put(x, y, look.through_air(color, far), Label::House);
        }
    }
}

/// Rain streaks and snowflakes: they change colours, never labels.
pub(super) fn paint_weather(canvas: &mut Canvas<Label>, seed: u64, look: &Appearance) {
    let mut rng = stream(seed, "sample-world.falling", 0);
    for _ in 0..(look.rain * 110.0) as usize {
        let [x, y, length] =
            [rng.random_range(-0.1..1.1f32), rng.random_range(-0.1..1.0f32), rng.random_range(0.05..0.13f32)];
        let alpha = rng.random_range(0.18..0.5);
        let half = 0.0032;
        for row in canvas.span(y, y + length) {
            let middle = x - 0.25 * (canvas.centre(row) - y);
            for column in canvas.span(middle - half, middle + half) {
                canvas.tint(column, row, [0.92, 0.95, 1.0], alpha);
            }
        }
    }
    for _ in 0..(look.flakes * 150.0) as usize {
        let (x, y) = (rng.random_range(0.0..1.0f32), rng.random_range(0.0..1.0f32));
        // Few near and large, many far and small.
        let radius = 0.0045 + 0.010 * rng.random_range(0.0..1.0f32).powi(3);
        let alpha = rng.random_range(0.65..0.95);
        for row in canvas.span(y - radius, y + radius) {
            for column in canvas.span(x - radius, x + radius) {
                let (dx, dy) = (canvas.centre(column) - x, canvas.centre(row) - y);
                let inside = smoothstep(1.0, 0.5, (dx * dx + dy * dy).sqrt() / radius);
                canvas.tint(column, row, [1.0; 3], alpha * inside);
            }
        }
    }
}
