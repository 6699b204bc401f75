//! How large a table is made.

/// Extent of data, networks and training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// 64 x 64 pixels, narrow networks, the sample world: minutes
    Sample,
    /// Your images (--data) at 64 to 128 pixels: up to an hour per row
    Small,
    /// The paper's sizes, data and hyper-parameters: days, on a GPU
    Paper,
}

impl Profile {
    /// All of them, from the quickest on.
    pub const ALL: [Self; 3] = [Self::Sample, Self::Small, Self::Paper];

    /// As in names of files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Small => "small",
            Self::Paper => "paper",
        }
    }
}
