//! Fronts of houses, and hedges.

use super::plan::{Block, Street};
use crate::color::{Rgb, mix, scale, smoothstep};
use crate::noise::{fractal, unit, value};

/// Light on a side of the street: the one that faces the sun is lit.
fn light(street: &Street, side: usize) -> f32 {
    let sun = street.light.sun;
    if side == street.light.side { 1.0 - 0.36 * sun } else { 1.0 + 0.12 * sun }
}

/// Colour of a house at distance `z` and height `y`; `None` above its roof.
pub(super) fn house(street: &Street, side: usize, block: &Block, z: f32, y: f32, pixel: f32) -> Option<Rgb> {
    if y > block.height + block.roof {
        return None;
    }
    let lit = light(street, side);
    if y > block.height {
        let rows = 1.0 + 0.10 * ((y * 14.0).sin() * smoothstep(0.2, 0.05, z * pixel));
        let moss = 0.8 + 0.4 * value(z * 0.7, y * 2.0, block.seed);
        let verge = (z - block.from).min(block.to - z) < 0.25;
        return Some(scale(block.roof_color, 0.95 * lit * rows * moss * if verge { 0.8 } else { 1.0 }));
    }
    // Size of a pixel along the street and upwards.
    let (along, up) = (z * z * pixel / street.walls[side].abs(), z * pixel);
    let fine = |size: f32| smoothstep(1.0, 0.35, along.max(up) / size);
    let storey = (y / block.floor).floor();
    let within = y / block.floor - storey;
    let mut color = wall(block, z, y, fine(0.35));
    // Cornice, and a band above the ground floor.
    let cornice = block.height - y < 0.35;
    let band = storey == 1.0 && within < 0.07;
    if cornice || band {
        color = scale(mix(color, block.trim_color, 0.7), if cornice { 1.05 } else { 1.0 });
    }
    let windows = fine(0.5 * block.pitch);
    let length = block.to - block.from;
    let columns = (length / block.pitch).floor().max(1.0);
    let pitch = length / columns;
    let column = ((z - block.from) / pitch).floor();
    let across = (z - block.from) / pitch - column;
    if !cornice && windows > 0.0 {
        let opening = match (storey as i32, block.shop) {
            (0, Some(fascia)) => shop(block, fascia, across, within, column),
            (0, None) => ground_floor(block, across, within, column, columns),
            _ => window(block, across, within, column, storey),
        };
        if let Some(opening) = opening {
            color = mix(color, opening, windows);
        }
    } else if !cornice {
        // Too far to tell windows from walls.
        color = scale(color, 0.80);
    }
    // Walls are darker where they meet ground and neighbours, and below the eaves.
    let corner = (z - block.from).min(block.to - z);
    let dirt = 1.0 - 0.22 * (-1.6 * y).exp() - 0.25 * smoothstep(0.22, 0.0, corner);
    let eaves = if block.roof > 0.0 { 1.0 - 0.25 * smoothstep(0.9, 0.3, block.height - y) } else { 1.0 };
    let blue = if lit < 1.0 { [0.94, 0.98, 1.08] } else { [1.02, 1.0, 0.97] };
    Some(std::array::from_fn(|c| color[c] * lit * dirt * eaves * blue[c]))
}

fn wall(block: &Block, z: f32, y: f32, fine: f32) -> Rgb {
    let weather = 1.0 + 0.16 * (fractal(z * 0.4, y * 0.25, 3, block.seed) - 0.5);
    let texture = if block.brick {
        let row = (y / 0.16).floor();
        let stone = ((z + 0.14 * (row % 2.0)) / 0.28).floor();
        0.22 * (unit(stone as i32, row as i32, block.seed) - 0.5)
    } else {
        0.07 * (value(z * 9.0, y * 9.0, block.seed ^ 3) - 0.5)
    };
    scale(block.wall_color, weather + texture * fine)
}

