//! Folders of two domains: unaligned (two folders) or aligned (pictures that show both side by side).

use crate::DataError;
use crate::domains::{Domain, DomainFolder};
use crate::image_io::{dimensions, list_images, read_rgb};
use crate::store::{ImageStore, StoreOptions};
use image::{RgbImage, imageops};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Which domain is translated into which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Direction {
    /// Images of A are sources, those of B targets.
    #[default]
    AtoB,
    /// The other way round.
    BtoA,
}

impl FromStr for Direction {
    type Err = DataError;

    /// Reads `AtoB` or `BtoA`.
    fn from_str(name: &str) -> Result<Self, DataError> {
        match name {
            "AtoB" => Ok(Self::AtoB),
            "BtoA" => Ok(Self::BtoA),
            _ => Err(DataError::Setting(format!("direction {name:?}: expected AtoB or BtoA"))),
        }
    }
}

/// One of the two domains of a [`PairFolder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Folder A, or the left half of each picture.
    A,
    /// Folder B, or the right half.
    B,
}

impl Direction {
    /// The domain that is translated.
    pub fn source(self) -> Side {
        match self {
            Self::AtoB => Side::A,
            Self::BtoA => Side::B,
        }
    }

    /// The domain that it is translated into.
    pub fn target(self) -> Side {
        match self {
            Self::AtoB => Side::B,
            Self::BtoA => Side::A,
        }
    }
}

/// How images of the two domains belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairLayout {
    /// One folder per domain; which images meet is drawn at random.
    Unaligned,
    /// One folder of pictures, A their left and B their right half.
    Aligned,
    /// One folder per domain, in which files of one name belong together ([`PairFolder::into_pairs`]).
    Paired,
}

/// The folders of a phase.
enum Found {
    /// One per domain.
    Two(PathBuf, PathBuf),
    /// One of A|B pictures.
    Aligned(PathBuf),
}

/// Images of two domains, of one phase of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairFolder {
    /// How they belong together.
    pub layout: PairLayout,
    /// Folder of A, and that of B. The same where they are aligned.
    pub folders: [PathBuf; 2],
    /// Files of A, and those of B, at any depth, sorted by path. The same where they are aligned; in the order of the pairs'
    /// names where they are paired.
    pub files: [Vec<PathBuf>; 2],
}

impl PairFolder {
    /// Opens the images of `phase` (`train`, `test`, …) in either layout:
    ///
    /// | layout | images |
    /// |---|---|
    /// | unaligned | `root/<phase>A/**`, `root/<phase>B/**` |
    /// | aligned | `root/<phase>/**`, each picture A on the left and B on the right, of equal widths |
    ///
    /// Where there is no `testA` or `test`, the images of `val` stand in for those of phase `test`.
    ///
    /// # Errors
    /// [`DataError::MissingFolder`] and [`DataError::NoPair`] where folders are missing, [`DataError::Empty`] where one
    /// has no image, [`DataError::OddWidth`] for an aligned picture that cannot be halved, [`DataError::Read`] for one that
    /// cannot be read. Pictures that cannot be decoded are left to the store.
    pub fn open(root: &Path, phase: &str) -> Result<Self, DataError> {
        match Self::find(root, phase)? {
            Found::Two(a, b) => Self::open_two(&a, &b),
            Found::Aligned(folder) => Self::open_aligned(&folder),
        }
    }

    /// As [`PairFolder::open`], without a look at the pictures.
    ///
    /// # Errors
    /// [`DataError::MissingFolder`], [`DataError::NoPair`], [`DataError::Empty`].
    pub fn list(root: &Path, phase: &str) -> Result<Self, DataError> {
        match Self::find(root, phase)? {
            Found::Two(a, b) => Self::open_two(&a, &b),
            Found::Aligned(folder) => Self::list_aligned(&folder),
        }
    }

