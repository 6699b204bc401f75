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
            // Images of a checkpoint lie on the CPU.
            return std::mem::replace(&mut self.images[slot], image.copy()).to_device(image.device());
        }
        image.shallow_clone()
    }

    /// The stored images `[n, C, H, W]` in the order of their slots, for a checkpoint; `None` while there are none.
    pub fn images(&self) -> Option<Tensor> {
        if self.images.is_empty() {
            return None;
        }
        let stored: Vec<Tensor> = self.images.iter().map(|image| image.to_device(tch::Device::Cpu)).collect();
        Some(Tensor::cat(&stored, 0))
    }

    /// Puts back what [`ImagePool::images`] gave; `None` empties the pool. Images beyond the capacity are left out.
    pub fn restore(&mut self, images: Option<&Tensor>) {
        let stored = images.map_or(vec![], |images| images.detach().split(1, 0));
        self.images = stored.iter().take(self.capacity).map(Tensor::copy).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use tch::{Device, Kind};

    /// Images `[n, 1, 1, 1]` numbered from `first`.
    fn numbered(first: i64, n: i64) -> Tensor {
        Tensor::arange_start(first, first + n, (Kind::Float, Device::Cpu)).view([n, 1, 1, 1])
    }

    fn values(images: &Tensor) -> Vec<f32> {
        Vec::try_from(images.reshape([-1])).unwrap()
    }

    #[test]
    fn without_capacity_the_input_comes_back_without_gradient() {
        let x = numbered(0, 2).set_requires_grad(true);
        let y = ImagePool::new(0).query(&(&x * 2.0), &mut StdRng::seed_from_u64(1));
        assert_eq!(values(&y), [0.0, 2.0]);
        assert!(!y.requires_grad());
    }

    #[test]
    fn stored_images_do_not_follow_their_source() {
        let (mut pool, mut x) = (ImagePool::new(1), numbered(7, 1));
        let _ = pool.query(&x, &mut StdRng::seed_from_u64(1));
        let _ = x.fill_(0.0);
        assert_eq!(values(&pool.images().unwrap()), [7.0]);
        pool.restore(None);
        assert!(pool.images().is_none());
    }

    #[test]
    fn half_of_the_images_are_exchanged() {
        let (mut pool, mut rng) = (ImagePool::new(10), StdRng::seed_from_u64(3));
        let _ = pool.query(&numbered(0, 10), &mut rng);
        let fresh = numbered(10, 2000);
        let kept = values(&pool.query(&fresh, &mut rng)).iter().zip(values(&fresh)).filter(|(a, b)| **a == *b).count();
        assert!((900..1100).contains(&kept), "{kept} of 2000 came straight back");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn nothing_is_lost_and_a_restored_pool_goes_on_alike(
            capacity in 1usize..5,
            batches in prop::collection::vec(1i64..4, 1..8),
            seed: u64,
        ) {
            let (mut rng, mut other_rng) = (StdRng::seed_from_u64(seed), StdRng::seed_from_u64(seed));
            let (mut pool, mut restored) = (ImagePool::new(capacity), ImagePool::new(capacity));
            let (mut first, mut out) = (0, vec![]);
            for n in batches {
                let returned = pool.query(&numbered(first, n), &mut rng);
                prop_assert_eq!(values(&restored.query(&numbered(first, n), &mut other_rng)), values(&returned));
                let saved = restored.images();
                restored = ImagePool::new(capacity);
                restored.restore(saved.as_ref());
                out.extend(values(&returned));
                first += n;
            }
            // An image that came in lies in the pool or has come out.
            let held = values(&pool.images().unwrap());
            prop_assert!(held.len() <= capacity);
            prop_assert!((0..first).all(|i| held.contains(&(i as f32)) || out.contains(&(i as f32))));
        }
    }
}
