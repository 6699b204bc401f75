//! What the photograph shows of things: roofs, crowns, cars, and ground of another kind.

use super::super::light::Light;
use super::super::palette::PAINTS;
use super::super::plan::Plan;
use super::super::things::{Building, Car, Cover, Patch, Roof, Tree, local};
use super::ground::coverage;
use crate::color::{Rgb, mix, scale, smoothstep};
use crate::noise::{fractal, unit, value};

impl Building {
    /// Colour of the roof at an offset on it; `sample` is the distance of samples.
    pub fn color(&self, offset: [f32; 2], light: &Light, sample: f32) -> Rgb {
        let [u, v] = local(offset, self.heading);
        let [hx, hy] = self.heading;
        let stain = fractal(u * 0.3 + 3.0, v * 0.3, 3, self.seed) - 0.5;
        let along = |s: f32| [s * hx, s * hy];
        let across = |s: f32| [-s * hy, s * hx];
        let (to_end, to_side) = (self.half[0] - u.abs(), self.half[1] - v.abs());
        if self.roof == Roof::Flat {
            let mut color = scale(self.color, 1.0 + 0.22 * stain);
            let rim = to_end.min(to_side);
            if rim < 0.55 {
                return scale(mix(color, [0.80, 0.79, 0.77], 0.45), 1.04);
            }
            if rim < 1.1 {
                color = scale(color, 0.92);
            }
            return self.machines(color, [u, v], light);
        }
        let hip = self.roof == Roof::Hip && to_end < to_side;
        let outward = if hip { along(u.signum()) } else { across(v.signum()) };
        let rows = if hip { to_end } else { to_side };
        let shingle = (value(u * 1.9, rows * 2.6, self.seed ^ 5) - 0.5) * smoothstep(0.9, 0.3, sample);
        let ridge = if hip { (to_side - to_end).abs() } else { v.abs() };
        let cap = 0.10 * smoothstep(0.45, 0.15, ridge);
        scale(self.color, light.slope(outward) + 0.20 * stain + 0.16 * shingle + cap)
    }

    /// Boxes and skylights on a flat roof.
    fn machines(&self, color: Rgb, [u, v]: [f32; 2], light: &Light) -> Rgb {
        const PITCH: f32 = 6.5;
        let [sx, sy] = local(light.shadow, self.heading).map(|s| 1.3 * s);
        let inside = |u: f32, v: f32| {
            let (i, j) = ((u / PITCH).floor(), (v / PITCH).floor());
            let draw = |salt: u32| unit(i as i32, j as i32, self.seed ^ salt);
            if draw(1) > 0.36 {
                return None;
            }
            let (du, dv) = (u - (i + 0.35 + 0.3 * draw(2)) * PITCH, v - (j + 0.35 + 0.3 * draw(3)) * PITCH);
            let half = [0.6 + 1.1 * draw(4), 0.6 + 0.8 * draw(5)];
            let room = self.half[0] - u.abs() > 1.5 && self.half[1] - v.abs() > 1.5;
            (room && du.abs() < half[0] && dv.abs() < half[1]).then(|| draw(6))
        };
        if let Some(kind) = inside(u, v) {
            return if kind < 0.7 { [0.74, 0.75, 0.76] } else { [0.40, 0.44, 0.48] };
        }
        if inside(u - sx, v - sy).is_some() { scale(color, 0.62) } else { color }
    }
}

impl Tree {
    /// Colour of the crown at an offset, or `None` beside it.
    pub fn color(&self, [dx, dy]: [f32; 2], light: &Light) -> Option<Rgb> {
        let (x, y) = (dx / self.radius, dy / self.radius);
        let r = x.hypot(y);
        if r > 1.12 {
            return None;
        }
        let bumps = fractal(x * 1.7 + 9.0, y * 1.7, 3, self.seed);
        if r > 0.72 + 0.5 * bumps {
            return None;
        }
        let leaf = value(dx * 1.6, dy * 1.6, self.seed ^ 7) - 0.5;
        let [sx, sy] = light.shadow;
        let towards = -(x * sx + y * sy) / sx.hypot(sy);
        let shade = 0.92 + 0.42 * towards + 0.55 * (bumps - 0.5) + 0.5 * leaf - 0.18 * r;
        Some(scale(self.color, shade.clamp(0.35, 1.7)))
    }
}

impl Car {
    /// Colour at an offset, or `None` beside it.
    pub fn color(&self, offset: [f32; 2]) -> Option<Rgb> {
        let [u, v] = local(offset, self.heading).map(f32::abs);
        if u > self.half[0] || v > self.half[1] {
            return None;
        }
        // Windscreens before and behind the roof.
        let glass = (0.32..0.55).contains(&(u / self.half[0])) && v < 0.85 * self.half[1];
        Some(if glass {
            [0.15, 0.17, 0.20]
        } else {
            scale(self.color, if u < 0.32 * self.half[0] { 1.05 } else { 0.94 })
        })
    }
}

