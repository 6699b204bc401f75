//! How things look: colours, light and weather of a domain, varied within it by the seed.

use crate::color::{Rgb, mix, saturate, scale};
use crate::look::{Look, Season, Weather};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use semrel_data::rng::stream;

/// Everything that the domain decides.
#[derive(Debug, Clone)]
pub(super) struct Appearance {
    pub zenith: Rgb,
    pub skyline: Rgb,
    /// Colour of the sun; its disc shows with `sun_strength` (0 to 1).
    pub sun: Rgb,
    pub sun_strength: f32,
    /// Share of the sky under clouds, 0 to 1, and the colours of their lit and shaded sides.
    pub clouds: f32,
    pub cloud_light: Rgb,
    pub cloud_shade: Rgb,
    pub rock: Rgb,
    /// Share of a mountain, from the top, under snow.
    pub snow_caps: f32,
    pub meadow_far: Rgb,
    pub meadow_near: Rgb,
    /// Second colour of the meadow, in patches.
    pub meadow_patch: Rgb,
    /// Colours that crowns are drawn from.
    pub leaves: Vec<Rgb>,
    /// How far a crown's colour strays between `leaves` by texture alone.
    pub leaf_contrast: f32,
    pub needles: Rgb,
    pub trunk: Rgb,
    pub water: Rgb,
    /// Share of the sky's mirror image in the water.
    pub mirror: f32,
    pub road: Rgb,
    pub walls: [Rgb; 3],
    pub roofs: [Rgb; 3],
    /// Light behind the windows.
    pub window: Rgb,
    /// Dots on the meadow (flowers or fallen leaves): colours and density 0 to 1.
    pub dots: Vec<Rgb>,
    pub dot_density: f32,
    /// Snow on ground, roofs and branches, 0 to 1.
    pub snow: f32,
    /// Strength of shading and cast shadows, 0 (overcast) to 1 (sunlit).
    pub contrast: f32,
    /// Extinction per unit of distance, and what far things fade into.
    pub haze: f32,
    pub haze_color: Rgb,
    /// Rain streaks and snowflakes: density 0 to 1.
    pub rain: f32,
    pub flakes: f32,
    /// Last step: colour of the light, brightness included, and saturation.
    pub light: Rgb,
    pub saturation: f32,
}

const SNOW: Rgb = [0.94, 0.96, 0.99];

impl Appearance {
    /// What `look` looks like in the scene of `seed`.
    pub fn draw(seed: u64, look: Look) -> Self {
        let mut rng = stream(seed, &format!("sample-world.look.{}", look.name()), 0);
        let rng = &mut rng;
        let mut a = match look {
            Look::Season(Season::Spring) => Self::spring(rng),
            Look::Season(Season::Summer) => Self::summer(rng),
            Look::Season(Season::Autumn) => Self::autumn(rng),
            Look::Season(Season::Winter) => Self::winter(rng),
            Look::Weather(Weather::Sunny) => Self::sunny(rng),
            Look::Weather(Weather::Cloudy) => Self::cloudy(rng),
            Look::Weather(Weather::Rainy) => Self::rainy(rng),
            Look::Weather(Weather::Foggy) => Self::foggy(rng),
            Look::Weather(Weather::Snowy) => Self::snowy(rng),
        };
        a.light = scale(a.light, between(rng, 0.94, 1.05));
        a
    }

