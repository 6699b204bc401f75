//! Sets of configurations: choices at each position.

use super::{Channels, Weighting};
use crate::NetworkError;
use crate::error::excerpt;
use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::array;
use std::fmt;
use std::str::FromStr;

/// Every combination of the choices at the eight positions.
///
/// In files it is a published name, a single configuration, or the eight lists:
///
/// | name | choices | size |
/// |---|---|---|
/// | `channels-48` | 48, 32 twice; 48, 40, 32 four times; 48, 32, 24, 16 twice | 5 184 |
/// | `channels-32` | 32, 24, 16 at every position | 6 561 |
/// | `channels-64-cycleGAN` | 64, 48, 32, 24, 16 | 390 625 |
/// | `channels-64-pix2pix` | 64, 56, 48, 40, 32, 24, 16 | 5 764 801 |
/// | `test` | 8, but 6 or 8 at positions 1 and 2 | 4 |
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Form", into = "Form")]
pub struct ChannelSet {
    choices: [Vec<i64>; 8],
    /// Its number among [`NAMES`].
    name: Option<usize>,
}

/// A set as files hold it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected the name of a channel set, a channel configuration, or 8 lists of widths")]
enum Form {
    Text(String),
    Lists(Vec<Vec<i64>>),
}

const NAMES: [&str; 5] = ["channels-48", "channels-32", "channels-64-cycleGAN", "channels-64-pix2pix", "test"];

impl ChannelSet {
    /// A published set.
    ///
    /// # Errors
    /// [`NetworkError::ChannelSetName`] lists those that there are.
    pub fn named(name: &str) -> Result<Self, NetworkError> {
        let Some(number) = NAMES.iter().position(|known| *known == name) else {
            return Err(NetworkError::ChannelSetName { name: excerpt(name), known: NAMES.to_vec() });
        };
        let choices = array::from_fn(|position| {
            let widths: &[i64] = match (NAMES[number], position) {
                ("channels-48", 0 | 1) => &[48, 32],
                ("channels-48", 2..=5) => &[48, 40, 32],
                ("channels-48", _) => &[48, 32, 24, 16],
                ("channels-32", _) => &[32, 24, 16],
                ("channels-64-cycleGAN", _) => &[64, 48, 32, 24, 16],
                ("channels-64-pix2pix", _) => &[64, 56, 48, 40, 32, 24, 16],
                (_, 1 | 2) => &[6, 8],
                _ => &[8],
            };
            widths.to_vec()
        });
        Ok(Self { choices, name: Some(number) })
    }

    /// The set of a single configuration, which stands in for one where a fixed network is trained.
    pub fn fixed(channels: Channels) -> Self {
        Self { choices: channels.values().map(|value| vec![value]), name: None }
    }

    /// A set of one's own.
    ///
    /// # Errors
    /// [`NetworkError::ChannelLists`] where there are not 8 lists, one is empty or says the same twice, a width is not 1 to
    /// [`Channels::MOST`], or the combinations are more than 64 bits count.
    pub fn of_lists(lists: Vec<Vec<i64>>) -> Result<Self, NetworkError> {
        let wrong = |what: String| Err(NetworkError::ChannelLists { what });
        let found = lists.len();
        let Ok(choices) = <[Vec<i64>; 8]>::try_from(lists) else {
            return wrong(format!("{found} lists of widths; expected 8, one per position"));
        };
        for (position, list) in choices.iter().enumerate() {
            if list.is_empty() {
                return wrong(format!("the list of position {position} is empty; expected at least one width"));
            }
            for (i, value) in list.iter().enumerate() {
                if !(1..=Channels::MOST).contains(value) {
                    return wrong(format!(
                        "position {position} lists {value}; expected widths of 1 to {}",
                        Channels::MOST
                    ));
                }
                if list[..i].contains(value) {
                    return wrong(format!("position {position} lists {value} twice; expected different widths"));
                }
            }
        }
        let size = choices.iter().try_fold(1u64, |size, list| size.checked_mul(list.len() as u64));
        if size.is_none() {
            return wrong("more than 2⁶⁴ combinations; expected fewer choices".to_owned());
        }
        Ok(Self { choices, name: None })
    }

    /// The choices at each position, in the order of enumeration.
    pub fn choices(&self) -> &[Vec<i64>; 8] {
        &self.choices
    }