    /// The folders of a phase.
    fn find(root: &Path, phase: &str) -> Result<Found, DataError> {
        let phases: &[&str] = if phase == "test" { &["test", "val"] } else { &[phase] };
        let aligned = phases.join("/ or ");
        if !root.is_dir() {
            return Err(DataError::MissingFolder {
                path: root.to_owned(),
                expected: "two folders of images such as trainA and trainB, or one such as train of A|B pictures",
            });
        }
        let is_there = |name: String| root.join(name).is_dir();
        // As published: it is folder A that decides.
        for name in phases {
            let [a, b] = [format!("{name}A"), format!("{name}B")];
            match (is_there(a.clone()), is_there(b.clone())) {
                (true, true) => return Ok(Found::Two(root.join(a), root.join(b))),
                (true, false) => return Err(Self::no_pair(root, vec![b], phase, aligned)),
                (false, _) => {}
            }
        }
        if let Some(name) = phases.iter().find(|name| is_there((*name).to_string())) {
            return Ok(Found::Aligned(root.join(name)));
        }
        let missing = ["A", "B"].iter().flat_map(|side| phases.iter().map(move |name| format!("{name}{side}")));
        let mut missing: Vec<String> = missing.filter(|name| !is_there(name.clone())).collect();
        if phases.iter().all(|name| missing.contains(&format!("{name}B"))) {
            missing.extend(phases.iter().map(|name| (*name).to_string()));
        }
        Err(Self::no_pair(root, missing, phase, aligned))
    }

    /// Two folders of images, unaligned.
    ///
    /// # Errors
    /// [`DataError::MissingFolder`], [`DataError::Empty`].
    pub fn open_two(a: &Path, b: &Path) -> Result<Self, DataError> {
        Ok(Self {
            layout: PairLayout::Unaligned,
            folders: [a.to_owned(), b.to_owned()],
            files: [some_images(a)?, some_images(b)?],
        })
    }

    /// One folder of pictures that show A (left) and B (right) side by side.
    ///
    /// # Errors
    /// [`DataError::MissingFolder`], [`DataError::Empty`], [`DataError::OddWidth`], [`DataError::Read`].
    pub fn open_aligned(folder: &Path) -> Result<Self, DataError> {
        let listed = Self::list_aligned(folder)?;
        let mut wide = false;
        for path in &listed.files[0] {
            let (width, height) = match dimensions(path) {
                Ok(size) => size,
                // Whether undecodable pictures are skipped is for the store to decide.
                Err(DataError::Corrupt { .. } | DataError::Unsupported { .. }) => continue,
                Err(error) => return Err(error),
            };
            if width % 2 != 0 {
                return Err(DataError::OddWidth { path: path.clone(), width });
            }
            wide |= width > height;
        }
        if !wide {
            tracing::warn!(
                "{}: no picture is wider than high; each is taken to show A on its left and B on its right half",
                folder.display()
            );
        }
        Ok(listed)
    }

    fn list_aligned(folder: &Path) -> Result<Self, DataError> {
        let (folder, files) = (folder.to_owned(), some_images(folder)?);
        Ok(Self { layout: PairLayout::Aligned, folders: [folder.clone(), folder], files: [files.clone(), files] })
    }

    fn no_pair(root: &Path, missing: Vec<String>, phase: &str, aligned: String) -> DataError {
        DataError::NoPair { path: root.to_owned(), missing, phase: phase.to_owned(), aligned }
    }

    /// Files of a domain.
    pub fn files(&self, side: Side) -> &[PathBuf] {
        &self.files[side as usize]
    }

    /// Folder of a domain.
    pub fn folder(&self, side: Side) -> &Path {
        &self.folders[side as usize]
    }

    /// Items of an epoch: the number of files of the larger domain.
    #[expect(clippy::len_without_is_empty, reason = "an opened folder has images")]
    pub fn len(&self) -> usize {
        self.files[0].len().max(self.files[1].len())
    }

    /// Decodes an image of a domain.
    ///
    /// # Errors
    /// Those of [`read_rgb`].
    pub fn read(&self, side: Side, item: usize) -> Result<RgbImage, DataError> {
        let image = read_rgb(&self.files(side)[item])?;
        Ok(match self.layout {
            PairLayout::Unaligned | PairLayout::Paired => image,
            PairLayout::Aligned => half(&image, side),
        })
    }

    /// Width and height of an image of a domain, from its header.
    ///
    /// # Errors
    /// Those of [`dimensions`].
    pub fn size(&self, side: Side, item: usize) -> Result<(u32, u32), DataError> {
        let (width, height) = dimensions(&self.files(side)[item])?;
        Ok(if self.layout == PairLayout::Aligned { (width / 2, height) } else { (width, height) })
    }

    /// A store of its files: domain 0 holds those of A, domain 1 those of B (absent where they are aligned).
    pub fn store(&self, options: StoreOptions) -> ImageStore {
        let count = if self.layout == PairLayout::Aligned { 1 } else { 2 };
        let domain =
            |i: usize| Domain { name: self.folders[i].to_string_lossy().into_owned(), files: self.files[i].clone() };
        ImageStore::new(&DomainFolder { root: PathBuf::new(), domains: (0..count).map(domain).collect() }, options)
    }
}

