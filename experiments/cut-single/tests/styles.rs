//! Translations in several styles, and published files of every method.

mod common;

use common::{Place, assert, method, picture, refuses, sets};
use cut_single::config::Config;
use cut_single::networks::new_generator;
use semrel_nn::checkpoint::{StateDict, load_any, save};
use semrel_world::Season;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tch::{Device, Kind, Tensor};

fn trained(place: &Place, run: &str, name: &str) {
    assert(place.train(run, &[method(name), sets(&["train.n_epochs=1", "train.n_epochs_decay=0"])].concat())).success();
}

/// The pictures of a folder by name.
fn pictures(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        (name, image::open(entry.path()).unwrap().into_rgb8().into_raw())
    };
    fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap())).collect()
}

fn translated(place: &Place, generator: &str, out: &str, more: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let args = ["translate", generator, "data/testA", "--out", out, "--size", "32x32", "--threads", "1"];
    assert(place.command(&[&args[..], more].concat())).success();
    pictures(&place.path(out))
}

#[test]
fn munit_and_drit_translate_in_styles() {
    for name in ["munit", "drit"] {
        let place = Place::new();
        trained(&place, "run", name);
        let one = translated(&place, "run", "one", &[]);
        let three = translated(&place, "run", "three", &["--styles", "3"]);
        assert_eq!((one.len(), three.len()), (3, 9), "{name}");
        let style = |k: u32| (0..3).map(|i| three[&format!("{i}_{k}.png")].clone()).collect::<Vec<_>>();
        assert!(
            style(1) == one.values().cloned().collect::<Vec<_>>(),
            "{name}: the first style is that of a single one"
        );
        assert!(style(2) != style(1) && style(3) != style(2), "{name}");
        // The picture and the seed decide, not the batch.
        let batch = translated(&place, "run", "batch", &["--styles", "3", "--batch", "2"]);
        let near = |a: &[u8], b: &[u8]| a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) <= 1);
        assert!(three.iter().all(|(name, picture)| near(&batch[name], picture)), "{name}");
        assert!(translated(&place, "run", "seed", &["--style-seed", "9"]) != one, "{name}");

        let mean = translated(&place, "run", "mean", &["--mean-style"]);
        let of = |reference: &str| translated(&place, "run", "reference", &["--reference", reference]);
        let (first, second) = (of("data/testB/0.png"), of("data/testB/1.png"));
        assert!(first.len() == 3 && one != mean, "{name}");
        // Attributes of a hardly trained DRIT are too small to show in bytes.
        assert!(name == "drit" || (first != mean && first != second), "{name}");
        // Beside the inputs, translations are not inputs of the next call.
        for _ in 0..2 {
            assert(place.command(&["translate", "run", "data/testA", "--styles", "2", "--size", "32x32"])).success();
        }
        assert_eq!(pictures(&place.path("data/testA")).len(), 9, "{name}");
    }
}

#[test]
fn styles_that_cannot_be() {
    let place = Place::new();
    trained(&place, "run", "munit");
    place.trained("ours", &[]);
    let translate = |generator: &str, more: &[&str]| {
        place.command(&[&["translate", generator, "data/testA", "--out", "x"], more].concat())
    };
    for option in [&["--styles", "2"][..], &["--mean-style"], &["--reference", "data/testB/0.png"]] {
        refuses(translate("ours", option), &[option[0], "one translation of each picture; MUNIT and DRIT have styles"]);
    }
    fs::write(place.path("broken.png"), b"no picture").unwrap();
    refuses(translate("run", &["--reference", "broken.png"]), &["--reference", "broken.png"]);
    refuses(translate("run", &["--reference", "gone.png"]), &["--reference", "gone.png"]);
    picture(1, Season::Summer).thumbnail_exact(20, 20).save(place.path("small.png")).unwrap();
    // The picture whose style is taken stays.
    fs::copy(place.path("data/testB/0.png"), place.path("data/testB/kept.png")).unwrap();
    fs::create_dir(place.path("styles")).unwrap();
    fs::copy(place.path("data/testB/0.png"), place.path("styles/0.png")).unwrap();
    let over = ["translate", "run", "data/testA", "--out", "styles", "--reference", "styles/0.png", "--size", "32x32"];
    refuses(place.command(&over), &["styles/0.png: a translation would replace this picture", "--reference"]);
    let kept = fs::read(place.path("data/testB/kept.png")).unwrap();
    assert_eq!(fs::read(place.path("styles/0.png")).unwrap(), kept);
    let own = ["--reference", "small.png", "--size", "own"];
    refuses(translate("run", &own), &["small.png as 20 x 20", "at least 32"]);
    refuses(translate("run", &["--size", "16x16"]), &["16 x 16", "at least 32"]);
    let settings = |keys: &[&str]| place.train("x", &[method("munit"), sets(keys)].concat());
    refuses(settings(&["data.image_size=16", "data.load_size=16"]), &["`data.image_size`", "at least 32"]);
    refuses(settings(&["model.scales=5"]), &["`data.image_size`: the discriminator", "at least"]);
    refuses(
        settings(&["model.generator=resnet"]),
        &["`model.generator`", "`munit` and `unit` go with `method: munit`"],
    );
    refuses(settings(&["loss.lambda_vgg=1"]), &["`loss.vgg_weights`"]);
    let drit = |keys: &[&str]| place.train("x", &[method("drit"), sets(keys)].concat());
    refuses(drit(&["train.batch_size=1"]), &["`train.batch_size`", "at least 2"]);
    refuses(
        drit(&["model.content_layers=3"]),
        &["`data.image_size`: 32; the discriminator of contents needs at least"],
    );
    let distancegan = place.train("x", &[method("distancegan"), sets(&["train.batch_size=1"])].concat());
    refuses(distancegan, &["`train.batch_size`", "`loss.distance: halves`"]);
    refuses(
        place.train("x", &[method("negcut"), sets(&["loss.num_patches=7"])].concat()),
        &["`loss.num_patches`", "even"],
    );
    assert!(!place.path("x").exists());
}

