//! Starts the program on small pictures made here.

use assert_cmd::Command;
use image::{Rgb, RgbImage};
use rand::RngExt;
use semrel_data::rng::stream;
use semrel_metrics::weights::{EFFICIENTNET_LITE0, EFFICIENTNET_LITE2};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use zip::write::SimpleFileOptions;

pub fn metrics(args: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("semrel-metrics"));
    // Tests run side by side.
    command.args(args).env("OMP_NUM_THREADS", "1").env("SEMREL_WEIGHTS", default_weights());
    command
}

/// A folder of the weights that every setup has and of no others, which would change what is taken by default.
pub fn default_weights() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("default-weights");
        fs::create_dir_all(&folder).unwrap();
        for weights in [EFFICIENTNET_LITE0, EFFICIENTNET_LITE2] {
            if weights.locate_in(folder.clone()).is_err() {
                let file = weights.locate().expect("`cargo xtask setup` fetches the weights");
                fs::copy(file, folder.join(weights.file)).unwrap();
            }
        }
        folder
    })
}

/// Runs with `--json`.
pub fn json(args: &[&str]) -> Value {
    let output = metrics(args).args(["--json", "--quiet"]).assert().success().stderr("").get_output().stdout.clone();
    serde_json::from_slice(&output).unwrap()
}

/// Blotches around a colour.
pub fn picture(seed: u64, hue: [u8; 3]) -> RgbImage {
    let mut rng = stream(seed, "picture", 0);
    let small = RgbImage::from_fn(6, 5, |_, _| Rgb(hue.map(|v| v.saturating_add(rng.random_range(0..60)))));
    image::imageops::resize(&small, 48, 40, image::imageops::FilterType::Triangle)
}

/// A folder of pictures.
pub struct Place(pub tempfile::TempDir);

impl Place {
    /// Folders `red` and `blue` of six pictures.
    pub fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for (set, hue) in [("red", [190, 20, 20]), ("blue", [20, 20, 190])] {
            for i in 0..6 {
                place.save(&format!("{set}/{i}.png"), &picture(i, hue));
            }
        }
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub fn save(&self, name: &str, picture: &RgbImage) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        picture.save(self.path(name)).unwrap();
    }

    /// A zip of a folder's pictures; `broken` is the number of the one that is damaged.
    pub fn zip(&self, name: &str, folder: &str, broken: Option<usize>) -> String {
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
    pub fn other_weights(&self) -> String {
        let state = semrel_nn::checkpoint::load_any(default_weights().join(EFFICIENTNET_LITE0.file)).unwrap();
        semrel_nn::checkpoint::save(self.path("other.safetensors"), &state, &BTreeMap::new()).unwrap();
        self.text("other.safetensors")
    }

    /// An archive of arrays: their names, shapes and values.
    pub fn npz(&self, name: &str, arrays: &[(&str, &[usize], f64)]) -> String {
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

pub fn value(report: &Value) -> f64 {
    report["values"][0]["value"].as_f64().unwrap()
}
