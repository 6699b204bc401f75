//! A piece of town from above: as an aerial photograph and as a web map.
//!
//! The town is a plan in metres: a grid of streets, turned and bent, whose blocks hold houses, town houses, shops with
//! car parks, parks, woods and fields, with ponds, a river or a shore. Both pictures show it pixel by pixel alike. What the
//! map does not tell (roofs, trees, cars, light) varies with the seed.
//!
//! `plan`, `road`, `water` and `things` say what is there, `draw` draws it from a seed, `paint` shows it.

mod draw;
mod frame;
mod label;
mod light;
mod paint;
mod palette;
mod plan;
mod road;
mod things;
mod water;

pub use label::MapLabel;

use crate::canvas::Canvas;
use crate::grain::grain;
use frame::Frame;
use image::{GrayImage, RgbImage};
use paint::{map, photo};

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
/// use semrel_world::{MapLabel, render_aerial};
/// let place = render_aerial(7, 64);
/// assert_eq!(place.photo.dimensions(), place.map.dimensions());
/// assert!(place.labels.pixels().any(|p| p.0[0] == MapLabel::Street as u8));
/// ```
pub fn render_aerial(seed: u64, size: u32) -> Aerial {
    let factor = if size <= 96 { 3 } else { 2 };
    let size = size.max(1) as usize;
    let plan = draw::draw(seed);
    let frame = Frame::new(&plan, size, factor);

    let mut canvas = Canvas::new(frame.side, MapLabel::Land);
    map::paint(&mut canvas, &plan, &frame);
    let (map, labels) = canvas.finish(factor, |color| color);
    photo::paint(&mut canvas, &plan, &frame);
    let (mut photo, _) = canvas.finish(factor, |color| plan.light.grade(color));
    grain(&mut photo, plan.texture);
    Aerial { photo, map, labels }
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
