use super::*;
use crate::evaluation::picture as written_as;
use image::{Luma, Rgb};
use semrel_data::image_io::write_image;
use semrel_data::resize::Filter;
use semrel_data::{PairFolder, Side};
use semrel_metrics::extractor::{Extractor, Preparation, Resize, features_of_files};
use std::fs;
use tch::Tensor;

/// Compares pixels themselves.
struct Pixels;

impl Extractor for Pixels {
    fn name(&self) -> &'static str {
        "pixels"
    }
    fn preparation(&self) -> Preparation {
        let resize = Resize::Pillow(Filter::Bilinear);
        Preparation { width: 8, height: 8, resize, mean: [127.5; 3], std: [127.5; 3] }
    }
    fn device(&self) -> Device {
        Device::Cpu
    }
    fn features(&self, batch: &Tensor) -> Tensor {
        batch.flatten(1, -1)
    }
    fn taps(&self, batch: &Tensor) -> Vec<Tensor> {
        vec![batch.shallow_clone()]
    }
    fn features_and_taps(&self, batch: &Tensor) -> (Tensor, Vec<Tensor>) {
        (self.features(batch), self.taps(batch))
    }
}

fn picture(level: u8, side: u32) -> RgbImage {
    RgbImage::from_fn(side, side, |x, y| Rgb([level, (x * 9) as u8, (y * 7) as u8]))
}

/// Three training and two test pictures of each domain, the truths and masks of the latter; those of A are 16 pixels wide.
fn place() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, level: u8| write_image(&dir.path().join(name), &picture(level, 16)).unwrap();
    for i in 0..3 {
        write(&format!("trainA/{i}.png"), i);
        write(&format!("trainB/{i}.png"), 100 + i);
    }
    for i in 0..2 {
        write(&format!("testA/t{i}.png"), 20 + i);
        write(&format!("testB/t{i}.png"), 120 + i);
        write(&format!("truth/t{i}.png"), 140 + i);
        let mask = GrayImage::from_fn(16, 16, |x, _| Luma([if x < 8 { 255 } else { 0 }]));
        fs::create_dir_all(dir.path().join("masks")).unwrap();
        mask.save(dir.path().join(format!("masks/t{i}.png"))).unwrap();
    }
    dir
}

fn open(dir: &Path, truth: &str, masks: Option<&str>, size: Option<Size>) -> Result<Option<Truth>, EvalError> {
    let [train, test] = ["train", "test"].map(|phase| PairFolder::open(dir, phase).unwrap());
    let [sources, targets] = [Side::A, Side::B].map(|side| ImageSet::new(&test, side));
    let tested = Tested { sources: &sources, targets: &targets, size };
    let folder = |name: &str| if name == PAIRS { PathBuf::from(name) } else { dir.join(name) };
    let (truth, masks) = (folder(truth), masks.map(folder));
    let choice = TruthChoice { truth: Some(&truth), masks: masks.as_deref(), perceptual: "pixels" };
    let network = PerceptualDistance::Features(Box::new(Pixels));
    choice.with_network(network, tested, train.files.iter().flatten(), true)
}

fn scores(truth: &Truth, files: &[PathBuf]) -> Result<TruthScores, EvalError> {
    let (scores, features) = truth.scores(files, &Pixels, true)?;
    assert_eq!(features.unwrap(), features_of_files(&Pixels, files, &mut |_| ()).unwrap());
    Ok(scores)
}

fn told(error: &EvalError) -> String {
    semrel_run::in_a_line(error)
}

/// Why a truth is refused.
fn refused(dir: &Path, truth: &str, masks: Option<&str>) -> String {
    told(&open(dir, truth, masks, Some((16, 16))).unwrap_err())
}

