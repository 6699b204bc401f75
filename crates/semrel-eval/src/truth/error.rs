//! Truths and masks that do not fit the test images.

use std::path::PathBuf;

/// Why a set of truths or masks is refused.
#[derive(Debug, thiserror::Error)]
pub enum TruthError {
    /// Test images without counterpart.
    #[error(
        "{}: no {what} for {missing} of {of} test images, the first of which is {}; expected a picture of the same name, with \
         any extension, for each",
        folder.display(), first.display()
    )]
    Lacks {
        /// Where it was looked for.
        folder: PathBuf,
        /// `truth` or `mask`.
        what: &'static str,
        /// How many are missing.
        missing: usize,
        /// How many there should be.
        of: usize,
        /// Name of the first that is missing, without its extension.
        first: PathBuf,
    },
    /// A picture of another size than the translation that it belongs to.
    #[error(
        "{}: {} × {} pixels, but the translation of this image has {} × {}; resize the pictures of this folder",
        path.display(), found.0, found.1, expected.0, expected.1
    )]
    Size {
        /// The picture.
        path: PathBuf,
        /// Its width and height.
        found: (u32, u32),
        /// Those of the translation.
        expected: (u32, u32),
    },
    /// A truth that training sees.
    #[error(
        "{} is the training picture {}: the files are equal{}; the truth must be hidden from training",
        path.display(), training.display(), also(*others)
    )]
    Training {
        /// The truth.
        path: PathBuf,
        /// The training picture.
        training: PathBuf,
        /// How many more there are.
        others: usize,
    },
    /// Masks that are white, or black, throughout.
    #[error("{}: no pixel of these masks is {lacking}; expected white inside and black outside", folder.display())]
    OneColour {
        /// Their folder.
        folder: PathBuf,
        /// `white` or `black`.
        lacking: &'static str,
    },
    /// Masks without truth.
    #[error("masks divide the distance to the truth, and there is none; set `eval.truth` as well")]
    MasksAlone,
}

fn also(others: usize) -> String {
    if others == 0 { String::new() } else { format!(", and so it is with {others} more") }
}
