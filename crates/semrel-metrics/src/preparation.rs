//! From 8-bit images to network input: each published evaluation resizes and scales in its own way, and a Fréchet
//! distance depends on it by more than many published improvements (Parmar et al., CVPR 2022).

use crate::MetricsError;
use image::RgbImage;
use image::imageops::crop_imm;
use ndarray::{Array2, Array4};
use rayon::prelude::*;
use semrel_data::resize::{Coordinates, Filter, resize, resize_f32, torch_bilinear};
use std::str::FromStr;
use tch::{Device, Kind, Tensor};

/// How an image gets the size of the network's input. All work on values in 0..255.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resize {
    /// Pillow's antialiased resize of 8-bit images, rounded to 8 bits.
    Pillow(Filter),
    /// Pillow's resize to a square first and from there to the input's size, each rounded to 8 bits: the official
    /// multi-modal code.
    PillowTwice {
        /// Side of the square.
        first: u32,
        /// Filter of both.
        filter: Filter,
    },
    /// Pillow's resize of the shorter side, the longer in proportion and truncated, and the middle of that; rounded to 8 bits:
    /// DINOv2's own evaluation.
    PillowCropped {
        /// The shorter side.
        shorter: u32,
        /// Filter of the resize.
        filter: Filter,
    },
    /// torch's bilinear `interpolate` on floats without antialiasing, never rounded: pytorch-fid.
    Torch,
    /// TensorFlow 1's bilinear resize on floats, which reads output o at `o·n/m`, never rounded: torch-fidelity.
    TensorFlow,
    /// Pillow's antialiased bicubic resize of float channels, clamped to 0..255 and never rounded: clean-fid.
    Clean,
}

/// A choice of resize for a network that has one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resampling {
    /// [`Resize::Pillow`] or [`Resize::PillowTwice`] as the network has it, else Pillow bilinear.
    Pillow,
    /// [`Resize::Torch`].
    Torch,
    /// [`Resize::Clean`].
    Clean,
}

impl Resampling {
    /// As the command line has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pillow => "pillow",
            Self::Torch => "torch",
            Self::Clean => "clean",
        }
    }
}

impl FromStr for Resampling {
    type Err = MetricsError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let all = [Self::Pillow, Self::Torch, Self::Clean];
        all.into_iter().find(|choice| choice.name() == name).ok_or_else(|| MetricsError::Unknown {
            what: "resize",
            name: name.to_owned(),
            known: all.map(Self::name).join(", "),
        })
    }
}

/// From an 8-bit RGB image to network input: a resize, then `(v − mean)/std` with v in 0..255.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preparation {
    /// Width of the input.
    pub width: u32,
    /// Height of the input.
    pub height: u32,
    /// How images get this size.
    pub resize: Resize,
    /// Subtracted from each channel.
    pub mean: [f32; 3],
    /// Divides each channel.
    pub std: [f32; 3],
}

impl Preparation {
    /// The same with another resize.
    pub fn with(self, choice: Resampling) -> Self {
        let resize = match (choice, self.resize) {
            (Resampling::Pillow, own @ (Resize::Pillow(_) | Resize::PillowTwice { .. })) => own,
            (Resampling::Pillow, _) => Resize::Pillow(Filter::Bilinear),
            (Resampling::Torch, _) => Resize::Torch,
            (Resampling::Clean, _) => Resize::Clean,
        };
        Self { resize, ..self }
    }

    /// The same at half the size, for networks that take images of any.
    pub fn halved(self) -> Self {
        Self { width: self.width.div_ceil(2), height: self.height.div_ceil(2), ..self }
    }

    /// Numbers of an image's input.
    pub(crate) fn numel(&self) -> usize {
        3 * self.width as usize * self.height as usize
    }

    /// Writes an image's input into [`Preparation::numel`] numbers: row by row, red, green, blue.
    pub(crate) fn write(&self, image: &RgbImage, place: &mut [f32]) {
        self.resize_into(image, place);
        for pixel in place.chunks_exact_mut(3) {
            for ((v, mean), std) in pixel.iter_mut().zip(self.mean).zip(self.std) {
                *v = (*v - mean) / std;
            }
        }
    }

