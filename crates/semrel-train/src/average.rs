//! The running average of a generator's weights, which translates in place of the generator as it trains.

use crate::passes::Generator;
use semrel_nn::checkpoint::StateDict;
use semrel_nn::{Ema, Net};

/// Name of the averaged generator, which a checkpoint holds beside the trained one.
pub const AVERAGED: &str = "G_ema";

/// A second generator, `w̄ ← β'·w̄ + (1 − β')·w` after every step.
#[derive(Debug)]
pub struct Average {
    generator: Net<Generator>,
    beta: f64,
}

impl Average {
    /// The average with this β, which starts at the weights of `generator`; `None` where β is 0. It is kept in what `fresh` makes,
    /// another such network. Parameters are averaged; buffers stay those of that network.
    ///
    /// # Errors
    /// Those of `fresh`.
    pub fn start<E>(
        beta: f64,
        generator: &Net<Generator>,
        fresh: impl FnOnce() -> Result<Net<Generator>, E>,
    ) -> Result<Option<Self>, E> {
        if beta == 0.0 {
            return Ok(None);
        }
        let average = fresh()?;
        average.set_training(false);
        Ema::start(&average, generator);
        Ok(Some(Self { generator: average, beta }))
    }

    /// The generator with averaged weights.
    pub fn generator(&self) -> &Net<Generator> {
        &self.generator
    }

    /// One update after `steps` steps of the method, with `β' = min(β, t/(t + 10))`: young weights are forgotten soon. In the
    /// warm-up, where `steps` is 0, the average is the generator itself.
    pub fn follow(&self, generator: &Net<Generator>, steps: u64) {
        let steps = steps as f64;
        Ema { beta: self.beta.min(steps / (steps + 10.0)) }.update(&self.generator, generator);
    }

    /// What a checkpoint keeps of it.
    pub fn follower(&self) -> (&'static str, StateDict) {
        (AVERAGED, self.generator.state())
    }
}
