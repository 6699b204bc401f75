//! Reading image files as 8-bit RGB and writing pictures.

use crate::DataError;
use image::{
    DynamicImage, GrayImage, ImageBuffer, ImageError, ImageFormat, ImageReader, PixelWithColorType, RgbImage, imageops,
};
use ndarray::ArrayView3;
use semrel_run::atomic;
use std::collections::HashSet;
use std::fs;
use std::io::{BufReader, Cursor};
use std::path::{Path, PathBuf};

/// Extensions of image files, in any case.
pub const EXTENSIONS: [&str; 9] = ["png", "jpg", "jpeg", "ppm", "pgm", "bmp", "tif", "tiff", "webp"];

/// Image files under `dir`, at any depth, sorted by path. Hidden files are left out.
///
/// # Errors
/// [`DataError::MissingFolder`] where `dir` is no folder, [`DataError::Read`] where it cannot be listed. No image at
/// all is not an error.
pub fn list_images(dir: &Path) -> Result<Vec<PathBuf>, DataError> {
    if !dir.is_dir() {
        return Err(DataError::MissingFolder { path: dir.to_owned(), expected: "images" });
    }
    let real = |path: &Path| fs::canonicalize(path).map_err(|e| DataError::read(path, e));
    let mut files = vec![];
    let mut folders = vec![(dir.to_owned(), real(dir)?)];
    let mut visited: HashSet<PathBuf> = folders.iter().map(|(_, real)| real.clone()).collect();
    while let Some((folder, place)) = folders.pop() {
        for path in entries(&folder)? {
            if path.is_dir() {
                // A link may lead back to where it lies in, or to a folder that was seen already.
                let target = real(&path)?;
                if !place.starts_with(&target) && visited.insert(target.clone()) {
                    folders.push((path, target));
                }
            } else if is_image(&path) && may_be_read(&path) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a path is a file, or a link to nowhere, which is an error to be told: reading a pipe or device might never end.
fn may_be_read(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |metadata| metadata.is_file())
}

/// Entries of a folder that are not hidden.
pub(crate) fn entries(dir: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut paths = vec![];
    for entry in fs::read_dir(dir).map_err(|e| DataError::read(dir, e))? {
        let entry = entry.map_err(|e| DataError::read(dir, e))?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    Ok(paths)
}

/// Whether a name ends as one of an image file does.
pub fn is_image(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    extension.is_some_and(|e| EXTENSIONS.contains(&e.as_str()))
}

/// Decodes an image file to 8-bit RGB ([`to_rgb`]). The format is told from the content, not from the name.
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
    decode(&fs::read(path).map_err(|e| DataError::read(path, e))?, path)
}

/// Width and height of an image file, from its header alone.
///
/// # Errors
/// Those of [`read_rgb`], as far as the header tells.
pub fn dimensions(path: &Path) -> Result<(u32, u32), DataError> {
    let read = |e| DataError::read(path, e);
    let file = BufReader::new(fs::File::open(path).map_err(read)?);
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

/// Decodes an image of labels from the bytes of a file: one channel of 8 bits, one label a pixel. Errors carry `path`.
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
    let high = |v: u16| (v >> 8) as u8;
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

/// How [−1, 1] becomes 8 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantise {
    /// `⌊clamp((x+1)/2, 0, 1)·255 + ½⌋`: pictures of the official multi-modal code.
    Round,
    /// `⌊(clamp(x, −1, 1)+1)/2·255⌋`: the single-modal and compression code, and the multi-modal videos.
    Truncate,
}

impl Quantise {
    /// One value.
    pub fn byte(self, x: f32) -> u8 {
        let unit = ((x + 1.0) / 2.0).clamp(0.0, 1.0) * 255.0;
        // Casting truncates.
        match self {
            Self::Round => (unit + 0.5) as u8,
            Self::Truncate => unit as u8,
        }
    }
}

/// An image [3, H, W] (or [1, H, W], shown grey) in [−1, 1] as 8-bit RGB.
pub fn to_image(image: ArrayView3<f32>, quantise: Quantise) -> RgbImage {
    let (channels, height, width) = image.dim();
    RgbImage::from_fn(width as u32, height as u32, |x, y| {
        image::Rgb(std::array::from_fn(|c| quantise.byte(image[[c.min(channels - 1), y as usize, x as usize]])))
    })
}

/// Writes a picture in the format of its extension (png above all), making the folder if need be.
///
/// The file appears whole or not at all ([`atomic::write`]).
pub fn write_image<P>(path: &Path, image: &ImageBuffer<P, Vec<u8>>) -> Result<(), DataError>
where
    P: PixelWithColorType<Subpixel = u8>,
{
    let format = ImageFormat::from_path(path).map_err(|e| DataError::encode(path, e))?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|e| DataError::write(folder, e))?;
    }
    let mut bytes = vec![];
    image.write_to(&mut Cursor::new(&mut bytes), format).map_err(|e| DataError::encode(path, e))?;
    atomic::write(path, &bytes).map_err(DataError::unwritten)
}