    fn resize_into(&self, image: &RgbImage, place: &mut [f32]) {
        let (width, height) = (self.width, self.height);
        let mut bytes = |image: &RgbImage, filter| {
            let resized = resize(image, width, height, filter);
            place.iter_mut().zip(resized.iter()).for_each(|(place, &v)| *place = f32::from(v));
        };
        match self.resize {
            Resize::Pillow(filter) => bytes(image, filter),
            Resize::PillowTwice { first, filter } => bytes(&resize(image, first, first, filter), filter),
            Resize::PillowCropped { shorter, filter } => {
                let resized = shorter_side(image, shorter, filter);
                let offset =
                    |side: u32, part: u32| (f64::from(side.saturating_sub(part)) / 2.0).round_ties_even() as u32;
                let (x, y) = (offset(resized.width(), width), offset(resized.height(), height));
                bytes(&crop_imm(&resized, x, y, width, height).to_image(), filter);
            }
            Resize::Torch | Resize::TensorFlow => {
                let coordinates = match self.resize {
                    Resize::Torch => Coordinates::HalfPixel,
                    _ => Coordinates::TopLeft,
                };
                let planes: Vec<f32> = (0..3).flat_map(|c| channel(image, c)).collect();
                let shape = (1, 3, image.height() as usize, image.width() as usize);
                let planes = Array4::from_shape_vec(shape, planes).expect("three planes");
                let resized = torch_bilinear(planes.view(), height as usize, width as usize, coordinates);
                // [1, 3, H, W] as rows of pixels.
                let pixels = resized.permuted_axes([0, 2, 3, 1]);
                place.iter_mut().zip(&pixels).for_each(|(place, &v)| *place = v);
            }
            Resize::Clean => {
                for c in 0..3 {
                    let shape = (image.height() as usize, image.width() as usize);
                    let plane = Array2::from_shape_vec(shape, channel(image, c).collect()).expect("a plane");
                    let resized = resize_f32(plane.view(), height as usize, width as usize, Filter::Bicubic);
                    let places = place.iter_mut().skip(c).step_by(3);
                    places.zip(&resized).for_each(|(place, v)| *place = v.clamp(0.0, 255.0));
                }
            }
        }
    }

    /// Input [N, 3, H, W] from the numbers that [`Preparation::write`] wrote for N images.
    pub(crate) fn tensor(&self, numbers: &[f32], device: Device) -> Tensor {
        let count = (numbers.len() / self.numel()) as i64;
        // The permuted view keeps channels last in memory, which convolutions like.
        let images = Tensor::from_slice(numbers).view([count, self.height.into(), self.width.into(), 3]);
        images.to_device(device).permute([0, 3, 1, 2])
    }

    /// Prepares images for the network: [N, 3, H, W].
    pub fn prepare(&self, images: &[RgbImage], device: Device) -> Tensor {
        let mut numbers = vec![0.0; images.len() * self.numel()];
        numbers.par_chunks_exact_mut(self.numel()).zip(images).for_each(|(place, image)| self.write(image, place));
        self.tensor(&numbers, device)
    }
}

/// Pillow's resize of an image such that its shorter side becomes `side`, and the longer `⌊side·longer/shorter⌋`.
pub fn shorter_side(image: &RgbImage, side: u32, filter: Filter) -> RgbImage {
    let (width, height) = image.dimensions();
    let longer = |longer: u32, shorter: u32| {
        u32::try_from(u64::from(side) * u64::from(longer) / u64::from(shorter)).unwrap_or(u32::MAX)
    };
    let size = if width <= height { (side, longer(height, width)) } else { (longer(width, height), side) };
    if size == (width, height) { image.clone() } else { resize(image, size.0, size.1, filter) }
}

/// The values of a channel, row by row.
fn channel(image: &RgbImage, c: usize) -> impl Iterator<Item = f32> {
    image.iter().skip(c).step_by(3).map(|&v| f32::from(v))
}

/// Images of one size as a tensor [N, 3, H, W] of values in 0..255, at their own size.
///
/// # Errors
/// Those of [`common_size`].
pub fn stack(images: &[RgbImage], device: Device) -> Result<Tensor, MetricsError> {
    let (width, height) = common_size(images)?;
    let pixels: Vec<u8> = images.iter().flat_map(|image| image.as_raw()).copied().collect();
    let shape = [images.len() as i64, height.into(), width.into(), 3];
    let bytes = Tensor::from_data_size(&pixels, &shape, Kind::Uint8).to_device(device);
    // The permuted view keeps channels last in memory, which convolutions like.
    Ok(bytes.permute([0, 3, 1, 2]).to_kind(Kind::Float))
}

