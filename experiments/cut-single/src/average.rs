//! The running average of a run's generator.

use crate::config::Config;
use crate::networks::{Generator, new_generator};
use anyhow::Result;
use semrel_nn::Net;
pub use semrel_train::average::{AVERAGED, Average};

/// The average of a run, which starts at the weights of `generator`; `None` where the run has none.
///
/// # Errors
/// As [`new_generator`].
pub fn average_of(config: &Config, generator: &Net<Generator>) -> Result<Option<Average>> {
    if config.train.ema == 0.0 {
        return Ok(None);
    }
    let fresh = new_generator(config, generator.device())?;
    Ok(Some(Average::start(fresh, generator, config.train.ema)))
}
