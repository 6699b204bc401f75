//! The networks of a run, built from its configuration.

use crate::config::{Config, DiscriminatorKind, DiscriminatorNorm, GeneratorKind, GeneratorNorm, Method, ModelConfig};
use anyhow::{Context, Result, ensure};
use ndarray::Array3;
use semrel_loss::Formulation;
use semrel_loss::patch_sampler::{HeadKeys, PatchSampler};
use semrel_metrics::FixedFeatures;
use semrel_nn::checkpoint::StateDict;
use semrel_nn::layers::NormType;
use semrel_nn::light::{LightConfig, LightGenerator};
use semrel_nn::patchgan::{PatchDiscriminator, PatchGanConfig, PatchGanKind};
use semrel_nn::projected::{ProjectedConfig, ProjectedDiscriminator};
use semrel_nn::resnet::{ResnetConfig, ResnetGenerator};
use semrel_nn::stylegan2;
use semrel_nn::{Net, NetworkError, Trained, draw_scales};

use of_both_domains::scales;
use tch::{Device, nn};

mod of_both_domains;

pub use of_both_domains::{content_discriminator, drit_translator, munit_pair, unit_pair};
pub use semrel_nn::Discriminator;
pub use semrel_train::passes::Generator;

const DISCRIMINATOR_SIZE: &str = "config key `data.image_size`: the discriminator";
const PROJECTED: &str = "config key `model.discriminator` (`patch` needs no fixed network)";

/// What the residual generator of a run consists of.
pub fn resnet(config: &Config) -> ResnetConfig {
    let m = &config.model;
    ResnetConfig {
        width: m.ngf,
        blocks: m.blocks,
        antialias: m.antialias,
        antialias_up: m.antialias_up,
        norm: norm(config),
        output: m.output,
        border: m.border,
        ..ResnetConfig::cut()
    }
}

fn norm(config: &Config) -> NormType {
    match config.model.norm {
        GeneratorNorm::Instance => NormType::Instance,
        GeneratorNorm::InstanceAffine => NormType::InstanceAffine,
        GeneratorNorm::Pixel => NormType::Pixel,
    }
}

fn style_resolution(config: &Config) -> i64 {
    stylegan2::resolution(i64::from(config.data.load_size), i64::from(config.data.image_size))
}

/// A generator with fresh weights, drawn from torch's generator.
///
/// # Errors
/// Where the settings make no network.
pub fn new_generator(config: &Config, device: Device) -> Result<Net<Generator>> {
    generator(config, device, |resnet| resnet)
}

/// As [`new_generator`], with every operation as published where the generator otherwise takes faster equal ones.
///
/// # Errors
/// As [`new_generator`].
pub(crate) fn new_published_generator(config: &Config, device: Device) -> Result<Net<Generator>> {
    generator(config, device, ResnetGenerator::with_published_arithmetic)
}

fn generator(
    config: &Config,
    device: Device,
    arithmetic: fn(ResnetGenerator) -> ResnetGenerator,
) -> Result<Net<Generator>> {
    let m = &config.model;
    match m.generator {
        GeneratorKind::Munit => Ok(munit_pair(config, device)?.1),
        GeneratorKind::Unit => Ok(unit_pair(config, device)?.1),
        GeneratorKind::Drit => Ok(drit_translator(config, device)?.1),
        GeneratorKind::Resnet => {
            let shape = resnet(config);
            shape.check().context("config section `model`")?;
            let net = Net::new(device, |p| Box::new(arithmetic(ResnetGenerator::new(p, &shape))) as Generator);
            draw(m, m.norm == GeneratorNorm::InstanceAffine, &net.state());
            Ok(net)
        }
        GeneratorKind::Light => {
            let shape =
                LightConfig { width: m.ngf, blocks: m.blocks, channels: 3, norm: norm(config), output: m.output };
            shape.check().context("config section `model`")?;
            let net = Net::new(device, |p| Box::new(LightGenerator::new(p, &shape)) as Generator);
            draw(m, m.norm == GeneratorNorm::InstanceAffine, &net.state());
            LightGenerator::soften(&net.state());
            Ok(net)
        }
        GeneratorKind::Stylegan2 => {
            let shape = stylegan2::GeneratorConfig {
                width: m.ngf,
                blocks: m.blocks,
                resolution: style_resolution(config),
                ..stylegan2::GeneratorConfig::sincut()
            };
            shape.check().context("config section `model`")?;
            Ok(Net::new(device, |p| Box::new(stylegan2::Generator::new(p, &shape)) as Generator))
        }
    }
}

/// Draws weights by the run's rule, and scales of norms that have one.
fn draw(model: &ModelConfig, scales: bool, state: &StateDict) {
    model.init.draw(state, model.init_biases);
    if scales {
        draw_scales(state);
    }
}

