//! What can go wrong with files of images.

use semrel_run::FileError;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Errors of this crate. Each names the file or folder, what is wrong and what would be right.
#[derive(Debug, Error)]
pub enum DataError {
    /// A folder that should hold data is not there.
    #[error("{path}: no such folder; expected {expected}")]
    MissingFolder {
        /// The folder.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// A split folder without domain folders.
    #[error("{path}: no subfolders; expected one folder of images per domain")]
    NoDomains {
        /// The split folder.
        path: PathBuf,
    },
    /// A domain (or other) folder without images.
    #[error("{path}: no images; expected files ending in {}", crate::image_io::formats::EXTENSIONS.join(", "))]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// A folder without the pictures of both domains of a pair.
    #[error(
        "{path}: no folder {}; expected {phase}A/ and {phase}B/ with images of one domain each, or {aligned}/ with \
         pictures that show A (left) and B (right) side by side",
        missing.join(" and no folder ")
    )]
    NoPair {
        /// The folder.
        path: PathBuf,
        /// Names of the folders that are not there.
        missing: Vec<String>,
        /// `train`, `test` or another phase.
        phase: String,
        /// Names of folders of aligned pictures that would do.
        aligned: String,
    },
    /// A picture that should show A and B side by side but cannot be halved.
    #[error("{path}: {width} pixels wide; a picture that shows A and B side by side has an even width")]
    OddWidth {
        /// The picture.
        path: PathBuf,
        /// Its width.
        width: u32,
    },
    /// An image of a pair whose partner is missing.
    #[error("{path}: {folder} holds no image of this name; images of the same name in the two folders are a pair")]
    NoPartner {
        /// The image.
        path: PathBuf,
        /// Folder of the partners.
        folder: PathBuf,
    },
    /// Two images of a folder that would be the same half of a pair.
    #[error("{path} and {other} have the same name up to the extension, but names identify pairs; remove one")]
    SharedName {
        /// An image.
        path: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// A list of images that does not fit its folder.
    #[error("{path}: {why}; expected one file name per line, relative to the folder of the images")]
    List {
        /// The list.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// An image that the crop does not fit into.
    #[error(
        "{path}: {width} × {height} pixels are too few for a crop of {crop} × {crop}; lower image_size, or resize with \
         preprocess resize_and_crop or scale_shortside_and_crop"
    )]
    TooSmall {
        /// The image.
        path: PathBuf,
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// Side of the crop.
        crop: u32,
    },
    /// Images of one batch that differ in size.
    #[error(
        "{path}: {} × {} pixels after preprocessing, others of its batch {} × {}; use batch 1, or a preprocess that \
         crops or resizes to one size",
        found.0, found.1, expected.0, expected.1
    )]
    UnequalSizes {
        /// The image.
        path: PathBuf,
        /// Its width and height.
        found: (u32, u32),
        /// Those of the first image of the batch.
        expected: (u32, u32),
    },
    /// A domain with fewer images than the task needs.
    #[error("{path}: {found} image(s); at least {needed} are needed")]
    TooFew {
        /// The domain's folder.
        path: PathBuf,
        /// Images found.
        found: usize,
        /// Images needed.
        needed: usize,
    },
    /// A domain with too few images to set some apart for validation.
    #[error(
        "{path}: {found} different image(s), but at least 8 are needed: a quarter of them may validate, and two must; choose \
         by other images with `eval.select: test`, or not at all with `eval.select: last`"
    )]
    NoValidation {
        /// The domain's folder.
        path: PathBuf,
        /// Different images found.
        found: usize,
    },
    /// Train and validation folders name different domains.
    #[error("{path}: domains {found:?} differ from the training domains {expected:?}")]
    DomainMismatch {
        /// The split folder.
        path: PathBuf,
        /// Its domains.
        found: Vec<String>,
        /// Those of the training split.
        expected: Vec<String>,
    },
    /// A file or folder that cannot be read.
    #[error("{path}: cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file whose format is not one of the supported ones.
    #[error("{path}: not an image of a supported format ({}): {why}", crate::image_io::formats::EXTENSIONS.join(", "))]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        why: String,
    },
    /// A truncated or corrupt image.
    #[error("{path}: truncated or corrupt image: {why}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        why: String,
    },
    /// A domain of which no image can be decoded.
    #[error("{path}: none of the images can be decoded")]
    AllCorrupt {
        /// The domain's folder.
        path: PathBuf,
        /// Why the first of them cannot.
        #[source]
        first: Box<DataError>,
    },
    /// A file or folder that cannot be written.
    #[error(transparent)]
    Write(WriteError),
    /// An image that the transform cannot be applied to.
    #[error("{path}: {why}")]
    Transform {
        /// The image.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Pictures that cannot be translated as asked.
    #[error("{path}: {why}")]
    Job {
        /// The picture or folder.
        path: PathBuf,
        /// What is wrong and what would be right.
        why: String,
    },
    /// The system refuses to start a thread.
    #[error("cannot start a thread: {0}")]
    Thread(rayon::ThreadPoolBuildError),
    /// A setting that makes no sense.
    #[error("{0}")]
    Setting(String),
}

impl DataError {
    pub(crate) fn read(path: &Path, source: std::io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }
}

/// A file or folder that cannot be written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The file system refused.
    #[error("{path}: cannot be written")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An image that cannot be encoded.
    #[error("{path}: cannot be written: {why}")]
    Encode {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

impl WriteError {
    /// For `map_err`: what the file system says of `path`.
    pub fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }

    /// For `map_err`: what an encoder says of `path`.
    pub fn image(path: &Path) -> impl FnOnce(image::ImageError) -> Self {
        let path = path.to_owned();
        move |error| match error {
            image::ImageError::IoError(source) => Self::File { path, source },
            other => Self::Encode { path, why: other.to_string() },
        }
    }
}

impl From<FileError> for WriteError {
    fn from(FileError { path, reason, .. }: FileError) -> Self {
        Self::File { path, source: reason }
    }
}
