//! The spatially-correlative term of LSeSim: similarity maps of given features, seen through learned heads (LSeSim) or as
//! they are (F-LSeSim).

use semrel_loss::LossError;
use semrel_loss::lsesim::{LSeSimConfig, LSeSimHeads, spatially_correlative, spatially_correlative_contrast};
use semrel_loss::patch_sampler::PatchSampler;
use semrel_nn::{AdamConfig, Net, Trained};
use tch::{Device, Tensor};

/// The term with what it learns.
#[derive(Debug)]
pub struct Correlative {
    /// Learned heads over the features, if any.
    pub heads: Option<Trained<LSeSimHeads>>,
    config: LSeSimConfig,
    num_patches: i64,
}

impl Correlative {
    /// Without heads.
    pub fn fixed(num_patches: i64) -> Self {
        Self { heads: None, config: LSeSimConfig::default(), num_patches }
    }

    /// With heads over features of these `channels`. They draw their weights from torch's generator.
    pub fn learned(channels: &[i64], num_patches: i64, lr: f64, device: Device) -> Self {
        let heads = Net::new(device, |p| LSeSimHeads::new(p, channels));
        let adam = AdamConfig { lr, beta1: 0.5, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 };
        Self { heads: Some(Trained::new(heads, adam)), ..Self::fixed(num_patches) }
    }

    /// Query positions of each layer, the same for all images.
    pub fn positions(&self, features: &[Tensor]) -> Vec<Tensor> {
        let areas: Vec<i64> = features.iter().map(|f| f.size()[2] * f.size()[3]).collect();
        PatchSampler::positions(&areas, self.num_patches, features[0].device())
    }

    /// One step of the heads, if there are any: maps of input and output at the same query belong together, those of other
    /// queries and of another image (a real image, turned by half) do not. Returns the contrastive loss.
    ///
    /// # Errors
    /// Where the maps do not fit the heads.
    pub fn step_heads(
        &mut self,
        real: &[Tensor],
        fake: &[Tensor],
        other: &[Tensor],
        positions: &[Tensor],
    ) -> Result<Option<Tensor>, LossError> {
        let Some(heads) = &mut self.heads else { return Ok(None) };
        let loss = spatially_correlative_contrast(real, fake, other, positions, Some(&heads.net), &self.config)?;
        heads.backward_step(&loss);
        Ok(Some(loss.detach()))
    }

    /// The loss between input and output, with gradient to the output's features.
    ///
    /// # Errors
    /// As [`Correlative::step_heads`].
    pub fn loss(&self, real: &[Tensor], fake: &[Tensor], positions: &[Tensor]) -> Result<Tensor, LossError> {
        let heads = self.heads.as_ref().map(|h| &*h.net);
        spatially_correlative(real, fake, positions, heads, &self.config)
    }
}
