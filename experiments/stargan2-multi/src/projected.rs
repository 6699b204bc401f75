//! The second discriminator: heads for each domain over the fixed features of EfficientNet-Lite0.
//!
//! It judges both kinds of outputs of an iteration, latent-guided and reference-guided, in one step; the generator's passes
//! add its term to that of the published discriminator.

use crate::config::{Config, SecondDiscriminator};
use anyhow::{Context, Result};
use semrel_loss::gan::{Target, adversarial};
use semrel_metrics::FixedFeatures;
use semrel_nn::projected::{ProjectedConfig, ProjectedDiscriminator};
use semrel_nn::{Net, Trained, he_normal};
use tch::{Device, Tensor};

/// Heads over fixed features, one logit for each domain at each position.
#[derive(Debug)]
pub struct Projected {
    /// The heads, with their optimiser.
    pub heads: Trained<ProjectedDiscriminator>,
}

impl Projected {
    /// Fresh heads for `num_domains` domains, drawn from torch's generator; `None` where the run has none.
    ///
    /// # Errors
    /// Where the weights of the features are not there: says how to get them.
    pub fn new(config: &Config, num_domains: i64, device: Device) -> Result<Option<Self>> {
        if config.model.second_discriminator == SecondDiscriminator::None {
            return Ok(None);
        }
        let features = FixedFeatures::efficientnet_lite0_scales(device)
            .context("config key `model.second_discriminator` (`none` needs no fixed network)")?;
        let shape = ProjectedConfig { outputs: num_domains, ..ProjectedConfig::DEFAULT };
        let net = Net::new(device, |p| ProjectedDiscriminator::new(p, Box::new(features), &shape));
        he_normal(&net.state());
        net.settle_spectral();
        Ok(Some(Self { heads: Trained::new(net, config.optim.adam()) }))
    }

    /// Mean over scales of the adversarial loss of images whose domains are `y`.
    fn loss(&self, images: &Tensor, y: &[i64], target: Target) -> Tensor {
        let looks = self.heads.forward(images);
        let count = looks.len() as f64;
        let index = Tensor::from_slice(y).to_device(images.device()).view([-1, 1, 1, 1]);
        let of_domain = |logits: &Tensor| {
            let size = logits.size();
            let own = logits.gather(1, &index.expand([size[0], 1, size[2], size[3]], false), false);
            adversarial(&own, target).expect("logits of images")
        };
        looks.iter().map(of_domain).sum::<Tensor>() / count
    }

    /// The generator's term: that `fake` counts as an image of the domains `y`.
    pub fn generator_loss(&self, fake: &Tensor, y: &[i64]) -> Tensor {
        self.loss(fake, y, Target::Real)
    }

    /// One step of the heads on real images of the domains `y_org`, and outputs of both guides in the domains `y_trg`, as
    /// constants: `L(real) + ½ (L(latent) + L(reference))`.
    pub fn step(&mut self, real: (&Tensor, &[i64]), fakes: [&Tensor; 2], y_trg: &[i64]) {
        self.heads.iterate_spectral();
        let fake = Tensor::cat(&fakes.map(Tensor::detach), 0);
        let loss = self.loss(real.0, real.1, Target::Real) + self.loss(&fake, &[y_trg, y_trg].concat(), Target::Fake);
        self.heads.backward_step(&loss);
    }
}
