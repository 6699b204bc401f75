//! Generators that were trained: by a run of this project, or published as a file.

use crate::average::AVERAGED;
use crate::config::{Config, GeneratorKind};
use crate::networks::{Generator, new_generator, new_heads};
use anyhow::{Context, Result, anyhow, bail, ensure};
use semrel_loss::patch_sampler::PatchSampler;
use semrel_nn::Net;
use semrel_nn::checkpoint::{StateDict, load_any};
use semrel_run::Checked;
use semrel_train::Checkpoints;
use semrel_train::parts::{PartsState, file_of, load_network};
use std::path::{Path, PathBuf};
use tch::{Device, Tensor};

/// A generator with what it was trained by.
pub struct TrainedRun {
    /// The run's configuration.
    pub config: Checked<Config>,
    /// From source to target.
    pub generator: Net<Generator>,
    /// Projection heads, where the run has them.
    pub heads: Option<Net<PatchSampler>>,
    /// Steps that the checkpoint has seen; 0 for a file.
    pub step: u64,
    /// The generator's file.
    pub file: PathBuf,
}

/// Opens a checkpoint (`last`, `best` or a step) of a run folder, or other `weights` in place of its generator's.
///
/// # Errors
/// A folder that is no run's, a checkpoint that is not there or damaged, weights that do not fit.
pub fn open_run(
    run_dir: &Path,
    checkpoint: &str,
    weights: Option<&Path>,
    overrides: &[String],
    device: Device,
) -> Result<TrainedRun> {
    let config: Checked<Config> = Checked::of_run(run_dir, overrides)?;
    let generator = new_generator(&config, device)?;
    if let Some(file) = weights {
        load_generator(&generator, file)?;
        return Ok(TrainedRun { config, generator, heads: None, step: 0, file: file.to_owned() });
    }
    let (checkpoints, step) = Checkpoints::of_run(run_dir, checkpoint)?;
    let path = checkpoints.path(step);
    let name = || path.display().to_string();
    let state: PartsState = serde_json::from_value(checkpoints.load_state(step)?).with_context(name)?;
    let trained = ["G", "G_A"]
        .into_iter()
        .find(|network| state.adam_steps.contains_key(*network))
        .with_context(|| format!("{}: it has no generator", path.display()))?;
    let network = if config.train.ema > 0.0 { AVERAGED } else { trained };
    load_network(network, &generator.state(), &checkpoints.load_file(step, &file_of(network))?).with_context(name)?;
    let heads = match state.adam_steps.contains_key("F") {
        true => {
            let heads = new_heads(&config, &generator)?;
            load_network("F", &heads.state(), &checkpoints.load_file(step, &file_of("F"))?).with_context(name)?;
            Some(heads)
        }
        false => None,
    };
    let file = checkpoints.file(step, &file_of(network));
    Ok(TrainedRun { config, generator, heads, step, file })
}

/// Loads a generator's file: ours, or a published `*_net_G.pth`.
///
/// # Errors
/// Names the file and what does not fit.
pub fn load_generator(generator: &Net<Generator>, file: &Path) -> Result<()> {
    let tensors = load_any(file)?;
    load_network("G", &generator.state(), &tensors).with_context(|| file.display().to_string())
}

/// A generator from its file alone; width, blocks and resampling of a residual generator follow from its keys and
/// shapes.
///
/// # Errors
/// A file of another network.
pub fn generator_of_file(file: &Path, device: Device) -> Result<Net<Generator>> {
    let tensors = load_any(file)?;
    let name = || file.display().to_string();
    let config = shape_of(&tensors).with_context(name)?;
    let generator = new_generator(&config, device)?;
    load_network("G", &generator.state(), &tensors).with_context(name)?;
    Ok(generator)
}

/// Settings of the residual generator that a state dict belongs to.
fn shape_of(tensors: &StateDict) -> Result<Config> {
    let first = tensors.get("model.1.weight").map(Tensor::size);
    let Some([width, 3, 7, 7]) = first.as_deref() else {
        if tensors.keys().any(|key| key.starts_with("encoder.convs")) {
            bail!(
                "a generator of single-image translation: its file does not say its width; name its run, or give --config"
            );
        }
        let keys: Vec<&str> = tensors.keys().take(3).map(String::as_str).collect();
        bail!(
            "no residual generator: it has no `model.1.weight` [ngf, 3, 7, 7]; its keys start with {}",
            keys.join(", ")
        );
    };
    let blocks: std::collections::BTreeSet<&str> =
        tensors.keys().filter_map(|key| Some(key.split_once(".conv_block.")?.0)).collect();
    let filter = |side: i64| tensors.iter().any(|(key, t)| key.ends_with(".filt") && t.size().last() == Some(&side));
    let text = format!(
        "{{name: file, method: cut, data: {{root: .}}, model: {{ngf: {width}, blocks: {}, antialias: {}, antialias_up: {}}}}}",
        blocks.len(),
        filter(3),
        filter(4)
    );
    let config: Config = serde_yaml::from_str(&text).map_err(|e| anyhow!("{e}"))?;
    ensure!(config.model.generator == GeneratorKind::Resnet && !blocks.is_empty(), "no residual blocks");
    Ok(config)
}
