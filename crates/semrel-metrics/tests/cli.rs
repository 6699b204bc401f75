//! The command line, on small pictures made here and, where they are at hand, on real photographs.

use assert_cmd::Command;
use image::{Rgb, RgbImage};
use predicates::prelude::*;
use predicates::str::contains;
use rand::RngExt;
use semrel_data::rng::stream;
use semrel_metrics::weights::{self, EFFICIENTNET_LITE0};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tch::Tensor;
use zip::write::SimpleFileOptions;

fn metrics(args: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("semrel-metrics"));
    // Tests run side by side.
    command.args(args).env("OMP_NUM_THREADS", "1").env("SEMREL_WEIGHTS", default_weights());
    command
}

/// A folder of the weights that every setup has and of no others, which would change what is taken by default.
fn default_weights() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("default-weights");
        let place = folder.join(EFFICIENTNET_LITE0.file);
        if EFFICIENTNET_LITE0.locate_in(folder.clone()).is_err() {
            let file = EFFICIENTNET_LITE0.locate().expect("`cargo xtask setup` fetches the weights");
            fs::create_dir_all(&folder).unwrap();
            fs::copy(file, place).unwrap();
        }
        folder
    })
}

/// Runs with `--json`.
fn json(args: &[&str]) -> Value {
    let output = metrics(args).args(["--json", "--quiet"]).assert().success().stderr("").get_output().stdout.clone();
    serde_json::from_slice(&output).unwrap()
}

/// Blotches around a colour.
fn picture(seed: u64, hue: [u8; 3]) -> RgbImage {
    let mut rng = stream(seed, "picture", 0);
    let small = RgbImage::from_fn(6, 5, |_, _| Rgb(hue.map(|v| v.saturating_add(rng.random_range(0..60)))));
    image::imageops::resize(&small, 48, 40, image::imageops::FilterType::Triangle)
}

struct Place(tempfile::TempDir);

impl Place {
    /// Folders `red` and `blue` of six pictures.
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for (set, hue) in [("red", [190, 20, 20]), ("blue", [20, 20, 190])] {
            for i in 0..6 {
                place.save(&format!("{set}/{i}.png"), &picture(i, hue));
            }
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn save(&self, name: &str, picture: &RgbImage) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        picture.save(self.path(name)).unwrap();
    }

    /// A zip of a folder's pictures; `broken` is the number of the one that is damaged.
    fn zip(&self, name: &str, folder: &str, broken: Option<usize>) -> String {
        let mut writer = zip::ZipWriter::new(File::create(self.path(name)).unwrap());
        let mut files: Vec<_> = fs::read_dir(self.path(folder)).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        for (i, file) in files.iter().enumerate() {
            let name = file.file_name().unwrap().to_str().unwrap();
            writer.start_file(name, SimpleFileOptions::default()).unwrap();
            let bytes = fs::read(file).unwrap();
            let keep = if broken == Some(i) { bytes.len() / 2 } else { bytes.len() };
            writer.write_all(&bytes[..keep]).unwrap();
        }
        writer.finish().unwrap();
        self.text(name)
    }

    /// Weights of EfficientNet-Lite0 that are not the published file.
    fn other_weights(&self) -> String {
        let state = semrel_nn::checkpoint::load_any(default_weights().join(EFFICIENTNET_LITE0.file)).unwrap();
        semrel_nn::checkpoint::save(self.path("other.safetensors"), &state, &BTreeMap::new()).unwrap();
        self.text("other.safetensors")
    }

    /// An archive of arrays: their names, shapes and values.
    fn npz(&self, name: &str, arrays: &[(&str, &[usize], f64)]) -> String {
        let mut writer = zip::ZipWriter::new(File::create(self.path(name)).unwrap());
        for (array, shape, value) in arrays {
            let mut bytes = vec![];
            let array_data = ndarray::ArrayD::from_elem(ndarray::IxDyn(shape), *value);
            ndarray_npy::WriteNpyExt::write_npy(&array_data, &mut bytes).unwrap();
            writer.start_file(format!("{array}.npy"), SimpleFileOptions::default()).unwrap();
            writer.write_all(&bytes).unwrap();
        }
        writer.finish().unwrap();
        self.text(name)
    }
}