impl Patch {
    /// Colour at (along, across).
    pub fn color(&self, [u, v]: [f32; 2], plan: &Plan, sample: f32) -> Rgb {
        let blotch = fractal(u * 0.25 + 5.0, v * 0.25, 3, self.seed) - 0.5;
        let line = |d: f32| coverage(d, 0.09, sample.max(0.18));
        match self.kind {
            Cover::Concrete => scale([0.66, 0.64, 0.61], 1.0 + 0.2 * blotch),
            Cover::Gravel => scale([0.68, 0.62, 0.52], 1.0 + 0.2 * blotch),
            Cover::Pool => {
                let rim = (self.half[0] - u.abs()).min(self.half[1] - v.abs());
                if rim < 0.5 { [0.78, 0.76, 0.72] } else { scale([0.22, 0.62, 0.72], 1.0 + 0.15 * blotch) }
            }
            Cover::CarPark => self.car_park([u, v], plan, sample, blotch),
            Cover::Pitch => {
                let mown = if (u / 4.5).rem_euclid(2.0) < 1.0 { 1.06 } else { 0.94 };
                let grass =
                    scale(mix([0.27, 0.42, 0.18], [0.45, 0.45, 0.24], plan.light.dry), mown * (1.0 + 0.2 * blotch));
                let edge = (self.half[0] - 1.2 - u.abs()).min(self.half[1] - 1.2 - v.abs());
                let circle = u.hypot(v) - 0.22 * self.half[1];
                let goal = (self.half[0] - 5.5 - u.abs()).max(v.abs() - 0.4 * self.half[1]);
                let marks =
                    line(edge).max(line(u)).max(line(circle)).max(line(goal)) * if edge < -0.1 { 0.0 } else { 0.75 };
                mix(grass, [0.88, 0.90, 0.86], marks)
            }
            Cover::Tennis => {
                let (du, dv) = (u.abs(), v.abs());
                let inner = du < 11.9 && dv < 5.5;
                let marks = line(du - 11.9).max(line(dv - 5.5)).max(line(u)).max(line(dv - 4.1));
                let court = if self.seed & 1 == 0 { [0.25, 0.40, 0.50] } else { [0.58, 0.36, 0.26] };
                let around = if self.seed & 2 == 0 { [0.30, 0.44, 0.32] } else { scale(court, 0.86) };
                mix(if inner { court } else { around }, [0.9; 3], if du < 12.1 && dv < 5.7 { 0.8 * marks } else { 0.0 })
            }
        }
    }

    /// Stalls in double rows with an aisle between, and the cars in them.
    fn car_park(&self, [u, v]: [f32; 2], plan: &Plan, sample: f32, blotch: f32) -> Rgb {
        const STALL: [f32; 2] = [2.7, 5.2];
        const MODULE: f32 = 16.6;
        let grit = value(u * 1.7, v * 1.7, self.seed ^ 11) - 0.5;
        let tone = plan.asphalt * (0.94 + 0.2 * unit(1, 2, self.seed));
        let asphalt = scale([1.0, 1.0, 1.01], tone * (1.0 + 0.24 * blotch + 0.08 * grit));
        let (across, row) = ((v + self.half[1]).rem_euclid(MODULE), ((v + self.half[1]) / MODULE).floor());
        // Distance from the closed end of the stalls of this row.
        let (deep, second) = if across < STALL[1] { (across, 0) } else { (MODULE - across, 1) };
        let margin = self.half[0] - u.abs();
        if deep > STALL[1] || margin < 3.5 {
            return asphalt;
        }
        let (stall, place) = ((u / STALL[0]).floor(), (u / STALL[0]).rem_euclid(1.0) - 0.5);
        let draw = |salt: u32| unit(stall as i32, 2 * row as i32 + second, self.seed ^ salt);
        let busy = 0.15 + 0.6 * unit(3, 4, self.seed);
        if draw(21) < busy {
            let car = Car {
                place: [0.0, 0.0],
                heading: [0.0, 1.0],
                half: [2.15, 0.92],
                color: PAINTS[(draw(22) * PAINTS.len() as f32) as usize % PAINTS.len()],
            };
            let offset = [place * STALL[0], deep - 0.5 * STALL[1]];
            if let Some(color) = car.color(offset) {
                return color;
            }
            let [sx, sy] = local(plan.light.shadow, self.heading);
            let way = if second == 0 { 1.0 } else { -1.0 };
            if car.color([offset[0] - 0.6 * sx, offset[1] - 0.6 * way * sy]).is_some() {
                return scale(asphalt, 1.0 - 0.8 * plan.light.depth);
            }
        }
        let border = (0.5 - place.abs()) * STALL[0];
        let marks = coverage(border, 0.08, sample.max(0.16)).max(coverage(deep, 0.08, sample.max(0.16)));
        mix(asphalt, [0.86, 0.86, 0.84], 0.8 * marks)
    }
}
