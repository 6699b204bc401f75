//! Bad configurations and data: each error names the file or key, what is wrong, and what would be right.
#![cfg(unix)]

mod common;

use common::{NO_EVALUATION, Place, assert, refuses, refuses_former_names};
use image::RgbImage;
use predicates::prelude::predicate;
use semrel_run::Checked;
use stargan2_multi::config::Config;
use std::fs;
use std::path::Path;

const SHORT: [&str; 6] = ["--set", "train.iterations=2", "--set", "train.warmup=0", "--set", "train.eval_every=0"];

#[test]
fn configurations() {
    let place = Place::new();
    for (set, words) in [
        ("loss.lamda_src=0.2", &["--set loss.lamda_src=0.2", "did you mean `loss.lambda_src`?"][..]),
        ("nonsense", &["--set nonsense: no `=`; expected `section.key=value`"]),
        ("train.batch_size=many", &["key `train.batch_size`", "found string \"many\", expected i64"]),
        ("method=cyclegan", &["key `method`", "found `cyclegan`, expected one of `stargan-v2`, `lsesim`, `ours`"]),
        ("train.batch_size=0", &["--set train.batch_size=0: config key `train.batch_size`: 0; it must be at least 1"]),
        ("train.warmup=-1", &["`train.warmup`: -1; it must be at least 0"]),
        ("train.warmup=9223372036854775807", &["`train.warmup`", "it must be at most"]),
        ("train.eval_every=-5", &["`train.eval_every`: -5"]),
        ("loss.num_patches=1", &["`loss.num_patches`: 1; it must be at least 2"]),
        ("data.image_size=48", &["`data.image_size`: 48; it must be a power of two"]),
        ("data.randcrop_prob=1.5", &["`data.randcrop_prob`: 1.5"]),
        ("optim.lr=.nan", &["`optim.lr`: NaN; it must be finite"]),
        ("optim.ema_beta=1", &["`optim.ema_beta`: 1; it must be at least 0 and below 1"]),
        ("loss.temperature=1e-300", &["`loss.temperature`: 1e-300; it must be at least 0.0001"]),
        ("model.width=16", &["`model.width`: 16; it must be at most model.max_width, which is 8"]),
        ("loss.temperature=0", &["`loss.temperature`: 0; it must be finite and positive"]),
        ("eval.max_reals=1", &["`eval.max_reals`: 1; it must be at least 2"]),
        (
            "eval.extractor=inception",
            &["`eval.extractor`: inception; expected one of effnet-lite0, effnet-lite2, inception-fid"],
        ),
        ("name=''", &["--set name='': config key `name`: empty"]),
        ("name=../elsewhere", &["`name`: ../elsewhere; it names a folder"]),
        (
            "model.discriminator=patch",
            &["key `model.discriminator`: found `patch`, expected one of `stargan-v2`, `both`"],
        ),
        ("model.output=affine", &["`model.output`: affine; it goes with `model.generator: light`"]),
        ("optim.lr_discriminator=-1", &["`optim.lr_discriminator`: -1; it must be finite and not negative"]),
        ("loss.lambda_adv=.nan", &["`loss.lambda_adv`: NaN; it must be finite"]),
        ("model.max_width=9223372036854775807", &["`model.max_width`", "it must be at most 4096"]),
        ("model.style_dim=100000000", &["`model.style_dim`: 100000000; it must be at most 8192"]),
        ("train.batch_size=1000000", &["`train.batch_size`: 1000000; it must be at most 4096"]),
        ("data.image_size=65536", &["`data.image_size`: 65536", "at most 4096"]),
        ("data.root=nowhere", &["config key `data.root`: nowhere: no such folder", "one folder of images per domain"]),
    ] {
        refuses(place.train("run", &["--set", set]), words);
    }
    refuses(place.command(&["train", "none.yaml"]), &["none.yaml: cannot read the configuration"]);
    fs::write(place.path("typo.yaml"), "name: a\nmethod: ours\ndata: {root: data}\ntrian: {iterations: 3}\n").unwrap();
    refuses(place.command(&["train", "typo.yaml"]), &["typo.yaml: unknown key `trian`; did you mean `train`?"]);
    fs::write(place.path("half.yaml"), "name: a\nmethod: ours\n").unwrap();
    refuses(place.command(&["train", "half.yaml"]), &["half.yaml: missing key `data`"]);
    refuses(place.train("run", &["--device", "cuda:99"]), &["device `cuda:99` is not available; available: cpu"]);
    refuses(place.train("run", &["--device", "tpu"]), &["unknown device `tpu`; available: cpu"]);
    refuses(place.command(&["train", "tiny.yaml", "--threads", "0"]), &["0 threads; expected 1 to 1024"]);
    refuses(place.command(&["train", "tiny.yaml", "--threads", "100000"]), &["100000 threads; expected 1 to 1024"]);
    refuses(place.command(&["sample", "run", "--out", "a.png", "--psi", "nan"]), &["--psi", "from -100 to 100"]);
    refuses(place.train("run", &["--resume", "--overwrite"]), &["--resume", "cannot be used with"]);
    assert!(!place.path("run").exists(), "nothing was started");
}

