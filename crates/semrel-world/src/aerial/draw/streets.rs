//! Streets and what drives and parks on them.

use super::super::palette::{PAINTS, pick};
use super::super::plan::Plan;
use super::super::road::Road;
use super::super::things::Car;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// The streets on the lines of the grid, of which some end at another, and sometimes a road across the grid.
pub(super) fn draw(rng: &mut ChaCha8Rng, lines: &[Vec<f32>; 2]) -> Vec<Road> {
    let main = rng.random_bool(0.6).then(|| {
        let axis = rng.random_range(0..2);
        let middle: Vec<f32> = lines[axis].iter().copied().filter(|line| line.abs() < 60.0).collect();
        (axis, middle[rng.random_range(0..middle.len())])
    });
    let side = rng.random_range(3.3..4.4);
    let mut roads = vec![];
    for (axis, along) in lines.iter().enumerate() {
        for &at in along {
            let is_main = main == Some((axis, at));
            let half = if is_main { rng.random_range(6.0..8.2) } else { side + rng.random_range(-0.3..0.5) };
            let mut road = Road::on_line(axis, at, half, is_main);
            if !is_main && rng.random_bool(0.34) {
                // It ends at one of the streets that it would cross.
                let crossing = &lines[1 - axis];
                let end = crossing[rng.random_range(0..crossing.len())];
                road.range = if rng.random_bool(0.5) { end..400.0 } else { -400.0..end };
            }
            roads.push(road);
        }
    }
    if rng.random_bool(0.2) {
        let angle = rng.random_range(0.45..1.1f32) * if rng.random_bool(0.5) { 1.0 } else { -1.0 };
        roads.push(Road {
            axis: None,
            normal: [angle.cos(), angle.sin()],
            at: rng.random_range(-35.0..35.0),
            range: -400.0..400.0,
            half: rng.random_range(6.0..9.0),
            main: true,
        });
    }
    roads
}

/// Puts cars on the streets.
pub(super) fn drive(rng: &mut ChaCha8Rng, plan: &mut Plan) {
    let parked = rng.random_range(0.05..0.5);
    let traffic = rng.random_range(0.1..0.5);
    let mut cars = vec![];
    for (number, road) in plan.roads.iter().enumerate() {
        // (distance from the middle, way between cars, probability, parked)
        let mut lanes = vec![];
        for side in [-1.0, 1.0f32] {
            if road.main {
                lanes.push((side * 0.27 * road.half, 16.0, traffic, false));
                lanes.push((side * 0.70 * road.half, 16.0, traffic, false));
            } else {
                lanes.push((side * 0.38 * road.half, 40.0, 0.6 * traffic, false));
                lanes.push((side * (road.half - 1.15), 6.4, parked, true));
            }
        }
        for (across, step, probability, parked) in lanes {
            let mut along = -plan.extent + rng.random_range(0.0..step);
            while along < plan.extent {
                let here = road.range.contains(&along) && rng.random_bool(probability);
                let jitter = if parked { rng.random_range(-0.4..0.4) } else { rng.random_range(-0.3..0.3) * step };
                let place = road.point(along + jitter, across);
                along += step;
                let crossing = plan.roads.iter().enumerate().any(|(other, r)| other != number && r.edge(place) < 3.5);
                if here && plan.shows(place, 3.0) && !(parked && crossing) {
                    let van = rng.random_bool(0.12);
                    cars.push(Car {
                        place,
                        heading: road.tangent(),
                        half: if van { [2.7, 1.05] } else { [2.15, 0.92] },
                        color: pick(rng, &PAINTS),
                    });
                }
            }
        }
    }
    plan.cars.extend(cars);
}
