//! The networks of a row, built from its configuration, with fresh weights drawn from torch's generator.

use crate::config::{Config, TrainConfig};
use anyhow::{Context, Result, ensure};
use semrel_metrics::FixedFeatures;
pub use semrel_nn::distillation::TAPS;
use semrel_nn::distillation::{Adapter, ProjectionHead};
use semrel_nn::mobile_resnet::{MobileConfig, SuperMobileResnet, Variant};
use semrel_nn::patchgan::{DiscriminatorNorm, PatchDiscriminator, PatchGanConfig};
use semrel_nn::projected::{ProjectedConfig, ProjectedDiscriminator};
use semrel_nn::resnet::{ResnetConfig, ResnetGenerator};
use semrel_nn::{Discriminator, InitType, Net, Trained, draw_scales};
use semrel_train::passes::Generator;
use tch::Device;

/// The largest width that a network is built with.
pub const WIDEST: i64 = 1024;

/// The teacher of a width, `resnet_9blocks`.
pub fn teacher_config(width: i64, Variant { norm, output, doubling }: Variant) -> ResnetConfig {
    ResnetConfig { width, norm, output, doubling, ..ResnetConfig::compression_teacher() }
}

/// The teacher of a row.
///
/// # Errors
/// Where the settings make no network.
pub fn new_teacher(config: &Config, device: Device) -> Result<Net<Generator>> {
    let shape = teacher_config(config.model.teacher_ngf, config.model.variant());
    shape.check().context("config key `model.teacher_ngf`")?;
    let net = Net::new(device, |p| Box::new(ResnetGenerator::new(p, &shape)) as Generator);
    config.model.init.apply(&net.state());
    Ok(net)
}

/// The once-for-all student: `super_mobile_resnet_9blocks`.
///
/// # Errors
/// Where the settings make no network.
pub fn new_student(config: &Config, device: Device) -> Result<Net<SuperMobileResnet>> {
    let Variant { norm, output, doubling } = config.model.variant();
    let shape = MobileConfig { norm, output, doubling, ..MobileConfig::published(config.model.student_ngf) };
    shape.check_elastic().context("config key `model.student_ngf`")?;
    let net = Net::new(device, |p| SuperMobileResnet::new(p, &shape));
    config.model.init.apply(&net.state());
    Ok(net)
}

/// A discriminator of images, or of inputs and outputs together where images come in pairs.
///
/// # Errors
/// Where the settings make no network, or one that does not take crops of `data.image_size`.
pub fn new_discriminator(config: &Config, device: Device) -> Result<Net<Discriminator>> {
    discriminator(config, if config.aligned() { 6 } else { 3 }, device)
}

fn discriminator(config: &Config, in_channels: i64, device: Device) -> Result<Net<Discriminator>> {
    let m = &config.model;
    let shape =
        PatchGanConfig { kind: m.discriminator, width: m.ndf, in_channels, antialias: false, ..PatchGanConfig::cut() };
    let shape = shape.with_norm(m.norm_discriminator);
    shape.check().context("config section `model`")?;
    let net = match m.projected {
        false => Net::new(device, |p| Discriminator::Patch(PatchDiscriminator::new(p, &shape))),
        true => {
            let features = FixedFeatures::efficientnet_lite0_scales(device).context("config key `model.projected`")?;
            Net::new(device, |p| Discriminator::Both {
                patch: PatchDiscriminator::new(&(p / "patch"), &shape),
                projected: ProjectedDiscriminator::new(
                    &(p / "projected"),
                    Box::new(features),
                    &ProjectedConfig::DEFAULT,
                ),
            })
        }
    };
    let side = i64::from(config.data.image_size);
    net.check_side(side).context("config key `data.image_size`: the discriminator")?;
    m.init.apply(&net.state());
    if m.norm_discriminator == DiscriminatorNorm::InstanceAffine {
        draw_scales(&net.state());
    }
    net.settle_spectral();
    Ok(net)
}

/// One adapter a tap, keys `<tap>.weight`, `<tap>.bias`.
#[derive(Debug)]
pub struct Adapters(pub Vec<Adapter>);

/// One projection head a tap, keys `<tap>.mlp.…`.
#[derive(Debug)]
pub struct Heads(pub Vec<ProjectionHead>);

/// The adapters A, from the student's taps to the teacher's width.
pub fn new_adapters(config: &Config, device: Device) -> Net<Adapters> {
    let (student, teacher) = (config.model.student_ngf, config.model.teacher_ngf);
    let one = |p: &tch::nn::Path, tap: usize| Adapter::new(&(p / tap), student, teacher);
    // Adapters and heads start so whatever the generators do.
    let net = Net::new(device, |p| Adapters((0..TAPS.len()).map(|tap| one(p, tap)).collect()));
    InitType::COMPRESSION.apply(&net.state());
    net
}

/// The heads F, one for both taps of each place.
///
/// # Errors
/// A student narrower than its teacher, whose taps the heads could not take.
pub fn new_heads(config: &Config, device: Device) -> Result<Net<Heads>> {
    let m = &config.model;
    ensure!(
        m.student_ngf >= m.teacher_ngf,
        "config key `model.student_ngf`: {} with model.teacher_ngf {}; a head takes the taps of both, so the student must be at \
         least as wide as the teacher",
        m.student_ngf,
        m.teacher_ngf
    );
    let one = |p: &tch::nn::Path, tap: usize| ProjectionHead::new(&(p / tap), m.student_ngf, m.teacher_ngf);
    let net = Net::new(device, |p| Heads((0..TAPS.len()).map(|tap| one(p, tap)).collect()));
    InitType::COMPRESSION.apply(&net.state());
    Ok(net)
}

/// A network with a fresh optimiser of a stage.
pub fn trained<T>(train: &TrainConfig, net: Net<T>) -> Trained<T> {
    Trained::new(net, train.adam())
}
