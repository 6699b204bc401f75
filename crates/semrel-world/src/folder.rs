//! Writes data sets of the sample world in the layout that the loaders read.

use crate::error::WorldError;
use crate::{Coat, DomainSet, Label, PairWorld, render_aerial, render_animals, render_landscape, render_street};
use image::{GrayImage, ImageBuffer, Luma, PixelWithColorType, RgbImage};
use rayon::prelude::*;
use semrel_data::WriteError;
use semrel_data::cityscapes::colors_of_ids;
use semrel_data::rng::derive_seed;
use semrel_run::atomic;
use std::fs;
use std::path::{Path, PathBuf};

/// Name of the file that tells a finished data set and its parameters.
const MARKER: &str = ".complete";
/// Its name while the data set is being written.
const UNFINISHED: &str = ".unfinished";
/// Raise when the renderer of landscapes or the layout changes, so that older folders are redone.
const VERSION: u32 = 2;
/// As [`VERSION`], of animals, streets and maps.
const PAIRS_VERSION: u32 = 3;
/// Value of the pixels of a mask that show an animal.
const INSIDE: u8 = 255;
/// Folder of the true translations between many domains.
const TRUTH: &str = "truth";

/// Writes `dir/train/<domain>/0001.png` … and `dir/val/<domain>/…`: `train` and `val` landscapes of `size` pixels a domain.
///
/// No two pictures share a layout, so the data set is unpaired. What no training sees is `dir/truth/<target>/<source>/0001.png` …:
/// the places of `dir/val/<source>` in the look of another domain, which a translation should come near to.
///
/// Returns false, having touched nothing, where `dir` already holds this data set complete. A half-written or different data
/// set of the same layout is replaced: `dir/train`, `dir/val` and `dir/truth` are removed first, unless `dir` was not written by
/// this function, which is an error.
pub fn write_domains(
    dir: &Path,
    set: DomainSet,
    train: u32,
    val: u32,
    size: u32,
    seed: u64,
) -> Result<bool, WorldError> {
    let params = format!(
        "sample world {VERSION}\nset: {}\ntrain: {train}\nval: {val}\nsize: {size}\nseed: {seed}\n",
        set.name()
    );
    let (looks, mut scenes, mut jobs) = (set.looks(), 0.., vec![]);
    for &look in &looks {
        for (split, count) in [("train", train), ("val", val)] {
            for (i, scene) in (1..=count).zip(&mut scenes) {
                let scene = derive_seed(seed, "sample-world.scene", scene) as u64;
                let (name, file) = (look.name(), format!("{i:04}.png"));
                jobs.push((look, scene, dir.join(split).join(name).join(&file)));
                if split == "val" {
                    let others = looks.iter().filter(|&&target| target != look);
                    jobs.extend(others.map(|&t| (t, scene, dir.join(TRUTH).join(t.name()).join(name).join(&file))));
                }
            }
        }
    }
    write_once(dir, &params, &["train", "val", TRUTH], || {
        jobs.par_iter().try_for_each(|(look, scene, path)| save(path, &render_landscape(*scene, *look, size).image))
    })
}

