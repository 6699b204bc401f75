//! Towns from above, and their maps.
//!
//! Streets in a turned, irregular grid; blocks of lots with roofs, parks with trees, a lake or a river. The map shows streets,
//! parks and water in flat colours and hints at the blocks' ground: roofs, trees and light are the photograph's own.

use super::canvas::Canvas;
use super::color::{Rgb, mix, scale};
use super::noise::{fractal, hash, unit, value};
use crate::rng::stream;
use image::{GrayImage, RgbImage};
use rand::RngExt;

/// Classes of a town's label map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CityLabel {
    /// Ground of a built block.
    Ground = 0,
    /// Street.
    Street = 1,
    /// Main street.
    MainStreet = 2,
    /// Roof.
    Building = 3,
    /// Park.
    Park = 4,
    /// Lake or river.
    Water = 5,
}

impl From<CityLabel> for u8 {
    fn from(label: CityLabel) -> Self {
        label as Self
    }
}

/// A town from above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct City {
    /// Aerial photograph, 8-bit RGB, square.
    pub aerial: RgbImage,
    /// Its map.
    pub map: RgbImage,
    /// The [`CityLabel`] of each pixel (the most frequent of its samples').
    pub labels: GrayImage,
}

/// What the seed decides.
struct Plan {
    /// Cosine and sine of the grid's turn.
    turn: (f32, f32),
    /// Side of a block.
    block: f32,
    /// Where the grid begins.
    offset: (f32, f32),
    /// Share of blocks that are parks.
    parks: f32,
    water: Water,
    noise: u32,
    /// Strength and warmth of the light.
    light: (f32, f32),
    /// How dry the grass is.
    dry: f32,
}

/// Water of a town.
#[derive(Clone, Copy)]
enum Water {
    None,
    /// Centre and radius.
    Lake((f32, f32), f32),
    /// Height at the left border, slope, width.
    River(f32, f32, f32),
}

impl Plan {
    fn draw(seed: u64) -> Self {
        let mut rng = stream(seed, "sample-world.city", 0);
        let angle: f32 = rng.random_range(-0.5..0.5);
        let water = match rng.random_range(0..5) {
            0 | 1 => Water::None,
            2 | 3 => Water::Lake((rng.random_range(0.1..0.9), rng.random_range(0.1..0.9)), rng.random_range(0.14..0.3)),
            _ => Water::River(rng.random_range(0.2..0.8), rng.random_range(-0.4..0.4), rng.random_range(0.05..0.1)),
        };
        Self {
            turn: (angle.cos(), angle.sin()),
            block: rng.random_range(0.2..0.34),
            offset: (rng.random_range(0.0..8.0), rng.random_range(0.0..8.0)),
            parks: rng.random_range(0.1..0.35),
            water,
            noise: rng.random(),
            light: (rng.random_range(0.9..1.08), rng.random_range(-0.02..0.04)),
            dry: rng.random_range(0.0..0.6),
        }
    }

    /// How far a place lies within the water, negative on land.
    fn depth(&self, x: f32, y: f32) -> f32 {
        let shore = (fractal(x * 5.0, y * 5.0, 2, self.noise ^ 1) - 0.5) * 0.1;
        match self.water {
            Water::None => -1.0,
            Water::Lake((cx, cy), radius) => radius - (x - cx).hypot(y - cy) + shore,
            Water::River(at, slope, width) => width - (y - at - slope * (x - 0.5)).abs() + shore * 0.4,
        }
    }

    /// Position of street `i` of an axis, in blocks.
    fn line(&self, i: i32, axis: u32) -> f32 {
        i as f32 + 0.3 * (unit(i, 7, self.noise ^ axis) - 0.5)
    }

    /// Half the width of a street, in blocks, and whether it is a main street.
    fn width(&self, i: i32, axis: u32) -> (f32, bool) {
        let main = unit(i, 13, self.noise ^ axis) < 0.28;
        (if main { 0.13 } else { 0.075 }, main)
    }

