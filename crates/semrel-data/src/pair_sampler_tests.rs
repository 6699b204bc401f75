//! Orders, partners, crops and sizes of pairs.

use super::*;
use crate::Loader;
use crate::image_io::write_image;
use crate::resize::Filter;
use std::collections::HashSet;
use std::path::Path;

/// Images of A are 0, 1, … in the red channel throughout, those of B 100, 101, …; the other channels fall along x and y.
fn write(root: &Path, folder: &str, first: u8, count: u8, size: (u32, u32)) {
    for i in 0..count {
        let image = RgbImage::from_fn(size.0, size.1, |x, y| image::Rgb([first + i, x as u8, y as u8]));
        write_image(&root.join(format!("{folder}/{i:02}.png")), &image).unwrap();
    }
}

fn unaligned(a: u8, b: u8) -> (tempfile::TempDir, PairFolder) {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "trainA", 0, a, (40, 40));
    write(dir.path(), "trainB", 100, b, (40, 40));
    let folder = PairFolder::open(dir.path(), "train").unwrap();
    (dir, folder)
}

fn options(preprocess: &str, batch: usize) -> PairOptions {
    PairOptions {
        transform: PairTransform {
            preprocess: preprocess.parse().unwrap(),
            load_size: 40,
            crop_size: 32,
            filter: Filter::Bicubic,
            flip: true,
            grayscale: false,
            multiple_of: 4,
        },
        batch,
        direction: Direction::AtoB,
        serial: false,
        constant_epochs: None,
        flip_together: false,
    }
}

fn sampler(folder: &PairFolder, options: PairOptions, seed: u64) -> PairSampler {
    PairSampler::new(folder, StoreOptions::default(), options, seed).unwrap()
}

/// The level of each image of a batch.
fn levels(images: &Array4<f32>) -> Vec<u8> {
    images.outer_iter().map(|image| ((image[[0, 9, 9]] + 1.0) * 127.5).round() as u8).collect()
}

#[test]
fn an_epoch_shows_every_item_once_and_the_next_in_another_order() {
    let (_dir, folder) = unaligned(5, 3);
    let sampler = sampler(&folder, options("resize_and_crop", 2), 7);
    assert_eq!(sampler.steps_per_epoch(), 2);
    assert_eq!([0, 1, 2, 3, 4].map(|step| sampler.epoch_of(step)), [1, 1, 2, 2, 3]);
    let mut orders = HashSet::new();
    let mut partners = HashSet::new();
    for epoch in 0..12 {
        let mut order = vec![];
        for step in 2 * epoch..2 * epoch + 2 {
            let batch = sampler.batch(step).unwrap();
            assert_eq!((batch.a.dim(), batch.b.dim()), ((2, 3, 32, 32), (2, 3, 32, 32)));
            let (a, b) = (levels(&batch.a), levels(&batch.b));
            assert!(b.iter().all(|level| (100..103).contains(level)));
            partners.extend(a.iter().copied().zip(b));
            order.extend(a);
        }
        // Four of five: the incomplete last batch is dropped.
        assert_eq!(order.iter().collect::<HashSet<_>>().len(), 4);
        orders.insert(order);
    }
    assert!(orders.len() > 8, "{}", orders.len());
    // 48 draws of 15 pairs.
    assert!(partners.len() > 10, "{partners:?}");
}

#[test]
fn the_smaller_folder_is_repeated() {
    let (_dir, folder) = unaligned(2, 6);
    let sampler = sampler(&folder, options("resize_and_crop", 1), 1);
    let mut seen: Vec<u8> = (0..6).flat_map(|step| levels(&sampler.batch(step).unwrap().a)).collect();
    seen.sort();
    assert_eq!(seen, [0, 0, 0, 1, 1, 1]);
}

#[test]
fn serial_items_come_in_order() {
    let (_dir, folder) = unaligned(5, 3);
    let serial = PairOptions { serial: true, ..options("resize_and_crop", 1) };
    let forward = sampler(&folder, serial.clone(), 7);
    let backward = sampler(&folder, PairOptions { direction: Direction::BtoA, ..serial }, 7);
    for step in 0..7 {
        let batch = forward.batch(step).unwrap();
        let item = (step % 5) as u8;
        assert_eq!((levels(&batch.a), levels(&batch.b)), (vec![item], vec![100 + item % 3]));
        assert_eq!(backward.batch(step).unwrap(), PairBatch { a: batch.b, b: batch.a });
    }
    assert!(forward.files(4)[0].1.ends_with("trainB/01.png"));
}