/// Width and height that all images have.
///
/// # Errors
/// [`MetricsError::TooFew`] for no image, [`MetricsError::Sizes`] for images of several sizes.
pub fn common_size(images: &[RgbImage]) -> Result<(u32, u32), MetricsError> {
    let Some(first) = images.first() else {
        return Err(MetricsError::TooFew { what: "images", found: 0, needed: 1 });
    };
    let size = first.dimensions();
    match images.iter().find(|image| image.dimensions() != size) {
        Some(other) => Err(MetricsError::Sizes { what: "images of a batch", left: size, right: other.dimensions() }),
        None => Ok(size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([(x * 37 % 256) as u8, (y * 91 % 256) as u8, (x * y) as u8]))
    }

    fn prepared(resize: Resize) -> Tensor {
        let plain = Preparation { width: 20, height: 30, resize, mean: [0.0; 3], std: [1.0; 3] };
        plain.prepare(&[picture(41, 53)], Device::Cpu)
    }

    #[test]
    fn torch_is_torchs_own_interpolation() {
        let image = stack(&[picture(41, 53)], Device::Cpu).unwrap();
        let want = image.upsample_bilinear2d([30, 20], false, None, None);
        assert!(prepared(Resize::Torch).allclose(&want, 1e-5, 1e-4, false));
    }

    #[test]
    fn pillow_gives_whole_numbers_and_clean_does_not() {
        let rounding = |t: &Tensor| (t - t.round()).abs().max().double_value(&[]);
        for resize in [Resize::Pillow(Filter::Bicubic), Resize::PillowTwice { first: 25, filter: Filter::Bilinear }] {
            assert_eq!(rounding(&prepared(resize)), 0.0);
        }
        let clean = prepared(Resize::Clean);
        assert!(rounding(&clean) > 0.1);
        assert!((&clean - prepared(Resize::Pillow(Filter::Bicubic))).abs().max().double_value(&[]) < 1.5);
        assert!(clean.min().double_value(&[]) >= 0.0 && clean.max().double_value(&[]) <= 255.0);
        let apart = (&clean - prepared(Resize::Torch)).abs().max().double_value(&[]);
        assert!(apart > 10.0, "shrinking without antialiasing is another thing: {apart}");
    }

    #[test]
    fn two_steps_round_between() {
        let first = resize(&picture(41, 53), 25, 25, Filter::Bilinear);
        let want = resize(&first, 20, 30, Filter::Bilinear);
        let got = prepared(Resize::PillowTwice { first: 25, filter: Filter::Bilinear });
        assert!(got.equal(&stack(&[want], Device::Cpu).unwrap()));
    }

    #[test]
    fn a_choice_keeps_what_fits() {
        let with = |resize, choice: &str| {
            let own = Preparation { width: 8, height: 8, resize, mean: [0.0; 3], std: [1.0; 3] };
            own.with(choice.parse().unwrap()).resize
        };
        let twice = Resize::PillowTwice { first: 256, filter: Filter::Bilinear };
        assert_eq!(with(twice, "pillow"), twice);
        assert_eq!(with(Resize::Pillow(Filter::Bicubic), "pillow"), Resize::Pillow(Filter::Bicubic));
        assert_eq!(with(Resize::Torch, "pillow"), Resize::Pillow(Filter::Bilinear));
        assert_eq!(with(twice, "torch"), Resize::Torch);
        assert_eq!(with(Resize::Torch, "clean"), Resize::Clean);
        let text = "opencv".parse::<Resampling>().unwrap_err().to_string();
        assert!(text.contains("opencv") && text.contains("pillow, torch, clean"), "{text}");
    }

    #[test]
    fn images_of_different_sizes_do_not_stack() {
        assert!(matches!(stack(&[], Device::Cpu), Err(MetricsError::TooFew { .. })));
        let text = stack(&[picture(4, 5), picture(5, 4)], Device::Cpu).unwrap_err().to_string();
        assert!(text.contains("4 × 5 and 5 × 4 pixels"), "{text}");
        assert_eq!(stack(&[picture(4, 5)], Device::Cpu).unwrap().size(), [1, 3, 5, 4]);
    }
}