    /// (block number, position within the block 0 to 1, nearest street if the place is on one).
    fn along(&self, t: f32, axis: u32) -> (i32, f32, Option<bool>) {
        let mut i = t.floor() as i32;
        if self.line(i, axis) > t {
            i -= 1;
        } else if self.line(i + 1, axis) <= t {
            i += 1;
        }
        let (low, high) = (self.line(i, axis), self.line(i + 1, axis));
        let (wide_low, main_low) = self.width(i, axis);
        let (wide_high, main_high) = self.width(i + 1, axis);
        let on = if t - low < wide_low {
            Some(main_low)
        } else if high - t < wide_high {
            Some(main_high)
        } else {
            None
        };
        (i, (t - low - wide_low) / (high - low - wide_low - wide_high), on)
    }

    /// What lies at a place, and a number of the thing.
    fn at(&self, x: f32, y: f32) -> (CityLabel, u32) {
        let (dx, dy) = (x - 0.5, y - 0.5);
        let u = (dx * self.turn.0 + dy * self.turn.1) / self.block + self.offset.0;
        let v = (dy * self.turn.0 - dx * self.turn.1) / self.block + self.offset.1;
        let ((i, p, across), (j, q, along)) = (self.along(u, 101), self.along(v, 211));
        let street = match (across, along) {
            (None, None) => None,
            (a, b) => Some(a == Some(true) || b == Some(true)),
        };
        // Main streets cross water on bridges.
        if self.depth(x, y) > 0.0 && street != Some(true) {
            return (CityLabel::Water, 0);
        }
        match street {
            Some(true) => return (CityLabel::MainStreet, 0),
            Some(false) => return (CityLabel::Street, 0),
            None => {}
        }
        let block = hash(i, j, self.noise);
        if unit(i, j, self.noise ^ 3) < self.parks {
            return (CityLabel::Park, block);
        }
        let (columns, rows) = (1 + block % 3, 1 + block / 3 % 3);
        let (p, q) = (p * columns as f32, q * rows as f32);
        let lot = hash(p as i32, q as i32, block);
        let margin = |n: u32| 0.1 + 0.2 * ((lot >> n) & 15) as f32 / 15.0;
        let inside = |t: f32, n: u32| t.fract() > margin(n) && t.fract() < 1.0 - margin(n + 4);
        if inside(p, 0) && inside(q, 8) { (CityLabel::Building, lot) } else { (CityLabel::Ground, lot) }
    }

    /// The photograph's colour of a thing at a place.
    fn aerial(&self, x: f32, y: f32, (label, number): (CityLabel, u32)) -> Rgb {
        let grain = fractal(x * 40.0, y * 40.0, 2, self.noise ^ 5);
        let grass = mix([0.27, 0.40, 0.19], [0.50, 0.47, 0.29], self.dry);
        let tree = |share: f32, size: f32| {
            let clump = value(x * size, y * size, self.noise ^ 9);
            (clump > 1.0 - share).then(|| scale([0.13, 0.25, 0.12], 0.7 + 0.6 * grain))
        };
        let color = match label {
            CityLabel::Water => scale([0.13, 0.25, 0.32], 0.9 + 0.2 * grain - 0.6 * self.depth(x, y).min(0.2)),
            CityLabel::Street | CityLabel::MainStreet => scale([0.42, 0.42, 0.43], 0.85 + 0.3 * grain),
            CityLabel::Park => tree(0.5, 24.0).unwrap_or(scale(grass, 0.8 + 0.4 * grain)),
            CityLabel::Ground => {
                tree(0.3, 36.0).unwrap_or(scale(mix(grass, [0.55, 0.52, 0.46], 0.45), 0.8 + 0.4 * grain))
            }
            CityLabel::Building => {
                const ROOFS: [Rgb; 5] = [
                    [0.62, 0.32, 0.24],
                    [0.53, 0.27, 0.22],
                    [0.55, 0.54, 0.53],
                    [0.72, 0.70, 0.67],
                    [0.40, 0.36, 0.34],
                ];
                scale(ROOFS[(number >> 16) as usize % ROOFS.len()], 0.9 + 0.2 * grain)
            }
        };
        let (strength, warmth) = self.light;
        [color[0] * strength + warmth, color[1] * strength, color[2] * strength - warmth].map(|v| v.clamp(0.0, 1.0))
    }
}

