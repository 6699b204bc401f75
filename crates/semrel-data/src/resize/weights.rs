//! Filter weights of one axis.

use super::Filter;
use std::f64::consts::PI;
use std::ops::Range;

/// Fraction bits of the weights.
pub(super) const PRECISION: u32 = 22;

/// For each output position, a run of input positions and their normalised weights.
pub(super) struct Weights {
    /// First input position of each output.
    pub starts: Vec<usize>,
    /// Weights of output `o` are `values[ends[o − 1]..ends[o]]`.
    pub ends: Vec<usize>,
    pub values: Vec<f64>,
}

impl Weights {
    /// Antialiased weights from `n` to `m` samples: shrinking widens the filter by `n/m`.
    pub fn new(n: usize, m: usize, filter: Filter) -> Self {
        Self::window(n, m, 0..m, filter)
    }

    /// As [`Weights::new`], of the output positions in `wanted` alone.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 0, and truncating is meant")]
    pub fn window(n: usize, m: usize, wanted: Range<usize>, filter: Filter) -> Self {
        let scale = n as f64 / m as f64;
        let stretch = scale.max(1.0);
        let support = half_width(filter) * stretch;
        let (starts, ends) = (Vec::with_capacity(wanted.len()), Vec::with_capacity(wanted.len()));
        let mut weights = Self { starts, ends, values: vec![] };
        for o in wanted {
            let centre = (o as f64 + 0.5) * scale;
            let low = (centre - support + 0.5).max(0.0) as usize;
            let high = ((centre + support + 0.5) as usize).min(n);
            let first = weights.values.len();
            weights.values.extend((low..high).map(|i| kernel(filter, (i as f64 - centre + 0.5) * (1.0 / stretch))));
            let sum: f64 = weights.values[first..].iter().sum();
            if sum != 0.0 {
                weights.values[first..].iter_mut().for_each(|w| *w /= sum);
            }
            weights.starts.push(low);
            weights.ends.push(weights.values.len());
        }
        weights
    }

    /// (first input position, weights) of every output position.
    pub fn runs<'a, T>(&'a self, values: &'a [T]) -> impl Iterator<Item = (usize, &'a [T])> {
        let mut begin = 0;
        self.starts.iter().zip(&self.ends).map(move |(&start, &end)| {
            let run = &values[begin..end];
            begin = end;
            (start, run)
        })
    }

    /// Input positions that have a weight.
    pub fn needed(&self) -> Range<usize> {
        let mut begin = 0;
        let mut needed = self.starts.first().map_or(0..0, |&start| start..start);
        for (&start, &end) in self.starts.iter().zip(&self.ends) {
            needed.end = needed.end.max(start + end - begin);
            begin = end;
        }
        needed
    }

    /// The weights in 22-bit fixed point.
    #[allow(clippy::cast_possible_truncation, reason = "weights are small, and truncating is meant")]
    pub fn fixed(&self) -> Vec<i32> {
        let unit = f64::from(1 << PRECISION);
        self.values.iter().map(|&w| (w * unit + 0.5f64.copysign(w)) as i32).collect()
    }
}

fn half_width(filter: Filter) -> f64 {
    match filter {
        Filter::Nearest | Filter::Box => 0.5,
        Filter::Bilinear | Filter::Hamming => 1.0,
        Filter::Bicubic => 2.0,
        Filter::Lanczos => 3.0,
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

fn kernel(filter: Filter, x: f64) -> f64 {
    let r = x.abs();
    match filter {
        Filter::Nearest | Filter::Box => f64::from(x > -0.5 && x <= 0.5),
        Filter::Bilinear => (1.0 - r).max(0.0),
        Filter::Hamming if r < 1.0 => sinc(x) * (0.54 + 0.46 * (PI * x).cos()),
        Filter::Bicubic => {
            const A: f64 = -0.5;
            if r < 1.0 {
                ((A + 2.0) * r - (A + 3.0)) * r * r + 1.0
            } else if r < 2.0 {
                (((r - 5.0) * r + 8.0) * r - 4.0) * A
            } else {
                0.0
            }
        }
        Filter::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
        Filter::Hamming | Filter::Lanczos => 0.0,
    }
}