fn value(report: &Value) -> f64 {
    report["values"][0]["value"].as_f64().unwrap()
}

#[test]
fn one_distance_says_what_it_is_of() {
    let place = Place::new();
    let (red, blue) = (place.text("red"), place.text("blue"));
    let said = contains("FD(effnet-lite0)  ")
        .and(contains("effnet-lite0, 1280 features"))
        .and(contains("by default, since those of inception-fid are not in the weights folder"))
        .and(contains("Pillow bicubic, 8-bit, to 224 x 224"))
        .and(contains(format!("reference  {red}: 6 pictures, png")))
        .and(contains(format!("{blue}: 6 pictures, png")))
        .and(contains("fewer pictures than features"));
    metrics(&["fid", &red, &blue]).assert().success().stdout(said).stderr(contains("blue 6/6 (100%)"));
    let report = json(&["fid", &red, &blue]);
    assert_eq!(report["score"], "FD(effnet-lite0)");
    assert_eq!(report["sets"][0]["formats"]["png"], 6);
    assert!(value(&report) > 5.0, "{report}");
    assert!((value(&report) - value(&json(&["fid", &blue, &red]))).abs() < 1e-6);
}

#[test]
fn several_sets_make_a_table_with_zeros_on_its_diagonal() {
    let place = Place::new();
    let sets = ["red", "blue", "red"].map(|set| place.text(set));
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let args = [&["fid"], &sets[..]].concat();
    let report = json(&args);
    assert_eq!(report["against"], "all");
    for value in report["values"].as_array().unwrap() {
        let distance = value["value"].as_f64().unwrap();
        if value["set"] == value["reference"] {
            assert!(distance.abs() < 1e-3, "{value}");
        } else {
            assert!(distance > 5.0, "{value}");
        }
    }
    metrics(&args).assert().success().stdout(contains("blue").and(contains("0.000")));
    let first = json(&[&args[..], &["--against", "first"]].concat());
    assert_eq!(first["values"].as_array().unwrap().len(), 2);
}

#[test]
fn folder_zip_list_and_statistics_give_one_number() {
    let place = Place::new();
    let (red, blue, stats) = (place.text("red"), place.text("blue"), place.text("red.npz"));
    let expected = value(&json(&["fid", &red, &blue]));
    let zip = place.zip("red.zip", "red", None);
    let list: String = (0..6).map(|i| format!("red/{i}.png\n")).collect();
    fs::write(place.path("red.txt"), list).unwrap();
    metrics(&["stats", &red, "-o", &stats]).assert().success().stdout(contains("red.npz").and(contains("6 pictures")));
    for other in [&zip, &place.text("red.txt"), &stats] {
        let got = value(&json(&["fid", other, &blue]));
        assert!((got - expected).abs() < 1e-4 * expected, "{other}: {got} {expected}");
    }
    let refused = contains("exists already").and(contains("--overwrite"));
    metrics(&["stats", &red, "-o", &stats]).assert().code(1).stderr(refused);
    metrics(&["stats", &red, "-o", &stats, "--overwrite", "--threads", "1"]).assert().success();
    assert_eq!(fs::read_dir(place.0.path()).unwrap().count(), 5, "no temporary file stays");
    metrics(&["stats", &red, "-o", &place.text("none/a.npz")]).assert().code(1).stderr(contains("no such folder"));
    metrics(&["kid", &stats, &blue]).assert().code(1).stderr(contains("red.npz").and(contains("pictures are needed")));
}