/// Writes two domains in CycleGAN's layout: `dir/trainA`, `dir/trainB` of `train` and `dir/testA`, `dir/testB` of `test`
/// pictures of `size` pixels each, called `0001.png` ….
///
/// [`PairWorld::HorseZebra`]: no two pictures share a place. `dir/truthB` holds the zebras of `testA`, the same animals in the same
/// places, and `dir/truthA` the horses of `testB`; `dir/maskA` and `dir/maskB` are white where the test pictures show animals.
/// `dir/pairsB` and `dir/pairsA` hold the same of `trainA` and `trainB`, which only supervised training may see.
/// [`PairWorld::Street`]: files of one name belong together, and
/// `dir/labels/train` and `dir/labels/test` hold the train ids. [`PairWorld::Maps`]: in the layout of Pix2Pix, `dir/train` and
/// `dir/val` with pictures twice as wide as high, A on the left and B on the right.
///
/// Returns false, having touched nothing, where `dir` already holds this data set complete. A half-written or different
/// data set of the same layout is replaced, unless `dir` was not written by this function, which is an error.
///
/// # Errors
/// [`WorldError::NotOurs`], and those of writing.
pub fn write_pairs(
    dir: &Path,
    world: PairWorld,
    train: u32,
    test: u32,
    size: u32,
    seed: u64,
) -> Result<bool, WorldError> {
    let name = world.name();
    let params = format!(
        "sample pairs {PAIRS_VERSION}\nset: {name}\ntrain: {train}\ntest: {test}\nsize: {size}\nseed: {seed}\n"
    );
    let mut scenes = 0..;
    let mut jobs = vec![];
    for (phase, count) in [("train", train), ("test", test)] {
        for i in 1..=count {
            let mut scene = || derive_seed(seed, "sample-world.pair", scenes.next().expect("endless")) as u64;
            jobs.push((phase, format!("{i:04}.png"), [scene(), scene()]));
        }
    }
    let write = |(phase, file, [a, b]): &(&str, String, [u64; 2])| -> Result<(), WorldError> {
        let place = |side: &str| dir.join(format!("{phase}{side}")).join(file);
        match world {
            PairWorld::HorseZebra => {
                let of_side = [("A", "B", *a, Coat::Plain), ("B", "A", *b, Coat::Striped)];
                of_side.into_iter().try_for_each(|(side, other, seed, coat)| {
                    let scene = render_animals(seed, coat, size);
                    save(&place(side), &scene.image)?;
                    let counterpart = render_animals(seed, coat.other(), size).image;
                    if *phase == "train" {
                        return save(&dir.join(format!("pairs{other}")).join(file), &counterpart);
                    }
                    save(&dir.join(format!("truth{other}")).join(file), &counterpart)?;
                    save(&dir.join(format!("mask{side}")).join(file), &animals(&scene.labels))
                })
            }
            PairWorld::Street => {
                let street = render_street(*a, size);
                save(&place("A"), &street.image)?;
                save(&place("B"), &colors_of_ids(&street.labels))?;
                save(&dir.join("labels").join(phase).join(file), &street.labels)
            }
            PairWorld::Maps => {
                let aerial = render_aerial(*a, size);
                let phase = if *phase == "test" { "val" } else { phase };
                save(&dir.join(phase).join(file), &side_by_side(&aerial.photo, &aerial.map))
            }
        }
    };
    let folders = [
        "trainA", "trainB", "testA", "testB", "truthA", "truthB", "pairsA", "pairsB", "maskA", "maskB", "labels",
        "train", "val", TRUTH,
    ];
    write_once(dir, &params, &folders, || jobs.par_iter().try_for_each(write))
}

/// White where a label map shows an animal, black elsewhere.
fn animals(labels: &GrayImage) -> GrayImage {
    let inside = |label: u8| if label == Label::Animal as u8 { INSIDE } else { 0 };
    GrayImage::from_fn(labels.width(), labels.height(), |x, y| Luma([inside(labels.get_pixel(x, y).0[0])]))
}

/// Two pictures of equal size in one.
fn side_by_side(left: &RgbImage, right: &RgbImage) -> RgbImage {
    let mut both = RgbImage::new(left.width() + right.width(), left.height());
    image::imageops::replace(&mut both, left, 0, 0);
    image::imageops::replace(&mut both, right, i64::from(left.width()), 0);
    both
}

