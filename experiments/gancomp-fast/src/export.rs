//! The sub-network that was found, as files to use: weights under the published keys, and ONNX.

use crate::config::Config;
use crate::folders::Folders;
use crate::generators::{Chosen, Opened, Which, open};
use crate::onnx::{self, OnnxGenerator};
use anyhow::{Context, Result, ensure};
use ndarray::Array3;
use prost::Message;
use semrel_nn::checkpoint::save;
use semrel_run::Checked;
use semrel_run::work::{ExportSummary, Work};
use semrel_train::passes::Generator;
use semrel_train::{atomic, summary};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;
use tch::{Device, Kind, Tensor, no_grad};

/// Name of the weights' file.
pub const WEIGHTS: &str = "generator.safetensors";

/// Name of the ONNX file.
pub const ONNX: &str = "generator.onnx";

/// Key of the metadata that tell the width and height of the row's pictures, such as `256x256`.
pub const SIZE: &str = "size";

/// Largest difference to libtorch's output that an ONNX file may have.
const TOLERANCE: f64 = 1e-3;

/// What to export, and where to.
#[derive(Debug, Clone)]
pub struct ExportOptions {
    /// Where the stages lie.
    pub folders: Folders,
    /// Which generator.
    pub which: Which,
    /// The configuration of a distilled one; `None` for the search's winner.
    pub chosen: Option<Chosen>,
    /// Folder of the files.
    pub out: PathBuf,
    /// Threads of arithmetic, for the summary.
    pub threads: usize,
}

/// Writes [`WEIGHTS`] and [`ONNX`] to a folder, runs the ONNX file once beside the network, and says in `summary.json` what
/// they hold.
///
/// # Errors
/// As [`open`]; files that cannot be written; an ONNX file that computes something else.
pub fn export(config: &Checked<Config>, options: &ExportOptions) -> Result<PathBuf> {
    let began = Instant::now();
    let opened = open(config, &options.folders, options.which, options.chosen, Device::Cpu)?;
    let out = &options.out;
    fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    let size = config.test_size();
    let (parameters, macs) = (opened.generator.numel(), opened.macs(size)?);
    let Opened { generator, channels, step, .. } = opened;
    let mut about = BTreeMap::from([
        ("name".to_owned(), config.name.clone()),
        ("of".to_owned(), options.which.to_string()),
        ("step".to_owned(), step.to_string()),
        (SIZE.to_owned(), format!("{}x{}", size.0, size.1)),
    ]);
    if let Some(channels) = channels {
        about.insert("channels".to_owned(), channels.to_string());
    }
    let state = generator.state();
    let (weights, path) = (out.join(WEIGHTS), out.join(ONNX));
    let model = onnx::model(&state, &about)?;
    let difference = difference(&OnnxGenerator::of_proto(&model, &path)?, &generator)?;
    // As in a comparison with NaN, what cannot be compared is too far away.
    let close = difference <= TOLERANCE;
    ensure!(
        close,
        "{}: its output would differ from the network's by {difference} (at most {TOLERANCE} may be); nothing is written",
        path.display()
    );
    // Only with the summary are the files of one network.
    atomic::remove(&out.join(summary::FILE))?;
    save(&weights, &state, &about)?;
    atomic::write(&path, &model.encode_to_vec())?;
    summary::write(
        out,
        &ExportSummary {
            name: config.name.clone(),
            stage: "export".to_owned(),
            of: options.which.to_string(),
            channels: channels.map(|channels| channels.to_string()),
            step,
            parameters: parameters as u64,
            macs,
            size,
            files: [WEIGHTS, ONNX].map(str::to_owned).to_vec(),
            bytes: vec![fs::metadata(weights)?.len(), fs::metadata(path)?.len()],
            onnx_opset: onnx::graph::OPSET,
            onnx_largest_difference: difference,
            work: Work {
                seconds: began.elapsed().as_secs_f64(),
                threads: options.threads as u64,
                device: "Cpu".to_owned(),
            },
        },
    )?;
    Ok(out.clone())
}

/// Largest difference of the two networks' outputs for an image of another size than the tests' usual one; infinite where
/// they have different sizes, NaN where a value is none.
fn difference(exported: &OnnxGenerator, generator: &Generator) -> Result<f64> {
    let (height, width) = (64, 96);
    let image = Tensor::linspace(-1.2, 1.2, 3 * height * width, (Kind::Float, Device::Cpu)).view([1, 3, height, width]);
    let image = (image * 40.0).sin() * 1.1;
    let want = no_grad(|| generator.forward(&image));
    let got = exported.run(array(&image)?.view())?;
    let want = array(&want)?;
    if got.dim() != want.dim() {
        return Ok(f64::INFINITY);
    }
    let differences = got.iter().zip(&want).map(|(a, b)| f64::from((a - b).abs()));
    Ok(differences.fold(0.0, |largest, d| if d > largest || d.is_nan() { d } else { largest }))
}

/// An image `[1, C, H, W]` as an array.
pub(crate) fn array(image: &Tensor) -> Result<Array3<f32>> {
    let size: Vec<usize> = image.size().iter().map(|&d| d as usize).collect();
    let &[1, channels, height, width] = size.as_slice() else { anyhow::bail!("one image, not {size:?}") };
    let numbers: Vec<f32> = Vec::try_from(image.to_device(Device::Cpu).reshape([-1]))?;
    Ok(Array3::from_shape_vec((channels, height, width), numbers)?)
}