    /// A mild green day, which the domains change.
    fn green(rng: &mut ChaCha8Rng) -> Self {
        // From a yellowish to a bluish green.
        let hue = between(rng, 0.0, 1.0);
        let leaf = mix([0.30, 0.50, 0.13], [0.13, 0.42, 0.17], hue);
        let grass = mix([0.46, 0.62, 0.20], [0.27, 0.56, 0.22], hue);
        let skyline = mix([0.80, 0.90, 0.97], [0.88, 0.93, 0.95], between(rng, 0.0, 1.0));
        Self {
            zenith: mix([0.24, 0.50, 0.88], [0.38, 0.62, 0.92], between(rng, 0.0, 1.0)),
            skyline,
            sun: [1.0, 0.96, 0.80],
            sun_strength: 0.6,
            clouds: between(rng, 0.2, 0.5),
            cloud_light: [0.99, 0.99, 1.0],
            cloud_shade: [0.78, 0.83, 0.90],
            rock: mix([0.47, 0.49, 0.55], [0.52, 0.47, 0.45], between(rng, 0.0, 1.0)),
            snow_caps: 0.25,
            meadow_far: mix(grass, [0.70, 0.80, 0.50], 0.25),
            meadow_near: grass,
            meadow_patch: mix(grass, leaf, 0.6),
            leaves: vec![leaf, scale(leaf, 0.78), mix(leaf, [0.50, 0.62, 0.16], 0.45)],
            leaf_contrast: 0.5,
            needles: [0.10, 0.30, 0.19],
            trunk: [0.36, 0.26, 0.18],
            water: [0.22, 0.40, 0.50],
            mirror: 0.6,
            road: [0.76, 0.66, 0.50],
            walls: [[0.93, 0.89, 0.80], [0.86, 0.72, 0.56], [0.70, 0.42, 0.34]],
            roofs: [[0.66, 0.27, 0.20], [0.45, 0.27, 0.20], [0.38, 0.39, 0.44]],
            window: [0.34, 0.43, 0.53],
            dots: vec![],
            dot_density: 0.0,
            snow: 0.0,
            contrast: 0.7,
            haze: 0.012,
            haze_color: skyline,
            rain: 0.0,
            flakes: 0.0,
            light: [1.0; 3],
            saturation: 1.0,
        }
    }

    fn spring(rng: &mut ChaCha8Rng) -> Self {
        let grass = mix([0.52, 0.78, 0.24], [0.42, 0.74, 0.30], between(rng, 0.0, 1.0));
        let fresh = mix([0.66, 0.83, 0.30], [0.54, 0.78, 0.36], between(rng, 0.0, 1.0));
        let pink = mix([0.98, 0.74, 0.83], [0.93, 0.56, 0.72], between(rng, 0.0, 1.0));
        // Each spring is more or less in blossom.
        let blossom =
            if rng.random_bool(0.6) { mix(pink, [1.0, 0.92, 0.95], 0.3) } else { mix(fresh, [0.85, 0.92, 0.5], 0.3) };
        let leaves = vec![fresh, scale(fresh, 0.9), pink, mix(pink, [1.0, 0.97, 0.97], 0.7), blossom];
        Self {
            zenith: mix([0.42, 0.66, 0.93], [0.52, 0.76, 0.95], between(rng, 0.0, 1.0)),
            skyline: [0.88, 0.94, 0.97],
            snow_caps: 0.5,
            meadow_near: grass,
            meadow_far: mix(grass, [0.85, 0.93, 0.60], 0.35),
            meadow_patch: mix(grass, [0.78, 0.86, 0.30], 0.5),
            leaves,
            leaf_contrast: 0.3,
            needles: [0.20, 0.45, 0.26],
            dots: vec![[1.0, 0.90, 0.30], [1.0, 0.98, 0.96], pink, [0.72, 0.56, 0.90]],
            dot_density: between(rng, 0.25, 0.6),
            contrast: 0.55,
            light: [1.03, 1.02, 1.0],
            ..Self::green(rng)
        }
    }

    fn summer(rng: &mut ChaCha8Rng) -> Self {
        let hue = between(rng, 0.0, 1.0);
        let grass = mix([0.33, 0.54, 0.12], [0.17, 0.47, 0.15], hue);
        let leaf = mix([0.16, 0.40, 0.08], [0.07, 0.33, 0.11], hue);
        Self {
            zenith: mix([0.10, 0.36, 0.82], [0.20, 0.50, 0.90], between(rng, 0.0, 1.0)),
            skyline: [0.68, 0.86, 0.98],
            sun_strength: 0.9,
            clouds: between(rng, 0.12, 0.45),
            snow_caps: 0.2,
            meadow_near: grass,
            meadow_far: mix(grass, [0.55, 0.70, 0.30], 0.3),
            meadow_patch: mix(grass, leaf, 0.5),
            leaves: vec![leaf, scale(leaf, 0.8), scale(leaf, 1.25)],
            needles: [0.05, 0.24, 0.14],
            water: [0.12, 0.38, 0.58],
            dots: vec![[0.90, 0.22, 0.18], [1.0, 0.95, 0.85]],
            dot_density: between(rng, 0.0, 0.12),
            contrast: 1.0,
            light: [1.03, 1.0, 0.94],
            saturation: 1.08,
            ..Self::green(rng)
        }
    }

