//! Made-up photographs with labels that a small head learns. The module above has the crate's names, from within or without.

use super::{HeadConfig, Pair, StateDict, colors_of_ids, pairs_by_stem};
use image::{GrayImage, Luma, Rgb, RgbImage};
use rand::RngExt;
use std::path::Path;

/// A head that is fitted in no time.
pub const SMALL: HeadConfig =
    HeadConfig { width: 64, height: 64, channels: 16, steps: 60, batch: 4, lr: 1e-2, seed: 1 };

/// Noisy sky over noisy road, with a horizon of its own in each of eight images; labels as ids and as colours.
pub fn scenes(folder: &Path) -> [Vec<Pair>; 2] {
    let mut rng = semrel_data::rng::stream(3, "scenes", 0);
    for i in 0..8 {
        let sky = |y: u32| y < 20 + 3 * i;
        let ids = GrayImage::from_fn(64, 64, |_, y| Luma([if sky(y) { 10 } else { 0 }]));
        let photo = RgbImage::from_fn(64, 64, |_, y| {
            let base: [u8; 3] = if sky(y) { [120, 160, 220] } else { [90, 80, 80] };
            Rgb(base.map(|v| v + rng.random_range(0..30)))
        });
        let write = |kind: &str| folder.join(kind).join(format!("{i}.png"));
        semrel_data::image_io::write_image(&write("photos"), &photo).unwrap();
        semrel_data::image_io::write_image(&write("ids"), &ids).unwrap();
        semrel_data::image_io::write_image(&write("colors"), &colors_of_ids(&ids)).unwrap();
    }
    ["ids", "colors"].map(|kind| pairs_by_stem(&folder.join("photos"), &folder.join(kind)).unwrap())
}

/// Whether two states have the same keys and tensors.
pub fn same(a: &StateDict, b: &StateDict) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && a.equal(b))
}
