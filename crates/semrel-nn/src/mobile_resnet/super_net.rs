//! The once-for-all generator.

use super::{MobileConfig, SubMobileResnet, chain};
use crate::chain::Chain;
use crate::channels::Channels;
use crate::distillation::TAPS;
use crate::mobile_resnet::widths::Widths;
use crate::{NetworkError, TappedGenerator};
use tch::{Tensor, nn};

/// The once-for-all generator (`super_mobile_resnet_9blocks`): a mobile generator of which any [`Channels`] up to its width
/// can be run. Keys and shapes are those of [`super::MobileResnetGenerator`].
///
/// A pass at `c` uses the first channels of every weight: `weight[0:o, 0:i]` and `bias[0:o]` of a convolution, where i is what
/// comes in and o what `c` asks for (`weight[0:i, 0:o]` of a transposed one, whose weights are stored so). Nothing is
/// sorted. Slices are views: no weights are copied, and gradients reach the slices alone.
#[derive(Debug)]
pub struct SuperMobileResnet {
    full: Chain,
    config: MobileConfig,
}

impl SuperMobileResnet {
    /// Parameters start with torch's defaults; the published code draws them by [`crate::InitType::COMPRESSION`]. Panics where
    /// [`MobileConfig::check_elastic`] fails.
    pub fn new(path: &nn::Path, config: &MobileConfig) -> Self {
        config.check_elastic().unwrap_or_else(|error| panic!("{error}"));
        Self { full: chain(path, &config.widths(), config.variant(), true), config: config.clone() }
    }

    /// What it consists of.
    pub fn config(&self) -> &MobileConfig {
        &self.config
    }

    /// The sub-network at `c`, on slices of this network's memory: it follows every change of the weights. A search
    /// makes it once per configuration; [`SuperMobileResnet::forward`] makes it each time, in some tens of
    /// microseconds.
    ///
    /// Panics where `c` is wider than the network: check with [`Channels::check_within`].
    pub fn at(&self, c: &Channels) -> SubMobileResnet {
        c.check_within(self.config.width).unwrap_or_else(|error| panic!("{error}"));
        let outputs = self.config.output.channels(self.config.out_channels);
        let widths = Widths::of(c, (self.config.in_channels, outputs), self.config.blocks);
        SubMobileResnet(self.full.sliced(&mut widths.outputs()))
    }

    /// G(x) at `c`: `[B, in, H, W]`, clamped to [−1, 1], to `[B, out, H, W]` in [−1, 1]. Panics as [`SuperMobileResnet::at`],
    /// and where sides do not fit.
    pub fn forward(&self, x: &Tensor, c: &Channels) -> Tensor {
        self.at(c).forward(x)
    }

    /// G(x) at `c` and the outputs of [`TAPS`], each `[B, 4·c2, H/4, W/4]`, from one pass.
    pub fn forward_tapped(&self, x: &Tensor, c: &Channels) -> (Tensor, [Tensor; 4]) {
        self.at(c).forward_tapped(x)
    }

    /// Whether images of `height` × `width` fit: multiples of 4 and at least 8.
    ///
    /// # Errors
    /// [`NetworkError::Size`].
    pub fn check_size(&self, height: i64, width: i64) -> Result<(), NetworkError> {
        self.full.tap_shapes(height, width, &TAPS).map(|_| ())
    }

    /// The network with every operation as published, where it otherwise takes faster equal ones: feature `testing`.
    #[cfg(any(test, feature = "testing"))]
    pub fn with_published_arithmetic(self) -> Self {
        Self { full: self.full.with_published_arithmetic(), ..self }
    }