#[test]
fn wrong_sets_are_named() {
    let place = Place::new();
    let red = place.text("red");
    let fails = |set: &str, words: &str| {
        for command in ["fid", "kid"] {
            let named = contains(set).and(contains(words));
            metrics(&[command, &red, set, "--quiet"]).assert().code(1).stdout("").stderr(named);
        }
    };
    place.save("one/0.png", &picture(1, [9; 3]));
    fails(&place.text("one"), "1 picture; at least 2");
    fs::create_dir(place.path("none")).unwrap();
    fails(&place.text("none"), "no images");
    fails(&place.text("missing"), "cannot be read");
    place.save("mixed/0.png", &picture(1, [9; 3]));
    let whole = fs::read(place.path("mixed/0.png")).unwrap();
    fs::write(place.path("mixed/1.png"), &whole[..whole.len() / 2]).unwrap();
    fails(&place.text("mixed"), "1.png: truncated or corrupt");
    fails(&place.zip("broken.zip", "red", Some(3)), "broken.zip/3.png: truncated or corrupt");
    fs::write(place.path("list.txt"), "red/0.png\nred/7.png\n").unwrap();
    fails(&place.text("list.txt"), "line 2");
    metrics(&["fid", &red]).assert().code(2).stderr(contains("1 set(s) given; expected 2 or more"));
    metrics(&["fid", &red, &red, "--extractor", "vgg"]).assert().code(2).stderr(contains("effnet-lite0"));
    metrics(&["fid", &red, &red, "--resize", "opencv"]).assert().code(2).stderr(contains("pillow, torch, clean"));
    metrics(&["fid", &red, &red, "--device", "tpu"]).assert().code(1).stderr(contains("unknown device `tpu`"));
}

#[test]
fn wrong_statistics_are_named() {
    let place = Place::new();
    let red = place.text("red");
    let fails = |file: &str, words: &str| {
        let named = contains(file).and(contains(words));
        metrics(&["fid", &red, file, "--quiet"]).assert().code(1).stdout("").stderr(named);
    };
    fails(&place.npz("nan.npz", &[("mu", &[4], f64::NAN), ("sigma", &[4, 4], 0.0)]), "4 values that are NaN");
    let other = place.npz("other.npz", &[("mu", &[4], 0.0), ("sigma", &[4, 4], 0.0)]);
    fails(&other, "of 4 and of 1280 dimensions");
    fails(&place.npz("shape.npz", &[("mu", &[4], 0.0), ("sigma", &[4, 3], 0.0)]), "covariance");
    fails(&place.npz("half.npz", &[("mu", &[4], 0.0)]), "no array sigma");
    fails(&place.npz("hollow.npz", &[("mu", &[0], 0.0), ("sigma", &[0, 0], 0.0)]), "[d] with d > 0");
    fails(&place.npz("huge.npz", &[("mu", &[4], 1e200), ("sigma", &[4, 4], 0.0)]), "values up to 1e200");
    for (count, words) in [(-5.0, "n: -5; expected"), (f64::NAN, "n: NaN; expected"), (0.5, "n: 0.5; expected")] {
        fails(&place.npz("n.npz", &[("mu", &[1], 0.0), ("sigma", &[1, 1], 1.0), ("n", &[], count)]), words);
    }
    fs::write(place.path("text.npz"), "no archive").unwrap();
    fails(&place.text("text.npz"), "not an .npz");
}

#[test]
fn missing_weights_say_how_to_get_them() {
    let place = Place::new();
    let red = place.text("red");
    let advice = contains("cargo xtask weights fetch effnet-lite0").and(contains("weights import effnet-lite0 FILE"));
    metrics(&["fid", &red, &red]).env("SEMREL_WEIGHTS", place.path("empty")).assert().code(1).stderr(advice);
    // Statistics alone need no network.
    let stats = place.npz("a.npz", &[("mu", &[2], 1.0), ("sigma", &[2, 2], 0.0)]);
    let zero = place.npz("b.npz", &[("mu", &[2], 0.0), ("sigma", &[2, 2], 0.0)]);
    let shown = contains("FD  2.0000").and(contains("unknown number of pictures")).and(contains("not recorded"));
    metrics(&["fid", &stats, &zero]).env("SEMREL_WEIGHTS", place.path("empty")).assert().success().stdout(shown);
}

