//! Makes folders of two domains out of what is published in another form.

use super::fetch::{lock, put_folder, remove};
use super::sets::{CITYSCAPES, MAPS};
use anyhow::{Context, Result, bail, ensure};
use semrel_data::cityscapes::train_ids;
use semrel_data::image_io::{decode_labels, decode_rgb, write_image};
use semrel_data::resize::{Filter, resize};
use semrel_data::{PairFolder, PairLayout, Side};
use semrel_run::input;
use semrel_tables::machine::cores;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// The two archives of Cityscapes.
#[derive(Debug, Clone, clap::Args)]
pub struct CityscapesArgs {
    /// leftImg8bit_trainvaltest.zip
    #[arg(long, value_name = "ZIP")]
    images: PathBuf,
    /// gtFine_trainvaltest.zip
    #[arg(long, value_name = "ZIP")]
    labels: PathBuf,
    /// Side of the images in pixels
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(4..=2048))]
    size: u32,
    /// Accept archives that hold a different number of images from the published ones
    #[arg(long)]
    partial: bool,
}

/// Pictures that show two domains side by side.
#[derive(Debug, Clone, clap::Args)]
pub struct MapsArgs {
    /// Folder with train/ and val/ (or test/) of A|B pictures [default: maps, in the data folder]
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    /// Side of the images in pixels [default: as they are]
    #[arg(long, value_parser = clap::value_parser!(u32).range(4..=2048))]
    size: Option<u32>,
}

/// `data/cityscapes` from the published archives: `trainA`, `testA` photographs (Pillow's bicubic), `trainB`, `testB`
/// labels in colour and `labels/{train,test}` train ids (both by nearest neighbour, so that no colour is mixed). The test
/// images are the published validation images.
pub fn cityscapes(args: &CityscapesArgs, data: &Path) -> Result<PathBuf> {
    let (photos, labels) = (members(&args.images)?, members(&args.labels)?);
    let mut scenes = vec![];
    for (from, phase, expected) in [("train", "train", 2975), ("val", "test", 500)] {
        let mut found = 0;
        for (name, photo) in &photos {
            let Some(path) = name.strip_prefix(&format!("leftImg8bit/{from}/")) else { continue };
            let Some(stem) = path.strip_suffix("_leftImg8bit.png") else { continue };
            let label = |kind: &str| {
                let name = format!("gtFine/{from}/{stem}_gtFine_{kind}.png");
                labels.get(&name).copied().with_context(|| {
                    format!("{}: no {name}, the labels of {path} of the images", args.labels.display())
                })
            };
            // The city's folder is part of the file's name too.
            let file = format!("{}.png", stem.rsplit('/').next().unwrap_or(stem));
            scenes.push(Scene { phase, file, photo: *photo, color: label("color")?, ids: label("labelIds")? });
            found += 1;
        }
        ensure!(
            found == expected || (args.partial && found > 0),
            "{}: {found} images in leftImg8bit/{from}/, the published archive has {expected} (--partial accepts another number)",
            args.images.display()
        );
    }
    in_one_go(data, CITYSCAPES.name, |dir| {
        let share = scenes.len().div_ceil(cores()).max(1);
        std::thread::scope(|scope| {
            let parts: Vec<_> =
                scenes.chunks(share).map(|part| scope.spawn(move || write_scenes(part, args, dir))).collect();
            parts.into_iter().try_for_each(|part| part.join().expect("no part panics"))
        })
    })
}

/// One street: where its files lie in the archives, and where they go.
struct Scene {
    phase: &'static str,
    file: String,
    photo: usize,
    color: usize,
    ids: usize,
}

fn write_scenes(scenes: &[Scene], args: &CityscapesArgs, dir: &Path) -> Result<()> {
    let (mut images, mut labels) = (open(&args.images)?, open(&args.labels)?);
    let size = args.size;
    for Scene { phase, file, photo, color, ids } in scenes {
        let (bytes, name) = read(&mut images, *photo, &args.images)?;
        let photo = resize(&decode_rgb(&bytes, &name)?, size, size, Filter::Bicubic);
        write_image(&dir.join(format!("{phase}A")).join(file), &photo)?;
        let (bytes, name) = read(&mut labels, *color, &args.labels)?;
        let color = resize(&decode_rgb(&bytes, &name)?, size, size, Filter::Nearest);
        write_image(&dir.join(format!("{phase}B")).join(file), &color)?;
        let (bytes, name) = read(&mut labels, *ids, &args.labels)?;
        let ids = resize(&train_ids(&decode_labels(&bytes, &name)?), size, size, Filter::Nearest);
        write_image(&dir.join("labels").join(phase).join(file), &ids)?;
    }
    Ok(())
}

