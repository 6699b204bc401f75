//! How the gradient of SRC and of the contrastive losses is computed.

/// The gradient by autograd's record of the formula, or written down.
///
/// SRC and the contrastive losses pass a dozen times over `K × K` matrices, and their recorded gradient as often again.
/// As their keys are constant, the gradient with respect to the queries is known in closed form once the values are.
///
/// | | `Recorded` | `ClosedForm` |
/// |---|---|---|
/// | value, first derivative | the same, up to rounding | the same, up to rounding |
/// | second and higher derivatives | right | refused |
/// | memory and time | the graph of the formula | a training step of a narrow network is 3 % shorter |
///
/// `Recorded` is the default because it is right wherever it may be put: in a gradient penalty, a Hessian-vector product,
/// an optimiser that differentiates through its step. `ClosedForm` is for a training step that needs the first derivative
/// only, which is almost every one.
///
/// # Second derivatives of `ClosedForm`
/// Asking for the first derivative with `create_graph` is allowed, as other terms of the loss may need it. Differentiating
/// that derivative fails: libtorch says `the derivative for '_cdist_backward' is not implemented`, in an `Err` of the
/// fallible functions of `tch` (`Tensor::f_run_backward`) and in a panic of the others (`Tensor::backward`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(any(feature = "serde", feature = "schemars"), serde(rename_all = "kebab-case"))]
pub enum Gradient {
    /// Autograd records the formula: derivatives of every order.
    #[default]
    Recorded,
    /// Computed with the value, without a graph: the first derivative only.
    ClosedForm,
}
