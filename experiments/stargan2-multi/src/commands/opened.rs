//! Trained translators as commands name them.

use anyhow::{Context, Result, ensure};
use semrel_nn::checkpoint::load_any;
use semrel_run::Checked;
use semrel_train::Checkpoints;
use semrel_train::cli::RunArgs;
use stargan2_multi::config::Config;
use stargan2_multi::data::Data;
use stargan2_multi::networks::Translator;
use stargan2_multi::snapshot::{AVERAGE, domains_of, load_translator};
use std::path::Path;
use tch::Device;

/// A trained translator with what it was trained on.
pub struct TrainedRun {
    pub config: Checked<Config>,
    pub data: Data,
    pub translator: Translator,
    pub step: u64,
}

/// A translator of a run (of its `checkpoint`, or of the file `weights`) with the data of its configuration.
pub fn open_run(run: &RunArgs, weights: Option<&Path>, overrides: &[String], device: Device) -> Result<TrainedRun> {
    let config = config_of(&run.run_dir, overrides)?;
    let data = Data::of_tests(&config)?;
    let (translator, step) = match weights {
        Some(file) => {
            let translator = Translator::new(&config, data.num_domains(), device);
            load_translator(&translator, &load_any(file)?).with_context(|| file.display().to_string())?;
            (translator, 0)
        }
        None => {
            let (translator, domains, step) = at_checkpoint(&config, run, device)?;
            ensure!(
                domains == data.domains,
                "{}: trained on the domains {}, but {} has {}",
                run.run_dir.display(),
                domains.join(", "),
                config.data.root.display(),
                data.domains.join(", ")
            );
            (translator, step)
        }
    };
    Ok(TrainedRun { config, data, translator, step })
}

/// A translator of a run and the names of its domains. The data are opened for a file `weights` alone, which does not name
/// them.
pub fn open_translator(
    run: &RunArgs,
    weights: Option<&Path>,
    device: Device,
) -> Result<(Checked<Config>, Translator, Vec<String>)> {
    if weights.is_some() {
        let TrainedRun { config, data, translator, .. } = open_run(run, weights, &[], device)?;
        return Ok((config, translator, data.domains));
    }
    let config = config_of(&run.run_dir, &[])?;
    let (translator, domains, _) = at_checkpoint(&config, run, device)?;
    Ok((config, translator, domains))
}

fn config_of(run_dir: &Path, overrides: &[String]) -> Result<Checked<Config>> {
    Ok(Checked::of_run(run_dir, overrides)?)
}

/// The averaged networks of a checkpoint, the names of their domains, and its step.
fn at_checkpoint(config: &Config, run: &RunArgs, device: Device) -> Result<(Translator, Vec<String>, u64)> {
    let (checkpoints, step) = Checkpoints::of_run(&run.run_dir, &run.checkpoint)?;
    let path = checkpoints.path(step);
    let domains = domains_of(&checkpoints.load_state(step)?).with_context(|| path.display().to_string())?;
    let translator = Translator::new(config, domains.len() as i64, device);
    let tensors = checkpoints.load_file(step, AVERAGE)?;
    load_translator(&translator, &tensors).with_context(|| path.display().to_string())?;
    Ok((translator, domains, step))
}
