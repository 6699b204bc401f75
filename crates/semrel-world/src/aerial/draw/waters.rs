//! Draws ponds, rivers and shores.

use super::super::plan::{Plan, Use};
use super::super::water::Water;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::f32::consts::TAU;
use std::ops::Range;

/// Where streets run that are not built.
const NOWHERE: Range<f32> = f32::MAX..f32::MAX;

/// Draws the waters of a plan whose blocks are there. At most a river or a shore, and ponds in parks.
pub(super) fn draw(rng: &mut ChaCha8Rng, plan: &mut Plan) {
    match rng.random_range(0..10) {
        0 | 1 => {
            let angle = rng.random_range(0.0..TAU);
            plan.waters.push(Water::River {
                normal: [angle.cos(), angle.sin()],
                at: rng.random_range(-45.0..45.0),
                swing: rng.random_range(3.0..14.0),
                wave: TAU / rng.random_range(90.0..180.0),
                phase: rng.random_range(0.0..TAU),
                half: rng.random_range(5.0..14.0),
            });
        }
        2 => shore(rng, plan),
        _ => {}
    }
    for block in plan.blocks.iter().filter(|block| block.kind == Use::Park) {
        let [w, h] = [0, 1].map(|axis| block.high[axis] - block.low[axis]);
        if w.min(h) > 30.0 && rng.random_bool(0.5) {
            let centre = [0, 1].map(|axis| {
                let t = rng.random_range(0.4..0.6);
                block.low[axis] + t * (block.high[axis] - block.low[axis])
            });
            let radius = 0.36 * w.min(h) * rng.random_range(0.6..1.0);
            plan.waters.push(Water::Pond { centre, radius, seed: rng.random() });
        }
    }
}

/// The land ends at a street: everything beyond is water, and the streets that cross it end there.
fn shore(rng: &mut ChaCha8Rng, plan: &mut Plan) {
    let axis = rng.random_range(0..2);
    let sign = if rng.random_bool(0.5) { 1.0 } else { -1.0f32 };
    let lines = plan.lines[axis].iter().copied();
    let Some(line) =
        lines.filter(|line| (5.0..60.0).contains(&(sign * line))).min_by(|a, b| (sign * a).total_cmp(&(sign * b)))
    else {
        return;
    };
    let mut half = 4.0;
    for road in &mut plan.roads {
        match road.axis {
            Some(own) if own != axis => {
                let (low, high) = (road.range.start, road.range.end);
                road.range = if sign > 0.0 { low..high.min(line) } else { low.max(line)..high };
                if road.range.is_empty() {
                    road.range = NOWHERE;
                }
            }
            Some(_) if road.at == line => {
                road.range = -400.0..400.0;
                half = road.half;
            }
            // Streets beyond the shore, and roads across the grid.
            Some(_) if sign * road.at > sign * line => road.range = NOWHERE,
            Some(_) => {}
            None => road.range = NOWHERE,
        }
    }
    plan.roads.retain(|road| road.range != NOWHERE);
    for block in &mut plan.blocks {
        let middle = 0.5 * (block.low[axis] + block.high[axis]);
        if sign * middle > sign * line {
            block.kind = Use::Vacant;
        }
    }
    let mut outward = [0.0, 0.0];
    outward[axis] = sign;
    plan.waters.push(Water::Shore { outward, at: sign * line + half, seed: rng.random() });
}