#[test]
fn a_batch_is_a_pure_function_of_seed_and_step_through_the_loader_too() {
    let (_dir, folder) = unaligned(5, 4);
    let first = sampler(&folder, options("resize_and_crop", 2), 7);
    let ordered: Vec<_> = (0..6).map(|step| first.batch(step).unwrap()).collect();
    let uncached = StoreOptions { budget: 0, ..Default::default() };
    let again = PairSampler::new(&folder, uncached, options("resize_and_crop", 2), 7).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    for step in (0..6).rev() {
        assert_eq!(pool.install(|| again.batch(step).unwrap()), ordered[step as usize]);
    }
    assert_ne!(sampler(&folder, options("resize_and_crop", 2), 8).batch(0).unwrap(), ordered[0]);
    let loaded: Vec<_> =
        Loader::spawn(move |step| again.batch(step), 2, 3, 2).unwrap().take(4).map(Result::unwrap).collect();
    assert_eq!(loaded, ordered[2..]);
}

#[test]
fn the_two_images_are_cropped_and_flipped_independently() {
    let (_dir, folder) = unaligned(1, 1);
    let sampler = sampler(&folder, options("resize_and_crop", 1), 7);
    let (mut same, mut flips) = (0, [0, 0]);
    for step in 0..40 {
        let batch = sampler.batch(step).unwrap();
        same += usize::from(batch.a.slice(ndarray::s![.., 1.., .., ..]) == batch.b.slice(ndarray::s![.., 1.., .., ..]));
        for (count, image) in flips.iter_mut().zip([&batch.a, &batch.b]) {
            *count += usize::from(image[[0, 1, 0, 0]] > image[[0, 1, 0, 31]]);
        }
    }
    assert!(same <= 2 && flips.iter().all(|n| (8..=32).contains(n)), "{same} {flips:?}");
}

#[test]
fn aligned_halves_share_crop_and_flip() {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..4 {
        let picture =
            RgbImage::from_fn(80, 40, |x, y| image::Rgb([if x < 40 { i } else { 100 + i }, (x % 40) as u8, y as u8]));
        write_image(&dir.path().join(format!("train/{i}.png")), &picture).unwrap();
    }
    let folder = PairFolder::open(dir.path(), "train").unwrap();
    // No constant-rate rule here: the crop goes on.
    let sampler = sampler(&folder, PairOptions { constant_epochs: Some(0), ..options("resize_and_crop", 2) }, 7);
    let mut corners = HashSet::new();
    for step in 0..10 {
        let batch = sampler.batch(step).unwrap();
        let (a, b) = (levels(&batch.a), levels(&batch.b));
        assert!(a.iter().zip(&b).all(|(a, b)| a + 100 == *b), "{a:?} {b:?}");
        assert_eq!(batch.a.slice(ndarray::s![.., 1.., .., ..]), batch.b.slice(ndarray::s![.., 1.., .., ..]));
        corners.insert(batch.a[[0, 1, 0, 0]].to_bits());
    }
    assert!(corners.len() > 4);
}

#[test]
fn when_the_rate_decays_whole_images_are_shown() {
    let (_dir, folder) = unaligned(2, 2);
    let sampler = sampler(&folder, PairOptions { constant_epochs: Some(2), ..options("resize_and_crop", 1) }, 7);
    let range = |step: u64| {
        let image = sampler.batch(step).unwrap().a;
        ((image[[0, 1, 9, 0]] - image[[0, 1, 9, 31]]).abs() * 127.5).round()
    };
    // A crop shows 32 of 40 columns as they are; the whole is reduced.
    assert!((0..4).all(|step| range(step) == 31.0));
    assert!((4..8).all(|step| (38.0..=39.0).contains(&range(step))), "{:?}", (4..8).map(range).collect::<Vec<_>>());
}

#[test]
fn sizes_may_differ_from_batch_to_batch_but_not_within() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "trainA", 0, 1, (40, 24));
    write(dir.path(), "trainB", 100, 2, (48, 36));
    write_image(&dir.path().join("trainA/99.png"), &RgbImage::new(16, 50)).unwrap();
    let folder = PairFolder::open(dir.path(), "train").unwrap();
    let one = sampler(&folder, PairOptions { serial: true, ..options("none", 1) }, 7);
    assert_eq!(one.batch(0).unwrap().a.dim(), (1, 3, 24, 40));
    // 50/4 = 12.5 rounds to the even 12.
    assert_eq!(one.batch(1).unwrap().a.dim(), (1, 3, 48, 16));
    let error = sampler(&folder, options("none", 2), 7).batch(0).unwrap_err();
    assert!(
        matches!(&error, DataError::UnequalSizes { path, .. } if path.starts_with(dir.path().join("trainA"))),
        "{error}"
    );
    assert!(error.to_string().contains("batch 1"), "{error}");
    assert!(sampler(&folder, options("resize_and_crop", 2), 7).batch(0).is_ok());
}

