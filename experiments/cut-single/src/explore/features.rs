//! What the page gets of a run and a picture.

use super::grid::Grid;
use super::principal::compact;
use super::subject::Subject;
use anyhow::{Context, Result};
use semrel_loss::Gradient;
use semrel_loss::patch_sampler::PatchSampler;
use semrel_loss::similarity::l2_normalize;
use semrel_loss::src::semantic_relation_consistency;
use tch::{Kind, Tensor, no_grad};

/// Features of one layer.
#[derive(Debug)]
pub struct LayerFeatures {
    /// The layer.
    pub layer: i64,
    /// Height and width of its map.
    pub map: [i64; 2],
    /// The positions.
    pub grid: Grid,
    /// Features z of the input, `[N, r]`, rows of unit length up to a rotation that they share.
    pub input: Tensor,
    /// Features w of the output, likewise.
    pub output: Tensor,
    /// `L_SRC / N`: the divergence of a patch on average.
    pub mean_divergence: f64,
}

/// Features of all layers, and the translation.
#[derive(Debug)]
pub struct Sample {
    /// The layers.
    pub layers: Vec<LayerFeatures>,
    /// `G(x)`, `[1, 3, H, W]`.
    pub output: Tensor,
}

/// Translates an input `[1, 3, H, W]`, encodes both pictures and embeds them at no more than `most` positions per
/// layer, as the run's losses compare them: through its heads, or, where it has none, as they are.
///
/// # Errors
/// A layer that the run does not have, pictures that are too small for the generator.
pub fn sample(subject: &Subject, input: &Tensor, layers: &[i64], most: i64) -> Result<Sample> {
    let (height, width) = (input.size()[2], input.size()[3]);
    // Heads belong to all layers that they were trained on.
    let taps = subject.tapped(layers)?;
    subject
        .generator
        .tap_shapes(height, width, taps)
        .with_context(|| format!("{}: a picture of {width} x {height}", subject.place.display()))?;
    no_grad(|| {
        let (output, of_input) = subject.generator.forward_tapped(input, taps);
        let of_output = subject.generator.encode(&output, taps);
        let grids: Vec<Grid> = of_input.iter().map(|map| Grid::new(map.size()[2], map.size()[3], most)).collect();
        let at: Vec<Tensor> =
            grids.iter().zip(&of_input).map(|(grid, map)| grid.positions(map.size()[3], input.device())).collect();
        let embed = |maps: &[Tensor]| -> Result<Vec<Tensor>> {
            Ok(match &subject.heads {
                Some(heads) => heads.project(maps, &at)?,
                None => PatchSampler::without_mlp().project(maps, &at)?,
            })
        };
        let (z, w) = (embed(&of_input)?, embed(&of_output)?);
        let one = |layer: &i64| -> Result<LayerFeatures> {
            let tap = taps.iter().position(|tap| tap == layer).context("a layer that is not tapped")?;
            let (z, w) = (&z[tap], &w[tap]);
            let (z_double, w_double) = (z.to_kind(Kind::Double), w.to_kind(Kind::Double));
            let total = semantic_relation_consistency(&w_double, &z_double, 1, Gradient::ClosedForm)?;
            Ok(LayerFeatures {
                layer: *layer,
                map: [of_input[tap].size()[2], of_input[tap].size()[3]],
                // Once more, as the losses do with what the heads return.
                input: compact(&l2_normalize(z)?),
                output: compact(&l2_normalize(w)?),
                mean_divergence: total.double_value(&[]) / grids[tap].count() as f64,
                grid: grids[tap].clone(),
            })
        };
        Ok(Sample { layers: layers.iter().map(one).collect::<Result<_>>()?, output })
    })
}
