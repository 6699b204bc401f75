//! Unusual and bad configurations and pictures: each error names the file or key, what is wrong, and what would be right.
#![cfg(unix)]

mod common;

use common::{PIPE, Place, assert, method, names, pipe, refuses, refuses_former_names, sets};
use cut_single::config::Config;
use image::{ImageBuffer, Luma, Rgb, RgbImage, Rgba};
use predicates::prelude::predicate;
use semrel_run::Checked;
use std::fs;
use std::path::Path;

fn train(place: &Place, run: &str, keys: &[&str]) -> std::process::Command {
    place.train(run, &[method("ours"), sets(&["train.n_epochs_decay=0"]), sets(keys)].concat())
}

#[test]
fn configurations() {
    let place = Place::new();
    for (set, words) in [
        ("loss.lamda_src=0.2", &["--set loss.lamda_src=0.2", "did you mean `loss.lambda_src`?"][..]),
        ("nonsense", &["--set nonsense: no `=`; expected `section.key=value`"]),
        ("train.batch_size=many", &["key `train.batch_size`", "found string \"many\""]),
        ("method=stargan-v2", &["key `method`", "found `stargan-v2`, expected one of `ours`, `cut`"]),
        ("train.batch_size=0", &["--set train.batch_size=0: config key `train.batch_size`: 0; it must be at least 1"]),
        ("train.batch_size=2", &["`train.batch_size`: 2; in the official formulation", "`loss.formulation: paper`"]),
        ("train.n_epochs=9223372036854775807", &["`train.n_epochs`", "at most 4294967296"]),
        ("train.warmup=18446744073709551615", &["`train.warmup`", "at most 4294967296"]),
        ("loss.num_patches=1", &["`loss.num_patches`: 1", "`loss.minibatch_negatives: true`"]),
        ("loss.num_patches=65", &["`loss.num_patches`: 65 with 8 x 8 positions at layer 12", "at most 64"]),
        ("loss.gamma_start=.nan", &["`loss.gamma_start`: NaN; it must be finite and positive"]),
        ("loss.gamma_start=0", &["`loss.gamma_start`: 0; it must be finite and positive"]),
        ("loss.gamma_end=.inf", &["`loss.gamma_end`: inf; it must be finite and positive"]),
        ("loss.lambda_src=.inf", &["`loss.lambda_src`: inf; it must be finite and not negative"]),
        ("loss.lambda_gan=.nan", &["`loss.lambda_gan`: NaN; it must be finite"]),
        ("loss.lambda_contrast=-1", &["`loss.lambda_contrast`: -1; it must be finite and not negative"]),
        ("optim.lr=.nan", &["`optim.lr`: NaN; it must be finite"]),
        ("optim.beta1=1", &["`optim.beta1`: 1; it must be at least 0 and below 1"]),
        ("loss.temperature=1e-300", &["`loss.temperature`: 1e-300; it must be at least 0.0001"]),
        ("model.init=!normal {gain: -1}", &["`model.init`: gain -1; the gain must be finite and positive"]),
        ("model.init_heads=!xavier {gain: .nan}", &["`model.init_heads`: gain NaN"]),
        ("loss.temperature=0", &["`loss.temperature`: 0; it must be finite and positive"]),
        ("data.image_size=64", &["`data.image_size`: 64 with data.load_size 36"]),
        ("data.image_size=34", &["`data.image_size`: 34; it must be a multiple of 4"]),
        ("data.image_size=16", &["`data.image_size`", "16", "at least 24"]),
        ("data.preprocess=shrink", &["`data.preprocess`", "shrink"]),
        ("model.nce_layers=[]", &["`model.nce_layers`: empty"]),
        ("model.nce_layers=[0,99]", &["`model.nce_layers`", "99"]),
        ("model.discriminator=stylegan2", &["`model.discriminator`", "`stylegan2` goes with `stylegan2`"]),
        ("loss.contrast=none", &[]),
        ("name=''", &["--set name='': config key `name`: empty"]),
        ("name=../elsewhere", &["`name`: ../elsewhere; it names a folder"]),
        ("model.ngf=9223372036854775807", &["`model.ngf`", "it must be at most 1024"]),
        ("eval.max_sources=1", &["`eval.max_sources`: 1; it must be at least 2"]),
        ("loss.identity_images=2", &["`loss.identity_images`: 2; it must be at most `train.batch_size`, 1"]),
        ("model.output=affine", &["`model.output`: affine; it goes with `model.generator: light`"]),
        ("data.preprocess=resize_and_scale_width", &["`data.preprocess`", "an image is resized once"]),
        ("data.preprocess=none_and_crop", &["`data.preprocess`", "none alone"]),
        ("data.pairs=pairs", &["config key `data.pairs`: given; only `method: supervised` learns from pairs"]),
        ("data.root=nowhere", &["config key `data.root`: nowhere: no such folder", "trainA"]),
    ] {
        // SRC alone is a row of the ablation.
        if words.is_empty() {
            refuses(train(&place, "run", &[set, "loss.lambda_src=0"]), &["`ours` needs at least one of them"]);
        } else {
            refuses(train(&place, "run", &[set]), words);
            let check = [&["train", "tiny.yaml", "--check"], &method("ours")[..], &["--set", set]].concat();
            refuses(place.command(&check), words);
        }
    }
    for (keys, words) in [
        (
            &["model.generator=light", "model.border=zero"][..],
            &["`model.border`: zero", "`model.generator: resnet`"][..],
        ),
        (&["data.preprocess=none", "data.test_size=32"], &["`data.test_size`: 32 with data.preprocess none"]),
        (
            &["data.preprocess=shorter_side_and_crop", "data.image_size=40"],
            &["`data.image_size`: 40 with data.load_size 36"],
        ),
        (
            &["loss.formulation=paper", "train.batch_size=7"],
            &["config key `train.batch_size`: 7; it must be at most 6", "data/trainA"],
        ),
    ] {
        refuses(train(&place, "run", keys), words);
    }
    let negcut = [method("negcut"), sets(&["loss.contrast=none"])].concat();
    refuses(place.train("run", &negcut), &["`loss.contrast`", "`loss.contrast: info-nce`, against made negatives"]);
    let small = ["data.image_size=24", "model.discriminator=projected"];
    refuses(
        train(&place, "run", &small),
        &["`data.image_size`: 24", "`model.discriminator` asks for need at least 32"],
    );
    refuses(place.command(&["train", "none.yaml"]), &["none.yaml: cannot read the configuration"]);
    fs::write(place.path("typo.yaml"), "name: a\nmethod: ours\ndata: {root: data}\ntrian: {n_epochs: 3}\n").unwrap();
    refuses(place.command(&["train", "typo.yaml"]), &["typo.yaml: unknown key `trian`; did you mean `train`?"]);
    fs::write(place.path("half.yaml"), "name: a\nmethod: ours\n").unwrap();
    refuses(place.command(&["train", "half.yaml"]), &["half.yaml: missing key `data`"]);
    refuses(place.train("run", &["--device", "tpu"]), &["unknown device `tpu`; available: cpu"]);
    refuses(place.command(&["train", "tiny.yaml", "--threads", "0"]), &["0 threads; expected 1 to 1024"]);
    let vgg = [method("lsesim"), sets(&["loss.lsesim_features=vgg16"])].concat();
    for check in [&[][..], &["--check"]] {
        refuses(place.train("run", &[&vgg[..], check].concat()), &["`effnet-lite0` and `generator` need no VGG-16"]);
    }
    assert!(!place.path("run").exists(), "nothing was started");
}

