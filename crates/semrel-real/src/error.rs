//! What can go wrong when a data set is made of packages.

use std::path::PathBuf;

/// Errors of this crate. Each names the file, what was wrong and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum RealError {
    /// Another number of packages than a data set is made of.
    #[error("{set} is made of {expected} package(s); {found} given")]
    Packages {
        /// The data set.
        set: &'static str,
        /// How many were given.
        found: usize,
        /// How many it is made of.
        expected: usize,
    },
    /// A package that cannot be read.
    #[error("{}: cannot be read as a package (.tgz or .whl)", path.display())]
    Archive {
        /// The package.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A member that should be there.
    #[error("{}: holds no {member}; it is another package, or another version", path.display())]
    Missing {
        /// The package.
        path: PathBuf,
        /// What was looked for.
        member: String,
    },
    /// A list that is not what it should be.
    #[error("{}: {member} is not the list that is expected", path.display())]
    List {
        /// The package.
        path: PathBuf,
        /// The list.
        member: String,
        /// Why.
        source: serde_json::Error,
    },
    /// A drawing that is not an SVG, or has no size.
    #[error("{}: {member} cannot be drawn: {why}", path.display())]
    Drawing {
        /// The package.
        path: PathBuf,
        /// The drawing.
        member: String,
        /// Why.
        why: String,
    },
    /// A picture that cannot be decoded.
    #[error("{}: {member} cannot be decoded", path.display())]
    Picture {
        /// The package.
        path: PathBuf,
        /// The picture.
        member: String,
        /// Why.
        source: image::ImageError,
    },
    /// Too few subjects for all parts.
    #[error("{}: {found} subjects; at least {needed} are needed", path.display())]
    TooFew {
        /// The package.
        path: PathBuf,
        /// How many there are.
        found: usize,
        /// How many are needed.
        needed: usize,
    },
    /// A size that pictures cannot have.
    #[error("pictures of {size} x {size} pixels; {set} is available up to {most} x {most}")]
    Size {
        /// The data set.
        set: &'static str,
        /// The size.
        size: u32,
        /// The largest.
        most: u32,
    },
    /// A picture that cannot be written.
    #[error(transparent)]
    Write(#[from] semrel_data::DataError),
}
