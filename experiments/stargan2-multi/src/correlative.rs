//! The spatially-correlative term of StarGAN v2 + LSeSim: similarity maps of fixed features, seen through learned heads.

use semrel_loss::LossError;
use semrel_loss::lsesim::{LSeSimConfig, LSeSimHeads, spatially_correlative, spatially_correlative_contrast};
use semrel_loss::patch_sampler::PatchSampler;
use semrel_nn::{Adam, AdamConfig, Net, flat_gradients};
use tch::{Device, Tensor};

/// Images `[B, 3, H, W]` in [-1, 1] to feature maps of several layers; differentiable, weights fixed.
pub type FixedFeatures = Box<dyn Fn(&Tensor) -> Vec<Tensor>>;

/// Fixed features, learned heads, and the heads' optimiser.
pub struct Correlative {
    features: FixedFeatures,
    /// Learned heads over the features.
    pub heads: Net<LSeSimHeads>,
    /// The heads' optimiser.
    pub adam: Adam,
    config: LSeSimConfig,
    num_patches: i64,
}

impl Correlative {
    /// Heads for `features`, whose channels `channels` says. The heads draw their weights from torch's generator.
    pub fn new(features: FixedFeatures, channels: &[i64], num_patches: i64, lr: f64, device: Device) -> Self {
        let heads = Net::new(device, |p| LSeSimHeads::new(p, channels));
        let config = AdamConfig { lr, beta1: 0.5, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 };
        let adam = Adam::new(config, &heads);
        Self { features, heads, adam, config: LSeSimConfig::default(), num_patches }
    }

    /// Features of images.
    pub fn features(&self, images: &Tensor) -> Vec<Tensor> {
        (self.features)(images)
    }

    /// Query positions of each layer, the same for all images.
    pub fn positions(&self, features: &[Tensor]) -> Vec<Tensor> {
        let areas: Vec<i64> = features.iter().map(|f| f.size()[2] * f.size()[3]).collect();
        PatchSampler::positions(&areas, self.num_patches, features[0].device())
    }

    /// One step of the heads: maps of input and output at the same query belong together, those of other queries and of
    /// another image (a real image, turned by half) do not. Returns the contrastive loss.
    pub fn step_heads(
        &mut self,
        real: &[Tensor],
        fake: &[Tensor],
        other: &[Tensor],
        positions: &[Tensor],
    ) -> Result<Tensor, LossError> {
        let loss = spatially_correlative_contrast(real, fake, other, positions, Some(&self.heads), &self.config)?;
        let gradient = flat_gradients(&loss, &[self.heads.parameters().collect()]).remove(0);
        self.adam.step(&self.heads, gradient);
        Ok(loss.detach())
    }

    /// The loss between input and output, with gradient to the output's features.
    pub fn loss(&self, real: &[Tensor], fake: &[Tensor], positions: &[Tensor]) -> Result<Tensor, LossError> {
        spatially_correlative(real, fake, positions, Some(&self.heads), &self.config)
    }
}
