//! Parts of a [`PairFolder`]: images that a list names, images chosen by their names, the rest; and two folders as pairs.

use crate::DataError;
use crate::domains::rank;
use crate::pairs::{PairFolder, PairLayout, Side};
use semrel_run::input;
use std::collections::{BTreeMap, BTreeSet};
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

    /// Keeps the images of a side that a list file names: one file name per line, relative to the side's folder; empty
    /// lines do not count. Of pairs, either side's name keeps both. The order stays that of the folder.
    ///
    /// # Errors
    /// [`DataError::Read`] for the list, [`DataError::List`] for a line that names no image of the folder, or a list without
    /// names.
    pub fn listed(mut self, side: Side, list: &Path) -> Result<Self, DataError> {
        let text = input::read_to_string(list).map_err(|e| DataError::read(list, e))?;
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

    /// Keeps at most `count` images of a side (`count` pairs). Which ones follows from their names alone (of pairs, those of A),
    /// so that the choice is the same on every machine and barely changes when images are added.
    pub fn chosen_by_name(mut self, side: Side, count: usize) -> Self {
        let named = if self.layout == PairLayout::Unaligned { side } else { Side::A };
        let (folder, files) = (self.folder(named), self.files(named));
        let mut ranked: Vec<(Vec<u8>, usize)> =
            files.iter().enumerate().map(|(i, f)| (rank(f.strip_prefix(folder).unwrap_or(f)), i)).collect();
        ranked.sort();
        let mut kept = vec![false; ranked.len()];
        ranked.iter().take(count).for_each(|&(_, i)| kept[i] = true);
        self.keep(side, &kept);
        self
    }

    /// Drops the images of a side (the pairs) that `other`, another part of the same folder, has.
    pub fn without(mut self, side: Side, other: &Self) -> Self {
        let others: BTreeSet<&PathBuf> = other.files(side).iter().collect();
        let kept: Vec<bool> = self.files(side).iter().map(|file| !others.contains(file)).collect();
        self.keep(side, &kept);
        self
    }

    /// Keeps the images of a side where `kept` is true; of pairs, both.
    pub(crate) fn keep(&mut self, side: Side, kept: &[bool]) {
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
    use std::fs;

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
    fn a_choice_by_name_and_the_rest_are_a_fixed_partition() {
        let all: Vec<String> =
            ["A", "B"].iter().flat_map(|side| (0..20).map(move |i| format!("train{side}/{i}.png"))).collect();
        let dir = folder(&all.iter().map(String::as_str).collect::<Vec<_>>());
        let open = || PairFolder::open(dir.path(), "train").unwrap();
        for (folder, others) in [(open(), 20), (open().into_pairs().unwrap(), 6)] {
            let chosen = folder.clone().chosen_by_name(Side::A, 6);
            let rest = folder.clone().without(Side::A, &chosen);
            assert_eq!((rest.files(Side::A).len(), chosen.files(Side::A).len()), (14, 6));
            assert!(chosen.files(Side::A).iter().all(|f| !rest.files(Side::A).contains(f)));
            // The other side of what is not a pair stays whole.
            assert_eq!(chosen.files(Side::B).len(), others);
            assert_eq!(folder.clone().chosen_by_name(Side::A, 6), chosen);
            assert_eq!(folder.clone().chosen_by_name(Side::A, 99), folder);
            let none = folder.clone().chosen_by_name(Side::A, 0);
            assert_eq!((none.files(Side::A).len(), folder.clone().without(Side::A, &none)), (0, folder));
        }
        let pairs = open().into_pairs().unwrap().chosen_by_name(Side::B, 6);
        assert_eq!(names(&pairs, Side::A), names(&pairs, Side::B));
    }
}
