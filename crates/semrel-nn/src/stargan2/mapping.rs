//! Mapping network `F(z, y)`: a latent code to a style of a domain.

use super::per_domain;
use tch::{Tensor, nn};

/// Shared layers, then a head for each domain.
///
/// Keys `shared.{0,2,4,6}.*` (linear + ReLU each) and `unshared.{d}.{0,2,4,6}.*` (three linear + ReLU, one linear).
#[derive(Debug)]
pub struct MappingNetwork {
    shared: Vec<nn::Linear>,
    unshared: Vec<Vec<nn::Linear>>,
}

impl MappingNetwork {
    /// `hidden` is 512 as published.
    pub fn new(path: &nn::Path, latent_dim: i64, hidden: i64, style_dim: i64, num_domains: i64) -> Self {
        let linear = |path: nn::Path, cin, cout| nn::linear(path, cin, cout, Default::default());
        let shared = path / "shared";
        let unshared = path / "unshared";
        Self {
            shared: (0..4)
                .map(|i| linear(&shared / (2 * i), if i == 0 { latent_dim } else { hidden }, hidden))
                .collect(),
            unshared: (0..num_domains)
                .map(|d| {
                    let head = &unshared / d;
                    (0..4).map(|i| linear(&head / (2 * i), hidden, if i == 3 { style_dim } else { hidden })).collect()
                })
                .collect(),
        }
    }

    /// Latents `[B, latent_dim]` and domains `y` (B of them) to styles `[B, style_dim]`.
    pub fn forward(&self, z: &Tensor, y: &[i64]) -> Tensor {
        let h = self.shared.iter().fold(z.shallow_clone(), |h, layer| h.apply(layer).relu());
        per_domain(y, z.device(), |d, rows| {
            let layers = &self.unshared[d as usize];
            layers[..3].iter().fold(rows(&h), |h, layer| h.apply(layer).relu()).apply(&layers[3])
        })
    }
}
