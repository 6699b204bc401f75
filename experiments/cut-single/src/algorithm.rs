//! What every method is to the training loop.

use crate::networks::{Discriminator, Generator};
use anyhow::Result;
use semrel_nn::Net;
use semrel_nn::checkpoint::StateDict;
use semrel_nn::image_pool::ImagePool;
pub use semrel_train::StepInfo;
pub use semrel_train::adversary::Domain;
pub use semrel_train::batches::Batch;
use semrel_train::parts::{pool_files, restore_pools};
use semrel_train::{Losses, Part};
use std::collections::BTreeMap;

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

    /// The discriminators, each with the domain that it judges.
    fn critics(&self) -> Vec<(&Discriminator, Domain)>;

    /// Networks that a checkpoint keeps though no optimiser trains them: copies that follow others.
    fn followers(&self) -> Vec<(&'static str, StateDict)> {
        vec![]
    }

    /// Image buffers by name.
    fn pools(&mut self) -> Vec<(&'static str, &mut ImagePool)> {
        vec![]
    }

    /// Sets the learning rates: that of the discriminators, and that of all other networks.
    fn set_lr(&mut self, lr: f64, lr_discriminator: f64) {
        for part in self.parts() {
            part.adam.config.lr = if part.name.starts_with('D') { lr_discriminator } else { lr };
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
