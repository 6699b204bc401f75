//! Generators that a run of this project has trained.

use crate::config::Config;
use crate::networks::{Generator, new_generator, new_heads};
use crate::published::load_generator;
use anyhow::{Context, Result};
use semrel_loss::patch_sampler::PatchSampler;
use semrel_nn::Net;
use semrel_nn::checkpoint::StateDict;
use semrel_run::Checked;
use semrel_train::Checkpoints;
use semrel_train::average::AVERAGED;
use semrel_train::parts::{PartsState, file_of, load_network};
use std::path::{Path, PathBuf};
use tch::Device;

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
/// A folder that is not a run's, a checkpoint that is not there or damaged, weights that do not fit.
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
    let files = generator_files(&config, &state).with_context(|| format!("{}: it has no generator", path.display()))?;
    let mut weights = StateDict::new();
    for (network, prefix) in &files {
        let file = checkpoints.load_file(step, &file_of(network))?;
        weights.extend(file.into_iter().map(|(key, tensor)| (format!("{prefix}{key}"), tensor)));
    }
    load_network(files[0].0, &generator.state(), &weights).with_context(name)?;
    let heads = match state.adam_steps.contains_key("F") {
        true => {
            let heads = new_heads(&config, &generator)?;
            load_network("F", &heads.state(), &checkpoints.load_file(step, &file_of("F"))?).with_context(name)?;
            Some(heads)
        }
        false => None,
    };
    let file = checkpoints.file(step, &file_of(files[0].0));
    Ok(TrainedRun { config, generator, heads, step, file })
}

/// The networks of a checkpoint that are its generator, each with what its keys begin with there.
fn generator_files(config: &Config, state: &PartsState) -> Option<Vec<(&'static str, &'static str)>> {
    let has = |network: &str| state.adam_steps.contains_key(network);
    let trained = match ["G", "G_A"].into_iter().find(|network| has(network)) {
        Some(network) => vec![(network, "")],
        None if has("gen") => vec![("gen", "gen."), ("enc_c", "enc_c."), ("enc_a", "enc_a.")],
        None => return None,
    };
    Some(if config.train.ema > 0.0 { vec![(AVERAGED, "")] } else { trained })
}
