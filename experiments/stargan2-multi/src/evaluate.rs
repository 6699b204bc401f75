//! What an evaluation of this experiment looks at, and its networks as the evaluation uses them.

use crate::config::Config;
use crate::data::Data;
use crate::networks::Translator;
use semrel_eval::domains::{DomainImages, DomainMetrics, DomainOptions, DomainReference, DomainTruth, StyleTranslator};
use semrel_eval::{EvalError, ExtractorChoice};
use tch::{Device, Kind, Tensor};

/// The networks that measure.
///
/// # Errors
/// Names the config key: unknown names, weights that are missing (and the command that fetches them).
pub fn metrics(config: &Config, device: Device) -> Result<DomainMetrics, EvalError> {
    let eval = &config.eval;
    let extractor = ExtractorChoice { name: &eval.extractor, weights: eval.extractor_weights.as_deref() };
    DomainMetrics::load(extractor, &eval.perceptual, device)
}

/// The real images of a run's data, as its evaluation sees them.
///
/// # Errors
/// Images that cannot be read, domains with too few, and as [`truth`].
pub fn reference<'a>(
    config: &Config,
    data: &'a Data,
    metrics: &'a DomainMetrics,
    quiet: bool,
) -> Result<DomainReference<'a>, EvalError> {
    DomainReference::new(images(data), metrics, options(config), quiet)
}

/// As [`reference`], of the test images, with their truth where it is known.
///
/// # Errors
/// As [`reference`] and [`truth`].
pub fn reference_of_tests<'a>(
    config: &Config,
    data: &'a Data,
    metrics: &'a DomainMetrics,
    quiet: bool,
) -> Result<DomainReference<'a>, EvalError> {
    Ok(reference(config, data, metrics, quiet)?.with_truth(truth(config, data, quiet)?))
}

/// The truth of the test images, where it is known. What does not fit is refused here, before anything is trained.
///
/// # Errors
/// As [`DomainTruth::open`].
pub fn truth(config: &Config, data: &Data, quiet: bool) -> Result<Option<DomainTruth>, EvalError> {
    let open = |folder| DomainTruth::open(folder, images(data), options(config), quiet);
    config.eval.truth.as_deref().map(open).transpose()
}

fn images(data: &Data) -> DomainImages<'_> {
    DomainImages { domains: &data.domains, train: &data.train, val: &data.looked_at }
}

fn options(config: &Config) -> DomainOptions {
    DomainOptions {
        size: config.data.image_size as u32,
        batch: config.eval.batch_size as usize,
        num_outs: config.eval.num_outs,
        max_sources: config.eval.max_sources,
        max_reals: config.eval.max_reals,
        seed: config.seed,
    }
}

impl StyleTranslator for Translator {
    fn device(&self) -> Device {
        self.generator.device()
    }

    fn random_styles(&self, n: i64, domain: usize) -> Tensor {
        let z = Tensor::randn([n, self.latent_dim], (Kind::Float, self.device()));
        self.mapping_network.forward(&z, &vec![domain as i64; n as usize])
    }

    fn styles_of(&self, images: &Tensor, domain: usize) -> Tensor {
        self.style_encoder.forward(images, &vec![domain as i64; images.size()[0] as usize])
    }

    fn outputs(&self, images: &Tensor, styles: &[Tensor]) -> Vec<Tensor> {
        let encoded = self.generator.encode(images, &[]);
        styles.iter().map(|styles| self.generator.decode(&encoded, styles)).collect()
    }
}
