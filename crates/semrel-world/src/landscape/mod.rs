//! Landscapes in four seasons and five weathers, and horses and zebras in them.
//!
//! What is there is drawn from the seed: the `layout`, and `animal`s on its meadow. The `appearance` says in which
//! colours and which light. `land`, `objects` and `coat` paint the one in the other.

mod animal;
mod appearance;
mod coat;
mod label;
mod land;
mod layout;
mod objects;

pub use coat::Coat;
pub use label::Label;

use crate::canvas::Canvas;
use crate::look::{Look, Season, Weather};
use crate::scene::Scene;
use animal::Animal;
use appearance::Appearance;
use layout::Layout;
use rand::RngExt;
use semrel_data::rng::stream;

/// Renders the landscape of `seed` in a season or weather, `size` pixels square (64 to 256; others work).
///
/// A pure function: the same arguments give the same bytes on the same machine. Label maps do not depend on `look`.
pub fn render_landscape(seed: u64, look: impl Into<Look>, size: u32) -> Scene {
    render(seed, look.into(), size, &[], Coat::Plain)
}

/// Renders one to three horses or zebras on the meadow of `seed`, `size` pixels square, in a mild season or weather that
/// the seed decides.
///
/// A pure function, as [`render_landscape`] is. Whatever the coat, the same seed gives the same label map and the same
/// picture outside [`Label::Animal`]: horses and zebras are told apart by their coats alone.
///
/// ```
/// use semrel_world::{Coat, render_animals};
/// let (horses, zebras) = (render_animals(7, Coat::Plain, 64), render_animals(7, Coat::Striped, 64));
/// assert_eq!(horses.labels, zebras.labels);
/// assert_ne!(horses.image, zebras.image);
/// ```
pub fn render_animals(seed: u64, coat: Coat, size: u32) -> Scene {
    const LOOKS: [Look; 4] = [
        Look::Season(Season::Spring),
        Look::Season(Season::Summer),
        Look::Weather(Weather::Sunny),
        Look::Weather(Weather::Cloudy),
    ];
    let look = LOOKS[stream(seed, "sample-world.animals.look", 0).random_range(0..LOOKS.len())];
    let layout = Layout::draw(seed);
    render(seed, look, size, &animal::draw(seed, &layout), coat)
}

fn render(seed: u64, look: Look, size: u32, animals: &[Animal], coat: Coat) -> Scene {
    let factor = if size <= 96 { 3 } else { 2 };
    let layout = Layout::draw(seed);
    let appearance = Appearance::draw(seed, look);
    let mut canvas = Canvas::new(size.max(1) as usize * factor, Label::Sky);
    land::paint(&mut canvas, &layout, &appearance);
    objects::paint(&mut canvas, &layout, &appearance, animals, coat);
    objects::paint_weather(&mut canvas, seed, &appearance);
    let (image, labels) = canvas.finish(factor, |color| appearance.grade(color));
    Scene { image, labels }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DomainSet;

    fn looks() -> Vec<Look> {
        [DomainSet::Seasons, DomainSet::Weather].iter().flat_map(|set| set.looks()).collect()
    }

    fn mean(scenes: &[Scene], channel: usize, label: Label) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for scene in scenes {
            for (pixel, class) in scene.image.pixels().zip(scene.labels.pixels()) {
                if class.0[0] == label as u8 {
                    sum += f64::from(pixel.0[channel]);
                    count += 1.0;
                }
            }
        }
        sum / count
    }

    #[test]
    fn the_label_map_depends_on_the_seed_alone() {
        for seed in 0..6 {
            let scenes: Vec<Scene> = looks().into_iter().map(|look| render_landscape(seed, look, 40)).collect();
            assert!(scenes.iter().all(|s| s.labels == scenes[0].labels));
            assert!((1..scenes.len()).all(|i| scenes[i].image != scenes[i - 1].image));
        }
        assert_ne!(render_landscape(1, Season::Summer, 40).labels, render_landscape(2, Season::Summer, 40).labels);
    }

    #[test]
    fn rendering_is_deterministic_at_any_size() {
        for size in [1, 33, 64, 128] {
            let scene = render_landscape(5, Weather::Rainy, size);
            assert_eq!(scene.image.dimensions(), (size, size));
            assert_eq!(scene, render_landscape(5, Weather::Rainy, size));
        }
    }

    #[test]
    fn every_class_occurs_and_landscapes_are_varied() {
        let scenes: Vec<Scene> = (0..40).map(|seed| render_landscape(seed, Season::Summer, 48)).collect();
        for label in 0..Label::Animal as u8 {
            let holding = scenes.iter().filter(|s| s.labels.pixels().any(|p| p.0[0] == label)).count();
            assert!(holding >= 8, "label {label} occurs in {holding} of 40");
        }
    }

    #[test]
    fn horses_and_zebras_are_told_apart_by_their_coats_alone() {
        let mut shares = vec![];
        for seed in 0..24 {
            let [horses, zebras] = [Coat::Plain, Coat::Striped].map(|coat| render_animals(seed, coat, 48));
            assert_eq!(horses.labels, zebras.labels);
            let (mut inside, mut differ, mut warmer) = (0, 0, 0.0);
            for ((horse, zebra), label) in horses.image.pixels().zip(zebras.image.pixels()).zip(horses.labels.pixels())
            {
                if label.0[0] == Label::Animal as u8 {
                    let warmth = |pixel: &image::Rgb<u8>| f64::from(pixel.0[0]) - f64::from(pixel.0[2]);
                    inside += 1;
                    warmer += warmth(horse) - warmth(zebra);
                } else if horse != zebra {
                    differ += 1;
                }
            }
            // Pixels at the outline, of which less than half is animal.
            assert!(differ < 40 + inside / 4, "{seed}: {differ} of {inside}");
            assert!(warmer / f64::from(inside) > 5.0, "{seed}");
            shares.push(f64::from(inside) / (48.0 * 48.0));
        }
        assert!(shares.iter().all(|share| *share > 0.008), "{shares:?}");
        assert!(shares.iter().sum::<f64>() / 24.0 > 0.05, "{shares:?}");
    }

    #[test]
    fn domains_are_told_apart_by_colour() {
        let render = |look: Look| -> Vec<Scene> { (0..12).map(|seed| render_landscape(seed, look, 32)).collect() };
        let (summer, autumn, winter) =
            (render(Season::Summer.into()), render(Season::Autumn.into()), render(Season::Winter.into()));
        // Snow is bright, autumn grass redder than green summer grass.
        assert!(mean(&winter, 1, Label::Meadow) > mean(&summer, 1, Label::Meadow) + 60.0);
        assert!(mean(&autumn, 0, Label::Meadow) > mean(&summer, 0, Label::Meadow) + 60.0);
        let (sunny, rainy, foggy) =
            (render(Weather::Sunny.into()), render(Weather::Rainy.into()), render(Weather::Foggy.into()));
        assert!(mean(&sunny, 2, Label::Sky) > mean(&rainy, 2, Label::Sky) + 60.0);
        // In fog mountains and sky are one.
        assert!((mean(&foggy, 1, Label::Mountain) - mean(&foggy, 1, Label::Sky)).abs() < 8.0);
        assert!((mean(&sunny, 2, Label::Mountain) - mean(&sunny, 2, Label::Sky)).abs() > 20.0);
    }
}
