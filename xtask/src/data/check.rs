//! Opens a data set and decodes every image.

use anyhow::Result;
use semrel_data::cityscapes::{CLASSES, IGNORE};
use semrel_data::image_io::{decode_labels, list_images, read_rgb};
use semrel_data::{PairFolder, PairLayout, Side};
use semrel_run::input;
use semrel_tables::folders::open_domains;
use semrel_tables::machine::cores;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Checks a folder of domains, or one of pairs.
pub fn check(dir: &Path) -> Result<ExitCode> {
    let unreadable = if holds_pairs(dir) { pairs(dir)? } else { domains(dir)? };
    if unreadable.is_empty() {
        println!("every image can be read");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} unreadable:", unreadable.len());
    for error in unreadable {
        println!("  {error}");
    }
    Ok(ExitCode::FAILURE)
}

/// Whether the folder has `trainA` or the like, or pictures in `train` itself, where domains have folders.
fn holds_pairs(dir: &Path) -> bool {
    let pair = ["trainA", "trainB", "testA", "testB", "valA", "valB"].iter().any(|name| dir.join(name).is_dir());
    let train = dir.join("train");
    let direct = || list_images(&train).is_ok_and(|files| files.iter().any(|file| file.parent() == Some(&train)));
    pair || direct()
}

fn domains(dir: &Path) -> Result<Vec<String>> {
    let splits = open_domains(dir)?;
    println!("{}: {} domains ({})", dir.display(), splits.train.len(), splits.train.names().join(", "));
    println!("{:<24}{:>8}{:>8}  image sizes", "domain", "train", "val");
    let mut unreadable = vec![];
    for (train, val) in splits.train.domains.iter().zip(&splits.val.domains) {
        let (mut decoded, val) = (decode_all(&train.files), decode_all(&val.files));
        let counts = (decoded.good(), val.good());
        decoded.add(val);
        println!("{:<24}{:>8}{:>8}  {}", train.name, counts.0, counts.1, describe(&decoded.sizes));
        unreadable.append(&mut decoded.errors);
    }
    Ok(unreadable)
}

fn pairs(dir: &Path) -> Result<Vec<String>> {
    let train = PairFolder::open(dir, "train")?;
    let phases = [Some(("train", train)), PairFolder::open(dir, "test").ok().map(|test| ("test", test))];
    let mut unreadable = vec![];
    for (phase, folder) in phases.iter().flatten() {
        let sides: &[Side] = match folder.layout {
            PairLayout::Unaligned | PairLayout::Paired => &[Side::A, Side::B],
            PairLayout::Aligned => &[Side::A],
        };
        if *phase == "train" {
            let layout = match folder.layout {
                PairLayout::Unaligned | PairLayout::Paired => "two domains, unaligned",
                PairLayout::Aligned => "A|B pictures, aligned",
            };
            println!("{}: {layout}", dir.display());
            println!("{:<24}{:>8}  image sizes", "folder", "images");
        }
        for &side in sides {
            let mut decoded = decode_all(folder.files(side));
            let name = folder.folder(side).strip_prefix(dir).unwrap_or(folder.folder(side));
            println!("{:<24}{:>8}  {}", name.display(), decoded.good(), describe(&decoded.sizes));
            unreadable.append(&mut decoded.errors);
        }
        // As the images of phase `test`, their labels may be called those of `val`.
        let names: &[&str] = if *phase == "test" { &["test", "val"] } else { &[*phase] };
        let labels = names.iter().map(|name| (name, dir.join("labels").join(name))).find(|(_, labels)| labels.is_dir());
        if let Some((name, labels)) = labels {
            let (count, mut errors) = check_labels(&labels, folder)?;
            println!("{:<24}{count:>8}  train ids", format!("labels/{name}"));
            unreadable.append(&mut errors);
        }
    }
    if phases[1].is_none() {
        println!("no testA and testB: there is nothing to evaluate on");
    }
    Ok(unreadable)
}

/// Labels: as many as pictures of A, of their names, and of train ids.
fn check_labels(dir: &Path, folder: &PairFolder) -> Result<(usize, Vec<String>)> {
    let stems = |files: &[PathBuf]| -> BTreeSet<OsString> {
        files.iter().filter_map(|file| file.file_stem().map(OsString::from)).collect()
    };
    let files = list_images(dir)?;
    let (pictures, labels) = (stems(folder.files(Side::A)), stems(&files));
    let lone = |from: &BTreeSet<OsString>, other: &BTreeSet<OsString>, what: &str| -> Vec<String> {
        from.difference(other).map(|stem| format!("{}: {what}", dir.join(stem).display())).collect()
    };
    let mut errors = lone(&pictures, &labels, "a picture without labels");
    errors.extend(lone(&labels, &pictures, "labels without a picture"));
    let mut good = 0;
    for file in &files {
        match input::read(file).map_err(anyhow::Error::from).and_then(|bytes| Ok(decode_labels(&bytes, file)?)) {
            Err(error) => errors.push(format!("{error:#}")),
            Ok(ids) => match ids.as_raw().iter().find(|&&id| usize::from(id) >= CLASSES && id != IGNORE) {
                Some(id) => errors.push(format!("{}: {id} is not a train id (0-18, 255)", file.display())),
                None => good += 1,
            },
        }
    }
    Ok((good, errors))
}

/// What decoding files brought.
#[derive(Default)]
struct Decoded {
    /// Number of images by width and height.
    sizes: BTreeMap<(u32, u32), usize>,
    errors: Vec<String>,
}

impl Decoded {
    fn good(&self) -> usize {
        self.sizes.values().sum()
    }

    fn add(&mut self, other: Self) {
        for (size, count) in other.sizes {
            *self.sizes.entry(size).or_default() += count;
        }
        self.errors.extend(other.errors);
    }
}

fn decode_all(files: &[PathBuf]) -> Decoded {
    let decode = |files: &[PathBuf]| {
        let mut decoded = Decoded::default();
        for file in files {
            match read_rgb(file) {
                Ok(image) => *decoded.sizes.entry(image.dimensions()).or_default() += 1,
                Err(error) => decoded.errors.push(format!("{:#}", anyhow::Error::from(error))),
            }
        }
        decoded
    };
    let share = files.len().div_ceil(cores()).max(1);
    std::thread::scope(|scope| {
        let parts: Vec<_> = files.chunks(share).map(|part| scope.spawn(move || decode(part))).collect();
        let mut all = Decoded::default();
        for part in parts {
            all.add(part.join().expect("decoding does not panic"));
        }
        all
    })
}

fn describe(sizes: &BTreeMap<(u32, u32), usize>) -> String {
    let side = |pick: fn(&(u32, u32)) -> u32| {
        let (low, high) = (sizes.keys().map(pick).min().unwrap_or(0), sizes.keys().map(pick).max().unwrap_or(0));
        if low == high { low.to_string() } else { format!("{low}-{high}") }
    };
    if sizes.is_empty() { "-".into() } else { format!("{} x {}", side(|s| s.0), side(|s| s.1)) }
}
