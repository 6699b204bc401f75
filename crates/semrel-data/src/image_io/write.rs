//! Writes pictures, whole or not at all.

use crate::error::{DataError, WriteError};
use image::{ImageBuffer, ImageFormat, PixelWithColorType};
use semrel_run::atomic;
use std::fs;
use std::io::Cursor;
use std::path::Path;

/// Writes a picture in the format of its extension (png above all), making the folder if need be.
///
/// The file appears whole or not at all ([`atomic::write`]).
pub fn write_image<P>(path: &Path, image: &ImageBuffer<P, Vec<u8>>) -> Result<(), DataError>
where
    P: PixelWithColorType<Subpixel = u8>,
{
    write(path, image).map_err(DataError::Write)
}

fn write<P>(path: &Path, image: &ImageBuffer<P, Vec<u8>>) -> Result<(), WriteError>
where
    P: PixelWithColorType<Subpixel = u8>,
{
    let format = ImageFormat::from_path(path).map_err(WriteError::image(path))?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(WriteError::file(folder))?;
    }
    let mut bytes = vec![];
    image.write_to(&mut Cursor::new(&mut bytes), format).map_err(WriteError::image(path))?;
    Ok(atomic::write(path, &bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_io::read_rgb;
    use image::RgbImage;

    fn picture() -> RgbImage {
        RgbImage::from_fn(37, 23, |x, y| image::Rgb([(x * 6) as u8, (y * 11) as u8, (x * y % 256) as u8]))
    }

    #[test]
    fn pictures_are_written_whole_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/er/a.png");
        write_image(&path, &picture()).unwrap();
        assert_eq!(read_rgb(&path).unwrap(), picture());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert!(write_image(&dir.path().join("a.xyz"), &picture()).is_err());
    }
}
