//! What the pixels of a street show.

/// The classes of street scenes: those of Cityscapes' 19 train ids that occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum StreetLabel {
    /// Carriageway with its markings.
    Road = 0,
    /// Pavement and kerb.
    Sidewalk = 1,
    /// Facades and roofs.
    Building = 2,
    /// Fences and railings, gaps included.
    Fence = 4,
    /// Lamp posts and posts of signs.
    Pole = 5,
    /// Traffic signs.
    TrafficSign = 7,
    /// Trees, trunks included, and hedges.
    Vegetation = 8,
    /// Sky.
    Sky = 10,
    /// People on foot.
    Person = 11,
    /// People on bicycles, the bicycles included.
    Rider = 12,
    /// Cars and vans.
    Car = 13,
}

impl StreetLabel {
    /// All of them, by train id.
    pub const ALL: [Self; 11] = [
        Self::Road,
        Self::Sidewalk,
        Self::Building,
        Self::Fence,
        Self::Pole,
        Self::TrafficSign,
        Self::Vegetation,
        Self::Sky,
        Self::Person,
        Self::Rider,
        Self::Car,
    ];
}

impl From<StreetLabel> for u8 {
    fn from(label: StreetLabel) -> Self {
        label as Self
    }
}
