//! A discriminator that looks through the features of a network that knows photographs.
//!
//! Sauer et al., "Projected GANs Converge Faster", NeurIPS 2021: the features of a fixed network are mixed across channels
//! and scales by fixed random convolutions, and a small head judges each scale. What the fixed network already tells apart
//! need not be learned, so that a run of minutes gets gradients of use from its first steps on.

use crate::NetworkError;
use crate::error::positive;
use crate::layers::{SpectralConv, lrelu};
use std::fmt::Debug;
use tch::{Kind, Tensor, nn};

/// Maps of a fixed network, each half as fine as the one before, with gradient to the images and none to the network.
pub trait FixedMaps: Debug {
    /// Maps `[B, C, h, w]` of images `[B, 3, H, W]` in [−1, 1], the finest first.
    fn maps(&self, images: &Tensor) -> Vec<Tensor>;
}

/// What a [`ProjectedDiscriminator`] consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectedConfig {
    /// Channels of the mixed features, and of the heads.
    pub width: i64,
    /// Logits of each position: one, or one for each domain.
    pub outputs: i64,
}

impl ProjectedConfig {
    /// Width 32, one logit.
    pub const DEFAULT: Self = Self { width: 32, outputs: 1 };

    /// Whether a network can be built like this.
    ///
    /// # Errors
    /// [`NetworkError::Setting`] for a width or a number of logits below 1.
    pub fn check(&self) -> Result<(), NetworkError> {
        positive("width", self.width)?;
        positive("outputs", self.outputs)
    }
}

/// Scales whose logits are made by a 3×3 convolution; those of coarser maps by 1×1.
const FINE: usize = 2;

/// One scale: `h_j = s_j · mix_j(reduce_j(f_j) + up(h_{j+1}))`, and its head.
#[derive(Debug)]
struct Scale {
    /// `[width, C, 1, 1]`, fixed.
    reduce: Tensor,
    /// `[width, width, 3, 3]`, fixed.
    mix: Tensor,
    /// `[1]`, fixed: brings the mixed features to standard deviation 1.
    factor: Tensor,
    head: [SpectralConv; 3],
}

impl Scale {
    fn new(path: &nn::Path, channels: i64, config: &ProjectedConfig, (fine, coarsest): (bool, bool)) -> Self {
        let width = config.width;
        let fixed = |name: &str, size: [i64; 4]| {
            let fan_in = (size[1] * size[2] * size[3]) as f64;
            let values = Tensor::randn(size, (Kind::Float, path.device())) / fan_in.sqrt();
            path.add(name, values, false)
        };
        let head = |i: i64, outputs, kernel, stride| {
            let path = &(path / "head" / i);
            SpectralConv::new(path, (width, outputs), (kernel, stride, kernel / 2))
        };
        let stride = if coarsest { 1 } else { 2 };
        Self {
            reduce: fixed("reduce", [width, channels, 1, 1]),
            mix: fixed("mix", [width, width, 3, 3]),
            factor: path.ones_no_train("factor", &[1]),
            head: [
                head(0, width, 3, stride),
                head(1, width, 3, 1),
                head(2, config.outputs, if fine { 3 } else { 1 }, 1),
            ],
        }
    }

    /// Mixed features, before their factor.
    fn mixed(&self, map: &Tensor, coarser: Option<&Tensor>) -> Tensor {
        let convolve = |x: &Tensor, weight: &Tensor, padding| {
            x.conv2d(weight, None::<&Tensor>, [1, 1], [padding, padding], [1, 1], 1)
        };
        let reduced = convolve(map, &self.reduce, 0);
        let size = map.size();
        let up = |h: &Tensor| h.upsample_bilinear2d([size[2], size[3]], false, None, None);
        convolve(&coarser.map_or_else(|| reduced.shallow_clone(), |h| &reduced + up(h)), &self.mix, 1)
    }

    fn logits(&self, mixed: &Tensor) -> Tensor {
        let [first, second, last] = &self.head;
        last.forward(&lrelu(&second.forward(&lrelu(&first.forward(mixed)))))
    }
}

/// Heads over fixed features: logits of every scale. Trained are the heads alone, by spectrally normed convolutions.
///
/// Keys `scales.{j}.{reduce,mix,factor}`, which are fixed, and `scales.{j}.head.{0,1,2}.*`. The fixed network is not part of
/// the state dict.
#[derive(Debug)]
pub struct ProjectedDiscriminator {
    features: Box<dyn FixedMaps>,
    scales: Vec<Scale>,
}

