//! What can be wrong with the inputs of a loss.

/// An input or setting that a loss cannot work with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LossError {
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
    #[error("queries have shape {query:?}, keys {key:?}; both must have one row a patch and the same width")]
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
    /// Lists with one entry a tap differ in length.
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