/// A window with frame and sill, or `None` beside it.
fn window(block: &Block, across: f32, within: f32, column: f32, storey: f32) -> Option<Rgb> {
    let (half_w, low, high) = (0.25, 0.24, 0.80);
    let (dx, inside) = ((across - 0.5).abs(), (low..high).contains(&within));
    if dx < half_w + 0.06 && (low - 0.05..low).contains(&within) {
        return Some(scale(block.trim_color, 0.95));
    }
    if dx > half_w || !inside {
        return None;
    }
    let frame = dx > half_w - 0.035 || within > high - 0.035 || dx < 0.018 || (within - 0.56).abs() < 0.015;
    if frame {
        return Some(scale(block.trim_color, 0.9));
    }
    Some(glass(block, column, storey, (within - low) / (high - low)))
}

/// Glass: dark, with the sky in its upper part; some with curtains, few lit.
fn glass(block: &Block, column: f32, storey: f32, up: f32) -> Rgb {
    let pick = unit(column as i32, storey as i32, block.seed ^ 11);
    let reflected = mix([0.10, 0.12, 0.14], [0.46, 0.54, 0.62], 0.25 + 0.5 * up * pick);
    match pick {
        p if p < 0.25 => mix(reflected, [0.78, 0.76, 0.72], 0.55),
        p if p > 0.95 => [0.90, 0.76, 0.48],
        _ => reflected,
    }
}

/// Show windows under a fascia, a door in every third.
fn shop(block: &Block, fascia: Rgb, across: f32, within: f32, column: f32) -> Option<Rgb> {
    if within > 0.98 {
        return None;
    }
    if within > 0.78 {
        let letters = (within - 0.88).abs() < 0.04 && value(across * 9.0, column * 3.3, block.seed) > 0.5;
        return Some(if letters { mix(fascia, [0.95, 0.94, 0.90], 0.8) } else { fascia });
    }
    let door = (column as i32).rem_euclid(3) == 1 && (across - 0.5).abs() < 0.2;
    if within < if door { 0.03 } else { 0.16 } || !(0.05..=0.95).contains(&across) {
        return Some(scale(fascia, 0.7));
    }
    let goods = value(across * 6.0 + column * 9.0, within * 7.0, block.seed ^ 13);
    let inside = mix([0.12, 0.13, 0.14], [0.55, 0.48, 0.38], smoothstep(0.45, 0.9, goods));
    Some(if door { mix(inside, [0.2, 0.2, 0.22], 0.4) } else { inside })
}

/// Windows and one door.
fn ground_floor(block: &Block, across: f32, within: f32, column: f32, columns: f32) -> Option<Rgb> {
    let door = (unit(3, 1, block.seed) * columns).floor();
    if column != door {
        return window(block, across, within, column, 0.0);
    }
    let dx = (across - 0.5).abs();
    if dx > 0.22 || within > 0.76 {
        return None;
    }
    const DOORS: [Rgb; 4] = [[0.30, 0.12, 0.10], [0.12, 0.20, 0.30], [0.16, 0.26, 0.18], [0.36, 0.25, 0.16]];
    if dx > 0.18 || within > 0.72 {
        return Some(scale(block.trim_color, 0.9));
    }
    Some(DOORS[(unit(5, 2, block.seed) * 4.0) as usize])
}

/// A hedge with trees behind.
pub(super) fn hedge(street: &Street, side: usize, block: &Block, z: f32, y: f32, pixel: f32) -> Rgb {
    let fine = smoothstep(0.6, 0.1, z * pixel);
    let leaf = fractal(z * 1.7, y * 1.7, 4, block.seed ^ 21) - 0.5;
    let clump = fractal(z * 0.5, y * 0.6, 2, block.seed ^ 22);
    let base = mix([0.14, 0.24, 0.09], [0.32, 0.40, 0.15], clump);
    let height = 0.75 + 0.35 * (y / block.height).min(1.0);
    scale(base, light(street, side) * height * (1.0 + (0.4 + 0.9 * fine) * leaf))
}
