//! The networks of a run, their averages, and their optimisers.

use crate::config::{Config, Method};
use semrel_loss::patch_sampler::{HeadKeys, PatchSampler};
use semrel_nn::stargan2::{Discriminator, Generator, MappingNetwork, StyleEncoder};
use semrel_nn::{Adam, Ema, Net, he_normal};
use tch::{Device, Kind};

/// The three networks that translate: what is averaged, evaluated and shipped.
pub struct Translator {
    /// G.
    pub generator: Net<Generator>,
    /// F of StarGAN v2.
    pub mapping_network: Net<MappingNetwork>,
    /// E.
    pub style_encoder: Net<StyleEncoder>,
    /// Length of a latent code.
    pub latent_dim: i64,
}

impl Translator {
    /// Networks for `num_domains` domains, with torch's default initialisation.
    pub fn new(config: &Config, num_domains: i64, device: Device) -> Self {
        let (m, size) = (&config.model, config.data.image_size);
        let width = m.first_width(size);
        Self {
            generator: Net::new(device, |p| Generator::new(p, &m.generator_config(size))),
            mapping_network: Net::new(device, |p| {
                MappingNetwork::new(p, m.latent_dim, m.mapping_width, m.style_dim, num_domains)
            }),
            style_encoder: Net::new(device, |p| {
                StyleEncoder::new(p, size, width, m.max_width, m.style_dim, num_domains)
            }),
            latent_dim: m.latent_dim,
        }
    }

    fn into_kind(self, kind: Kind) -> Self {
        Self {
            generator: self.generator.into_kind(kind),
            mapping_network: self.mapping_network.into_kind(kind),
            style_encoder: self.style_encoder.into_kind(kind),
            latent_dim: self.latent_dim,
        }
    }
}

/// All networks that train, with the averages of those that translate.
pub struct Networks {
    /// Trained weights.
    pub translator: Translator,
    /// D.
    pub discriminator: Net<Discriminator>,
    /// Projection heads of the patch losses; only where the method has them.
    pub patch_sample: Option<Net<PatchSampler>>,
    /// Averaged weights.
    pub average: Translator,
    /// Encoder blocks whose outputs the patch losses compare.
    pub taps: Vec<usize>,
}

impl Networks {
    /// Networks for `num_domains` domains. Weights are drawn from torch's generator: N(0, 2/fan_in), biases 0. The
    /// averages start as copies (the official code starts them at other random weights, which 10⁵ iterations forget).
    pub fn new(config: &Config, num_domains: i64, device: Device) -> Self {
        let (m, size) = (&config.model, config.data.image_size);
        let translator = Translator::new(config, num_domains, device);
        // The official code taps the blocks at 64 × 64 for images of 256, a quarter of the side.
        let (taps, patch_sample) = if config.method == Method::Ours {
            let taps = translator.generator.blocks_at(4);
            let channels: Vec<i64> = taps.iter().map(|&i| translator.generator.encoder_widths()[i]).collect();
            (taps, Some(Net::new(device, |p| PatchSampler::new(p, &channels, m.patch_dim, HeadKeys::Dotted))))
        } else {
            (vec![], None)
        };
        let width = m.first_width(size);
        let discriminator = Net::new(device, |p| Discriminator::new(p, size, width, m.max_width, num_domains));
        let average = Translator::new(config, num_domains, device);
        let networks = Self { translator, discriminator, patch_sample, average, taps };
        for state in [
            networks.discriminator.state(),
            networks.translator.style_encoder.state(),
            networks.translator.mapping_network.state(),
            networks.translator.generator.state(),
        ] {
            he_normal(&state);
        }
        if let Some(patch_sample) = &networks.patch_sample {
            he_normal(&patch_sample.state());
        }
        networks.start_average();
        networks
    }

    /// Sets the averages to the present weights.
    pub fn start_average(&self) {
        let (now, average) = (&self.translator, &self.average);
        Ema::start(&average.generator, &now.generator);
        Ema::start(&average.mapping_network, &now.mapping_network);
        Ema::start(&average.style_encoder, &now.style_encoder);
    }

    /// One update of the averages.
    pub fn update_average(&self, beta: f64) {
        let (ema, now, average) = (Ema { beta }, &self.translator, &self.average);
        ema.update(&average.generator, &now.generator);
        ema.update(&average.mapping_network, &now.mapping_network);
        ema.update(&average.style_encoder, &now.style_encoder);
    }

    /// The same networks in another precision, for reference computations.
    pub fn into_kind(self, kind: Kind) -> Self {
        Self {
            translator: self.translator.into_kind(kind),
            discriminator: self.discriminator.into_kind(kind),
            patch_sample: self.patch_sample.map(|p| p.into_kind(kind)),
            average: self.average.into_kind(kind),
            taps: self.taps,
        }
    }
}

/// One Adam a network.
pub struct Optimisers {
    /// Of G.
    pub generator: Adam,
    /// Of F of StarGAN v2.
    pub mapping_network: Adam,
    /// Of E.
    pub style_encoder: Adam,
    /// Of D.
    pub discriminator: Adam,
    /// Of the projection heads.
    pub patch_sample: Option<Adam>,
}

impl Optimisers {
    /// Fresh state.
    pub fn new(config: &Config, networks: &Networks) -> Self {
        let adam = config.optim.adam();
        let t = &networks.translator;
        Self {
            generator: Adam::new(adam, &t.generator),
            mapping_network: Adam::new(config.optim.mapping_adam(), &t.mapping_network),
            style_encoder: Adam::new(adam, &t.style_encoder),
            discriminator: Adam::new(adam, &networks.discriminator),
            patch_sample: networks.patch_sample.as_ref().map(|p| Adam::new(adam, p)),
        }
    }
}
