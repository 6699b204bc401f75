//! Decodes image files to 8-bit RGB, with errors that name the file.

use crate::error::DataError;
use image::{DynamicImage, GrayImage, ImageError, ImageFormat, ImageReader, RgbImage};
use semrel_run::input;
use std::io::{BufReader, Cursor};
use std::path::Path;

/// Decodes an image file to 8-bit RGB ([`to_rgb`]). The format is recognized from the content, not from the name.
///
/// # Errors
/// [`DataError::Read`], [`DataError::Unsupported`], [`DataError::Corrupt`] (truncated files too), each with the path.
pub fn read_rgb(path: &Path) -> Result<RgbImage, DataError> {
    read_image(path).map(to_rgb)
}

/// As [`read_rgb`], in the channels and the depth of the file; palettes are looked up.
///
/// # Errors
/// As [`read_rgb`].
pub fn read_image(path: &Path) -> Result<DynamicImage, DataError> {
    decode(&input::read(path).map_err(|e| DataError::read(path, e))?, path)
}

/// Width and height of an image file, from its header alone.
///
/// # Errors
/// Those of [`read_rgb`], as far as the header tells.
pub fn dimensions(path: &Path) -> Result<(u32, u32), DataError> {
    let read = |e| DataError::read(path, e);
    let file = BufReader::new(input::open(path).map_err(read)?);
    let reader = ImageReader::new(file).with_guessed_format().map_err(read)?;
    reader.into_dimensions().map_err(|error| match error {
        ImageError::IoError(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => read(error),
        ImageError::Unsupported(why) => DataError::Unsupported { path: path.to_owned(), why: why.to_string() },
        other => DataError::Corrupt { path: path.to_owned(), why: other.to_string() },
    })
}

/// As [`read_rgb`], from the bytes of a file that is not on disk: a member of an archive. Errors carry `path`.
///
/// # Errors
/// [`DataError::Unsupported`], [`DataError::Corrupt`].
pub fn decode_rgb(bytes: &[u8], path: &Path) -> Result<RgbImage, DataError> {
    decode(bytes, path).map(to_rgb)
}

fn decode(bytes: &[u8], path: &Path) -> Result<DynamicImage, DataError> {
    let corrupt = |why: &str| DataError::Corrupt { path: path.to_owned(), why: why.to_owned() };
    if bytes.is_empty() {
        return Err(corrupt("the file is empty"));
    }
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| DataError::read(path, e))?;
    if reader.format() == Some(ImageFormat::Jpeg) && !jpeg_is_whole(bytes) {
        // The decoder fills what is missing with grey and reports nothing.
        return Err(corrupt("the file ends before the image does"));
    }
    reader.decode().map_err(|error| match error {
        ImageError::Unsupported(why) => DataError::Unsupported { path: path.to_owned(), why: why.to_string() },
        other => corrupt(&other.to_string()),
    })
}

/// Decodes an image of labels from the bytes of a file: one channel of 8 bits, one label per pixel. Errors carry
/// `path`.
///
/// # Errors
/// [`DataError::Unsupported`] for any other kind of image too, [`DataError::Corrupt`].
pub fn decode_labels(bytes: &[u8], path: &Path) -> Result<GrayImage, DataError> {
    let unsupported = |why: String| DataError::Unsupported { path: path.to_owned(), why };
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| DataError::read(path, e))?;
    match reader.decode() {
        Ok(DynamicImage::ImageLuma8(labels)) => Ok(labels),
        Ok(other) => Err(unsupported(format!("labels have one channel of 8 bits, this is {:?}", other.color()))),
        Err(ImageError::Unsupported(why)) => Err(unsupported(why.to_string())),
        Err(other) => Err(DataError::Corrupt { path: path.to_owned(), why: other.to_string() }),
    }
}

/// Whether the markers of a JPEG lead to its end-of-image marker.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    const END: u8 = 0xD9;
    let mut at = 2;
    while at + 1 < bytes.len() {
        if bytes[at] != 0xFF {
            at += 1;
            continue;
        }
        match bytes[at + 1] {
            END => return true,
            // Stuffed zeros, fill bytes and restart markers stand alone.
            0x00 | 0x01 | 0xD0..=0xD8 => at += 2,
            0xFF => at += 1,
            _ if at + 3 < bytes.len() => at += 2 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]])),
            _ => return false,
        }
    }
    false
}

