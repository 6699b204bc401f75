//! The map: flat colours, streets with a thin edge.

use super::super::frame::Frame;
use super::super::label::MapLabel;
use super::super::plan::Plan;
use super::super::things::{Cover, local};
use super::ground::Around;
use crate::canvas::Canvas;
use crate::color::Rgb;

const LAND: Rgb = [0.945, 0.929, 0.894];
const PARK: Rgb = [0.784, 0.882, 0.655];
const PITCH: Rgb = [0.722, 0.847, 0.596];
const PATH: Rgb = [0.902, 0.933, 0.839];
const WATER: Rgb = [0.655, 0.804, 0.957];
const STREET: Rgb = [1.0, 1.0, 1.0];
const STREET_EDGE: Rgb = [0.843, 0.831, 0.804];
const MAIN_ROAD: Rgb = [0.996, 0.878, 0.486];
const MAIN_ROAD_EDGE: Rgb = [0.914, 0.741, 0.353];
const BUILDING: Rgb = [0.831, 0.820, 0.804];
const BUILDING_EDGE: Rgb = [0.757, 0.745, 0.729];
const CAR_PARK: Rgb = [0.914, 0.902, 0.886];

pub(crate) fn paint(canvas: &mut Canvas<MapLabel>, plan: &Plan, frame: &Frame) {
    // At least half a pixel, or thin lines would fade away.
    let edge = (0.45 * frame.pixel).max(0.5);
    for at in 0..frame.places.len() {
        let (color, label) = ground(plan, frame.places[at], edge);
        (canvas.color[at], canvas.label[at]) = (color, label);
    }
    for patch in &plan.patches {
        let (color, label) = match patch.kind {
            Cover::CarPark => (CAR_PARK, Some(MapLabel::CarPark)),
            Cover::Pitch | Cover::Tennis => (PITCH, None),
            Cover::Gravel => (PATH, None),
            Cover::Concrete | Cover::Pool => continue,
        };
        frame.around(plan, patch.place, patch.radius(), |at, offset| {
            let free = matches!(canvas.label[at], MapLabel::Land | MapLabel::Park);
            if free && patch.inside(offset).is_some() {
                canvas.color[at] = color;
                canvas.label[at] = label.unwrap_or(canvas.label[at]);
            }
        });
    }
    for building in &plan.buildings {
        frame.around(plan, building.place, building.radius(), |at, offset| {
            if building.contains(offset) {
                let [u, v] = local(offset, building.heading);
                let rim = (building.half[0] - u.abs()).min(building.half[1] - v.abs());
                canvas.color[at] = if rim < edge { BUILDING_EDGE } else { BUILDING };
                canvas.label[at] = MapLabel::Building;
            }
        });
    }
}

fn ground(plan: &Plan, place: [f32; 2], edge: f32) -> (Rgb, MapLabel) {
    let around = Around::of(plan, place);
    let under = if around.water > 0.0 {
        (WATER, MapLabel::Water)
    } else {
        match plan.land(place) {
            MapLabel::Park => (PARK, MapLabel::Park),
            label => (LAND, label),
        }
    };
    match around.road {
        Some(road) if around.edge < 0.0 => {
            if road.main {
                (MAIN_ROAD, MapLabel::MainRoad)
            } else {
                (STREET, MapLabel::Street)
            }
        }
        Some(road) if around.edge < edge => (if road.main { MAIN_ROAD_EDGE } else { STREET_EDGE }, under.1),
        _ => under,
    }
}
