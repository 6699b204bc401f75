//! Street scenes from a car's view, with label maps in Cityscapes' train ids.
//!
//! The street is a small world in metres (x to the right of the camera, y above the ground, z ahead) that is seen through
//! a pinhole: ground, facades and sky by casting a ray a sample, everything else painted from far to near.

mod billboard;
mod facade;
mod figures;
mod label;
mod light;
mod plan;
mod surroundings;
mod things;
mod vehicles;

pub use label::StreetLabel;

use crate::canvas::Canvas;
use crate::color::{Rgb, saturate};
use crate::grain::grain;
use crate::scene::Scene;
use plan::Street;

/// Renders the street of `seed`, `size` pixels square (64 to 256; others work): a photograph-like picture and the train
/// id ([`StreetLabel`]) of each pixel.
///
/// A pure function: the same arguments give the same bytes on the same machine.
///
/// ```
/// use semrel_world::{StreetLabel, render_street};
/// let street = render_street(7, 64);
/// assert!(street.labels.pixels().any(|p| p.0[0] == StreetLabel::Road as u8));
/// ```
pub fn render_street(seed: u64, size: u32) -> Scene {
    let factor = if size <= 96 { 3 } else { 2 };
    let size = size.max(1) as usize;
    let street = Street::draw(seed);
    let mut canvas = Canvas::new(size * factor, StreetLabel::Sky);
    surroundings::paint(&mut canvas, &street, size);
    things::paint(&mut canvas, &street);
    vignette(&mut canvas);
    let light = &street.light;
    let grade = |color: Rgb| {
        let lit: Rgb = std::array::from_fn(|c| color[c] * light.tone[c]);
        saturate(lit, light.saturation).map(contrast)
    };
    let (mut image, labels) = canvas.finish(factor, grade);
    grain(&mut image, street.texture);
    Scene { image, labels }
}

/// A gentle S: shadows deeper, highlights rolled off.
fn contrast(v: f32) -> f32 {
    let v = v.clamp(0.0, 1.0);
    0.55 * v + 0.45 * v * v * (3.0 - 2.0 * v)
}

/// Corners a little darker, as lenses make them.
fn vignette(canvas: &mut Canvas<StreetLabel>) {
    for y in 0..canvas.side {
        let dy = canvas.centre(y) - 0.5;
        for x in 0..canvas.side {
            let dx = canvas.centre(x) - 0.5;
            canvas.tint(x, y, [0.0; 3], 0.34 * (dx * dx + dy * dy));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rendering_is_deterministic_at_any_size() {
        for size in [1, 33, 64, 128] {
            let scene = render_street(5, size);
            assert_eq!(scene.image.dimensions(), (size, size));
            assert_eq!(scene, render_street(5, size));
        }
        assert_ne!(render_street(5, 64).labels, render_street(6, 64).labels);
    }

    #[test]
    fn every_class_occurs_often_and_no_other() {
        let scenes: Vec<Scene> = (0..40).map(|seed| render_street(seed, 64)).collect();
        let holding = |label: u8| scenes.iter().filter(|s| s.labels.pixels().any(|p| p.0[0] == label)).count();
        for label in 0..=255 {
            let known = StreetLabel::ALL.iter().any(|&l| l as u8 == label);
            let count = holding(label);
            assert!(if known { count >= 8 } else { count == 0 }, "label {label} occurs in {count} of 40");
        }
    }

    #[test]
    fn sky_is_above_and_road_below() {
        for seed in 0..20 {
            let labels = render_street(seed, 48).labels;
            let mean_row = |label: StreetLabel| {
                let rows: Vec<f64> = labels
                    .enumerate_pixels()
                    .filter(|(_, _, p)| p.0[0] == label as u8)
                    .map(|(_, y, _)| f64::from(y))
                    .collect();
                rows.iter().sum::<f64>() / rows.len() as f64
            };
            assert!(mean_row(StreetLabel::Sky) < 24.0 && mean_row(StreetLabel::Road) > 28.0, "{seed}");
        }
    }
}