#[test]
fn what_cannot_be_is_told_when_opening() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "trainA", 0, 3, (40, 40));
    write(dir.path(), "trainB", 100, 3, (40, 40));
    write_image(&dir.path().join("trainB/small.png"), &RgbImage::new(50, 31)).unwrap();
    let folder = PairFolder::open(dir.path(), "train").unwrap();
    let fails = |options: PairOptions| PairSampler::new(&folder, StoreOptions::default(), options, 7).unwrap_err();
    let error = fails(options("crop", 1));
    assert!(matches!(&error, DataError::TooSmall { path, .. } if path.ends_with("small.png")), "{error}");
    assert!(error.to_string().contains("50 × 31") && error.to_string().contains("32 × 32"), "{error}");
    let mut small_load = options("resize_and_crop", 1);
    small_load.transform.load_size = 30;
    assert!(fails(small_load).to_string().contains("crop_size 32 is larger than load_size 30"));
    assert!(fails(options("none", 5)).to_string().contains("a batch of 5: expected 1 to 4"));
    assert!(fails(options("none", 0)).to_string().contains("a batch of 0"));
}

#[test]
fn undecodable_images_are_skipped_only_when_told_to() {
    let (dir, _) = unaligned(2, 2);
    std::fs::write(dir.path().join("trainA/99.png"), "no image").unwrap();
    let folder = PairFolder::open(dir.path(), "train").unwrap();
    let open = |on_corrupt| {
        PairSampler::new(&folder, StoreOptions { on_corrupt, ..Default::default() }, options("crop", 3), 7)
    };
    assert!(open(OnCorrupt::Fail).unwrap_err().to_string().contains("99.png"));
    let skipping = open(OnCorrupt::Skip).unwrap();
    assert_eq!(levels(&skipping.batch(0).unwrap().a).len(), 3);
    assert_eq!(skipping.store().skipped(), 1);
}

#[test]
fn pairs_of_two_folders_share_crop_and_flip() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "trainA", 0, 4, (40, 40));
    write(dir.path(), "trainB", 100, 4, (40, 40));
    let folder = PairFolder::open(dir.path(), "train").unwrap().into_pairs().unwrap();
    let pairs = sampler(&folder, options("resize_and_crop", 1), 7);
    for step in 0..8 {
        let batch = pairs.batch(step).unwrap();
        assert_eq!(levels(&batch.b)[0], levels(&batch.a)[0] + 100);
        // Green and blue tell the place of every pixel.
        assert_eq!(batch.a.slice(ndarray::s![0, 1.., .., ..]), batch.b.slice(ndarray::s![0, 1.., .., ..]));
    }
    let swapped = PairOptions { direction: Direction::BtoA, ..options("resize_and_crop", 1) };
    assert!(levels(&sampler(&folder, swapped, 7).batch(0).unwrap().a)[0] >= 100);
}

#[test]
fn a_pair_is_skipped_whole() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "trainA", 0, 3, (40, 40));
    write(dir.path(), "trainB", 100, 3, (40, 40));
    std::fs::write(dir.path().join("trainB/01.png"), b"no image").unwrap();
    let folder = PairFolder::open(dir.path(), "train").unwrap().into_pairs().unwrap();
    let skip = StoreOptions { on_corrupt: OnCorrupt::Skip, ..Default::default() };
    let pairs = PairSampler::new(&folder, skip, options("resize_and_crop", 1), 7).unwrap();
    let seen: Vec<(u8, u8)> = (0..3)
        .map(|step| {
            let batch = pairs.batch(step).unwrap();
            (levels(&batch.a)[0], levels(&batch.b)[0])
        })
        .collect();
    assert!(seen.iter().all(|&(a, b)| a != 1 && b == a + 100), "{seen:?}");
    let strict = sampler(&folder, options("resize_and_crop", 1), 7);
    assert!((0..3).any(|step| strict.batch(step).is_err()));
}