trait Thumbnail {
    fn thumbnail_exact(&self, width: u32, height: u32) -> image::RgbImage;
}

impl Thumbnail for image::RgbImage {
    fn thumbnail_exact(&self, width: u32, height: u32) -> image::RgbImage {
        image::imageops::thumbnail(self, width, height)
    }
}

fn write(path: &Path, tensors: StateDict) {
    save(path, &tensors, &BTreeMap::new()).unwrap();
}

/// Files with the keys of the published ones are told apart, and translate as the networks they hold.
#[test]
fn published_files_are_told_apart() {
    let place = Place::new();
    for name in ["munit", "unit", "drit"] {
        trained(&place, name, name);
        let file = format!("{name}.safetensors");
        assert(place.command(&["export", name, "--out", &file])).success();
        let whole = load_any(place.path(&file)).unwrap();
        let published: StateDict = match name {
            // Everything of a run, optimisers included.
            "drit" => {
                let more = [("disA.Diss.0.0.model.1.weight", 4), ("disA_opt.state.0.exp_avg", 4), ("total_it", 1)];
                let more = more.map(|(key, n)| (key.to_owned(), Tensor::zeros([n], (Kind::Float, Device::Cpu))));
                whole.into_iter().chain(more).collect()
            }
            _ => whole.into_iter().map(|(key, t)| (key.strip_prefix("gen_").unwrap().to_owned(), t)).collect(),
        };
        write(&place.path("published.safetensors"), published);
        // Random styles are of the run's seed, which a file does not know.
        let style: &[&str] = if name == "unit" { &[] } else { &["--mean-style"] };
        let of_run = translated(&place, name, "a", style);
        assert!(translated(&place, "published.safetensors", "b", style) == of_run, "{name}");
    }

    let generator = |model: serde_json::Value| -> StateDict {
        let config = json!({"name": "x", "method": "cut", "data": {"root": "."}, "model": model});
        let config: Config = serde_json::from_value(config).unwrap();
        new_generator(&config, Device::Cpu).unwrap().state()
    };
    // Old instance norms kept statistics that nothing used.
    let mut old = generator(json!({
        "ngf": 4, "blocks": 2, "antialias": false, "antialias_up": false, "border": "zero", "norm": "instance-affine",
    }));
    old.insert("model.1.running_mean".into(), Tensor::zeros([4], (Kind::Float, Device::Cpu)));
    write(&place.path("distancegan.safetensors"), old);
    let gcgan = generator(json!({"ngf": 4, "blocks": 2, "antialias": false, "antialias_up": false}));
    // With dropout, as GcGAN's are published for horses.
    let gcgan = gcgan.into_iter().map(|(key, t)| (key.replace("conv_block.5", "conv_block.6"), t)).collect();
    write(&place.path("gcgan.safetensors"), gcgan);
    for file in ["distancegan.safetensors", "gcgan.safetensors"] {
        assert_eq!(translated(&place, file, file.split('.').next().unwrap(), &[]).len(), 3);
    }

    // Other networks of these methods are named.
    let checkpoint = place.last_checkpoint("munit");
    let named = |file: &Path, what: &str| {
        refuses(place.command(&["translate", file.to_str().unwrap(), "data/testA", "--out", "x"]), &[what]);
    };
    named(&checkpoint.join("net_D_A.safetensors"), "it looks like a discriminator of MUNIT");
    named(&place.last_checkpoint("drit").join("net_D_A.safetensors"), "it looks like a discriminator of DRIT");
    let wrong = place.command(&["translate", "munit.safetensors", "data/testA", "--out", "x", "--config", "tiny.yaml"]);
    refuses(wrong, &["munit.safetensors, which looks like a pair of auto-encoders of MUNIT"]);

    // So is what a file lacks.
    for (name, part, lacks) in [
        ("munit", "gen_a.", "auto-encoders of MUNIT or UNIT without `gen_a.*`"),
        ("munit", "gen_b.", "auto-encoders of MUNIT or UNIT without `gen_b.*`"),
        ("munit", "gen_a.dec.model.0.", "without residual blocks, `gen_a.dec.model.0.model.*`"),
        ("munit", "gen_b.dec.", "gen_b.dec."),
        ("drit", "enc_c.", "a checkpoint of DRIT without `enc_c.*`"),
        ("drit", "enc_a.", "a checkpoint of DRIT without `enc_a.*`"),
        ("drit", "gen.", "a checkpoint of DRIT without `gen.*`"),
        ("drit", "gen.decA1.", "gen.decA1."),
    ] {
        let mut tensors = load_any(place.path(&format!("{name}.safetensors"))).unwrap();
        let held = tensors.len();
        tensors.retain(|key, _| !key.starts_with(part));
        assert!(tensors.len() < held, "{name} has no {part}");
        write(&place.path("part.safetensors"), tensors);
        named(Path::new("part.safetensors"), lacks);
    }
}