#[test]
fn pairs() {
    let place = Place::new();
    let train = |keys: &[&str]| place.train("run", &[method("supervised"), sets(keys)].concat());
    refuses(train(&["data.pairs=nowhere"]), &["config key `data.pairs`: nowhere", "no such folder"]);
    refuses(train(&["data.pairs=null"]), &["`method: supervised` learns from pairs", "5.png", "trainB"]);
    refuses(train(&["data.preprocess=zoom_and_patch"]), &["config key `data.preprocess`", "both pictures of a pair"]);
    fs::create_dir(place.path("data/train")).unwrap();
    fs::create_dir(place.path("halves")).unwrap();
    RgbImage::new(80, 40).save(place.path("data/train/1.png")).unwrap();
    for folder in ["train", "testA", "testB"] {
        fs::rename(place.path(&format!("data/{folder}")), place.path(&format!("halves/{folder}"))).unwrap();
    }
    refuses(train(&["data.root=halves"]), &["config key `data.pairs`", "pairs already; leave the key out"]);
    for folder in ["testA", "testB"] {
        fs::rename(place.path(&format!("halves/{folder}")), place.path(&format!("data/{folder}"))).unwrap();
    }
    fs::create_dir(place.path("truth")).unwrap();
    for i in 0..3 {
        // What a test picture should become, but for one that trains.
        let from = if i == 1 { "pairs/0.png".into() } else { format!("data/testB/{i}.png") };
        let picture = image::open(place.path(&from)).unwrap().resize_exact(32, 32, image::imageops::Nearest);
        picture.save(place.path(&format!("truth/{i}.png"))).unwrap();
    }
    fs::copy(place.path("truth/1.png"), place.path("pairs/0.png")).unwrap();
    refuses(train(&["eval.truth=truth"]), &["`eval.truth`", "truth/1.png", "pairs/0.png"]);
    fs::remove_file(place.path("pairs/3.png")).unwrap();
    refuses(train(&[]), &["config key `data.pairs`", "trainA/3.png", "pairs"]);
    refuses(train(&["data.direction=BtoA"]), &["config key `data.pairs`", "5.png", "trainB"]);
    assert!(!place.path("run").exists(), "nothing was started");
}