#[test]
fn translations_are_compared_with_what_they_should_be() {
    let dir = place();
    let truth = open(dir.path(), "truth", Some("masks"), Some((16, 16))).unwrap().unwrap();
    let files = |folder: &str| ["t0.png", "t1.png"].map(|name| dir.path().join(folder).join(name));
    let equal = scores(&truth, &files("truth")).unwrap();
    assert_eq!((equal.pd_name.as_str(), equal.pd, equal.equal), ("PD(pixels)", 0.0, 2));
    assert!((equal.ssim - 1.0).abs() < 1e-12 && equal.psnr.is_nan());
    assert!(equal.masked.unwrap().outside == f64::INFINITY);
    // One channel of three differs by 20.
    let near = scores(&truth, &files("testB")).unwrap();
    let decibels = 10.0 * (255.0f64 * 255.0 * 3.0 / 400.0).log10();
    assert!((near.psnr - decibels).abs() < 1e-9 && near.equal == 0, "{near:?}");
    assert!((near.masked.unwrap().inside - decibels).abs() < 1e-9);
    let far = scores(&truth, &files("testA")).unwrap();
    assert!(far.pd > near.pd && near.pd > 0.0 && far.psnr < near.psnr && far.ssim < 1.0);
    // Two test images are equal to their truths inside the masks alone.
    let mut changed = picture(140, 16);
    (8..16).for_each(|x| (0..16).for_each(|y| changed.put_pixel(x, y, Rgb([0; 3]))));
    write_image(&dir.path().join("changed/t0.png"), &changed).unwrap();
    write_image(&dir.path().join("changed/t1.png"), &picture(141, 16)).unwrap();
    let changed = scores(&truth, &files("changed")).unwrap();
    let masked = changed.masked.unwrap();
    assert!(masked.inside == f64::INFINITY && masked.outside.is_finite() && changed.equal == 1);
    // A translation of another size is told by its name.
    write_image(&dir.path().join("changed/t1.png"), &picture(141, 20)).unwrap();
    let text = scores(&truth, &files("changed")).unwrap_err().to_string();
    assert!(text.contains("t1.png: 20 × 20 pixels"), "{text}");
}

#[test]
fn the_other_picture_of_a_pair_is_a_truth() {
    let dir = place();
    for size in [Some((16, 16)), Some((24, 12)), None] {
        let truth = open(dir.path(), PAIRS, None, size).unwrap().unwrap();
        let targets = ImageSet::new(&PairFolder::open(dir.path(), "test").unwrap(), Side::B);
        let written: Vec<PathBuf> = (0..2).map(|i| dir.path().join(format!("written/{i}.png"))).collect();
        for (i, file) in written.iter().enumerate() {
            write_image(file, &written_as(&targets, i, size).unwrap()).unwrap();
        }
        let scores = scores(&truth, &written).unwrap();
        assert_eq!((scores.equal, scores.masked), (2, None));
    }
    // Of A|B pictures it is the other half.
    let aligned = tempfile::tempdir().unwrap();
    for (phase, level) in [("train", 0), ("test", 50)] {
        for i in 0..2u8 {
            let both = RgbImage::from_fn(32, 16, |x, _| Rgb([level + 10 * i + u8::from(x >= 16), x as u8, 3]));
            write_image(&aligned.path().join(format!("{phase}/{i}.png")), &both).unwrap();
        }
    }
    let truth = open(aligned.path(), PAIRS, None, None).unwrap().unwrap();
    assert_eq!(truth.pictures.read(1).unwrap().get_pixel(0, 0).0, [61, 16, 3].map(quantised));
}

/// A value that has gone through −1..1 and back, truncated.
fn quantised(value: u8) -> u8 {
    let x = (f32::from(value) / 255.0 - 0.5) / 0.5;
    ((x + 1.0) / 2.0 * 255.0) as u8
}

