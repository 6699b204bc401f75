//! The sample world: a procedural renderer of landscapes in four seasons and five weathers, of horses and zebras in such
//! landscapes, of streets, and of towns from above with their maps.
//!
//! A landscape is a *layout* (horizon, mountains, hills, road or water, trees, perhaps a cottage), drawn from the seed
//! alone, seen in a *look* that the domain decides and the seed varies: colours, light, clouds, haze, snow. So domains
//! share one distribution of layouts and differ in colour and texture only, and the same seed in two domains is the
//! same place twice. Every picture comes with its exact label map.
//!
//! ```
//! use semrel_data::sample_world::{Label, Season, render_landscape};
//! let summer = render_landscape(7, Season::Summer, 64);
//! let winter = render_landscape(7, Season::Winter, 64);
//! assert_eq!(summer.labels, winter.labels);
//! assert!(summer.labels.pixels().any(|p| p.0[0] == Label::Tree as u8));
//! ```

mod aerial;
mod animal;
mod appearance;
mod canvas;
mod color;
mod folder;
mod land;
mod layout;
mod noise;
mod objects;
mod street;

pub use folder::{DomainSet, PairWorld, write_domains, write_pairs};

pub use aerial::{Aerial, MapLabel, render_aerial};
pub use animal::Coat;
pub use street::{StreetLabel, render_street};

use crate::rng::stream;
use animal::Animal;
use appearance::Appearance;
use canvas::Canvas;
use image::{GrayImage, RgbImage};
use layout::Layout;
use noise::unit;
use rand::RngExt;

/// The seasons, in the order of the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Season {
    /// Fresh green, blossoming trees, flowers.
    Spring,
    /// Deep green under a blue sky.
    Summer,
    /// Red, orange and brown leaves in a hazy light.
    Autumn,
    /// Snow on ground, roofs and trees.
    Winter,
}

/// The weathers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Weather {
    /// Blue sky, warm light, strong shadows.
    Sunny,
    /// A grey sky and flat light.
    Cloudy,
    /// Dark, wet, with streaks of rain.
    Rainy,
    /// Low contrast; far things vanish.
    Foggy,
    /// White ground under falling snow.
    Snowy,
}

impl Season {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Spring, Self::Summer, Self::Autumn, Self::Winter];
}

impl Weather {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Sunny, Self::Cloudy, Self::Rainy, Self::Foggy, Self::Snowy];
}

/// What decides how a landscape looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Look {
    /// A season, in mild weather.
    Season(Season),
    /// A weather, in the green half of the year (but for snow).
    Weather(Weather),
}

impl Look {
    /// The domain's name, as its folder is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Season(Season::Spring) => "spring",
            Self::Season(Season::Summer) => "summer",
            Self::Season(Season::Autumn) => "autumn",
            Self::Season(Season::Winter) => "winter",
            Self::Weather(Weather::Sunny) => "sunny",
            Self::Weather(Weather::Cloudy) => "cloudy",
            Self::Weather(Weather::Rainy) => "rainy",
            Self::Weather(Weather::Foggy) => "foggy",
            Self::Weather(Weather::Snowy) => "snowy",
        }
    }
}

impl From<Season> for Look {
    fn from(season: Season) -> Self {
        Self::Season(season)
    }
}

impl From<Weather> for Look {
    fn from(weather: Weather) -> Self {
        Self::Weather(weather)
    }
}

/// Classes of a landscape's label map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Label {
    /// Sky, clouds, the sun.
    Sky = 0,
    /// Mountain ridges.
    Mountain = 1,
    /// Grass, under snow or not.
    Meadow = 2,
    /// Road.
    Road = 3,
    /// Lake or river.
    Water = 4,
    /// Crowns, bushes and distant forest.
    Tree = 5,
    /// Trunks.
    Trunk = 6,
    /// Cottage.
    House = 7,
    /// Horse or zebra; in scenes with animals only.
    Animal = 8,
}

impl From<Label> for u8 {
    fn from(label: Label) -> Self {
        label as Self
    }
}

impl Label {
    /// Number of classes.
    pub const COUNT: usize = 9;
}

/// A rendered picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    /// 8-bit RGB, square.
    pub image: RgbImage,
    /// The [`Label`], or [`StreetLabel`], of each pixel (the most frequent of its samples').
    pub labels: GrayImage,
}

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
/// use semrel_data::sample_world::{Coat, render_animals};
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

/// Noise of a sensor: up to 3 levels, stronger in one pixel than in the next.
fn grain(image: &mut RgbImage, seed: u32) {
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        let common = unit(x as i32, y as i32, seed) - 0.5;
        for (c, value) in pixel.0.iter_mut().enumerate() {
            let own = unit(x as i32, y as i32, seed ^ (c as u32 + 1)) - 0.5;
            *value = (f32::from(*value) + 4.0 * common + 3.0 * own).round().clamp(0.0, 255.0) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_world::DomainSet;

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
