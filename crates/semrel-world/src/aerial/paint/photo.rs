//! The photograph: ground, what lies on it, shadows, roofs, crowns.

use super::super::frame::Frame;
use super::super::label::MapLabel;
use super::super::plan::Plan;
use super::super::things::Cover;
use super::ground::{self, Around};
use crate::canvas::Canvas;
use crate::color::mix;

/// Paints over a canvas that shows the map, whose labels tell where patches may lie.
pub(crate) fn paint(canvas: &mut Canvas<MapLabel>, plan: &Plan, frame: &Frame) {
    for at in 0..frame.places.len() {
        let place = frame.places[at];
        canvas.color[at] = ground::color(plan, place, &Around::of(plan, place), frame.sample);
    }
    for patch in &plan.patches {
        frame.around(plan, patch.place, patch.radius(), |at, offset| {
            let street = matches!(canvas.label[at], MapLabel::Street | MapLabel::MainRoad | MapLabel::Water);
            if let Some(inside) = patch.inside(offset).filter(|_| !street) {
                let color = patch.color(inside, plan, frame.sample);
                let soft = if patch.kind == Cover::Gravel { 0.8 } else { 1.0 };
                canvas.color[at] = mix(canvas.color[at], color, soft);
            }
        });
    }
    for car in &plan.cars {
        frame.around(plan, car.place, 4.0, |at, offset| {
            if let Some(color) = car.color(offset) {
                canvas.color[at] = color;
            } else if car.shades(offset, &plan.light) {
                canvas.color[at] = mix(canvas.color[at], [0.04, 0.05, 0.08], 0.7 * plan.light.depth);
            }
        });
    }
    shade(canvas, plan, frame);
    for building in &plan.buildings {
        frame.around(plan, building.place, building.radius(), |at, offset| {
            if building.contains(offset) {
                canvas.color[at] = building.color(offset, &plan.light, frame.sample);
            }
        });
    }
    for tree in &plan.trees {
        frame.around(plan, tree.place, 1.15 * tree.radius, |at, offset| {
            if let Some(color) = tree.color(offset, &plan.light) {
                canvas.color[at] = color;
            }
        });
    }
}

/// Darkens the ground where something takes the sun; where two things do, it is no darker.
fn shade(canvas: &mut Canvas<MapLabel>, plan: &Plan, frame: &Frame) {
    let mut shade = vec![0.0f32; frame.places.len()];
    let length = plan.light.shadow[0].hypot(plan.light.shadow[1]);
    for building in &plan.buildings {
        let reach = building.radius() + length * building.height;
        frame.around(plan, building.place, reach, |at, offset| {
            if building.shades(offset, &plan.light) {
                shade[at] = 1.0;
            }
        });
    }
    for tree in &plan.trees {
        frame.around(plan, tree.place, tree.reach(&plan.light), |at, offset| {
            shade[at] = shade[at].max(0.85 * tree.shades(offset, &plan.light));
        });
    }
    for (color, shade) in canvas.color.iter_mut().zip(shade) {
        // The blue sky still lights what the sun does not.
        let light = 1.0 - plan.light.depth * shade;
        let tint = [1.0 - 0.06 * shade, 1.0 - 0.01 * shade, 1.0 + 0.10 * shade];
        *color = std::array::from_fn(|c| color[c] * light * tint[c]);
    }
}