#[test]
fn a_truth_that_does_not_fit_is_refused() {
    let dir = place();
    let at = |name: &str| dir.path().join(name);
    let text = refused(dir.path(), "nowhere", None);
    assert!(text.contains("`eval.truth`") && text.contains("nowhere: no such folder"), "{text}");

    fs::rename(at("truth/t1.png"), at("truth/other.png")).unwrap();
    let text = refused(dir.path(), "truth", None);
    assert!(text.contains("`eval.truth`") && text.contains("truth: no truth for 1 of 2 test images"), "{text}");
    assert!(text.contains("the first of which is t1; expected"), "{text}");
    // A counterpart may have another extension.
    picture(141, 16).save(at("truth/t1.bmp")).unwrap();
    open(dir.path(), "truth", None, Some((16, 16))).unwrap();

    write_image(&at("truth/t0.png"), &picture(140, 20)).unwrap();
    let text = refused(dir.path(), "truth", None);
    assert!(text.contains("t0.png: 20 × 20 pixels, but the translation of this image has 16 × 16"), "{text}");
    fs::write(at("truth/t0.png"), "no picture").unwrap();
    assert!(refused(dir.path(), "truth", None).contains("t0.png"));
    write_image(&at("truth/t0.png"), &picture(140, 16)).unwrap();

    // Whatever it is called, and whether or not it belongs to a test image.
    fs::copy(at("trainB/2.png"), at("truth/more.png")).unwrap();
    let text = refused(dir.path(), "truth", None);
    assert!(text.contains("more.png is the training picture") && text.contains("trainB/2.png"), "{text}");
    fs::copy(at("trainA/1.png"), at("truth/t0.png")).unwrap();
    let text = refused(dir.path(), "truth", None);
    assert!(text.contains("and so it is with 1 more") && text.contains("hidden from training"), "{text}");
    fs::copy(at("trainB/1.png"), at("testB/t0.png")).unwrap();
    assert!(refused(dir.path(), PAIRS, None).contains("testB/t0.png is the training picture"));
    fs::remove_file(at("testB/t0.png")).unwrap();
    assert!(refused(dir.path(), PAIRS, None).contains("testB: no truth for 1 of 2 test images"));
}

#[test]
fn masks_that_do_not_fit_are_refused() {
    let dir = place();
    let at = |name: &str| dir.path().join(name);
    let masks = |levels: [u8; 2], side: u32| {
        for (i, level) in levels.into_iter().enumerate() {
            GrayImage::from_pixel(side, side, Luma([level])).save(at(&format!("masks/t{i}.png"))).unwrap();
        }
    };
    masks([255, 0], 16);
    open(dir.path(), "truth", Some("masks"), Some((16, 16))).unwrap();
    masks([0, 0], 16);
    let text = refused(dir.path(), "truth", Some("masks"));
    assert!(text.contains("`eval.masks`") && text.contains("masks: no pixel of these masks is white"), "{text}");
    masks([255, 255], 16);
    assert!(refused(dir.path(), "truth", Some("masks")).contains("is black"));
    masks([255, 0], 12);
    assert!(refused(dir.path(), "truth", Some("masks")).contains("t0.png: 12 × 12 pixels"));
    fs::remove_file(at("masks/t1.png")).unwrap();
    let text = refused(dir.path(), "truth", Some("masks"));
    assert!(text.contains("no mask for 1 of 2 test images"), "{text}");

    let (masks, test) = (at("masks"), PairFolder::open(dir.path(), "test").unwrap());
    let sources = ImageSet::new(&test, Side::A);
    let tested = Tested { sources: &sources, targets: &sources, size: None };
    let alone = TruthChoice { truth: None, masks: Some(&masks), perceptual: "pixels" };
    let error = alone.open(tested, std::iter::empty(), Device::Cpu, true).unwrap_err();
    assert!(error.to_string().contains("`eval.masks`"));
    let none = TruthChoice { masks: None, ..alone };
    assert!(none.open(tested, std::iter::empty(), Device::Cpu, true).unwrap().is_none());
}

#[test]
fn pictures_that_are_too_small_to_compare_are_refused() {
    let dir = place();
    for folder in ["testA", "truth"] {
        (0..2).for_each(|i| write_image(&dir.path().join(format!("{folder}/t{i}.png")), &picture(200 + i, 8)).unwrap());
    }
    let text = told(&open(dir.path(), "truth", None, None).unwrap_err());
    assert!(text.contains("the smallest of its pictures") && text.contains("sides of at least 11"), "{text}");
}
