//! Channel configurations of the once-for-all generator: how wide each of its layers is.
//!
//! Li et al., "GAN Compression: Efficient Architectures for Interactive Conditional GANs", CVPR 2020. A configuration is
//! written as its numbers joined by `_`; a [`ChannelSet`] lists the choices at each position, from which
//! [`ChannelSet::sample`] draws.

mod cost;
mod set;
mod weighting;

pub use set::ChannelSet;
pub use weighting::Weighting;

use crate::NetworkError;
use crate::error::excerpt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Widths `c = (c0 … c7)` of a generator with the mobile skeleton.
///
/// | entry | width of |
/// |---|---|
/// | c0 | `model.1` |
/// | 2·c1 | `model.4` |
/// | 4·c2 | `model.7` and everything between the residual blocks: the trunk |
/// | 4·c3, 4·c4, 4·c5 | inside blocks 10–12, 13–15, 16–18 |
/// | 2·c6 | `model.19` |
/// | c7 | `model.22` |
///
/// ```
/// use semrel_nn::channels::Channels;
/// let c: Channels = "16_16_32_16_16_64_16_24".parse()?;
/// assert_eq!((c.macs(256, 256), c.parameters()), (2_961_702_912, 411_619));
/// # Ok::<(), semrel_nn::NetworkError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Channels([i64; 8]);

impl Channels {
    /// The largest entry that is taken.
    pub const MOST: i64 = 1 << 16;

    /// Checks that every entry is 1 to [`Channels::MOST`].
    ///
    /// # Errors
    /// [`NetworkError::ChannelRange`] names the first that is not.
    pub fn new(values: [i64; 8]) -> Result<Self, NetworkError> {
        let channels = Self(values);
        channels.check_at_most(Self::MOST, "")?;
        Ok(channels)
    }

    /// Every layer as wide as a generator of base width `width` has it. Panics where `width` is not 1 to
    /// [`Channels::MOST`].
    pub fn full(width: i64) -> Self {
        Self::new([width; 8]).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The entries.
    pub fn values(&self) -> [i64; 8] {
        self.0
    }

    /// Width of the trunk, 4·c2: that of all four distillation taps.
    pub fn trunk(&self) -> i64 {
        4 * self.0[2]
    }

    /// Whether a super-net of base width `width` holds this configuration: no entry is larger.
    ///
    /// # Errors
    /// [`NetworkError::ChannelRange`] names the first that is.
    pub fn check_within(&self, width: i64) -> Result<(), NetworkError> {
        self.check_at_most(width, ", the width of the super-net")
    }

    fn check_at_most(&self, most: i64, why: &'static str) -> Result<(), NetworkError> {
        match self.0.iter().position(|value| !(1..=most).contains(value)) {
            None => Ok(()),
            Some(position) => Err(NetworkError::ChannelRange {
                configuration: self.to_string(),
                position,
                value: self.0[position],
                most,
                why,
            }),
        }
    }
}

impl fmt::Display for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.map(|value| value.to_string()).join("_"))
    }
}

impl FromStr for Channels {
    type Err = NetworkError;

    /// Reads 8 numbers joined by `_`, or the older form of 6: (c0, c1, c2, width inside all blocks, c6, c7).
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let entries: Vec<&str> = text.trim().split('_').collect();
        if ![6, 8].contains(&entries.len()) {
            return Err(NetworkError::ChannelCount { text: excerpt(text), found: entries.len() });
        }
        let mut numbers = vec![];
        for (position, entry) in entries.iter().enumerate() {
            let number: i64 = entry.parse().map_err(|_| NetworkError::ChannelEntry {
                text: excerpt(text),
                position,
                entry: excerpt(entry),
            })?;
            numbers.push(number);
        }
        match numbers[..] {
            [c0, c1, c2, inner, c6, c7] => Self::new([c0, c1, c2, inner, inner, inner, c6, c7]),
            [c0, c1, c2, c3, c4, c5, c6, c7] => Self::new([c0, c1, c2, c3, c4, c5, c6, c7]),
            _ => unreachable!("6 or 8 entries"),
        }
    }
}

impl TryFrom<String> for Channels {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        text.parse()
    }
}

impl From<Channels> for String {
    fn from(channels: Channels) -> Self {
        channels.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn six_numbers_share_the_width_inside_the_blocks() {
        let c: Channels = "24_24_24_32_20_16".parse().unwrap();
        assert_eq!(c.to_string(), "24_24_24_32_32_32_20_16");
        assert_eq!(c.trunk(), 96);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let said = |text: &str| text.parse::<Channels>().unwrap_err().to_string();
        assert!(said("16_16_32").contains("\"16_16_32\" has 3 numbers; expected 8"), "{}", said("16_16_32"));
        assert!(said("").contains("has 1 numbers"));
        let none = said("16_16_32_x_16_64_16_24");
        assert!(none.contains("entry 3 (counted from 0) is \"x\""), "{none}");
        assert!(said("16_16_32_16_16_64_16_99999999999999999999").contains("entry 7"));
        let negative = said("16_-4_32_16_16_64_16_24");
        assert!(negative.contains("c1 is -4; expected 1 to 65536"), "{negative}");
        assert!(said("16_16_32_16_16_64_16_70000").contains("c7 is 70000"));
        assert!(said(&"9_".repeat(1000)).len() < 200);
        let wide = Channels::full(64).check_within(48).unwrap_err().to_string();
        assert!(wide.contains("c0 is 64; expected 1 to 48, the width of the super-net"), "{wide}");
        assert!(Channels::full(48).check_within(48).is_ok());
    }

    #[test]
    fn files_hold_the_string() {
        let c = Channels::new([16, 16, 32, 16, 16, 64, 16, 24]).unwrap();
        let json = serde_json::to_string(&c).unwrap();
        assert_eq!(json, "\"16_16_32_16_16_64_16_24\"");
        assert_eq!(serde_json::from_str::<Channels>(&json).unwrap(), c);
        let error = serde_json::from_str::<Channels>("\"16_16\"").unwrap_err().to_string();
        assert!(error.contains("has 2 numbers"), "{error}");
    }

    proptest! {
        #[test]
        fn text_comes_back(values in prop::array::uniform8(1i64..=Channels::MOST)) {
            let c = Channels::new(values).unwrap();
            prop_assert_eq!(c.to_string().parse::<Channels>(), Ok(c));
            prop_assert_eq!(c.values(), values);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9_x-]{0,40}") {
            if let Ok(c) = text.parse::<Channels>() {
                prop_assert!(c.values().iter().all(|v| (1..=Channels::MOST).contains(v)));
            }
        }
    }
}
