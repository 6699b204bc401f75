//! Text in pictures, in DejaVu Sans.

use crate::error::TableError;
use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};
use image::{Rgb, RgbImage};

/// Draws text on white.
pub struct Writer {
    font: FontRef<'static>,
}

impl Writer {
    /// The font that the program holds.
    ///
    /// # Errors
    /// [`TableError::Picture`] if that is damaged.
    pub fn new() -> Result<Self, TableError> {
        let font = FontRef::try_from_slice(dejavu::sans::regular());
        Ok(Self { font: font.map_err(|error| TableError::Picture(format!("the font of pictures: {error}")))? })
    }

    /// Glyphs of a line that begins at (0, 0), and its width.
    fn glyphs(&self, text: &str, size: f32) -> (Vec<Glyph>, f32) {
        let font = self.font.as_scaled(PxScale::from(size));
        let (mut glyphs, mut x) = (vec![], 0.0);
        let mut last = None;
        for character in text.chars() {
            let id = font.glyph_id(character);
            if let Some(last) = last {
                x += font.kern(last, id);
            }
            glyphs.push(id.with_scale_and_position(PxScale::from(size), point(x, font.ascent())));
            x += font.h_advance(id);
            last = Some(id);
        }
        (glyphs, x)
    }

    /// Width of a line in pixels.
    pub fn width(&self, text: &str, size: f32) -> f32 {
        self.glyphs(text, size).1
    }

    /// Largest size, of at most `size`, in which a line is no wider than `width`.
    pub fn fitting(&self, text: &str, size: f32, width: f32) -> f32 {
        let needed = self.width(text, size);
        if needed <= width { size } else { size * width / needed }
    }

    /// Draws a line with its top left corner at (`x`, `y`).
    pub fn draw(&self, picture: &mut RgbImage, text: &str, size: f32, (x, y): (f32, f32)) {
        for glyph in self.glyphs(text, size).0 {
            let Some(outline) = self.font.outline_glyph(glyph) else { continue };
            let box_ = outline.px_bounds();
            outline.draw(|dx, dy, cover| {
                let (px, py) = ((x + box_.min.x) as i64 + i64::from(dx), (y + box_.min.y) as i64 + i64::from(dy));
                let inside = px >= 0 && py >= 0 && px < picture.width().into() && py < picture.height().into();
                if inside {
                    let Rgb(old) = *picture.get_pixel(px as u32, py as u32);
                    let ink = |v: u8| (f32::from(v) * (1.0 - cover.clamp(0.0, 1.0)) + 0.5) as u8;
                    picture.put_pixel(px as u32, py as u32, Rgb(old.map(ink)));
                }
            });
        }
    }

    /// Breaks text into lines that are no wider than `width`.
    pub fn lines(&self, text: &str, size: f32, width: f32) -> Vec<String> {
        let mut lines = vec![String::new()];
        for word in text.split_whitespace() {
            let line = lines.last_mut().expect("there is one");
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if line.is_empty() || self.width(&longer, size) <= width {
                *line = longer;
            } else {
                lines.push(word.to_owned());
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_ink_on_white() {
        let writer = Writer::new().unwrap();
        let mut picture = RgbImage::from_pixel(200, 40, Rgb([255; 3]));
        writer.draw(&mut picture, "γ → Ours", 24.0, (4.0, 4.0));
        let dark = picture.pixels().filter(|p| p.0[0] < 100).count();
        assert!(dark > 150, "{dark}");
        // Beyond the edge is no error.
        writer.draw(&mut picture, "outside", 24.0, (190.0, 30.0));
    }

    #[test]
    fn text_fits() {
        let writer = Writer::new().unwrap();
        assert_eq!(writer.fitting("CUT", 20.0, 100.0), 20.0);
        let size = writer.fitting("a very long name of a method", 20.0, 100.0);
        assert!(writer.width("a very long name of a method", size) <= 100.5);
        let lines = writer.lines("some words that take several lines", 20.0, 120.0);
        assert!(lines.len() > 2 && lines.iter().all(|l| writer.width(l, 20.0) <= 120.0), "{lines:?}");
    }
}
