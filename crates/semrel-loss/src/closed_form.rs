//! Values whose gradient is written down instead of recorded, for [`Gradient::ClosedForm`](crate::Gradient).
//!
//! Such a gradient is a constant to autograd, which would take the second derivative for 0. It is sealed against that.

use tch::{Kind, Tensor};

/// `value`, of the shape that a sum of `at` over `dims` has, with the gradient `slope` with respect to `at`; without one where
/// nothing asks for it.
///
/// The number is `value` to the bit where the slope is finite. Differentiating its gradient is an error of libtorch.
pub(crate) fn with_slope(value: Tensor, at: &Tensor, slope: Option<Tensor>, dims: &[i64]) -> Tensor {
    let Some(slope) = slope else { return value };
    let linear = (at * slope).sum_dim_intlist(dims, false, None::<Kind>);
    let nothing = &linear - linear.detach();
    seal(&nothing) + value
}

/// The zeros of `nothing`, with their gradient, which cannot be differentiated once more.
///
/// Distances of another order than 2 have a gradient, and libtorch no derivative of that. Those to 1 are added here, times
/// zero: zeros to value and gradient, and an error to whoever asks for more.
fn seal(nothing: &Tensor) -> Tensor {
    let points = nothing.reshape([-1, 1]);
    let one = points.detach().narrow(0, 0, 1).ones_like();
    let distances = Tensor::cdist(&points, &one, 3.0, None::<i64>);
    nothing + (distances * 0.0).view_as(nothing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn value_and_gradient_keep_their_bits() {
        tch::manual_seed(7);
        for kind in [Kind::Float, Kind::Double] {
            let random = |shape: &[i64]| Tensor::randn(shape, (kind, Device::Cpu));
            let (at, slope) = (random(&[3, 5, 4]).set_requires_grad(true), random(&[3, 5, 4]));
            for dims in [vec![-1], vec![1, 2]] {
                let shape = if dims.len() == 1 { vec![3, 5] } else { vec![3] };
                let (value, weights) = (random(&shape), random(&shape));
                let made = with_slope(value.shallow_clone(), &at, Some(slope.shallow_clone()), &dims);
                assert_eq!(made, value);
                let gradient = Tensor::run_backward(&[(made * &weights).sum(kind)], &[&at], false, false).remove(0);
                let weights = weights.reshape(if dims.len() == 1 { [3, 5, 1] } else { [3, 1, 1] });
                assert_eq!(gradient, &slope * weights);
            }
        }
    }
}
