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
    /// A choice that does not go with the others.
    #[error("{setting} is {value}; expected {expected}")]
    Choice {
        /// Name of the setting.
        setting: &'static str,
        /// What was chosen.
        value: &'static str,
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
    #[error("images of {width} x {height} pixels do not fit this network: both sides must be {expected}")]
    Size {
        /// Height in pixels.
        height: i64,
        /// Width in pixels.
        width: i64,
        /// What sides would fit.
        expected: String,
    },
    /// A channel configuration of another length.
    #[error(
        "channel configuration {text:?} has {found} numbers; expected 8 joined by `_`, such as \
         16_16_32_16_16_64_16_24 (or 6, as older ones have)"
    )]
    ChannelCount {
        /// The configuration (its beginning, where it is long).
        text: String,
        /// How many numbers it has.
        found: usize,
    },
    /// An entry of a channel configuration that is not a number.
    #[error("channel configuration {text:?}: entry {position} (counted from 0) is {entry:?}; expected a whole number")]
    ChannelEntry {
        /// The configuration (its beginning, where it is long).
        text: String,
        /// Position in the text, from 0.
        position: usize,
        /// What stands there.
        entry: String,
    },
    /// An entry of a channel configuration that is too small or too large.
    #[error("channel configuration {configuration}: c{position} is {value}; expected 1 to {most}{why}")]
    ChannelRange {
        /// The configuration.
        configuration: String,
        /// Position, 0 to 7.
        position: usize,
        /// What stands there.
        value: i64,
        /// The largest that would do.
        most: i64,
        /// What sets this limit, with a leading comma, or nothing.
        why: &'static str,
    },
    /// A channel configuration outside the set.
    #[error("channel configuration {configuration}: c{position} is {value}; the set has {}", any_of(choices))]
    ChannelChoice {
        /// The configuration.
        configuration: String,
        /// Position, 0 to 7.
        position: usize,
        /// What stands there.
        value: i64,
        /// The set's choices there.
        choices: Vec<i64>,
    },
    /// The name of a set of channel configurations that does not exist.
    #[error(
        "there is no channel set {name:?}; expected {}, a configuration such as 16_16_32_16_16_64_16_24, or 8 lists of widths",
        any_of(known)
    )]
    ChannelSetName {
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<&'static str>,
    },
    /// Lists of choices that make no set of channel configurations.
    #[error("channel set: {what}")]
    ChannelLists {
        /// What is wrong, where, and what would be right.
        what: String,
    },
    /// A weighting of choices without meaning.
    #[error("weight parameter {value} of sampling: expected 1 (uniform) to {most}")]
    Weighting {
        /// The parameter, as written.
        value: String,
        /// The largest that would do.
        most: i64,
    },
    /// A state dict that is not that of the expected kind of network.
    #[error("the weights are not those of {network}: {what}")]
    Weights {
        /// The kind of network.
        network: &'static str,
        /// Which key is wrong, how, and what would be right.
        what: String,
    },
}

/// As much of a text as an error shows.
pub(crate) fn excerpt(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// `1, 2 or 3`.
fn any_of<T: ToString>(choices: &[T]) -> String {
    let texts: Vec<String> = choices.iter().map(T::to_string).collect();
    match texts.as_slice() {
        [head @ .., last] if !head.is_empty() => format!("{} or {last}", head.join(", ")),
        texts => texts.concat(),
    }
}

/// `Ok` where `value ≥ 1`.
pub(crate) fn positive(setting: &'static str, value: i64) -> Result<(), NetworkError> {
    if value >= 1 { Ok(()) } else { Err(NetworkError::Setting { setting, value, expected: "at least 1" }) }
}
