//! How an animal is painted: a plain or a striped coat, hair, skin, and the light on them.

use super::animal::{Animal, Part, Surface};
use super::appearance::Appearance;
use super::label::Label;
use super::layout::{Layout, distance};
use crate::canvas::Canvas;
use crate::color::{Rgb, mix, scale, smoothstep};
use crate::noise::{fractal, value};

/// What tells a horse from a zebra.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coat {
    /// Brown, one of many browns an animal.
    Plain,
    /// Black and white stripes that follow the body.
    Striped,
}

impl Coat {
    /// That of the other animal.
    pub fn other(self) -> Self {
        match self {
            Self::Plain => Self::Striped,
            Self::Striped => Self::Plain,
        }
    }
}

/// Colours of a coat.
struct Dress {
    /// Coat, and the second colour of a striped one.
    coat: Rgb,
    stripe: Option<Rgb>,
    belly: Rgb,
    hair: Rgb,
    skin: Rgb,
}

impl Dress {
    fn of(coat: Coat, tint: f32) -> Self {
        match coat {
            Coat::Striped => {
                let white = mix([0.95, 0.93, 0.89], [0.90, 0.86, 0.78], tint);
                let black = mix([0.07, 0.065, 0.07], [0.15, 0.12, 0.10], tint);
                Self { coat: white, stripe: Some(black), belly: white, hair: black, skin: [0.13, 0.11, 0.11] }
            }
            Coat::Plain => {
                // Bay, chestnut, dun and liver; manes are black or flaxen.
                const BROWNS: [(Rgb, Rgb); 5] = [
                    ([0.47, 0.26, 0.13], [0.08, 0.06, 0.05]),
                    ([0.58, 0.32, 0.15], [0.50, 0.27, 0.12]),
                    ([0.66, 0.45, 0.25], [0.80, 0.68, 0.47]),
                    ([0.35, 0.20, 0.12], [0.07, 0.05, 0.05]),
                    ([0.54, 0.29, 0.12], [0.74, 0.56, 0.34]),
                ];
                let (coat, hair) = BROWNS[((tint * 5.0) as usize).min(4)];
                let shade = 0.9 + 0.2 * (tint * 37.0).fract();
                let coat = scale(coat, shade);
                Self { coat, stripe: None, belly: mix(coat, [0.80, 0.64, 0.46], 0.25), hair, skin: [0.13, 0.10, 0.09] }
            }
        }
    }

    /// Colour of the coat at a point of the body.
    fn at(&self, animal: &Animal, point: [f32; 2], surface: &Surface) -> Rgb {
        let wave = 0.5 * (fractal(point[0] * 5.0, point[1] * 5.0, 2, animal.seed) - 0.5);
        match self.stripe {
            Some(black) => {
                let phase = (surface.along * animal.stripes + wave) * std::f32::consts::TAU;
                // Stripes taper off below the belly.
                let under = smoothstep(-0.55, -0.9, surface.normal[1]) * smoothstep(0.5, 0.62, point[1]);
                let black_share = smoothstep(-0.10 + 0.9 * under, 0.22 + 0.9 * under, phase.sin());
                mix(self.coat, black, black_share)
            }
            None => {
                let under = smoothstep(0.0, -0.9, surface.normal[1]) * smoothstep(0.45, 0.6, point[1]);
                scale(mix(self.coat, self.belly, under), 1.0 + 0.35 * wave)
            }
        }
    }
}

/// Paints an animal; its shadow is already there.
pub(super) fn paint(canvas: &mut Canvas<Label>, layout: &Layout, look: &Appearance, animal: &Animal, coat: Coat) {
    let painter = Painter {
        look,
        animal,
        dress: Dress::of(coat, animal.tint),
        far: distance(layout.depth(animal.foot[1])),
        sun: if layout.sun[0] < animal.foot[0] { -1.0 } else { 1.0 },
    };
    let h = animal.height;
    for y in canvas.span(animal.foot[1] - 1.75 * h, animal.foot[1] + 0.02 * h) {
        for x in canvas.span(animal.foot[0] - 1.3 * h, animal.foot[0] + 1.3 * h) {
            let point =
                [animal.facing * (canvas.centre(x) - animal.foot[0]) / h, (animal.foot[1] - canvas.centre(y)) / h];
            if let Some(color) = painter.color(point) {
                canvas.put(x, y, look.through_air(color, painter.far), Label::Animal);
            }
        }
    }
}

struct Painter<'a> {
    look: &'a Appearance,
    animal: &'a Animal,
    dress: Dress,
    far: f32,
    /// −1 if the light comes from the left of the picture.
    sun: f32,
}

impl Painter<'_> {
    /// What is seen at a point of the animal, from near to far.
    fn color(&self, point: [f32; 2]) -> Option<Rgb> {
        let Animal { body, mane, tail, ears, far_legs, eye, .. } = self.animal;
        // Inside the outline, which hair blurs by `uneven`.
        let at = |part: &Part, uneven: f32| part.surface(point).filter(|surface| surface.distance < uneven);
        if let Some(near) = at(body, 0.0) {
            let (dx, dy) = (point[0] - eye[0], point[1] - eye[1]);
            if dx * dx + dy * dy < 0.018 * 0.018 {
                return Some([0.03, 0.025, 0.02]);
            }
            return Some(self.coat(point, &near, 1.0));
        }
        if let Some(ear) = at(ears, 0.0) {
            return Some(self.coat(point, &ear, 0.95));
        }
        let seed = self.animal.seed;
        if let Some(hair) = at(mane, 0.025 * (value(point[0] * 34.0, point[1] * 34.0, seed) - 0.5)) {
            let striped = self.dress.stripe.is_some();
            let color = if striped { self.dress.at(self.animal, point, &hair) } else { self.strand(point) };
            return Some(scale(color, self.light(&hair)));
        }
        if let Some(hair) = at(tail, 0.03 * (value(point[0] * 40.0, point[1] * 12.0, seed) - 0.5)) {
            let color = mix(self.dress.at(self.animal, point, &hair), self.strand(point), hair.dark);
            return Some(scale(color, self.light(&hair)));
        }
        at(far_legs, 0.0).map(|far| self.coat(point, &far, 0.66))
    }

    fn coat(&self, point: [f32; 2], surface: &Surface, k: f32) -> Rgb {
        let color =
            mix(self.dress.at(self.animal, point, surface), self.dress.skin, (surface.dark * surface.dark).min(0.92));
        scale(color, k * self.light(surface))
    }

    fn strand(&self, point: [f32; 2]) -> Rgb {
        scale(self.dress.hair, 0.8 + 0.5 * value(point[0] * 60.0, point[1] * 14.0, self.animal.seed ^ 5))
    }

    fn light(&self, surface: &Surface) -> f32 {
        let from_above = surface.normal[1];
        let from_side = surface.normal[0] * self.animal.facing * self.sun;
        1.0 + (0.16 + 0.22 * self.look.contrast) * from_above + 0.16 * self.look.contrast * from_side
    }
}
