//! What the pixels of a landscape show.

/// Classes of a landscape's label map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Label {
    /// Sky, clouds, the sun.
    Sky = 0,
    /// Mountain ridges.
    Mountain = 1,
    /// Grass, under snow or not.
    Meadow = 2,
    /// Road.
    Road = 3,
    /// Lake or river.
    Water = 4,
    /// Crowns, bushes and distant forest.
    Tree = 5,
    /// Trunks.
    Trunk = 6,
    /// Cottage.
    House = 7,
    /// Horse or zebra; in scenes with animals only.
    Animal = 8,
}

impl From<Label> for u8 {
    fn from(label: Label) -> Self {
        label as Self
    }
}

impl Label {
    /// Number of classes.
    pub const COUNT: usize = 9;
}
