//! The networks of a run, each with its optimiser, and the averages that translate.

use crate::config::{Config, DiscriminatorKind, Method};
use semrel_loss::patch_sampler::{HeadKeys, PatchSampler};
use semrel_nn::stargan2::{Discriminator, Generator, GeneratorKind, MappingNetwork, StyleEncoder};
use semrel_nn::{Ema, Net, Trained, he_normal};
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
    /// G.
    pub generator: Trained<Generator>,
    /// F of StarGAN v2.
    pub mapping_network: Trained<MappingNetwork>,
    /// E.
    pub style_encoder: Trained<StyleEncoder>,
    /// D as published; none where the run has others.
    pub discriminator: Option<Trained<Discriminator>>,
    /// Projection heads of the patch losses; only where the method has them.
    pub patch_sample: Option<Trained<PatchSampler>>,
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
        let Translator { generator, mapping_network, style_encoder, .. } = Translator::new(config, num_domains, device);
        // The official code taps the blocks at 64 × 64 for images of 256, a quarter of the side.
        let (taps, patch_sample) = if config.method == Method::Ours {
            let taps = generator.blocks_at(4);
            let channels: Vec<i64> = taps.iter().map(|&i| generator.encoder_widths()[i]).collect();
            (taps, Some(Net::new(device, |p| PatchSampler::new(p, &channels, m.patch_dim, HeadKeys::Dotted))))
        } else {
            (vec![], None)
        };
        let width = m.first_width(size);
        let published = m.discriminator == DiscriminatorKind::StarganV2;
        let discriminator =
            published.then(|| Net::new(device, |p| Discriminator::new(p, size, width, m.max_width, num_domains)));
        let average = Translator::new(config, num_domains, device);
        let others = [style_encoder.state(), mapping_network.state(), generator.state()];
        for state in discriminator.iter().map(Net::state).chain(others) {
            he_normal(&state);
        }
        if m.generator == GeneratorKind::Light {
            Generator::soften(&generator.state());
        }
        if let Some(patch_sample) = &patch_sample {
            he_normal(&patch_sample.state());
        }
        let adam = config.optim.adam();
        let networks = Self {
            generator: Trained::new(generator, adam),
            mapping_network: Trained::new(mapping_network, config.optim.mapping_adam()),
            style_encoder: Trained::new(style_encoder, adam),
            discriminator: discriminator.map(|net| Trained::new(net, config.optim.adam_discriminator())),
            patch_sample: patch_sample.map(|heads| Trained::new(heads, adam)),
            average,
            taps,
        };
        networks.start_average();
        networks
    }

    /// D of a run that has the published one. Panics where it has others.
    pub fn published_discriminator(&mut self) -> &mut Trained<Discriminator> {
        self.discriminator.as_mut().expect("the run has the published discriminator")
    }

    /// Sets the averages to the present weights.
    pub fn start_average(&self) {
        let average = &self.average;
        Ema::start(&average.generator, &self.generator.net);
        Ema::start(&average.mapping_network, &self.mapping_network.net);
        Ema::start(&average.style_encoder, &self.style_encoder.net);
    }

    /// One update of the averages.
    pub fn update_average(&self, beta: f64) {
        let (ema, average) = (Ema { beta }, &self.average);
        ema.update(&average.generator, &self.generator.net);
        ema.update(&average.mapping_network, &self.mapping_network.net);
        ema.update(&average.style_encoder, &self.style_encoder.net);
    }

    /// The same networks in another precision, with fresh optimisers, for reference computations.
    pub fn into_kind(mut self, kind: Kind) -> Self {
        self.generator.convert(kind);
        self.mapping_network.convert(kind);
        self.style_encoder.convert(kind);
        if let Some(discriminator) = &mut self.discriminator {
            discriminator.convert(kind);
        }
        if let Some(heads) = &mut self.patch_sample {
            heads.convert(kind);
        }
        Self { average: self.average.into_kind(kind), ..self }
    }
}
