//! Label images on disk: colours, train ids or label ids.

// Numbers that files state must not change when they are converted. Tests choose theirs.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss))]

use super::labels::{ChannelOrder, foreign_colors, ids_of_colors, train_id};
use crate::MetricsError;
use image::{DynamicImage, GrayImage, RgbImage};
use semrel_data::image_io::{read_image, to_rgb};
use semrel_data::resize::{Filter, resize};
use std::path::Path;
use std::str::FromStr;

/// Largest share of pixels of colours that are none of Cityscapes: what a poor JPEG of a colour map has.
const MOST_FOREIGN: f64 = 0.1;

/// What the pixels of a label image are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LabelFormat {
    /// Colours of the Cityscapes palette; the nearest one counts, since a JPEG or a resize shifts them.
    Color,
    /// Train ids 0–18 and 255 in one channel of 8 bits (`trainIds`).
    TrainId,
    /// Label ids 0–33 in one channel of 8 bits (`labelIds`).
    LabelId,
}

impl FromStr for LabelFormat {
    type Err = MetricsError;

    fn from_str(name: &str) -> Result<Self, MetricsError> {
        match name {
            "color" => Ok(Self::Color),
            "train-id" => Ok(Self::TrainId),
            "label-id" => Ok(Self::LabelId),
            _ => Err(MetricsError::Setting(format!(
                "unknown label format {name:?}; expected color, train-id or label-id"
            ))),
        }
    }
}

/// A label image as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelImage {
    /// Colours.
    Color(RgbImage),
    /// Train ids.
    Ids(GrayImage),
}

impl LabelImage {
    /// Reads a label image.
    ///
    /// # Errors
    /// A file that cannot be read; [`MetricsError::Labels`] for ids that are not one channel of 8 bits, and for colours
    /// that are not those of Cityscapes: a grey image, or one of which a tenth is far from every colour of the palette.
    pub fn read(path: &Path, format: LabelFormat) -> Result<Self, MetricsError> {
        match format {
            LabelFormat::Color => read_colors(path),
            LabelFormat::TrainId => Ok(Self::Ids(read_ids(path)?)),
            LabelFormat::LabelId => {
                let mut ids = read_ids(path)?;
                ids.iter_mut().for_each(|id| *id = train_id(*id));
                Ok(Self::Ids(ids))
            }
        }
    }

    /// A picture in the colours of Cityscapes; `path` names it in errors.
    ///
    /// # Errors
    /// [`MetricsError::Labels`] where a tenth of it is far from every colour of the palette.
    pub fn of_colors(image: RgbImage, path: &Path) -> Result<Self, MetricsError> {
        let (foreign, first) = foreign_colors(&image);
        let share = foreign as f64 / (f64::from(image.width()) * f64::from(image.height()));
        match first {
            Some(color) if share > MOST_FOREIGN => Err(MetricsError::Labels {
                path: path.to_owned(),
                why: format!(
                    "{:.0} % of its pixels are far from every colour of Cityscapes, such as {color:?} (red, green, blue); at \
                     most {:.0} % may be: are these labels in another palette, or photographs?",
                    100.0 * share,
                    100.0 * MOST_FOREIGN
                ),
            }),
            _ => Ok(Self::Color(image)),
        }
    }

    /// Width and height.
    pub fn dimensions(&self) -> (u32, u32) {
        match self {
            Self::Color(image) => image.dimensions(),
            Self::Ids(ids) => ids.dimensions(),
        }
    }

    /// Train ids at the size of the image; pixels without class are above 18.
    pub fn ids(&self) -> GrayImage {
        match self {
            Self::Color(image) => ids_of_colors(image, ChannelOrder::Rgb),
            Self::Ids(ids) => ids.clone(),
        }
    }

    /// Train ids after a Pillow-equal resize: colours are resized with `filter` before the nearest is looked for, ids
    /// always by the nearest pixel.
    pub fn ids_at(&self, width: u32, height: u32, filter: Filter) -> GrayImage {
        match self {
            Self::Color(image) => ids_of_colors(&resize(image, width, height, filter), ChannelOrder::Rgb),
            Self::Ids(ids) => resize(ids, width, height, Filter::Nearest),
        }
    }
}

