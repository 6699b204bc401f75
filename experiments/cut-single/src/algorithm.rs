//! What every method is to the training loop.

use crate::config::{Config, Method};
use crate::methods::{Contrastive, DistanceGan, GcGan, LSeSim, NegCut, new_cycle_gan};
use crate::networks::Generator;
use anyhow::Result;
use semrel_nn::Net;
use semrel_nn::checkpoint::StateDict;
use semrel_nn::image_pool::ImagePool;
pub use semrel_train::StepInfo;
pub use semrel_train::batches::Batch;
use semrel_train::parts::{pool_files, restore_pools};
use semrel_train::{Losses, Part};
use std::collections::BTreeMap;
use tch::Device;

/// A method: its networks, and how they train.
pub trait Algorithm {
    /// One step: every network once, in the published order.
    ///
    /// # Errors
    /// Where images do not fit the networks or the losses.
    fn step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses>;

    /// A step of the warm-up: the generators learn to reproduce their input.
    fn warmup_step(&mut self, batch: &Batch) -> Losses;

    /// The generator from source to target domain.
    fn generator(&self) -> &Net<Generator>;

    /// Layers whose features the method compares, if any.
    fn layers(&self) -> &[i64] {
        &[]
    }

    /// All trained networks, for checkpoints.
    fn parts(&mut self) -> Vec<Part<'_>>;

    /// Image buffers by name.
    fn pools(&mut self) -> Vec<(&'static str, &mut ImagePool)> {
        vec![]
    }

    /// Sets the learning rate of all networks but fixed ones.
    fn set_lr(&mut self, lr: f64) {
        for part in self.parts() {
            part.adam.config.lr = lr;
        }
    }

    /// Image buffers as files of a checkpoint.
    fn pool_files(&mut self) -> BTreeMap<String, StateDict> {
        pool_files(self.pools())
    }

    /// Puts back what [`Algorithm::pool_files`] gave.
    fn restore_pools(&mut self, files: &BTreeMap<String, StateDict>) {
        restore_pools(self.pools(), files);
    }
}

/// The method that a configuration names, with fresh weights from torch's generator. `images` gives a few training batches
/// to a method that measures its data first.
///
/// # Errors
/// Where settings do not fit each other, or weights that the method needs are not there.
pub fn build(
    config: &Config,
    device: Device,
    images: &mut dyn FnMut() -> Result<Vec<Batch>>,
) -> Result<Box<dyn Algorithm>> {
    Ok(match config.method {
        Method::Ours | Method::Cut => Box::new(Contrastive::new(config, device)?),
        Method::Lsesim => Box::new(LSeSim::new(config, device)?),
        Method::Cyclegan => Box::new(new_cycle_gan(config, device)?),
        Method::Distancegan => Box::new(DistanceGan::new(config, device, &images()?)?),
        Method::Gcgan => Box::new(GcGan::new(config, device)?),
        Method::Negcut => Box::new(NegCut::new(config, device)?),
    })
}