/// Calls `write` unless the marker in `dir` says that a data set of these `params` is complete. `folders` are what belongs
/// to a data set: those of an older one are removed first.
fn write_once(
    dir: &Path,
    params: &str,
    folders: &[&str],
    write: impl FnOnce() -> Result<(), WorldError>,
) -> Result<bool, WorldError> {
    let (marker, unfinished) = (dir.join(MARKER), dir.join(UNFINISHED));
    if fs::read_to_string(&marker).is_ok_and(|found| found == params) {
        return Ok(false);
    }
    let old: Vec<PathBuf> = folders.iter().map(|name| dir.join(name)).filter(|d| d.exists()).collect();
    if let Some(path) = old.first().filter(|_| !marker.exists() && !unfinished.exists()) {
        return Err(WorldError::NotOurs { path: path.clone() });
    }
    fs::create_dir_all(dir).map_err(WriteError::file(dir))?;
    // From here to the end the folder counts as unfinished, so that a run that is cut off is redone.
    fs::write(&unfinished, params).map_err(WriteError::file(&unfinished))?;
    if marker.exists() {
        fs::remove_file(&marker).map_err(WriteError::file(&marker))?;
    }
    for folder in old {
        fs::remove_dir_all(&folder).map_err(WriteError::file(&folder))?;
    }
    write()?;
    atomic::put(&unfinished, &marker).map_err(WriteError::from)?;
    Ok(true)
}