type Zip = ZipArchive<BufReader<File>>;

fn open(path: &Path) -> Result<Zip> {
    let file = input::open(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    ZipArchive::new(BufReader::new(file)).with_context(|| format!("{}: not a readable zip archive", path.display()))
}

/// Numbers of an archive's members by name.
fn members(path: &Path) -> Result<BTreeMap<String, usize>> {
    let zip = open(path)?;
    // A name in no known encoding is none that is looked for.
    let name = |i| Some((zip.name_for_index(i)?.ok()?.into_owned(), i));
    Ok((0..zip.len()).filter_map(name).collect())
}

/// A member's bytes, and a path that names it in messages.
fn read(zip: &mut Zip, index: usize, archive: &Path) -> Result<(Vec<u8>, PathBuf)> {
    let mut bytes = vec![];
    let damaged = || format!("{}: a damaged archive", archive.display());
    let mut member = zip.by_index(index).with_context(damaged)?;
    let path = archive.join(&*member.name().with_context(damaged)?);
    member.read_to_end(&mut bytes).with_context(damaged)?;
    Ok((bytes, path))
}

/// `data/maps-unaligned`: the halves of A|B pictures in two folders a phase.
pub fn maps(args: &MapsArgs, data: &Path) -> Result<PathBuf> {
    let pictures = args.pictures.clone().unwrap_or_else(|| data.join(MAPS.name));
    let name = pictures.file_name().map_or(MAPS.name.into(), |name| name.to_string_lossy().into_owned());
    let mut phases = vec![];
    for phase in ["train", "test"] {
        let folder = PairFolder::open(&pictures, phase).with_context(|| MAPS.advice())?;
        if folder.layout != PairLayout::Aligned {
            bail!("{}: already two folders, not A|B pictures", pictures.display());
        }
        phases.push((phase, folder));
    }
    in_one_go(data, &format!("{name}-unaligned"), |dir| {
        let halves: Vec<_> = phases
            .iter()
            .flat_map(|(phase, folder)| (0..folder.len()).map(move |item| (*phase, folder, item)))
            .collect();
        let write = |part: &[(&str, &PairFolder, usize)]| -> Result<()> {
            for &(phase, folder, item) in part {
                for (side, letter) in [(Side::A, "A"), (Side::B, "B")] {
                    let file = &folder.files(side)[item];
                    let relative = file.strip_prefix(folder.folder(side)).unwrap_or(file).with_extension("png");
                    let mut half = folder.read(side, item)?;
                    if let Some(size) = args.size {
                        half = resize(&half, size, size, Filter::Bicubic);
                    }
                    write_image(&dir.join(format!("{phase}{letter}")).join(relative), &half)?;
                }
            }
            Ok(())
        };
        let share = halves.len().div_ceil(cores()).max(1);
        std::thread::scope(|scope| {
            let parts: Vec<_> = halves.chunks(share).map(|part| scope.spawn(move || write(part))).collect();
            parts.into_iter().try_for_each(|part| part.join().expect("no part panics"))
        })
    })
}

/// Lets `write` fill a folder that gets its name when it is whole.
fn in_one_go(data: &Path, name: &str, write: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let dir = data.join(name);
    ensure!(!dir.exists(), "{}: already exists; move it away to make it again", dir.display());
    let _lock = lock(data)?;
    let unfinished = data.join(format!(".{name}.preparing"));
    remove(&unfinished)?;
    write(&unfinished)?;
    put_folder(&unfinished, &dir).with_context(|| format!("{}: cannot be written", dir.display()))?;
    Ok(dir)
}

#[cfg(test)]
mod tests {
    use super::super::packed::zip_of;
    use super::*;
    use semrel_data::cityscapes::{CITYSCAPES, IGNORE};
    use semrel_data::image_io::read_rgb;
    use std::fs;

    /// A picture of 8 × 4 pixels with `value(x)` in each column, as the bytes of a file.
    fn picture(kind: &str, value: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
        let mut bytes = format!("{kind} 8 4 255\n").into_bytes();
        for _ in 0..4 {
            (0..8).for_each(|x| bytes.extend(value(x)));
        }
        bytes
    }

    /// Archives of two training scenes and a validation scene: road on the left, nothing on the right.
    fn archives(dir: &Path, with_all_labels: bool) -> CityscapesArgs {
        let photo = picture("P6", |x| vec![x as u8 * 30; 3]);
        let color = picture("P6", |x| if x < 4 { CITYSCAPES[0].color.to_vec() } else { vec![0; 3] });
        let ids = picture("P5", |x| vec![if x < 4 { 7 } else { 3 }]);
        let scenes = [("train", "aachen/aachen_1"), ("train", "ulm/ulm_2"), ("val", "bonn/bonn_3")];
        let photos = scenes.map(|(split, stem)| format!("leftImg8bit/{split}/{stem}_leftImg8bit.png"));
        let members: Vec<(&str, &[u8])> = photos.iter().map(|name| (name.as_str(), &photo[..])).collect();
        zip_of(&dir.join("images.zip"), &members);
        let count = if with_all_labels { 3 } else { 2 };
        let labels: Vec<(String, &[u8])> = scenes[..count]
            .iter()
            .flat_map(|(split, stem)| {
                let name = |kind| format!("gtFine/{split}/{stem}_gtFine_{kind}.png");
                [(name("color"), &color[..]), (name("labelIds"), &ids[..]), (name("polygons"), b"{}")]
            })
            .collect();
        let members: Vec<(&str, &[u8])> = labels.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
        zip_of(&dir.join("labels.zip"), &members);
        CityscapesArgs { images: dir.join("images.zip"), labels: dir.join("labels.zip"), size: 4, partial: true }
    }

    #[test]
    fn archives_become_photographs_colours_and_train_ids() {
        let dir = tempfile::tempdir().unwrap();
        let args = archives(dir.path(), true);
        let data = dir.path().join("data");
        let text = format!("{:#}", cityscapes(&CityscapesArgs { partial: false, ..args.clone() }, &data).unwrap_err());
        assert!(text.contains("2 images in leftImg8bit/train/") && text.contains("2975"), "{text}");
        let prepared = cityscapes(&args, &data).unwrap();
        let train = PairFolder::open(&prepared, "train").unwrap();
        assert_eq!(train.files(Side::A), [prepared.join("trainA/aachen_1.png"), prepared.join("trainA/ulm_2.png")]);
        assert_eq!(read_rgb(&train.files(Side::A)[0]).unwrap().dimensions(), (4, 4));
        let colors = read_rgb(&prepared.join("testB/bonn_3.png")).unwrap();
        assert_eq!([0, 1, 2, 3].map(|x| colors.get_pixel(x, 2).0), [[128, 64, 128], [128, 64, 128], [0; 3], [0; 3]]);
        let file = prepared.join("labels/test/bonn_3.png");
        let ids = decode_labels(&fs::read(&file).unwrap(), &file).unwrap();
        assert_eq!([0, 1, 2, 3].map(|x| ids.get_pixel(x, 2).0[0]), [0, 0, IGNORE, IGNORE]);
        assert!(cityscapes(&args, &data).unwrap_err().to_string().contains("already exists"));
    }

    #[test]
    fn missing_labels_are_named_and_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let args = archives(dir.path(), false);
        let text = format!("{:#}", cityscapes(&args, &dir.path().join("data")).unwrap_err());
        assert!(text.contains("labels.zip: no gtFine/val/bonn/bonn_3_gtFine_color.png"), "{text}");
        assert!(!dir.path().join("data/cityscapes").exists());
    }

    #[test]
    fn pictures_are_split_in_two() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path();
        let aligned = picture("P6", |x| vec![if x < 4 { 10 } else { 200 }; 3]);
        for name in ["maps/train/1.ppm", "maps/train/2.ppm", "maps/val/3.ppm"] {
            fs::create_dir_all(data.join(name).parent().unwrap()).unwrap();
            fs::write(data.join(name), &aligned).unwrap();
        }
        let split = maps(&MapsArgs { pictures: None, size: None }, data).unwrap();
        assert_eq!(split, data.join("maps-unaligned"));
        let test = PairFolder::open(&split, "test").unwrap();
        assert_eq!(test.layout, PairLayout::Unaligned);
        let half = read_rgb(&split.join("testB/3.png")).unwrap();
        assert_eq!((half.dimensions(), half.get_pixel(0, 0).0), ((4, 4), [200; 3]));
        let text = format!("{:#}", maps(&MapsArgs { pictures: Some(split), size: None }, data).unwrap_err());
        assert!(text.contains("already two folders"), "{text}");
    }
}