    /// Number of configurations.
    pub fn size(&self) -> u64 {
        self.choices.iter().map(|list| list.len() as u64).product()
    }

    /// The maximum at every position.
    pub fn largest(&self) -> Channels {
        self.at_each(|list| list.iter().max())
    }

    /// The minimum at every position: no member has fewer multiply-accumulates or parameters.
    pub fn smallest(&self) -> Channels {
        self.at_each(|list| list.iter().min())
    }

    fn at_each(&self, pick: impl Fn(&[i64]) -> Option<&i64>) -> Channels {
        Channels(array::from_fn(|position| *pick(&self.choices[position]).expect("no list is empty")))
    }

    /// Multiply-accumulates of the cheapest member, for images of `height` × `width`. No budget below it can be met.
    pub fn least_macs(&self, height: i64, width: i64) -> u64 {
        self.smallest().macs(height, width)
    }

    /// Parameters of the member that has fewest.
    pub fn least_parameters(&self) -> u64 {
        self.smallest().parameters()
    }

    /// Whether a configuration is a member.
    pub fn contains(&self, channels: &Channels) -> bool {
        self.check(channels).is_ok()
    }

    /// As [`ChannelSet::contains`], saying what does not fit.
    ///
    /// # Errors
    /// [`NetworkError::ChannelChoice`] names the first position where the set has not the configuration's width, and its
    /// choices there.
    pub fn check(&self, channels: &Channels) -> Result<(), NetworkError> {
        let values = channels.values();
        match (0..8).find(|&position| !self.choices[position].contains(&values[position])) {
            None => Ok(()),
            Some(position) => Err(NetworkError::ChannelChoice {
                configuration: channels.to_string(),
                position,
                value: values[position],
                choices: self.choices[position].clone(),
            }),
        }
    }

    /// All members: the first position slowest, the last fastest, choices in the order of their lists.
    pub fn iter(&self) -> impl Iterator<Item = Channels> {
        (0..self.size()).map(|number| self.nth(number))
    }

    /// Member `number` of [`ChannelSet::iter`]; numbers from [`ChannelSet::size`] on start over.
    pub fn nth(&self, mut number: u64) -> Channels {
        let mut values = [0; 8];
        for (value, list) in values.iter_mut().zip(&self.choices).rev() {
            let count = list.len() as u64;
            *value = list[(number % count) as usize];
            number /= count;
        }
        Channels(values)
    }

    /// Draws a member, each position independently. Training draws uniformly; the weighted forms are for the first generation
    /// of a search.
    pub fn sample(&self, rng: &mut impl Rng, weighting: Weighting) -> Channels {
        Channels(array::from_fn(|position| {
            let list = &self.choices[position];
            list[weighting.draw(list.len(), rng)]
        }))
    }
}

impl fmt::Display for ChannelSet {
    /// The name, the single configuration, or the lists joined by `·`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(number) => f.write_str(NAMES[number]),
            None if self.size() == 1 => self.largest().fmt(f),
            None => {
                let lists =
                    self.choices.each_ref().map(|list| list.iter().map(i64::to_string).collect::<Vec<_>>().join(","));
                f.write_str(&lists.join(" · "))
            }
        }
    }
}

impl FromStr for ChannelSet {
    type Err = NetworkError;

    /// Reads a published name, or a configuration, which makes a set of one.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        // No name begins with a digit.
        match text.trim_start().chars().next() {
            Some('0'..='9' | '-') => Ok(Self::fixed(text.parse()?)),
            _ => Self::named(text),
        }
    }
}

impl TryFrom<Form> for ChannelSet {
    type Error = NetworkError;

    fn try_from(form: Form) -> Result<Self, NetworkError> {
        match form {
            Form::Text(text) => text.parse(),
            Form::Lists(lists) => Self::of_lists(lists),
        }
    }
}

