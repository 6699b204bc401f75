//! What the pixels of a map show.

/// Classes of the map's areas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MapLabel {
    /// Land without a mark of its own: gardens, yards, fields.
    Land = 0,
    /// Streets.
    Street = 1,
    /// Main roads.
    MainRoad = 2,
    /// Buildings.
    Building = 3,
    /// Parks and woods.
    Park = 4,
    /// Water.
    Water = 5,
    /// Car parks.
    CarPark = 6,
}

impl MapLabel {
    /// All of them, by number.
    pub const ALL: [Self; 7] =
        [Self::Land, Self::Street, Self::MainRoad, Self::Building, Self::Park, Self::Water, Self::CarPark];
}

impl From<MapLabel> for u8 {
    fn from(label: MapLabel) -> Self {
        label as Self
    }
}