#[test]
fn folders_of_images() {
    let place = Place::new();
    fs::create_dir(place.path("data/train/monsoon")).unwrap();
    refuses(place.train("run", &[]), &["data/train/monsoon: no images; expected files ending in", "jpg"]);
    fs::remove_dir(place.path("data/train/monsoon")).unwrap();

    fs::rename(place.path("data/val/spring"), place.path("data/val/lent")).unwrap();
    refuses(place.train("run", &[]), &["data/val: domains", "lent", "differ from the training domains", "spring"]);

    for split in ["train", "val"] {
        let only = place.path("one").join(split).join("summer");
        fs::create_dir_all(&only).unwrap();
        fs::copy(place.path("data/train/summer/0001.png"), only.join("1.png")).unwrap();
    }
    refuses(
        place.train("run", &["--set", "data.root=one"]),
        &["config key `data.root`: one: one domain only (summer)", "two folders"],
    );
    assert!(!place.path("run").exists(), "nothing was started");
}

/// Replaces a domain's training images by a good JPEG and one that is cut short.
fn cut_jpeg(folder: &Path) {
    fs::remove_dir_all(folder).unwrap();
    fs::create_dir(folder).unwrap();
    let noise = RgbImage::from_fn(48, 40, |x, y| image::Rgb([(x * 5) as u8, (y * 6) as u8, (x * y % 251) as u8]));
    noise.save(folder.join("good.jpg")).unwrap();
    noise.save(folder.join("cut.jpg")).unwrap();
    let bytes = fs::read(folder.join("cut.jpg")).unwrap();
    fs::write(folder.join("cut.jpg"), &bytes[..bytes.len() / 2]).unwrap();
}

#[test]
fn an_image_cut_short() {
    let place = Place::new();
    cut_jpeg(&place.path("data/train/autumn"));
    // Twelve steps draw from two images often enough to meet both.
    assert(place.train("skips", &NO_EVALUATION))
        .success()
        .stderr(predicate::str::contains("data/train/autumn/cut.jpg: truncated or corrupt image").count(1));
    let summary: serde_json::Value =
        serde_json::from_slice(&fs::read(place.path("skips/summary.json")).unwrap()).unwrap();
    assert_eq!(summary["unreadable_images"], 1);
    let strict = [&NO_EVALUATION[..], &["--set", "data.strict=true"]].concat();
    refuses(place.train("stops", &strict), &["data/train/autumn/cut.jpg: truncated or corrupt image"]);

    fs::remove_file(place.path("data/train/autumn/good.jpg")).unwrap();
    refuses(place.train("empty", &NO_EVALUATION), &["data/train/autumn: none of the images can be decoded"]);
}

#[test]
fn a_batch_may_be_larger_than_the_data() {
    let place = Place::new();
    assert(place.train("run", &[&SHORT[..], &["--set", "train.batch_size=30"]].concat())).success();
}

#[test]
fn missing_weights_touch_no_run() {
    let place = Place::new();
    assert(place.train("run", &SHORT)).success();
    let before = common::files(&place.path("run"));
    fs::remove_dir_all(place.path("weights")).unwrap();
    let again = place.train("run", &[&SHORT[..], &["--overwrite"]].concat());
    refuses(again, &["efficientnet-lite0-57934424.pth: no such file", "cargo xtask weights fetch effnet-lite0"]);
    assert!(common::files(&place.path("run")) == before);
}

#[test]
fn a_former_name_is_refused_with_the_new_one() {
    let place = Place::new();
    let file = [place.path("tiny.yaml")];
    let renamed = [
        ("data.img_size", "data.image_size"),
        ("loss.lambda_reg", "loss.lambda_r1"),
        ("loss.reg_every", "loss.r1_every"),
        ("loss.lambda_cyc", "loss.lambda_cycle"),
        ("loss.use_hard", "loss.hard"),
    ];
    let load = |set: &[String]| Checked::<Config>::load(&file, set).unwrap_err().to_string();
    refuses_former_names(&renamed, load);
}