/// The left (A) or right (B) half of a picture, split at ⌊width/2⌋.
pub fn half(image: &RgbImage, side: Side) -> RgbImage {
    let (width, height) = image.dimensions();
    let (x, width) = match side {
        Side::A => (0, width / 2),
        Side::B => (width / 2, width - width / 2),
    };
    imageops::crop_imm(image, x, 0, width, height).to_image()
}

fn some_images(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let files = list_images(folder)?;
    if files.is_empty() {
        return Err(DataError::Empty { path: folder.to_owned() });
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_io::write_image;

    fn pictures(root: &Path, width: u32, names: &[&str]) {
        for name in names {
            let image = RgbImage::from_fn(width, 4, |x, _| image::Rgb([if x < width / 2 { 10 } else { 200 }; 3]));
            write_image(&root.join(name), &image).unwrap();
        }
    }

    #[test]
    fn two_folders_are_unaligned_and_directions_swap_them() {
        let dir = tempfile::tempdir().unwrap();
        pictures(dir.path(), 4, &["trainA/b.png", "trainA/a.png", "trainB/deep/er/c.PNG", "valA/v.png", "valB/w.png"]);
        let train = PairFolder::open(dir.path(), "train").unwrap();
        assert_eq!((train.layout, train.len()), (PairLayout::Unaligned, 2));
        assert_eq!(PairFolder::list(dir.path(), "train").unwrap(), train);
        assert_eq!(train.files(Side::A), [dir.path().join("trainA/a.png"), dir.path().join("trainA/b.png")]);
        assert_eq!(train.files(Direction::BtoA.source()), [dir.path().join("trainB/deep/er/c.PNG")]);
        assert_eq!(train.folder("BtoA".parse::<Direction>().unwrap().target()), dir.path().join("trainA"));
        assert!("AB".parse::<Direction>().is_err());
        // Without testA, valA and valB are the test images.
        let test = PairFolder::open(dir.path(), "test").unwrap();
        assert_eq!(test.files(Side::B), [dir.path().join("valB/w.png")]);
        assert_eq!(PairFolder::open_two(&dir.path().join("trainA"), &dir.path().join("trainB")).unwrap(), train);
    }

    #[test]
    fn aligned_pictures_are_halved() {
        let dir = tempfile::tempdir().unwrap();
        pictures(dir.path(), 12, &["train/1.png", "val/1.png", "val/2.png"]);
        let test = PairFolder::open(dir.path(), "test").unwrap();
        assert_eq!((test.layout, test.len()), (PairLayout::Aligned, 2));
        assert_eq!(test.size(Side::A, 0).unwrap(), (6, 4));
        let levels = [Side::A, Side::B].map(|side| test.read(side, 1).unwrap().get_pixel(3, 3).0[0]);
        assert_eq!(levels, [10, 200]);
        pictures(dir.path(), 13, &["train/2.png"]);
        assert_eq!(PairFolder::list(dir.path(), "train").unwrap().len(), 2);
        let error = PairFolder::open(dir.path(), "train").unwrap_err();
        assert!(matches!(&error, DataError::OddWidth { path, width: 13 } if path.ends_with("2.png")), "{error}");
    }

    #[test]
    fn what_is_missing_is_named_with_both_layouts() {
        let dir = tempfile::tempdir().unwrap();
        let said = |phase: &str| {
            let said = PairFolder::open(dir.path(), phase).unwrap_err().to_string();
            assert_eq!(PairFolder::list(dir.path(), phase).unwrap_err().to_string(), said);
            said
        };
        assert!(matches!(PairFolder::open(&dir.path().join("x"), "train"), Err(DataError::MissingFolder { .. })));
        let nothing = said("train");
        for words in ["trainA and no folder trainB", "expected trainA/ and trainB/", "or train/ with"] {
            assert!(nothing.contains(words), "{nothing}");
        }
        let nothing = said("test");
        assert!(nothing.contains("valA") && nothing.contains("test/ or val/"), "{nothing}");
        pictures(dir.path(), 4, &["trainA/1.png", "testB/1.png"]);
        let half = said("train");
        assert!(half.contains("no folder trainB;") && !half.contains("no folder trainA"), "{half}");
        let other_half = said("test");
        assert!(other_half.contains("no folder testA") && !other_half.contains("no folder testB"), "{other_half}");
        std::fs::create_dir(dir.path().join("trainB")).unwrap();
        let error = PairFolder::open(dir.path(), "train").unwrap_err();
        assert!(matches!(&error, DataError::Empty { path } if path.ends_with("trainB")), "{error}");
    }
}