impl ProjectedDiscriminator {
    /// Over the maps of `features`. The fixed convolutions are drawn from torch's generator;
    /// [`ProjectedDiscriminator::calibrate`] before the first step.
    pub fn new(path: &nn::Path, features: Box<dyn FixedMaps>, config: &ProjectedConfig) -> Self {
        let probe = Tensor::zeros([1, 3, 64, 64], (Kind::Float, path.device()));
        let channels: Vec<i64> = tch::no_grad(|| features.maps(&probe)).iter().map(|map| map.size()[1]).collect();
        let last = channels.len().saturating_sub(1);
        let scales = channels
            .iter()
            .enumerate()
            .map(|(j, &channels)| Scale::new(&(path / "scales" / j), channels, config, (j < FINE, j == last)));
        Self { scales: scales.collect(), features }
    }

    /// Logits `[B, outputs, h, w]` of each scale, the finest first, for images `[B, 3, H, W]`.
    pub fn forward(&self, images: &Tensor) -> Vec<Tensor> {
        let mixed = self.mixed(&self.features.maps(images), |_, _| ());
        self.scales.iter().zip(&mixed).map(|(scale, h)| scale.logits(h)).collect()
    }

    /// Sets the factors of all scales so that the mixed features of `images` have standard deviation 1 on each.
    pub fn calibrate(&self, images: &Tensor) {
        tch::no_grad(|| {
            self.mixed(&self.features.maps(images), |scale, raw| {
                scale.factor.shallow_clone().copy_(&raw.std(true).clamp_min(1e-6).reciprocal().view([1]));
            });
        });
    }

    /// Mixed features of every scale, the finest first. `before` sees a scale's features before their factor.
    fn mixed(&self, maps: &[Tensor], before: impl Fn(&Scale, &Tensor)) -> Vec<Tensor> {
        let mut mixed: Vec<Tensor> = vec![];
        for (scale, map) in self.scales.iter().zip(maps).rev() {
            let raw = scale.mixed(map, mixed.last());
            before(scale, &raw);
            mixed.push(raw * &scale.factor);
        }
        mixed.reverse();
        mixed
    }

    /// Advances the power iterations of spectral norm; once before each step.
    pub fn iterate_spectral(&self) {
        self.spectral_convs().for_each(SpectralConv::iterate);
    }

    /// Brings fresh weights near spectral norm 1: once before the first step.
    pub fn settle_spectral(&self) {
        self.spectral_convs().for_each(SpectralConv::settle);
    }

    pub(crate) fn spectral_convs(&self) -> impl Iterator<Item = &SpectralConv> {
        self.scales.iter().flat_map(|scale| &scale.head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Net, flat_gradients};
    use tch::Device;

    /// Means over squares of 4, 8 and 16 pixels, as 3 channels each.
    #[derive(Debug)]
    struct Means;

    impl FixedMaps for Means {
        fn maps(&self, images: &Tensor) -> Vec<Tensor> {
            [4, 8, 16].map(|side| images.avg_pool2d([side, side], [side, side], [0, 0], false, true, None)).into()
        }
    }

    fn net() -> Net<ProjectedDiscriminator> {
        let config = ProjectedConfig { width: 6, outputs: 1 };
        config.check().unwrap();
        Net::new(Device::Cpu, |p| ProjectedDiscriminator::new(p, Box::new(Means), &config))
    }

    fn images() -> Tensor {
        Tensor::rand([4, 3, 32, 48], (Kind::Float, Device::Cpu)) * 2.0 - 1.0
    }

    #[test]
    fn every_scale_has_its_logits() {
        let sizes: Vec<Vec<i64>> = net().forward(&images()).iter().map(Tensor::size).collect();
        assert_eq!(sizes, [[4, 1, 4, 6], [4, 1, 2, 3], [4, 1, 2, 3]]);
    }

    #[test]
    fn calibrated_features_have_deviation_one_on_every_scale() {
        let (net, images) = (net(), images() * 3.0);
        net.calibrate(&images);
        for h in net.mixed(&Means.maps(&images), |_, _| ()) {
            assert!((h.std(true).double_value(&[]) - 1.0).abs() < 1e-4);
        }
        assert!(net.state()["scales.0.factor"].double_value(&[0]) != 1.0);
    }

    #[test]
    fn heads_learn_images_get_gradients_and_the_rest_is_fixed() {
        let (net, images) = (net(), images().set_requires_grad(true));
        let loss = || net.forward(&images).iter().map(|l| l.square().sum(Kind::Float)).sum::<Tensor>();
        let gradient = flat_gradients(&loss(), &[net.parameters().collect()]).remove(0);
        let trained: Vec<&str> = net.split(&gradient).map(|(key, _)| key).collect();
        assert!(trained.iter().all(|key| key.contains(".head.")) && trained.len() == 3 * 3 * 2, "{trained:?}");
        assert!(net.split(&gradient).all(|(_, g)| g.abs().max().double_value(&[]) > 0.0));
        let of_images = Tensor::run_backward(&[loss()], &[&images], false, false).remove(0);
        assert!(of_images.abs().min().double_value(&[]) > 0.0);
        assert!(!net.state()["scales.1.mix"].requires_grad());
    }
}
