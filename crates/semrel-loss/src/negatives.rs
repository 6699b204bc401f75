//! Negatives that a network makes (NEGCUT).
//!
//! Wang et al., "Instance-wise Hard Negative Example Generation for Contrastive Learning in Unpaired Image-to-Image Translation",
//! ICCV 2021.

use crate::LossError;
use crate::check::{alike, rank};
use crate::similarity::unit;
use tch::nn::{self, Module};
use tch::{Kind, Tensor};

/// Length of the noise.
pub const NOISE: i64 = 64;

/// N: for each layer Linear(nc + 64 → nc), ReLU, Linear(nc → nc), rows normalised. Keys `mlp_{layer}.{0,2}.*`.
///
/// A negative of an image is made of the mean embedding of all its positions and of noise, so that K negatives serve all queries of
/// an image and layer.
#[derive(Debug)]
pub struct NegativeGenerator {
    layers: Vec<(nn::Linear, nn::Linear)>,
}

impl NegativeGenerator {
    /// For this many layers, of embeddings of `nc` numbers. Parameters start with torch's defaults; the published code draws them by
    /// CUT's rule.
    pub fn new(path: &nn::Path, layers: usize, nc: i64) -> Self {
        let layer = |l: usize| {
            let path = path / format!("mlp_{l}");
            let linear = |name: &str, inputs| nn::linear(&path / name, inputs, nc, Default::default());
            (linear("0", nc + NOISE), linear("2", nc))
        };
        Self { layers: (0..layers).map(layer).collect() }
    }

    /// Negatives `[B, K, nc]` of a layer for the mean embeddings `[B, nc]` of its images and noise `[B, K, 64]`, each negative
    /// `x/(‖x‖ + 1e-7)`.
    ///
    /// # Errors
    /// [`LossError::Taps`] for a layer that it does not have, [`LossError::Shape`] and those of equal kinds and devices for tensors
    /// that do not fit.
    pub fn forward(&self, layer: usize, mean: &Tensor, noise: &Tensor) -> Result<Tensor, LossError> {
        let Some((hidden, out)) = self.layers.get(layer) else {
            return Err(LossError::Taps { what: "layers", found: layer + 1, expected: self.layers.len() });
        };
        alike([("mean embeddings", mean), ("noise", noise), ("weights of N", &hidden.ws)])?;
        rank(("noise", noise), 3, "[batch, negatives, 64]")?;
        let (size, nc) = (noise.size(), out.ws.size()[0]);
        if mean.size() != [size[0], nc] || size[2] != NOISE {
            let expected = format!("[{}, {nc}], with noise [{}, negatives, {NOISE}]", size[0], size[0]);
            return Err(LossError::Shape { what: "mean embeddings", found: mean.size(), expected });
        }
        let input = Tensor::cat(&[mean.unsqueeze(1).expand([size[0], size[1], nc], false), noise.shallow_clone()], 2);
        let rows = out.forward(&hidden.forward(&input.flatten(0, 1)).relu());
        Ok(unit(&rows).view([size[0], size[1], nc]))
    }
}

/// How far the negatives of an image are apart: mean over layers of `mean |n[:, 0..K/2] − n[:, K/2..K]|`, of negatives `[B, K, nc]`
/// of each layer; N raises it. A scalar.
///
/// # Errors
/// [`LossError::Taps`] without layers, [`LossError::Shape`] where negatives are not `[B, K, nc]` with an even K.
pub fn negative_diversity(negatives: &[Tensor]) -> Result<Tensor, LossError> {
    let mut sum: Option<Tensor> = None;
    for layer in negatives {
        rank(("negatives", layer), 3, "[batch, negatives, channels]")?;
        let half = layer.size()[1] / 2;
        if half == 0 || layer.size()[1] % 2 != 0 {
            let expected = "[batch, an even number, channels]".to_owned();
            return Err(LossError::Shape { what: "negatives", found: layer.size(), expected });
        }
        let apart = (layer.narrow(1, 0, half) - layer.narrow(1, half, half)).abs().mean(None::<Kind>);
        sum = Some(sum.map_or_else(|| apart.shallow_clone(), |sum| sum + &apart));
    }
    let sum = sum.ok_or(LossError::Taps { what: "layers", found: 0, expected: 1 })?;
    Ok(sum / negatives.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

    #[test]
    fn negatives_have_length_one_and_differ_by_noise_and_image() {
        let store = nn::VarStore::new(Device::Cpu);
        let n = NegativeGenerator::new(&store.root(), 2, 4);
        let made = n.forward(1, &Tensor::randn([2, 4], CPU), &Tensor::randn([2, 3, NOISE], CPU)).unwrap();
        assert_eq!(made.size(), [2, 3, 4]);
        let lengths = made.square().sum_dim_intlist([2i64].as_slice(), false, Kind::Float);
        assert!((lengths - 1.0).abs().max().double_value(&[]) < 1e-4);
        assert!((made.get(0) - made.get(1)).abs().max().double_value(&[]) > 1e-3);
        for (mean, noise) in [([2, 5], [2, 3, NOISE]), ([1, 4], [2, 3, NOISE]), ([2, 4], [2, 3, 9])] {
            let refused = n.forward(0, &Tensor::zeros(mean, CPU), &Tensor::zeros(noise, CPU));
            assert!(matches!(refused, Err(LossError::Shape { .. })));
        }
        let beyond = n.forward(2, &Tensor::zeros([1, 4], CPU), &Tensor::zeros([1, 1, NOISE], CPU));
        assert!(matches!(beyond, Err(LossError::Taps { .. })));
    }

    #[test]
    fn diversity_by_hand() {
        let layer = Tensor::from_slice(&[1f32, 2.0, 4.0, 0.0]).view([1, 4, 1]);
        // |1 − 4| and |2 − 0|.
        assert_eq!(negative_diversity(&[layer.shallow_clone()]).unwrap().double_value(&[]), 2.5);
        let still = Tensor::ones([1, 2, 3], CPU);
        assert_eq!(negative_diversity(&[layer, still]).unwrap().double_value(&[]), 1.25);
        assert!(negative_diversity(&[Tensor::ones([1, 3, 3], CPU)]).is_err());
        assert!(negative_diversity(&[]).is_err());
    }
}
