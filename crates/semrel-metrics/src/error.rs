//! What can go wrong with a score.

use std::path::PathBuf;

/// Errors of this crate. Each names what was wrong and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// Too few images for a statistic.
    #[error("{what}: {found} given, at least {needed} needed")]
    TooFew {
        /// Of what.
        what: &'static str,
        /// How many there are.
        found: i64,
        /// How many are needed.
        needed: i64,
    },
    /// A tensor of the wrong shape.
    #[error("{what}: shape {found:?}, expected {expected}")]
    Shape {
        /// Which tensor.
        what: &'static str,
        /// Its shape.
        found: Vec<i64>,
        /// The right one, such as `[N, d]`.
        expected: &'static str,
    },
    /// Two images of different sizes where one size is needed.
    #[error("{what}: {} × {} and {} × {} pixels; expected the same size", left.0, left.1, right.0, right.1)]
    Sizes {
        /// Which images.
        what: &'static str,
        /// Width and height of the one.
        left: (u32, u32),
        /// Width and height of the other.
        right: (u32, u32),
    },
    /// A label image or table that is not what it should be.
    #[error("{}: {why}", path.display())]
    Labels {
        /// The file.
        path: PathBuf,
        /// What is wrong and what would be right.
        why: String,
    },
    /// A photograph without label image, or the other way round.
    #[error("{}: has no counterpart: {why}", path.display())]
    Unpaired {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        why: String,
    },
    /// A setting that makes no sense.
    #[error("{0}")]
    Setting(String),
    /// Signals that cannot be listened to.
    #[error(transparent)]
    Signals(#[from] semrel_train::interrupt::InterruptError),
    /// Work that was stopped on request.
    #[error("interrupted")]
    Interrupted,
    /// Two sets of features of different widths.
    #[error("features of {left} and of {right} dimensions cannot be compared: both sides need the same extractor")]
    Dimensions {
        /// Width on one side.
        left: usize,
        /// Width on the other.
        right: usize,
    },
    /// NaN or infinity where a number is needed.
    #[error("{what} holds {count} values that are NaN or infinite")]
    NotFinite {
        /// Which set.
        what: String,
        /// How many such values.
        count: i64,
    },
    /// Numbers that no distance can be computed from.
    #[error("{what} hold values up to {found:e}; expected none beyond {limit:e}")]
    TooLarge {
        /// Which numbers.
        what: &'static str,
        /// The largest.
        found: f64,
        /// The largest that is taken.
        limit: f64,
    },
    /// A matrix decomposition that did not converge.
    #[error("the {0} did not converge")]
    NoConvergence(&'static str),
    /// A symmetric matrix with negative eigenvalues.
    #[error("not a covariance: its eigenvalues go from {smallest:e} to {largest:e}; expected none below 0")]
    NotCovariance {
        /// Smallest eigenvalue.
        smallest: f64,
        /// Largest eigenvalue.
        largest: f64,
    },
    /// A class that the classifier does not have.
    #[error("no class {name}; the known ones are {known}")]
    UnknownClass {
        /// The class asked for.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// Something that is not a set of pictures.
    #[error("{}: {why}", path.display())]
    Source {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong and what would be right.
        why: String,
    },
    /// A name or number that is not known.
    #[error("no {what} {name}; the known ones are {known}")]
    Unknown {
        /// What was named.
        what: &'static str,
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// A file of statistics that cannot be read or written.
    #[error("{}: {why}", path.display())]
    Statistics {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A weights file that is not there, or not the published one.
    #[error(transparent)]
    Weights(#[from] semrel_weights::WeightsError),
    /// A weights file of another network.
    #[error("{}: looks like the weights of {found}; those of {needed} are needed ({file})", path.display())]
    WeightsOfAnother {
        /// The file.
        path: PathBuf,
        /// What it looks like.
        found: &'static str,
        /// The network that was to be loaded.
        needed: &'static str,
        /// Its published file.
        file: &'static str,
    },
    /// A weights file with keys missing or of other shapes.
    #[error("{}: these are not weights of {needed}", path.display())]
    WeightsUnfit {
        /// The file.
        path: PathBuf,
        /// The network that was to be loaded.
        needed: &'static str,
        /// What does not fit.
        source: semrel_nn::checkpoint::CheckpointError,
    },
    /// A file that cannot be read.
    #[error("{}: cannot be read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Weights that cannot be loaded.
    #[error(transparent)]
    Checkpoint(#[from] semrel_nn::checkpoint::CheckpointError),
    /// Images that cannot be read.
    #[error(transparent)]
    Data(#[from] semrel_data::DataError),
}
