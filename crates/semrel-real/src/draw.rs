//! Drawings as pictures.

use image::{Rgb, RgbImage};
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{Options, Tree};

/// An SVG drawing on white, stretched to `size` × `size` pixels.
///
/// # Errors
/// What is wrong with it.
pub fn draw(svg: &[u8], size: u32) -> Result<RgbImage, String> {
    let tree = Tree::from_data(svg, &Options::default()).map_err(|error| error.to_string())?;
    let mut pixels = Pixmap::new(size, size).ok_or("no pixels")?;
    pixels.fill(Color::WHITE);
    let scale = |side: f32| size as f32 / side;
    let transform = Transform::from_scale(scale(tree.size().width()), scale(tree.size().height()));
    resvg::render(&tree, transform, &mut pixels.as_mut());
    // On white nothing is transparent.
    let pixel = |x, y| pixels.pixel(x, y).map_or(Rgb([255; 3]), |p| Rgb([p.red(), p.green(), p.blue()]));
    Ok(RgbImage::from_fn(size, size, pixel))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawings_lie_on_white_and_fill_the_picture() {
        let svg = br##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><path fill="#f00" d="M0 0h2v4h-2z"/></svg>"##;
        let picture = draw(svg, 8).unwrap();
        assert_eq!((picture.get_pixel(1, 4).0, picture.get_pixel(6, 4).0), ([255, 0, 0], [255; 3]));
        assert!(draw(b"<svg", 8).is_err());
        assert!(draw(b"no drawing", 8).is_err());
    }
}