    fn autumn(rng: &mut ChaCha8Rng) -> Self {
        let grass = mix([0.68, 0.56, 0.26], [0.56, 0.52, 0.24], between(rng, 0.0, 1.0));
        let warm = between(rng, 0.0, 1.0);
        let skyline = mix([0.98, 0.87, 0.70], [0.94, 0.88, 0.80], between(rng, 0.0, 1.0));
        let gold = [0.94, 0.70, 0.16];
        let orange = mix([0.90, 0.46, 0.08], [0.95, 0.56, 0.12], warm);
        let red = mix([0.78, 0.20, 0.08], [0.66, 0.16, 0.12], warm);
        // Each autumn has a colour that prevails.
        let most = [gold, orange, red][rng.random_range(0..3)];
        Self {
            zenith: mix([0.52, 0.64, 0.80], [0.68, 0.70, 0.76], between(rng, 0.0, 1.0)),
            skyline,
            sun: [1.0, 0.88, 0.62],
            sun_strength: 0.7,
            clouds: between(rng, 0.2, 0.6),
            cloud_light: [1.0, 0.95, 0.88],
            cloud_shade: [0.78, 0.74, 0.76],
            snow_caps: 0.3,
            meadow_near: grass,
            meadow_far: mix(grass, [0.84, 0.72, 0.42], 0.4),
            meadow_patch: mix(grass, [0.62, 0.38, 0.14], 0.55),
            leaves: vec![orange, red, gold, [0.62, 0.36, 0.14], most, most],
            leaf_contrast: 0.6,
            needles: [0.20, 0.31, 0.16],
            trunk: [0.30, 0.20, 0.15],
            water: [0.30, 0.38, 0.42],
            dots: vec![[0.90, 0.48, 0.10], [0.75, 0.22, 0.10], [0.95, 0.74, 0.22]],
            dot_density: between(rng, 0.3, 0.7),
            contrast: 0.75,
            haze: between(rng, 0.02, 0.05),
            haze_color: skyline,
            light: [1.05, 0.99, 0.91],
            ..Self::green(rng)
        }
    }

    /// Snow on everything; `sky` is the tone of the light.
    fn snowed(rng: &mut ChaCha8Rng, sky: Rgb) -> Self {
        let shade = mix(SNOW, sky, 0.5);
        let cover = between(rng, 0.75, 1.0);
        Self {
            rock: [0.50, 0.54, 0.62],
            snow_caps: 0.9,
            meadow_near: SNOW,
            meadow_far: mix(SNOW, shade, 0.5),
            meadow_patch: scale(mix(SNOW, shade, 0.8), 0.94),
            leaves: vec![[0.88, 0.92, 0.97], [0.80, 0.85, 0.92], [0.66, 0.66, 0.72]],
            leaf_contrast: 0.9,
            needles: [0.16, 0.30, 0.28],
            trunk: [0.25, 0.21, 0.21],
            water: [0.66, 0.78, 0.86],
            mirror: 0.3,
            road: [0.80, 0.79, 0.80],
            window: [0.98, 0.80, 0.42],
            snow: cover,
            ..Self::green(rng)
        }
    }

    fn winter(rng: &mut ChaCha8Rng) -> Self {
        let zenith = mix([0.60, 0.74, 0.90], [0.76, 0.82, 0.90], between(rng, 0.0, 1.0));
        let skyline = mix([0.95, 0.95, 0.97], [0.98, 0.92, 0.90], between(rng, 0.0, 1.0));
        Self {
            zenith,
            skyline,
            sun: [1.0, 0.98, 0.93],
            sun_strength: 0.35,
            clouds: between(rng, 0.1, 0.5),
            cloud_shade: [0.80, 0.84, 0.91],
            contrast: between(rng, 0.4, 0.8),
            haze: 0.02,
            haze_color: skyline,
            flakes: if rng.random_bool(0.25) { 0.25 } else { 0.0 },
            light: mix([0.92, 0.97, 1.04], [1.04, 0.99, 0.96], between(rng, 0.0, 1.0)),
            ..Self::snowed(rng, zenith)
        }
    }

    fn sunny(rng: &mut ChaCha8Rng) -> Self {
        Self {
            zenith: mix([0.08, 0.34, 0.80], [0.18, 0.48, 0.92], between(rng, 0.0, 1.0)),
            skyline: [0.72, 0.88, 0.99],
            sun_strength: 1.0,
            clouds: between(rng, 0.0, 0.22),
            contrast: 1.0,
            haze: 0.006,
            light: [1.08, 1.04, 0.95],
            saturation: 1.15,
            ..Self::green(rng)
        }
    }