#[test]
fn folders() {
    let place = Place::new();
    fs::create_dir(place.path("none")).unwrap();
    refuses(train(&place, "run", &["data.root=none"]), &["`data.root`: none: no folder trainA and no folder trainB"]);

    fs::rename(place.path("data/testA"), place.path("data/testX")).unwrap();
    refuses(train(&place, "run", &[]), &["`data.root`: data: no folder testA", "testA/ and testB/"]);
    fs::create_dir(place.path("data/testA")).unwrap();
    refuses(train(&place, "run", &[]), &["data/testA: no images; expected files ending in", "jpg"]);
    fs::remove_dir(place.path("data/testA")).unwrap();
    fs::rename(place.path("data/testX"), place.path("data/testA")).unwrap();

    // Several pictures where one is learned from.
    refuses(
        place.train("run", &[method("sincut"), sets(&["data.root=data"])].concat()),
        &["data/trainA: 6 images; single-image translation takes exactly one per domain"],
    );
    // As many equal pictures: distances that do not vary.
    for i in 0..6 {
        RgbImage::from_pixel(40, 40, Rgb([7; 3])).save(place.path(&format!("data/trainA/{i}.png"))).unwrap();
    }
    refuses(
        place.train("run", &method("distancegan-halves")),
        &[
            "distances between images of data/trainA",
            "all distances are the same",
            "`loss.standardise_distances: false`",
        ],
    );
    // Evaluation needs two.
    for i in 0..2 {
        fs::remove_file(place.path(&format!("data/testA/{i}.png"))).unwrap();
    }
    refuses(train(&place, "run", &["train.eval_every=2"]), &["data/testA holds 1 picture to translate", "at least 2"]);
    assert!(!place.path("run").exists(), "nothing was started");
}