fn read_colors(path: &Path) -> Result<LabelImage, MetricsError> {
    let image = read_image(path)?;
    // Grey label images hold ids: taken for colours, every pixel would be of the darkest classes or of none.
    if !image.color().has_color() {
        let why = "a grey image, not one in the colours of Cityscapes: is its format train-id or label-id?";
        return Err(MetricsError::Labels { path: path.to_owned(), why: why.into() });
    }
    LabelImage::of_colors(to_rgb(image), path)
}

fn read_ids(path: &Path) -> Result<GrayImage, MetricsError> {
    match read_image(path)? {
        DynamicImage::ImageLuma8(ids) => Ok(ids),
        other => {
            let why = format!("pixels are {:?}; ids need one channel of 8 bits (L8)", other.color());
            Err(MetricsError::Labels { path: path.to_owned(), why })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Luma, Rgb};

    #[test]
    fn formats_agree_on_the_same_labels() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let ids = GrayImage::from_fn(6, 4, |x, y| Luma([((x + 6 * y) % 19) as u8]));
        ids.save(path("ids.png")).unwrap();
        super::super::labels::colors_of_ids(&ids).save(path("color.png")).unwrap();
        let mut label_ids = ids.clone();
        label_ids.iter_mut().for_each(|id| *id = super::super::labels::label_id(*id).unwrap());
        label_ids.save(path("label_ids.png")).unwrap();
        for (name, format) in [
            ("ids.png", LabelFormat::TrainId),
            ("color.png", LabelFormat::Color),
            ("label_ids.png", LabelFormat::LabelId),
        ] {
            let label = LabelImage::read(&path(name), format).unwrap();
            assert_eq!(label.ids(), ids, "{name}");
            assert_eq!(label.ids_at(12, 8, Filter::Nearest), resize(&ids, 12, 8, Filter::Nearest), "{name}");
            assert_eq!(label.dimensions(), (6, 4));
        }
    }

    #[test]
    fn colour_maps_survive_jpeg() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("0.jpg");
        let ids = GrayImage::from_fn(256, 128, |x, y| Luma([(x / 16 + y / 32 * 3) as u8 % 19]));
        let file = std::fs::File::create(&path).unwrap();
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(file, 75);
        super::super::labels::colors_of_ids(&ids).write_with_encoder(encoder).unwrap();
        let read = LabelImage::read(&path, LabelFormat::Color).unwrap().ids();
        let right = read.iter().zip(ids.iter()).filter(|(a, b)| a == b).count();
        assert!(right > 256 * 128 * 9 / 10, "{right}");
    }

    #[test]
    fn ids_in_colors_and_broken_files_are_errors_that_name_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("street.png");
        RgbImage::from_pixel(2, 2, Rgb([128, 64, 128])).save(&path).unwrap();
        let read = || LabelImage::read(&path, LabelFormat::TrainId).unwrap_err().to_string();
        assert!(read().contains("street.png") && read().contains("one channel"), "{}", read());
        GrayImage::from_pixel(2, 2, Luma([7])).save(&path).unwrap();
        let grey = LabelImage::read(&path, LabelFormat::Color).unwrap_err().to_string();
        assert!(grey.contains("street.png") && grey.contains("train-id or label-id"), "{grey}");
        let mut photo = RgbImage::from_pixel(10, 10, Rgb([70, 70, 70]));
        let colors = |photo: &RgbImage| {
            photo.save(&path).unwrap();
            LabelImage::read(&path, LabelFormat::Color)
        };
        (0..10).for_each(|x| photo.put_pixel(x, 0, Rgb([30, 220, 40])));
        assert!(colors(&photo).is_ok());
        photo.put_pixel(0, 1, Rgb([30, 220, 40]));
        let foreign = colors(&photo).unwrap_err().to_string();
        for words in ["street.png: 11 %", "[30, 220, 40]", "another palette"] {
            assert!(foreign.contains(words), "{foreign}");
        }
        std::fs::write(&path, b"no image").unwrap();
        assert!(read().contains("street.png"), "{}", read());
        std::fs::remove_file(&path).unwrap();
        assert!(read().contains("street.png"), "{}", read());
        assert!("colour".parse::<LabelFormat>().unwrap_err().to_string().contains("train-id"));
    }
}
