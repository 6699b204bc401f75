//! Networks that are of both domains, and belong to methods of their own: MUNIT's, UNIT's and DRIT's.

use crate::config::{Attributes, Config, DiscriminatorNorm, GeneratorKind};
use crate::networks::{DISCRIMINATOR_SIZE, Discriminator, Generator};
use anyhow::{Context, Result, ensure};
use semrel_nn::drit::{
    self, ContentDiscriminator, ContentDiscriminatorConfig, ImageDiscriminator, ImageDiscriminatorConfig, Translator,
    TranslatorConfig,
};
use semrel_nn::munit::{self, MultiScaleDiscriminator, Pair, UnitPair};
use semrel_nn::{InitType, Net, StyleChoice, TappedGenerator, at_least};
use std::rc::Rc;
use tch::{Device, nn};

const SECTION: &str = "config section `model`";

/// How MUNIT's discriminators start, whatever the generators do.
const MUNIT_DISCRIMINATOR: InitType = InitType::Normal { gain: 0.02 };

/// A network that is also held by its own type, which translates in random styles of the run's seed.
fn shared<T: TappedGenerator + 'static>(
    config: &Config,
    device: Device,
    build: impl FnOnce(&nn::Path) -> T,
) -> Result<(Rc<T>, Net<Generator>)> {
    let mut own = None;
    let net = Net::new(device, |p| {
        let network = Rc::new(build(p));
        own = Some(network.clone());
        Box::new(network) as Generator
    });
    let side = i64::from(config.data.image_size);
    net.tap_shapes(side, side, &[]).context("config key `data.image_size`: the generator")?;
    if let Some((width, height)) = config.test_size() {
        let fits = net.tap_shapes(height.into(), width.into(), &[]);
        fits.context("config key `data.test_size`: the generator")?;
    }
    net.set_style(StyleChoice::Random { seed: config.seed });
    Ok((own.expect("it was built"), net))
}

fn auto_encoder(config: &Config) -> Result<munit::GeneratorConfig> {
    let m = &config.model;
    let shape = munit::GeneratorConfig {
        width: m.ngf,
        mlp_width: m.mlp_dim,
        style_dim: m.style_dim,
        blocks: m.blocks,
        ..munit::GeneratorConfig::published()
    };
    shape.check().context(SECTION)?;
    Ok(shape)
}

/// MUNIT's auto-encoders with fresh weights, drawn from torch's generator.
///
/// # Errors
/// Where the settings make no network, or one that does not take crops of `data.image_size`.
pub fn munit_pair(config: &Config, device: Device) -> Result<(Rc<Pair>, Net<Generator>)> {
    let shape = auto_encoder(config)?;
    let (pair, net) = shared(config, device, |p| Pair::new(p, &shape))?;
    munit::initialise(&net.state(), config.model.init);
    Ok((pair, net))
}

/// UNIT's auto-encoders with fresh weights, drawn from torch's generator.
///
/// # Errors
/// As [`munit_pair`].
pub fn unit_pair(config: &Config, device: Device) -> Result<(Rc<UnitPair>, Net<Generator>)> {
    let shape = auto_encoder(config)?;
    let (pair, net) = shared(config, device, |p| UnitPair::new(p, &shape))?;
    munit::initialise(&net.state(), config.model.init);
    Ok((pair, net))
}

/// DRIT's encoders and decoders with fresh weights, drawn from torch's generator.
///
/// # Errors
/// As [`munit_pair`].
pub fn drit_translator(config: &Config, device: Device) -> Result<(Rc<Translator>, Net<Generator>)> {
    let m = &config.model;
    let shape = TranslatorConfig {
        width: m.ngf,
        numbers: m.style_dim,
        concat: m.attributes == Attributes::Concat,
        ..TranslatorConfig::published()
    };
    shape.check().context(SECTION)?;
    let (translator, net) = shared(config, device, |p| Translator::new(p, &shape))?;
    drit::initialise(&net.state());
    Ok((translator, net))
}

/// DRIT's discriminator of contents with fresh weights, drawn from torch's generator.
///
/// # Errors
/// Where the settings make no network, or one that does not take the contents of crops of `data.image_size`.
pub fn content_discriminator(config: &Config, device: Device) -> Result<Net<ContentDiscriminator>> {
    let m = &config.model;
    let shape = ContentDiscriminatorConfig {
        layers: m.content_layers,
        kernel: m.content_kernel,
        last_kernel: m.content_last_kernel,
        ..ContentDiscriminatorConfig::published(4 * m.ngf)
    };
    let (side, least) = (i64::from(config.data.image_size), shape.least_side());
    ensure!(
        side / 4 >= least,
        "config key `data.image_size`: {side}; the discriminator of contents needs at least {}, or fewer \
         `model.content_layers`, or smaller `model.content_kernel` and `model.content_last_kernel`",
        4 * least
    );
    let net = Net::new(device, |p| ContentDiscriminator::new(p, &shape));
    drit::initialise(&net.state());
    Ok(net)
}

/// The published discriminator of the generator's method, of several scales.
///
/// # Errors
/// Where the settings make no network, or one that does not take crops of `data.image_size`.
pub(super) fn scales(config: &Config, device: Device) -> Result<Net<Discriminator>> {
    let m = &config.model;
    let spectral = m.norm_discriminator == DiscriminatorNorm::Spectral;
    // Before it is built: with as many halvings as need larger images, networks are huge.
    let takes = |least| at_least(least, config.data.image_size.into()).context(DISCRIMINATOR_SIZE);
    if m.generator == GeneratorKind::Drit {
        let shape = ImageDiscriminatorConfig { channels: 3, width: m.ndf, scales: m.scales, spectral };
        shape.check().context(SECTION)?;
        takes(shape.least_side())?;
        let net = Net::new(device, |p| Discriminator::DritScales(ImageDiscriminator::new(p, &shape)));
        drit::initialise(&net.state());
        return Ok(net);
    }
    let shape = munit::DiscriminatorConfig {
        width: m.ndf,
        layers: m.n_layers,
        scales: m.scales,
        norm: if spectral { munit::DiscriminatorNorm::Spectral } else { munit::DiscriminatorNorm::None },
        ..munit::DiscriminatorConfig::published()
    };
    shape.check().context(SECTION)?;
    takes(shape.least_side())?;
    let net = Net::new(device, |p| Discriminator::Scales(MultiScaleDiscriminator::new(p, &shape)));
    MUNIT_DISCRIMINATOR.apply(&net.state());
    Ok(net)
}
