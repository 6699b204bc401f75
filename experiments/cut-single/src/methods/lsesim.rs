//! F-LSeSim and LSeSim (Zheng et al., CVPR 2021): the translation keeps the map of how similar each place is to its
//! surroundings.
//!
//! Similarities are those of VGG-16's features (relu3_1, relu4_1, relu4_3) as published; of EfficientNet-Lite0's, whose
//! weights setup fetches; or of the generator's own layers. LSeSim learns a small head over each layer, by contrast, before
//! D and G are updated; F-LSeSim has none. `L_G = GAN(D(G(x))) + λ · L_spatial(x, G(x))`.

use crate::algorithm::{Algorithm, Batch, Domain, StepInfo};
use crate::config::{Config, CorrelativeFeatures, Method};
use crate::networks::{Discriminator, Generator};
use crate::one_sided::OneSided;
use anyhow::{Context, Result};
use semrel_metrics::FixedFeatures;
use semrel_metrics::weights::VGG16;
use semrel_nn::image_pool::ImagePool;
use semrel_nn::{Net, Trained};
use semrel_train::correlative::Correlative;
use semrel_train::passes::reproduce;
use semrel_train::{Losses, Part};
use tch::{Device, Tensor, no_grad};

const OTHERS: &str = "config key `loss.lsesim_features` (`effnet-lite0` and `generator` need no VGG-16)";

/// Generator, discriminator, and the spatially-correlative term.
#[derive(Debug)]
pub struct LSeSim {
    networks: OneSided,
    /// Absent where the generator's own layers are compared.
    features: Option<FixedFeatures>,
    layers: Vec<i64>,
    term: Correlative,
    lambda: f64,
}

impl LSeSim {
    /// Whether the weights of the features are there, for a run of this method.
    ///
    /// # Errors
    /// As [`LSeSim::new`], without reading them.
    pub fn check_weights(config: &Config) -> Result<()> {
        if config.method == Method::Lsesim && config.loss.lsesim_features == CorrelativeFeatures::Vgg16 {
            VGG16.locate().context(OTHERS)?;
        }
        Ok(())
    }

    /// Fresh networks, their weights drawn from torch's generator.
    ///
    /// # Errors
    /// Where the weights of the features are not there: says how to get them, and what else can be compared.
    pub fn new(config: &Config, device: Device) -> Result<Self> {
        let networks = OneSided::new(config, device)?;
        let (l, layers) = (&config.loss, config.model.nce_layers.clone());
        let features = match l.lsesim_features {
            CorrelativeFeatures::Vgg16 => Some(FixedFeatures::vgg16(device).context(OTHERS)?),
            CorrelativeFeatures::EffnetLite0 => Some(FixedFeatures::efficientnet_lite0(device)?),
            CorrelativeFeatures::Generator => None,
        };
        let channels = match &features {
            Some(features) => features.channels(device),
            None => {
                let side = i64::from(config.data.image_size);
                networks.generator.tap_shapes(side, side, &layers)?.iter().map(|&(c, _, _)| c).collect()
            }
        };
        let term = if l.lsesim_heads {
            Correlative::learned(&channels, l.lsesim_patches, config.optim.lr, device)
        } else {
            Correlative::fixed(l.lsesim_patches)
        };
        Ok(Self { networks, features, layers, term, lambda: l.lambda_lsesim })
    }

    fn maps(&self, images: &Tensor) -> Vec<Tensor> {
        match &self.features {
            Some(fixed) => fixed.maps(images),
            None => self.networks.generator.encode(images, &self.layers),
        }
    }
}

impl Algorithm for LSeSim {
    fn step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses> {
        let mut losses = Losses::new();
        let n = batch.a.size()[0];
        let fake = self.networks.generator.forward(&batch.a);

        // Heads: the input, the output, and another real image, turned by half, as one batch.
        let images = Tensor::cat(&[&batch.a, &fake.detach(), &batch.b.flip([2, 3])], 0);
        let maps = no_grad(|| self.maps(&images));
        let part = |i: i64| maps.iter().map(|map| map.narrow(0, i * n, n)).collect::<Vec<_>>();
        let (real, positions) = (part(0), self.term.positions(&maps));
        let contrast = self.term.step_heads(&real, &part(1), &part(2), &positions).context("the correlative heads")?;
        if let Some(contrast) = contrast {
            losses.push("heads", &contrast);
        }

        self.networks.adversary.train(&fake, &batch.b, info.step, &mut losses);

        let adversarial = self.networks.adversary.generator_loss(&fake);
        let spatial =
            self.term.loss(&real, &self.maps(&fake), &positions).context("the correlative term")? * self.lambda;
        losses.push("G_GAN", &adversarial);
        losses.push("spatial", &spatial);
        let total = adversarial + spatial;
        losses.push("G", &total);
        self.networks.generator.backward_step(&total);
        Ok(losses)
    }

    fn warmup_step(&mut self, batch: &Batch) -> Losses {
        reproduce(&mut self.networks.generator, &Tensor::cat(&[&batch.a, &batch.b], 0))
    }

    fn generator(&self) -> &Net<Generator> {
        &self.networks.generator
    }

    fn parts(&mut self) -> Vec<Part<'_>> {
        let mut parts = self.networks.parts();
        parts.extend(self.term.heads.as_mut().map(|heads: &mut Trained<_>| Part::new("heads", heads)));
        parts
    }

    fn critics(&self) -> Vec<(&Discriminator, Domain)> {
        self.networks.critics()
    }

    fn pools(&mut self) -> Vec<(&'static str, &mut ImagePool)> {
        self.networks.pools()
    }
}
