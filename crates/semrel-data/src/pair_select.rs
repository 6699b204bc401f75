//! Parts of a [`PairFolder`]: images that a list names, images that are held back, and two folders as pairs.

use crate::DataError;
use crate::domains::rank;
use crate::pairs::{PairFolder, PairLayout, Side};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

impl PairFolder {
    /// Makes pairs of files of one name (but for its extension, at the same depth) in the two folders. Pictures that show A and
    /// B side by side are pairs as they are.
    ///
    /// # Errors
    /// [`DataError::NoPartner`] names a file without partner, [`DataError::SharedName`] two files of one folder that differ in
    /// their extension only.
    pub fn into_pairs(mut self) -> Result<Self, DataError> {
        if self.layout == PairLayout::Unaligned {
            let [a, b] = [self.stems(Side::A)?, self.stems(Side::B)?];
            for (ours, theirs, side) in [(&a, &b, Side::B), (&b, &a, Side::A)] {
                if let Some((_, path)) = ours.iter().find(|(stem, _)| !theirs.contains_key(*stem)) {
                    return Err(DataError::NoPartner { path: path.clone(), folder: self.folder(side).to_owned() });
                }
            }
            self.files = [a, b].map(|files| files.into_values().collect());
            self.layout = PairLayout::Paired;
        }
        Ok(self)
    }

    fn stems(&self, side: Side) -> Result<BTreeMap<PathBuf, PathBuf>, DataError> {
        let mut stems: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
        for path in self.files(side) {
            let stem = path.strip_prefix(self.folder(side)).unwrap_or(path).with_extension("");
            if let Some(other) = stems.insert(stem, path.clone()) {
                return Err(DataError::SharedName { path: path.clone(), other });
            }
        }
        Ok(stems)
    }

    /// Keeps the images of a side that a list file names: one file name a line, relative to the side's folder; empty lines do
    /// not count. Of pairs, either side's name keeps both. The order stays that of the folder.
    ///
    /// # Errors
    /// [`DataError::Read`] for the list, [`DataError::List`] for a line that names no image of the folder, or a list without
    /// names.
    pub fn listed(mut self, side: Side, list: &Path) -> Result<Self, DataError> {
        let text = fs::read_to_string(list).map_err(|e| DataError::read(list, e))?;
        let folder = self.folder(side);
        let places: BTreeMap<PathBuf, usize> =
            self.files(side).iter().enumerate().map(|(i, file)| (file.clone(), i)).collect();
        let mut kept = vec![false; places.len()];
        for (i, name) in text.lines().map(str::trim).enumerate().filter(|(_, name)| !name.is_empty()) {
            let place = places.get(&folder.join(name)).ok_or_else(|| DataError::List {
                path: list.to_owned(),
                why: format!("line {}: {} holds no image {name}", i + 1, folder.display()),
            })?;
            kept[*place] = true;
        }
        if !kept.contains(&true) {
            return Err(DataError::List { path: list.to_owned(), why: "it names no image".into() });
        }
        self.keep(side, &kept);
        Ok(self)
    }

    /// Splits off `count` images of each domain (`count` pairs): (those that stay, those that are held back). Which ones follows
    /// from their names alone, so that the split is the same on every machine and barely changes when images are added.
    ///
    /// # Errors
    /// [`DataError::TooFew`] for a domain of which nothing would stay.
    pub fn hold_back(self, count: usize) -> Result<(Self, Self), DataError> {
        let (mut stays, mut held) = (self.clone(), self);
        let sides: &[Side] = if stays.layout == PairLayout::Unaligned { &[Side::A, Side::B] } else { &[Side::A] };
        for &side in sides {
            let (folder, files) = (stays.folder(side).to_owned(), stays.files(side));
            if files.len() <= count {
                return Err(DataError::TooFew { path: folder, found: files.len(), needed: count + 1 });
            }
            let mut ranked: Vec<(Vec<u8>, usize)> =
                files.iter().enumerate().map(|(i, f)| (rank(f.strip_prefix(&folder).unwrap_or(f)), i)).collect();
            ranked.sort();
            let mut back = vec![false; files.len()];
            ranked[..count].iter().for_each(|&(_, i)| back[i] = true);
            held.keep(side, &back);
            stays.keep(side, &back.iter().map(|back| !back).collect::<Vec<_>>());
        }
        Ok((stays, held))
    }

