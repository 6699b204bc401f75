//! How much of a picture's layout a translation changes, colours aside: the distance of the self-similarities of two feature maps
//! (Tumanyan et al. 2022, "Splicing ViT Features").
//!
//! Tokens are the positions of a map, row by row. Over EfficientNet-Lite0 it is shown as `SSD(effnet-lite0)` and never as the
//! structure distance of DINO, whose tokens are keys of a transformer.

use crate::MetricsError;
use crate::extractor::{Extractor, Preparation, Resize, shorter_side};
use crate::networks::vit::Vit;
use image::RgbImage;
use semrel_data::resize::Filter;
use tch::{Device, Kind, Tensor};

/// Pixels of the shorter side of an image as DINO sees it.
pub const DINO_SIDE: u32 = 224;
/// Maps of EfficientNet-Lite0 that tell the layout of a picture, counted from 0: those of blocks 4 and 10.
pub const LAYOUT_TAPS: [usize; 2] = [2, 3];
/// Floor of the product of two lengths.
const EPS: f64 = 1e-8;
/// Pictures whose feature maps are held at a time. T² similarities are held for one.
const MOST_IMAGES: usize = 20;

/// Cosines of all pairs of tokens [T, C], as [T, T] in double precision: `xᵢ·xⱼ / max(|xᵢ||xⱼ|, 1e-8)`.
pub fn self_similarity(tokens: &Tensor) -> Tensor {
    let tokens = tokens.to_kind(Kind::Double);
    let products = tokens.matmul(&tokens.transpose(0, 1));
    let lengths = tokens.square().sum_dim_intlist(1, false, Kind::Double).sqrt();
    products / lengths.outer(&lengths).clamp_min(EPS)
}

/// Mean squared difference of the self-similarities of two lists of tokens [T, C], over all T² pairs, 0 to 4.
///
/// # Errors
/// [`MetricsError::Shape`] unless both are [T, C] with one T ≥ 1. Their widths may differ.
pub fn distance_of_tokens(a: &Tensor, b: &Tensor) -> Result<f64, MetricsError> {
    for tokens in [a, b] {
        if tokens.dim() != 2 || tokens.numel() == 0 || tokens.size()[0] != a.size()[0] {
            let expected = "[T, C], with the same T on both sides";
            return Err(MetricsError::Shape { what: "tokens", found: tokens.size(), expected });
        }
    }
    let _guard = tch::no_grad_guard();
    Ok((self_similarity(a) - self_similarity(b)).square().mean(Kind::Double).double_value(&[]))
}

/// The tokens of a map [C, H, W]: its positions, row by row, [H·W, C].
///
/// # Errors
/// [`MetricsError::Shape`] for anything but three dimensions.
pub fn tokens(map: &Tensor) -> Result<Tensor, MetricsError> {
    match map.dim() {
        3 => Ok(map.flatten(1, 2).transpose(0, 1)),
        _ => Err(MetricsError::Shape { what: "feature map", found: map.size(), expected: "[C, H, W]" }),
    }
}

/// An image as input [1, 3, H, W] of DINO, as img2img-turbo prepares it: Pillow's bilinear resize of the shorter side to `side` pixels
/// ([`DINO_SIDE`]), the longer in proportion and truncated, and ImageNet's mean and deviation.
pub fn dino_input(image: &RgbImage, side: u32, device: Device) -> Tensor {
    let image = shorter_side(image, side, Filter::Bilinear);
    let of_bytes = |values: [f32; 3]| values.map(|v| 255.0 * v);
    let (mean, std) = (of_bytes([0.485, 0.456, 0.406]), of_bytes([0.229, 0.224, 0.225]));
    let (width, height) = image.dimensions();
    Preparation { width, height, resize: Resize::Pillow(Filter::Bilinear), mean, std }.prepare(&[image], device)
}

/// The tokens [T, D] that the structure distance of DINO compares: keys of the last block, of the class token too, heads side by side.
///
/// # Errors
/// [`MetricsError::Shape`] for an image that the network does not take.
pub fn dino_keys(network: &Vit, image: &RgbImage, side: u32) -> Result<Tensor, MetricsError> {
    Ok(network.tokens(&dino_input(image, side, network.device()))?.keys_side_by_side().get(0))
}

/// The structure distance of DINO of a picture and its translation, both of one size, 0 to 4: [`distance_of_tokens`] of their
/// [`dino_keys`]. Tables show it times 100, of ViT-B/8 at [`DINO_SIDE`].
///
/// # Errors
/// [`MetricsError::Shape`] for images that the network does not take or of different proportions.
pub fn dino_distance(network: &Vit, source: &RgbImage, fake: &RgbImage, side: u32) -> Result<f64, MetricsError> {
    distance_of_tokens(&dino_keys(network, source, side)?, &dino_keys(network, fake, side)?)
}

/// Structure distances of pairs of 8-bit images: for each pair the mean over the extractor's maps that `taps` names (counted
/// from 0) of [`distance_of_tokens`].
///
/// # Errors
/// [`MetricsError::TooFew`] unless there are as many images on both sides, and at least one; [`MetricsError::Setting`] for maps
/// that the extractor does not have.
pub fn distances_of_images(
    extractor: &dyn Extractor,
    taps: &[usize],
    a: &[RgbImage],
    b: &[RgbImage],
) -> Result<Vec<f64>, MetricsError> {
    if a.len() != b.len() || a.is_empty() {
        let (found, needed) = (a.len().min(b.len()) as i64, a.len().max(b.len()).max(1) as i64);
        return Err(MetricsError::TooFew { what: "images on one side of pairs", found, needed });
    }
    let maps = |images: &[RgbImage]| extractor.taps(&extractor.preparation().prepare(images, extractor.device()));
    let mut distances = vec![];
    for (a, b) in a.chunks(MOST_IMAGES / 2).zip(b.chunks(MOST_IMAGES / 2)) {
        let (count, a, b) = (a.len(), maps(a), maps(b));
        if taps.is_empty() || taps.iter().any(|&tap| tap >= a.len()) {
            return Err(MetricsError::Setting(format!(
                "maps {taps:?} of an extractor; expected at least one, each from 0 to {}",
                a.len() - 1
            )));
        }
        for image in 0..count as i64 {
            let of_tap = |&tap: &usize| distance_of_tokens(&tokens(&a[tap].get(image))?, &tokens(&b[tap].get(image))?);
            distances.push(taps.iter().map(of_tap).sum::<Result<f64, _>>()? / taps.len() as f64);
        }
    }
    Ok(distances)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::normal;

    #[test]
    fn it_sees_layout_and_neither_scale_nor_rotation_of_features() {
        let a = normal(1, &[6, 5]);
        let distance = |b: &Tensor| distance_of_tokens(&a, b).unwrap();
        assert!(distance(&(&a * 3.0)) < 1e-20);
        let turned = Tensor::cat(&[a.slice(1, 1, None, 1), a.slice(1, 0, 1, 1)], 1);
        assert!(distance(&turned) < 1e-20);
        let swapped = a.flip([0]);
        assert!(distance(&swapped) > 0.01);
        assert!((distance(&swapped) - distance_of_tokens(&swapped, &a).unwrap()).abs() < 1e-15);
    }

    #[test]
    fn a_zero_vector_is_like_nothing_not_even_itself() {
        let zero = Tensor::zeros([2, 3], (Kind::Double, Device::Cpu));
        assert_eq!(self_similarity(&zero).abs().max().double_value(&[]), 0.0);
        assert!(distance_of_tokens(&zero, &zero.narrow(0, 0, 1)).is_err());
    }
}