/// A discriminator with fresh weights, drawn from torch's generator.
///
/// # Errors
/// Where the settings make no network, or one that does not take crops of `data.image_size`; where a fixed network that it
/// looks through has no weights here.
pub fn new_discriminator(config: &Config, device: Device) -> Result<Net<Discriminator>> {
    let m = &config.model;
    let patch = |kind| -> Result<_> {
        let shape = PatchGanConfig { kind, width: m.ndf, antialias: m.antialias, ..PatchGanConfig::cut() };
        let shape = shape.with_norm(m.norm_discriminator);
        shape.check().context("config section `model`")?;
        Ok(shape)
    };
    let patches = || patch(PatchGanKind::NLayers(m.n_layers));
    let fixed = || FixedFeatures::efficientnet_lite0_scales(device).context(PROJECTED);
    let drawn = |build: &dyn Fn(&nn::Path) -> Discriminator| {
        let net = Net::new(device, build);
        draw(m, m.norm_discriminator == DiscriminatorNorm::InstanceAffine, &net.state());
        net.settle_spectral();
        net
    };
    let net = match m.discriminator {
        DiscriminatorKind::Patch => {
            let shape = patches()?;
            drawn(&|p| Discriminator::Patch(PatchDiscriminator::new(p, &shape)))
        }
        DiscriminatorKind::Scales => scales(config, device)?,
        DiscriminatorKind::Pixel => {
            let shape = patch(PatchGanKind::Pixel)?;
            drawn(&|p| Discriminator::Patch(PatchDiscriminator::new(p, &shape)))
        }
        DiscriminatorKind::Projected => {
            let features = fixed()?;
            drawn(&|p| Discriminator::Projected(projected(p, &features)))
        }
        DiscriminatorKind::Both => {
            let (shape, features) = (patches()?, fixed()?);
            drawn(&|p| Discriminator::Both {
                patch: PatchDiscriminator::new(&(p / "patch"), &shape),
                projected: projected(&(p / "projected"), &features),
            })
        }
        DiscriminatorKind::Stylegan2 => {
            let shape = stylegan2::DiscriminatorConfig { width: m.ndf, resolution: style_resolution(config) };
            shape.check().context("config section `model`")?;
            Net::new(device, |p| Discriminator::Style(stylegan2::Discriminator::new(p, &shape)))
        }
    };
    net.check_side(i64::from(config.data.image_size)).context(DISCRIMINATOR_SIZE)?;
    Ok(net)
}

fn projected(path: &nn::Path, features: &FixedFeatures) -> ProjectedDiscriminator {
    ProjectedDiscriminator::new(path, Box::new(features.clone()), &ProjectedConfig::DEFAULT)
}

/// Projection heads F over the generator's layers, with fresh weights, drawn from torch's generator.
///
/// # Errors
/// Where a layer does not exist, or has fewer positions than the official formulation's mask takes for granted.
pub fn new_heads(config: &Config, generator: &Net<Generator>) -> Result<Net<PatchSampler>> {
    let m = &config.model;
    let side = i64::from(config.data.image_size);
    let shapes = generator.tap_shapes(side, side, &m.nce_layers).context("config key `model.nce_layers`")?;
    if config.loss.formulation == Formulation::Official && config.loss.hard && config.loss.num_patches > 1 {
        for ((_, h, w), layer) in shapes.iter().zip(&m.nce_layers) {
            ensure!(
                h * w >= config.loss.num_patches,
                "config key `loss.num_patches`: {} with {h} x {w} positions at layer {layer} for images of {side}; use at \
                 most {}, or larger images (the official mask of the diagonal has the side `num_patches`)",
                config.loss.num_patches,
                h * w
            );
        }
    }
    let channels: Vec<i64> = shapes.iter().map(|&(c, _, _)| c).collect();
    let net = Net::new(generator.device(), |p| PatchSampler::new(p, &channels, m.patch_dim, HeadKeys::Underscored));
    m.init_heads.unwrap_or(m.init).apply(&net.state());
    Ok(net)
}

/// Whether the networks of a run fit its settings and its images.
///
/// # Errors
/// As [`new_generator`], [`new_discriminator`] and [`new_heads`].
pub fn check(config: &Config) -> Result<()> {
    let generator = new_generator(config, Device::Cpu)?;
    new_discriminator(config, Device::Cpu)?;
    if config.has_patch_terms() {
        new_heads(config, &generator)?;
    }
    if config.method == Method::Drit {
        content_discriminator(config, Device::Cpu)?;
    }
    Ok(())
}

/// Whether a generator takes a picture [3, H, W], and has these layers.
///
/// # Errors
/// A size that it does not take, a layer that it does not have.
pub fn takes(generator: &Net<Generator>, picture: &Array3<f32>, layers: &[i64]) -> Result<(), NetworkError> {
    let (_, height, width) = picture.dim();
    generator.tap_shapes(height as i64, width as i64, layers).map(|_| ())
}

/// A network with a fresh optimiser of the run.
pub fn trained<T>(config: &Config, net: Net<T>) -> Trained<T> {
    Trained::new(net, config.adam())
}
