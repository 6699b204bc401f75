//! Where pictures come from: a folder, a text list of files, or a zip.
//!
//! Pictures are found at any depth and sorted by path, as the official multi-modal code does; on a folder without
//! sub-folders that is also what pytorch-fid takes. Pictures are decoded when they are asked for.

// Numbers that files state must not change when they are converted. Tests choose theirs.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss))]

mod archive;
mod kind;

pub use kind::{Listing, SourceKind};

use crate::MetricsError;
use archive::{read_member, repeated_picture};
use image::RgbImage;
use kind::is_hidden;
use semrel_data::DataError;
use semrel_data::image_io::{decode_rgb, is_image, list_images, read_rgb};
use semrel_run::input;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use zip::ZipArchive;

/// A set of pictures, in a fixed order.
#[derive(Debug)]
pub struct Images {
    path: PathBuf,
    kind: SourceKind,
    names: Vec<PathBuf>,
    store: Store,
}

#[derive(Debug)]
enum Store {
    Files(Vec<PathBuf>),
    /// The archive, and the number of each picture in it. Members are inflated one at a time; decoding is what takes
    /// long, and happens outside the lock.
    Zip(Mutex<ZipArchive<BufReader<File>>>, Vec<usize>),
}

impl Images {
    /// Opens a folder, a zip, or a text file that names one picture per line, relative to its own folder. In a list,
    /// empty lines and those that begin with `#` are skipped, and the order is kept.
    ///
    /// # Errors
    /// [`MetricsError::Source`] where it is none of these, or a file of a list is missing; [`MetricsError::Data`] where
    /// there is no picture, or a folder cannot be listed.
    pub fn open(path: &Path, listing: Listing) -> Result<Self, MetricsError> {
        let metadata = fs::metadata(path).map_err(|source| MetricsError::Io { path: path.to_owned(), source })?;
        let images = if metadata.is_dir() {
            Self::folder(path, listing)
        } else if starts_with(path, b"PK")? {
            Self::zip(path, listing)
        } else if is_image(path) {
            Err(wrong(path, "a single picture; expected a folder, a text list or a zip of pictures".into()))
        } else {
            Self::list(path)
        }?;
        if images.is_empty() {
            return Err(DataError::Empty { path: path.to_owned() }.into());
        }
        Ok(images)
    }

    fn folder(path: &Path, listing: Listing) -> Result<Self, MetricsError> {
        let (names, files) = list_images(path)?
            .into_iter()
            .filter_map(|file| Some((file.strip_prefix(path).ok()?.to_owned(), file)))
            .filter(|(name, _)| listing.takes(name))
            .unzip();
        Ok(Self { path: path.to_owned(), kind: SourceKind::Folder, names, store: Store::Files(files) })
    }

