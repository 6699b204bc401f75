//! A supersampled picture with a colour and a label for every sample.

use crate::color::{Rgb, mix};
use image::{GrayImage, Luma, RgbImage};

/// Square picture of `side` samples, row-major, with labels `L`.
pub(crate) struct Canvas<L> {
    pub side: usize,
    pub color: Vec<Rgb>,
    pub label: Vec<L>,
}

/// One more than the largest label of any kind of picture.
const LABELS: usize = 19;

impl<L: Copy + Into<u8>> Canvas<L> {
    /// Black, and labelled `background` throughout.
    pub fn new(side: usize, background: L) -> Self {
        Self { side, color: vec![[0.0; 3]; side * side], label: vec![background; side * side] }
    }

    /// Centre of sample `i` of a row or column as a fraction of the side.
    pub fn centre(&self, i: usize) -> f32 {
        (i as f32 + 0.5) / self.side as f32
    }

    /// Sample that holds fraction `t`, clamped to the picture.
    pub fn index(&self, t: f32) -> usize {
        ((t * self.side as f32) as isize).clamp(0, self.side as isize - 1) as usize
    }

    /// Range of samples whose centres may lie within fractions `low..high`.
    pub fn span(&self, low: f32, high: f32) -> std::ops::Range<usize> {
        let bound = |t: f32| (t * self.side as f32).clamp(0.0, self.side as f32);
        bound(low).floor() as usize..bound(high).ceil() as usize
    }

    /// Paints an opaque thing.
    pub fn put(&mut self, x: usize, y: usize, color: Rgb, label: L) {
        let at = y * self.side + x;
        self.color[at] = color;
        self.label[at] = label;
    }

    /// Tints what is there, keeping its label.
    pub fn tint(&mut self, x: usize, y: usize, color: Rgb, alpha: f32) {
        let at = y * self.side + x;
        self.color[at] = mix(self.color[at], color, alpha);
    }

    /// Averages blocks of `factor`² samples; a pixel's label is the most frequent of its samples'.
    pub fn finish(&self, factor: usize, grade: impl Fn(Rgb) -> Rgb) -> (RgbImage, GrayImage) {
        let size = (self.side / factor) as u32;
        let (mut image, mut labels) = (RgbImage::new(size, size), GrayImage::new(size, size));
        for y in 0..size {
            for x in 0..size {
                let (mut sum, mut votes) = ([0.0f32; 3], [0u16; LABELS]);
                for sy in 0..factor {
                    let row = (y as usize * factor + sy) * self.side + x as usize * factor;
                    for at in row..row + factor {
                        let color = grade(self.color[at]);
                        for c in 0..3 {
                            sum[c] += color[c];
                        }
                        votes[usize::from(self.label[at].into())] += 1;
                    }
                }
                let mean = sum.map(|s| (s / (factor * factor) as f32 * 255.0 + 0.5) as u8);
                image.put_pixel(x, y, image::Rgb(mean));
                let most = (0..LABELS).rev().max_by_key(|&l| votes[l]).unwrap_or(0);
                labels.put_pixel(x, y, Luma([most as u8]));
            }
        }
        (image, labels)
    }
}
