//! Local affine transforms of colours (after Gharbi et al., "Deep Bilateral Learning for Real-Time Image Enhancement", 2017).

use crate::layers::conv;
use crate::output::clamped;
use tch::{Kind, Tensor, nn};

/// Name of the convolution within a generator.
pub(crate) const COLOURS: &str = "colours";

/// `x + M x + b`, clamped to [−1, 1], where each place has a matrix M of its own between colours, and a vector b. Both come from
/// maps that are smaller than the image, so they change smoothly over it: colours and contrast change, outlines stay.
///
/// Keys `colours.{weight,bias}`: a 3×3 convolution to `C · (C + 1)` channels, M by rows and then b.
#[derive(Debug)]
pub(crate) struct Colours {
    conv: nn::Conv2D,
    channels: i64,
}

impl Colours {
    /// Of images of `channels`, from maps of `width` channels. `root` is the generator's.
    pub fn new(root: &nn::Path, width: i64, channels: i64) -> Self {
        Self { conv: conv(root / COLOURS, width, channels * (channels + 1), 3, 1, 1), channels }
    }

    /// The images `x` `[B, C, H, W]` in the colours that `maps` `[B, width, h, w]` ask for.
    pub fn recolour(&self, maps: &Tensor, x: &Tensor) -> Tensor {
        let (size, c) = (x.size(), self.channels);
        let [batch, _, height, width] = size[..] else { panic!("images of four dimensions") };
        let asked = maps.apply(&self.conv).upsample_bilinear2d([height, width], false, None::<f64>, None::<f64>);
        let matrix = asked.narrow(1, 0, c * c).view([batch, c, c, height, width]);
        let product = (matrix * x.unsqueeze(1)).sum_dim_intlist([2i64].as_slice(), false, None::<Kind>);
        clamped(&(x + product + asked.narrow(1, c * c, c)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Net;
    use tch::{Device, no_grad};

    #[test]
    fn colours_are_mixed_by_rows_and_clamped() {
        let net = Net::new(Device::Cpu, |p| Colours::new(p, 1, 2));
        let values = [0.5f32, 1.0, -1.0, 0.25, 0.125, 3.0];
        no_grad(|| {
            let _ = net.conv.ws.shallow_clone().zero_();
            net.conv.bs.as_ref().expect("a bias").shallow_clone().copy_(&Tensor::from_slice(&values));
        });
        let x = Tensor::from_slice(&[0.25f32, -0.5]).view([1, 2, 1, 1]).expand([1, 2, 4, 8], false);
        let y = no_grad(|| net.recolour(&Tensor::zeros([1, 1, 1, 2], (Kind::Float, Device::Cpu)), &x));
        assert_eq!(y.size(), x.size());
        // 0.25 + (0.5 · 0.25 − 1 · 0.5) + 0.125, and −0.5 + (−0.25 − 0.125) + 3.
        for (channel, want) in [(0, 0.0), (1, 1.0)] {
            let error = (y.select(1, channel) - want).abs().max().double_value(&[]);
            assert!(error < 1e-6, "{channel}: {error}");
        }
    }

    #[test]
    fn transforms_differ_between_places() {
        let net = Net::new(Device::Cpu, |p| Colours::new(p, 1, 3));
        let maps = Tensor::from_slice(&[0f32, 1.0]).view([1, 1, 1, 2]);
        let x = Tensor::zeros([1, 3, 4, 8], (Kind::Float, Device::Cpu));
        let y = no_grad(|| net.recolour(&maps, &x));
        assert!((y.select(3, 0) - y.select(3, 7)).abs().max().double_value(&[]) > 1e-3);
    }
}
