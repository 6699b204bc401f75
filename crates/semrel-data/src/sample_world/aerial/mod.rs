//! A piece of town from above: as an aerial photograph and as a web map.
//!
//! The town is a plan in metres: a grid of streets, turned and bent, whose blocks hold houses, town houses, shops with
//! car parks, parks, woods and fields, with ponds, a river or a shore. Both pictures show it pixel by pixel alike. What the
//! map does not tell (roofs, trees, cars, light) varies with the seed.

mod blocks;
mod ground;
mod map;
mod photo;
mod plan;
mod roads;
mod things;
mod water;

use super::canvas::Canvas;
use image::{GrayImage, RgbImage};
use plan::Plan;

/// Classes of the map's areas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MapLabel {
    /// Land without a mark of its own: gardens, yards, fields.
    Land = 0,
    /// Streets.
    Street = 1,
    /// Main roads.
    MainRoad = 2,
    /// Buildings.
    Building = 3,
    /// Parks and woods.
    Park = 4,
    /// Water.
    Water = 5,
    /// Car parks.
    CarPark = 6,
}

impl MapLabel {
    /// All of them, by number.
    pub const ALL: [Self; 7] =
        [Self::Land, Self::Street, Self::MainRoad, Self::Building, Self::Park, Self::Water, Self::CarPark];
}

impl From<MapLabel> for u8 {
    fn from(label: MapLabel) -> Self {
        label as Self
    }
}

/// A place as an aerial photograph and as a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aerial {
    /// The photograph, 8-bit RGB, square.
    pub photo: RgbImage,
    /// The map, of the same size.
    pub map: RgbImage,
    /// The [`MapLabel`] of each of the map's pixels (the most frequent of its samples').
    pub labels: GrayImage,
}

/// Renders the place of `seed`, `size` pixels square (64 to 256; others work), in both ways.
///
/// A pure function: the same arguments give the same bytes on the same machine.
///
/// ```
/// use semrel_data::sample_world::{MapLabel, render_aerial};
/// let place = render_aerial(7, 64);
/// assert_eq!(place.photo.dimensions(), place.map.dimensions());
/// assert!(place.labels.pixels().any(|p| p.0[0] == MapLabel::Street as u8));
/// ```
pub fn render_aerial(seed: u64, size: u32) -> Aerial {
    let factor = if size <= 96 { 3 } else { 2 };
    let size = size.max(1) as usize;
    let plan = Plan::draw(seed);
    let frame = Frame::new(&plan, size, factor);

    let mut canvas = Canvas::new(frame.side, MapLabel::Land);
    map::paint(&mut canvas, &plan, &frame);
    let (map, labels) = canvas.finish(factor, |color| color);
    photo::paint(&mut canvas, &plan, &frame);
    let (mut photo, _) = canvas.finish(factor, |color| plan.light.grade(color));
    super::grain(&mut photo, plan.texture);
    Aerial { photo, map, labels }
}

/// Where the samples of a picture lie in the plan.
struct Frame {
    /// Samples a side.
    side: usize,
    /// Place of each sample, row-major, in metres.
    places: Vec<[f32; 2]>,
    /// Metres from a sample to the next, and from a pixel to the next.
    sample: f32,
    pixel: f32,
}

impl Frame {
    fn new(plan: &Plan, size: usize, factor: usize) -> Self {
        let side = size * factor;
        let centre = |i: usize| (i as f32 + 0.5) / side as f32;
        let places = (0..side * side).map(|at| plan.place(centre(at % side), centre(at / side))).collect();
        Self { side, places, sample: plan.extent / side as f32, pixel: plan.extent / size as f32 }
    }

    /// Calls `paint(sample, offset)` for the samples within about `radius` of `place`; `offset` is the way from there.
    fn around(&self, plan: &Plan, place: [f32; 2], radius: f32, mut paint: impl FnMut(usize, [f32; 2])) {
        // The bends of the plan stretch it a little.
        let reach = (1.3 * radius + self.sample) / plan.extent;
        let span = |t: f32| {
            let bound = |t: f32| (t * self.side as f32).clamp(0.0, self.side as f32);
            bound(t - reach) as usize..bound(t + reach).ceil() as usize
        };
        let [x, y] = plan.picture(place);
        for row in span(y) {
            for at in span(x).map(|column| row * self.side + column) {
                let [px, py] = self.places[at];
                paint(at, [px - place[0], py - place[1]]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rendering_is_deterministic_at_any_size() {
        for size in [1, 33, 64, 128] {
            let place = render_aerial(5, size);
            assert_eq!(place.photo.dimensions(), (size, size));
            assert_eq!(place, render_aerial(5, size));
        }
        assert_ne!(render_aerial(5, 64).labels, render_aerial(6, 64).labels);
    }

    #[test]
    fn every_class_occurs_often() {
        let places: Vec<Aerial> = (0..40).map(|seed| render_aerial(seed, 48)).collect();
        for label in MapLabel::ALL {
            let holding = places.iter().filter(|p| p.labels.pixels().any(|l| l.0[0] == label as u8)).count();
            assert!(holding >= 8, "{label:?} occurs in {holding} of 40");
        }
        for place in &places {
            assert!(place.labels.pixels().all(|l| usize::from(l.0[0]) < MapLabel::ALL.len()));
            let streets = place.labels.pixels().filter(|l| l.0[0] == 1 || l.0[0] == 2).count();
            assert!((60..1500).contains(&streets), "{streets} of 2304 pixels are street");
        }
    }

    #[test]
    fn photograph_and_map_show_the_same_place() {
        let (mut water, mut street, mut park) = ([0.0; 4], [0.0; 4], [0.0; 4]);
        for seed in 0..40 {
            let place = render_aerial(seed, 48);
            for (pixel, label) in place.photo.pixels().zip(place.labels.pixels()) {
                let sum = match label.0[0] {
                    1 | 2 => &mut street,
                    4 => &mut park,
                    5 => &mut water,
                    _ => continue,
                };
                (0..3).for_each(|c| sum[c] += f64::from(pixel.0[c]));
                sum[3] += 1.0;
            }
        }
        let mean = |sum: [f64; 4]| [0, 1, 2].map(|c| sum[c] / sum[3]);
        let ([_, green, blue], [r, g, b]) = (mean(park), mean(street));
        // Parks are green, streets grey, water is bluer than it is red.
        assert!(green > blue + 20.0 && (r - b).abs() < 25.0 && (r - g).abs() < 15.0);
        let [r, _, b] = mean(water);
        assert!(b > r + 5.0, "{r} {b}");
    }
}