/// A TIFF file of one pixel format: ink of 40 × 40 pixels, uncompressed.
fn cmyk_tiff([c, m, y, k]: [u8; 4]) -> Vec<u8> {
    let pixels: Vec<u8> = [c, m, y, k].repeat(40 * 40);
    let mut file = b"II\x2a\x00\x08\x00\x00\x00".to_vec();
    let (bits_at, data_at) = (8 + 2 + 10 * 12 + 4, 8 + 2 + 10 * 12 + 4 + 8);
    // (tag, type: 3 short or 4 long, count, value)
    let entries: [(u16, u16, u32, u32); 10] = [
        (256, 4, 1, 40),
        (257, 4, 1, 40),
        (258, 3, 4, bits_at),
        (259, 3, 1, 1),
        (262, 3, 1, 5),
        (273, 4, 1, data_at),
        (277, 3, 1, 4),
        (278, 4, 1, 40),
        (279, 4, 1, pixels.len() as u32),
        (284, 3, 1, 1),
    ];
    file.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend([0; 4]);
    file.extend([8, 0].repeat(4));
    file.extend(pixels);
    file
}

/// Whatever pictures hold, they are read as RGB: grey, 16 bits deep, with alpha, inks; and domains may differ in number.
#[test]
fn unusual_pictures_work() {
    let place = Place::new();
    for folder in ["trainA", "testA"] {
        let folder = place.path("data").join(folder);
        ImageBuffer::from_fn(40, 44, |x, y| Luma([(x * y) as u8])).save(folder.join("grey.png")).unwrap();
        ImageBuffer::from_fn(50, 40, |x, y| Rgb([(x * 1300) as u16, (y * 1500) as u16, 9]))
            .save(folder.join("deep.png"))
            .unwrap();
        ImageBuffer::from_fn(40, 40, |x, y| Rgba([x as u8, 200, y as u8, 30])).save(folder.join("clear.png")).unwrap();
        fs::write(folder.join("ink.tif"), cmyk_tiff([0, 255, 0, 0])).unwrap();
    }
    assert(train(&place, "run", &["data.strict=true"])).success();
    let summary: serde_json::Value =
        serde_json::from_slice(&fs::read(place.path("run/summary.json")).unwrap()).unwrap();
    // An epoch has the items of the larger domain: ten against five.
    assert_eq!((&summary["steps"], &summary["unreadable_images"]), (&10.into(), &0.into()));
    let out = ["translate", "run", "data/testA", "--out", "out", "--size", "own", "--batch", "3"];
    assert(place.command(&out)).success();
    assert_eq!(names(&place.path("out")).len(), 7);
    assert_eq!(image::image_dimensions(place.path("out/deep.png")).unwrap(), (48, 40));
    assert(place.command(&["eval", "run", "--images", "scored"])).success();
    let magenta = image::open(place.path("scored/real_A/ink.png")).unwrap().to_rgb8().get_pixel(9, 9).0;
    assert!(magenta[0] > 220 && magenta[1] < 30 && magenta[2] > 220, "{magenta:?}");
    // Twice as many pictures of the other domain.
    for i in 0..9 {
        fs::copy(place.path("data/trainB/1.png"), place.path(&format!("data/trainB/more-{i}.png"))).unwrap();
    }
    assert(train(&place, "more", &["train.batch_size=3", "loss.formulation=paper"])).success();
}

