//! Convolutions whose weights have spectral norm 1.

use tch::{Kind, Tensor, nn};

const EPS: f64 = 1e-12;

/// Power iterations before the first step.
const FIRST_ITERATIONS: usize = 16;

/// A convolution by `W / σ(W)`, with σ the largest singular value of W as a matrix `[cout, cin·k·k]`.
///
/// Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR 2018. σ is estimated by power
/// iteration from the vector `u` `[cout]`, a buffer: `v = Wᵀu/|Wᵀu|`, `u' = Wv/|Wv|`, `σ = u'ᵀWv`. Gradients pass through W,
/// not through `u'` and `v`. A pass leaves `u` as it is, so that all passes of a step compute with the same weights;
/// [`SpectralConv::iterate`] advances it. Keys `weight`, `bias`, `u`.
#[derive(Debug)]
pub struct SpectralConv {
    weight: Tensor,
    bias: Tensor,
    u: Tensor,
    stride: i64,
    padding: i64,
}

impl SpectralConv {
    /// `geometry` is kernel, stride, and zeros on each side. Weights start with torch's defaults, `u` as a random
    /// direction.
    pub fn new(path: &nn::Path, (cin, cout): (i64, i64), geometry: (i64, i64, i64)) -> Self {
        let (kernel, stride, padding) = geometry;
        let nn::Conv2D { ws: weight, bs, .. } = nn::conv2d(path, cin, cout, kernel, Default::default());
        let u = path.add("u", Tensor::randn([cout], (Kind::Float, path.device())), false);
        Self { weight, bias: bs.expect("convolutions have a bias by default"), u, stride, padding }
    }

    /// The weight, whose shape is `[cout, cin, k, k]`, before its division by σ.
    pub(crate) fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// `[B, cin, H, W]` to `[B, cout, h, w]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let weight = &self.weight / self.norm();
        x.conv2d(&weight, Some(&self.bias), [self.stride; 2], [self.padding; 2], [1, 1], 1)
    }

    /// Side of the output for a side of the input, or `None` where that is too small.
    pub(crate) fn side(&self, side: i64) -> Option<i64> {
        let room = side + 2 * self.padding - self.weight.size()[2];
        (room >= 0).then_some(room / self.stride + 1)
    }

    /// σ as estimated from `u` by one iteration, with gradient to the weight.
    fn norm(&self) -> Tensor {
        let matrix = self.weight.flatten(1, -1);
        let (u, v) = tch::no_grad(|| power_iteration(&matrix, &self.u));
        u.dot(&matrix.mv(&v))
    }

    /// Brings fresh weights near spectral norm 1 by a few power iterations; once before the first step.
    pub fn settle(&self) {
        (0..FIRST_ITERATIONS).for_each(|_| self.iterate());
    }

    /// Advances `u` by one power iteration; once before each step of the discriminator.
    pub fn iterate(&self) {
        tch::no_grad(|| {
            let (u, _) = power_iteration(&self.weight.flatten(1, -1), &self.u);
            self.u.shallow_clone().copy_(&u);
        });
    }
}

/// One power iteration of a matrix from `u`: `u'` and `v`.
pub(crate) fn power_iteration(matrix: &Tensor, u: &Tensor) -> (Tensor, Tensor) {
    let v = unit(&matrix.tr().mv(u));
    (unit(&matrix.mv(&v)), v)
}

/// A random direction of `n` numbers, a buffer.
pub(crate) fn direction(path: &nn::Path, name: &str, n: i64) -> Tensor {
    path.add(name, unit(&Tensor::randn([n], (Kind::Float, path.device()))), false)
}

fn unit(x: &Tensor) -> Tensor {
    x / x.square().sum(None::<Kind>).sqrt().clamp_min(EPS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InitType, Net};
    use tch::Device;

    #[test]
    fn its_weight_has_spectral_norm_one_after_some_iterations() {
        tch::manual_seed(1);
        let net = Net::new(Device::Cpu, |p| SpectralConv::new(p, (5, 7), (3, 1, 1)));
        InitType::Kaiming.apply(&net.state());
        for _ in 0..100 {
            net.iterate();
        }
        let singular = net.weight.flatten(1, -1).svd(true, false).1;
        let want = singular.max().double_value(&[]);
        assert!((net.norm().double_value(&[]) / want - 1.0).abs() < 1e-3, "{want}");
        // Any factor of the weight is divided out.
        let x = Tensor::randn([2, 5, 6, 6], (Kind::Float, Device::Cpu));
        let before = net.forward(&x);
        let _ = tch::no_grad(|| net.weight.shallow_clone().g_mul_scalar_(3.0));
        assert!((net.forward(&x) - before).abs().max().double_value(&[]) < 1e-5);
    }

    #[test]
    fn a_pass_leaves_the_direction_and_an_iteration_moves_it() {
        let net = Net::new(Device::Cpu, |p| SpectralConv::new(p, (3, 4), (4, 2, 1)));
        let u = || net.state()["u"].copy();
        let before = u();
        let y = net.forward(&Tensor::ones([1, 3, 8, 9], (Kind::Float, Device::Cpu)));
        assert_eq!(y.size(), [1, 4, net.side(8).unwrap(), net.side(9).unwrap()]);
        assert!(u() == before && y.requires_grad() && !net.state()["u"].requires_grad());
        net.iterate();
        assert!(u() != before);
        assert_eq!(net.side(1), None);
    }
}
