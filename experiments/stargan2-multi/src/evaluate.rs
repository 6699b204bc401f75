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
    let more = config.eval.more.load(metrics.extractor().device())?;
    Ok(reference(config, data, metrics, quiet)?.with_truth(truth(config, data, quiet)?).with_more(more))
}

/// Refuses what the evaluation of the test images would fail at, before anything is trained: a truth that does not fit, further
/// scores that cannot be computed.
///
/// # Errors
/// As [`truth`]; weights that are missing; more neighbours than a pair of domains has outputs, or a domain real images.
pub fn check_tests(config: &Config, device: Device, quiet: bool) -> anyhow::Result<()> {
    let (eval, data) = (&config.eval, Data::of_tests(config)?);
    truth(config, &data, quiet)?;
    eval.more.load(device)?;
    let images = images(&data);
    let least = |sizes: Vec<usize>, most: Option<usize>| sizes.into_iter().chain(most).min().unwrap_or(0);
    let outputs = least(images.val.sizes(), eval.max_sources).saturating_mul(eval.num_outs as usize);
    Ok(eval.more.check_neighbours(outputs.min(least(images.train.sizes(), eval.max_reals)))?)
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