#[test]
fn another_resize_is_another_score() {
    let place = Place::new();
    let (red, blue) = (place.text("red"), place.text("blue"));
    let own = json(&["fid", &red, &blue]);
    assert_eq!(own, json(&["fid", &red, &blue, "--resize", "pillow"]));
    for (how, words) in [("torch", "torch bilinear"), ("clean", "clean-fid")] {
        let other = json(&["fid", &red, &blue, "--resize", how]);
        assert_eq!(other["score"], format!("FD(effnet-lite0, {how})"));
        assert!(other["resize"].as_str().unwrap().contains(words), "{other}");
        assert!((value(&other) - value(&own)).abs() > 1e-3);
    }
}

#[test]
fn networks_without_weights_say_how_to_get_them() {
    let place = Place::new();
    let (red, blue) = (place.text("red"), place.text("blue"));
    let fails = |args: &[&str], words: &str| {
        let mut command = metrics(args);
        command.env("SEMREL_WEIGHTS", place.path("empty")).assert().code(1).stdout("").stderr(contains(words));
    };
    for name in ["inception-fid", "inception-torchvision"] {
        fails(&["fid", &red, &blue, "--extractor", name], &format!("cargo xtask weights fetch {name}"));
    }
    fails(&["lpips", &red, &blue, "--extractor", "lpips-alex"], "cargo xtask weights fetch alexnet");
    fails(&["lpips", &red, &blue, "--extractor", "lpips-alex", "--resize", "clean"], "own size");
    let missing = ["fid", &red, &blue, "--weights", &place.text("none.pth")];
    let once = predicate::function(|text: &str| text.matches("No such file").count() == 1);
    metrics(&missing).assert().code(1).stderr(contains("none.pth").and(once));
    fs::write(place.path("w.pth"), "no weights").unwrap();
    fails(&["fid", &red, &blue, "--extractor", "inception-fid", "--weights", &place.text("w.pth")], "w.pth");
}

#[test]
fn weights_of_ones_own_are_named() {
    let place = Place::new();
    let (red, blue, other) = (place.text("red"), place.text("blue"), place.other_weights());
    let digest = weights::sha256(Path::new(&other)).unwrap();
    let named = format!("effnet-lite0, other.safetensors {}", &digest[..8]);
    let own = ["--weights", &other];
    let weights = json!([{ "file": other, "sha256": digest, "published": false }]);
    let report = json(&[&["fid", &red, &blue][..], &own].concat());
    assert_eq!((&report["score"], &report["weights"]), (&format!("FD({named})").into(), &weights));
    let published = json(&["fid", &red, &blue]);
    assert_eq!(report["values"], published["values"], "the same numbers in another file");
    assert_eq!(
        (&published["score"], &published["weights"][0]["published"]),
        (&"FD(effnet-lite0)".into(), &true.into())
    );
    let kernel = json(&[&["kid", &red, &blue, "--resize", "clean"][..], &own].concat());
    assert_eq!((&kernel["score"], &kernel["weights"]), (&format!("KD({named}, clean)").into(), &weights));
    let perceptual = json(&[&["lpips", &red, &blue][..], &own].concat());
    assert_eq!((&perceptual["score"], &perceptual["weights"]), (&format!("PD({named})").into(), &weights));
    let stats = json(&[&["stats", &red, "-o", &place.text("red.npz")][..], &own].concat());
    assert_eq!((&stats["extractor"], &stats["weights"]), (&named.clone().into(), &weights));
    let shown = contains(format!("FD({named})  "))
        .and(contains(format!("other.safetensors, SHA-256 {}…: not the published file", &digest[..8])))
        .and(contains("chosen"));
    metrics(&[&["fid", &red, &blue][..], &own].concat()).assert().success().stdout(shown);
    let shown = contains("57934424…: the published file of effnet-lite0");
    metrics(&["stats", &red, "-o", &place.text("blue.npz")]).assert().success().stdout(shown);
}

#[test]
fn options_may_stand_between_sets() {
    let place = Place::new();
    let (red, blue) = (place.text("red"), place.text("blue"));
    for command in ["fid", "kid", "lpips"] {
        let report = json(&[command, &red, "--threads", "1", &blue]);
        assert_eq!(report["sets"][1]["path"], blue, "{report}");
        assert_eq!(report["sets"].as_array().unwrap().len(), 2);
    }
    metrics(&["lpips", &red, &blue, &red]).assert().code(2).stderr(contains("3 set(s) given; expected 2"));
}