    fn cloudy(rng: &mut ChaCha8Rng) -> Self {
        let skyline = mix([0.80, 0.83, 0.86], [0.86, 0.85, 0.84], between(rng, 0.0, 1.0));
        Self {
            zenith: [0.60, 0.67, 0.75],
            skyline,
            sun_strength: 0.0,
            clouds: between(rng, 0.8, 1.0),
            cloud_light: [0.93, 0.94, 0.95],
            cloud_shade: mix([0.52, 0.56, 0.62], [0.64, 0.66, 0.70], between(rng, 0.0, 1.0)),
            contrast: 0.25,
            haze: 0.02,
            haze_color: skyline,
            light: [0.88, 0.90, 0.92],
            saturation: 0.72,
            ..Self::green(rng)
        }
    }

    fn rainy(rng: &mut ChaCha8Rng) -> Self {
        let slate = mix([0.38, 0.43, 0.50], [0.46, 0.48, 0.52], between(rng, 0.0, 1.0));
        Self {
            zenith: scale(slate, 0.75),
            skyline: mix(slate, [0.66, 0.69, 0.72], 0.5),
            sun_strength: 0.0,
            clouds: 1.0,
            cloud_light: mix(slate, [0.62, 0.65, 0.68], 0.5),
            cloud_shade: scale(slate, 0.62),
            water: [0.26, 0.32, 0.38],
            road: [0.42, 0.41, 0.42],
            window: [0.98, 0.78, 0.38],
            contrast: 0.15,
            haze: between(rng, 0.045, 0.08),
            haze_color: mix(slate, [0.62, 0.66, 0.70], 0.4),
            rain: between(rng, 0.5, 1.0),
            light: [0.74, 0.80, 0.88],
            saturation: 0.68,
            ..Self::green(rng)
        }
    }

    fn foggy(rng: &mut ChaCha8Rng) -> Self {
        let pale = mix([0.78, 0.81, 0.83], [0.87, 0.86, 0.84], between(rng, 0.0, 1.0));
        Self {
            zenith: pale,
            skyline: scale(pale, 1.03),
            sun_strength: 0.0,
            clouds: 0.0,
            window: [0.97, 0.84, 0.56],
            contrast: 0.15,
            haze: between(rng, 0.24, 0.42),
            haze_color: pale,
            light: [0.99; 3],
            saturation: 0.7,
            ..Self::green(rng)
        }
    }

    fn snowy(rng: &mut ChaCha8Rng) -> Self {
        let grey = mix([0.66, 0.70, 0.76], [0.76, 0.77, 0.80], between(rng, 0.0, 1.0));
        let cloud_light = mix(grey, SNOW, 0.4);
        Self {
            zenith: grey,
            skyline: mix(grey, SNOW, 0.5),
            sun_strength: 0.0,
            clouds: 0.9,
            cloud_light,
            cloud_shade: scale(grey, 0.92),
            contrast: 0.2,
            haze: between(rng, 0.05, 0.11),
            haze_color: mix(grey, SNOW, 0.5),
            flakes: between(rng, 0.5, 1.0),
            light: [0.94, 0.96, 1.0],
            saturation: 0.8,
            ..Self::snowed(rng, grey)
        }
    }

    /// The palette's leaf colour number `pick` in `[0, 1)`.
    pub fn leaf(&self, pick: f32) -> Rgb {
        self.leaves[((pick * self.leaves.len() as f32) as usize).min(self.leaves.len() - 1)]
    }

    /// What the eye sees of `color` at `distance`: faded by the haze, then lit.
    pub fn through_air(&self, color: Rgb, distance: f32) -> Rgb {
        mix(color, self.haze_color, 1.0 - (-self.haze * distance).exp())
    }

    /// Colour and strength of the light, applied to the whole picture.
    pub fn grade(&self, color: Rgb) -> Rgb {
        let lit = saturate(color, self.saturation);
        std::array::from_fn(|c| (lit[c] * self.light[c]).clamp(0.0, 1.0))
    }
}

fn between(rng: &mut ChaCha8Rng, low: f32, high: f32) -> f32 {
    rng.random_range(low..high)
}