    /// As [`ResnetGenerator::with_misread_gradients`](crate::resnet::ResnetGenerator::with_misread_gradients), for gradients of
    /// [`SuperMobileResnet::forward_tapped`]: feature `testing`.
    #[cfg(any(test, feature = "testing"))]
    pub fn with_misread_gradients(self) -> Self {
        Self { full: self.full.with_misread_gradients(), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::NormType;
    use crate::mobile_resnet::{Variant, export_subnet};
    use crate::{Doubling, Net, Output, checkpoint};
    use proptest::prelude::*;
    use tch::{Device, Kind};

    fn net(width: i64) -> Net<SuperMobileResnet> {
        filled(Net::new(Device::Cpu, |p| SuperMobileResnet::new(p, &MobileConfig::published(width))))
    }

    fn filled(net: Net<SuperMobileResnet>) -> Net<SuperMobileResnet> {
        // No random numbers: other tests draw from the same generator.
        let n = net.numel();
        tch::no_grad(|| net.flat().shallow_clone().copy_(&((wave(n) * 0.4) + 0.02)));
        net
    }

    fn wave(n: i64) -> Tensor {
        (Tensor::arange(n, (Kind::Float, Device::Cpu)) * 0.73).sin()
    }

    fn image(size: [i64; 4]) -> Tensor {
        (wave(size.iter().product()) * 1.4).view(size)
    }

    fn same(a: &Tensor, b: &Tensor) -> bool {
        a.size() == b.size() && (a - b).abs().max().double_value(&[]) == 0.0
    }

    #[test]
    fn taps_have_the_trunks_width_and_inputs_are_clamped() {
        let (net, x) = (net(8), image([2, 3, 16, 12]));
        let c: Channels = "8_4_6_5_3_8_2_7".parse().unwrap();
        let (y, taps) = net.forward_tapped(&x, &c);
        assert!(taps.iter().all(|tap| tap.size() == [2, 24, 4, 3]));
        assert!(same(&y, &net.forward(&x, &c)) && same(&y, &net.forward(&x.clamp(-1.0, 1.0), &c)));
        assert!(net.check_size(16, 12).is_ok() && net.check_size(16, 14).is_err() && net.check_size(4, 4).is_err());
    }

    #[test]
    fn gradients_stay_within_the_slices() {
        let (net, x) = (net(6), image([1, 3, 16, 16]));
        let c: Channels = "4_3_2_5_1_6_2_3".parse().unwrap();
        let loss = net.forward(&x, &c).square().mean(Kind::Float);
        let gradient = crate::flat_gradients(&loss, &[net.parameters().collect()]).remove(0);
        let widths = Widths::of(&c, (3, 3), 9).shapes(true);
        for (key, whole) in net.split(&gradient) {
            let slice =
                widths[key].iter().enumerate().fold(whole.shallow_clone(), |g, (d, n)| g.narrow(d as i64, 0, *n));
            let sum = |g: &Tensor| g.abs().sum(Kind::Double).double_value(&[]);
            assert_eq!(sum(&whole), sum(&slice), "{key}");
            assert!(key.ends_with("bias") || sum(&slice) > 0.0, "{key}");
        }
    }

    #[test]
    fn faster_norms_round_differently_only() {
        let net = net(6).into_kind(Kind::Double);
        let (x, c) = (image([2, 3, 16, 16]).to_kind(Kind::Double), Channels::full(5));
        let ours = net.forward(&x, &c);
        let published = Net::new(Device::Cpu, |p| {
            SuperMobileResnet::new(p, &MobileConfig::published(6)).with_published_arithmetic()
        });
        let published = filled(published).into_kind(Kind::Double).forward(&x, &c);
        assert!(!same(&ours, &published) && ours.allclose(&published, 1e-9, 1e-11, false));
    }

    #[test]
    fn the_sub_network_follows_the_weights() {
        let (net, x, c) = (net(4), image([1, 3, 8, 8]), Channels::full(3));
        let sub = net.at(&c);
        let before = sub.forward(&x);
        let _ = tch::no_grad(|| net.flat().shallow_clone().g_mul_scalar_(0.5));
        assert!(!same(&before, &sub.forward(&x)) && same(&sub.forward(&x), &net.forward(&x, &c)));
    }

    #[test]
    #[should_panic(expected = "c4 is 9; expected 1 to 8, the width of the super-net")]
    fn wider_configurations_are_refused() {
        let _ = net(8).at(&"8_8_8_8_9_8_8_8".parse().unwrap());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn slices_equal_the_exported_network(
            values in prop::array::uniform8(1i64..=6), batch in 1i64..3, pixel: bool, smooth: bool, residual: bool,
        ) {
            let norm = if pixel { NormType::PixelPlain } else { NormType::Instance };
            let doubling = if smooth { Doubling::Smooth } else { Doubling::Transposed };
            let output = if residual { Output::Residual } else { Output::Tanh };
            let config = MobileConfig { norm, doubling, output, ..MobileConfig::published(6) };
            let (net, c) = (filled(Net::new(Device::Cpu, |p| SuperMobileResnet::new(p, &config))), Channels::new(values).unwrap());
            let x = image([batch, 3, 12, 16]);
            let exported = export_subnet(&net.state(), &c).unwrap();
            let variant = Variant::of_state(&exported);
            prop_assert_eq!(variant, config.variant());
            let alone = Net::new(Device::Cpu, |p| SubMobileResnet::of_variant(p, &c, variant));
            checkpoint::copy_into(&alone.state(), &exported, checkpoint::Extras::Refuse).unwrap();
            prop_assert_eq!(alone.numel() as u64, c.parameters());
            prop_assert_eq!(alone.macs(12, 16), Ok(c.macs(12, 16)));
            prop_assert_eq!(net.at(&c).macs(12, 16), Ok(c.macs(12, 16)));
            let ((y, taps), (y_alone, taps_alone)) = (net.forward_tapped(&x, &c), alone.forward_tapped(&x));
            prop_assert!(y.allclose(&y_alone, 1e-5, 1e-6, false));
            prop_assert!(taps.iter().zip(&taps_alone).all(|(a, b)| a.allclose(b, 1e-5, 1e-5, false)));
        }
    }
}
