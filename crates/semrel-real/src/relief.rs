//! Tiles of the earth: from space, and as relief.

use crate::RealError;
use crate::archive::Archive;
use crate::layout::{self, Written};
use image::RgbImage;
use image::imageops::crop_imm;
use semrel_data::resize::{Filter, resize};
use std::path::Path;

/// Pixels of a tile's side in the picture from space, which has 5400 × 2700.
const TILE: u32 = 64;
/// Share of a tile's pixels that must be land.
const LAND: f64 = 2.0 / 3.0;
/// Beyond this latitude, in degrees, maps of this projection are stretched, and the land is ice.
const FARTHEST: f64 = 66.0;
/// Tiles side by side that belong to one part: neighbours look alike.
const STRIP: u32 = 6;

/// A tile by its column and row.
type Tile = (u32, u32);

/// Tiles of Blue Marble (A) and of shaded relief (B). Strips of longitudes are parts: of five, the first and third train as A, the second
/// and fourth as B, and the fifth is tested, both ways.
pub fn tiles(package: &Path, dir: &Path, size: u32) -> Result<Written, RealError> {
    if size > TILE {
        return Err(RealError::Size { set: "satellite2relief", size, most: TILE });
    }
    let archive =
        Archive::open(package, |name| ["bmng.jpg", "shadedrelief.jpg"].iter().any(|end| name.ends_with(end)))?;
    let space = decoded(&archive, "bmng.jpg")?;
    let relief = decoded(&archive, "shadedrelief.jpg")?;
    let all = all(&space);
    let (kept, dropped): (Vec<Tile>, Vec<Tile>) = all.into_iter().partition(|tile| is_land(&space, *tile));
    let part = |wanted: &[u32]| -> Vec<Tile> {
        kept.iter().copied().filter(|(x, _)| wanted.contains(&(x / STRIP % 5))).collect()
    };
    let (a, b, tests) = (part(&[0, 2]), part(&[1, 3]), part(&[4]));
    if [&a, &b, &tests].iter().any(|part| part.len() < 2) {
        return Err(RealError::TooFew { path: package.to_owned(), found: kept.len(), needed: 8 });
    }
    let jobs = layout::two_domains([&a, &b, &tests, &tests], |(x, y)| format!("{x:02}-{y:02}.png"));
    let sides = [&space, &relief];
    let picture = |&(tile, side): &(Tile, usize)| Ok(cut(sides[side], space.dimensions(), tile, size));
    layout::write(dir, &jobs, picture, vec![("tiles of sea or ice".to_owned(), dropped.len())])
}

fn decoded(archive: &Archive, member: &str) -> Result<RgbImage, RealError> {
    let picture = image::load_from_memory(archive.ending(member)?);
    let failed = |source| RealError::Picture { path: archive.path().to_owned(), member: member.to_owned(), source };
    Ok(picture.map_err(failed)?.to_rgb8())
}

/// All tiles between the farthest latitudes.
fn all(space: &RgbImage) -> Vec<Tile> {
    let (width, height) = space.dimensions();
    let middle = |y: u32| 90.0 - (f64::from(y * TILE) + f64::from(TILE) / 2.0) / f64::from(height) * 180.0;
    let rows: Vec<u32> = (0..height / TILE).filter(|y| middle(*y).abs() <= FARTHEST).collect();
    rows.into_iter().flat_map(|y| (0..width / TILE).map(move |x| (x, y))).collect()
}

/// Whether enough of a tile is land: from space, water is blue.
fn is_land(space: &RgbImage, (x, y): Tile) -> bool {
    let is_water = |pixel: &image::Rgb<u8>| {
        let [r, g, b] = pixel.0.map(i32::from);
        b > r + 8 && b > g + 2
    };
    let tile = crop_imm(space, x * TILE, y * TILE, TILE, TILE).to_image();
    let land = tile.pixels().filter(|pixel| !is_water(pixel)).count();
    land as f64 >= LAND * f64::from(TILE * TILE)
}

/// A tile of a picture of the whole earth, which may have more pixels than that from space.
fn cut(picture: &RgbImage, (width, height): (u32, u32), (x, y): Tile, size: u32) -> RgbImage {
    let scale = |at: u32, own: u32, of: u32| (u64::from(at) * u64::from(own) / u64::from(of)) as u32;
    let (left, top) = (scale(x * TILE, picture.width(), width), scale(y * TILE, picture.height(), height));
    let (wide, high) = (scale(TILE, picture.width(), width), scale(TILE, picture.height(), height));
    let tile = crop_imm(picture, left, top, wide, high).to_image();
    if tile.dimensions() == (size, size) { tile } else { resize(&tile, size, size, Filter::Bicubic) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_of_two_pictures_show_the_same_place() {
        let mark = |scale: u32| {
            RgbImage::from_fn(4 * TILE * scale, 3 * TILE * scale, |x, y| {
                let inside = (TILE + 2..TILE + 6).contains(&(x / scale)) && (4..8).contains(&(y / scale));
                image::Rgb(if inside { [250; 3] } else { [9; 3] })
            })
        };
        let (space, relief) = (mark(1), mark(2));
        let a = cut(&space, space.dimensions(), (1, 0), TILE);
        let b = cut(&relief, space.dimensions(), (1, 0), TILE);
        assert_eq!((a.get_pixel(3, 5).0, a.get_pixel(8, 5).0), ([250; 3], [9; 3]));
        assert!(b.get_pixel(3, 5).0[0] > 200 && b.get_pixel(8, 5).0[0] < 40);
    }

    #[test]
    fn water_is_blue() {
        let of = |colour| RgbImage::from_pixel(TILE, TILE, image::Rgb(colour));
        assert!(
            !is_land(&of([6, 14, 37]), (0, 0)) && is_land(&of([20, 34, 8]), (0, 0)) && is_land(&of([252; 3]), (0, 0))
        );
    }
}
