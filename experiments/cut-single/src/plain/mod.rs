//! Published steps, operation by operation: images encoded as often as the published code encodes them, one after the other, whole maps
//! reordered before patches are picked, convolutions by their definition, nothing shared. For measuring, and to check that sharing
//! changes no loss.

mod adversarial;
mod contrastive;
mod munit;
mod negcut;

use crate::adversary::Adversary;
use crate::algorithm::{Algorithm, Batch, StepInfo};
use crate::config::{Config, GeneratorKind, Method};
use crate::methods::{Contrastive, DistanceGan, Drit, GcGan, Munit, NegCut, build, measure_random};
use crate::networks::{Generator, new_published_generator};
use anyhow::{Result, bail};
use semrel_nn::Trained;
use semrel_train::Losses;
use semrel_train::adversary::Critic;
use tch::{Device, Tensor};

/// A method whose published order of a step differs from the one here.
pub trait PlainOrder: Algorithm {
    /// A step in the published order, with draws from torch's generator as [`Algorithm::step`] takes them.
    ///
    /// # Errors
    /// As [`Algorithm::step`].
    fn plain_step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses>;
}

/// The method that a configuration names, with fresh weights from torch's generator, to be stepped in the published order.
///
/// # Errors
/// Where the method has no other order; as [`build`].
pub fn build_plain(config: &Config, device: Device) -> Result<Box<dyn PlainOrder>> {
    Ok(match config.method {
        Method::Ours | Method::Cut => Box::new(Contrastive::plain(config, device)?),
        Method::Negcut => {
            let mut method = NegCut::new(config, device)?;
            publish(config, &mut method.cut.generator)?;
            Box::new(method)
        }
        Method::Gcgan => {
            let mut method = GcGan::new(config, device)?;
            publish(config, &mut method.networks.generator)?;
            method.own.as_mut().map(|own| publish(config, own)).transpose()?;
            Box::new(method)
        }
        Method::Distancegan => {
            let mut method = DistanceGan::new(config, device, measure_random)?;
            publish(config, &mut method.g_a)?;
            method.g_b.as_mut().map(|g_b| publish(config, g_b)).transpose()?;
            Box::new(method)
        }
        Method::Munit if config.model.generator == GeneratorKind::Unit => {
            bail!("bench: `model.generator: unit` has no published order to compare; `munit` has")
        }
        Method::Munit => Box::new(Munit::new(config, device)?),
        Method::Drit => Box::new(Drit::new(config, device)?),
        other => bail!(
            "bench: `ours`, `cut`, `negcut`, `gcgan`, `distancegan`, `munit` and `drit` have a published order to compare; \
             {other:?} has not"
        ),
    })
}

/// The method that a configuration names, in the order of training.
///
/// # Errors
/// As [`build`].
pub fn build_shared(config: &Config, device: Device) -> Result<Box<dyn Algorithm>> {
    build(config, device, measure_random)
}

/// Gives a generator the published arithmetic, where it otherwise takes faster equal operations.
fn publish(config: &Config, generator: &mut Trained<Generator>) -> Result<()> {
    let net = new_published_generator(config, generator.device())?;
    tch::no_grad(|| net.flat().shallow_clone().copy_(generator.flat()));
    generator.net = net;
    Ok(())
}

/// Updates a discriminator, who sees the fake and the real images one after the other.
fn train_plainly(adversary: &mut Adversary, fake: &Tensor, real: &Tensor, losses: &mut Losses) {
    adversary.discriminator.prepare_step();
    let real = &real.detach().set_requires_grad(adversary.penalises());
    let fake = adversary.discriminator.logits(&fake.detach());
    let of_real = adversary.discriminator.logits(real);
    let loss = adversary.discriminator_loss_of(&fake, &of_real, real);
    adversary.discriminator.backward_step(&loss.total);
    adversary.log(&loss, losses);
}
