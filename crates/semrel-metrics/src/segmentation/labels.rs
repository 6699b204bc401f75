//! The 19 classes that Cityscapes scores: train ids, label ids and colours.

use image::{GrayImage, Luma, Rgb, RgbImage};

pub use semrel_data::cityscapes::{CITYSCAPES, CLASSES, Class, IGNORE, colors_of_ids, label_id, train_id};

/// Entry of [`PALETTE`] (black) that stands for pixels without class. Ids from colours have it in place of [`IGNORE`].
pub const IGNORE_COLOR: u8 = 19;

/// Colours by train id, and black for [`IGNORE_COLOR`].
pub const PALETTE: [[u8; 3]; CLASSES + 1] = {
    let mut palette = [[0; 3]; CLASSES + 1];
    let mut id = 0;
    while id < CLASSES {
        palette[id] = CITYSCAPES[id].color;
        id += 1;
    }
    palette
};

/// Colours of what Cityscapes labels without scoring it, black apart: dynamic, ground, parking, rail track, guard rail,
/// bridge, tunnel, caravan, trailer.
const UNSCORED: [[u8; 3]; 9] = [
    [111, 74, 0],
    [81, 0, 81],
    [250, 170, 160],
    [230, 150, 140],
    [180, 165, 180],
    [150, 100, 100],
    [150, 120, 90],
    [0, 0, 90],
    [0, 0, 110],
];

/// L1 distance beyond which a colour is none of Cityscapes. Measured on colour maps of street scenes: written as JPEG of
/// quality 75 up to 3 % of an image's pixels are farther from the palette, at quality 30 up to 8 %; of photographs half.
const FAR: u32 = 60;

/// In which order the bytes of a pixel are compared with the palette's red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChannelOrder {
    /// As they are.
    #[default]
    Rgb,
    /// Red and blue exchanged, as the published accuracy script has it: it decodes blue first but compares with a palette
    /// that is red first. Walls count as road then, persons as riders, buses as cars, and six more classes move.
    Swapped,
}

/// Position in [`PALETTE`] of the colour at the smallest L1 distance, the first on ties.
pub fn nearest_color(color: [u8; 3]) -> u8 {
    // `min_by_key` keeps the first of equal ones.
    let nearest = PALETTE.iter().enumerate().min_by_key(|(_, entry)| distance(entry, color));
    nearest.map_or(IGNORE_COLOR, |(id, _)| id as u8)
}

fn distance(entry: &[u8; 3], color: [u8; 3]) -> u32 {
    entry.iter().zip(color).map(|(&a, b)| u32::from(a.abs_diff(b))).sum()
}

/// Pixels whose colours are far from all that Cityscapes labels with, those of unscored things included, and the first such
/// colour.
pub(super) fn foreign_colors(image: &RgbImage) -> (usize, Option<[u8; 3]>) {
    let known = |color| PALETTE.iter().chain(&UNSCORED).any(|entry| distance(entry, color) <= FAR);
    let (mut last, mut far) = (PALETTE[0], false);
    let (mut count, mut first) = (0, None);
    for &Rgb(color) in image.pixels() {
        if color != last {
            (last, far) = (color, !known(color));
        }
        if far {
            count += 1;
            first = first.or(Some(color));
        }
    }
    (count, first)
}

/// Ids of a colour label image by [`nearest_color`]: 0–18, or 19 ([`IGNORE_COLOR`]).
pub fn ids_of_colors(image: &RgbImage, order: ChannelOrder) -> GrayImage {
    let (mut last, mut id) = (PALETTE[0], 0);
    GrayImage::from_fn(image.width(), image.height(), |x, y| {
        let Rgb(mut color) = *image.get_pixel(x, y);
        if order == ChannelOrder::Swapped {
            color.swap(0, 2);
        }
        // Label images are large areas of one colour.
        if color != last {
            (last, id) = (color, nearest_color(color));
        }
        Luma([id])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_colors_lead_back() {
        for id in 0..CLASSES as u8 {
            assert_eq!(train_id(label_id(id).unwrap()), id);
            assert_eq!(nearest_color(PALETTE[usize::from(id)]), id);
        }
        assert_eq!(nearest_color([1, 2, 0]), IGNORE_COLOR);
        assert_eq!((label_id(19), label_id(IGNORE)), (None, None));
        let ignored: Vec<u8> = (0..=33).filter(|&id| train_id(id) == IGNORE).collect();
        assert_eq!(ignored, [0, 1, 2, 3, 4, 5, 6, 9, 10, 14, 15, 16, 18, 29, 30]);
        assert!((34..=255).all(|id| train_id(id) == IGNORE));
    }

    #[test]
    fn the_swap_moves_classes_as_published() {
        let moved = [0, 1, 2, 0, 5, 5, 10, 10, 16, 9, 4, 17, 17, 18, 19, 18, 8, 12, 13, 19];
        let palette = RgbImage::from_fn(20, 1, |x, _| Rgb(PALETTE[x as usize]));
        assert_eq!(ids_of_colors(&palette, ChannelOrder::Swapped).into_raw(), moved);
        assert_eq!(ids_of_colors(&palette, ChannelOrder::Rgb).into_raw(), (0..20).collect::<Vec<u8>>());
        assert_eq!(colors_of_ids(&ids_of_colors(&palette, ChannelOrder::Rgb)), palette);
    }

    #[test]
    fn colours_of_other_palettes_are_counted() {
        let foreign =
            |colors: &[[u8; 3]]| foreign_colors(&RgbImage::from_raw(colors.len() as u32, 1, colors.concat()).unwrap());
        assert_eq!(foreign(&PALETTE), (0, None));
        assert_eq!(foreign(&UNSCORED), (0, None));
        // Sixty away from road, and one more.
        assert_eq!(foreign(&[[128, 4, 128], [128, 3, 128], [0, 255, 0], [0, 255, 0]]), (3, Some([128, 3, 128])));
    }

    #[test]
    fn the_first_of_equally_near_colors_wins() {
        // Fence (190,153,153) and pole (153,153,153) are both 18.5 away from their middle: 171 is nearer to pole by one.
        assert_eq!(nearest_color([171, 153, 153]), 5);
        assert_eq!(nearest_color([172, 153, 153]), 4);
        // Truck (0,0,70) and black are both 35 away.
        assert_eq!(nearest_color([0, 0, 35]), 14);
    }
}
