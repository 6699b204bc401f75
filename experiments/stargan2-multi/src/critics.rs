//! The discriminators of short runs: patches, and heads over the features of a fixed network, with a logit for each domain.

use crate::config::{Config, DiscriminatorKind};
use crate::losses::DiscriminatorLosses;
use crate::trainer::Batch;
use anyhow::{Context, Result};
use semrel_loss::gan::GanMode;
use semrel_metrics::FixedFeatures;
use semrel_nn::patchgan::{DiscriminatorNorm, PatchDiscriminator, PatchGanConfig};
use semrel_nn::projected::{ProjectedConfig, ProjectedDiscriminator};
use semrel_nn::{Discriminator, Net, Trained, he_normal};
use semrel_train::adversary::{Adversary, Critic, Game, Logits};
use tch::{Device, Tensor};

/// Both, with their optimiser.
#[derive(Debug)]
pub struct Critics(Adversary<Discriminator>);

impl Critics {
    /// Fresh ones for `num_domains` domains, drawn from torch's generator; `None` where the run has the published discriminator.
    ///
    /// # Errors
    /// Settings that make no network; where the weights of the fixed features are not there, it says how to get them.
    pub fn new(config: &Config, num_domains: i64, device: Device) -> Result<Option<Self>> {
        if config.model.discriminator == DiscriminatorKind::StarganV2 {
            return Ok(None);
        }
        let features = FixedFeatures::efficientnet_lite0_scales(device)
            .context("config key `model.discriminator` (`stargan-v2` needs no fixed network)")?;
        let width = config.model.first_width(config.data.image_size).min(config.model.max_width);
        let patches = PatchGanConfig { width, outputs: num_domains, ..PatchGanConfig::cut() };
        let patches = patches.with_norm(DiscriminatorNorm::Spectral);
        patches.check().context("config section `model`")?;
        let heads = ProjectedConfig { outputs: num_domains, ..ProjectedConfig::DEFAULT };
        let net = Net::new(device, |p| Discriminator::Both {
            patch: PatchDiscriminator::new(&(p / "patch"), &patches),
            projected: ProjectedDiscriminator::new(&(p / "projected"), Box::new(features), &heads),
        });
        he_normal(&net.state());
        net.settle_spectral();
        let game = Game { gan: GanMode::Hinge, lambda_gan: config.loss.lambda_adv, lambda_r1: 0.0, seed: config.seed };
        Ok(Some(Self(Adversary::new("D", Trained::new(net, config.optim.adam_discriminator()), 0, game))))
    }

    /// The networks with their optimiser.
    pub fn trained(&mut self) -> &mut Trained<Discriminator> {
        &mut self.0.discriminator
    }

    /// Scales the projected features by real images: once, before the first step.
    pub fn calibrate(&self, images: &Tensor) {
        self.0.discriminator.calibrate(images);
    }

    /// The generator's term, with its weight: that `fake` counts as an image of the domains `y`.
    pub fn generator_loss(&self, fake: &Tensor, y: &[i64]) -> Tensor {
        self.0.generator_loss_of(&self.0.discriminator.logits(fake).of_domains(y))
    }

    /// One step on the real images, and the outputs of both guides as constants: the mean of the losses of each guide.
    pub fn step(&mut self, batch: &Batch, fakes: [&Tensor; 2]) -> [DiscriminatorLosses; 2] {
        self.0.discriminator.prepare_step();
        let Batch { x_real, y_org, y_trg, .. } = batch;
        let n = x_real.size()[0];
        let images = Tensor::cat(&[x_real, &fakes[0].detach(), &fakes[1].detach()], 0);
        let logits = self.0.discriminator.logits(&images).of_domains(&[&y_org[..], y_trg, y_trg].concat());
        let losses = [1, 2].map(|guide| self.guide_loss(&logits.narrow(guide * n, n), &logits.narrow(0, n), x_real));
        self.0.discriminator.backward_step(&((&losses[0].total + &losses[1].total) * 0.5));
        losses.map(DiscriminatorLosses::detached)
    }

    fn guide_loss(&self, fake: &Logits, real: &Logits, images: &Tensor) -> DiscriminatorLosses {
        let loss = self.0.discriminator_loss_of(fake, real, images);
        DiscriminatorLosses { real: loss.real, fake: loss.fake, reg: None, total: loss.total }
    }
}
