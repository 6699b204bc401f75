//! Building blocks that several networks share.

mod norm;
mod resample;
mod scales;
mod spectral;
pub(crate) mod winograd;

pub(crate) use norm::PIXEL_NORM;
pub use norm::{AdaIn, AdaPixelNorm, BatchNorm, InstanceNorm, Norm, NormType, PixelNorm, instance_norm};
pub use resample::{Downsample, PadType, Upsample, binomial_filter};
pub(crate) use scales::{half, least_side};
pub use spectral::SpectralConv;
pub(crate) use spectral::{direction, power_iteration};

use tch::{Tensor, nn};

/// A square convolution with bias: `padding` zeros on each side.
pub fn conv(path: nn::Path, cin: i64, cout: i64, kernel: i64, stride: i64, padding: i64) -> nn::Conv2D {
    nn::conv2d(path, cin, cout, kernel, nn::ConvConfig { stride, padding, ..Default::default() })
}

/// A 1×1 convolution without bias, as residual shortcuts have it.
pub fn conv1x1_no_bias(path: nn::Path, cin: i64, cout: i64) -> nn::Conv2D {
    nn::conv2d(path, cin, cout, 1, nn::ConvConfig { bias: false, ..Default::default() })
}

/// Leaky rectifier `max(x, 0.2·x)`; all networks here but DRIT's have this slope.
pub fn lrelu(x: &Tensor) -> Tensor {
    leaky(x, 0.2)
}

/// Leaky rectifier `max(x, slope·x)`.
pub(crate) fn leaky(x: &Tensor, slope: f64) -> Tensor {
    // The bindings' `leaky_relu` takes no slope. Its derivative does, and is linear in the incoming gradient:
    // with x in that place it is the rectifier itself, as one kernel forwards, backwards and twice backwards.
    x.detach().leaky_relu_backward(x, slope, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    #[test]
    fn lrelu_and_its_gradient() {
        let x = Tensor::from_slice(&[-2.0f32, -0.5, 0.0, 3.0]).set_requires_grad(true);
        let y = lrelu(&x);
        assert_eq!(Vec::<f32>::try_from(&y).unwrap(), [-0.4, -0.1, 0.0, 3.0]);
        let g = Tensor::run_backward(&[y.square().sum(Kind::Float)], &[&x], true, true).remove(0);
        assert!(g.allclose(&Tensor::from_slice(&[-0.16f32, -0.04, 0.0, 6.0]), 1e-6, 1e-7, false));
        let gg = Tensor::run_backward(&[g.sum(Kind::Float)], &[&x], false, false).remove(0);
        assert!(gg.allclose(&Tensor::from_slice(&[0.08f32, 0.08, 0.08, 2.0]), 1e-6, 1e-7, false));
    }
}