#[test]
fn pictures_smaller_than_the_crop_are_enlarged_or_refused() {
    let place = Place::new();
    let small = place.path("data/trainB/2.png");
    RgbImage::from_pixel(20, 50, Rgb([9, 80, 7])).save(&small).unwrap();
    refuses(
        train(&place, "run", &["data.preprocess=crop"]),
        &["data/trainB/2.png: 20 × 50 pixels are too few for a crop of 32 × 32", "resize_and_crop"],
    );
    for steps in ["none", "scale_width", "shorter_side"] {
        let preprocess = format!("data.preprocess={steps}");
        refuses(
            train(&place, "run", &[&preprocess]),
            &["`data.preprocess`: data/trainB/2.png has", "data/trainA/0.png ", "end in `crop`"],
        );
    }
    assert!(!place.path("run").exists(), "nothing was started");
    assert(train(&place, "run", &[])).success();
    assert(train(&place, "scaled", &["data.preprocess=scale_shortside_and_crop"])).success();
    // Pictures as they are: batches of one.
    fs::remove_file(small).unwrap();
    assert(train(&place, "whole", &["data.preprocess=none"])).success();
    refuses(
        place.train("next", &[method("gcgan"), sets(&["data.preprocess=none"])].concat()),
        &["`loss.geometry`: rotate: data/trainA/0.png has 40 x 36 pixels", "use `flip`"],
    );
    refuses(
        train(
            &place,
            "next",
            &["data.preprocess=resize", "data.load_size=36", "optim.pool_size=4", "train.n_epochs_decay=1"],
        ),
        &["`data.whole_in_decay`: data/trainA/0.png has 36 x 36 pixels", "32 x 32 in the decay", "`optim.pool_size`"],
    );
    for folder in ["trainA", "trainB"] {
        for file in fs::read_dir(place.path("data").join(folder)).unwrap() {
            RgbImage::from_pixel(20, 20, Rgb([9, 80, 7])).save(file.unwrap().path()).unwrap();
        }
    }
    refuses(
        train(&place, "next", &["data.preprocess=none"]),
        &["data/trainA/0.png has 20 x 20 pixels", "discriminator"],
    );
    assert!(!place.path("next").exists(), "nothing was started");
}

/// Replaces a domain's training pictures by a good JPEG and one that is cut short.
fn cut_jpeg(folder: &Path) {
    fs::remove_dir_all(folder).unwrap();
    fs::create_dir(folder).unwrap();
    let noise = RgbImage::from_fn(48, 40, |x, y| Rgb([(x * 5) as u8, (y * 6) as u8, (x * y % 251) as u8]));
    noise.save(folder.join("good.jpg")).unwrap();
    noise.save(folder.join("cut.jpg")).unwrap();
    common::cut(&folder.join("cut.jpg"));
}

#[test]
fn pictures_cut_short() {
    let place = Place::new();
    cut_jpeg(&place.path("data/trainB"));
    assert(train(&place, "skips", &["train.n_epochs=3"]))
        .success()
        .stderr(predicate::str::contains("data/trainB/cut.jpg: truncated or corrupt image").count(1));
    let summary: serde_json::Value =
        serde_json::from_slice(&fs::read(place.path("skips/summary.json")).unwrap()).unwrap();
    assert_eq!(summary["unreadable_images"], 1);
    refuses(
        train(&place, "stops", &["train.n_epochs=3", "data.strict=true"]),
        &["data/trainB/cut.jpg: truncated or corrupt image"],
    );
    fs::remove_file(place.path("data/trainB/good.jpg")).unwrap();
    refuses(train(&place, "empty", &[]), &["data/trainB: none of the images can be decoded"]);

    // Those before it are translated.
    fs::copy(place.path("data/trainB/cut.jpg"), place.path("data/testA/9.jpg")).unwrap();
    refuses(
        place.command(&["translate", "skips", "data/testA", "--out", "out"]),
        &["data/testA/9.jpg: truncated or corrupt image"],
    );
    assert_eq!(names(&place.path("out")), ["0.png", "1.png", "2.png"]);
}

