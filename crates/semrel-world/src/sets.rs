//! The data sets that the world offers.

use crate::look::{Look, Season, Weather};

/// Which domains to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainSet {
    /// spring, summer, autumn, winter.
    Seasons,
    /// sunny, cloudy, rainy, foggy, snowy.
    Weather,
}

impl DomainSet {
    /// Its domains.
    pub fn looks(self) -> Vec<Look> {
        match self {
            Self::Seasons => Season::ALL.map(Look::from).to_vec(),
            Self::Weather => Weather::ALL.map(Look::from).to_vec(),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seasons => "seasons",
            Self::Weather => "weather",
        }
    }
}

/// Which two domains to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairWorld {
    /// A: horses, B: zebras, in places of their own (unpaired).
    HorseZebra,
    /// A: photographs of streets, B: their labels in Cityscapes' colours.
    Street,
    /// A: towns from above, B: their maps, side by side in one picture.
    Maps,
}

impl PairWorld {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::HorseZebra, Self::Street, Self::Maps];

    /// Name of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::HorseZebra => "horse2zebra",
            Self::Street => "street",
            Self::Maps => "maps",
        }
    }
}