impl From<ChannelSet> for Form {
    fn from(set: ChannelSet) -> Self {
        if set.name.is_some() || set.size() == 1 {
            Self::Text(set.to_string())
        } else {
            Self::Lists(set.choices.to_vec())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[test]
    fn published_sets_have_their_sizes_and_order() {
        let sizes = NAMES.map(|name| ChannelSet::named(name).unwrap().size());
        assert_eq!(sizes, [5_184, 6_561, 390_625, 5_764_801, 4]);
        let test: Vec<String> = ChannelSet::named("test").unwrap().iter().map(|c| c.to_string()).collect();
        assert_eq!(test, ["8_6_6_8_8_8_8_8", "8_6_8_8_8_8_8_8", "8_8_6_8_8_8_8_8", "8_8_8_8_8_8_8_8"]);
        let wide = ChannelSet::named("channels-48").unwrap();
        assert_eq!(wide.nth(1728).to_string(), "48_32_40_48_48_48_48_48");
        assert_eq!(wide.smallest().to_string(), "32_32_32_32_32_32_16_16");
        assert_eq!(wide.largest(), Channels::full(48));
    }

    #[test]
    fn a_single_configuration_is_a_set() {
        let c: Channels = "16_16_32_16_16_64_16_24".parse().unwrap();
        let set = ChannelSet::fixed(c);
        assert_eq!((set.size(), set.largest(), set.smallest()), (1, c, c));
        let mut rng = StdRng::seed_from_u64(1);
        for weighting in [Weighting::Uniform, Weighting::Arithmetic(2.0), Weighting::Geometric(2.0)] {
            assert_eq!(set.sample(&mut rng, weighting), c);
        }
        assert_eq!((set.least_macs(256, 256), set.least_parameters()), (2_961_702_912, 411_619));
    }

    #[test]
    fn files_hold_a_name_a_configuration_or_lists() {
        let read = |json: &str| serde_json::from_str::<ChannelSet>(json);
        let lists = "[[8],[6,8],[8],[8,4],[8],[8],[8],[8]]";
        for json in ["\"channels-64-cycleGAN\"", "\"16_16_32_16_16_64_16_24\"", lists] {
            assert_eq!(serde_json::to_string(&read(json).unwrap()).unwrap(), json);
        }
        assert_eq!(read(lists).unwrap().to_string(), "8 · 6,8 · 8 · 8,4 · 8 · 8 · 8 · 8");
        let said = |json: &str| read(json).unwrap_err().to_string();
        for (json, words) in [
            ("\"channels-65\"", "channels-64-pix2pix or test"),
            ("\"16_16\"", "has 2 numbers"),
            ("\"-1_1_1_1_1_1_1_1\"", "c0 is -1"),
            ("[[8]]", "1 lists of widths; expected 8"),
            ("[[8],[6,8],[],[8],[8],[8],[8],[8]]", "position 2 is empty"),
            ("[[8],[6,8],[8],[8],[0],[8],[8],[8]]", "position 4 lists 0"),
            ("[[8],[6,8],[8],[8],[8],[8],[8],[8,8]]", "position 7 lists 8 twice"),
            ("7", "expected the name of a channel set"),
        ] {
            assert!(said(json).contains(words), "{json}: {}", said(json));
        }
        let long: Vec<i64> = (1..=1000).collect();
        let many = ChannelSet::of_lists(vec![long; 8]).unwrap_err().to_string();
        assert!(many.contains("2⁶⁴"), "{many}");
    }

    #[test]
    fn what_is_outside_is_named_with_the_choices() {
        let set = ChannelSet::named("channels-64-cycleGAN").unwrap();
        let error = set.check(&"16_16_32_16_40_64_16_24".parse().unwrap()).unwrap_err().to_string();
        assert!(error.contains("c4 is 40; the set has 64, 48, 32, 24 or 16"), "{error}");
    }

    proptest! {
        #[test]
        fn members_are_told_from_others(seed: u64, a in 1.1f64..4.0, which in 0usize..5) {
            let set = ChannelSet::named(NAMES[which]).unwrap();
            let mut rng = StdRng::seed_from_u64(seed);
            for weighting in [Weighting::Uniform, Weighting::Arithmetic(a), Weighting::Geometric(a)] {
                let c = set.sample(&mut rng, weighting);
                prop_assert!(set.contains(&c));
                prop_assert!(c.macs(64, 64) >= set.least_macs(64, 64) && c.macs(64, 64) <= set.largest().macs(64, 64));
                prop_assert!(c.parameters() >= set.least_parameters());
                let mut other = c.values();
                other[seed as usize % 8] += 1;
                prop_assert!(!set.contains(&Channels::new(other).unwrap()));
            }
        }

        #[test]
        fn numbers_enumerate_in_order(number in 0u64..6560) {
            let set = ChannelSet::named("channels-32").unwrap();
            // Lists descend, so the members do.
            prop_assert!(set.nth(number) > set.nth(number + 1));
        }
    }
}