#[test]
fn translations_never_replace_what_is_read() {
    let place = Place::new();
    place.trained("run", &[]);
    let translate = |input: &str, out: &str| place.command(&["translate", "run", input, "--out", out]);
    let before = common::files(&place.path("data"));
    refuses(translate("data/testA", "data/testA"), &["data/testA: the output folder is the input folder"]);
    refuses(translate("data/testA", "data/../data/testA/."), &["the output folder is the input folder"]);
    refuses(translate("data/testA/0.png", "data/testA"), &["the output folder is the input folder"]);
    refuses(translate("data/testA", "data/testA/0.png"), &["data/testA/0.png: a file; the output is a folder"]);
    refuses(translate("gone", "out"), &["gone: no such file or folder"]);
    fs::create_dir(place.path("empty")).unwrap();
    refuses(translate("empty", "out"), &["empty: holds no picture"]);
    refuses(translate("tiny.yaml", "out"), &["tiny.yaml: not a picture by its name"]);
    fs::write(place.path("text.png"), "no picture").unwrap();
    refuses(translate("text.png", "out"), &["text.png: not an image of a supported format"]);
    refuses(place.command(&["translate", "run", "data/testA", "--size", "0x9"]), &["--size", "256x256"]);
    refuses(place.command(&["translate", "run", "data/testA", "--batch", "0"]), &["--batch"]);
    refuses(
        place.command(&["translate", "gone", "data/testA"]),
        &["gone: no such file or folder; expected a run's folder"],
    );
    assert!(common::files(&place.path("data")) == before);
    assert!(!place.path("out").exists());
}

#[test]
fn several_files_are_merged_from_left_to_right_and_a_bad_value_is_blamed_on_its_own() {
    let place = Place::new();
    fs::write(place.path("more.yaml"), "loss: {lambda_src: -1}\n").unwrap();
    let check = |set: &[&str]| place.command(&[&["train", "tiny.yaml", "more.yaml", "--check"], set].concat());
    refuses(check(&[]), &["more.yaml: config key `loss.lambda_src`: -1; it must be finite and not negative"]);
    assert(check(&["--set", "loss.lambda_src=1"])).success();
    fs::write(place.path("more.yaml"), "extends: [tiny.yaml, gone.yaml]\n").unwrap();
    refuses(check(&[]), &["more.yaml: key `extends.1`: gone.yaml: cannot read the configuration"]);
}

#[test]
fn pipes_are_refused_and_not_waited_for() {
    let place = Place::new();
    pipe(&place.path("pipe.png"));
    fs::write(place.path("more.yaml"), "extends: [tiny.yaml, pipe.png]\n").unwrap();
    refuses(place.command(&["train", "pipe.png", "--check"]), &["pipe.png: cannot read the configuration", PIPE]);
    refuses(place.command(&["train", "more.yaml", "--check"]), &["key `extends.1`: pipe.png", PIPE]);
    refuses(place.command(&["translate", "pipe.png", "data/testA", "--out", "out"]), &["pipe.png", PIPE]);
    assert(place.train("run", &sets(&["train.n_epochs=1", "train.n_epochs_decay=0"]))).success();
    refuses(place.command(&["translate", "run", "pipe.png", "--out", "out"]), &["pipe.png: not a file"]);
    refuses(place.command(&["similarity", "run", "pipe.png", "--at", "1,1", "--out", "out"]), &["pipe.png", PIPE]);
    refuses(place.command(&["eval", "run", "--weights", "pipe.png"]), &["pipe.png", PIPE]);
}

#[test]
fn a_former_name_is_refused_with_the_new_one() {
    let place = Place::new();
    let file = [place.path("tiny.yaml")];
    let renamed = [
        ("data.crop_size", "data.image_size"),
        ("loss.gamma", "loss.gamma_start"),
        ("loss.gamma_min", "loss.gamma_end"),
        ("loss.lambda_cycle", "loss.lambda_a` and `loss.lambda_b"),
        ("loss.lambda_distance", "loss.lambda_distance_a` and `loss.lambda_distance_b"),
    ];
    let load = |set: &[String]| Checked::<Config>::load(&file, set).unwrap_err().to_string();
    refuses_former_names(&renamed, load);
}