    fn list(path: &Path) -> Result<Self, MetricsError> {
        let bytes = input::read(path).map_err(|source| MetricsError::Io { path: path.to_owned(), source })?;
        let text = String::from_utf8(bytes)
            .map_err(|_| wrong(path, "neither a folder nor a zip nor a text list of pictures".into()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut files = vec![];
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let file = folder.join(line);
            if !file.is_file() {
                let why = format!("line {number}: {}: no such file (lines are relative to the list)", file.display());
                return Err(wrong(path, why));
            }
            files.push(file);
        }
        let shared = shared_folder(&files);
        let names = files.iter().map(|file| file.strip_prefix(&shared).unwrap_or(file).to_owned()).collect();
        Ok(Self { path: path.to_owned(), kind: SourceKind::List, names, store: Store::Files(files) })
    }

    fn zip(path: &Path, listing: Listing) -> Result<Self, MetricsError> {
        let damaged = |e: zip::result::ZipError| wrong(path, format!("not a readable zip: {e}"));
        let file = input::open(path).map_err(|source| MetricsError::Io { path: path.to_owned(), source })?;
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(damaged)?;
        let mut members = vec![];
        for number in 0..archive.len() {
            let member = archive.by_index_raw(number).map_err(damaged)?;
            // Only names that stay inside the archive.
            let Some(name) = member.enclosed_name().filter(|_| member.is_file()) else { continue };
            if is_image(&name) && !is_hidden(&name) && listing.takes(&name) {
                members.push((name, number));
            }
        }
        members.sort();
        // Of members of equal names the archive's reader keeps the last alone.
        let spelt = members.windows(2).find(|pair| pair[0].0 == pair[1].0).map(|pair| pair[0].0.clone());
        let again = if archive.has_duplicate_names() { repeated_picture(path, &archive)? } else { None };
        if let Some(name) = spelt.or(again) {
            let why = format!("two of its members are called {}; only one could be read", name.display());
            return Err(wrong(path, why));
        }
        let (names, numbers) = members.into_iter().unzip();
        Ok(Self {
            path: path.to_owned(),
            kind: SourceKind::Zip,
            names,
            store: Store::Zip(Mutex::new(archive), numbers),
        })
    }

    /// What it was opened from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What that is.
    pub fn kind(&self) -> SourceKind {
        self.kind
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is none; never so for opened ones.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Names of the pictures, in order: paths within the folder or zip, or within the folder that all files of a list
    /// lie in.
    pub fn names(&self) -> &[PathBuf] {
        &self.names
    }

    /// Number of pictures by format, as their names tell it: `jpg`, `png`, `tif`, ...
    pub fn formats(&self) -> BTreeMap<String, usize> {
        let mut formats = BTreeMap::new();
        for name in &self.names {
            let extension = name.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
            let format = match extension.as_str() {
                "jpeg" => "jpg".to_owned(),
                "tiff" => "tif".to_owned(),
                _ => extension,
            };
            *formats.entry(format).or_default() += 1;
        }
        formats
    }

    /// Decodes the i-th picture to 8-bit RGB. May be called from several threads at once.
    ///
    /// # Errors
    /// [`DataError`] with the path of the picture; that of a zip's member begins with the path of the zip. Panics where
    /// there is no such picture.
    pub fn read(&self, i: usize) -> Result<RgbImage, DataError> {
        match &self.store {
            Store::Files(files) => read_rgb(&files[i]),
            Store::Zip(archive, numbers) => {
                let path = self.path.join(&self.names[i]);
                let bytes =
                    read_member(archive, numbers[i]).map_err(|why| DataError::Corrupt { path: path.clone(), why })?;
                decode_rgb(&bytes, &path)
            }
        }
    }
}

fn starts_with(path: &Path, start: &[u8]) -> Result<bool, MetricsError> {
    let mut bytes = vec![];
    input::open(path)
        .and_then(|file| file.take(start.len() as u64).read_to_end(&mut bytes))
        .map_err(|source| MetricsError::Io { path: path.to_owned(), source })?;
    Ok(bytes == start)
}

/// The deepest folder that all files lie in.
fn shared_folder(files: &[PathBuf]) -> PathBuf {
    let mut folders = files.iter().map(|file| file.parent().unwrap_or(Path::new("")));
    let Some(first) = folders.next() else { return PathBuf::new() };
    let alike = |shared: PathBuf, folder: &Path| {
        shared.components().zip(folder.components()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
    };
    folders.fold(first.to_owned(), alike)
}

fn wrong(path: &Path, why: String) -> MetricsError {
    MetricsError::Source { path: path.to_owned(), why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write};
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    fn picture(shade: u8) -> RgbImage {
        RgbImage::from_pixel(5, 4, image::Rgb([shade, 0, 255]))
    }

    fn png(shade: u8) -> Vec<u8> {
        let mut bytes = Cursor::new(vec![]);
        picture(shade).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    fn folder(files: &[(&str, u8)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, shade) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, png(*shade)).unwrap();
        }
        dir
    }

    fn zip(path: &Path, members: &[(&str, &[u8])]) {
        let mut writer = ZipWriter::new(File::create(path).unwrap());
        for (name, bytes) in members {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap();
    }

    fn open(path: &Path) -> Images {
        Images::open(path, Listing::Recursive).unwrap()
    }

    fn names(images: &Images) -> Vec<&str> {
        images.names().iter().map(|name| name.to_str().unwrap()).collect()
    }

    fn shades(images: &Images) -> Vec<u8> {
        (0..images.len()).map(|i| images.read(i).unwrap().get_pixel(1, 1).0[0]).collect()
    }

    fn error(path: &Path) -> String {
        Images::open(path, Listing::Recursive).unwrap_err().to_string()
    }

    #[test]
    fn a_folder_is_read_at_any_depth_or_flat() {
        let dir = folder(&[("b.png", 2), ("a.PNG", 1), ("deep/c.png", 3), (".hidden.png", 9)]);
        let images = open(dir.path());
        assert_eq!(names(&images), ["a.PNG", "b.png", "deep/c.png"]);
        assert_eq!(shades(&images), [1, 2, 3]);
        assert_eq!(images.formats(), [("png".to_owned(), 3)].into());
        assert_eq!(names(&Images::open(dir.path(), Listing::Flat).unwrap()), ["b.png"]);
    }

    #[test]
    fn a_zip_is_read_in_the_order_of_its_names() {
        let dir = folder(&[]);
        let path = dir.path().join("set.of.pictures");
        let (a, b) = (png(1), png(2));
        zip(&path, &[("z/b.png", &b), ("z/a.png", &a), ("__MACOSX/z/._a.png", b"x"), ("readme.txt", b"x")]);
        let images = open(&path);
        assert_eq!((names(&images), shades(&images)), (vec!["z/a.png", "z/b.png"], vec![1, 2]));
        assert_eq!(images.kind(), SourceKind::Zip);
    }

    #[test]
    fn a_list_keeps_its_order_and_names_lines() {
        let dir = folder(&[("x/1.png", 1), ("x/2.png", 2)]);
        let path = dir.path().join("list.txt");
        fs::write(&path, "# mine\nx/2.png\n\n  x/1.png\r\nx/2.png\n").unwrap();
        let images = open(&path);
        assert_eq!((names(&images), shades(&images)), (vec!["2.png", "1.png", "2.png"], vec![2, 1, 2]));
        fs::write(&path, "x/1.png\nx/3.png\n").unwrap();
        let text = error(&path);
        assert!(text.contains("list.txt: line 2") && text.contains("3.png"), "{text}");
    }

    #[test]
    fn what_is_no_set_of_pictures_is_told() {
        let dir = folder(&[("one.png", 1)]);
        let file = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        assert!(error(&dir.path().join("one.png")).contains("a single picture"));
        assert!(error(&file("noise", b"\xff\xfe\x00")).contains("text list"));
        assert!(error(&file("empty.txt", b"")).contains("no images"));
        assert!(error(&file("broken.zip", b"PK\x03\x04broken")).contains("not a readable zip"));
        assert!(error(&dir.path().join("none")).contains("cannot be read"));
        fs::create_dir(dir.path().join("hollow")).unwrap();
        assert!(error(&dir.path().join("hollow")).contains("hollow: no images"));
    }

    #[test]
    fn a_broken_member_is_named_with_its_zip() {
        let dir = folder(&[]);
        let path = dir.path().join("set.zip");
        let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        let mut writer = ZipWriter::new(File::create(&path).unwrap());
        for name in ["1.png", "2.png"] {
            writer.start_file(name, stored).unwrap();
            writer.write_all(&png(1)).unwrap();
        }
        writer.finish().unwrap();
        let mut bytes = fs::read(&path).unwrap();
        // Into the second picture's data.
        let at = bytes.windows(5).rposition(|w| w == b"2.png").unwrap();
        let at = bytes[..at].windows(5).rposition(|w| w == b"2.png").unwrap() + 5 + 30;
        bytes[at] ^= 0xff;
        fs::write(&path, bytes).unwrap();
        let images = open(&path);
        images.read(0).unwrap();
        let text = images.read(1).unwrap_err().to_string();
        assert!(text.contains("set.zip/2.png") || text.contains(r"set.zip\2.png"), "{text}");
    }

    #[test]
    fn members_of_one_name_are_refused() {
        let dir = folder(&[]);
        let path = dir.path().join("set.zip");
        let (a, b) = (png(1), png(2));
        zip(&path, &[("x/1.png", &a), ("./x/1.png", &b)]);
        assert!(error(&path).contains("called x/1.png"), "{}", error(&path));
        // A writer refuses equal names: they are made equal afterwards, in both headers of the member.
        let twins = |one: &str, other: &str| {
            zip(&path, &[("a.png", &a), (one, &b), (other, &a)]);
            let mut bytes = fs::read(&path).unwrap();
            for at in 0..bytes.len() - other.len() {
                if bytes[at..].starts_with(other.as_bytes()) {
                    bytes[at..at + one.len()].copy_from_slice(one.as_bytes());
                }
            }
            fs::write(&path, bytes).unwrap();
        };
        twins("x/1.png", "x/2.png");
        let text = error(&path);
        assert!(text.contains("set.zip: two of its members are called x/1.png"), "{text}");
        twins("x/1.txt", "x/2.txt");
        assert_eq!(names(&open(&path)), ["a.png"]);
    }

    #[test]
    fn shared_folders() {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(shared_folder(&paths(&["a/b/1.png", "a/c/1.png"])), Path::new("a"));
        assert_eq!(shared_folder(&paths(&["1.png", "a/1.png"])), Path::new(""));
    }
}