/// An image as 8-bit RGB: grey is repeated, alpha is dropped (not blended), CMYK is converted; of 16-bit samples the high
/// byte is kept, as Pillow does for RGB.
pub fn to_rgb(image: DynamicImage) -> RgbImage {
    let (width, height) = (image.width(), image.height());
    let high = |v: u16| v.to_be_bytes()[0];
    let data: Vec<u8> = match image {
        DynamicImage::ImageRgb8(image) => return image,
        DynamicImage::ImageLuma8(i) => i.pixels().flat_map(|p| [p.0[0]; 3]).collect(),
        DynamicImage::ImageLumaA8(i) => i.pixels().flat_map(|p| [p.0[0]; 3]).collect(),
        DynamicImage::ImageRgba8(i) => i.pixels().flat_map(|p| [p.0[0], p.0[1], p.0[2]]).collect(),
        DynamicImage::ImageLuma16(i) => i.pixels().flat_map(|p| [high(p.0[0]); 3]).collect(),
        DynamicImage::ImageLumaA16(i) => i.pixels().flat_map(|p| [high(p.0[0]); 3]).collect(),
        DynamicImage::ImageRgb16(i) => i.pixels().flat_map(|p| p.0.map(high)).collect(),
        DynamicImage::ImageRgba16(i) => i.pixels().flat_map(|p| [p.0[0], p.0[1], p.0[2]].map(high)).collect(),
        other => return other.to_rgb8(),
    };
    RgbImage::from_raw(width, height, data).expect("three bytes a pixel")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_io::write_image;
    use image::{ImageBuffer, Luma, Rgba};
    use std::fs;

    fn picture() -> RgbImage {
        RgbImage::from_fn(37, 23, |x, y| image::Rgb([(x * 6) as u8, (y * 11) as u8, (x * y % 256) as u8]))
    }

    fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = vec![];
        image.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
        bytes
    }

    fn read(bytes: &[u8], name: &str) -> Result<RgbImage, DataError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        read_rgb(&path)
    }

    #[test]
    fn lossless_formats_come_back_as_they_were_whatever_their_extension() {
        let image = DynamicImage::from(picture());
        for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::WebP, ImageFormat::Pnm] {
            assert_eq!(read(&encoded(&image, format), "wrong.jpg").unwrap(), picture(), "{format:?}");
        }
        let jpeg = read(&encoded(&image, ImageFormat::Jpeg), "a.jpg").unwrap();
        assert_eq!(jpeg.dimensions(), picture().dimensions());
    }

    #[test]
    fn grey_alpha_and_sixteen_bits_become_rgb() {
        let grey = ImageBuffer::from_pixel(2, 2, Luma([90u8]));
        assert_eq!(read(&encoded(&grey.into(), ImageFormat::Png), "g.png").unwrap().get_pixel(1, 1).0, [90; 3]);
        // Alpha is dropped, not blended.
        let clear = ImageBuffer::from_pixel(2, 2, Rgba([10u8, 20, 30, 0]));
        assert_eq!(read(&encoded(&clear.into(), ImageFormat::Png), "c.png").unwrap().get_pixel(0, 0).0, [10, 20, 30]);
        let deep = ImageBuffer::from_pixel(2, 2, image::Rgb([0x12ffu16, 0x8000, 0xffff]));
        assert_eq!(
            read(&encoded(&deep.into(), ImageFormat::Png), "d.png").unwrap().get_pixel(0, 0).0,
            [0x12, 0x80, 0xff]
        );
    }

    #[test]
    fn labels_are_grey_bytes_and_nothing_else() {
        let ids = GrayImage::from_fn(3, 2, |x, y| Luma([(x + 3 * y) as u8]));
        let path = Path::new("labelIds.png");
        assert_eq!(decode_labels(&encoded(&ids.clone().into(), ImageFormat::Png), path).unwrap(), ids);
        let error = decode_labels(&encoded(&picture().into(), ImageFormat::Png), path).unwrap_err();
        assert!(error.to_string().contains("labelIds.png") && error.to_string().contains("Rgb8"), "{error}");
    }

    #[test]
    fn inks_become_rgb() {
        // 8 × 8 pixels of CMYK (200, 40, 10, 30), which Pillow reads as (48, 191, 218).
        #[rustfmt::skip]
        let jpeg = [
            0xff, 0xd8, 0xff, 0xee, 0x00, 0x0e, 0x41, 0x64, 0x6f, 0x62, 0x65, 0x00, 0x64, 0x00, 0x00, 0x00, 0x00, 0x00,
            0xff, 0xdb, 0x00, 0x43, 0x00, 0x1b, 0x12, 0x14, 0x17, 0x14, 0x11, 0x1b, 0x17, 0x16, 0x17, 0x1e, 0x1c, 0x1b,
            0x20, 0x28, 0x42, 0x2b, 0x28, 0x25, 0x25, 0x28, 0x51, 0x3a, 0x3d, 0x30, 0x42, 0x60, 0x55, 0x65, 0x64, 0x5f,
            0x55, 0x5d, 0x5b, 0x6a, 0x78, 0x99, 0x81, 0x6a, 0x71, 0x90, 0x73, 0x5b, 0x5d, 0x85, 0xb5, 0x86, 0x90, 0x9e,
            0xa3, 0xab, 0xad, 0xab, 0x67, 0x80, 0xbc, 0xc9, 0xba, 0xa6, 0xc7, 0x99, 0xa8, 0xab, 0xa4, 0xff, 0xc0, 0x00,
            0x14, 0x08, 0x00, 0x08, 0x00, 0x08, 0x04, 0x43, 0x11, 0x00, 0x4d, 0x11, 0x00, 0x59, 0x11, 0x00, 0x4b, 0x11,
            0x00, 0xff, 0xc4, 0x00, 0x15, 0x00, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
            0x00, 0x00, 0x00, 0x00, 0x05, 0x06, 0xff, 0xc4, 0x00, 0x14, 0x10, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
            0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xda, 0x00, 0x0e, 0x04, 0x43, 0x00, 0x4d,
            0x00, 0x59, 0x00, 0x4b, 0x00, 0x00, 0x3f, 0x00, 0x24, 0xd2, 0x8c, 0xeb, 0xff, 0xd9,
        ];
        let [r, g, b] = read(&jpeg, "cmyk.jpg").unwrap().get_pixel(3, 3).0;
        assert!(r.abs_diff(48) <= 2 && g.abs_diff(191) <= 2 && b.abs_diff(218) <= 2, "{r} {g} {b}");
    }

    #[test]
    fn headers_tell_the_size() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        write_image(&path, &picture()).unwrap();
        assert_eq!(dimensions(&path).unwrap(), (37, 23));
        fs::write(&path, "no image").unwrap();
        assert!(matches!(dimensions(&path), Err(DataError::Unsupported { .. })));
        assert!(matches!(dimensions(&dir.path().join("b.png")), Err(DataError::Read { .. })));
    }

    #[test]
    fn broken_files_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing.png");
        assert!(matches!(read_rgb(&missing), Err(DataError::Read { path, .. }) if path == missing));
        // The reason is the source's to tell.
        assert!(read_rgb(&missing).unwrap_err().to_string().ends_with("missing.png: cannot be read"));
        assert!(matches!(read(b"", "empty.png"), Err(DataError::Corrupt { .. })));
        let text = read(b"this is a text, not a picture", "text.png").unwrap_err();
        assert!(matches!(&text, DataError::Unsupported { .. }) && text.to_string().contains("text.png"), "{text}");
        for (format, name) in [(ImageFormat::Png, "t.png"), (ImageFormat::Jpeg, "t.jpg"), (ImageFormat::WebP, "t.webp")]
        {
            let whole = encoded(&picture().into(), format);
            for keep in [whole.len() / 3, whole.len() * 2 / 3] {
                let error = read(&whole[..keep], name).unwrap_err();
                assert!(matches!(&error, DataError::Corrupt { .. }) && error.to_string().contains(name), "{error}");
            }
        }
    }

    #[test]
    fn a_jpeg_may_be_followed_by_other_bytes() {
        let mut bytes = encoded(&picture().into(), ImageFormat::Jpeg);
        bytes.extend(b"\0\0trailing");
        assert!(read(&bytes, "a.jpg").is_ok());
    }
}
