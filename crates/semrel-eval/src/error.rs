//! What can go wrong in an evaluation.

use std::path::PathBuf;

/// Errors of this crate. Each names the file or the config key, what was wrong and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// What a config key asks for cannot be had.
    #[error("config key `{key}`{}", remedy.map(|remedy| format!(" ({remedy})")).unwrap_or_default())]
    Key {
        /// The key.
        key: String,
        /// What would be right, where the cause does not say it.
        remedy: Option<&'static str>,
        /// Why.
        source: Box<EvalError>,
    },
    /// What cannot be had of a file, a folder or some images.
    #[error("{what}")]
    Of {
        /// The file, the folder or the images.
        what: String,
        /// Why.
        source: Box<EvalError>,
    },
    /// Too few images.
    #[error("{} holds {found} {what}; a Fréchet distance needs at least 2", folder.display())]
    TooFew {
        /// Where they were looked for.
        folder: PathBuf,
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: usize,
    },
    /// An output that no picture can show.
    #[error("the generator's output is NaN or infinite: its weights are damaged, or its training has diverged")]
    NotFinite,
    /// A picture whose size the generator does not take.
    #[error(transparent)]
    Network(#[from] semrel_nn::NetworkError),
    /// Statistics of other features than those they are compared with.
    #[error(
        "{}: statistics of {found} features, but {extractor} has {expected}; make them with the same extractor",
        path.display()
    )]
    OtherFeatures {
        /// The archive.
        path: PathBuf,
        /// Features of the archive.
        found: usize,
        /// Features of the extractor.
        expected: usize,
        /// Its name.
        extractor: String,
    },
    /// Statistics in place of pictures, where the features of each are needed.
    #[error(
        "statistics hold no features of single pictures; compare with images, or leave `kid`, `prdc` and `mmd` out"
    )]
    NoSinglePictures,
    /// More neighbours than there are other images.
    #[error(
        "config key `eval.more.neighbours`: {neighbours}; it must be below {images}, the number of images on the smaller side"
    )]
    Neighbours {
        /// How many were asked for.
        neighbours: i64,
        /// How many images there are.
        images: usize,
    },
    /// A divergence of relations that cannot be computed.
    #[error(transparent)]
    Loss(semrel_loss::LossError),
    /// A segmenter that does not exist.
    #[error("no segmenter `{name}`; the known ones are {known}; for weights of your own set `eval.segmenter_weights`")]
    UnknownSegmenter {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// Weights for something that has none of its own.
    #[error("{name} is fitted, or has published weights alone; leave the key out, or choose {instead}")]
    WeightsForNone {
        /// What was chosen.
        name: String,
        /// What takes weights.
        instead: String,
    },
    /// Labels in which nothing is labelled.
    #[error(
        "no pixel of the labels of {} and {others} more has a class; expected train ids from 0 to {largest}",
        first.display()
    )]
    Unlabelled {
        /// The first of the images.
        first: PathBuf,
        /// How many more there are.
        others: usize,
        /// Largest train id.
        largest: usize,
    },
    /// A photograph without label, or a label without photograph.
    #[error(
        "{}: no photograph belongs to the label {}; `eval.segmentation` needs both, of the same name",
        folder.display(),
        label.display()
    )]
    NoPhotograph {
        /// Where it was looked for.
        folder: PathBuf,
        /// The label.
        label: PathBuf,
    },
    /// A file or folder that the system refuses.
    #[error("{what}")]
    Io {
        /// What was to be done.
        what: String,
        /// Why it could not.
        source: std::io::Error,
    },
    /// A domain of which no image can be read.
    #[error("domain {0}: no readable image to evaluate with")]
    NoImage(String),
    /// A truth that does not fit the test images.
    #[error(transparent)]
    Truth(#[from] crate::TruthError),
    /// A metric that cannot be computed.
    #[error(transparent)]
    Metrics(#[from] semrel_metrics::MetricsError),
    /// Images that cannot be read or written.
    #[error(transparent)]
    Data(#[from] semrel_data::DataError),
    /// A batch of images that did not arrive.
    #[error(transparent)]
    Loader(#[from] semrel_data::LoaderError<semrel_data::DataError>),
}

impl EvalError {
    /// This error, of what config key `key` asks for.
    pub fn at_key(self, key: impl Into<String>) -> Self {
        Self::Key { key: key.into(), remedy: None, source: Box::new(self) }
    }

    /// This error, of a file, a folder or some images.
    pub fn of(self, what: impl std::fmt::Display) -> Self {
        Self::Of { what: what.to_string(), source: Box::new(self) }
    }
}

/// Says of an error which config key asked for what failed.
pub(crate) trait AtKey<T> {
    /// As [`EvalError::at_key`].
    fn at_key(self, key: &str) -> Result<T, EvalError>;
}

impl<T, E: Into<EvalError>> AtKey<T> for Result<T, E> {
    fn at_key(self, key: &str) -> Result<T, EvalError> {
        self.map_err(|error| error.into().at_key(key))
    }
}