    /// Keeps the images of a side where `kept` is true; of pairs, both.
    fn keep(&mut self, side: Side, kept: &[bool]) {
        for other in [Side::A, Side::B] {
            if other == side || self.layout != PairLayout::Unaligned {
                let mut kept = kept.iter();
                self.files[other as usize].retain(|_| *kept.next().expect("one for each file"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_io::write_image;
    use image::RgbImage;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            write_image(&dir.path().join(name), &RgbImage::new(4, 2)).unwrap();
        }
        dir
    }

    fn names(folder: &PairFolder, side: Side) -> Vec<String> {
        folder.files(side).iter().map(|f| f.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn files_of_one_name_are_pairs() {
        let dir = folder(&["trainA/2.png", "trainA/10.png", "trainA/x/1.png", "trainB/2.jpg", "trainB/x/1.ppm"]);
        let open = || PairFolder::open(dir.path(), "train").unwrap().into_pairs();
        let text = open().unwrap_err().to_string();
        assert!(text.contains("10.png") && text.contains("trainB"), "{text}");
        write_image(&dir.path().join("trainB/10.bmp"), &RgbImage::new(4, 2)).unwrap();
        let pairs = open().unwrap();
        assert_eq!((pairs.layout, pairs.len()), (PairLayout::Paired, 3));
        assert_eq!(names(&pairs, Side::A), ["10.png", "2.png", "1.png"]);
        assert_eq!(names(&pairs, Side::B), ["10.bmp", "2.jpg", "1.ppm"]);
        write_image(&dir.path().join("trainB/2.png"), &RgbImage::new(4, 2)).unwrap();
        assert!(matches!(open(), Err(DataError::SharedName { .. })));
        let aligned = folder(&["train/1.png"]);
        let aligned = PairFolder::open(aligned.path(), "train").unwrap();
        assert_eq!(aligned.clone().into_pairs().unwrap(), aligned);
    }

    #[test]
    fn lists_keep_what_they_name() {
        let dir =
            folder(&["trainA/1.png", "trainA/2.png", "trainA/3.png", "trainB/1.png", "trainB/2.png", "trainB/3.png"]);
        let list = dir.path().join("list.txt");
        fs::write(&list, "3.png\r\n\n1.png\n").unwrap();
        let open = || PairFolder::open(dir.path(), "train").unwrap();
        let unaligned = open().listed(Side::A, &list).unwrap();
        assert_eq!((names(&unaligned, Side::A).join(" "), unaligned.files(Side::B).len()), ("1.png 3.png".into(), 3));
        let pairs = open().into_pairs().unwrap().listed(Side::B, &list).unwrap();
        assert_eq!([Side::A, Side::B].map(|side| names(&pairs, side).join(" ")), ["1.png 3.png", "1.png 3.png"]);
        fs::write(&list, "1.png\n4.png\n").unwrap();
        let text = open().listed(Side::B, &list).unwrap_err().to_string();
        assert!(text.contains("list.txt: line 2") && text.contains("trainB") && text.contains("4.png"), "{text}");
        fs::write(&list, "\n").unwrap();
        assert!(matches!(open().listed(Side::B, &list), Err(DataError::List { .. })));
        assert!(matches!(open().listed(Side::B, &dir.path().join("gone")), Err(DataError::Read { .. })));
    }

    #[test]
    fn holding_back_is_a_fixed_partition() {
        let all: Vec<String> =
            ["A", "B"].iter().flat_map(|side| (0..20).map(move |i| format!("train{side}/{i}.png"))).collect();
        let dir = folder(&all.iter().map(String::as_str).collect::<Vec<_>>());
        let open = || PairFolder::open(dir.path(), "train").unwrap();
        for folder in [open(), open().into_pairs().unwrap()] {
            let (stays, held) = folder.clone().hold_back(6).unwrap();
            for side in [Side::A, Side::B] {
                assert_eq!((stays.files(side).len(), held.files(side).len()), (14, 6));
                assert!(held.files(side).iter().all(|f| !stays.files(side).contains(f)));
            }
            assert_eq!(folder.clone().hold_back(6).unwrap(), (stays, held));
            assert_eq!(folder.clone().hold_back(0).unwrap().0, folder);
            assert!(matches!(folder.hold_back(20), Err(DataError::TooFew { found: 20, needed: 21, .. })));
        }
        let pairs = open().into_pairs().unwrap().hold_back(6).unwrap().1;
        assert_eq!(names(&pairs, Side::A), names(&pairs, Side::B));
    }
}
