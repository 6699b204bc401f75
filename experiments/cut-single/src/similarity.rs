//! The paper's figures of similarity maps: how like a query patch every other place is, in the input and in its translation,
//! at each layer that the losses compare.
//!
//! For the position (x, y) of the picture and each layer: rows of `softmax(z zᵀ)` of the input (`P`) and of the output (`Q`)
//! over all positions, with `z` the projected (F) and normalised features; their Jensen–Shannon divergence is the
//! position's share of SRC. Where a checkpoint has no F (published generators), features are compared as they are.

use crate::networks::Generator;
use anyhow::{Result, ensure};
use image::{Rgb, RgbImage, imageops};
use semrel_data::image_io::grid;
use semrel_loss::patch_sampler::PatchSampler;
use semrel_loss::similarity::l2_normalize;
use semrel_loss::src::jensen_shannon;
use semrel_nn::Net;
pub use semrel_run::similarity::{LayerMaps, SimilarityMaps};
use tch::{Kind, Tensor, no_grad};

/// Maps for the query `at` (x, y in pixels) of an input `[1, 3, H, W]`, with its translation.
///
/// # Errors
/// A query outside of the picture, a layer that does not exist.
pub fn similarity_maps(
    generator: &Net<Generator>,
    heads: Option<&PatchSampler>,
    input: &Tensor,
    layers: &[i64],
    at: [u32; 2],
) -> Result<(SimilarityMaps, Tensor)> {
    let (height, width) = (input.size()[2], input.size()[3]);
    ensure!(
        i64::from(at[0]) < width && i64::from(at[1]) < height,
        "--at {},{}: outside of the picture, which enters the generator with {width} x {height} pixels",
        at[0],
        at[1]
    );
    generator.tap_shapes(height, width, layers)?;
    no_grad(|| {
        let (output, source) = generator.forward_tapped(input, layers);
        let translated = generator.encode(&output, layers);
        let embed = |maps: &[Tensor]| -> Result<Vec<Tensor>> {
            let areas: Vec<i64> = maps.iter().map(|m| m.size()[2] * m.size()[3]).collect();
            let everywhere = PatchSampler::positions(&areas, 0, input.device());
            Ok(match heads {
                Some(heads) => heads.project(maps, &everywhere)?,
                None => PatchSampler::without_mlp().project(maps, &everywhere)?,
            })
        };
        let (z, w) = (embed(&source)?, embed(&translated)?);
        let mut all = vec![];
        for ((layer, map), (z, w)) in layers.iter().zip(&source).zip(z.iter().zip(&w)) {
            let (h, w_map) = (map.size()[2], map.size()[3]);
            let row = i64::from(at[1]) * h / height;
            let column = i64::from(at[0]) * w_map / width;
            let query = row * w_map + column;
            let similarity = |rows: &Tensor| -> Result<Tensor> {
                let rows = l2_normalize(rows)?;
                Ok(rows.matmul(&rows.select(0, query)))
            };
            let (s, t) = (similarity(z)?, similarity(w)?);
            let divergence = jensen_shannon(&s.log_softmax(-1, Kind::Float), &t.log_softmax(-1, Kind::Float))?;
            all.push(LayerMaps {
                layer: *layer,
                size: [h, w_map].map(|side| side as usize),
                query: [row, column].map(|at| at as usize),
                input: Vec::try_from(s.to_kind(Kind::Float).contiguous())?,
                output: Vec::try_from(t.to_kind(Kind::Float).contiguous())?,
                divergence: divergence.double_value(&[]),
            });
        }
        let size = [width as u32, height as u32];
        Ok((SimilarityMaps { at, size, projected: heads.is_some(), layers: all }, output))
    })
}

/// The figure: one column per layer; above the input's maps, below the output's, at the left the pictures with the
/// query marked.
pub fn figure(maps: &SimilarityMaps, input: &RgbImage, output: &RgbImage) -> RgbImage {
    let [width, height] = maps.size;
    let marked = |picture: &RgbImage| {
        let mut picture = picture.clone();
        mark(&mut picture, maps.at);
        picture
    };
    let mut cells = vec![marked(input)];
    cells.extend(maps.layers.iter().map(|l| heat(&l.input, &l.input, l.size, width, height)));
    cells.push(marked(output));
    // One scale for both maps of a layer, the input's.
    cells.extend(maps.layers.iter().map(|l| heat(&l.output, &l.input, l.size, width, height)));
    grid(&cells, maps.layers.len() + 1, 2)
}

fn mark(picture: &mut RgbImage, at: [u32; 2]) {
    let reach = (picture.width().min(picture.height()) / 40).max(1) as i64;
    for dy in -reach - 1..=reach + 1 {
        for dx in -reach - 1..=reach + 1 {
            let (x, y) = (i64::from(at[0]) + dx, i64::from(at[1]) + dy);
            let inside = x >= 0 && y >= 0 && x < picture.width().into() && y < picture.height().into();
            if inside {
                let edge = dx.abs() > reach || dy.abs() > reach;
                picture.put_pixel(x as u32, y as u32, if edge { Rgb([255; 3]) } else { Rgb([255, 0, 0]) });
            }
        }
    }
}

/// Values as colours, from the least of `scale` (blue) over green and yellow to its largest but the query itself (red).
fn heat(values: &[f32], scale: &[f32], [rows, columns]: [usize; 2], width: u32, height: u32) -> RgbImage {
    let mut sorted = scale.to_vec();
    sorted.sort_by(f32::total_cmp);
    let low = sorted[0];
    let high = sorted[sorted.len().saturating_sub(2)];
    let image = RgbImage::from_fn(columns as u32, rows as u32, |x, y| {
        let value = values[y as usize * columns + x as usize];
        color(((value - low) / (high - low).max(1e-6)).clamp(0.0, 1.0))
    });
    imageops::resize(&image, width, height, imageops::FilterType::Nearest)
}

/// A blue-green-yellow-red ramp over 0..1.
fn color(t: f32) -> Rgb<u8> {
    const RAMP: [[f32; 3]; 5] =
        [[48.0, 18.0, 110.0], [38.0, 130.0, 180.0], [60.0, 190.0, 110.0], [250.0, 210.0, 50.0], [200.0, 30.0, 20.0]];
    let place = t * (RAMP.len() - 1) as f32;
    let i = (place as usize).min(RAMP.len() - 2);
    let f = place - i as f32;
    Rgb(std::array::from_fn(|c| (RAMP[i][c] + (RAMP[i + 1][c] - RAMP[i][c]) * f).round() as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_span_the_ramp() {
        assert_eq!((color(0.0), color(1.0)), (Rgb([48, 18, 110]), Rgb([200, 30, 20])));
        assert_eq!(color(0.5), Rgb([60, 190, 110]));
        let map = heat(&[0.0, 0.5, 1.0, 9.0], &[0.0, 0.5, 1.0, 9.0], [2, 2], 4, 4);
        // The largest is the query itself; the next is the end of the scale.
        assert_eq!((map.get_pixel(0, 0), map.get_pixel(0, 3)), (&Rgb([48, 18, 110]), &Rgb([200, 30, 20])));
    }
}
