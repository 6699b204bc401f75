//! Values whose gradient is written down instead of recorded.
//!
//! SRC and the contrastive losses pass a dozen times over `K × K` matrices, and their recorded gradient as often again. Their
//! keys are constant, so the gradient with respect to the `K × D` queries is known in closed form once the values are: it is
//! computed with them, without a graph. On narrow networks that is 3 % of a training step.

use tch::{Kind, Tensor};

/// `value`, of the shape that a sum of `at` over `dims` has, with the gradient `slope` with respect to `at`; without one where
/// nothing asks for it.
///
/// The number is `value` to the bit where the slope is finite; its second derivatives are not those of the loss.
pub(crate) fn with_slope(value: Tensor, at: &Tensor, slope: Option<Tensor>, dims: &[i64]) -> Tensor {
    let Some(slope) = slope else { return value };
    let linear = (at * slope).sum_dim_intlist(dims, false, None::<Kind>);
    let nothing = &linear - linear.detach();
    nothing + value
}
