//! The 19 classes that Cityscapes scores: train ids, label ids and colours.

use image::{GrayImage, Luma, RgbImage};

/// Number of classes.
pub const CLASSES: usize = 19;

/// Train id of pixels that no score counts.
pub const IGNORE: u8 = 255;

/// A class; its train id is its position in [`CITYSCAPES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// Name.
    pub name: &'static str,
    /// Id in the `labelIds` files.
    pub label_id: u8,
    /// Colour in the `color` files, red, green, blue.
    pub color: [u8; 3],
}

const fn class(name: &'static str, label_id: u8, color: [u8; 3]) -> Class {
    Class { name, label_id, color }
}

/// The classes by train id.
pub const CITYSCAPES: [Class; CLASSES] = [
    class("road", 7, [128, 64, 128]),
    class("sidewalk", 8, [244, 35, 232]),
    class("building", 11, [70, 70, 70]),
    class("wall", 12, [102, 102, 156]),
    class("fence", 13, [190, 153, 153]),
    class("pole", 17, [153, 153, 153]),
    class("traffic light", 19, [250, 170, 30]),
    class("traffic sign", 20, [220, 220, 0]),
    class("vegetation", 21, [107, 142, 35]),
    class("terrain", 22, [152, 251, 152]),
    class("sky", 23, [70, 130, 180]),
    class("person", 24, [220, 20, 60]),
    class("rider", 25, [255, 0, 0]),
    class("car", 26, [0, 0, 142]),
    class("truck", 27, [0, 0, 70]),
    class("bus", 28, [0, 60, 100]),
    class("train", 31, [0, 80, 100]),
    class("motorcycle", 32, [0, 0, 230]),
    class("bicycle", 33, [119, 11, 32]),
];

/// Train id of a label id; [`IGNORE`] for every label id without class, those above 33 included.
pub fn train_id(label_id: u8) -> u8 {
    CITYSCAPES.iter().position(|class| class.label_id == label_id).map_or(IGNORE, |id| id as u8)
}

/// Label id of a train id, `None` unless it is one of the 19.
pub fn label_id(train_id: u8) -> Option<u8> {
    CITYSCAPES.get(usize::from(train_id)).map(|class| class.label_id)
}

/// Train ids of an image of label ids.
pub fn train_ids(label_ids: &GrayImage) -> GrayImage {
    let table: [u8; 256] = std::array::from_fn(|id| train_id(id as u8));
    GrayImage::from_fn(label_ids.width(), label_ids.height(), |x, y| {
        Luma([table[usize::from(label_ids.get_pixel(x, y).0[0])]])
    })
}

/// Colour image of train ids; black for ids without class.
pub fn colors_of_ids(train_ids: &GrayImage) -> RgbImage {
    RgbImage::from_fn(train_ids.width(), train_ids.height(), |x, y| {
        let id = usize::from(train_ids.get_pixel(x, y).0[0]);
        image::Rgb(CITYSCAPES.get(id).map_or([0; 3], |class| class.color))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_lead_back_and_have_their_colors() {
        let label_ids = GrayImage::from_fn(256, 1, |x, _| Luma([x as u8]));
        let ids = train_ids(&label_ids);
        for (id, class) in CITYSCAPES.iter().enumerate() {
            assert_eq!(ids.get_pixel(class.label_id.into(), 0).0[0], id as u8);
            assert_eq!(label_id(id as u8), Some(class.label_id));
            assert_eq!(colors_of_ids(&ids).get_pixel(class.label_id.into(), 0).0, class.color);
        }
        assert_eq!(ids.pixels().filter(|p| p.0[0] == IGNORE).count(), 256 - CLASSES);
        assert_eq!(colors_of_ids(&ids).get_pixel(0, 0).0, [0; 3]);
    }
}
