//! Draws a plan from a seed: the grid and its bends, streets, blocks, waters, what stands in the blocks, cars.

mod blocks;
mod streets;
mod waters;

use super::light::Light;
use super::plan::{Block, Plan, Use};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use semrel_data::rng::stream;
use std::f32::consts::TAU;

/// The place that belongs to `seed`.
pub(super) fn draw(seed: u64) -> Plan {
    let mut rng = stream(seed, "sample-world.aerial", 0);
    let rng = &mut rng;
    let angle = if rng.random_bool(0.35) { rng.random_range(-0.06..0.06) } else { rng.random_range(-0.8..0.8f32) };
    let bends = if rng.random_bool(0.4) { 0.0 } else { rng.random_range(0.3..1.0) };
    let bend = |rng: &mut ChaCha8Rng| {
        let wave = TAU / rng.random_range(140.0..280.0);
        // Streets turn by a fifth of a radian at most.
        [0.2 * bends / wave, wave, rng.random_range(0.0..TAU)]
    };
    let mut plan = Plan {
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
    plan.roads = streets::draw(rng, &plan.lines);
    plan.blocks = draw_blocks(rng, &plan);
    waters::draw(rng, &mut plan);
    blocks::furnish(rng, &mut plan);
    streets::drive(rng, &mut plan);
    plan
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