/// Images side by side on white, row by row: `columns` a row, `padding` pixels between and around them.
///
/// A cell is as large as the largest image; smaller ones lie at its top left.
pub fn grid(images: &[RgbImage], columns: usize, padding: u32) -> RgbImage {
    let columns = columns.clamp(1, images.len().max(1));
    let rows = images.len().div_ceil(columns);
    let cell_width = images.iter().map(|i| i.width()).max().unwrap_or(0) + padding;
    let cell_height = images.iter().map(|i| i.height()).max().unwrap_or(0) + padding;
    let (width, height) = (columns as u32 * cell_width + padding, rows as u32 * cell_height + padding);
    let mut sheet = RgbImage::from_pixel(width, height, image::Rgb([255; 3]));
    for (i, image) in images.iter().enumerate() {
        let (column, row) = ((i % columns) as u32, (i / columns) as u32);
        imageops::replace(
            &mut sheet,
            image,
            (padding + column * cell_width).into(),
            (padding + row * cell_height).into(),
        );
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{DynamicImage, Luma, Rgba};
    use ndarray::Array3;
    use proptest::prelude::*;

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

    #[cfg(unix)]
    #[test]
    fn links_in_circles_and_pipes_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a");
        fs::create_dir(&inner).unwrap();
        picture().save(inner.join("0.png")).unwrap();
        for name in ["up", "again"] {
            std::os::unix::fs::symlink("..", inner.join(name)).unwrap();
        }
        std::os::unix::fs::symlink("nowhere", inner.join("lost.png")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(inner.join("pipe.png")).status().unwrap().success());
        let names = ["a/0.png", "a/lost.png"].map(|name| dir.path().join(name));
        assert_eq!(list_images(dir.path()).unwrap(), names);
        assert_eq!(list_images(&inner).unwrap(), names);
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

    #[test]
    fn grids_place_images_row_by_row() {
        let cell = |v| RgbImage::from_pixel(3, 2, image::Rgb([v; 3]));
        let sheet = grid(&[cell(1), cell(2), cell(3)], 2, 1);
        assert_eq!(sheet.dimensions(), (9, 7));
        assert_eq!(
            [(1, 1), (5, 1), (1, 4), (5, 4), (0, 0)].map(|(x, y)| sheet.get_pixel(x, y).0[0]),
            [1, 2, 3, 255, 255]
        );
        assert_eq!(grid(&[cell(1), cell(2)], 2, 0).dimensions(), (6, 2));
        assert_eq!(grid(&[], 4, 2).dimensions(), (4, 2));
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

    proptest! {
        #[test]
        fn rounding_inverts_the_normalisation_and_truncating_is_at_most_one_below(v: u8, x in -3.0f32..3.0) {
            let normalised = (f32::from(v) / 255.0 - 0.5) / 0.5;
            prop_assert_eq!(Quantise::Round.byte(normalised), v);
            let (rounded, truncated) = (Quantise::Round.byte(x), Quantise::Truncate.byte(x));
            prop_assert!(truncated <= rounded && rounded - truncated <= 1);
        }
    }

    #[test]
    fn tensors_become_images() {
        let mut tensor = Array3::from_elem((3, 1, 2), -1.0);
        tensor[[2, 0, 1]] = 7.0;
        assert_eq!(to_image(tensor.view(), Quantise::Round).into_raw(), [0, 0, 0, 0, 0, 255]);
    }
}