#[test]
fn kernel_distance_has_a_deviation_over_subsets() {
    let place = Place::new();
    let (red, blue) = (place.text("red"), place.text("blue"));
    let args = ["kid", &red, &blue, "--subsets", "20", "--subset-size", "4"];
    let report = json(&args);
    let first = &report["values"][0];
    assert!(first["mean"].as_f64().unwrap() > 0.01 && first["std"].as_f64().unwrap() > 0.0, "{report}");
    assert_eq!((&first["subset_size"], &report["score"]), (&4.into(), &"KD(effnet-lite0)".into()));
    assert_eq!(report, json(&args), "the seed decides");
    assert_ne!(report["values"], json(&[&args[..], &["--seed", "1"]].concat())["values"]);
    let same = json(&["kid", &red, &red]);
    assert!(same["values"][0]["mean"].as_f64().unwrap() < 0.0, "unbiased: a set against itself is below zero");
    metrics(&["kid", &red, &blue, &red]).assert().success().stdout(contains("±").and(contains("100 of 6 pictures")));
    metrics(&["kid", &red, &blue, "--subset-size", "1"]).assert().code(2);
}

#[test]
fn perceptual_distance_pairs_by_name() {
    let place = Place::new();
    for i in 0..6 {
        place.save(&format!("copy/{i}.bmp"), &picture(i, [190, 20, 20]));
    }
    let (red, blue, copy) = (place.text("red"), place.text("blue"), place.text("copy"));
    let same = json(&["lpips", &red, &copy]);
    assert_eq!((&same["score"], &same["mean"]), (&"PD(effnet-lite0)".into(), &0.0.into()));
    let report = json(&["lpips", &red, &blue]);
    let pairs = report["pairs"].as_array().unwrap();
    assert_eq!((pairs.len(), &pairs[2]["name"]), (6, &"2.png".into()));
    let mean = pairs.iter().map(|pair| pair["value"].as_f64().unwrap()).sum::<f64>() / 6.0;
    assert!(mean > 0.05 && (mean - report["mean"].as_f64().unwrap()).abs() < 1e-12, "{report}");
    fs::remove_file(place.path("copy/3.bmp")).unwrap();
    let refused = contains("red: 1 of its pictures have no counterpart").and(contains("3")).and(contains("--common"));
    metrics(&["lpips", &red, &copy]).assert().code(1).stdout("").stderr(refused);
    metrics(&["lpips", &red, &copy, "--common"])
        .assert()
        .success()
        .stdout(contains("1 pictures that only one side has"));
    metrics(&["lpips", &red]).assert().code(2);
    metrics(&["lpips", &red, &blue, "--pairwise", &red]).assert().code(2);
}

/// Made-up weights of LPIPS under the keys of the lpips package, trunk and heads in one file.
fn lpips_weights(path: &Path) {
    let mut state = BTreeMap::new();
    let mut rng = stream(1, "weights", 0);
    let mut add = |key: String, size: &[i64], scale: f32| {
        // Heads are not negative.
        let least = if size[0] == 1 { 0.0 } else { -scale / 2.0 };
        let values: Vec<f32> = (0..size.iter().product()).map(|_| least + rng.random::<f32>() * scale).collect();
        state.insert(key, Tensor::from_slice(&values).view(size));
    };
    let trunk =
        [("1.0", 64, 3, 11), ("2.3", 192, 64, 5), ("3.6", 384, 192, 3), ("4.8", 256, 384, 3), ("5.10", 256, 256, 3)];
    for (i, (key, out, inputs, kernel)) in trunk.into_iter().enumerate() {
        add(format!("net.slice{key}.weight"), &[out, inputs, kernel, kernel], 0.2);
        add(format!("net.slice{key}.bias"), &[out], 0.1);
        add(format!("lins.{i}.model.1.weight"), &[1, out, 1, 1], 1.0);
    }
    semrel_nn::checkpoint::save(path, &state, &BTreeMap::new()).unwrap();
}

