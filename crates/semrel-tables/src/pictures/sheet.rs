//! Pictures in rows and columns, with their names above and beside, and a caption below.

use super::text::Writer;
use crate::error::TableError;
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

/// Pixels between cells.
const GAP: u32 = 6;
/// Pixels around all.
const MARGIN: u32 = 16;
/// Height of names.
const NAME: f32 = 22.0;
/// Height of the caption's text.
const CAPTION: f32 = 18.0;

/// A figure.
pub struct Sheet {
    /// Least side of a cell in pixels: smaller pictures are enlarged by a whole number.
    pub cell: u32,
    /// Names of the columns; none, or empty ones, where these need none.
    pub columns: Vec<String>,
    /// Rows: a name, which may be empty, and one picture per column; `None` if there is none.
    pub rows: Vec<(String, Vec<Option<RgbImage>>)>,
    /// What is seen.
    pub caption: String,
}

/// A picture at the size of a cell: a small one is enlarged by a whole number.
pub fn enlarged(picture: &RgbImage, cell: u32) -> RgbImage {
    let factor = cell.div_ceil(picture.width().max(picture.height()).max(1)).max(1);
    imageops::resize(picture, picture.width() * factor, picture.height() * factor, FilterType::Nearest)
}

impl Sheet {
    /// The picture.
    ///
    /// # Errors
    /// [`TableError::Picture`] where no cell has a picture.
    pub fn draw(&self) -> Result<RgbImage, TableError> {
        let writer = Writer::new()?;
        let enlarge = |cells: &Vec<Option<RgbImage>>| -> Vec<_> {
            cells.iter().map(|cell| cell.as_ref().map(|picture| enlarged(picture, self.cell))).collect()
        };
        let rows: Vec<Vec<Option<RgbImage>>> = self.rows.iter().map(|(_, cells)| enlarge(cells)).collect();
        let all = || rows.iter().flatten().flatten();
        if all().next().is_none() {
            return Err(TableError::Picture("there is no picture".into()));
        }
        let (cell_width, cell_height) = all().fold((1, 1), |(w, h), cell| (w.max(cell.width()), h.max(cell.height())));

        let aside = self.rows.iter().map(|(name, _)| writer.width(name, NAME)).fold(0.0, f32::max);
        let aside = if aside > 0.0 { aside as u32 + 2 * GAP } else { 0 };
        let above = if self.columns.iter().all(String::is_empty) { 0 } else { NAME as u32 * 3 / 2 };
        let columns = rows.iter().map(Vec::len).fold(self.columns.len(), usize::max);
        let full = aside + columns as u32 * (cell_width + GAP) - GAP;
        let caption = writer.lines(&self.caption, CAPTION, full as f32);
        let line = CAPTION as u32 * 3 / 2;
        let body = self.rows.len() as u32 * (cell_height + GAP);
        let below = caption.len() as u32 * line + GAP;
        let mut sheet = RgbImage::from_pixel(full + 2 * MARGIN, above + body + below + 2 * MARGIN, Rgb([255; 3]));

        let left = |column: usize| MARGIN + aside + column as u32 * (cell_width + GAP);
        let top = |row: usize| MARGIN + above + row as u32 * (cell_height + GAP);
        // All in the size in which the longest fits, with room to its neighbours.
        let room = (cell_width.saturating_sub(GAP)) as f32;
        let size = self.columns.iter().map(|name| writer.fitting(name, NAME, room)).fold(NAME, f32::min);
        for (c, name) in self.columns.iter().enumerate() {
            let x = left(c) as f32 + (cell_width as f32 - writer.width(name, size)) / 2.0;
            writer.draw(&mut sheet, name, size, (x, MARGIN as f32 + (NAME - size)));
        }
        for (r, ((name, _), cells)) in self.rows.iter().zip(&rows).enumerate() {
            let y = top(r) as f32 + (cell_height as f32 - NAME) / 2.0;
            writer.draw(&mut sheet, name, NAME, (MARGIN as f32, y));
            for (c, cell) in cells.iter().enumerate() {
                if let Some(cell) = cell {
                    imageops::replace(&mut sheet, cell, left(c).into(), top(r).into());
                }
            }
        }
        for (i, text) in caption.iter().enumerate() {
            let y = MARGIN + above + body + GAP + i as u32 * line;
            writer.draw(&mut sheet, text, CAPTION, (MARGIN as f32, y as f32));
        }
        Ok(sheet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_lie_below_their_names() {
        let red = RgbImage::from_pixel(64, 64, Rgb([255, 0, 0]));
        let sheet = Sheet {
            cell: 192,
            columns: vec!["Input".into(), "Ours".into()],
            rows: vec![(String::new(), vec![Some(red.clone()), None]), ("B".into(), vec![None, Some(red)])],
            caption: "A caption that is so long that it takes more than the one line that there is room for.".into(),
        };
        let picture = sheet.draw().unwrap();
        let reds = picture.pixels().filter(|p| p.0 == [255, 0, 0]).count();
        assert_eq!(reds, 2 * 192 * 192);
        assert!(picture.width() > 2 * 192 && picture.height() > 2 * 192 + 100);
        let nameless = Sheet { columns: vec![], ..sheet };
        assert_eq!(nameless.draw().unwrap().dimensions(), (picture.width(), picture.height() - 33));
        let empty = Sheet { rows: vec![], ..nameless };
        assert!(empty.draw().is_err());
    }
}