/// Writes a picture; nobody reads it before the marker is there.
fn save<P: PixelWithColorType<Subpixel = u8>>(path: &Path, image: &ImageBuffer<P, Vec<u8>>) -> Result<(), WorldError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(WriteError::file(folder))?;
    }
    Ok(image.save(path).map_err(WriteError::image(path))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use semrel_data::{PairFolder, PairLayout, Side};

    fn write(dir: &Path, size: u32) -> Result<bool, WorldError> {
        write_domains(dir, DomainSet::Weather, 2, 1, size, 9)
    }

    #[test]
    fn a_complete_folder_is_left_alone_and_any_other_is_redone() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        assert!(write(dir, 16).unwrap());
        let picture = dir.join("train/foggy/0002.png");
        assert_eq!(image::open(&picture).unwrap().width(), 16);
        assert!(dir.join("val/sunny/0001.png").exists() && !dir.join("val/sunny/0002.png").exists());
        assert!(!write(dir, 16).unwrap());
        // Other parameters.
        assert!(write(dir, 20).unwrap());
        assert_eq!(image::open(&picture).unwrap().width(), 20);
        // Cut off half-way: the marker is still called unfinished.
        fs::rename(dir.join(MARKER), dir.join(UNFINISHED)).unwrap();
        fs::remove_file(&picture).unwrap();
        assert!(write(dir, 20).unwrap());
        assert!(picture.exists() && !dir.join(UNFINISHED).exists());
    }

    #[test]
    fn a_folder_of_the_users_is_never_removed() {
        let dir = tempfile::tempdir().unwrap();
        let mine = dir.path().join("train/holiday/me.png");
        fs::create_dir_all(mine.parent().unwrap()).unwrap();
        fs::write(&mine, b"mine").unwrap();
        assert!(matches!(write(dir.path(), 16), Err(WorldError::NotOurs { .. })));
        assert!(mine.exists());
    }

    #[test]
    fn pairs_come_in_the_layout_that_pair_folders_read() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        assert!(write_pairs(dir, PairWorld::Street, 3, 2, 16, 9).unwrap());
        assert!(!write_pairs(dir, PairWorld::Street, 3, 2, 16, 9).unwrap());
        let train = PairFolder::open(dir, "train").unwrap();
        assert_eq!([Side::A, Side::B].map(|side| train.files(side).len()), [3, 3]);
        let labels = image::open(dir.join("labels/test/0002.png")).unwrap().into_luma8();
        let colors = PairFolder::open(dir, "test").unwrap().read(Side::B, 1).unwrap();
        assert_eq!(colors, colors_of_ids(&labels));
        // Another world takes its place whole.
        assert!(write_pairs(dir, PairWorld::HorseZebra, 2, 1, 16, 9).unwrap());
        assert!(!dir.join("labels").exists());
        let train = PairFolder::open(dir, "train").unwrap();
        let pictures: Vec<_> =
            [Side::A, Side::B].iter().flat_map(|&side| [0, 1].map(|i| train.read(side, i).unwrap())).collect();
        assert!((1..4).all(|i| !pictures[..i].contains(&pictures[i])));
        assert!(matches!(write_domains(dir, DomainSet::Weather, 1, 1, 16, 9), Ok(true)));
        fs::remove_file(dir.join(MARKER)).unwrap();
        assert!(matches!(write_pairs(dir, PairWorld::Street, 3, 2, 16, 9), Err(WorldError::NotOurs { .. })));
    }

    #[test]
    fn the_truth_is_the_same_scene_and_no_training_picture() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let open = |path: String| image::open(dir.join(path)).unwrap().into_rgb8();
        assert!(write_pairs(dir, PairWorld::HorseZebra, 2, 2, 32, 9).unwrap());
        for (side, other) in [("A", "B"), ("B", "A")] {
            let [real, truth] = [open(format!("test{side}/0002.png")), open(format!("truth{other}/0002.png"))];
            let mask = image::open(dir.join(format!("mask{side}/0002.png"))).unwrap().into_luma8();
            assert!(mask.pixels().any(|pixel| pixel.0[0] == INSIDE));
            let differ = |inside: bool| {
                let pixels = real.pixels().zip(truth.pixels()).zip(mask.pixels());
                let (differ, all) = pixels
                    .filter(|(_, m)| (m.0[0] == INSIDE) == inside)
                    .fold((0, 0), |n, ((r, t), _)| (n.0 + usize::from(r != t), n.1 + 1));
                differ as f64 / all as f64
            };
            assert!(differ(true) > 0.5 && differ(false) < 0.2, "{side}: {} {}", differ(true), differ(false));
        }
        for (side, other) in [("A", "B"), ("B", "A")] {
            let files = fs::read_dir(dir.join(format!("pairs{other}"))).unwrap();
            assert_eq!(files.count(), 2);
            let [real, pair] = [open(format!("train{side}/0002.png")), open(format!("pairs{other}/0002.png"))];
            let equal = real.pixels().zip(pair.pixels()).filter(|(r, p)| r == p).count();
            assert!(real != pair && equal > real.pixels().len() / 2, "{side}: {equal}");
            assert!([1, 2].iter().all(|i| open(format!("train{other}/000{i}.png")) != pair));
        }
        assert!(write_domains(dir, DomainSet::Weather, 1, 2, 16, 9).unwrap());
        let truth = open("truth/foggy/sunny/0002.png".into());
        assert_ne!(truth, open("val/sunny/0002.png".into()));
        assert_ne!(truth, open("truth/rainy/sunny/0002.png".into()));
        assert!(!dir.join("truth/foggy/foggy").exists());
    }

    #[test]
    fn maps_lie_beside_what_they_show() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        assert!(write_pairs(dir, PairWorld::Street, 2, 1, 16, 9).unwrap());
        // Another world takes its place whole.
        assert!(write_pairs(dir, PairWorld::Maps, 3, 2, 16, 9).unwrap());
        assert!(!dir.join("labels").exists() && !dir.join("trainA").exists());
        let (train, test) = (PairFolder::open(dir, "train").unwrap(), PairFolder::open(dir, "test").unwrap());
        assert_eq!((train.layout, train.len()), (PairLayout::Aligned, 3));
        assert_eq!((test.len(), test.size(Side::A, 0).unwrap()), (2, (16, 16)));
        let pictures: Vec<_> =
            (0..3).map(|i| train.read(Side::A, i).unwrap()).chain([test.read(Side::A, 0).unwrap()]).collect();
        assert!((1..4).all(|i| !pictures[..i].contains(&pictures[i])));
    }
}