#[test]
fn lpips_compares_at_the_pictures_own_size() {
    let place = Place::new();
    lpips_weights(&place.path("lpips.safetensors"));
    let weights = place.text("lpips.safetensors");
    let (red, blue) = (place.text("red"), place.text("blue"));
    let lpips = |args: &[&str]| json(&[&["lpips", "--extractor", "lpips-alex", "--weights", &weights], args].concat());
    let report = lpips(&[&red, &blue]);
    let digest = weights::sha256(Path::new(&weights)).unwrap();
    let named = format!("PD(lpips-alex, lpips.safetensors {})", &digest[..8]);
    assert_eq!((&report["score"], &report["resize"]), (&named.into(), &"none: pictures at their own size".into()));
    assert_eq!(report["weights"], json!([{ "file": weights, "sha256": digest, "published": false }]));
    let refused = contains("lpips.safetensors: looks like the weights of LPIPS").and(contains("--extractor"));
    metrics(&["fid", &red, &blue, "--weights", &weights]).assert().code(1).stderr(refused);
    let told = json(&["lpips", &red, &blue, "--weights", &weights]);
    assert_eq!((&told["score"], &told["mean"]), (&report["score"], &report["mean"]));
    assert!(told["chosen"].as_str().unwrap().contains("--weights"), "{told}");
    assert!(report["mean"].as_f64().unwrap() > 0.0, "{report}");
    assert_eq!(lpips(&[&red, &red])["mean"], 0.0);
    // All pairs of three outputs, each of at least 63 pixels.
    for i in 1..4 {
        let large = image::imageops::resize(&picture(i, [90; 3]), 70, 64, image::imageops::FilterType::Triangle);
        place.save(&format!("out/1_{i}.png"), &large);
        place.save(&format!("p/{i}.png"), &large);
        place.save(&format!("q/{}.png", i % 3 + 1), &large);
    }
    let (pairs, of_group) = (lpips(&[&place.text("p"), &place.text("q")]), lpips(&["--pairwise", &place.text("out")]));
    let (a, b) = (pairs["mean"].as_f64().unwrap(), of_group["mean"].as_f64().unwrap());
    assert!(a > 0.0 && (a - b).abs() < 1e-4 * a, "{a} {b}");
    place.save("other/0.png", &RgbImage::new(50, 50));
    let args = ["lpips", &red, &place.text("other"), "--common", "--extractor", "lpips-alex", "--weights", &weights];
    metrics(&args).assert().code(1).stderr(contains("other/0.png: 48 x 40 and 50 x 50 pixels"));
}

#[test]
fn diversity_is_the_mean_over_pairs_of_a_source() {
    let place = Place::new();
    for (task, source, output, seed) in [
        ("a2b", 1, 1, 1),
        ("a2b", 1, 2, 2),
        ("a2b", 1, 3, 3),
        ("a2b", 2, 1, 5),
        ("a2b", 2, 2, 5),
        ("b2a", 1, 1, 8),
        ("b2a", 1, 2, 9),
    ] {
        place.save(&format!("out/{task}/{source:04}_{output:02}.png"), &picture(seed, [100; 3]));
        place.save(&format!("folders/{task}/{source}/{output}.png"), &picture(seed, [100; 3]));
    }
    let report = json(&["lpips", "--pairwise", &place.text("out")]);
    assert_eq!(report["outputs_per_source"], serde_json::json!([2, 3]));
    let pair = |a: u64, b: u64| {
        for (set, seed) in [("p", a), ("q", b)] {
            place.save(&format!("{set}/x.png"), &picture(seed, [100; 3]));
        }
        json(&["lpips", &place.text("p"), &place.text("q")])["mean"].as_f64().unwrap()
    };
    let a2b = ((pair(1, 2) + pair(1, 3) + pair(2, 3)) / 3.0 + 0.0) / 2.0;
    let expected = (a2b + pair(8, 9)) / 2.0;
    let mean = report["mean"].as_f64().unwrap();
    assert!((mean - expected).abs() < 1e-5 * expected, "{mean} {expected}");
    let by_folder = json(&["lpips", "--pairwise", &place.text("folders"), "--group-by", "folder"]);
    assert_eq!(by_folder["mean"], report["mean"]);
    let shown = contains("2 to 3 of each of 3 sources").and(contains("b2a"));
    metrics(&["lpips", "--pairwise", &place.text("out")]).assert().success().stdout(shown);
    let refused = contains("SOURCE_NUMBER").and(contains("--group-by folder"));
    metrics(&["lpips", "--pairwise", &place.text("red")]).assert().code(1).stderr(refused);
}

