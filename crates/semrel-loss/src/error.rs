//! What can be wrong with the inputs of a loss.

use tch::{Device, Kind};

/// An input or setting that a loss cannot work with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LossError {
    /// Elements of a type that losses are not computed in.
    #[error("{what} have element type {found:?}; losses are computed in Float or Double, see `Tensor::to_kind`")]
    ElementType {
        /// The tensor.
        what: &'static str,
        /// Its element type.
        found: Kind,
    },
    /// Tensors of different element types.
    #[error("{what} have element type {found:?}, {other} {expected:?}; both must have the same")]
    ElementTypes {
        /// The tensor.
        what: &'static str,
        /// Its element type.
        found: Kind,
        /// The tensor that it meets.
        other: &'static str,
        /// The element type of that.
        expected: Kind,
    },
    /// Tensors on different devices.
    #[error("{what} are on {found:?}, {other} on {expected:?}; both must be on the same device")]
    Devices {
        /// The tensor.
        what: &'static str,
        /// Its device.
        found: Device,
        /// The tensor that it meets.
        other: &'static str,
        /// The device of that.
        expected: Device,
    },
    /// A tensor without elements.
    #[error("{what} have shape {shape:?}, which holds no element")]
    Empty {
        /// The tensor.
        what: &'static str,
        /// Its shape.
        shape: Vec<i64>,
    },
    /// A tensor of the wrong shape.
    #[error("{what} have shape {found:?}; expected {expected}")]
    Shape {
        /// The tensor.
        what: &'static str,
        /// Its shape.
        found: Vec<i64>,
        /// The shape that is needed, in words.
        expected: String,
    },
    /// Patch positions that are not integers.
    #[error("positions have element type {found:?}; they must be indices, Int64")]
    Positions {
        /// Their element type.
        found: Kind,
    },
    /// A patch position outside of the feature map.
    #[error("position {position} is outside of the feature map, whose {area} positions count from 0")]
    Position {
        /// The position.
        position: i64,
        /// Height times width of the map.
        area: i64,
    },
    /// A gradient that the loss is made of cannot be computed.
    #[error("no gradient of {of} with respect to {with_respect_to}: {reason}")]
    NoGradient {
        /// What is differentiated.
        of: &'static str,
        /// With respect to what.
        with_respect_to: &'static str,
        /// Why there is none.
        reason: String,
    },
    /// Patch features are not a matrix.
    #[error("patch features have shape {shape:?}; they must be a matrix of rows, [groups·patches, channels]")]
    NotRows {
        /// The shape found.
        shape: Vec<i64>,
    },
    /// Rows cannot be split into groups of equal size.
    #[error("{rows} rows of patch features cannot be split into {groups} groups of equal size")]
    Groups {
        /// Rows found.
        rows: i64,
        /// Groups asked for.
        groups: i64,
    },
    /// Queries and keys differ in shape.
    #[error("queries have shape {query:?}, keys {key:?}; both must have one row per patch and the same width")]
    QueryKey {
        /// Shape of the queries.
        query: Vec<i64>,
        /// Shape of the keys.
        key: Vec<i64>,
    },
    /// Weights do not fit the similarity matrix.
    #[error("importance weights have shape {found:?}; the similarities have {expected:?}")]
    Weights {
        /// Shape of the weights.
        found: Vec<i64>,
        /// Shape that is needed.
        expected: Vec<i64>,
    },
    /// A group of one patch has no negatives.
    #[error(
        "a group of {patches} patch has no negatives; sample at least 2 patches or take negatives from the minibatch"
    )]
    NoNegatives {
        /// Patches in a group.
        patches: i64,
    },
    /// The single-modal diagonal mask does not fit.
    #[error(
        "num_patches is {num_patches} but a tap gives {rows} rows: use batch size 1 and images whose every tap has at \
         least num_patches positions"
    )]
    MaskSide {
        /// The setting.
        num_patches: i64,
        /// Rows of the similarity matrix.
        rows: i64,
    },
    /// Lists with one entry per tap differ in length.
    #[error("{what}: {found} entries for {expected} taps")]
    Taps {
        /// The list.
        what: &'static str,
        /// Its length.
        found: usize,
        /// Number of taps.
        expected: usize,
    },
    /// No feature tap.
    #[error("no feature taps: the network must give at least one")]
    NoTaps,
    /// A feature map of the wrong shape.
    #[error("the feature map of tap {tap} has shape {found:?}; expected {expected}")]
    FeatureMap {
        /// Index of the tap.
        tap: usize,
        /// Its shape.
        found: Vec<i64>,
        /// The shape that is needed, in words.
        expected: String,
    },
    /// A setting outside its range.
    #[error("{name} is {value}; it must be {range}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What is allowed.
        range: &'static str,
    },
}

/// Fails unless `value` is finite and greater than zero.
pub(crate) fn positive(name: &'static str, value: f64) -> Result<(), LossError> {
    if value.is_finite() && value > 0.0 {
        Ok(())
    } else {
        Err(LossError::Setting { name, value, range: "greater than 0" })
    }
}

/// Fails unless `value` is finite and not negative.
pub(crate) fn not_negative(name: &'static str, value: f64) -> Result<(), LossError> {
    if value.is_finite() && value >= 0.0 { Ok(()) } else { Err(LossError::Setting { name, value, range: "0 or more" }) }
}
