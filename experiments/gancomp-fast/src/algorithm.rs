//! What every stage that trains is to the training loop.

use anyhow::Result;
use semrel_eval::Scorer;
use semrel_nn::Discriminator;
use semrel_nn::checkpoint::StateDict;
use semrel_nn::image_pool::ImagePool;
pub use semrel_train::StepInfo;
use semrel_train::adversary::Domain;
use semrel_train::batches::Batch;
use semrel_train::{Losses, Part};
use tch::Tensor;

/// A stage's networks, and how they train.
pub trait Algorithm {
    /// One step: every network once, in the published order.
    ///
    /// # Errors
    /// Where images do not fit the networks or the losses.
    fn step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses>;

    /// A step of the warm-up; stages without one take an ordinary step.
    ///
    /// # Errors
    /// As [`Algorithm::step`].
    fn warmup_step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses> {
        self.step(batch, info)
    }

    /// What the networks make of source images `[B, 3, H, W]`: a name and the outputs for each generator that is looked at.
    /// Called without a graph.
    fn translate(&self, images: &Tensor) -> Vec<(&'static str, Tensor)>;

    /// Scores with their names in the log; the first decides on the best checkpoint, lower is better.
    ///
    /// # Errors
    /// Where features are not finite.
    fn scores(&self, scorer: &Scorer) -> Result<Vec<(&'static str, f64)>>;

    /// The discriminators, each with the domain that it judges.
    fn critics(&self) -> Vec<(&Discriminator, Domain)>;

    /// All trained networks, for checkpoints.
    fn parts(&mut self) -> Vec<Part<'_>>;

    /// Networks of a checkpoint that no optimiser trains, by name.
    fn followers(&self) -> Vec<(&'static str, StateDict)> {
        vec![]
    }

    /// Image buffers by name.
    fn pools(&mut self) -> Vec<(&'static str, &mut ImagePool)> {
        vec![]
    }

    /// Sets the learning rate of all networks.
    fn set_lr(&mut self, lr: f64) {
        for part in self.parts() {
            part.adam.config.lr = lr;
        }
    }
}