#[test]
fn bench_prints_one_object() {
    let output =
        metrics(&["bench", "--pictures", "32", "--dimensions", "64"]).assert().success().get_output().stdout.clone();
    let report: Value = serde_json::from_slice(&output).unwrap();
    for key in ["decoded_per_second", "network_per_second", "files_per_second", "peak_memory_mib"] {
        assert!(report[key].as_f64().unwrap() > 0.0, "{report}");
    }
    assert_eq!(report["distances"][0]["pictures"], 500);
}

/// Real photographs in four domains, or `None`, saying so.
fn weather() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("SEMREL_DATA").map_or_else(beside, PathBuf::from).join("weather/train");
    if data.is_dir() {
        return Some(data);
    }
    eprintln!("SKIPPED: no photographs in {} (SEMREL_DATA names their folder)", data.display());
    None
}

#[test]
fn halves_of_a_domain_are_nearer_than_two_domains() {
    let Some(data) = weather() else { return };
    let place = Place::new();
    let half = |domain: &str, part: usize| {
        let mut files: Vec<_> = fs::read_dir(data.join(domain)).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        let list: String = files.iter().skip(part).step_by(2).take(70).map(|f| format!("{}\n", f.display())).collect();
        let name = format!("{domain}-{part}.txt");
        fs::write(place.path(&name), list).unwrap();
        place.text(&name)
    };
    let sets = ["rain", "shine"].map(|domain| [half(domain, 0), half(domain, 1)]).concat();
    let args: Vec<&str> = ["fid"].into_iter().chain(sets.iter().map(String::as_str)).collect();
    let report = json(&args);
    let of = |i: usize, j: usize| {
        let values = report["values"].as_array().unwrap();
        let found = values.iter().find(|v| v["set"] == sets[i] && v["reference"] == sets[j]).unwrap();
        found["value"].as_f64().unwrap()
    };
    assert!((0..4).all(|i| of(i, i).abs() < 1e-3), "{report}");
    let within = of(1, 0).max(of(3, 2));
    let between = [of(2, 0), of(3, 0), of(2, 1), of(3, 1)].into_iter().fold(f64::INFINITY, f64::min);
    assert!(within < between, "{within} {between}");
}

#[test]
fn intervals_hold_their_distance() {
    let place = Place::new();
    let (red, blue) = (place.text("red"), place.text("blue"));
    let args = ["fid", &red, &blue, "--bootstrap", "50"];
    let report = json(&args);
    let interval = &report["values"][0]["interval"];
    let of = |key: &str| interval[key].as_f64().unwrap();
    assert!(of("low") < value(&report) && value(&report) < of("high") && of("standard_error") > 0.0, "{report}");
    assert!((of("estimate") - value(&report)).abs() < 1e-6 * value(&report), "{report}");
    assert_eq!(report, json(&args));
    assert_ne!(report, json(&[&args[..], &["--seed", "1"]].concat()));
    let shown = contains("[").and(contains("95 %, centred, 50 resamples"));
    metrics(&["fid", &red, &blue, &red, "--bootstrap", "50"]).assert().success().stdout(shown);
    let of_kernel = json(&["kid", &red, &blue, "--bootstrap", "50"]);
    assert!(of_kernel["values"][0]["interval"]["low"].as_f64().unwrap() > 0.0, "{of_kernel}");
    let stats = place.npz("a.npz", &[("mu", &[2], 1.0), ("sigma", &[2, 2], 0.0)]);
    metrics(&["fid", &red, &stats, "--bootstrap", "50"]).assert().code(1).stderr(contains("a.npz"));
    metrics(&["fid", &red, &blue, "--bootstrap", "1"]).assert().code(2);
}
