//! The order of items within each epoch.

use crate::rng::stream;
use rand::seq::SliceRandom;
use std::sync::{Arc, Mutex, PoisonError};

/// Every item once per epoch: reshuffled each time, or in order. A pure function of (seed, epoch).
#[derive(Debug)]
pub(crate) struct EpochOrder {
    seed: u64,
    name: &'static str,
    length: usize,
    batch: usize,
    serial: bool,
    /// The latest permutation, which the batches of an epoch share.
    latest: Mutex<Option<(u64, Arc<[u32]>)>>,
}

impl EpochOrder {
    /// Of `length` items, at least `batch`; the incomplete last batch of an epoch is dropped.
    pub fn new(seed: u64, name: &'static str, length: usize, batch: usize, serial: bool) -> Self {
        Self { seed, name, length, batch, serial, latest: Mutex::new(None) }
    }

    /// Whole batches of an epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        (self.length / self.batch) as u64
    }

    /// The epoch of a step: epochs count from 1, steps from 0.
    pub fn epoch_of(&self, step: u64) -> u64 {
        step / self.steps_per_epoch() + 1
    }

    /// The items of a step's batch.
    pub fn items(&self, step: u64) -> Vec<usize> {
        let first = (step % self.steps_per_epoch()) as usize * self.batch;
        let places = first..first + self.batch;
        if self.serial {
            return places.collect();
        }
        self.permutation(self.epoch_of(step))[places].iter().map(|&item| item as usize).collect()
    }

    fn permutation(&self, epoch: u64) -> Arc<[u32]> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, permutation)) = &*latest
            && *of == epoch
        {
            return Arc::clone(permutation);
        }
        let permutation = permutation(self.seed, self.name, epoch, self.length);
        *latest = Some((epoch, Arc::clone(&permutation)));
        permutation
    }
}

/// A random permutation of `0..length`: the one at `position` of the stream `name`.
pub(crate) fn permutation(seed: u64, name: &str, position: u64, length: usize) -> Arc<[u32]> {
    let mut order: Vec<u32> = (0..length as u32).collect();
    order.shuffle(&mut stream(seed, name, position));
    order.into()
}
