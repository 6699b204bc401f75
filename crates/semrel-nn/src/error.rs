//! What can go wrong when a network is described or given an image.

/// A network that cannot be built as described, or an image or a layer that it does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// A setting has no meaning.
    #[error("{setting} is {value}; expected {expected}")]
    Setting {
        /// Name of the setting.
        setting: &'static str,
        /// Its value.
        value: i64,
        /// What would be right.
        expected: &'static str,
    },
    /// A layer number that the network does not have.
    #[error("there is no layer {layer}: this network's layers are 0 to {last}, and -1 for the last")]
    Layer {
        /// The number asked for.
        layer: i64,
        /// Number of the last layer.
        last: i64,
    },
    /// An image whose sides do not suit the network.
    #[error("images of {height} × {width} do not fit this network: both sides must be {expected}")]
    Size {
        /// Height in pixels.
        height: i64,
        /// Width in pixels.
        width: i64,
        /// What sides would fit.
        expected: String,
    },
}

/// `Ok` where `value ≥ 1`.
pub(crate) fn positive(setting: &'static str, value: i64) -> Result<(), NetworkError> {
    if value >= 1 { Ok(()) } else { Err(NetworkError::Setting { setting, value, expected: "at least 1" }) }
}