/// The map's colour of a thing.
fn map_color(label: CityLabel) -> Rgb {
    match label {
        CityLabel::Ground | CityLabel::Building => [0.93, 0.91, 0.87],
        CityLabel::Street => [1.0, 1.0, 1.0],
        CityLabel::MainStreet => [0.99, 0.84, 0.50],
        CityLabel::Park => [0.78, 0.89, 0.70],
        CityLabel::Water => [0.64, 0.78, 0.98],
    }
}

/// Renders the town of `seed` from above and its map, `size` pixels square.
///
/// A pure function: the same arguments give the same bytes on the same machine.
///
/// ```
/// use semrel_data::sample_world::render_city;
/// let city = render_city(7, 64);
/// assert_eq!(city.aerial.dimensions(), city.map.dimensions());
/// ```
pub fn render_city(seed: u64, size: u32) -> City {
    let factor = if size <= 96 { 3 } else { 2 };
    let plan = Plan::draw(seed);
    let side = size.max(1) as usize * factor;
    let (mut aerial, mut map) = (Canvas::new(side, CityLabel::Ground), Canvas::new(side, CityLabel::Ground));
    // Light falls from the upper left.
    let shadow = 0.012;
    for row in 0..side {
        for column in 0..side {
            let (x, y) = (aerial.centre(column), aerial.centre(row));
            let thing = plan.at(x, y);
            let mut color = plan.aerial(x, y, thing);
            let shaded = thing.0 != CityLabel::Building && plan.at(x - shadow, y - shadow).0 == CityLabel::Building;
            if shaded {
                color = scale(color, 0.6);
            }
            aerial.put(column, row, color, thing.0);
            map.put(column, row, map_color(thing.0), thing.0);
        }
    }
    let (aerial, labels) = aerial.finish(factor, |color| color);
    City { aerial, map: map.finish(factor, |color| color).0, labels }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_occurs_and_towns_are_varied() {
        let cities: Vec<City> = (0..40).map(|seed| render_city(seed, 48)).collect();
        for label in 0..=CityLabel::Water as u8 {
            let holding = cities.iter().filter(|c| c.labels.pixels().any(|p| p.0[0] == label)).count();
            assert!(holding >= 12, "label {label} occurs in {holding} of 40");
        }
        assert!((1..40).all(|i| cities[i].map != cities[i - 1].map));
        assert_eq!(cities[5], render_city(5, 48));
    }

    #[test]
    fn a_map_tells_streets_parks_and_water_and_a_photograph_their_texture() {
        for seed in 0..8 {
            let city = render_city(seed, 64);
            let spread = |image: &RgbImage, label: CityLabel| {
                let of = image.pixels().zip(city.labels.pixels()).filter(|(_, l)| l.0[0] == label as u8);
                let values: Vec<f64> = of.map(|(p, _)| f64::from(p.0[1])).collect();
                let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
                let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len().max(1) as f64;
                (values.len(), mean, variance.sqrt())
            };
            let (count, _, texture) = spread(&city.aerial, CityLabel::Building);
            assert!(count < 30 || texture > 4.0, "{seed}: {texture}");
            let (streets, bright, _) = spread(&city.map, CityLabel::Street);
            let (_, _, flat) = spread(&city.map, CityLabel::Ground);
            assert!(streets < 30 || bright > 235.0, "{seed}: {bright}");
            assert!(flat < 12.0, "{seed}: {flat}");
        }
    }
}
