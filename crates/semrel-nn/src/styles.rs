//! Styles of generators that can translate an image in many ways.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::cell::RefCell;
use tch::{Kind, Tensor};

/// In which style images are translated.
#[derive(Debug)]
pub enum StyleChoice {
    /// In a random one for each image, drawn from this seed and the image's pixels: the same whatever else is in the batch.
    Random {
        /// Seed of the draws.
        seed: u64,
    },
    /// In the mean of the styles that training draws: all numbers 0.
    Mean,
    /// In this one `[1, n]`, or one for each image `[B, n]`.
    Given(Tensor),
}

/// The style in force.
#[derive(Debug)]
pub(crate) struct Styles {
    choice: RefCell<StyleChoice>,
    numbers: i64,
}

impl Styles {
    /// Random styles of this many numbers, of seed 0.
    pub fn new(numbers: i64) -> Self {
        Self { choice: RefCell::new(StyleChoice::Random { seed: 0 }), numbers }
    }

    /// Numbers of a style.
    pub fn numbers(&self) -> i64 {
        self.numbers
    }

    /// Changes the choice.
    pub fn set(&self, choice: StyleChoice) {
        *self.choice.borrow_mut() = choice;
    }

    /// Styles `[B, n]` for images `[B, C, H, W]` in [−1, 1].
    pub fn of(&self, images: &Tensor) -> Tensor {
        let (count, options) = (images.size()[0], (images.kind(), images.device()));
        match &*self.choice.borrow() {
            StyleChoice::Mean => Tensor::zeros([count, self.numbers], options),
            StyleChoice::Given(style) => {
                style.to_kind(options.0).to_device(options.1).expand([count, self.numbers], false)
            }
            StyleChoice::Random { seed } => {
                let drawn: Vec<Tensor> =
                    (0..count).map(|i| drawn(*seed ^ fingerprint(&images.get(i)), self.numbers)).collect();
                Tensor::stack(&drawn, 0).to_kind(options.0).to_device(options.1)
            }
        }
    }
}

/// FNV-1a of an image's pixels as bytes, so that rounding does not change it.
fn fingerprint(image: &Tensor) -> u64 {
    let bytes = tch::no_grad(|| ((image + 1.0) * 127.5).round().clamp(0.0, 255.0)).to_kind(Kind::Uint8);
    let bytes: Vec<u8> = Vec::try_from(bytes.to_device(tch::Device::Cpu).reshape([-1])).expect("bytes");
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Standard normal numbers, by Box and Muller.
fn drawn(seed: u64, count: i64) -> Tensor {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut normal = || {
        let (radius, angle) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    };
    Tensor::from_slice(&(0..count).map(|_| normal()).collect::<Vec<f64>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn an_image_keeps_its_random_style_in_every_batch() {
        let styles = Styles::new(8);
        let images = Tensor::rand([3, 3, 4, 4], (Kind::Float, Device::Cpu)) * 2.0 - 1.0;
        let all = styles.of(&images);
        assert_eq!(all.size(), [3, 8]);
        assert!(styles.of(&images.narrow(0, 1, 1)).equal(&all.narrow(0, 1, 1)));
        assert!(!all.get(0).equal(&all.get(1)));
        styles.set(StyleChoice::Random { seed: 1 });
        assert!(!styles.of(&images).equal(&all));
    }

    #[test]
    fn random_styles_are_standard_normal() {
        let numbers = drawn(3, 20_000);
        let (mean, deviation) = (numbers.mean(Kind::Double).double_value(&[]), numbers.std(true).double_value(&[]));
        assert!(mean.abs() < 0.03 && (deviation - 1.0).abs() < 0.03, "{mean} {deviation}");
    }

    #[test]
    fn a_given_style_serves_all_images() {
        let styles = Styles::new(2);
        let images = Tensor::zeros([3, 3, 2, 2], (Kind::Float, Device::Cpu));
        styles.set(StyleChoice::Given(Tensor::from_slice(&[1f32, 2.0]).view([1, 2])));
        assert_eq!(Vec::<f32>::try_from(styles.of(&images).reshape([-1])).unwrap(), [1.0, 2.0, 1.0, 2.0, 1.0, 2.0]);
        styles.set(StyleChoice::Mean);
        assert_eq!(styles.of(&images).abs().max().double_value(&[]), 0.0);
    }
}
