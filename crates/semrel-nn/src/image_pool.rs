//! The buffer of earlier fakes that a discriminator is shown.
//!
//! Shrivastava et al., "Learning from Simulated and Unsupervised Images through Adversarial Training", CVPR 2017, 2.3.

use rand::{Rng, RngExt};
use tch::Tensor;

/// The random choices of an [`ImagePool`].
pub trait PoolDraws {
    /// A number in [0, 1).
    fn uniform(&mut self) -> f64;
    /// A slot in `0..size`.
    fn slot(&mut self, size: usize) -> usize;
}

impl<R: Rng> PoolDraws for R {
    fn uniform(&mut self) -> f64 {
        self.random()
    }

    fn slot(&mut self, size: usize) -> usize {
        self.random_range(0..size)
    }
}

/// Keeps up to `capacity` images. While it fills, an image is stored and returned; once full, half of the images are
/// exchanged for a random stored one.
#[derive(Debug)]
pub struct ImagePool {
    capacity: usize,
    /// `[1, C, H, W]` each.
    images: Vec<Tensor>,
}

impl ImagePool {
    /// `capacity` is 50 in CycleGAN and LSeSim, and 0, which returns what comes in, in CUT.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, images: vec![] }
    }

    /// Returns as many images as `images` `[B, C, H, W]` has, without gradient.
    ///
    /// Draws are made only for images that meet a full pool: one uniform number each, and a slot where it is above 0.5.
    pub fn query(&mut self, images: &Tensor, draws: &mut impl PoolDraws) -> Tensor {
        let images = images.detach();
        if self.capacity == 0 {
            return images;
        }
        let returned: Vec<Tensor> = images.split(1, 0).iter().map(|image| self.exchange(image, draws)).collect();
        Tensor::cat(&returned, 0)
    }

    fn exchange(&mut self, image: &Tensor, draws: &mut impl PoolDraws) -> Tensor {
        if self.images.len() < self.capacity {
            self.images.push(image.copy());
            return image.shallow_clone();
        }
        if draws.uniform() > 0.5 {
            let slot = draws.slot(self.capacity);
            return std::mem::replace(&mut self.images[slot], image.copy());
        }
        image.shallow_clone()
    }

    /// The stored images `[n, C, H, W]` in the order of their slots, for a checkpoint; `None` while there are none.
    pub fn images(&self) -> Option<Tensor> {
        if self.images.is_empty() { None } else { Some(Tensor::cat(&self.images, 0)) }
    }

    /// Puts back what [`ImagePool::images`] gave; `None` empties the pool. Images beyond the capacity are left out.
    pub fn restore(&mut self, images: Option<&Tensor>) {
        let stored = images.map_or(vec![], |images| images.detach().split(1, 0));
        self.images = stored.iter().take(self.capacity).map(Tensor::copy).collect();
    }
}
