//! Pairs of real photographs, where they are: in `SEMREL_DATA`, or in `shared/data` beside the checkout.

use semrel_data::cityscapes::colors_of_ids;
use semrel_data::image_io::decode_labels;
use semrel_data::resize::Filter;
use semrel_data::transform::PairTransform;
use semrel_data::{Direction, Loader, PairFolder, PairOptions, PairSampler, Side, StoreOptions};
use semrel_suite::{Skipped, suite};
use std::path::PathBuf;

/// The folder of a data set.
fn data(name: &str) -> Result<PathBuf, Skipped> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let dir = PathBuf::from(std::env::var_os("SEMREL_DATA").unwrap_or_else(|| beside.into())).join(name);
    match dir.is_dir() {
        true => Ok(dir),
        false => Err(Skipped::because(format!("no {}; SEMREL_DATA names its parent folder", dir.display()))),
    }
}

fn options(direction: Direction) -> PairOptions {
    let preprocess = "resize_and_crop".parse().expect("known steps");
    PairOptions {
        transform: PairTransform {
            preprocess,
            load_size: 286,
            crop_size: 256,
            filter: Filter::Bicubic,
            flip: true,
            grayscale: false,
            multiple_of: 4,
        },
        batch: 1,
        direction,
        serial: false,
        constant_epochs: Some(200),
        flip_together: false,
    }
}

fn labels_to_photographs() -> Result<(), Skipped> {
    let street = data("street")?;
    let (train, test) = (PairFolder::open(&street, "train").unwrap(), PairFolder::open(&street, "test").unwrap());
    assert_eq!((train.len(), test.files(Side::A).len(), test.files(Side::B).len()), (367, 101, 101));
    for item in [0, 50, 100] {
        let colors = test.read(Side::B, item).unwrap();
        let stem = test.files(Side::B)[item].file_stem().unwrap();
        let file = street.join("labels/test").join(stem).with_extension("png");
        let ids = decode_labels(&std::fs::read(&file).unwrap(), &file).unwrap();
        assert_eq!(colors, colors_of_ids(&ids), "{}", file.display());
    }
    let sampler = PairSampler::new(&train, StoreOptions::default(), options(Direction::BtoA), 1).unwrap();
    assert_eq!(sampler.steps_per_epoch(), 367);
    let mut loader = Loader::spawn(move |step| sampler.batch(step), 0, 4, 2).unwrap();
    for _ in 0..5 {
        let batch = loader.next().unwrap().unwrap();
        assert_eq!((batch.a.dim(), batch.b.dim()), ((1, 3, 256, 256), (1, 3, 256, 256)));
        // Labels are flat, photographs are not.
        let flat = |image: &ndarray::Array4<f32>| {
            let row = image.slice(ndarray::s![0, 0, 200, ..]).to_vec();
            row.windows(2).filter(|pair| pair[0] == pair[1]).count()
        };
        assert!(flat(&batch.a) > flat(&batch.b) + 40, "{} {}", flat(&batch.a), flat(&batch.b));
    }
    Ok(())
}

fn two_weathers() -> Result<(), Skipped> {
    let weather = data("weather")?;
    let train = weather.join("train");
    let folder = PairFolder::open_two(&train.join("cloudy"), &train.join("sunrise")).unwrap();
    assert_eq!([Side::A, Side::B].map(|side| folder.files(side).len()), [213, 252]);
    let sampler = PairSampler::new(&folder, StoreOptions::default(), options(Direction::AtoB), 1).unwrap();
    assert_eq!(sampler.steps_per_epoch(), 252);
    let batch = sampler.batch(0).unwrap();
    assert!(batch.a.iter().chain(&batch.b).all(|v| (-1.0..=1.0).contains(v)));
    Ok(())
}

suite![labels_to_photographs, two_weathers,];
